import numpy as np
import pandas as pd
import pytest

from contrastive_clustering._command.labels import (
    AssignedImages,
    make_group_labels,
    make_labels,
    write_labels,
)
from contrastive_clustering._command.reading import LoadedFolder


@pytest.fixture
def folder(tiny_images):
    facts = pd.DataFrame({"frame": np.arange(40) % 2})
    paths = [f"{number // 2}.dcm" for number in range(40)]
    return LoadedFolder(tiny_images, paths, facts, {"ä,b.png": 'is "empty"'})


def assigned(clusterer, folder, groups=None, labels=None):
    latents = clusterer.transform(folder.images)
    labels = clusterer.labels_ if labels is None else labels
    return AssignedImages(clusterer, folder, latents, labels, groups)


def test_each_image_and_each_broken_file_has_a_row(fit_tiny, folder, tmp_path):
    clusterer = fit_tiny()
    table = make_labels(assigned(clusterer, folder))
    write_labels(tmp_path / "x.csv", table)
    table = pd.read_csv(tmp_path / "x.csv")
    names = ["path", "frame", "stratum", "confidence", "typicality", "error"]
    assert list(table.columns) == names
    read = table[:40]
    assert read["path"].tolist() == folder.paths
    assert read["frame"].tolist() == folder.facts["frame"].tolist()
    np.testing.assert_array_equal(read["stratum"], clusterer.labels_)
    proba = clusterer.predict_proba(folder.images)
    np.testing.assert_allclose(read["confidence"], proba.max(axis=1), atol=1e-4)
    scores = clusterer.score_samples(folder.images)
    np.testing.assert_allclose(read["typicality"], scores, atol=1e-4)
    assert read["error"].isna().all()
    last = table.iloc[40]
    assert (last["path"], last["error"]) == ("ä,b.png", 'is "empty"')
    assert last[names[1:-1]].isna().all()
    assert "0.dcm,0,1," in (tmp_path / "x.csv").read_text()  # not 1.0


def test_noise_has_no_confidence(fit_tiny, folder):
    clusterer = fit_tiny()
    labels = np.where(np.arange(40) == 3, -1, clusterer.labels_)
    table = make_labels(assigned(clusterer, folder, labels=labels))
    assert table["stratum"][3] == -1
    assert np.flatnonzero(table["confidence"][:40].isna()).tolist() == [3]


def test_groups_have_their_strata(fit_tiny, folder):
    clusterer = fit_tiny()
    groups = pd.Series(["a", "b", None, None] * 10, dtype=object)
    table = make_labels(assigned(clusterer, folder, groups))[:40]
    strata = clusterer.predict_groups(folder.images, groups)
    for row in range(40):
        name = groups[row] or f"sample {row}"
        assert table["group_stratum"][row] == strata["stratum"][name]
        assert table["group_agreement"][row] == pytest.approx(
            strata["agreement"][name], abs=1e-4
        )
    assert table["group"].isna().tolist() == groups.isna().tolist()


def test_a_group_may_have_the_name_of_a_sample_without_one(fit_tiny, folder):
    clusterer = fit_tiny()
    groups = pd.Series(["sample 2", "b", None, None] * 10, dtype=object)
    named = pd.Series(["a", "b", None, None] * 10, dtype=object)
    columns = ["group_stratum", "group_agreement"]
    tables = [
        make_labels(assigned(clusterer, folder, each))[columns]
        for each in (groups, named)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_each_group_has_a_row(fit_tiny, folder, tmp_path):
    clusterer = fit_tiny()
    groups = pd.Series(["b", "a", None, None] * 10, dtype=object)
    table = make_group_labels(assigned(clusterer, folder, groups))
    write_labels(tmp_path / "x.csv", table)
    table = pd.read_csv(tmp_path / "x.csv")
    strata = clusterer.predict_groups(folder.images, groups)
    assert table["group"][:2].tolist() == ["b", "a"]
    assert table["group"][2:].isna().all()
    assert len(table) == 2 + 20
    first = [0, 1, *np.flatnonzero(groups.isna())]
    assert table["path"].tolist() == [folder.paths[row] for row in first]
    np.testing.assert_array_equal(table["stratum"], strata["stratum"])
    np.testing.assert_array_equal(table["n_images"], strata["n_samples"])
    columns = ["agreement", *(f"proba_{k}" for k in range(clusterer.n_clusters_))]
    np.testing.assert_allclose(table[columns], strata[columns], atol=1e-4)
    names = ["group", "path", "stratum", "agreement", "n_images", *columns[1:]]
    assert table.columns.tolist() == names


def test_groups_have_the_same_stratum_in_both_tables(fit_tiny, folder):
    clusterer = fit_tiny()
    groups = pd.Series(np.arange(40) // 2 % 7)
    both = assigned(clusterer, folder, groups)
    images = make_labels(both)[:40]
    table = make_group_labels(both).set_index("group")
    for row in range(40):
        found = table.loc[groups[row]]
        assert images["group_stratum"][row] == found["stratum"]
        assert images["group_agreement"][row] == found["agreement"]


def test_texts_that_say_that_groups_are_unknown_are_named(fit_tiny, folder):
    clusterer = fit_tiny()
    groups = pd.Series(["a", "b", "unknown", "c"] * 10, dtype=object)
    with pytest.warns(
        UserWarning, match=r"groups has .* 'unknown', which count as one"
    ):
        make_group_labels(assigned(clusterer, folder, groups))
