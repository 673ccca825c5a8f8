import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._model.latents import encode_part

SITE = np.arange(40) % 2


@pytest.fixture
def images(tiny_images):
    return tiny_images + 50.0 * SITE[:, None, None]


@pytest.fixture
def net(images, fast):
    return ContrastiveAutoencoderClusterer(**fast).fit(images).net_


def difference(latents):
    """Return the largest difference between the mean latents of both sites."""
    means = [latents[site == SITE].mean(axis=0) for site in (0, 1)]
    return np.abs(means[0] - means[1]).max() / latents.std()


@pytest.mark.parametrize("erases", [True, False])
def test_the_nuisance_is_erased_only_on_request(net, images, erases):
    scaler = Scaler.fit(images, read_layout(images.shape))
    metadata = Metadata.read(None, SITE, len(images))
    part = ArrayDataset(images, scaler, metadata=metadata)
    latents = encode_part(net, part, erases_nuisance=erases)
    assert (difference(latents) < 1e-4) == erases
    # The net erases the same from new samples, and the erasure can be repeated.
    np.testing.assert_array_equal(net.encode(ArrayDataset(images, scaler)), latents)
    again = encode_part(net, part, erases_nuisance=erases)
    np.testing.assert_array_equal(again, latents)
