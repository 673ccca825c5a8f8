"""Prototypes of strata, for the tests of their assignments and of their learning."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._refinement.prototypes import PrototypeClustering


@pytest.fixture
def fitted():
    """Latents, a head with a stratum without members, and their assignment."""
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(50, 4)).astype(np.float32)
    origin = latents.mean(axis=0)
    prototypes = np.concatenate([rng.normal(size=(3, 4)), np.zeros((1, 4))])
    # The last duplicates the first and has no members, because ties go to the first.
    prototypes[3] = 2 * prototypes[0]
    # Each stratum has two prototypes.
    prototypes = np.stack([prototypes, np.roll(prototypes, 1, axis=1)], axis=1)
    head = PrototypeHead(
        torch.tensor(prototypes, dtype=torch.float32), torch.from_numpy(origin), 0.2
    )
    with pytest.warns(
        ConvergenceWarning, match="1 of 4 prototypes had lost all members by the end"
    ):
        return latents, head, PrototypeClustering.fit(latents, head)
