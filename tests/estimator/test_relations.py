import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from skorch.callbacks import Callback

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
    SelfTrainingRefinement,
)
from contrastive_clustering._estimator.parameters import PARAMETER_CONSTRAINTS
from contrastive_clustering._training.net import ContrastiveNet


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_clusters": 0},
        {"n_clusters": 2.5},
        {"clusterer": "ward"},
        {"clusterer": 3},
        {"latent_dim": 0},
        {"temperature": 0.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"reconstruction_weight": -0.1},
        {"reconstruction_weight": float("inf")},
        {"reconstruction_weight": float("nan")},
        {"augmentation": "blue"},
        {"augmentation": 3},
        {"augmentation": "table"},
        {"image_shape": (9, 9)},
        {"image_shape": 8},
        {"image_shape": (8, "8")},
        {"image_shape": (8, -8)},
        {"channel_axis": 7},
        {"channel_axis": "last"},
        {"max_epochs": -1},
        {"max_epochs": "many"},
        {"n_clusters": "some"},
        {"refinement": "polish"},
        {"refinement": None},
        {"refinement": SelfTrainingRefinement(target_momentum=1.5)},
        {"refinement_epochs": -1},
        {"kl_weight": -1.0},
        {"criterion__kl_warm_up": 1.5},
        {"batch_size": 1},
        {"batch_size": "all"},
        {"optimizer": "adam"},
        {"optimizer": dict},
        {"precision": "16-mixed", "optimizer": torch.optim.LBFGS},
        {"lr": 0.0},
        {"lr": float("inf")},
        {"callbacks__lr_schedule": "steps"},
        {"optimizer__weight_decay": -1.0},
        {"optimizer__weight_decay": float("nan")},
        {"early_stopping": True, "validation_fraction": 0.01},
        {"early_stopping": True, "validation_fraction": 0.99},
        {"validation_fraction": 1.0},
        {"callbacks__early_stopping__patience": 0},
        {"callbacks": 3},
        {"device": "warp"},
        {"device": "cuda:99"},
        {"device": "meta"},
        {"device": 3},
        {"random_state": "zero"},
        {"verbose": -1},
        {"n_clusters": True},
        {"latent_dim": 2**63},
        {"temperature": 10**400},
        {"clusterer": KMeans},
        {"optimizer": torch.optim.Optimizer},
        {"optimizer": torch.optim.Muon},
        {"callbacks": [3]},
        {"callbacks": [("a", 3)]},
        {"refinement": SelfTrainingRefinement(n_prototypes=True)},
        {"refinement": SelfTrainingRefinement(temperature=10**400)},
    ],
    ids=str,
)
def test_invalid_parameters_are_named(tiny_images, fast, parameters, monkeypatch):
    monkeypatch.setattr(ContrastiveNet, "run_epochs", None)  # they fail before it
    clusterer = ContrastiveAutoencoderClusterer(**{**fast, **parameters})
    before = dict(vars(clusterer))
    name = list(parameters)[-1]
    named = rf"^(The '{name}' parameter of Contr|{name}[=[]|optimizer=AdamW.* {name}=)"
    with pytest.raises(ValueError, match=named):
        clusterer.fit(tiny_images)
    assert vars(clusterer) == before


def test_an_optimizer_that_fails_without_a_message_is_named(tiny_images, fast):
    class Silent(torch.optim.SGD):
        def step(self, closure=None):
            raise AssertionError

    clusterer = ContrastiveAutoencoderClusterer(**fast, optimizer=Silent)
    with pytest.raises(ValueError, match=r"=Silent .*: AssertionError\. Pass"):
        clusterer.fit(tiny_images)


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "largest"),
    [(300, "auto", 60), (40, "auto", 40), (30, 7, 6)],
)
def test_batches_of_both_phases_depend_on_the_number_of_samples(
    fast, n_samples, batch_size, largest
):
    X = np.random.default_rng(0).normal(size=(n_samples, 9))
    clusterer = ContrastiveAutoencoderClusterer(**fast, batch_size=batch_size).fit(X)
    sizes = [
        {batch["train_batch_size"] for batch in epoch["batches"]}
        for epoch in clusterer.history_
    ]
    assert len(sizes) == fast["max_epochs"] + fast["refinement_epochs"]
    assert {max(size) for size in sizes} == {largest}


@pytest.mark.parametrize(("shape", "n_epochs"), [((8, 8), 90), ((8, 8, 8), 60)])
def test_auto_epochs_depend_on_the_kind_of_samples(shape, n_epochs, fast):
    X = np.random.default_rng(0).normal(size=(8, *shape))
    parameters = {**fast, "max_epochs": "auto", "refinement_epochs": 0}
    clusterer = ContrastiveAutoencoderClusterer(**parameters).fit(X)
    assert len(clusterer.history_) == n_epochs


def test_every_parameter_has_a_constraint():
    parameters = ContrastiveAutoencoderClusterer().get_params(deep=False)
    assert set(parameters) == set(PARAMETER_CONSTRAINTS)


def test_parameters_are_not_validated_before_fit():
    clusterer = ContrastiveAutoencoderClusterer(temperature=-1.0, device="warp")
    assert clusterer.set_params(lr="fast").get_params()["lr"] == "fast"


@pytest.mark.parametrize("n_clusters", ["auto", ClusterNumberSearch()])
def test_a_search_for_the_number_needs_two_samples(tiny_images, fast, n_clusters):
    clusterer = ContrastiveAutoencoderClusterer(**fast).partial_fit(tiny_images)
    clusterer.set_params(n_clusters=n_clusters)
    with pytest.raises(ValueError, match=r"X has n_samples=1, too few .*n_clusters="):
        clusterer.partial_fit(tiny_images[:1])
    assert len(clusterer.partial_fit(tiny_images[:2]).labels_) == 2


def test_more_clusters_than_groups_are_found_before_training(tiny_images, fast):
    class Refuses(Callback):
        def on_train_begin(self, net, **kwargs):
            raise AssertionError("training has begun")

    clusterer = ContrastiveAutoencoderClusterer(
        **{**fast, "n_clusters": 4}, callbacks=[("refuses", Refuses())]
    )
    with pytest.raises(ValueError, match="n_clusters=4 is more than the number of gr"):
        clusterer.fit(tiny_images, groups=np.arange(40) % 3)
