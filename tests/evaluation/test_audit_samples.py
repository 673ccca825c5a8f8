import numpy as np
import pytest

from contrastive_clustering._evaluation import audit_samples as module
from contrastive_clustering._evaluation.audit_samples import audit_samples
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.nuisance import Nuisance

N = 240
PATIENT = np.repeat(np.arange(12), 20)
SITE = PATIENT % 2
STRATA = np.random.default_rng(0).integers(2, size=N)
LATENTS = np.random.default_rng(1).normal(size=(N, 4)) + 9 * SITE[:, None]


def audit(labels=STRATA, encode=lambda rows: LATENTS[rows], classes=None, **changes):
    return audit_samples(
        labels,
        encode,
        Nuisance.read({"site": SITE}, N),
        classes,
        Grouping(PATIENT, 12),
        **{
            "grouped": True,
            "n_permutations": 99,
            "n_neighbors": 5,
            "confidence_level": 0.95,
            "random_state": 0,
            **changes,
        },
    )


@pytest.mark.parametrize("maximum", [15, 60])
def test_groups_of_many_samples_are_probed(monkeypatch, maximum):
    # The maximum is fewer than four of the groups.
    monkeypatch.setattr(module, "MAX_PROBED", maximum)
    seen = []

    def encode(rows):
        seen.append(len(rows))
        return LATENTS[rows]

    result = audit(encode=encode)
    assert seen == [maximum]
    assert result.n_samples == N
    assert result.table.loc["site", "probe"] == 1
    assert result.verdict == "encoded in the latents"


def test_probabilities_decide_between_strata_of_a_group():
    labels = np.array([3, 7])[np.arange(N) % 2]  # ten samples of each group in either
    best = np.where(PATIENT % 3 > 0, 7, 3)
    proba = np.zeros((N, 8))
    proba[np.arange(N), best] = 1
    classes = (best == 7).astype(int)
    result = audit(labels, classes=classes, proba=proba)
    assert result.strata.tolist() == [3, 7]
    assert result.composition["site"].to_numpy().tolist() == [[2, 2], [4, 4]]
    assert result.y_balanced_accuracy == 1
    assert audit(labels, classes=classes).y_balanced_accuracy == 0.5


def test_noise_is_left_out():
    labels = np.where(PATIENT == 3, -1, STRATA)
    result = audit(labels)
    assert (result.n_samples, result.n_noise, result.n_groups) == (N - 20, 20, 11)
    with pytest.raises(ValueError, match="All samples of X are noise"):
        audit(np.full(N, -1))


def test_neighbors_must_lie_outside_of_a_group():
    with pytest.raises(ValueError, match=r"n_neighbors=221 is larger .* 220\. Lower"):
        audit(classes=SITE, n_neighbors=221)
    assert audit(n_neighbors=221).n_groups == 12  # without classes, none are needed
    assert audit(grouped=False).n_groups is None
