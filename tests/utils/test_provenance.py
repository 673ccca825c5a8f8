from importlib.metadata import version

from sklearn.cluster import KMeans

from contrastive_clustering._utils.provenance import import_path, package_versions


def test_versions_are_the_installed_ones():
    versions = package_versions()
    assert versions["contrastive_clustering"] == version("contrastive_clustering")
    assert versions["torch"] == version("torch")
    assert set(versions) >= {"numpy", "scikit-learn", "skorch"}


def test_import_paths_name_the_definition():
    assert import_path(KMeans) == "sklearn.cluster._kmeans.KMeans"
    assert import_path(KMeans.fit) == "sklearn.cluster._kmeans.KMeans.fit"
