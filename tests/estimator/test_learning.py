"""Methods `fit` and `partial_fit`: results, invalid input and failures."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.cluster import AgglomerativeClustering, MiniBatchKMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from skorch.callbacks import Callback
from torch.utils.data import Dataset

from contrastive_clustering import ClusterNumberSearch, ContrastiveAutoencoderClusterer
from contrastive_clustering._estimator import learning as _learning
from contrastive_clustering._training.net import ContrastiveNet


def make(fast, **parameters):
    return ContrastiveAutoencoderClusterer(**{**fast, **parameters})


def test_data_frames_set_feature_names(fast):
    X, y = make_blobs(60, 4, centers=2, random_state=0)
    frame = pd.DataFrame(X, columns=list("abcd"))
    clusterer = make(fast, max_epochs=20).set_output(transform="pandas").fit(frame)
    assert clusterer.feature_names_in_.tolist() == list("abcd")
    latents = clusterer.transform(frame)
    assert latents.columns.tolist() == clusterer.get_feature_names_out().tolist()
    assert latents.columns[0] == "contrastiveautoencoderclusterer0"
    assert adjusted_rand_score(y, clusterer.labels_) > 0.9
    with pytest.raises(ValueError, match="feature names should match"):
        clusterer.predict(frame.rename(columns={"a": "z"}))
    clusterer.fit(np.random.default_rng(0).normal(size=(9, 8, 8)))
    assert not hasattr(clusterer, "feature_names_in_")
    assert isinstance(clusterer.transform(np.zeros((1, 8, 8))), pd.DataFrame)


@pytest.mark.parametrize(
    "clusterer",
    ["gaussian_mixture", MiniBatchKMeans(3), AgglomerativeClustering()],
    ids=str,
)
@pytest.mark.parametrize("whiten", [False, True])
def test_results_of_clusterers_are_consistent(tiny_images, fast, clusterer, whiten):
    fitted = make(fast, clusterer=clusterer, whiten=whiten, normalize=whiten)
    fitted.fit(tiny_images)
    assert fitted.n_clusters_ == 2
    np.testing.assert_array_equal(fitted.predict(tiny_images), fitted.labels_)
    np.testing.assert_allclose(fitted.predict_proba(tiny_images).sum(1), 1, atol=1e-5)


def test_strata_match_two_kinds_of_images(tiny_images, fast):
    labels = make(fast, max_epochs=30).fit_predict(tiny_images)
    assert adjusted_rand_score(np.repeat([0, 1], 20), labels) == 1.0


BAD_ARRAYS = [
    (np.full((9, 8, 8), np.nan), ValueError, "X contains NaN"),
    (np.full((9, 8, 8), np.inf), ValueError, "X contains NaN or infinity"),
    (scipy.sparse.csr_matrix(np.eye(9)), TypeError, "[Ss]parse"),
    (np.ones((9, 8, 8), dtype=complex), ValueError, "Complex data"),
    ([["a", "b"], ["c", "d"]], ValueError, "holds text, first in X"),
    (np.empty((0, 8, 8)), ValueError, "0 sample"),
    (np.ones((1, 8, 8)), ValueError, "1 sample"),
    (np.float64(1.0), ValueError, r"X has shape \(\)"),
    ([[1, 2], [3]], ValueError, "ragged list"),
    (np.random.default_rng(0).normal(size=(9, 7, 8)), ValueError, "at least 8 pixels"),
    (np.ones((9, 8, 8)), ValueError, r"are identical"),
    (np.full((9, 5), 3), ValueError, r"are identical"),
    (
        np.random.default_rng(0).normal(size=(3, 8, 8)),
        ValueError,
        "fewer than n_clusters",
    ),
]


@pytest.mark.parametrize(("X", "kind", "message"), BAD_ARRAYS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "fit_predict"])
def test_invalid_arrays_raise_and_leave_no_attributes(fast, X, kind, message, method):
    clusterer = make(fast, n_clusters=5)
    before = dict(vars(clusterer))
    with pytest.raises(kind, match=message):
        getattr(clusterer, method)(X)
    assert vars(clusterer) == before


def test_a_failed_fit_keeps_the_previous_one(tiny_images, fast):
    clusterer = make(fast).fit(tiny_images)
    latents = clusterer.transform(tiny_images)
    with pytest.raises(ValueError, match="NaN"):
        clusterer.fit(np.full((9, 8, 8), np.nan))
    np.testing.assert_array_equal(clusterer.transform(tiny_images), latents)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("shape", "first", "then"),
    [
        ((64,), {"image_shape": (8, 8)}, {"image_shape": None}),
        ((128,), {"image_shape": (8, 16)}, {"image_shape": (16, 8)}),
        ((8, 8, 8), {"channel_axis": 1}, {"channel_axis": None}),
    ],
)
def test_another_layout_is_rejected_where_training_continues(
    fast, method, shape, first, then
):
    X = np.random.default_rng(0).normal(size=(20, *shape))
    clusterer = make(fast, warm_start=True, **first).fit(X)
    labels = clusterer.labels_
    clusterer.set_params(**then)
    with pytest.raises(ValueError, match="image_shape or channel_axis has changed"):
        getattr(clusterer, method)(X)
    assert clusterer.labels_ is labels
    getattr(clusterer.set_params(**first), method)(X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_samples_of_another_shape_where_training_continues(tiny_images, fast, method):
    clusterer = make(fast, warm_start=True).fit(tiny_images)
    with pytest.raises(ValueError, match="or start over with fit and warm_start=False"):
        getattr(clusterer, method)(tiny_images.repeat(2, axis=1))


def test_decoded_images_may_have_the_range_of_all_parts(tiny_images, fast):
    dark = tiny_images // 2
    clusterer = make(fast).partial_fit(dark)
    for _ in range(20):
        clusterer.partial_fit(tiny_images)
    decoded = clusterer.inverse_transform(clusterer.transform(tiny_images))
    assert dark.max() < decoded.max() <= tiny_images.max()


def fails(*args, **kwargs):
    raise RuntimeError("on purpose")


class FailingClusterer(MiniBatchKMeans):
    def fit(self, X, y=None, sample_weight=None):
        fails()


class FailingCallback(Callback):
    def on_epoch_end(self, net, **kwargs):
        fails()


class Rows(Dataset):
    """Sixty samples of ten values, which can become unreadable."""

    is_unreadable = False

    def __len__(self):
        return 60

    def __getitem__(self, index):
        if self.is_unreadable:
            fails()
        return np.random.default_rng(index).normal(size=10)


def lose_rows(patch, X):
    """Make X unreadable after training."""

    fit_model = _learning.fit_model

    def fit_and_lose(*args, **kwargs):
        model = fit_model(*args, **kwargs)
        X.is_unreadable = True
        return model

    patch.setattr(_learning, "fit_model", fit_and_lose)


def at(name):
    """Return a function that makes a step of the fit fail."""
    return lambda patch, X: patch.setattr(f"contrastive_clustering.{name}", fails)


# Parameters, an X that replaces the rows, a function that causes the failure, and the
# message.
FAILURES = {
    "bad values": ({}, np.full((60, 10), np.nan), None, "^X contains NaN"),
    "bad names": (
        {},
        pd.DataFrame(np.eye(60, 10)).rename(columns={0: "age"}),
        None,
        "string names",
    ),
    "few samples": ({"n_clusters": 61}, None, None, "fewer than n_clusters=61"),
    "divergence": ({"lr": 1e30, "max_epochs": 3}, None, None, "^Training diverged"),
    "callback": ({"callbacks": [FailingCallback()]}, None, None, "^on purpose$"),
    "clusterer": ({"clusterer": FailingClusterer(2)}, None, None, "^on purpose$"),
    "second phase": ({}, None, at("_model.fit.learn_strata"), "^on purpose$"),
    "density": ({}, None, at("_model.fit.LatentDensity.fit"), "^on purpose$"),
    "examples": ({"store_examples": True}, None, lose_rows, "could not be read"),
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("before", ["nothing", "a fit", "a fit that continues"])
@pytest.mark.parametrize("stage", FAILURES)
def test_a_failed_fit_changes_no_attribute(fast, monkeypatch, stage, before):
    parameters, X, break_fit, message = FAILURES[stage]
    rows = Rows()
    clusterer = make(fast, store_examples=True)
    if before != "nothing":
        names = [f"column {i}" for i in range(10)]
        frame = pd.DataFrame(np.stack([rows[i] for i in range(60)]), columns=names)
        clusterer.fit(frame)
        latents = clusterer.transform(frame)
    clusterer.set_params(**parameters, warm_start=before == "a fit that continues")
    attributes = dict(vars(clusterer))
    with monkeypatch.context() as patch:
        if break_fit is not None:
            break_fit(patch, rows)
        with pytest.raises((ValueError, TypeError, RuntimeError), match=message):
            clusterer.fit(rows if X is None else X)
    assert list(vars(clusterer)) == list(attributes)
    assert all(vars(clusterer)[name] is attributes[name] for name in attributes)
    if before != "nothing":
        np.testing.assert_array_equal(clusterer.transform(frame), latents)


def test_invalid_column_names_are_rejected_before_fitting(fast, monkeypatch):
    monkeypatch.setattr(_learning, "fit_model", None)
    frame = pd.DataFrame(np.eye(60, 10)).rename(columns={0: "age"})
    with pytest.raises(TypeError, match="string names"):
        make(fast).fit(frame)


@pytest.mark.slow
def test_the_number_of_strata_is_searched_for(digits):
    images, _ = digits
    search = ClusterNumberSearch(min_clusters=3, max_clusters=5, n_jobs=2)
    clusterer = ContrastiveAutoencoderClusterer(
        search, max_epochs=2, refinement_epochs=0, random_state=0
    ).fit(images[:500])
    result = clusterer.cluster_number_search_
    assert result.candidates.tolist() == [3, 4, 5]
    assert clusterer.n_clusters_ == result.n_clusters
    assert np.isfinite(result.scores).all()
    clusterer.set_params(n_clusters=4).fit(images[:500])
    assert clusterer.n_clusters_ == 4
    assert not hasattr(clusterer, "cluster_number_search_")


def test_the_error_for_missing_examples_names_the_parameter(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast)
    with pytest.raises(AttributeError, match="not fitted yet"):
        clusterer.examples_  # noqa: B018
    clusterer.fit(tiny_images)
    for each in (
        clusterer,
        copy.copy(clusterer),
        copy.deepcopy(clusterer),
        pickle.loads(pickle.dumps(clusterer)),
    ):
        assert not hasattr(each, "examples_")
        assert getattr(each, "examples_", None) is None
        with pytest.raises(AttributeError, match=r"examples_.*store_examples=True"):
            each.examples_  # noqa: B018
    assert not hasattr(clone(clusterer), "examples_")
    clusterer.set_params(store_examples=True).fit(tiny_images)
    assert len(clusterer.examples_) == clusterer.n_clusters_
    clusterer.set_params(store_examples=False).fit(tiny_images)
    assert not hasattr(clusterer, "examples_")


def test_mixed_column_names_are_rejected_before_training(monkeypatch):
    def train(*args, **kwargs):
        raise AssertionError("training has started")

    monkeypatch.setattr(ContrastiveNet, "run_epochs", train)
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)))
    table["age"] = 1.0
    with pytest.raises(TypeError, match="Feature names"):
        ContrastiveAutoencoderClusterer(2).fit(table)


PATIENT = np.arange(40) // 4
SITE = np.tile(["a", "b"], 20)


def shifted(tiny_images):
    """Images of two sites, one of which is darker."""
    return np.where(SITE[:, None, None] == "b", tiny_images // 2, tiny_images)


@pytest.mark.parametrize("groups", [np.arange(40), [None] * 40])
def test_independent_samples_are_the_same_as_no_groups(tiny_images, fast, groups):
    plain = make(fast).fit(tiny_images)
    grouped = make(fast).fit(tiny_images, groups=groups, nuisance=None)
    np.testing.assert_array_equal(
        plain.transform(tiny_images), grouped.transform(tiny_images)
    )
    np.testing.assert_array_equal(plain.labels_, grouped.labels_)


def test_an_unknown_group_is_warned_of_once(tiny_images, fast):
    groups = ["nan"] * 3 + [f"p{row // 2}" for row in range(len(tiny_images) - 3)]
    with pytest.warns(UserWarning, match="the identifier 'nan'") as found:
        make(fast).fit(tiny_images, groups=groups)
    assert sum("'nan'" in str(each.message) for each in found) == 1


def test_groups_change_the_loss_but_names_of_groups_do_not(tiny_images, fast):
    latents = [
        make(fast).fit(tiny_images, groups=groups).transform(tiny_images)
        for groups in (None, PATIENT, [f"patient {number}" for number in PATIENT])
    ]
    assert not np.array_equal(latents[0], latents[1])
    np.testing.assert_array_equal(latents[1], latents[2])


@pytest.mark.parametrize("refinement", ["self_training", "neighbors", "prototypes"])
@pytest.mark.parametrize("kl_weight", [0.0, 0.01])
def test_the_nuisance_is_erased_from_latents(tiny_images, fast, refinement, kl_weight):
    X = shifted(tiny_images)
    parameters = {**fast, "refinement": refinement, "kl_weight": kl_weight}
    fitted = {
        removal: make(parameters, nuisance_removal=removal).fit(X, nuisance=SITE)
        for removal in ("both", "erasure", "negatives", None)
    }
    for removal, clusterer in fitted.items():
        latents = clusterer.transform(X).astype(np.float64)
        shift = latents[SITE == "a"].mean(axis=0) - latents[SITE == "b"].mean(axis=0)
        relative = np.abs(shift).max() / latents.std()
        is_erased = removal in ("both", "erasure")
        assert relative < 1e-4 if is_erased else relative > 1e-2
        np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)


def test_negatives_of_the_same_nuisance_change_the_loss(tiny_images, fast):
    X = shifted(tiny_images)
    first = make(fast, nuisance_removal=None).fit(X, nuisance=SITE)
    plain = make(fast).fit(X)
    np.testing.assert_array_equal(first.transform(X), plain.transform(X))
    other = make(fast, nuisance_removal="negatives").fit(X, nuisance=SITE)
    loss = [c.history_[0, "train_contrastive_loss"] for c in (plain, other)]
    assert loss[1] < loss[0]  # there are fewer negatives


def test_a_net_keeps_nothing_of_groups_and_nuisance(tiny_images, fast):
    clusterer = make(fast).fit(tiny_images, groups=PATIENT, nuisance=SITE)
    assert "_codes" not in vars(clusterer.net_)
    sizes = [len(pickle.dumps(c)) for c in (clusterer, make(fast).fit(tiny_images))]
    dim = clusterer.net_.module_.latent_dim
    assert sizes[0] - sizes[1] < 4 * dim * (dim + 1) + 5000  # the erasure


def test_partial_fit_erases_the_nuisance(tiny_images, fast):
    X = shifted(tiny_images)
    clusterer = make(fast)
    for _ in range(2):
        clusterer.partial_fit(X, groups=PATIENT, nuisance=SITE)
    latents = clusterer.transform(X)
    means = [latents[site == SITE].mean(axis=0) for site in "ab"]
    np.testing.assert_allclose(*means, atol=1e-4 * latents.std())


def test_a_warm_start_replaces_the_erasure(tiny_images, fast):
    X = shifted(tiny_images)
    clusterer = make(fast, warm_start=True).fit(X, nuisance=SITE)
    assert clusterer.net_.module_.erasure is not None
    clusterer.fit(X)
    assert clusterer.net_.module_.erasure is None


def test_whole_groups_are_held_out(tiny_images, fast, monkeypatch):
    seen = []
    original = ContrastiveNet.get_split_datasets

    def recorded(self, *args, **kwargs):
        parts = original(self, *args, **kwargs)
        seen.append([set(PATIENT[part.indices]) for part in parts])
        return parts

    monkeypatch.setattr(ContrastiveNet, "get_split_datasets", recorded)
    make(fast, refinement_epochs=0, early_stopping=True, validation_fraction=0.3).fit(
        tiny_images, groups=PATIENT
    )
    ((training, validation),) = seen
    assert len(training) == 7
    assert len(validation) == 3
    assert not training & validation


def test_positives_of_the_same_group(tiny_images, fast):
    parameters = {**fast, "refinement_epochs": 0}
    plain, paired = (
        make(parameters, **option).fit(tiny_images, groups=PATIENT)
        for option in ({}, {"iterator_train__group_positives": True})
    )
    assert not np.array_equal(
        plain.transform(tiny_images), paired.transform(tiny_images)
    )
    alone = make(parameters, iterator_train__group_positives=True).fit(tiny_images)
    np.testing.assert_array_equal(
        alone.transform(tiny_images),
        make(parameters).fit(tiny_images).transform(tiny_images),
    )


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"groups": PATIENT[1:]}, "groups has 39 values, but there are 40 samples"),
        ({"groups": np.zeros(40)}, "groups has one group only"),
        ({"groups": "patient"}, "groups is of type str, which is not one-dimensional"),
        ({"nuisance": SITE[1:]}, "nuisance has 39 values, but there are 40 samples"),
        ({"nuisance": ["a"] * 40}, "nuisance has one level only"),
        ({"nuisance": np.arange(40)}, "nuisance has 40 levels for 40 samples"),
        (
            {"nuisance": pd.DataFrame({"site": SITE, "year": np.arange(40)})},
            "column 'year' of nuisance has 40 levels",
        ),
        ({"nuisance": np.arange(40) // 4}, "would remove up to 9 of the 4 directions"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_unusable_metadata_are_refused(tiny_images, fast, method, metadata, message):
    clusterer = make(fast, latent_dim=4)
    with pytest.raises(ValueError, match=message):
        getattr(clusterer, method)(tiny_images, **metadata)
    assert not hasattr(clusterer, "labels_")
