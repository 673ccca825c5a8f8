"""Pretrained backbones as encoders: their settings, and what they are checked for."""

import copy
import difflib
import fnmatch
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from torch import nn

from contrastive_clustering._networks.backbone_encoder import (
    BackboneEncoder,
    pool_features,
)
from contrastive_clustering._utils.messages import describe_error, reason_of, show
from contrastive_clustering._utils.param_validation import (
    CheckedParametersMixin,
    Count,
    Number,
)

# Statistics of the photographs of ImageNet, for pixels from 0 to 1.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# Largest side of a backbone's input; with eight test images, it takes a gigabyte.
MAX_SIDE = 4096


@dataclass(eq=False, repr=False)
class PretrainedEncoder(CheckedParametersMixin, BaseEstimator):  # type: ignore[misc]
    """A pretrained network of images as the encoder of the clusterer.

    Images are prepared as the network was trained: their channel is repeated if they
    are gray, values are scaled to [0, 1] and resized, and the mean and standard
    deviation of the network's own training set are applied, not those of X. The
    network's features are mapped to latents by a small head, which is always trained.
    The network itself is frozen, or trained in part or as a whole; the statistics of
    its batch normalization never change. The decoder works from the latents.

    The features of a frozen network are kept during a fit. Views repeat after
    `cached_views` epochs, so that only the first epochs compute features.

    Parameters
    ----------
    module : torch.nn.Module or callable
        The network, or a function without arguments that returns it; `fit` trains a
        copy. It maps a batch of shape (n, n_channels, height, width) to vectors of
        features, to feature maps or tokens, which are averaged, or to an object or dict
        with such a tensor, as models of Hugging Face do. Replace a layer that
        classifies by :class:`torch.nn.Identity`. To save the clusterer by `save`, pass
        a function.

    image_size : int, tuple of int or None, default=224
        Height and width to which images are resized, bilinearly and without keeping
        their aspect ratio; None keeps the size of the images.

    mean, std : tuple of float, default=IMAGENET_MEAN, IMAGENET_STD
        Mean and standard deviation of each channel with which the network was trained,
        for pixels from 0 to 1. Their number is the network's number of channels.

    value_range : tuple of float, default=None
        Values of X that are 0 and 1 for the network; values beyond are clipped. None is
        (0, 255) for uint8 images, (0, 1) for boolean ones, and the minimum and maximum
        of the training set for others. `partial_fit` and `warm_start` widen the latter
        if later values lie outside, so pass a range to keep the scale.

    output : str, default=None
        Field of the network's output that holds the features, if that is an object or a
        dict. None takes `pooler_output`, or else `last_hidden_state`.

    trainable : {"none", "all"}, str or list of str, default="none"
        Which weights of the network are trained: none, all, or those whose names match
        one of the patterns, such as ``["layer4.*"]``. Layers without trained weights
        are not random, as dropout is. All layers of batch normalization keep their
        statistics.

    lr_factor : float, default=0.03
        Learning rate of the network's trained weights, as a multiple of `lr` of the
        clusterer. It has no effect if ``optimizer__param_groups`` is set.

    cached_views : int or None, default=4
        Number of epochs after which views repeat, if the network is frozen; None draws
        new views in each epoch and keeps no features.

    See Also
    --------
    ContrastiveAutoencoderClusterer : Its parameter `encoder` takes this object.

    Notes
    -----
    Each feature takes 4 bytes, for ``2 * cached_views + 1`` views of each image.
    Beyond 1 GiB they are kept in a temporary file, which takes at most half of the free
    disk space. Features that find no room are computed in each epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from torch import nn
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     PretrainedEncoder,
    ... )
    >>> images = load_digits().images[:300]
    >>> backbone = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2), nn.ReLU())
    >>> encoder = PretrainedEncoder(backbone, image_size=16)
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=10, encoder=encoder, max_epochs=2, random_state=0
    ... ).fit(images)
    >>> clusterer.transform(images).shape
    (300, 64)
    """

    module: nn.Module | Callable[[], nn.Module]
    _: KW_ONLY
    image_size: int | tuple[int, int] | None = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    value_range: tuple[float, float] | None = None
    output: str | None = None
    trainable: str | list[str] = "none"
    lr_factor: float = 0.03
    cached_views: int | None = 4

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "module": [nn.Module, callable],
        "image_size": [Count(1), tuple, list, None],
        "mean": [tuple, list],
        "std": [tuple, list],
        "value_range": [tuple, list, None],
        "output": [str, None],
        "trainable": [str, list, tuple],
        "lr_factor": [Number(0, None, closed="neither")],
        "cached_views": [Count(1), None],
    }

    def __call__(self, sample_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
        """Return a new encoder.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of an image, channels first.

        n_outputs : int
            Number of outputs of the encoder.

        Returns
        -------
        encoder : torch.nn.Module
            The encoder, which still needs the scale of its input.

        Raises
        ------
        ValueError
            If a parameter is not valid, the samples are not images with the network's
            number of channels, or the network does not return features for them.
        """
        self._validate_params()
        size = self._check_numbers()
        self._check_samples(sample_shape)
        backbone = self._make_backbone()
        patterns = self._patterns(backbone)
        shape = (len(self.mean), *(size or sample_shape[1:]))
        n_features = self._count_features(backbone, shape)
        return BackboneEncoder(
            backbone,
            n_features,
            n_outputs,
            image_size=size,
            mean=self.mean,
            std=self.std,
            output=self.output,
            trainable=patterns,
            n_view_epochs=self.cached_views,
        )

    @property
    def is_frozen(self) -> bool:
        """Whether no weight of the network is trained."""
        return self.trainable in ("none", [], ())

    def _check_numbers(self) -> tuple[int, int] | None:
        """Return the height and width of the input, and check all numbers."""
        size = self.image_size
        sides = (size, size) if isinstance(size, int) else size
        if sides is not None:
            is_side = Count(1).is_satisfied_by
            if len(sides) != 2 or not all(
                is_side(side) and side <= MAX_SIDE for side in sides
            ):
                raise self._error(
                    "image_size",
                    f"is not a height and a width of 1 to {MAX_SIDE} pixels",
                )
        least = {"mean": None, "std": 0}
        for name, low in least.items():
            number = Number(low, None, closed="neither")
            if not getattr(self, name) or not all(
                map(number.is_satisfied_by, getattr(self, name))
            ):
                kind = "a number" if low is None else "a number above 0"
                raise self._error(name, f"does not hold {kind} for each channel")
        if len(self.mean) != len(self.std):
            raise self._error(
                "std",
                f"has {len(self.std)} entries, but mean has {len(self.mean)}. Pass one "
                "of each for each channel of the network",
            )
        limits = self.value_range
        if limits is not None:
            number = Number(None, None, closed="neither")
            if (
                len(limits) != 2
                or not all(map(number.is_satisfied_by, limits))
                or not limits[0] < limits[1]
            ):
                raise self._error(
                    "value_range", "is not a pair of numbers, the smaller one first"
                )
        return None if sides is None else (int(sides[0]), int(sides[1]))

    def _check_samples(self, sample_shape: tuple[int, ...]) -> None:
        """Raise unless samples are images with a suitable number of channels."""
        n_channels = len(self.mean)
        if len(sample_shape) == 1:
            raise ValueError(
                f"{self._name} takes images, but X has rows of {sample_shape[0]} "
                "features. Pass images, or image_shape if the rows are flattened "
                "images. Features of a pretrained network are clustered with "
                "encoder=None."
            )
        if len(sample_shape) == 4:
            raise ValueError(
                f"{self._name} takes images, but X has volumes of shape "
                f"{sample_shape[1:]}. Pass slices or projections, or encoder=None."
            )
        if sample_shape[0] not in (1, n_channels):
            accepted = "1 channel" if n_channels == 1 else f"1 or {n_channels} channels"
            raise ValueError(
                f"{self._name} has mean for {n_channels} channels, but the images of X "
                f"have {sample_shape[0]}. Pass images with {accepted}, "
                "or mean and std for the channels of the network."
            )

    def _make_backbone(self) -> nn.Module:
        """Return a copy of the network, or a new one."""
        try:
            made = (
                copy.deepcopy(self.module)
                if isinstance(self.module, nn.Module)
                else self.module()
            )
        # A module may define how it is copied, and the user's function may raise any
        # exception; the message includes it.
        except Exception as error:
            action = "copied" if isinstance(self.module, nn.Module) else "called"
            raise ValueError(
                f"{self._name} has module={show(self.module)}, which cannot be "
                f"{action} ({describe_error(error)}). Pass a torch.nn.Module, or a "
                "function without arguments that returns one."
            ) from error
        if not isinstance(made, nn.Module):
            raise ValueError(
                f"{self._name} has module={show(self.module)}, which returned a "
                f"{type(made).__name__}. It must return a torch.nn.Module."
            )
        # Networks may come in half precision or on a GPU; the net moves them later.
        return made.to("cpu", torch.float32)

    def _patterns(self, backbone: nn.Module) -> list[str]:
        """Return patterns of the names of trained weights; each of them matches."""
        if self.is_frozen:
            return []
        patterns = (
            [self.trainable] if isinstance(self.trainable, str) else self.trainable
        )
        if patterns == ["all"]:
            return ["*"]
        names = [name for name, _ in backbone.named_parameters()]
        for pattern in patterns:
            if not isinstance(pattern, str) or not fnmatch.filter(names, pattern):
                near = difflib.get_close_matches(str(pattern), names, n=1, cutoff=0)
                example = f", for example {near[0]!r}" if near else ""
                raise self._error(
                    "trainable",
                    f"has the pattern {show(pattern)}, which does not match the name "
                    f"of any weight of the network{example}. Pass 'none', 'all' or "
                    "patterns such as 'layer4.*'",
                )
        return list(patterns)

    @torch.no_grad()
    def _count_features(self, backbone: nn.Module, shape: tuple[int, ...]) -> int:
        """Return the number of features of images of this shape, or raise."""
        batch = torch.zeros(2, *shape)
        where = (
            f"{self._name} was tested with two images of shape {shape} "
            f"(image_size={show(self.image_size)})"
        )
        try:
            output = backbone.eval()(batch)
        # The user's forward method may raise any exception; the message includes it.
        except Exception as error:
            raise ValueError(
                f"{where}, and its module failed ({describe_error(error)}). Check "
                "image_size, which may be too small, and that mean and std have an "
                "entry for each channel of the network."
            ) from error
        try:
            features = pool_features(output, self.output)
        except ValueError as error:
            raise ValueError(
                f"{where}, and its module returned {reason_of(error)}. It must return "
                "vectors, feature maps or tokens, alone or in the field that the "
                "parameter output names. Wrap other modules in one that returns them."
            ) from None
        if len(features) != len(batch) or features.shape[1] == 0:
            raise ValueError(
                f"{where}, and its module returned features of shape "
                f"{tuple(features.shape)}. It must return features for each image."
            )
        if not torch.isfinite(features).all():
            raise ValueError(
                f"{where}, and its module returned features that are not finite. Check "
                "its weights."
            )
        return features.shape[1]

    @property
    def _shown(self) -> str:
        return getattr(self.module, "__qualname__", type(self.module).__name__)

    @property
    def _name(self) -> str:
        return f"encoder=PretrainedEncoder({self._shown})"

    def _error(self, parameter: str, problem: str) -> ValueError:
        value = show(getattr(self, parameter))
        return ValueError(f"{parameter}={value} of {self._name} {problem}.")
