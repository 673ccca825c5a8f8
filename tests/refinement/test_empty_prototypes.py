from types import SimpleNamespace

import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._refinement.empty_prototypes import RelocateEmptyPrototypes


def test_empty_prototypes_are_relocated_with_a_warning(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    net = SimpleNamespace(module_=torch.nn.Module())
    net.memberships = torch.eye(3)[torch.zeros(40, dtype=int)]
    origin = torch.from_numpy(clusterer.transform(tiny_images).mean(axis=0))
    net.module_.prototype_head = PrototypeHead(torch.ones(3, 2, 4), origin, 0.1)
    net.history = clusterer.history_
    net.encode = clusterer.net_.encode
    dataset = ArrayDataset(tiny_images, clusterer._model.scaler)
    with pytest.warns(ConvergenceWarning, match="2 of 3 prototypes had lost all"):
        RelocateEmptyPrototypes().on_epoch_end(net, dataset_train=dataset)
    assert clusterer.history_[-1, "relocated_prototypes"] == 2
    sizes = torch.bincount(net.memberships.argmax(dim=1), minlength=3)
    assert (sizes > 0).all()
    head = net.module_.prototype_head
    assert not torch.allclose(head.prototypes[1], head.prototypes[2])
