"""An encoder made from a pretrained backbone: preprocessing, features, trained head."""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import nn

from contrastive_clustering._networks.feature_bank import FeatureBank

# Fields of the outputs of Hugging Face's models that hold features, the best first.
OUTPUT_FIELDS = ("pooler_output", "last_hidden_state")

# Width of the hidden layer of the trained head.
HEAD_WIDTH = 256

# Images that pass a frozen backbone together. A batch of views of 224 pixels would take
# gigabytes, as activations are larger than images.
FROZEN_BLOCK = 64


class BackboneEncoder(nn.Module):
    """Preprocess images, compute the features of a backbone and map them to latents.

    Parameters
    ----------
    backbone : torch.nn.Module
        Maps a batch of shape (n, n_channels, height, width) to features.

    n_features, n_outputs : int
        Number of features, and of outputs of the trained head.

    image_size : tuple of int or None
        Height and width of the backbone's input; None keeps those of the images.

    mean, std : sequence of float
        Mean and standard deviation with which the backbone was trained, one for each of
        its channels, for pixels from 0 to 1.

    output : str or None
        Field of the backbone's output that holds the features.

    trainable : sequence of str
        Patterns of the names of the backbone's weights that are trained.

    n_view_epochs : int or None
        Number of epochs whose features are kept; None keeps no features.
    """

    scale: torch.Tensor
    offset: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        backbone: nn.Module,
        n_features: int,
        n_outputs: int,
        *,
        image_size: tuple[int, int] | None,
        mean: Sequence[float],
        std: Sequence[float],
        output: str | None,
        trainable: Sequence[str],
        n_view_epochs: int | None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.image_size = image_size
        self.output = output
        self._bank: FeatureBank | None = None
        names = {name for name, _ in backbone.named_parameters()}
        trained = {n for pattern in trainable for n in fnmatch.filter(names, pattern)}
        for name, weight in backbone.named_parameters():
            weight.requires_grad_(name in trained)
        # Layers of a frozen backbone give the same features in every epoch.
        self.n_view_epochs = None if trained else n_view_epochs
        self.head = nn.Sequential(
            nn.BatchNorm1d(n_features),
            nn.Linear(n_features, HEAD_WIDTH, bias=False),
            nn.BatchNorm1d(HEAD_WIDTH),
            nn.ReLU(inplace=True),
            nn.Linear(HEAD_WIDTH, n_outputs),
        )
        # They follow from the settings and the training set, so they are not weights.
        self._keep("mean", mean)
        self._keep("std", std)
        self._keep("scale", 1.0)
        self._keep("offset", 0.0)
        self.train()

    def _keep(self, name: str, values: ArrayLike) -> None:
        tensor = torch.as_tensor(np.asarray(values, np.float64).astype(np.float32))
        self.register_buffer(name, tensor.reshape(-1, 1, 1), persistent=False)

    def set_input_scale(
        self, mean: ArrayLike, std: ArrayLike, value_range: tuple[float, float]
    ) -> None:
        """Undo the standardization of the batches that will be encoded.

        Parameters
        ----------
        mean, std : array-like of shape (n_channels, 1, 1)
            Mean and standard deviation of the training set.

        value_range : tuple of float
            Values of the training set that are black and white, 0 and 1.
        """
        low, high = value_range
        # In float64, as values may have a large offset.
        self._keep("scale", np.asarray(std, np.float64) / (high - low))
        self._keep("offset", (np.asarray(mean, np.float64) - low) / (high - low))

    def train(self, mode: bool = True) -> "BackboneEncoder":
        """Set training mode, except for frozen layers and batch normalization.

        Few steps would leave the statistics between those of the old and the new
        images: docs, "When does a pretrained encoder help?".
        """
        super().train(mode)
        _freeze_layers(self.backbone)
        for layer in self.backbone.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.eval()
        return self

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the outputs of the head for standardized images, or for features."""
        if batch.ndim == 2:
            features = batch
        elif self._kept_features() is not None:
            features = self.look_up(batch)
        elif self._is_frozen and not torch.compiler.is_compiling():
            features = self._compute_in_blocks(batch)
        else:
            features = self.features(batch)
        outputs: torch.Tensor = self.head(features)
        return outputs

    def features(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the backbone's features of a standardized batch of images.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, n_channels, height, width)
            Standardized images.

        Returns
        -------
        features : torch.Tensor of shape (n, n_features)
            float32.
        """
        images = (batch * self.scale + self.offset).clamp(0, 1)
        if self.image_size is not None:
            images = resize(images, self.image_size)
        # The channel of a gray image is repeated for each channel of the backbone.
        images = ((images - self.mean) / self.std).contiguous()
        return pool_features(self.backbone(images), self.output).float()

    def look_up(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the features of a batch if they are kept, otherwise the batch.

        Both are a valid input. A network that is compiled cannot search for features.
        """
        bank = self._kept_features()
        return batch if bank is None else bank.get(batch, self._compute_in_blocks)

    def _kept_features(self) -> FeatureBank | None:
        """Return the kept features, or None if there are none."""
        if self._bank is not None and not self._is_frozen:
            # A callback has freed the weights, so the features are about to change.
            self._bank.close()
            self._bank = None
        return self._bank

    @contextmanager
    def keeping_features(self) -> Iterator[None]:
        """Keep the features of a frozen backbone in this context."""
        if self.n_view_epochs is None:
            yield
            return
        self._bank = FeatureBank()
        try:
            yield
        finally:
            if self._bank is not None:
                self._bank.close()
                self._bank = None

    @property
    def _is_frozen(self) -> bool:
        return not any(weight.requires_grad for weight in self.backbone.parameters())

    def _compute_in_blocks(self, batch: torch.Tensor) -> torch.Tensor:
        blocks = torch.split(batch, FROZEN_BLOCK)
        return torch.cat([self.features(block) for block in blocks])

    def __getstate__(self) -> dict[str, Any]:
        # Features belong to a fit, not to the network.
        return {**self.__dict__, "_bank": None}


def resize(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return images of another height and width, with anti-aliasing if smaller.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width)
        The images.

    size : tuple of int
        New height and width.

    Returns
    -------
    resized : torch.Tensor of shape (n, n_channels, *size)
        The images, resampled bilinearly.
    """
    if images.shape[-2:] == size:
        return images
    shrinks = size[0] < images.shape[-2] or size[1] < images.shape[-1]
    return F.interpolate(images, size, mode="bilinear", antialias=shrinks)


def pool_features(output: Any, field: str | None = None) -> torch.Tensor:
    """Return one vector of features for each image.

    Parameters
    ----------
    output : torch.Tensor, mapping or object with fields
        Output of a backbone: vectors (n, n_features); maps (n, n_features, height,
        width) or tokens (n, n_tokens, n_features), which are averaged; or these in the
        field "pooler_output" or "last_hidden_state".

    field : str, default=None
        Field that holds the features; None takes the first of the two that is set.

    Returns
    -------
    features : torch.Tensor of shape (n, n_features)
        The features.

    Raises
    ------
    ValueError
        If there are no features in the output.

    Examples
    --------
    >>> import torch
    >>> from contrastive_clustering._networks.backbone_encoder import pool_features
    >>> pool_features(torch.zeros(2, 16, 7, 7)).shape
    torch.Size([2, 16])
    >>> pool_features({"last_hidden_state": torch.zeros(2, 50, 32)}).shape
    torch.Size([2, 32])
    """
    if not isinstance(output, torch.Tensor):
        output = _read_field(output, field)
    elif field is not None:
        raise ValueError(f"a tensor, which has no field {field!r}; set output=None")
    if not 2 <= output.ndim <= 4 or not output.is_floating_point():
        raise ValueError(
            f"a tensor of {output.ndim} axes and {output.dtype}; 2 to 4 axes of "
            "floating-point numbers are needed"
        )
    axes = {2: (), 3: (1,), 4: (2, 3)}[output.ndim]
    pooled: torch.Tensor = output.mean(axes) if axes else output
    return pooled


def _read_field(output: Any, field: str | None) -> torch.Tensor:
    names = OUTPUT_FIELDS if field is None else (field,)
    for name in names:
        value = (
            output.get(name)
            if isinstance(output, Mapping)
            else getattr(output, name, None)
        )
        if isinstance(value, torch.Tensor):
            return value
    raise ValueError(
        f"a {type(output).__name__} without a tensor in {' or '.join(map(repr, names))}"
    )


def _freeze_layers(layer: nn.Module) -> None:
    """Set layers without trained weights to evaluation mode.

    A layer without weights, such as dropout, belongs to the layer that contains it.
    """
    trained = [weight.requires_grad for weight in layer.parameters()]
    if not any(trained):
        layer.eval()
    elif not all(trained):
        for child in layer.children():
            if [*child.parameters()]:
                _freeze_layers(child)
