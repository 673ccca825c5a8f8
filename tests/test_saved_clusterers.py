"""Every clusterer and mixture of scikit-learn is saved and loaded, or rejected."""

import re
from pathlib import Path

import numpy as np
import pytest
from custom_clusterers import Named, NamedByFit
from scipy.spatial.distance import euclidean
from sklearn.cluster import DBSCAN, KMeans
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.utils import all_estimators

from contrastive_clustering import ContrastiveAutoencoderClusterer

PAGE = Path(__file__).parents[1] / "docs" / "user_guide" / "saving.rst"

CLASSES = {
    **dict(all_estimators(type_filter="cluster")),
    "BayesianGaussianMixture": BayesianGaussianMixture,
    "GaussianMixture": GaussianMixture,
}

# With these parameters, each finds two strata in the latents of the tiny images.
PARAMETERS = {
    "AffinityPropagation": {"damping": 0.9, "preference": -100},
    "DBSCAN": {"eps": 1.0},
    "HDBSCAN": {"copy": True},
    "MeanShift": {"bandwidth": 1.5},
}


@pytest.fixture(scope="module")
def rows():
    """The entry of each class in the table of the docs, by its name."""
    found = re.findall(
        r"^   \* - :class:`~sklearn\.\w+\.(\w+)`\n     - (.+)$",
        PAGE.read_text(),
        re.MULTILINE,
    )
    assert len(found) == len(dict(found))
    return dict(found)


def test_the_table_in_the_docs_has_every_class(rows):
    assert sorted(rows) == sorted(CLASSES)


@pytest.fixture(params=sorted(CLASSES))
def name(request):
    return request.param


@pytest.mark.parametrize("refinement_epochs", [0, 1])
def test_clusterers_are_saved_or_rejected_as_documented(  # noqa: PLR0917
    tiny_images, fit_tiny, tmp_path, rows, name, refinement_epochs
):
    clusterer = CLASSES[name](**PARAMETERS.get(name, {}))
    parameters = {"clusterer": clusterer, "refinement_epochs": refinement_epochs}
    if rows[name].startswith("refused"):
        with pytest.raises(ValueError, match=f"'clusterer'.*{name}|fit_predict"):
            fit_tiny(**parameters)
        return
    estimator = fit_tiny(**parameters)
    if not refinement_epochs:
        voters = estimator._model.clustering.voters
        assert rows[name].startswith("saved; neighbors vote") == (voters is not None)
    path = tmp_path / "model.safetensors"
    estimator.save(path)
    loaded = ContrastiveAutoencoderClusterer.load(path)
    np.testing.assert_array_equal(loaded.labels_, estimator.labels_)
    others = tiny_images[::-1, ::-1]
    for method in ("predict", "predict_proba"):
        np.testing.assert_array_equal(
            getattr(loaded, method)(others), getattr(estimator, method)(others)
        )
    assert str(loaded.clusterer.get_params()) == str(clusterer.get_params())
    # A loaded estimator can be saved and fitted again.
    loaded.save(path)
    np.testing.assert_array_equal(loaded.fit(tiny_images).labels_, estimator.labels_)


@pytest.mark.parametrize("names", [("b", "a"), (0.5, -1.5), (-3, -2), (-1, 1)], ids=str)
@pytest.mark.parametrize("kind", [Named, NamedByFit])
def test_clusterers_with_any_labels_are_saved(
    tiny_images, fit_tiny, tmp_path, kind, names
):
    estimator = fit_tiny(clusterer=kind(2, names=names))
    custom = f"{kind.__module__}.{kind.__name__}"
    kmeans = "sklearn.cluster._kmeans.KMeans"
    path = tmp_path / "model"
    if kind is Named:
        with pytest.raises(ValueError, match=rf"kmeans_ of clusterer .*\['{kmeans}'\]"):
            estimator.save(path, trusted=[custom])
    estimator.save(path, trusted=[custom, kmeans])
    loaded = ContrastiveAutoencoderClusterer.load(path, trusted=[custom, kmeans])
    others = tiny_images[::-1, ::-1]
    for method in ("predict", "predict_proba"):
        np.testing.assert_array_equal(
            getattr(loaded, method)(others), getattr(estimator, method)(others)
        )


class Circular(KMeans):
    """A clusterer that refers to itself, like nodes of a tree to their parents."""

    def fit(self, X, y=None, sample_weight=None):
        self.itself_ = self
        return super().fit(X)


def test_circular_references_are_rejected(fit_tiny, tmp_path):
    estimator = fit_tiny(clusterer=Circular(2))
    with pytest.raises(ValueError, match="contains circular references"):
        estimator.save(tmp_path / "model", trusted=[f"{__name__}.Circular"])
    assert list(tmp_path.iterdir()) == []


def test_a_function_as_a_parameter_must_be_trusted(fit_tiny, tmp_path):
    estimator = fit_tiny(clusterer=DBSCAN(eps=1.0, metric=euclidean))
    where = f"{euclidean.__module__}.{euclidean.__name__}"
    with pytest.raises(ValueError, match=rf"metric of clusterer=.*'{where}'"):
        estimator.save(tmp_path / "model")
    estimator.save(tmp_path / "model", trusted=[where])
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model", trusted=[where])
    assert loaded.clusterer.metric is euclidean
