"""Quality of the strata of tables and embeddings, compared with simpler methods.

It prints a table of data sets and methods, with the means over seeds of the balanced
accuracy when each stratum is mapped to the most frequent class of its training members,
and of two probes. Data sets whose files are missing in the folder named by the
environment variable CONTRASTIVE_CLUSTERING_DATA are left out; some come with
scikit-learn:

    python benchmarks/tables.py                 # parts of the training set, to choose
    python benchmarks/tables.py --split test    # the test set, to judge
    python benchmarks/tables.py digits wine --methods ours --seeds 0 1

Without `--split test`, each seed holds out another 30 % of the training set, by patient
where patients are known. Each data set is divided into as many strata as classes, and
into ten. Missing values are replaced by the means of the columns.

Methods: k-means, a Gaussian mixture and the consensus on the standardized columns and
on their first 50 principal components; the estimator with its defaults, with a
second phase, without any training, and with the network, the views and the clusterer
that tables had before (docs, "Experiments"). *linear* and *neighbors* are the balanced
accuracies of a logistic regression and of 10 neighbors that learn the classes from the
same representation; they do not depend on the number of strata.
"""

import argparse
import functools
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from quality_methods import is_selected
from quality_sets import DATA_VARIABLE
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_classification,
)
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import (
    GroupShuffleSplit,
    StratifiedShuffleSplit,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import (
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
    TableAugmentation,
)
from contrastive_clustering._networks.backbones import dense_network
from contrastive_clustering.metrics import map_clusters_to_labels

# Besides the number of classes.
N_STRATA = 10

N_COMPONENTS = 50


@dataclass(frozen=True)
class Table:
    """A part to learn from and a part to judge by, with classes."""

    X: np.ndarray
    y: np.ndarray
    X_new: np.ndarray
    y_new: np.ndarray
    groups: np.ndarray | None = None

    def held_out(self, seed: int) -> "Table":
        """Return the first part, divided at random into two."""
        parts: Any
        if self.groups is None:
            parts = StratifiedShuffleSplit(1, test_size=0.3, random_state=seed)
        else:
            parts = GroupShuffleSplit(1, test_size=0.3, random_state=seed)
        rows, new = next(parts.split(self.X, self.y, self.groups))
        return Table(self.X[rows], self.y[rows], self.X[new], self.y[new])


def from_arrays(data: tuple[np.ndarray, np.ndarray]) -> Table:
    X, y = data
    X, X_new, y, y_new = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=0
    )
    return Table(X, y, X_new, y_new)


def from_file(
    folder: Path,
    file: str,
    *columns: str,
    label: str = "labels",
    groups: str | None = None,
) -> Table:
    """Read the columns of both splits of a file and replace missing values."""
    with np.load(folder / file, allow_pickle=False) as data:
        X, X_new = (
            np.hstack([data[f"{split}_{name}"] for name in columns]).astype(np.float64)
            for split in ("train", "test")
        )
        y, y_new = (data[f"{split}_{label}"].ravel() for split in ("train", "test"))
        patients = None if groups is None else data[f"train_{groups}"]
    imputer = SimpleImputer().fit(X)
    return Table(imputer.transform(X), y, imputer.transform(X_new), y_new, patients)


ULTRASOUND = "ultrasound_sites_features.npz"
MR = "mr_radiomics_sites.npz"
LUNG = "lung_radiomics_survival.npz"
by_patient = functools.partial(from_file, groups="patient")


def overlapping_classes() -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(
        1200,
        40,
        n_informative=10,
        n_redundant=10,
        n_classes=4,
        n_clusters_per_class=1,
        class_sep=1.5,
        random_state=0,
    )
    return X, y


def blobs() -> tuple[np.ndarray, np.ndarray]:
    X, y = make_blobs(1200, 30, centers=6, cluster_std=6, random_state=0)[:2]
    return X, y


# Each reads a data set from the folder of the files.
SETS: dict[str, Callable[[Path], Table]] = {
    "digits": lambda _: from_arrays(load_digits(return_X_y=True)),
    "breast_cancer": lambda _: from_arrays(load_breast_cancer(return_X_y=True)),
    "wine": lambda _: from_arrays(load_wine(return_X_y=True)),
    "ultrasound-convnext": lambda f: by_patient(f, ULTRASOUND, "convnext_base"),
    "ultrasound-swin": lambda f: by_patient(f, ULTRASOUND, "swin_v2_s"),
    "ultrasound-texture": lambda f: by_patient(f, ULTRASOUND, "glcm", "intensity"),
    "lung-radiomics": lambda f: from_file(f, LUNG, "features"),
    "mr-radiomics": lambda f: from_file(f, MR, "features"),
    "mr-radiomics-site": lambda f: from_file(f, MR, "features", label="site"),
    "iris": lambda _: from_arrays(load_iris(return_X_y=True)),
    "overlapping": lambda _: from_arrays(overlapping_classes()),
    "blobs": lambda _: from_arrays(blobs()),
}

# A function of the number of strata and a seed.
Method = Callable[[int, int], BaseEstimator]


def on_columns(make: Method, n_clusters: int, seed: int) -> BaseEstimator:
    return make_pipeline(StandardScaler(), make(n_clusters, seed))


def on_components(make: Method, n_clusters: int, seed: int) -> BaseEstimator:
    pca = PCA(N_COMPONENTS, random_state=seed)
    return make_pipeline(StandardScaler(), pca, make(n_clusters, seed))


