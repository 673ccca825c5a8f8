import pytest

# Columns of a run of ours that passes all checks.
GOOD = {
    "set": "retinamnist",
    "strata": 20,
    "n_train": 1080,
    "balanced": 0.49,
    "balanced_se": 0.02,
    "neighbors_balanced": 0.5,
    "neighbors_se": 0.01,
    "linear_balanced": 0.6,
    "linear_se": 0.01,
}


@pytest.fixture
def check(benchmark_module, make_run):
    """Return a function that returns the cells of the checks by their titles."""
    table = benchmark_module("quality_table")
    checks = benchmark_module("quality_checks")

    def make(runs):
        rows = table.make_rows([make_run(**run) for run in runs], "test")
        (cells,) = checks.make_checks(rows)
        return dict(zip(checks.CHECKS_HEADER, cells, strict=True))

    return make


def verdicts(cells):
    return {name: cell[:4] for name, cell in cells.items() if ":" in cell}


def other(method, strata=20, **metrics):
    return {"set": "retinamnist", "method": method, "strata": strata, **metrics}


COMPONENTS = other(
    "components", None, neighbors_balanced=0.505, linear_balanced=0.6, seed=0
)
KMEANS = other("k-means on pixels", balanced=0.50)


def test_all_checks_pass(check):
    cells = check([GOOD, GOOD | {"seed": 1}, COMPONENTS, KMEANS])
    assert verdicts(cells) == {
        "no baseline ahead": "pass",
        "neighbors on latents": "pass",
        "linear model on latents": "pass",
        "20 strata / neighbors": "pass",
        "spread of seeds": "pass",
    }
    assert cells["no baseline ahead"] == "pass: 0.490 ± 0.020, k-means on pixels 0.500"
    assert cells["20 strata / neighbors"] == "pass: 0.980"


@pytest.mark.parametrize(
    ("runs", "missed"),
    [
        ([KMEANS | {"balanced": 0.52}], "no baseline ahead"),
        ([COMPONENTS | {"neighbors_balanced": 0.52}], "neighbors on latents"),
        ([COMPONENTS | {"linear_balanced": 0.62}], "linear model on latents"),
        ([GOOD | {"seed": 1, "balanced": 0.54}], "spread of seeds"),
        ([GOOD | {"seed": 1, "neighbors_balanced": 0.56}], "20 strata / neighbors"),
    ],
)
def test_each_check_can_be_missed(check, runs, missed):
    found = verdicts(check([GOOD, *runs]))
    assert [title for title, word in found.items() if word == "miss"] == [missed]


def test_checks_without_their_methods_are_empty(check):
    cells = check(
        [GOOD | {"strata": 10, "n_train": 1000}, GOOD | {"method": "ours, b"}]
    )
    assert verdicts(cells) == {}
    assert cells["data"] == "retinamnist"


def test_methods_with_labels_and_other_strata_are_not_baselines(check):
    runs = [
        other("encoder with labels and views", None, balanced=0.9),
        other("ours, without second phase", balanced=0.9),
        other("k-means on pixels", 10, balanced=0.9),
    ]
    assert check([GOOD, *runs])["no baseline ahead"] == ""


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((0.983, 0.987, 0.990), ["pass: 0.987", "pass: 0.983"]),
        ((0.982, 0.986, 0.990), ["miss: 0.986", "miss: 0.982"]),
    ],
)
def test_targets_can_be_missed(benchmark_module, make_run, values, found):
    table = benchmark_module("quality_table")
    checks = benchmark_module("quality_checks")
    runs = [make_run(seed=i, one_to_one=value) for i, value in enumerate(values)]
    cells = list(checks.make_targets(table.make_rows(runs, "test")))
    assert [row[-2] for row in cells] == found
    assert [row[-1] for row in cells] == ["", ""]
    with_labels = {"method": "encoder with labels and views", "strata": None}
    runs.append(make_run(**with_labels, one_to_one=0.98))
    cells = list(checks.make_targets(table.make_rows(runs, "test")))
    assert [row[-2:] for row in cells] == [[each, "0.980"] for each in found]
