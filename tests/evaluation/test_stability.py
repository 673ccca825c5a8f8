from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._evaluation.stability import (
    best_jaccard,
    cluster_stability,
    strata_of_groups,
)
from contrastive_clustering._utils.grouping import Grouping


class Halves(ClusterMixin, BaseEstimator):
    """Splits at the median of the first feature; keeps its seed as a label."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        self.labels_ = (X[:, 0] > np.median(X[:, 0])).astype(int)
        return self


class RandomLabels(Halves):
    """Nine tenths in one cluster, by chance."""

    def fit(self, X, y=None):
        rng = np.random.default_rng(self.random_state)
        self.labels_ = (rng.random(len(X)) < 0.1).astype(int)
        return self


class FitAndPredict(BaseEstimator):
    def fit(self, X, y=None):
        self.middle_ = np.median(X[:, 0])
        return self

    def predict(self, X):
        return (X[:, 0] > self.middle_).astype(int)


class LabelsOnly(FitAndPredict):
    predict = property()

    def fit(self, X, y=None):
        self.labels_ = (X[:, 0] > np.median(X[:, 0])).astype(int)
        return self


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(200, centers=4, cluster_std=0.4, random_state=3)


pairs = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=25
)


@given(pairs)
def test_best_jaccard_matches_the_definition_on_sets(both):
    reference, refit = np.array(both).T
    clusters = np.arange(5)  # 4 has no member
    expected = []
    for a in clusters:
        members = set(np.flatnonzero(reference == a))
        others = [set(np.flatnonzero(refit == b)) for b in range(4)]
        similarities = [len(members & o) / max(1, len(members | o)) for o in others]
        expected.append(max(similarities) if members else 0)
    np.testing.assert_allclose(best_jaccard(reference, refit, clusters), expected)


def test_true_clusters_are_stable(blobs):
    result = cluster_stability(KMeans(4, n_init=10), blobs[0], random_state=0)
    assert result.stable.all()
    assert result.jaccard.shape == (20, 4)  # as many as intervals need
    assert result.jaccard_interval.shape == (4, 2)
    assert result.adjusted_rand.shape == (20,)
    assert result.adjusted_rand_mean > 0.95
    assert adjusted_rand_score(blobs[1], result.labels) == 1
    assert str(result).endswith("Stable strata: 0, 1, 2, 3. Unstable strata: none.")


def test_a_divided_cluster_is_not_stable():
    """Asking for five clusters divides the round one and keeps the two distant ones."""
    rng = np.random.default_rng(0)
    X = np.concatenate(
        [rng.normal(c, s, size=(100, 20)) for c, s in ((-90, 1), (0, 8), (90, 1))]
    )
    result = cluster_stability(KMeans(5, n_init=10), X, random_state=0)
    far = [result.labels[0], result.labels[-1]]
    assert result.stable[far].all()
    assert result.stable.sum() == 2
    text = str(result)
    assert f"Stable strata: {', '.join(map(str, sorted(far)))}" in text


def test_statistics_over_the_resamples(blobs):
    result = cluster_stability(KMeans(6, n_init=1), blobs[0], random_state=1)
    np.testing.assert_allclose(result.jaccard_mean, result.jaccard.mean(axis=0))
    np.testing.assert_allclose(
        result.jaccard_interval[:, 0], np.percentile(result.jaccard, 2.5, axis=0)
    )
    np.testing.assert_allclose(
        result.jaccard_interval[:, 1], np.percentile(result.jaccard, 97.5, axis=0)
    )
    assert result.adjusted_rand_mean == result.adjusted_rand.mean()
    np.testing.assert_allclose(
        result.adjusted_rand_interval, np.percentile(result.adjusted_rand, [2.5, 97.5])
    )
    np.testing.assert_array_equal(result.sample_counts, np.bincount(result.labels))


def test_noise_images_have_no_stable_stratum():
    images = np.random.default_rng(0).normal(size=(300, 64))
    for n_clusters in (2, 3, 8):
        result = cluster_stability(KMeans(n_clusters, n_init=5), images, random_state=0)
        assert not result.stable.any()
        assert "No stratum is stable" in str(result)


def test_noise_in_few_features_can_look_stable():
    """Fits that share samples share their chance arrangement, as documented."""
    noise = np.random.default_rng(0).normal(size=(300, 2))
    result = cluster_stability(KMeans(3, n_init=10), noise, random_state=0)
    assert result.stable.all()


def test_similarity_by_chance_does_not_count_as_stable():
    X = np.zeros((400, 1))
    result = cluster_stability(RandomLabels(), X, random_state=0)
    large = result.sample_counts.argmax()
    assert result.jaccard_mean[large] > 0.75  # so large that any cluster resembles it
    assert result.jaccard_chance[large] == pytest.approx(
        result.jaccard_mean[large], abs=0.02
    )
    assert not result.stable.any()


def test_a_single_stratum_is_not_stable(blobs):
    result = cluster_stability(KMeans(1), blobs[0], n_resamples=3, random_state=0)
    assert result.jaccard.tolist() == [[1]] * 3
    assert not result.stable.any()
    first, *_, last = str(result).splitlines()
    assert first.startswith("1 stratum of 200 samples")
    assert last == (
        "No stratum is stable: shuffled labels may be as similar. Do not report these."
    )


@pytest.mark.parametrize("n_members", [1, 4, 5])
def test_fewer_than_five_samples_are_not_stable(n_members):
    """Passing each sample as its own group does not change the result."""
    X = np.random.default_rng(0).normal(size=(60, 2))
    X[:n_members] += 1000
    kmeans = KMeans(2, n_init=3, random_state=0)
    result, by_group = (
        cluster_stability(kmeans, X, groups=groups, n_resamples=10, random_state=2)
        for groups in (None, np.arange(60))
    )
    of_few = result.sample_counts == n_members
    assert result.jaccard_mean[of_few] > 0.75
    assert result.jaccard_interval[of_few, 0] > result.jaccard_chance[of_few]
    assert (result.stable[of_few] == (n_members >= 5)).all()
    np.testing.assert_array_equal(result.stable, by_group.stable)
    few = f"Fewer than 5 samples cannot be stable: stratum {of_few.argmax()}."
    assert (few in str(result)) == (n_members < 5)


def test_noise_labels_only(blobs):
    result = cluster_stability(DBSCAN(eps=1e-9), blobs[0], n_resamples=3)
    assert result.jaccard.shape == (3, 0)
    assert result.jaccard_interval.shape == (0, 2)
    assert str(result).splitlines()[0].startswith("0 strata of 200 samples")
    assert str(result).endswith("There is no stratum: all samples are noise.")
    assert len(result.table) == 0


@pytest.mark.parametrize(
    "estimator",
    [
        AgglomerativeClustering(4),
        DBSCAN(eps=1.0),
        GaussianMixture(4, n_init=10),
        make_pipeline(StandardScaler(), KMeans(4, n_init=10)),
    ],
)
def test_any_clusterer(estimator, blobs):
    result = cluster_stability(estimator, blobs[0], n_resamples=4, random_state=0)
    assert result.stable.all()
    assert adjusted_rand_score(blobs[1], result.labels) > 0.95


@pytest.mark.parametrize("estimator", [Halves(), FitAndPredict(), LabelsOnly()])
def test_labels_come_from_any_supported_method(estimator, blobs):
    result = cluster_stability(estimator, blobs[0], n_resamples=4, random_state=0)
    halves = blobs[0][:, 0] > np.median(blobs[0][:, 0])
    np.testing.assert_array_equal(result.labels, halves)
    assert result.stable.all()


def test_the_same_seed_gives_the_same_result(blobs):
    estimator = KMeans(6, n_init=1)
    before = np.random.get_state()[1].copy()
    with parallel_config(backend="threading"):  # processes take seconds to start
        results = [
            cluster_stability(estimator, blobs[0], random_state=0, n_jobs=n_jobs)
            for n_jobs in (None, 2)
        ]
    np.testing.assert_array_equal(results[0].jaccard, results[1].jaccard)
    np.testing.assert_array_equal(results[0].labels, results[1].labels)
    other = cluster_stability(estimator, blobs[0], random_state=1)
    assert not np.array_equal(results[0].jaccard, other.jaccard)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert not hasattr(estimator, "labels_")


def test_refits_get_new_seeds_and_the_reference_keeps_its_seed():
    seeds = []

    class Recorder(Halves):
        def fit(self, X, y=None):
            seeds.append(self.random_state)
            return super().fit(X)

    X = np.arange(20.0)[:, None]
    estimator = make_pipeline(PCA(random_state=5), Recorder(random_state=7))
    cluster_stability(estimator, X, n_resamples=3, random_state=0)
    assert seeds[0] == 7
    assert len(set(seeds[1:])) == 3
    seeds.clear()
    cluster_stability(Recorder(), X, n_resamples=3, random_state=0)
    assert None not in seeds
    assert len(set(seeds)) == 4


def test_progress_is_shown_on_request(blobs, capsys):
    arguments = {"n_resamples": 2, "random_state": 0}
    cluster_stability(KMeans(2), blobs[0], **arguments)
    assert capsys.readouterr() == ("", "")
    cluster_stability(KMeans(2), blobs[0], **arguments, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(", ")[0] for line in err.splitlines()] == [
        f"stability {n}/3 fits" for n in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_resamples": 1}, "'n_resamples' parameter"),
        ({"sample_fraction": 1.0}, "'sample_fraction' parameter"),
        ({"sample_fraction": 0.005}, "sample_fraction=0.005 of 200 samples leaves 1"),
        ({"estimator": object()}, "'estimator' parameter"),
        ({"n_jobs": 0.5}, "'n_jobs' parameter"),
        ({"n_jobs": True}, "'n_jobs' parameter of cluster_stability must be an int or"),
        ({"n_jobs": 0}, "n_jobs=0 is not valid. Pass 1, more, or -1"),
        ({"verbose": "yes"}, "'verbose' parameter"),
    ],
)
def test_bad_input(blobs, change, message):
    arguments = {"estimator": KMeans(2), "X": blobs[0], "sample_fraction": 0.8}
    with pytest.raises(ValueError, match=message):
        cluster_stability(**arguments | change)


def test_a_fraction_that_is_rounded_down_leaves_no_sample_out():
    X = np.random.default_rng(0).normal(size=(90, 1))
    sizes = []

    class Recorded(Halves):
        def fit(self, X, y=None):
            sizes.append(len(X))
            return super().fit(X)

    cluster_stability(Recorded(), X, sample_fraction=0.7, n_resamples=2)
    assert sizes == [90, 63, 63]  # 0.7 * 90 is slightly less than 63


def test_more_clusters_than_samples_are_refused_before_the_first_fit(blobs):
    class Unfitted(KMeans):
        def fit(self, X, y=None, sample_weight=None):
            raise AssertionError

    for estimator in (Unfitted(21), make_pipeline(StandardScaler(), Unfitted(21))):
        with pytest.raises(
            ValueError,
            match=r"^n_clusters=21 of the estimator is larger than the number of "
            r"samples in a subset, 20. Raise sample_fraction=0.1",
        ):
            cluster_stability(estimator, blobs[0], sample_fraction=0.1)


def test_subsets_that_are_too_small_are_reported(blobs):
    mixture = GaussianMixture(21)
    with pytest.raises(ValueError, match=r"all 200 .* subset of 20 \(sample_fraction="):
        cluster_stability(mixture, blobs[0], sample_fraction=0.1)


def test_an_estimator_without_labels(blobs):
    with pytest.raises(TypeError, match=r"does not return labels.*Pass a clusterer"):
        cluster_stability(PCA(), blobs[0])


def most_frequent(strata):
    """Return the most frequent stratum without noise, by counting."""
    members = [stratum for stratum in strata if stratum != -1]
    return max(members, key=members.count, default=-1)  # the first of them


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 5)), min_size=2))
def test_strata_of_groups_match_counting(both):
    labels, groups = np.array(both).T
    groups[:2] = 0, 1
    grouping = Grouping.read(groups, len(groups))
    expected = [most_frequent(labels[grouping.codes == g]) for g in set(grouping.codes)]
    assert strata_of_groups(labels, grouping).tolist() == expected


class Renumbered(ClusterMixin, BaseEstimator):
    """Finds the strata in the first feature and numbers them by the seed."""

    def __init__(self, random_state=0):
        self.random_state = random_state

    def fit(self, X, y=None):
        numbers = np.random.default_rng(self.random_state).permutation(4)
        self.labels_ = numbers[X[:, 0].astype(int)]
        return self


def test_numbers_of_strata_do_not_matter_to_divided_groups():
    generator = np.random.default_rng(0)
    patient = np.repeat(np.arange(60), 2)
    strata = np.concatenate([generator.choice(4, 2, replace=False) for _ in range(60)])
    result = cluster_stability(
        Renumbered(), strata[:, None], groups=patient, random_state=0
    )
    assert (result.adjusted_rand == 1).all()
    assert (result.jaccard == 1).all()


class Recorder(Halves):
    """Keeps what each fit received."""

    fits: ClassVar[list] = []

    def fit(self, X, y=None, *, groups=None, nuisance=None):
        self.fits.append((X[:, -1].astype(int), groups, nuisance))
        return super().fit(X)


@pytest.fixture
def recorder():
    Recorder.fits.clear()
    return Recorder()


@pytest.fixture(scope="module")
def patients(blobs):
    """Samples with their index in the last column, and their unequal groups."""
    X = np.column_stack([blobs[0], np.arange(200)])
    return X, np.random.default_rng(0).choice(40, size=200, p=np.arange(40) / 780)


def test_subsets_are_of_whole_groups(patients, recorder):
    X, groups = patients
    names = np.array([f"patient {group}" for group in groups])
    result = cluster_stability(recorder, X, groups=names, n_resamples=6, random_state=0)
    n_groups = len(np.unique(groups))
    assert result.n_groups == n_groups
    for rows, passed, nuisance in recorder.fits[1:]:
        drawn = np.unique(groups[rows])
        assert len(drawn) == int(0.8 * n_groups)
        np.testing.assert_array_equal(rows, np.flatnonzero(np.isin(groups, drawn)))
        np.testing.assert_array_equal(passed, names[rows])
        assert nuisance is None
    assert len({tuple(rows) for rows, *_ in recorder.fits[1:]}) == 6


def test_similarities_are_computed_on_groups(patients, recorder):
    X, groups = patients
    result = cluster_stability(
        recorder, X, groups=groups, n_resamples=4, random_state=0
    )
    reference = (X[:, 0] > np.median(X[:, 0])).astype(int)
    of_group = {g: most_frequent(reference[groups == g]) for g in np.unique(groups)}
    assert result.group_counts.tolist() == [
        list(of_group.values()).count(cluster) for cluster in (0, 1)
    ]
    for i, (rows, *_) in enumerate(recorder.fits[1:]):
        refit = (X[rows, 0] > np.median(X[rows, 0])).astype(int)
        drawn = np.unique(groups[rows])
        old = np.array([of_group[g] for g in drawn])
        new = np.array([most_frequent(refit[groups[rows] == g]) for g in drawn])
        assert result.adjusted_rand[i] == adjusted_rand_score(old, new)
        for cluster in (0, 1):
            members = set(drawn[old == cluster])
            others = [set(drawn[new == c]) for c in (0, 1)]
            expected = max(len(members & o) / len(members | o) for o in others)
            assert result.jaccard[i, cluster] == pytest.approx(expected, abs=1e-12)


def test_metadata_reaches_the_fits_of_a_pipeline(patients, recorder):
    X, groups = patients
    sites = {"site": np.where(groups % 2, "a", "b").tolist()}
    pipeline = make_pipeline(PCA(3), recorder)
    cluster_stability(
        pipeline, X, groups=groups, nuisance=sites, n_resamples=2, random_state=0
    )
    (_, of_all, sites_of_all), *refits = recorder.fits
    np.testing.assert_array_equal(of_all, groups)
    assert sites_of_all == sites
    for _, passed, nuisance in refits:
        expected = np.where(passed % 2, "a", "b").tolist()
        assert nuisance["site"] == expected


@pytest.mark.parametrize("enabled", [False, True])
def test_metadata_reaches_a_pipeline_with_and_without_routing(
    patients, recorder, enabled
):
    X, groups = patients
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(PCA(3), recorder.set_fit_request(groups=True))
    with config_context(enable_metadata_routing=enabled):
        cluster_stability(pipeline, X, groups=groups, n_resamples=2, random_state=0)
    of_all, *of_subsets = (passed for _, passed, _ in recorder.fits)
    np.testing.assert_array_equal(of_all, groups)
    assert [len(np.unique(passed)) for passed in of_subsets] == [
        int(0.8 * len(np.unique(groups)))
    ] * 2


def test_copies_of_the_images_of_three_patients_are_not_a_stable_stratum(real_images):
    images, _ = real_images("pneumoniamnist", "val")
    rows = np.random.default_rng(3).choice(len(images), 60, replace=False)
    patients = np.repeat(np.arange(60), 8)
    X = images[rows].reshape(60, -1)[patients].astype(float)
    kmeans = KMeans(8, n_init=10)
    by_image, by_patient = (
        cluster_stability(kmeans, X, groups=groups, n_resamples=10, random_state=0)
        for groups in (None, patients)
    )
    np.testing.assert_array_equal(by_image.labels, by_patient.labels)
    np.testing.assert_array_equal(by_patient.sample_counts, 8 * by_patient.group_counts)
    of_three = by_patient.group_counts == 3
    assert by_image.jaccard_mean[of_three & by_image.stable].max() > 0.9
    assert not by_patient.stable[of_three].any()
    assert "Fewer than 5 groups cannot be stable" in str(by_patient)


def test_groups_of_copies_give_the_result_without_copies(blobs):
    kmeans = KMeans(4, n_init=10)
    alone = cluster_stability(kmeans, blobs[0], random_state=0)
    X, groups = np.repeat(blobs[0], 3, axis=0), np.repeat(np.arange(200), 3)
    copied = cluster_stability(kmeans, X, groups=groups, random_state=0)
    assert adjusted_rand_score(copied.labels[::3], alone.labels) == 1
    np.testing.assert_array_equal(copied.adjusted_rand, alone.adjusted_rand)
    np.testing.assert_array_equal(
        np.sort(copied.group_counts), np.sort(alone.sample_counts)
    )
    assert copied.stable.all()


def test_groups_that_are_all_noise(patients):
    X, groups = patients
    result = cluster_stability(
        DBSCAN(eps=1e-9), X, groups=groups, n_resamples=2, random_state=0
    )
    assert result.jaccard.shape == (2, 0)
    assert result.group_counts.shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": [1] * 200}, "groups has one group only"),
        ({"groups": [1, 2]}, "groups has 2 values, but there are 200 samples"),
        ({"groups": [1, 2] * 100}, "sample_fraction=0.8 of 2 groups leaves 1"),
        ({"nuisance": ["a", "b"] * 100}, "cannot account for nuisance"),
        (
            {"estimator": Recorder(), "nuisance": {"site": ["a"] + ["b"] * 199}},
            r"variable 'site' has one level only in [1-9] of 20 subsets",
        ),
    ],
)
def test_bad_metadata(patients, change, message):
    arguments = {"estimator": KMeans(2), "X": patients[0], "random_state": 0}
    with pytest.raises((TypeError, ValueError), match=message):
        cluster_stability(**arguments | change)


@pytest.mark.slow
def test_digits_are_more_stable_than_noise(digits):
    images = digits[0][:600]
    noise = np.random.default_rng(0).integers(0, 17, images.shape).astype(float)
    clusterer = ContrastiveAutoencoderClusterer(8, max_epochs=10, latent_dim=16)
    real, none = (
        cluster_stability(clusterer, X, n_resamples=3, random_state=0)
        for X in (images, noise)
    )
    assert real.adjusted_rand_mean > none.adjusted_rand_mean + 0.2
    assert not none.stable.any()
    assert "No stratum is stable" in str(none)
