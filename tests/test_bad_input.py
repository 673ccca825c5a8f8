"""Any input gives a documented result, or an error that names the problem.

A case is a call with its expected properties; each subject below is a strategy of
cases. The fast suite tries a few of each subject, the slow suite thousands.
"""

import contextlib
import copy
import functools
import inspect
import math
import pickle
import re
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from medmnist.info import INFO
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochTimer
from strategies import ORDINARY, arrays, mostly, oddities, samples

import contrastive_clustering
from contrastive_clustering import (
    ClusterNumberSearch,
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    PrototypeRefinement,
    RGBImageAugmentation,
    SelfTrainingRefinement,
    TableAugmentation,
    VolumeAugmentation,
    cluster_stability,
    clustering_report,
    evaluate_clustering,
    metrics,
    nt_xent,
)
from contrastive_clustering._clustering.latent_clustering import fit_clustering
from contrastive_clustering._report import report as _report
from contrastive_clustering._training.net_params import is_net_parameter
from contrastive_clustering.datasets import fetch_medmnist, load_medmnist_file

FAST_EXAMPLES = 20


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Work in a temporary folder with a few files."""
    monkeypatch.delenv("CONTRASTIVE_CLUSTERING_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    images, labels = np.zeros((3, 8, 8), np.uint8), np.zeros((3, 1), np.uint8)
    for name in ("own.npz", "other.npz"):
        parts = {f"{split}_images": images for split in ("train", "val", "test")}
        np.savez(
            name, **parts, train_labels=labels, val_labels=labels, test_labels=labels
        )
    np.savez("long.npz", train_images=images, train_labels=np.zeros((4, 1)))
    np.savez("no_axes.npz", train_images=np.float64(3), train_labels=labels)
    sizes = INFO["breastmnist"]["n_samples"].items()
    arrays_of = {f"{split}_images": np.zeros((n, 28, 28), "u1") for split, n in sizes}
    labels_of = {f"{split}_labels": np.zeros((n, 1), "u1") for split, n in sizes}
    np.savez_compressed("breastmnist.npz", **arrays_of, **labels_of)


@dataclass
class Case:
    """A call, names of which an error must contain one, and a check of the result.

    The call must not change `inputs`. If it is rejected, it must not change the
    attributes of `kept`.
    """

    call: Callable[[], Any]
    names: list[str]
    check: Callable[[Any], Any]
    inputs: tuple[Any, ...] = ()
    kept: Any = None
    other_errors: tuple[type[Exception], ...] = ()
    may_warn: tuple[type[Warning], ...] = ()


def fingerprint(given_input):
    """Return everything of an input that must not change: values, memory and flags."""
    if isinstance(given_input, np.ma.MaskedArray):  # printing it changes its pickle
        return given_input.data.tobytes(), np.ma.getmaskarray(given_input).tobytes()
    if isinstance(given_input, np.ndarray):
        owner = given_input
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        layout = (given_input.strides, given_input.flags.writeable)
        return owner.tobytes(), layout, pickle.dumps(given_input)
    # The pickles of these objects also contain caches.
    if scipy.sparse.issparse(given_input):
        return given_input.toarray().tobytes()
    if isinstance(given_input, pd.DataFrame | pd.Series):
        return repr(given_input), repr(given_input.to_numpy().tolist())
    if isinstance(given_input, torch.Tensor):
        return given_input._version, given_input.requires_grad, repr(given_input)
    with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
        return pickle.dumps(given_input)
    return repr(given_input)


PACKAGE = Path(contrastive_clustering.__file__).parent

# Parts of scikit-learn's messages about invalid arrays.
ABOUT_THE_ARRAY = ["Found array with", "Expected 2D array", "[Ff]eature names"]


def check_error(error, names):
    """Check that an error was raised on purpose and names the problem."""
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    assert Path(last).is_relative_to(PACKAGE) or re.search(
        r"/sklearn/|/narwhals/", last
    ), last
    words = "|".join([*(rf"\b{name}\b" for name in names), *ABOUT_THE_ARRAY])
    assert re.search(words, str(error)), error


def judge(case):
    """Make the call, check its outcome, and return "accepted" or "rejected"."""
    before = [fingerprint(given_input) for given_input in case.inputs]
    attributes = dict(vars(case.kept)) if case.kept is not None else {}
    try:
        with warnings.catch_warnings():
            for category in (ConvergenceWarning, *case.may_warn):
                warnings.simplefilter("ignore", category)
            warnings.filterwarnings("ignore", "X has feature names, but")
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            warnings.filterwarnings("ignore", ".* of X are exact copies of others")
            result = case.call()
    except (ValueError, TypeError, *case.other_errors) as error:
        if not isinstance(error, case.other_errors):
            check_error(error, case.names)
        if case.kept is not None:
            after = vars(case.kept)
            assert after.keys() == attributes.keys()
            assert all(after[name] is attributes[name] for name in after)
        outcome = "rejected"
    else:
        case.check(result)
        outcome = "accepted"
    assert [fingerprint(given_input) for given_input in case.inputs] == before
    return outcome


def names_of(function):
    return list(inspect.signature(function).parameters)


def are_numbers(result, shape, kinds="f"):
    assert isinstance(result, np.ndarray)
    assert result.shape == shape
    assert result.dtype.kind in kinds
    assert np.isfinite(result).all()


def are_strata(labels, n, n_clusters):
    are_numbers(labels, (n,), "i")
    assert -1 <= labels.min() <= labels.max() < n_clusters


def are_proba(proba, n, n_clusters):
    are_numbers(proba, (n, n_clusters))
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)


def is_between(value, low, high):
    assert isinstance(value, float)
    assert low - 1e-9 <= value <= high + 1e-9


COUNTS = [0, -1, 3, True, 2.0, np.int8(1), np.uint64(1), 2**31, 2**63]


@functools.cache
def mostly_valid(*usual):
    """Return a strategy of mostly valid values of a parameter."""
    return mostly(st.sampled_from(usual), st.sampled_from(COUNTS), oddities())


@functools.cache
def tables(*shapes):
    """Return a strategy of mostly tables of ordinary numbers."""
    return mostly(
        arrays(st.just(shapes[0]), dtypes=["f8"], values=ORDINARY),
        samples(st.sampled_from(shapes)),
    )


# --- training ------------------------------------------------------------------------

FAST = {
    "n_clusters": 2,
    "clusterer": "kmeans",
    "latent_dim": 2,
    "max_epochs": 1,
    "refinement_epochs": 0,
    "random_state": 0,
}

KINDS = {"table": (3,), "images": (8, 8), "flat": (64,)}


@functools.cache
def training_set(kind):
    rng = np.random.default_rng(0)
    if kind == "table":
        return rng.normal(size=(12, 3)) + 5 * (np.arange(12) < 6)[:, None]
    images = rng.integers(0, 60, size=(12, 8, 8), dtype=np.uint8)
    images[:6, :4] += 180
    return images.reshape(12, *KINDS[kind])


def is_fitted(clusterer, n):
    n_clusters = clusterer.n_clusters_
    are_strata(clusterer.labels_, n, n_clusters)
    are_numbers(clusterer.cluster_centers_, (n_clusters, clusterer.latent_dim))
    are_numbers(clusterer.linkage_, (n_clusters - 1, 4))


TRAINED_ON = samples(st.sampled_from([(8, 3), (5, 1), (8, 8, 8), (6, 8, 9, 3)]))


@st.composite
def fits(draw):
    X = draw(TRAINED_ON)
    method = draw(
        st.sampled_from(["fit", "partial_fit", "fit_predict", "fit_transform"])
    )
    clusterer = ContrastiveAutoencoderClusterer(**FAST)
    if draw(st.booleans()):
        clusterer = copy.copy(fitted("table")).set_params(warm_start=True)

    def check(result):
        if method == "fit_predict":
            assert result is clusterer.labels_
        elif method == "fit_transform":
            are_numbers(result, (len(X), 2))
        else:
            assert result is clusterer
        is_fitted(clusterer, len(X))

    return Case(
        lambda: getattr(clusterer, method)(X),
        ["X", "channel_axis", "Samples of shape", "Training diverged"],
        check,
        inputs=(X,),
        kept=clusterer,
    )


def make_encoder(sample_shape, n_outputs):
    n_inputs = math.prod(sample_shape)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(n_inputs, n_outputs))


def make_decoder(sample_shape, latent_dim):
    n_outputs = math.prod(sample_shape)
    return torch.nn.Sequential(
        torch.nn.Linear(latent_dim, n_outputs), torch.nn.Unflatten(1, sample_shape)
    )


PARAMETERS = {
    "n_clusters": [1, 2, 3, np.int64(2), "auto", ClusterNumberSearch(max_clusters=3)],
    "clusterer": [
        "kmeans",
        "gaussian_mixture",
        ConsensusClustering(n_members=2),
        DBSCAN(),
        AgglomerativeClustering(),
        GaussianMixture(covariance_type="diag", reg_covar=1e-2),
    ],
    "whiten": [False, True, np.True_],
    "normalize": [False, True],
    "latent_dim": [2, 1, 3, np.int32(4)],
    "encoder": [None, make_encoder],
    "decoder": [None, make_decoder],
    "temperature": [0.5, 1, np.float32(0.1), 1e-3, 1e3],
    "reconstruction_weight": [0.1, 0, 1, 1e6],
    "augmentation": [
        "auto",
        None,
        "table",
        "gray",
        "rgb",
        "volume",
        torch.clone,
        TableAugmentation(noise=0.0),
    ],
    "image_shape": [None, (8, 8), [8, 8, 1], np.array([4, 16]), (1, 8, 8)],
    "channel_axis": ["auto", None, 1, -1, 2, 3],
    "max_epochs": [1, 0, 2],
    "refinement": [
        "prototypes",
        PrototypeRefinement(momentum=0.0),
        SelfTrainingRefinement(n_prototypes=2, n_neighbors=30, target_momentum=0.0),
    ],
    "refinement_epochs": [0, 0, 0, 1],
    "kl_weight": [0.0, 1e-3, 1, 100],
    "nuisance_removal": ["both", "negatives", "erasure", None],
    "criterion__kl_warm_up": [0.3, 0, 1],
    "batch_size": [256, 2, 3, 10**9],
    "optimizer": [torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop],
    "lr": [3e-3, 1, np.float32(1e-4), 1e-12],
    "optimizer__weight_decay": [1e-4, 0, 1],
    "early_stopping": [False, True],
    "validation_fraction": [0.1, 0.5, 0.25],
    "callbacks": [None, [], (), [EpochTimer()], [("mine", Callback)], [Callback]],
    "warm_start": [False, True],
    "precision": ["32", "bf16-mixed", "16-mixed"],
    # Compilation takes too long here; other tests cover it.
    "compile": [False],
    "checkpoint_dir": [None, "checkpoints", Path("deep/er")],
    "iterator_train__num_workers": [0, 0, 0, 1],
    "store_examples": [False, True],
    "device": ["auto", "cpu", torch.device("cpu")],
    "random_state": [0, None, np.int64(3)],
    "verbose": [0, False],
}

# Values that are nearly valid for some parameter.
NEAR_MISSES = [
    *(-0.5, 1.5, 1e300, 1e-300, np.longdouble(0.5), 2**32, 10**12, "auto ", "AUTO"),
    *("cuda:99", "cpu:7", "meta", "sparse", "mps", "xla", (8, "8"), (8, -8), (0, 8)),
    *((8.0, 8.0), (True, 64), (2**40, 2**40), ((8, 8),), [3], [None], ["timer"]),
    *([("a", 3)], [(1, Callback())], [EpochTimer, EpochTimer], [("a", Callback())] * 2),
    *(KMeans, KMeans(n_init=-1), DBSCAN(eps=1e-9), StandardScaler(), torch.sum),
    *(
        PrototypeRefinement,
        SelfTrainingRefinement(target_momentum=2),
        ClusterNumberSearch,
    ),
    *(torch.optim.Optimizer, torch.optim.SparseAdam, torch.optim.LBFGS, torch.Tensor),
    *(torch.optim.Muon, GrayImageAugmentation, RGBImageAugmentation(blur=30)),
]


# Names in messages about clusterers, presets, images that are too small and divergence.
OTHER_NAMES = ["KMeans", "blur", "Samples of shape", "Training diverged"]

USUAL = {name: st.sampled_from(values) for name, values in PARAMETERS.items()}
ODD = st.one_of(st.sampled_from(NEAR_MISSES), st.sampled_from(COUNTS), oddities())


@st.composite
def parameters(draw):
    odd = draw(st.sampled_from(list(PARAMETERS)))
    value = draw(st.one_of(USUAL[odd], ODD))
    others = {
        name: draw(USUAL[name])
        for name in draw(st.lists(st.sampled_from(list(PARAMETERS)), max_size=4))
    }
    chosen = {**FAST, **others, odd: value}
    if draw(st.booleans()):
        clusterer = ContrastiveAutoencoderClusterer().set_params(**chosen)
    else:
        clusterer = ContrastiveAutoencoderClusterer(**chosen)
    X = training_set(draw(st.sampled_from(list(KINDS))))
    return Case(
        lambda: clusterer.fit(X),
        [odd, *others, *OTHER_NAMES],
        lambda result: is_fitted(result, len(X)),
        inputs=(X,),
        kept=clusterer,
    )


REFINEMENTS = {
    PrototypeRefinement: {"temperature": (0.1, 1), "momentum": (0, 0.9)},
    SelfTrainingRefinement: {
        "temperature": (0.1, 10),
        "sharpening": (1, 2.0, 0.5),
        "target_momentum": (0, 0.5),
        "n_prototypes": (1, 2, 20),
        "n_neighbors": (0, 2, 100),
        "weight_interpolation": (0.5, 1),
    },
}


@st.composite
def refinements(draw):
    kind = draw(st.sampled_from(list(REFINEMENTS)))
    name = draw(st.sampled_from(list(REFINEMENTS[kind])))
    value = draw(st.one_of(st.sampled_from(REFINEMENTS[kind][name]), ODD))
    X = training_set("table")
    clusterer = ContrastiveAutoencoderClusterer(
        **FAST | {"refinement": kind(**{name: value}), "refinement_epochs": 1}
    )
    return Case(
        lambda: clusterer.fit(X),
        [name, "Training diverged"],
        lambda result: is_fitted(result, len(X)),
        kept=clusterer,
    )


def test_every_parameter_is_tried():
    tried = {name for name in PARAMETERS if not is_net_parameter(name)}
    assert tried == ContrastiveAutoencoderClusterer().get_params().keys()


# --- the fitted estimator ------------------------------------------------------------


@functools.cache
def fitted(kind):
    """Return an estimator that no case may modify; images have no second phase."""
    chosen = {"image_shape": (8, 8)} if kind == "flat" else {}
    n_epochs = 0 if kind == "images" else 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return ContrastiveAutoencoderClusterer(
            **FAST | chosen | {"refinement_epochs": n_epochs}
        ).fit(training_set(kind))


kinds = st.sampled_from(list(KINDS))


@functools.cache
def seen(kind):
    return samples(st.sampled_from([(n, *KINDS[kind]) for n in (4, 1, 9)]))


PREDICTIONS = {
    "predict": lambda y, n: are_strata(y, n, 2),
    "predict_proba": lambda y, n: are_proba(y, n, 2),
    "transform": lambda y, n: are_numbers(y, (n, 2)),
    "score": lambda y, n: is_between(y, -1, 1),
    "score_samples": lambda y, n: are_numbers(y, (n,)),
}


@st.composite
def predictions(draw):
    kind = draw(kinds)
    method = draw(st.sampled_from(list(PREDICTIONS)))
    clusterer, X = fitted(kind), draw(seen(kind))
    return Case(
        lambda: getattr(clusterer, method)(X),
        ["X"],
        lambda result: PREDICTIONS[method](result, len(X)),
        inputs=(X,),
        kept=clusterer,
    )


LATENTS = samples(st.sampled_from([(4, 2), (1, 2)]))


@st.composite
def decodings(draw):
    kind = draw(kinds)
    clusterer, Z = fitted(kind), draw(LATENTS)
    return Case(
        lambda: clusterer.inverse_transform(Z),
        ["X"],
        lambda X: are_numbers(X, (len(Z), *KINDS[kind])),
        inputs=(Z,),
        kept=clusterer,
    )


@st.composite
def generations(draw):
    kind = draw(kinds)
    clusterer = fitted(kind)
    arguments = {
        "n_samples": draw(mostly_valid(1, 2, 5)),
        "stratum": draw(mostly_valid(None, 0, 1)),
        "random_state": draw(mostly_valid(0, None)),
    }

    def check(result):
        X, labels = result
        are_numbers(X, (arguments["n_samples"], *KINDS[kind]))
        are_strata(labels, arguments["n_samples"], 2)

    return Case(
        lambda: clusterer.sample(**arguments),
        list(arguments),
        check,
        kept=clusterer,
        may_warn=(UserWarning,),  # about samples of other strata
    )


@functools.cache
def ends(kind):
    shapes = st.sampled_from([KINDS[kind], (1, *KINDS[kind])])
    return st.one_of(samples(shapes), mostly_valid(0, 1))


@st.composite
def interpolations(draw):
    kind = draw(kinds)
    clusterer = fitted(kind)
    x_a, x_b, n_steps = draw(ends(kind)), draw(ends(kind)), draw(mostly_valid(2, 3))
    return Case(
        lambda: clusterer.interpolate(x_a, x_b, n_steps=n_steps),
        ["x_a", "x_b", "n_steps"],
        lambda X: are_numbers(X, (n_steps, *KINDS[kind])),
        inputs=(x_a, x_b),
        kept=clusterer,
    )


@st.composite
def coarsenings(draw):
    clusterer = fitted("table")
    n_clusters = draw(mostly_valid(1, 2))
    X = draw(st.one_of(st.none(), seen("table")))
    return Case(
        lambda: clusterer.labels_at(n_clusters, X),
        ["n_clusters", "X"],
        lambda labels: are_strata(labels, 12 if X is None else len(X), n_clusters),
        inputs=(X,),
        kept=clusterer,
    )


# --- latents -------------------------------------------------------------------------

CONSENSUS = {
    "n_clusters": (2, 1, 3),
    "n_members": (2, 1, 3),
    "cosine_fraction": (0.0, 1, 0.5, 0.3),
    "kmeans_fraction": (0.0, 1, 0.5, 0.3),
    "n_neighbors": (15, 1, 10**6),
    "max_samples": (10_000, 2, 5, 10**9),
    "random_state": (0, None),
}


@st.composite
def consensuses(draw):
    chosen = {"n_clusters": 2, "n_members": 2}
    if draw(st.booleans()):
        name = draw(st.sampled_from(list(CONSENSUS)))
        chosen[name] = draw(mostly_valid(*CONSENSUS[name]))
    clusterer = ConsensusClustering(**chosen)
    X, new = draw(tables((8, 3), (12, 1), (1, 2))), draw(tables((4, 3), (8, 1)))
    method = draw(st.sampled_from(["fit", "predict", "predict_proba"]))

    def call():
        clusterer.fit(X)
        return None if method == "fit" else getattr(clusterer, method)(new)

    def check(result):
        are_strata(clusterer.labels_, len(X), clusterer.n_clusters)
        if method == "predict":
            are_strata(result, len(new), clusterer.n_clusters)
        if method == "predict_proba":
            are_proba(result, len(new), clusterer.n_clusters)

    return Case(call, ["X", *CONSENSUS], check, inputs=(X, new))


@st.composite
def searches(draw):
    arguments = {
        "criterion": draw(mostly_valid("silhouette", "stability", "bic", "elbow")),
        "min_clusters": draw(mostly_valid(2, 2, 2, 3)),
        "max_clusters": draw(mostly_valid(3, 3, 3, 2, 10**9)),
        "n_jobs": draw(st.sampled_from([None, None, None, 1, 1, 0, 1.5, "all"])),
    }
    latents = draw(tables((9, 2), (4, 1), (2, 2)))
    fit = functools.partial(
        fit_clustering, clusterer="kmeans", whiten=False, normalize=False, seed=0
    )

    def check(result):
        assert result.n_clusters in result.candidates
        are_numbers(result.scores, result.candidates.shape)

    return Case(
        lambda: ClusterNumberSearch(**arguments)._search(latents, fit, seed=0),
        [*arguments, "latents"],
        check,
        inputs=(latents,),
    )


# --- evaluation ---------------------------------------------------------------------

# Parts of scikit-learn's messages about arrays that do not contain numbers.
BY_OTHERS = ["NaN", "infinity", "with a sequence", "[Cc]ast", "string", "real number"]
BY_OTHERS += ["Complex", "2-dimensional container", "unique column names"]

RESAMPLED = mostly(
    st.just(KMeans(2, n_init=1)),
    st.sampled_from([DBSCAN(), GaussianMixture(2), KMeans(0), StandardScaler()]),
    st.sampled_from([ContrastiveAutoencoderClusterer(**FAST), KMeans]),
    oddities(),
)
RESAMPLING = mostly(
    st.just({}),
    st.fixed_dictionaries({"n_resamples": mostly_valid(2, 3)}),
    st.fixed_dictionaries({"sample_fraction": mostly_valid(0.8, 0.5)}),
    st.fixed_dictionaries({"n_jobs": st.sampled_from([None, 1, 0.5, "all"])}),
    st.fixed_dictionaries({"random_state": mostly_valid(0, None)}),
    st.fixed_dictionaries({"verbose": mostly_valid(0, False)}),
)


@st.composite
def stabilities(draw):
    estimator, X = draw(RESAMPLED), draw(tables((9, 3), (9, 8, 8), (2, 3)))
    arguments = {"n_resamples": 2} | draw(RESAMPLING)

    def check(result):
        are_numbers(result.labels, (len(X),), "iu")
        are_numbers(result.jaccard, (len(result.adjusted_rand), len(result.strata)))
        are_numbers(result.adjusted_rand, (arguments["n_resamples"],))

    return Case(
        lambda: cluster_stability(estimator, X, **arguments),
        [*names_of(cluster_stability), "n_clusters", *BY_OTHERS],
        check,
        inputs=(X,),
        may_warn=(RuntimeWarning,),  # by scikit-learn's mixtures
    )


LABELS = [
    np.asarray,
    np.ndarray.tolist,
    lambda y: y[:, None],
    lambda y: np.array(["ill", "well"])[y],
    lambda y: np.array(["ill", "well"], object)[y],
    lambda y: y.astype(float),
    lambda y: y.astype(bool),
    lambda y: y.astype(">i2"),
    lambda y: torch.tensor(y.tolist()),
    pd.Series,
    lambda y: pd.Series(y, dtype="category"),
    lambda y: pd.Series(y, dtype="Int64"),
    lambda y: [*y.tolist()[1:], None],
    lambda y: [*y.tolist()[1:], "ill"],
    lambda y: np.where(y, np.nan, 1.0),
    lambda y: np.where(y, np.datetime64("NaT"), np.datetime64("2020-01-01")),
]


@functools.cache
def labels(n):
    """Return a strategy of labels, mostly of `n` samples."""
    sizes = st.sampled_from([n] * 9 + [1, 0])
    of_classes = st.builds(
        lambda n, seed, convert: convert(
            np.random.default_rng(seed).integers(2, size=n)
        ),
        sizes,
        st.integers(0, 9),
        st.sampled_from(LABELS),
    )
    return mostly(
        st.builds(np.random.default_rng(0).permutation, st.just(np.arange(n) % 3)),
        of_classes,
        of_classes,
        samples(sizes.map(lambda n: (n,))),
    )


@st.composite
def agreements(draw):
    name = draw(st.sampled_from(["clustering_accuracy", "mapped_accuracy", "map"]))
    name = "map_clusters_to_labels" if name == "map" else name
    arguments = {"y_true": draw(labels(8)), "y_pred": draw(labels(8))}
    if name != "clustering_accuracy" and draw(st.booleans()):
        arguments["y_pred_new"] = draw(labels(5))
        if name == "mapped_accuracy":
            arguments["y_true_new"] = draw(labels(5))
            arguments["balanced"] = draw(mostly_valid(False, True))
    function = getattr(metrics, name)

    def check(result):
        if name == "map_clusters_to_labels":
            new = arguments.get("y_pred_new")
            assert len(result) == len(arguments["y_pred"] if new is None else new)
        else:
            is_between(result, 0, 1)

    return Case(
        lambda: function(**arguments),
        names_of(function),
        check,
        inputs=tuple(arguments.values()),
    )


SCORED = mostly(
    st.builds(fitted, st.just("table")),
    st.builds(fitted, kinds),
    st.just(KMeans),
    oddities(),
)


@st.composite
def scores(draw):
    estimator = draw(SCORED)
    X, y = draw(tables((8, 3), (8, 8, 8))), draw(labels(8))
    return Case(
        lambda: metrics.clustering_accuracy_scorer(estimator, X, y),
        ["estimator", "X", "y"],
        lambda result: is_between(result, 0, 1),
        inputs=(X, y),
        may_warn=(UserWarning,),  # by scikit-learn, about classes that are not integers
    )


@functools.cache
def kmeans():
    return KMeans(2, n_init=1, random_state=0).fit(training_set("table"))


EVALUATED = mostly(
    st.one_of(st.builds(fitted, st.just("table")), st.builds(kmeans)),
    st.builds(fitted, kinds),
    st.sampled_from([KMeans, KMeans(2), StandardScaler()]),
    oddities(),
)
PROBING = mostly(
    st.just({}),
    st.fixed_dictionaries({"n_neighbors": mostly_valid(1, 9)}),
    st.fixed_dictionaries({"random_state": mostly_valid(0, None)}),
)


@st.composite
def evaluations(draw):
    estimator, arguments = draw(EVALUATED), {"n_neighbors": 2} | draw(PROBING)
    sets = [np.eye(9, 3), np.arange(9) % 3, np.ones((9, 3)), np.arange(9) % 3]
    odd = draw(st.integers(0, 3))
    sets[odd] = draw(labels(9) if odd % 2 else tables((9, 3), (9, 8, 8), (1, 3)))

    def check(result):
        is_between(result.mapped_accuracy, 0, 1)
        assert str(result)
        assert result.label_counts.sum() == len(sets[2])

    return Case(
        lambda: evaluate_clustering(estimator, *sets, **arguments),
        [*names_of(evaluate_clustering), "X"],
        check,
        inputs=tuple(sets),
    )


# --- tensors -------------------------------------------------------------------------

DTYPES = [
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
    *(torch.int64, torch.uint8, torch.bool, torch.complex64),
]


@functools.cache
def tensors(shape, *other_shapes):
    """Return a strategy of tensors, mostly float32 and of the first shape."""

    def make(shape, dtype, seed):
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(shape, generator=generator).to(dtype)

    shapes, seeds = st.sampled_from([shape, *other_shapes]), st.integers(0, 9)
    return mostly(
        mostly(
            st.builds(make, st.just(shape), st.just(torch.float32), seeds),
            st.builds(make, st.just(shape), st.sampled_from(DTYPES), seeds),
        ),
        st.builds(make, shapes, st.sampled_from(DTYPES), seeds),
        oddities(),
    )


TEMPERATURES = mostly(st.sampled_from([0.5, 1, 1e-3, 1e300]), ODD)


@st.composite
def losses(draw):
    views = tensors((4, 3), (1, 3), (0, 3), (4, 0), (4,), (), (2, 2, 2))
    first, second = draw(views), draw(views)
    temperature = draw(TEMPERATURES)

    def check(loss):
        assert loss.shape == ()
        assert loss.is_meta or torch.isfinite(loss)

    return Case(
        lambda: nt_xent(first, second, temperature),
        names_of(nt_xent),
        check,
        inputs=(first, second),
    )


AUGMENTATIONS = {
    GrayImageAugmentation: (4, 1, 8, 8),
    RGBImageAugmentation: (4, 3, 8, 9),
    VolumeAugmentation: (4, 1, 8, 8, 8),
    TableAugmentation: (4, 3),
}


GENERATORS = mostly(st.builds(torch.Generator), oddities())


@st.composite
def views(draw):
    kind = draw(st.sampled_from(list(AUGMENTATIONS)))
    chosen = {}
    if draw(st.booleans()):
        name = draw(st.sampled_from(names_of(kind)))
        chosen[name] = draw(st.one_of(st.sampled_from([0, 0.5, 1]), ODD))
    shape = AUGMENTATIONS[kind]
    batch = draw(
        tensors(shape, (0, *shape[1:]), (4, 1, 8, 8, 8), (4, 3), (4,), (), (2, 3, 0, 8))
    )
    generator = draw(GENERATORS)

    def check(view):
        assert view.shape == batch.shape
        assert view.dtype == batch.dtype
        assert torch.isfinite(view).all()

    return Case(
        lambda: kind(**chosen)(batch, generator),
        [*chosen, "batch", "generator"],
        check,
        inputs=(batch,),
    )


# --- data sets -----------------------------------------------------------------------


SPLITS = ["train", "val", "test"]


@functools.cache
def anything():
    return st.one_of(oddities(), arrays(), st.sampled_from(NEAR_MISSES))


@st.composite
def loadings(draw):
    usual = ["own.npz", "other.npz", "./own.npz", Path("own.npz"), Path("other.npz")]
    invalid = ["long.npz", "no_axes.npz", "none.npz", ".", "a\0b", "~no", b"own.npz"]
    path, split = draw(st.sampled_from(usual)), draw(st.sampled_from(SPLITS))
    if draw(st.booleans()):
        path = draw(st.one_of(st.sampled_from(invalid), anything()))
    elif draw(st.booleans()):
        split = draw(anything())

    def check(bunch):
        assert bunch.data.shape == (3, 8, 8)
        assert bunch.target.shape == (3,)

    return Case(
        lambda: load_medmnist_file(path, split=split),
        ["path", "split", r"\w+\.npz"],
        check,
        inputs=(path, split),
        other_errors=(OSError,),  # there is no such file
    )


FETCHED = {
    "name": ["breastmnist", "chestmnist"],
    "split": SPLITS,
    "size": [28, np.int64(28), 64, 224],
    "data_home": [".", None],
    "return_X_y": [False, True],
    "verbose": [0, True],
}


@st.composite
def fetchings(draw):
    arguments = {"name": "breastmnist", "data_home": "."}
    for name in draw(st.lists(st.sampled_from(list(FETCHED)), max_size=3)):
        arguments[name] = draw(st.sampled_from(FETCHED[name]))
    if draw(st.booleans()):
        arguments[draw(st.sampled_from(list(FETCHED)))] = draw(anything())

    def check(result):
        data, target = (
            result if isinstance(result, tuple) else (result.data, result.target)
        )
        assert data.shape == (len(target), 28, 28)

    return Case(
        lambda: fetch_medmnist(**arguments, download=False),
        list(FETCHED),
        check,
        other_errors=(OSError,),  # there is no such file
    )


@st.composite
def savings(draw):
    """Save and load with unusual paths, devices and trusted names."""
    clusterer = fitted("table")
    saved = Path("saved.safetensors")
    clusterer.save(saved)
    arguments = {
        "path": draw(mostly_valid(saved, "new", Path("other"), "no/such/folder"))
    }
    if draw(st.booleans()):
        arguments["trusted"] = draw(
            mostly(st.sampled_from([(), ["os.system"], "os.system", [3]]), oddities())
        )
    if draw(st.booleans()):
        return Case(
            lambda: clusterer.save(**arguments),
            list(arguments),
            lambda _: ContrastiveAutoencoderClusterer.load(arguments["path"]),
            kept=clusterer,
            other_errors=(OSError,),
        )
    if draw(st.booleans()):
        arguments["device"] = draw(
            mostly_valid(None, "cpu", torch.device("cpu"), "cuda:9")
        )
    return Case(
        lambda: ContrastiveAutoencoderClusterer.load(**arguments),
        [*arguments, "is damaged", "not one of", "contains a"],
        lambda loaded: is_fitted(loaded, len(training_set("table"))),
        other_errors=(OSError,),
    )


@st.composite
def reports(draw):
    """Write reports without plots, which would take most of the time."""
    kind = draw(kinds)
    clusterer = draw(mostly(st.builds(fitted, st.just(kind)), oddities()))
    X, arguments = draw(seen(kind)), {"path": "report.html"}
    for name, values in (
        ("y", labels(4)),
        ("path", mostly_valid(Path("other.html"), "no/such/folder/report.html", ".")),
        ("title", mostly_valid("<b>", "\ud800", " ")),
        ("show_samples", mostly_valid(True, False)),
        ("max_samples", mostly_valid(2, 1000)),
        ("random_state", mostly_valid(0, None)),
    ):
        if draw(st.integers(0, 3)) == 0:
            arguments[name] = draw(values)

    def call():
        with mock.patch.object(_report, "_plot_sections", return_value=[]):
            return clustering_report(clusterer, X, **arguments)

    def check(path):
        assert path.read_text("utf-8").startswith("<!DOCTYPE html>")

    return Case(
        call,
        ["estimator", "X", *arguments],
        check,
        inputs=(X, arguments.get("y")),
        other_errors=(OSError,),
        may_warn=(UserWarning,),  # by scikit-learn, about many classes
    )


# Strategies of cases, and the number of each in the slow suite.
SUBJECTS = {
    fits: 200,
    parameters: 400,
    refinements: 100,
    predictions: 600,
    decodings: 600,
    generations: 350,
    interpolations: 400,
    coarsenings: 400,
    consensuses: 300,
    searches: 80,
    stabilities: 300,
    agreements: 600,
    scores: 300,
    evaluations: 100,
    losses: 300,
    views: 300,
    loadings: 100,
    fetchings: 100,
    savings: 200,
    reports: 300,
}


def judge_all(subject, n_examples):
    """Return the numbers of accepted and of rejected cases of a subject."""
    outcomes = Counter()

    @settings(
        max_examples=n_examples,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(subject())
    def try_case(case):
        outcomes[judge(case)] += 1

    try_case()
    return outcomes


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.__name__)
def test_results_are_as_documented_and_errors_name_the_problem(subject):
    judge_all(subject, FAST_EXAMPLES)


@pytest.mark.slow
def test_five_thousand_cases():
    outcomes = {
        subject.__name__: judge_all(subject, n_examples)
        for subject, n_examples in SUBJECTS.items()
    }
    total = sum(outcomes.values(), Counter())
    print(dict(total), outcomes)
    assert total.total() >= 5000
    for name, counted in outcomes.items():
        fraction = counted["accepted"] / counted.total()
        assert 0.1 <= fraction <= 0.9, (name, counted)
