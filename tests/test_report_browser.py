"""The report in a real browser: it opens, requests nothing, and fits a phone."""

import pytest
from chromium import look_at, run_chromium

from contrastive_clustering import ContrastiveAutoencoderClusterer, clustering_report

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


def test_requests_and_errors_are_detected(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<img src="http://127.0.0.1:9/x.png"><script>throw Error("seen")</script>'
    )
    _, console, requested = run_chromium(tmp_path, page, "--dump-dom")
    assert requested == {"http://127.0.0.1:9/x.png"}
    assert any("seen" in line for line in console)
