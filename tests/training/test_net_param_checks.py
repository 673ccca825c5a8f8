import pytest
import torch
from skorch.callbacks import EpochTimer

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._training.net_params import is_net_parameter

BAD = [
    ({"optimizer__beta": (0.8, 0.9)}, "Did you mean optimizer__betas?"),
    ({"optimizer__betas": (2, 2)}, r"optimizer__betas=\(2, 2\): Invalid beta"),
    ({"optimizer__differentiable": True}, r"operation\. Pass other values"),
    ({"optimizer__eps": "small"}, r"optimizer__eps='small'"),
    ({"net_params": {"optimizer__eps": 1}}, "by their own names, such as optimizer__"),
    ({"optimizer__lr": 0.1}, "optimizer__lr=0.1 is not allowed.* parameter lr"),
    ({"optimizer__weight_decay": "much"}, "cannot take a step.*weight_decay='much'"),
    ({"optimizer__param_groups": [("encoder.*", 3)]}, "is not a list of pairs"),
    ({"optimizer__param_groups": [("encode", {"lr": 1})]}, "'encode'.* any weight"),
    ({"optimizer__param_groups": [("*", {"lr": -1.0})]}, "rate of -1.0"),
    ({"optimizer__param_groups": [("*", {"rl": 0.1})]}, "AdamW has no parameter 'rl'"),
    ({"optimizer__param_groups": [("*", {"betas": (2, 2)})]}, "cannot take a step"),
    ({"optimizer": torch.optim.SGD, "optimizer__betas": (0.8, 0.9)}, "is not a param"),
    ({"module__latent_dim": 3}, "parameter latent_dim"),
    ({"module__sample_shape": (3,)}, "parameter image_shape"),
    ({"module__input_mean": 0.0}, "fit sets it. Remove it"),
    ({"module__projection_dims": 3}, "Did you mean module__projection_dim?"),
    ({"module__projection_dim": 0}, "'module__projection_dim' parameter"),
    ({"module__projection_dim": 2.5}, "'module__projection_dim' parameter"),
    ({"criterion__temperature": 1.0}, "parameter temperature"),
    ({"criterion__contrastive_weight": -1.0}, "'criterion__contrastive_weight'"),
    ({"criterion__weight": 1.0}, "is not a parameter of the net.* are: criterion__"),
    ({"iterator_train__batch_size": 3}, "parameter batch_size"),
    ({"iterator_valid__num_workers": 1.5}, "'iterator_valid__num_workers' parameter"),
    ({"compile": "yes"}, "'compile' parameter"),
    ({"criterion__kl_warm_up": 1.5}, "'criterion__kl_warm_up' parameter"),
    ({"callbacks__lr_schedule": EpochTimer()}, "'callbacks__lr_schedule' parameter"),
    ({"callbacks__checkpoint__every": 0}, "'callbacks__checkpoint__every' parameter"),
    ({"callbacks__early_stopping__x": 2}, "is not a parameter of the net"),
    ({"callbacks__early_stopping": None}, "parameter early_stopping"),
    ({"iterator_train__seed": 3}, "parameter random_state"),
    ({"iterator_valid__shuffle": True}, "fit sets it. Remove it"),
    ({"iterator_valid__in_order": False}, "fit sets it. Remove it"),
    (
        {"iterator_train__timeout": -1, "iterator_train__num_workers": 1},
        "num_workers=1 is not valid",
    ),
    ({"iterator_train__pin": True}, "Did you mean iterator_train__pin_memory?"),
    (
        {"callbacks__stop__patience": 3},
        r"'stop', which does not.*names.*\['early_stopping', 'lr_schedule'\]",
    ),
    (
        {"callbacks": [EpochTimer()], "callbacks__EpochTimer__x": 1},
        "is not a parameter",
    ),
    (
        {"callbacks": [EpochTimer()], "callbacks__EpochTimer": 3},
        "is not a skorch callback",
    ),
    (
        {
            "callbacks": [EpochTimer],
            "callbacks__EpochTimer__x": 1,
            "callbacks__EpochTimer": None,
        },
        "callbacks__EpochTimer=None removes",
    ),
    ({"callbacks__train_loss": None}, "'train_loss', which does not exist"),
    (
        {"early_stopping": True, "callbacks__early_stopping__patience": 0},
        "'callbacks__early_stopping__patience' parameter",
    ),
    (
        {"early_stopping": True, "callbacks__early_stopping": None},
        "parameter early_stopping",
    ),
]


# The ids contain no addresses, because the processes of a parallel run must agree.
@pytest.mark.parametrize(("parameters", "message"), BAD, ids=[bad[1] for bad in BAD])
def test_bad_parameters_are_named_by_fit(tiny_images, fast, parameters, message):
    clusterer = ContrastiveAutoencoderClusterer(**fast, validation_fraction=0.25)
    clusterer.set_params(**parameters)
    before = dict(vars(clusterer))
    named = next(name for name in parameters if is_net_parameter(name))
    with pytest.raises(ValueError, match=message) as caught:
        clusterer.fit(tiny_images)
    assert named in str(caught.value)
    assert vars(clusterer) == before
