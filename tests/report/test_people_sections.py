import numpy as np
import pytest
from html_page import Page
from people import META, OPTIONS, PATIENT, N, choose, read

from contrastive_clustering._display.drawing.palette import group_color
from contrastive_clustering._report import plots
from contrastive_clustering._report.page import paragraph
from contrastive_clustering._report.people import examine_people
from contrastive_clustering._report.people_sections import (
    people_notes,
    people_sections,
)

pytestmark = pytest.mark.usefixtures("no_window")

NASTY = "<i>$x$</i>"


@pytest.fixture
def texts(monkeypatch):
    """Keep the text alternatives and captions of plots, which are not drawn."""

    def embed(display, alt, caption):
        return paragraph(f"{type(display).__name__}: {alt} {caption}")

    monkeypatch.setattr(plots, "embed", embed)


def show(people):
    return Page(source_of(people))


def source_of(people):
    return "".join(piece for part in people_sections(people) for piece in part.pieces)


def examine(*, labels=None, metadata=META, y=None, **options):
    chosen = choose(y=y) if labels is None else choose(labels=labels, y=y)
    return examine_people(read(metadata, **{**OPTIONS, **options}), chosen, 0)


@pytest.mark.usefixtures("texts")
def test_sections_hold_tables_and_plots():
    people = examine()
    page = show(people)
    assert [part.title for part in people_sections(people)] == [
        "Strata and other variables",
        "Confounding",
    ]
    assert page.text("span") == [
        "Tests of the strata against other variables",
        "Baseline characteristics by stratum",
        "Whether strata and latents follow nuisance variables",
        "Number of groups in each stratum by site",
    ]
    text = " ".join(page.text("p"))
    assert "SurvivalDisplay: Kaplan-Meier curves of 3 strata" in text
    assert "StrataCompositionDisplay: Stacked bars" in text
    assert "3 strata of 40 groups" in text
    row = people.association.table.loc["age"]
    assert f"{row['p']:.3g}" in page.text("td")
    assert people.audit.verdict in page.text("td")
    agreement = people.audit.table.loc["site", "adjusted_mutual_info"]
    assert f"{agreement:.3g}" in page.text("td")


@pytest.mark.usefixtures("texts")
def test_identifiers_are_on_no_page():
    for options in ({}, {"groups": META["patient"], "nuisance": META["site"]}):
        source = source_of(examine(**options))
        assert "SECRET" not in source
        assert "name 1" not in source


@pytest.mark.usefixtures("texts")
def test_names_are_escaped():
    metadata = {"patient": PATIENT, NASTY: META["site"], "age": META["age"]}
    people = examine(metadata=metadata, survival=None, nuisance=NASTY)
    assert "<i>" not in source_of(people)
    assert NASTY in show(people).text("th")


@pytest.mark.usefixtures("texts")
def test_measures_that_are_not_known_are_left_out():
    page = show(examine())
    assert "robustness index" not in page.text("th")
    page = show(examine(y=np.arange(N) // 2 % 2))
    assert "robustness index" in page.text("th")
    assert "association with y" in page.text("th")


@pytest.mark.usefixtures("texts")
def test_baseline_of_many_strata_fits_a_page_and_has_the_colors_of_strata():
    people = examine(labels=np.arange(N) // 2 % 8, survival=None)
    (section, _) = people_sections(people)
    _, _, _, *tables = map(Page, section.pieces)
    assert [page.text("span") for page in tables] == [
        ["Baseline characteristics by stratum, 0 to 3"],
        ["Baseline characteristics by stratum, 4 to 7"],
    ]
    for page, strata in zip(tables, ("0123", "4567"), strict=True):
        assert page.text("th")[:7] == ["variable", "statistic", "all", *strata]
        found = [attrs["fill"] for attrs in page.all("rect")]
        assert found == [group_color(int(each)) for each in strata]
    assert tables[0].text("th")[7:] == tables[1].text("th")[7:]


@pytest.mark.usefixtures("texts")
def test_rows_without_missing_values_are_left_out():
    page = show(examine())
    assert "missing, n (%)" not in page.text("td")
    age = np.where(PATIENT == 3, np.nan, META["age"])
    page = show(examine(metadata={**META, "age": age}))
    assert "missing, n (%)" in page.text("td")


@pytest.mark.usefixtures("texts")
def test_variables_that_cannot_be_tested_state_why():
    page = show(examine(metadata={**META, "dose": ["x"] * N}))
    assert "not tested" in page.text("td")
    assert "constant" in page.text("td")


@pytest.mark.usefixtures("texts")
def test_curves_are_left_out_without_times():
    page = show(examine(metadata={**META, "days": [None] * N}))
    assert "SurvivalDisplay" not in " ".join(page.text("p"))
    assert "all values are missing" in page.text("td")


@pytest.mark.usefixtures("texts")
def test_many_levels_have_a_plot_alone():
    site = [f"site {p % 12}" for p in PATIENT]
    page = show(examine(nuisance=site))
    assert "Number of groups in each stratum" not in " ".join(page.text("span"))
    assert "StrataCompositionDisplay" in " ".join(page.text("p"))


def test_plots_show_the_levels_in_order():
    site = np.where(PATIENT % 5, META["site"], None)
    page = show(examine(nuisance=site, metadata=META))
    assert len(page.all("img")) == 2


@pytest.mark.usefixtures("texts")
def test_numbers_of_levels_are_sorted_by_value_and_missing_ones_come_last():
    year = np.array([10, 9, 8, None, 101], dtype=object)[PATIENT % 5]
    people = examine(nuisance={"year": year})
    _, *names = Page(people_sections(people)[1].pieces[-1]).text("th")[:6]
    assert names == ["8", "9", "10", "101", "missing"]
    assert people.audit.composition["year"].columns.tolist() != names


@pytest.mark.parametrize("varies", [False, True])
@pytest.mark.usefixtures("texts")
def test_captions_say_if_groups_count_several_times(varies):
    level = np.where(np.arange(N) % 2 if varies else PATIENT % 2, "AP", "PA")
    people = examine(nuisance={"view": level})
    counts = people.audit.composition.to_numpy()
    assert (counts.sum() > people.audit.n_groups) == varies
    assert ("counts at each of them" in " ".join(show(people).text("p"))) == varies


def test_notes_name_variables_that_are_not_audited():
    data = read(None, nuisance={"rare": np.arange(N) == 7, "site": META["site"]})
    people = examine_people(data, choose(np.arange(20, N)), 0)
    assert people_notes(people)[-1] == (
        "Not audited, because the samples used have one group, one level or too many "
        "levels: rare."
    )


def test_notes_name_verdicts_and_columns_that_are_left_out():
    people = examine()
    assert people_notes(people) == [
        "Left out because the values may identify persons: name, number."
    ]
    labels = np.array(META["site"] == "A", dtype=int)
    first, _ = people_notes(examine(labels=labels))
    assert first.startswith("site: not identifiable. Each stratum has a single level")
    notes = people_notes(examine(labels=np.zeros(N, int), nuisance=None))
    assert notes[0].startswith("Strata are not compared with metadata")


def test_nothing_is_shown_of_what_is_not_known():
    people = examine(labels=np.zeros(N, int), nuisance=None)
    assert people_sections(people) == []
