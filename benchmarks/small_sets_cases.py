"""The cases of `small_sets.py`: few images, a rare class, dark images, a small site."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from small_sets_runs import DARK, RARE, SITE, SIZE
from small_sets_samples import (
    ULTRASOUND,
    Sample,
    darken,
    darken_as_float,
    draw_all_changed,
    draw_changed,
    draw_few,
    draw_hospitals,
    draw_unequal,
    rescan,
)


@dataclass(frozen=True)
class Case:
    """Training sets of a kind, of which a seed draws one.

    `n` is the number of images, and `share` the fraction of them that is rare, dark or
    of the small site; None if there is no such fraction. `draw` takes the folder of the
    files and a seed.
    """

    kind: str
    data: str
    change: str
    n: int
    share: float | None
    strata: tuple[int, ...]
    draw: Callable[[Path, int], Sample]

    @property
    def name(self) -> str:
        share = "" if self.share is None else f"{self.share:.0%} of "
        words = (self.kind, self.data, self.change, f"{share}{self.n} images")
        return " ".join(word for word in words if word)


FEW, SOME, MANY = 100, 300, 1000

# Training sets of different seeds should share few images. Digits have 1,011 images to
# learn from, retina 900 and ultrasound 427.
SIZES = {
    "pneumoniamnist": (FEW, SOME, MANY),
    "bloodcells": (FEW, SOME, MANY),
    "digits": (FEW, SOME),
    "retinamnist": (FEW, SOME),
    ULTRASOUND: (FEW, SOME),
}

# Names of a set and of a pair, and the frequent and the rare class.
PAIRS = (
    ("mnist", "9 among 4", (4, 9)),
    ("mnist", "1 among 0", (0, 1)),
    ("pneumoniamnist", "pneumonia among normal", (0, 1)),
    ("bloodcells", "white among red cells", (0, 1)),
)
RARE_SHARES = (0.5, 0.1, 0.05, 0.01)
# There are only 238 white cells.
LARGEST_SHARES = {"bloodcells": 0.1}

DARK_SETS = ("pneumoniamnist", "bloodcells")
DARK_SHARES = (0.05, 0.5)
DARK_FACTORS = (0.7, 0.3)
VERY_DARK = 0.1

SCANNED_SETS = ("pneumoniamnist", "mnist")
LOOKS = ("gain", "blur")
SITE_SHARE = 0.05
# Without one hospital, at least 272 ultrasound images are left to learn from.
N_OF_HOSPITALS = 280


def size_cases() -> Iterator[Case]:
    for name, numbers in SIZES.items():
        for n in numbers:
            draw = functools.partial(draw_few, name=name, n=n)
            # Fewer strata may be an answer to few images.
            yield Case(SIZE, name, "", n, None, (10, 4) if n <= SOME else (10,), draw)


def rare_cases() -> Iterator[Case]:
    for name, pair, classes in PAIRS:
        for n in (MANY, SOME):
            for share in RARE_SHARES:
                if share <= LARGEST_SHARES.get(name, 1):
                    draw = functools.partial(
                        draw_unequal, name=name, classes=classes, n=n, share=share
                    )
                    yield Case(RARE, name, pair, n, share, (2, 10, 20), draw)


def dark_cases() -> Iterator[Case]:
    n, strata = SOME, (10, 2)
    for name in DARK_SETS:
        for factor in DARK_FACTORS:
            change = functools.partial(darken, factor)
            for share in DARK_SHARES:
                draw = functools.partial(
                    draw_changed, name=name, change=change, n=n, share=share
                )
                yield Case(DARK, name, f"x {factor}", n, share, strata, draw)
        for dtype, function in (("uint8", darken), ("float32", darken_as_float)):
            change = functools.partial(function, VERY_DARK)
            draw = functools.partial(draw_all_changed, name=name, change=change, n=n)
            yield Case(DARK, name, f"x {VERY_DARK}, {dtype}", n, 1.0, strata, draw)


def site_cases() -> Iterator[Case]:
    share, strata = SITE_SHARE, (10,)
    for name in SCANNED_SETS:
        for n in (SOME, MANY):
            for look in LOOKS:
                change = functools.partial(rescan, look)
                draw = functools.partial(
                    draw_changed, name=name, change=change, n=n, share=share
                )
                yield Case(SITE, name, look, n, share, strata, draw)
    n = N_OF_HOSPITALS
    draw = functools.partial(draw_hospitals, n=n, share=share)
    yield Case(SITE, ULTRASOUND, "hospital", n, share, strata, draw)


CASES = (*size_cases(), *rare_cases(), *dark_cases(), *site_cases())
