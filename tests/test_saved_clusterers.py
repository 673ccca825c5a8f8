"""Every clusterer and mixture of scikit-learn is saved and loaded, or refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.utils import all_estimators

from contrastive_clustering import ContrastiveAutoencoderClusterer

PAGE = Path(__file__).parents[1] / "docs" / "user_guide" / "saving.rst"

CLASSES = {
    **dict(all_estimators(type_filter="cluster")),
    "BayesianGaussianMixture": BayesianGaussianMixture,
    "GaussianMixture": GaussianMixture,
}

# So that each finds two strata in the latents of the tiny images.
PARAMETERS = {
    "AffinityPropagation": {"preference": -100},
    "DBSCAN": {"eps": 1.0},
    "HDBSCAN": {"copy": True},
    "MeanShift": {"bandwidth": 1.5},
}


@pytest.fixture(scope="module")
def rows():
    """What the table in the docs says of each class, by its name."""
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
def test_saved_or_refused_as_the_docs_say(  # noqa: PLR0917
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
        voters = estimator._clustering.voters
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
    # What has been loaded can be saved and fitted, too.
    loaded.save(path)
    np.testing.assert_array_equal(loaded.fit(tiny_images).labels_, estimator.labels_)
