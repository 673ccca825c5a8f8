"""The order of the gallery: from the first fit to custom components."""

import os

READING_ORDER = (
    "plot_quickstart.py",
    "plot_pneumonia.py",
    "plot_supervised_baseline.py",
    "plot_number_and_stability.py",
    "plot_hierarchy_and_interpolation.py",
    "plot_regions.py",
    "plot_patients.py",
    "plot_hospitals.py",
    "plot_survival.py",
    "plot_atypical.py",
    "plot_generated_augmentation.py",
    "plot_pipeline_and_search.py",
    "plot_cells.py",
    "plot_volumes.py",
    "plot_table.py",
    "plot_dicom.py",
    "plot_custom_network.py",
)


class ReadingOrder:
    """Sort key of sphinx-gallery for examples; new ones come last."""

    def __init__(self, src_dir: str | os.PathLike[str]) -> None:
        self.src_dir = src_dir

    def __call__(self, filename: str | os.PathLike[str]) -> tuple[int, str]:
        """Return the index of an example, and its name."""
        name = os.path.basename(filename)  # noqa: PTH119  # strings and paths alike
        known = name in READING_ORDER
        return READING_ORDER.index(name) if known else len(READING_ORDER), name
