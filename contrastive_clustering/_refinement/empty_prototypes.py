"""Relocate prototypes that have lost all members."""

from typing import Any

import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from contrastive_clustering._utils.caller_warnings import warn


class RelocateEmptyPrototypes(Callback):  # type: ignore[misc]  # skorch is not typed
    """Move prototypes without members into the largest cluster after each epoch.

    Such a prototype takes the direction of the worst-fitting member of the largest
    cluster. The history records the number of moved prototypes as
    ``relocated_prototypes``.
    """

    def on_epoch_end(self, net: Any, dataset_train: Any = None, **kwargs: Any) -> None:
        """Find empty prototypes and relocate them."""
        labels = net.memberships.argmax(dim=1)
        n_clusters = net.memberships.shape[1]
        sizes = torch.bincount(labels, minlength=n_clusters)
        empty = (sizes == 0).nonzero()[:, 0].tolist()
        net.history.record("relocated_prototypes", len(empty))
        if not empty or sizes.max() <= len(empty):
            return
        head = net.module_.prototype_head
        latents = torch.from_numpy(net.encode(dataset_train)).to(net.memberships.device)
        members = (labels == sizes.argmax()).nonzero()[:, 0]
        directions = F.normalize(latents[members] - head.origin, dim=1)
        with torch.no_grad():
            fit = head(latents[members])[:, labels[members[0]]]
            worst = fit.argsort()[: len(empty)]
            head.prototypes[empty] = directions[worst][:, None]
            # A member joins the nearest relocated prototype if that fits it better.
            new_fit, nearest = head(latents[members])[:, empty].max(dim=1)
            joins = new_fit > fit
            joins[worst] = True
            new = torch.as_tensor(empty, device=labels.device)[nearest[joins]]
            net.memberships[members[joins]] = F.one_hot(new, n_clusters).float()
        warn(
            f"{len(empty)} of {n_clusters} prototypes had lost all members after epoch "
            f"{len(net.history)} and were moved into the largest stratum. If this "
            "continues, lower n_clusters.",
            ConvergenceWarning,
        )
