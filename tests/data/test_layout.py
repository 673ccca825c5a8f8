import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from contrastive_clustering._data.layout import read_layout


@pytest.mark.parametrize(
    ("shape", "parameters", "network_shape"),
    [
        ((9, 5), {}, (5,)),
        ((9, 28, 28), {}, (1, 28, 28)),
        ((9, 28, 20, 3), {}, (3, 28, 20)),
        ((9, 28, 20, 1), {}, (1, 28, 20)),
        ((9, 28, 20, 4), {}, (4, 28, 20)),
        ((9, 28, 20, 10), {}, (1, 28, 20, 10)),
        ((9, 28, 20, 10, 3), {}, (3, 28, 20, 10)),
        ((9, 28, 20, 10), {"channel_axis": -1}, (10, 28, 20)),
        ((9, 3, 20, 10), {"channel_axis": 1}, (3, 20, 10)),
        ((9, 2, 20, 10, 12), {"channel_axis": 1}, (2, 20, 10, 12)),
        ((9, 2, 20, 10, 12), {"channel_axis": -4}, (2, 20, 10, 12)),
        ((9, 784), {"image_shape": (28, 28)}, (1, 28, 28)),
        ((9, 28, 28), {"image_shape": (28, 28)}, (1, 28, 28)),
        ((9, 2352), {"image_shape": [28, 28, 3]}, (3, 28, 28)),
        ((9, 2352), {"image_shape": (3, 28, 28), "channel_axis": 1}, (3, 28, 28)),
        ((9, 720), {"image_shape": (8, 9, 10)}, (1, 8, 9, 10)),
    ],
)
def test_rules_for_the_layout(shape, parameters, network_shape):
    assert read_layout(shape, **parameters).network_shape == network_shape


@given(
    sides=st.lists(st.integers(8, 11), min_size=2, max_size=3),
    n_channels=st.integers(1, 4),
    position=st.integers(0, 3),
    flat=st.booleans(),
)
def test_conversion_to_the_network_is_invertible(sides, n_channels, position, flat):
    axis = min(position, len(sides))
    image = [*sides[:axis], n_channels, *sides[axis:]]
    samples = np.arange(2 * np.prod(image)).reshape(2, *image)
    given_samples = samples.reshape(2, -1) if flat else samples
    layout = read_layout(
        given_samples.shape, image_shape=tuple(image), channel_axis=axis + 1
    )
    batch = layout.to_network(torch.from_numpy(given_samples))
    np.testing.assert_array_equal(batch, np.moveaxis(samples, axis + 1, 1))
    np.testing.assert_array_equal(layout.from_network(batch), given_samples)


@pytest.mark.parametrize(
    ("shape", "preset", "noun", "element"),
    [
        ((9, 5), "table", "row", "feature"),
        ((9, 8, 8), "gray", "image", "pixel"),
        ((9, 8, 8, 8), "volume", "volume", "voxel"),
        ((9, 8, 8, 8, 3), "volume", "volume", "voxel"),
        ((9, 8, 8, 3), "rgb", "image", "pixel"),
    ],
)
def test_names_of_samples(shape, preset, noun, element):
    layout = read_layout(shape)
    assert layout.preset == preset
    assert (layout.kind.noun, layout.kind.element) == (noun, element)


@pytest.mark.parametrize(
    ("shape", "parameters", "message"),
    [
        ((9, 100), {"image_shape": (28, 28)}, r"image_shape=\(28, 28\) requires X"),
        ((9, 28, 27), {"image_shape": (28, 28)}, r"X has shape \(9, 28, 27\)"),
        ((9, 7, 28), {}, "at least 8 pixels"),
        ((9, 3, 28, 28), {}, "change channel_axis"),
        ((9, 28, 28, 28, 28), {}, "unclear which of them holds the channels"),
        ((9, 28, 28), {"channel_axis": -1}, "1 spatial axes"),
        ((9, 28, 28, 28, 28), {"channel_axis": None}, "4 spatial axes"),
        ((9, 28, 28), {"channel_axis": 0}, "channel_axis=0 is not an axis of a sample"),
        ((9, 28, 28), {"channel_axis": 3}, "channel_axis=3 is not an axis of a sample"),
    ],
)
def test_invalid_shapes_are_errors(shape, parameters, message):
    with pytest.raises(ValueError, match=message):
        read_layout(shape, **parameters)