def kmeans(n_clusters: int, seed: int) -> BaseEstimator:
    return KMeans(n_clusters, n_init=10, random_state=seed)


def mixture(n_clusters: int, seed: int) -> BaseEstimator:
    return GaussianMixture(n_clusters, random_state=seed)


def consensus(n_clusters: int, seed: int) -> BaseEstimator:
    return ConsensusClustering(n_clusters, n_members=64, random_state=seed)


def consensus_for_tables(n_clusters: int, seed: int) -> BaseEstimator:
    return ConsensusClustering(
        n_clusters,
        n_members=64,
        cosine_fraction=0.5,
        kmeans_fraction=1 / 3,
        random_state=seed,
    )


def ours(parameters: dict[str, Any], n_clusters: int, seed: int) -> BaseEstimator:
    return ContrastiveAutoencoderClusterer(n_clusters, random_state=seed, **parameters)


BEFORE = {
    "encoder": lambda shape, n: dense_network(shape[0], n, width=128),
    "augmentation": TableAugmentation(dropout=0.1),
    "clusterer": ConsensusClustering(n_members=64, cosine_fraction=0.5),
    "refinement_epochs": 8,
}

METHODS: dict[str, Method] = {
    "k-means": functools.partial(on_columns, kmeans),
    "k-means, 50 PCs": functools.partial(on_components, kmeans),
    "mixture": functools.partial(on_columns, mixture),
    "mixture, 50 PCs": functools.partial(on_components, mixture),
    "consensus": functools.partial(on_columns, consensus),
    "consensus for tables": functools.partial(on_columns, consensus_for_tables),
    "consensus for tables, 50 PCs": functools.partial(
        on_components, consensus_for_tables
    ),
    "ours, defaults": functools.partial(ours, {}),
    "ours, with second phase": functools.partial(ours, {"refinement_epochs": 8}),
    "ours, without training": functools.partial(ours, {"max_epochs": 0}),
    "ours, as before": functools.partial(ours, BEFORE),
    "ours, as before, without second phase": functools.partial(
        ours, {**BEFORE, "refinement_epochs": 0}
    ),
}


def represent(fitted: Any, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return what the clusterer saw (columns, components or latents) at one scale."""
    is_ours = isinstance(fitted, ContrastiveAutoencoderClusterer)
    transformer = fitted if is_ours else fitted[:-1]
    learned = transformer.transform(table.X)
    size = np.sqrt(learned.var(axis=0).mean())
    return learned / size, transformer.transform(table.X_new) / size


def measure(method: Method, table: Table, n_clusters: int, seed: int) -> dict[str, Any]:
    """Return the metrics of one run."""
    start = time.process_time()
    fitted: Any = method(n_clusters, seed)
    labels = fitted.fit_predict(table.X)
    new = fitted.predict(table.X_new)
    seconds = time.process_time() - start
    parts = represent(fitted, table)
    linear = LogisticRegression(max_iter=1000)
    neighbors = KNeighborsClassifier(10)
    return {
        "train": balanced(table.y, map_clusters_to_labels(table.y, labels, labels)),
        "new": balanced(table.y_new, map_clusters_to_labels(table.y, labels, new)),
        **{
            name: balanced(table.y_new, probe.fit(parts[0], table.y).predict(parts[1]))
            for name, probe in (("linear", linear), ("neighbors", neighbors))
        },
        "seconds": seconds,
    }


def balanced(y: np.ndarray, predicted: np.ndarray) -> float:
    return float(balanced_accuracy_score(y, predicted))


def run(arguments: argparse.Namespace, name: str, table: Table) -> None:
    """Measure the selected methods on a data set and print a row for each."""
    n_classes = len(np.unique(table.y))
    for n_clusters in sorted({n_classes, N_STRATA}):
        print(f"\n{name}, {n_clusters} strata")
        for method_name, method in METHODS.items():
            if not is_selected(method_name, arguments.methods):
                continue
            if "PCs" in method_name and min(table.X.shape) * 0.7 <= N_COMPONENTS:
                continue
            records = []
            for seed in arguments.seeds:
                part = table if arguments.split == "test" else table.held_out(seed)
                records.append(measure(method, part, n_clusters, seed))
            means = {key: np.mean([r[key] for r in records]) for key in records[0]}
            row = "  ".join(f"{key} {value:.3f}" for key, value in means.items())
            print(f"  {method_name:38s}{row}", flush=True)
            if arguments.json is not None:
                common = {"set": name, "strata": n_clusters, "method": method_name}
                with arguments.json.open("a") as file:
                    for seed, record in zip(arguments.seeds, records, strict=True):
                        file.write(
                            json.dumps({**common, "seed": seed, **record}) + "\n"
                        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(SETS)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", metavar="WORD")
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--json", type=Path, metavar="FILE", help="append each run")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(SETS)
    if unknown:
        parser.error(
            f"unknown data set {min(unknown)!r}; choose from {', '.join(SETS)}"
        )
    folder = Path(os.environ.get(DATA_VARIABLE, "."))
    # Probes of heavy-tailed columns may need more steps, which changes little.
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name in arguments.names or SETS:
        try:
            table = SETS[name](folder)
        except FileNotFoundError as error:
            print(f"\n{name} is left out: {error}")
            continue
        run(arguments, name, table)


if __name__ == "__main__":
    main()
