import pytest

import contrastive_clustering
from contrastive_clustering import _public


def test_all_public_names_are_imported():
    names = set(contrastive_clustering.__all__) - {"__version__"}
    assert names == set(_public.__all__)
    for name in names:
        assert getattr(contrastive_clustering, name) is getattr(_public, name)


def test_unknown_names_are_refused_as_usual():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = contrastive_clustering.nothing
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from contrastive_clustering import nothing  # noqa: F401


def test_public_names_are_listed():
    assert set(contrastive_clustering.__all__) <= set(dir(contrastive_clustering))
