import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering._evaluation.fit_metadata import (
    fit_keywords,
    fit_metadata,
    take_metadata,
)

GROUPS, SITES = [1, 1, 2], ["a", "b", "b"]


class TakesBoth(ClusterMixin, BaseEstimator):
    def fit(self, X, y=None, *, groups=None, nuisance=None):
        self.labels_ = np.zeros(len(X), int)
        return self


class CentersByGroup(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None, *, groups=None):
        return self

    def transform(self, X):
        return X


def test_metadata_goes_where_fit_takes_it():
    both = {"groups": GROUPS, "nuisance": SITES}
    assert fit_metadata(TakesBoth(), GROUPS, SITES) == both
    assert fit_metadata(TakesBoth(), GROUPS, None) == {"groups": GROUPS}
    assert fit_metadata(TakesBoth(), None, None) == {}
    assert fit_metadata(KMeans(), GROUPS, None) == {}


def test_each_step_of_a_pipeline_gets_what_it_takes():
    pipeline = make_pipeline(StandardScaler(), CentersByGroup(), TakesBoth())
    assert fit_metadata(pipeline, GROUPS, SITES) == {
        "centersbygroup__groups": GROUPS,
        "takesboth__groups": GROUPS,
        "takesboth__nuisance": SITES,
    }
    nested = make_pipeline("passthrough", None, make_pipeline(TakesBoth()))
    assert fit_keywords(nested, "groups") == ["pipeline__takesboth__groups"]


@pytest.mark.parametrize("estimator", [KMeans(), make_pipeline(KMeans())])
def test_nuisance_that_nothing_takes_is_refused(estimator):
    with pytest.raises(TypeError, match=r"cannot account for nuisance.*leave nuisance"):
        fit_metadata(estimator, GROUPS, SITES)


@pytest.mark.parametrize(
    "metadata",
    [
        SITES,
        tuple(SITES),
        np.array(SITES),
        pd.Series(SITES, index=[5, 6, 7]),
        pl.Series(SITES),
    ],
)
def test_rows_of_a_column(metadata):
    assert list(take_metadata(metadata, np.array([0, 2]))) == ["a", "b"]


@pytest.mark.parametrize("library", [dict, pd.DataFrame, pl.DataFrame])
def test_rows_of_several_columns(library):
    taken = take_metadata(library({"site": SITES, "year": [1, 2, 3]}), np.array([2, 1]))
    assert list(taken["site"]) == ["b", "b"]
    assert list(taken["year"]) == [3, 2]
