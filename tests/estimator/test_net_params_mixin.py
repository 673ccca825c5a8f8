"""Parameters of the net as keywords of the estimator."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    SelfTrainingRefinement,
)
from contrastive_clustering._training.net_params import is_net_parameter


def make(fast, **parameters):
    return ContrastiveAutoencoderClusterer(**{**fast, **parameters})


def test_get_params_and_set_params(fast):
    clusterer = make(fast, optimizer__betas=(0.8, 0.99))
    params = clusterer.get_params()
    assert params["optimizer__betas"] == (0.8, 0.99)
    assert clusterer.get_params(deep=False)["optimizer__betas"] == (0.8, 0.99)
    clusterer.set_params(optimizer__betas=(0.5, 0.9), module__projection_dim=3, lr=1.0)
    assert clusterer.get_params()["optimizer__betas"] == (0.5, 0.9)
    assert (clusterer.module__projection_dim, clusterer.lr) == (3, 1.0)
    assert clusterer.set_params(**params).get_params() == {
        **params,
        "module__projection_dim": 3,
    }
    plain = ContrastiveAutoencoderClusterer().get_params()
    assert not any(is_net_parameter(name) for name in plain)


def test_parameters_of_nested_estimators_can_be_set(fast):
    clusterer = make(fast, clusterer=KMeans())
    clusterer.set_params(clusterer__n_init=3, optimizer__eps=1e-3)
    assert clusterer.clusterer.n_init == 3
    assert clusterer.get_params()["clusterer__n_init"] == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"clusterer__n_init": 3},
            "clusterer='kmeans' has .*with n_init=3",
        ),
        (
            {"clusterer": KMeans, "clusterer__n_init": 3},
            "clusterer=<class .*Set clu",
        ),
        ({"refinement__temperature": 0.3}, "refinement=SelfTraining.*Set refinement"),
        ({"lr__decay": 0.3}, "lr=0.003 has no"),
    ],
)
def test_objects_without_parameters_are_named(fast, parameters, message):
    clusterer = make(fast, refinement=SelfTrainingRefinement())
    before = clusterer.get_params()
    with pytest.raises(ValueError, match=f"__.* cannot be set, because {message}"):
        clusterer.set_params(**parameters)
    assert clusterer.get_params() == before
    clusterer.set_params(clusterer=KMeans(), clusterer__n_init=3)
    assert clusterer.clusterer.n_init == 3


def test_clones_pickles_and_representations_include_them(tiny_images, fast):
    clusterer = make(fast, optimizer__betas=(0.8, 0.99), module__projection_dim=7)
    copy = clone(clusterer)
    assert copy.get_params() == clusterer.get_params()
    assert "optimizer__betas=(0.8, 0.99)" in repr(clusterer)
    assert "optimizer__betas" in clusterer._repr_html_()
    loaded = pickle.loads(pickle.dumps(clusterer.fit(tiny_images)))
    assert loaded.get_params() == clusterer.get_params()
    np.testing.assert_array_equal(
        copy.fit(tiny_images).transform(tiny_images), loaded.transform(tiny_images)
    )


def test_grid_search(tiny_images, fast):
    search = GridSearchCV(
        make(fast, image_shape=(8, 8)),
        {"optimizer__betas": [(0.8, 0.9), (0.9, 0.99)], "module__projection_dim": [3]},
        cv=2,
        error_score="raise",
    )
    best = search.fit(tiny_images.reshape(40, -1)).best_estimator_
    groups = best.net_.optimizer_.param_groups
    assert groups[0]["betas"] == search.best_params_["optimizer__betas"]
    assert best.net_.module_.projection_head[-1].out_features == 3


def test_pipelines_set_them(tiny_images, fast):
    pipeline = Pipeline(
        [("scale", MinMaxScaler()), ("clusterer", make(fast, image_shape=(8, 8)))]
    )
    pipeline.set_params(clusterer__optimizer__betas=(0.7, 0.9))
    assert pipeline.get_params()["clusterer__optimizer__betas"] == (0.7, 0.9)
    pipeline.fit(tiny_images.reshape(40, -1))
    groups = pipeline[-1].net_.optimizer_.param_groups
    assert groups[0]["betas"] == (0.7, 0.9)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("foo", "unexpected keyword argument 'foo'"),
        ("optimzer__betas", "unexpected keyword argument 'optimzer__betas'"),
        ("optimizer_betas", r"Did you mean optimizer__betas\? .*callbacks__"),
        ("optimizer__", "unexpected keyword argument 'optimizer__'"),
        ("n_cluster", r"Did you mean n_clusters\?"),
    ],
)
def test_unknown_keywords_are_rejected_immediately(name, message):
    with pytest.raises(TypeError, match=rf"^ContrastiveAuto.*{message}"):
        ContrastiveAutoencoderClusterer(**{name: 3})
    with pytest.raises(ValueError, match="Invalid parameter"):
        ContrastiveAutoencoderClusterer().set_params(**{name.strip("_") + "x": 3})
