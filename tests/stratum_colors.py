"""Colors of strata in plots."""

from matplotlib.colors import to_hex

from contrastive_clustering._display.drawing.palette import group_color


def colors_of(strata):
    """Return the colors that strata must have in every plot."""
    return [group_color(int(stratum)) for stratum in strata]


def tick_colors(axis):
    """Return the colors of the visible ticks of an axis."""
    ticks = [tick.tick1line for tick in axis.get_major_ticks()]
    return [to_hex(line.get_markeredgecolor()) for line in ticks if line.get_visible()]
