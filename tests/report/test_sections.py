import functools
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from html_page import Page
from sklearn.cluster import KMeans

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
    PrototypeRefinement,
)
from contrastive_clustering._report.data import choose_samples, take_fingerprint
from contrastive_clustering._report.metrics import Metric
from contrastive_clustering._report.sections import (
    describe_value,
    losses_table,
    metrics,
    origins,
    parameters,
    search_table,
    strata_table,
    summary,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.provenance import package_versions


@pytest.fixture(scope="module")
def searched(digits):
    return ContrastiveAutoencoderClusterer(
        ClusterNumberSearch(min_clusters=2, max_clusters=4),
        clusterer="kmeans",
        max_epochs=3,
        refinement_epochs=2,
        early_stopping=True,
        random_state=0,
    ).fit(digits[0][:120])


def cells(fragment):
    """Return the texts of the body rows of a table."""
    parsed = Page(re.sub(r"(<td[^>]*>)</td>", r"\1-</td>", str(fragment)))
    n_columns = sum(attrs["scope"] == "col" for attrs in parsed.all("th"))
    body = parsed.text("th", "td")[n_columns:]
    return [body[i : i + n_columns] for i in range(0, len(body), n_columns)]


def chosen_of(estimator, images, y=None, max_samples=1000):
    return choose_samples(estimator, images, images, y, max_samples=max_samples, seed=0)


def test_summary_describes_fit_and_data(searched, digits):
    images = digits[0]
    chosen = chosen_of(searched, images, max_samples=50)
    section = summary(searched, chosen, len(images))
    shown = Page("".join(section.pieces)).text("dd")
    assert shown[:4] == [
        "ContrastiveAutoencoderClusterer",
        "120 samples",
        "gray image of 8 \N{MULTIPLICATION SIGN} 8 pixels",
        "float64, from 0 to 16",
    ]
    assert shown[4] == f"{searched.n_clusters_}, chosen by the criterion silhouette"
    assert shown[5].startswith("3 epochs in the first phase and 2 in the second, ")
    assert shown[6] == "1,797 samples in X, 50 of them used, drawn at random"


def test_strata_are_counted(searched, digits):
    images, y = digits[0][:120], digits[1][:120]
    rows = cells(strata_table(searched, chosen_of(searched, images, y)))
    assert len(rows) == searched.n_clusters_
    for stratum, row in enumerate(rows):
        classes = y[searched.labels_ == stratum]
        n, counts = len(classes), np.bincount(classes)
        size = [str(n), f"{100 * n / 120:.1f} %"]
        share = f"{100 * counts.max() / n:.1f} %"
        assert row == [str(stratum), *size, *size, str(counts.argmax()), share]


def test_noise_has_a_row_and_empty_strata_have_no_class(searched, digits):
    chosen = chosen_of(searched, digits[0][:120], digits[1][:120])
    chosen.labels[:] = 0
    chosen.labels[:6] = -1
    rows = cells(strata_table(searched, chosen))
    assert rows[1][3:] == ["0", "0.0 %", "none", "-"]
    assert rows[-1][:5] == ["noise", "0", "0.0 %", "6", "5.0 %"]


def test_a_group_weighs_as_one_in_the_classes_of_strata(searched):
    """One patient with ten images of class 0, and three others of class 1."""
    y = np.array([0] * 10 + [1] * 3)
    chosen = SimpleNamespace(labels=np.zeros(13, int), y=y, y_name="finding")
    patients = Grouping(np.array([0] * 10 + [1, 2, 3]), 4)
    plain, grouped = (
        cells(strata_table(searched, chosen, each))[0] for each in (None, patients)
    )
    assert plain[-4:] == ["13", "100.0 %", "0", "76.9 %"]
    assert grouped[-4:] == ["13", "100.0 %", "1", "75.0 %"]
    assert "a group weighs as one in the most frequent finding" in strata_table(
        searched, chosen, patients
    )


def test_internal_and_external_metrics_have_separate_tables():
    internal = [
        Metric("Silhouette", 0.25, "How compact."),
        Metric("Other", np.nan, "How else."),
    ]
    section = metrics(internal, [], 10)
    assert cells("".join(section.pieces)) == [
        ["Silhouette", "0.250", "How compact."],
        ["Other", "not defined", "How else."],
    ]
    both = Page("".join(metrics(internal, internal, 10).pieces))
    assert both.text("span") == [
        "Metrics without labels, on 10 samples",
        "Metrics against the labels y, on 10 samples",
    ]
    grouped = Page("".join(metrics(internal, [], 10, n_groups=4).pieces))
    assert grouped.text("span") == [
        "Metrics without labels, on 10 samples of 4 groups; a group weighs as one"
    ]


def test_search_table_marks_the_chosen_number(searched):
    result = searched.cluster_number_search_
    rows = cells(search_table(searched))
    assert [row[:2] for row in rows] == [
        [str(n), f"{score:.3f}"]
        for n, score in zip(result.candidates, result.scores, strict=True)
    ]
    assert [row[0] for row in rows if row[2] == "chosen"] == [str(result.n_clusters)]


def test_losses_match_the_history(searched):
    history = searched.history_
    rows = {tuple(row[:3]): row[3:] for row in cells(losses_table(searched))}
    assert rows["first", "training", "contrastive (NT-Xent)"] == [
        f"{history[0]['train_contrastive_loss']:.3f}",
        f"{history[2]['train_contrastive_loss']:.3f}",
    ]
    assert rows["first", "validation", "total"] == [
        f"{history[0]['valid_loss']:.3f}",
        f"{history[2]['valid_loss']:.3f}",
    ]
    assert rows["second", "training", "assignment (cross-entropy)"] == [
        f"{history[3]['train_assignment_loss']:.3f}",
        f"{history[4]['train_assignment_loss']:.3f}",
    ]
    assert not any(name == "divergence (KL)" for _, _, name in rows)


def test_changed_parameters_are_highlighted():
    estimator = ContrastiveAutoencoderClusterer(
        clusterer=KMeans(init="random"), lr=3e-3, checkpoint_dir="<b>x</b>"
    )
    section = parameters(estimator)
    parsed = Page("".join(section.pieces))
    assert not parsed.all("b")
    assert parsed.text("span")[0].endswith("2 changed from the default")
    rows = {row[0]: row[1:] for row in cells("".join(section.pieces))}
    assert list(rows) == list(estimator.get_params(deep=False))
    assert rows["clusterer"] == ["KMeans(init='random')", "'consensus'", "yes"]
    assert rows["lr"] == ["0.003", "0.003", "-"]
    assert rows["checkpoint_dir"] == ["'<b>x</b>'", "None", "yes"]
    changed = {name for name in rows if rows[name][-1] == "yes"}
    assert changed == {"clusterer", "checkpoint_dir"}


def test_parameters_of_the_net_are_shown_if_set():
    estimator = ContrastiveAutoencoderClusterer(optimizer__betas=(0.8, 0.99))
    rows = {row[0]: row[1:] for row in cells("".join(parameters(estimator).pieces))}
    assert rows["optimizer__betas"] == ["(0.8, 0.99)", "not set", "yes"]
    assert [row[-1] for row in rows.values()].count("yes") == 1


def test_description_of_a_value_is_short_and_never_fails():
    class Broken:
        def get_params(self, deep):
            raise RuntimeError("no description")

    assert describe_value(Broken()).endswith("Broken without a description")
    assert describe_value(["name"] * 1000).endswith(" …")
    assert describe_value([0.9, 0.99]) == "[0.9, 0.99]"
    assert describe_value(PrototypeRefinement(momentum=0.5)) == (
        "PrototypeRefinement(momentum=0.5)"
    )
    assert len(describe_value("x" * 1000)) < 310


def test_origins_list_data_and_versions(tiny_images):
    fingerprint = take_fingerprint(tiny_images)
    section = origins(fingerprint)
    shown = Page("".join(section.pieces))
    assert shown.text("dd") == [
        "(40, 8, 8)",
        "uint8",
        f"from {tiny_images.min()} to {tiny_images.max()}",
        fingerprint.sha256,
    ]
    versions = dict(cells(section.pieces[-1]))
    assert versions.items() > package_versions().items()
    assert "Python" in versions


def test_origins_say_how_x_was_read_if_it_is_known(tiny_images):
    fingerprint = take_fingerprint(tiny_images)
    section = origins(fingerprint, [("Window", "center 40, width 400")])
    shown = Page("".join(section.pieces))
    assert shown.text("dt")[-1] == "Window"
    assert shown.text("dd")[-1] == "center 40, width 400"
    assert "X was read from files of images as follows." in shown.text("p")
    assert len(origins(fingerprint).pieces) == len(section.pieces) - 2


@pytest.mark.parametrize(
    "wrap",
    [
        lambda image: image,
        lambda image: image.tolist(),
        lambda image: {"mean": image},
        lambda image: functools.partial(np.subtract, image),
        lambda image: [("named", KMeans(init=image))],
        lambda image: SimpleNamespace(image=image),
        torch.from_numpy,
    ],
)
def test_descriptions_do_not_show_images(wrap):
    image = np.full((28, 28), 0.123456)
    shown = describe_value(wrap(image))
    assert "0.123456, 0.123456" not in shown
    assert "0.123456 0.123456" not in shown
