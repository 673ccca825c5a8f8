from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from skorch.history import History

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


def make_net(latents, prototypes, labels):
    """A net of one prototype for each cluster, relative to an origin of (5, 5)."""
    origin = torch.full((2,), 5.0)
    net = SimpleNamespace(module_=torch.nn.Module(), history=History())
    net.history.new_epoch()
    net.memberships = F.one_hot(torch.tensor(labels), len(prototypes)).float()
    net.module_.prototype_head = PrototypeHead(
        torch.tensor(prototypes)[:, None], origin, 0.1
    )
    net.encode = lambda dataset: (torch.tensor(latents) + origin).numpy()
    return net


def test_an_empty_prototype_takes_the_worst_member_and_those_nearest_to_it():
    latents = [[1.0, 0.0], [2.0, 0.2], [0.0, 3.0], [0.3, 1.0], [0.0, -1.0], [0.1, -2.0]]
    net = make_net(
        latents, [[1.0, 0.0], [-1.0, 0.0], [0.0, -1.0]], labels=[0, 0, 0, 0, 2, 2]
    )
    with pytest.warns(ConvergenceWarning, match="1 of 3 prototypes .* after epoch 1 "):
        RelocateEmptyPrototypes().on_epoch_end(net)
    assert net.module_.prototype_head.prototypes[:, 0].tolist() == [
        [1.0, 0.0],
        [0.0, 1.0],  # the direction of the third sample, not its position
        [0.0, -1.0],
    ]
    expected = F.one_hot(torch.tensor([0, 0, 1, 1, 2, 2]), 3)
    assert net.memberships.tolist() == expected.tolist()


def test_one_of_equal_members_joins_an_empty_prototype():
    net = make_net([[1.0, 0.0]] * 3, [[1.0, 0.0], [0.0, -1.0]], labels=[0, 0, 0])
    with pytest.warns(ConvergenceWarning, match="1 of 2 prototypes"):
        RelocateEmptyPrototypes().on_epoch_end(net)
    assert net.memberships.sum(dim=0).tolist() == [2, 1]


@pytest.mark.parametrize("n_members", [2, 3])
def test_the_largest_stratum_keeps_a_member(n_members):
    """Otherwise, nothing is moved."""
    latents = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.1]][:n_members]
    prototypes = [[1.0, 0.0], [0.0, -1.0], [-0.6, -0.8]]
    net = make_net(latents, prototypes, labels=[0] * n_members)
    if n_members == 2:
        RelocateEmptyPrototypes().on_epoch_end(net)
        assert net.memberships.argmax(dim=1).tolist() == [0, 0]
        head = net.module_.prototype_head
        torch.testing.assert_close(head.prototypes[:, 0], torch.tensor(prototypes))
    else:
        with pytest.warns(ConvergenceWarning, match="2 of 3 prototypes"):
            RelocateEmptyPrototypes().on_epoch_end(net)
        assert net.memberships.argmax(dim=1).tolist() == [0, 2, 1]
    assert net.history[-1, "relocated_prototypes"] == 2
