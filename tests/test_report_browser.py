"""The report in a real browser: it opens, requests nothing, and fits a phone."""

import re

import numpy as np
import pytest
from chromium import look_at, print_page, run_chromium

from contrastive_clustering import ContrastiveAutoencoderClusterer, clustering_report
from contrastive_clustering._report.page import Section, page, table

A4 = (0, 0, 595, 842)

# That of A4 within its margins, in CSS pixels: 182 mm.
WIDTH_OF_TEXT = 688

LONG = "a_name_without_any_space_that_is_longer_than_a_phone_is_wide_" * 2


@pytest.fixture(scope="module")
def report(digits, tmp_path_factory):
    images, y = digits[0][:60], digits[1][:60]
    estimator = ContrastiveAutoencoderClusterer(
        4, clusterer="kmeans", max_epochs=2, refinement_epochs=1, random_state=0
    ).fit(images)
    estimator.set_params(checkpoint_dir=LONG)
    return clustering_report(
        estimator,
        images,
        [f"<script>alert({k})</script>" for k in y % 3],
        tmp_path_factory.mktemp("report") / "a report & more.html",
        title=LONG,
        show_samples=True,
        random_state=0,
    )


def test_report_opens_on_a_phone_and_requests_nothing(report, tmp_path):
    found, console, requested = look_at(tmp_path, report, width=390)
    assert found["title"] == LONG
    assert found["styled"] == "flex"  # the policy allows the style of the page
    assert len(found["images"]) >= 10
    assert all(width > 0 for width in found["images"])
    assert found["width"] == 390
    assert found["needed"] == 390
    assert found["outside"] == []
    assert console == []
    assert requested == set()


@pytest.mark.slow
def test_wide_tables_and_plots_fit_on_paper(digits, tmp_path):
    """Apply the style of print, and not that of screens, in a window of A4's width."""
    images, rng = digits[0][:200], np.random.default_rng(0)
    estimator = ContrastiveAutoencoderClusterer(
        13, clusterer="kmeans", max_epochs=2, refinement_epochs=1, random_state=0
    ).fit(images)
    metadata = {
        "site": rng.choice(["Aachen", "Bern", "Chur"], 200),
        "weight at birth": rng.normal(3412.5, 333.3, 200),
        "days": rng.integers(1, 9000, 200),
        "died": rng.integers(2, size=200),
    }
    report = clustering_report(
        estimator,
        images,
        digits[1][:200],
        tmp_path / "report.html",
        metadata=metadata,
        survival=("days", "died"),
        nuisance="site",
        random_state=0,
    )
    source = report.read_text("utf-8")
    source = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)
    source = source.replace("@media screen", "@media print")
    page = tmp_path / "paper.html"
    page.write_text(source.replace("@media print {", "@media all {"), "utf-8")
    found, _, _ = look_at(tmp_path, page, width=WIDTH_OF_TEXT)
    assert found["needed"] == WIDTH_OF_TEXT
    assert found["outside"] == []


@pytest.mark.slow
def test_pages_break_between_sections(tmp_path):
    """Print four sections, each of about two thirds of a page."""
    rows = [[row, row] for row in range(20)]
    sections = [
        Section(f"s{chr(97 + n)}", f"Part {n}", [table(f"t{n}", "t", ["a", "b"], rows)])
        for n in range(4)
    ]
    file = tmp_path / "page.html"
    file.write_text(page("Title", [], sections, "The end."), "utf-8")
    printed = print_page(tmp_path, file)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 4
    (box,) = set(re.findall(rb"/MediaBox\s*\[([^]]*)\]", printed))
    assert [float(each) for each in box.split()] == pytest.approx(A4, abs=1)


def test_requests_and_errors_are_detected(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<img src="http://127.0.0.1:9/x.png"><script>throw Error("seen")</script>'
    )
    _, console, requested = run_chromium(tmp_path, page, "--dump-dom")
    assert requested == {"http://127.0.0.1:9/x.png"}
    assert any("seen" in line for line in console)
