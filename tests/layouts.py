"""A layout for each kind of samples, by the name of its augmentation preset."""

from contrastive_clustering._data.layout import read_layout

LAYOUTS = {
    "table": read_layout((9, 5)),
    "gray": read_layout((9, 8, 8)),
    "rgb": read_layout((9, 8, 8, 3)),
    "volume": read_layout((9, 8, 8, 8)),
}
