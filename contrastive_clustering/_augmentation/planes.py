"""Which axes of a volume views may rotate, shift and scale, by its sides."""

import itertools

# The sides of a plane in which volumes are rotated differ by at most this factor.
ALIKE = 1.5

# Axes that are shorter than the longest by at least this factor hold a few slices. A
# tenth of them is less than a slice, so they are neither shifted nor scaled.
SHORT = 2.0


def rotation_planes(sides: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the pairs of axes in whose planes a volume may be rotated.

    A rotation of a slab out of its plane would move most of it out of its own field of
    view.

    Parameters
    ----------
    sides : tuple of int
        Sides of a volume.

    Returns
    -------
    planes : list of tuple of int
        All pairs of axes if all sides are alike. Otherwise the pair of the most similar
        sides if they are alike, or none.

    Examples
    --------
    >>> from contrastive_clustering._augmentation.planes import rotation_planes
    >>> rotation_planes((28, 28, 28))
    [(0, 1), (0, 2), (1, 2)]
    >>> rotation_planes((8, 128, 128)), rotation_planes((8, 32, 128))
    ([(1, 2)], [])
    """

    def ratio(plane: tuple[int, int]) -> float:
        first, second = (sides[axis] for axis in plane)
        return max(first, second) / min(first, second)

    planes = [*itertools.combinations(range(len(sides)), 2)]
    if all(ratio(plane) <= ALIKE for plane in planes):
        return planes
    closest = min(planes, key=ratio)
    return [closest] if ratio(closest) <= ALIKE else []


def long_axes(sides: tuple[int, ...]) -> tuple[bool, ...]:
    """Return for each axis whether a volume may be shifted and scaled along it.

    Examples
    --------
    >>> from contrastive_clustering._augmentation.planes import long_axes
    >>> long_axes((28, 28, 28)), long_axes((8, 128, 128))
    ((True, True, True), (False, True, True))
    """
    return tuple(SHORT * side > max(sides) for side in sides)
