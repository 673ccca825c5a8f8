"""Continue a training: weights, moments and history of an earlier net."""

import copy

from skorch.callbacks import ParamMapper

from contrastive_clustering._training.net import ContrastiveNet


def continue_from(net: ContrastiveNet, other: ContrastiveNet) -> None:
    """Copy the weights, the optimizer's moments and the history of a net.

    With callbacks that freeze weights, those of the other net stay frozen. A ValueError
    is raised if the shapes of the networks' weights differ.
    """
    # Prototypes belong to the old strata, and the erasure to the old latents. Both
    # are about to be replaced. A change head cannot predict changes of other views.
    left_out = ["prototype_head.", "erasure."]
    if net.module__n_changes != other.module__n_changes:
        left_out.append("change_head.")
    old, new = (
        {
            name: value
            for name, value in module.state_dict().items()
            if not name.startswith(tuple(left_out))
        }
        for module in (other.module_, net.module_)
    )
    if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
        raise ValueError(
            f"The network has changed (latent_dim={net.module__latent_dim}, was "
            f"{other.module__latent_dim}; variational={net.module__variational}, "
            f"was {other.module__variational}; or encoder, decoder or module__ "
            "parameters), so training cannot continue from the old weights. Set "
            "warm_start=False and fit again."
        )
    net.module_.load_state_dict({**net.module_.state_dict(), **old})
    if any(isinstance(callback, ParamMapper) for _, callback in net.callbacks_):
        _keep_frozen(net, other)
    if _have_compatible_moments(net, other):
        state = copy.deepcopy(other.optimizer_.state_dict())
        # Keep the old moments, but the new learning rate and other settings.
        state["param_groups"] = net.optimizer_.state_dict()["param_groups"]
        net.optimizer_.load_state_dict(state)
    net.history = copy.deepcopy(other.history)


def _have_compatible_moments(first: ContrastiveNet, second: ContrastiveNet) -> bool:
    """Return whether one net's optimizer can use the moments of the other's."""
    if type(first.optimizer_) is not type(second.optimizer_):
        return False
    if first.module__n_changes != second.module__n_changes:
        return False  # the weights of the change heads are not the same
    kept = [
        {
            k: v
            for k, v in net.get_params_for("optimizer").items()
            if k != "weight_decay"
        }
        for net in (first, second)
    ]
    return kept[0] == kept[1]


def _keep_frozen(net: ContrastiveNet, other: ContrastiveNet) -> None:
    """Freeze the weights that callbacks have frozen, which act once by default."""
    weights = dict(other.module_.named_parameters())
    for name, weight in net.module_.named_parameters():
        if name in weights and weight.is_floating_point():
            weight.requires_grad_(weights[name].requires_grad)
