import dataclasses
import pickle

import numpy as np
import pytest

from contrastive_clustering import audit_confounding


class Planted:
    """A clusterer whose strata are the first column, and latents the others."""

    def predict(self, X):
        return X[:, 0].astype(int)

    def transform(self, X):
        return X[:, 1:]


RNG = np.random.default_rng(0)
SITE = np.arange(84) % 2
X = np.c_[SITE, RNG.normal(size=(84, 3)) + 4 * SITE[:, None]]
X[80:, 0] = -1
NUISANCE = {
    "<b>site</b>": np.where(SITE == 1, "<i>here", "there"),
    "hand": RNG.choice(["left", "right"], 84),
}
Y = RNG.choice(["ill", "well"], 84)


def audit(**parameters):
    return audit_confounding(
        Planted(), X, nuisance=NUISANCE, y=Y, random_state=0, **parameters
    )


@pytest.fixture(scope="module")
def result():
    return audit()


def test_text_holds_numbers_and_verdicts(result):
    lines = str(result).splitlines()
    assert lines[0] == (
        "2 strata of 80 samples; 4 noise samples are left out; balanced accuracy of y "
        f"from the strata {result.y_balanced_accuracy:.3f}"
    )
    assert lines[1] == "  <b>site</b> (2 levels): confounded"
    assert lines[2].endswith("adjusted mutual information 1.000, p = 0.001")
    assert "balanced accuracy 1.000 [1.000, 1.000], 0.500 by chance" in lines[3]
    assert lines[4].startswith("    robustness index ")
    assert lines[5].startswith("    association with y: Cramer's V ")
    assert lines[6] == "  hand (2 levels): no sign of confounding"
    assert "999 permutations of samples, not corrected" in lines[-1]
    assert lines[-1].endswith("Intervals of 95% by resampling samples. 15 neighbors.")


def test_a_single_noise_sample_is_in_the_singular():
    nuisance = {"hand": NUISANCE["hand"][:81]}
    result = audit_confounding(Planted(), X[:81], nuisance=nuisance, random_state=0)
    assert str(result).startswith("2 strata of 80 samples; 1 noise sample is left out")


def test_text_says_how_many_groups_there_are():
    text = str(audit(groups=np.arange(84) // 2 * 2 + SITE * (np.arange(84) > 60)))
    assert text.startswith("2 strata of 50 groups (80 samples); 4 noise")
    assert "permutations of groups" in text


def test_text_leaves_out_what_is_not_known(result):
    class WithoutLatents:
        predict = Planted().predict

    text = str(audit_confounding(WithoutLatents(), X, nuisance=SITE, random_state=0))
    assert "  nuisance (2 levels): not identifiable" in text
    assert "Each stratum has a single level of nuisance" in text
    for word in ("probe", "robustness", "Cramer"):
        assert word not in text


def test_verdicts_and_the_most_serious_one(result):
    assert result.verdicts == {
        "<b>site</b>": "confounded",
        "hand": "no sign of confounding",
    }
    assert result.verdict == "confounded"


def test_html_is_escaped(result):
    html = result._repr_html_()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;site&lt;/b&gt;" in html
    assert "&lt;i&gt;here" in html
    assert html.count("<table") == 2
    assert "confounded" in html


def test_result_is_frozen_and_can_be_pickled(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.n_samples = 1
    assert str(pickle.loads(pickle.dumps(result))) == str(result)
