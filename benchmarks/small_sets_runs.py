"""The data file of `small_sets.py`, one row a run.

The guide draws its tables from ``small_sets.csv`` in this folder. This module needs
nothing but Python to read it.
"""

from pathlib import Path

from quality_runs import MACHINE, Layout

COMMITTED = Path(__file__).with_name("small_sets.csv")

SIZE, RARE, DARK, SITE = "size", "rare", "dark", "site"

# Methods that the tables distinguish, beside our defaults.
WITH_SITE = "ours, nuisance"
KMEANS = "k-means on components"
MIXTURE = "Gaussian mixture on components"

# The columns that identify a run. `n` is the number of training images and `share` the
# fraction of them that is marked: of the rare class, dark, or of the small site.
# `package` is our version.
KEY = ("case", "data", "change", "n", "share", "strata", "method", "seed", "package")

METRICS = (
    "balanced",
    "balanced_se",
    "balanced_marked",
    "neighbors_balanced",
    "agreement",
    "marked_strata",
    "recall",
    "precision",
    "class_ami",
    "mark_ami",
)

INTEGERS = frozenset({"n", "strata", "seed", "marked_strata", "n_judged", "threads"})
NUMBERS = frozenset({*METRICS, "share", "seconds"}) - INTEGERS

LAYOUT = Layout(
    (*KEY[:-1], "n_judged", *METRICS, "seconds", *MACHINE), KEY, INTEGERS, NUMBERS
)
