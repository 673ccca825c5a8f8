import numpy as np
import pytest
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.dataset import ArrayDataset


def test_encoder_maps_a_batch_to_latents(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    scaled = (tiny_images - tiny_images.mean()) / tiny_images.std()
    batch = torch.tensor(scaled, dtype=torch.float32)[:, None]
    with torch.no_grad():
        latents = clusterer.net_.module_.encoder(batch)
    np.testing.assert_allclose(latents, clusterer.transform(tiny_images), atol=1e-5)


def test_skorch_methods_work_on_a_data_set(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    dataset = ArrayDataset(tiny_images, clusterer._model.scaler)
    latents, projections, images = clusterer.net_.forward(dataset)
    np.testing.assert_allclose(latents, clusterer.transform(tiny_images), atol=1e-5)
    assert projections.shape == (40, 64)
    assert images.shape == (40, 1, 8, 8)


# Kernels for few outputs depend on the number of rows, as does the product that erases
# a nuisance.
@pytest.mark.parametrize("latent_dim", [2, 3, 64])
@pytest.mark.parametrize("nuisance", [None, np.arange(40) % 2])
def test_latents_do_not_depend_to_the_bit_on_the_batch_size(
    tiny_images, fast, latent_dim, nuisance
):
    fast["latent_dim"] = latent_dim
    for X in (tiny_images, tiny_images.reshape(40, -1), np.stack([tiny_images] * 8, 1)):
        clusterer = ContrastiveAutoencoderClusterer(**fast).fit(X, nuisance=nuisance)
        together = clusterer.transform(X)
        for size in (1, 2, 3, 7, 20, 30):
            apart = [clusterer.transform(X[i : i + size]) for i in range(0, 40, size)]
            np.testing.assert_array_equal(np.concatenate(apart), together)
