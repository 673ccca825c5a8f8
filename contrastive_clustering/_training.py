"""Training: a skorch net that is fed two views of each batch."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, PassthroughScoring
from skorch.dataset import ValidSplit
from skorch.history import History
from skorch.utils import to_device

from contrastive_clustering._augmentation import Augmentation
from contrastive_clustering._callbacks import TrainingBar, WarmUpCosine
from contrastive_clustering._data import ArrayDataset, Batch, EvenBatchLoader
from contrastive_clustering._losses import LOSS_TERMS, JointLoss
from contrastive_clustering._networks import AutoencoderOutput, ContrastiveAutoencoder
from contrastive_clustering._random import (
    derive_seed,
    make_generator,
    seeded_global_generators,
)
from contrastive_clustering._scaling import Scaler

# What the derived seeds are for. The numbers must differ and may not change, or the
# same random_state would give another model.
SEED_WEIGHTS, SEED_TRAIN_VIEWS, SEED_VALID_VIEWS, SEED_SHUFFLE, SEED_SPLIT = range(5)

# Kernels for products with few rows add in another order than those for many. Batches
# filled up to this size use the latter, so that, on a CPU, a sample's latents are the
# same to the bit whatever stands beside it.
SMALLEST_PREDICTED = 8


class ContrastiveNet(NeuralNet):  # type: ignore[misc]  # skorch is not typed
    """A skorch net whose steps see two random views of each batch.

    All else is skorch's: every other parameter, callback and method works as in
    :class:`skorch.NeuralNet`.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`skorch.NeuralNet`.

    augmentation : callable, default=None
        ``augmentation(batch, generator)`` returns one random view of a batch; None
        makes both views the batch itself.

    seed : int, default=0
        Seed of the weights, the views and the order of the samples.
    """

    history: History

    def __init__(
        self,
        *args: Any,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.augmentation = augmentation
        self.seed = seed
        super().__init__(*args, **kwargs)

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        """Skorch's callbacks without its table, and an average for each loss term."""
        averages = [
            (
                f"{part}_{term}",
                PassthroughScoring(f"{part}_{term}", on_train=part == "train"),
            )
            for part in ("train", "valid")
            for term in ("loss", *LOSS_TERMS)
        ]
        return [("epoch_timer", EpochTimer()), *averages]

    def initialize_module(self) -> "ContrastiveNet":
        """Make the module with weights that depend on `seed` alone."""
        with seeded_global_generators(derive_seed(self.seed, SEED_WEIGHTS)):
            super().initialize_module()
        if len(self.module__sample_shape) == 3:
            # Twice as fast for images, on CPUs and on tensor cores.
            self.module_.to(memory_format=torch.channels_last)
        return self

    def run_single_epoch(
        self,
        iterator: EvenBatchLoader | None,
        training: bool,
        prefix: str,
        step_fn: Callable[..., Any],
        **fit_params: Any,
    ) -> None:
        """Seed the order and the views by the epoch, then run it."""
        if iterator is None:
            return
        # Training sees new views in each epoch, a function of the epoch's number
        # alone; validation always the same, so that its losses can be compared.
        epoch = len(self.history)
        iterator.even_batches.epoch = epoch
        keys = (SEED_TRAIN_VIEWS, epoch) if training else (SEED_VALID_VIEWS,)
        self._view_generator = make_generator(
            derive_seed(self.seed, *keys), self.device
        )
        try:
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
        finally:
            del self._view_generator  # generators on a GPU cannot be pickled

    def train_step_single(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Take skorch's step on two views of the batch."""
        step: dict[str, Any] = super().train_step_single(
            self._views(batch), **fit_params
        )
        return step

    def validation_step(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Take skorch's validation step on two views of the batch."""
        step: dict[str, Any] = super().validation_step(self._views(batch), **fit_params)
        return step

    def evaluation_step(
        self, batch: Batch, training: bool = False
    ) -> tuple[torch.Tensor, ...]:
        """Take skorch's step for predictions on the batch itself."""
        samples, nothing = batch
        output = super().evaluation_step((self.prepare(samples), nothing), training)
        return tuple(
            output
        )  # skorch moves plain tuples between devices, not named ones

    def get_loss(
        self,
        y_pred: AutoencoderOutput,
        y_true: Any,
        X: Any = None,
        training: bool = False,
    ) -> torch.Tensor:
        """Return the joint loss and record each of its terms."""
        terms: dict[str, torch.Tensor] = self.criterion_(y_pred, X)
        part = "train" if training else "valid"
        for name in LOSS_TERMS:
            self.history.record_batch(f"{part}_{name}", terms[name].item())
        return terms["loss"]

    def go_on_from(self, other: "ContrastiveNet") -> None:
        """Take over the weights, the optimizer's moments and the history of a net.

        Parameters
        ----------
        other : ContrastiveNet
            A trained net; it is not changed.

        Raises
        ------
        ValueError
            If the networks differ in their shape.
        """
        old, new = other.module_.state_dict(), self.module_.state_dict()
        if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
            raise ValueError(
                f"The network has changed (latent_dim={self.module__latent_dim}, was "
                f"{other.module__latent_dim}), so that training cannot go on from the "
                "old weights. Set warm_start=False and fit anew."
            )
        self.module_.load_state_dict(old)
        if type(self.optimizer_) is type(other.optimizer_):
            state = copy.deepcopy(other.optimizer_.state_dict())
            # The moments are the old ones, the learning rate and the like the new.
            state["param_groups"] = self.optimizer_.state_dict()["param_groups"]
            self.optimizer_.load_state_dict(state)
        self.history = copy.deepcopy(other.history)

    def prepare(self, samples: torch.Tensor) -> torch.Tensor:
        """Move a batch to the device, there onto the common scale.

        Parameters
        ----------
        samples : torch.Tensor of shape (n, *sample_shape)
            A batch of `ArrayDataset`: raw if 8-bit, else scaled already.

        Returns
        -------
        batch : torch.Tensor of shape (n, *sample_shape)
            float32, in the memory layout of the network.
        """
        batch: torch.Tensor = to_device(samples, self.device)
        if batch.dtype == torch.uint8:
            module = self.module_
            batch = (batch.float() - module.input_mean) / module.input_std
        return _channels_last(batch)

    def _views(self, batch: Batch) -> Batch:
        samples, nothing = batch
        prepared = self.prepare(samples)
        if self.augmentation is None:
            views = [prepared, prepared]
        else:
            views = [
                self.augmentation(prepared, self._view_generator) for _ in range(2)
            ]
        return _channels_last(torch.cat(views)), nothing

    def encode(self, dataset: ArrayDataset) -> np.ndarray:
        """Return the latents of a data set, batch by batch.

        Parameters
        ----------
        dataset : ArrayDataset
            The samples.

        Returns
        -------
        latents : ndarray of shape (n_samples, latent_dim)
            float32.
        """
        self._set_training(False)
        batches = []
        with torch.inference_mode():
            for samples, _ in self.get_iterator(dataset, training=False):
                batch = _at_least(SMALLEST_PREDICTED, self.prepare(samples))
                latents = self.module_.encoder(batch)[: len(samples)]
                batches.append(latents.cpu())
        return np.asarray(torch.cat(batches).float().numpy())

    def decode(self, latents: np.ndarray) -> torch.Tensor:
        """Return the decoded latents on the common scale, batch by batch.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            float32.

        Returns
        -------
        batch : torch.Tensor of shape (n_samples, *sample_shape)
            float32, on the CPU.
        """
        self._set_training(False)
        with torch.inference_mode():
            return torch.cat(
                [
                    self.module_.decoder(to_device(part, self.device)).cpu()
                    for part in torch.split(torch.from_numpy(latents), self.batch_size)
                ]
            ).float()


def _at_least(n_samples: int, batch: torch.Tensor) -> torch.Tensor:
    """Repeat the first sample of a batch until there are `n_samples`."""
    missing = n_samples - len(batch)
    if missing <= 0:
        return batch
    return _channels_last(
        torch.cat([batch, batch[:1].expand(missing, *batch[0].shape)])
    )


def _channels_last(batch: torch.Tensor) -> torch.Tensor:
    if batch.ndim != 4:
        return batch.contiguous()
    return batch.contiguous(memory_format=torch.channels_last)


def make_net(
    params: dict[str, Any],
    *,
    scaler: Scaler,
    augmentation: Augmentation | None,
    device: torch.device,
    max_epochs: int,
    seed: int,
) -> ContrastiveNet:
    """Return an initialised net.

    Parameters
    ----------
    params : dict
        The parameters of the estimator.

    scaler : Scaler
        The common scale and the layout of the samples.

    augmentation : callable or None
        Draws views.

    device : torch.device
        Where to compute.

    max_epochs : int
        Number of epochs of a call of ``partial_fit``.

    seed : int
        Seed of all that is random.

    Returns
    -------
    net : ContrastiveNet
        The net, with its weights initialised and nothing learnt.
    """
    callbacks: list[Any] = list(params["callbacks"] or [])
    if params["lr_schedule"] == "cosine":
        callbacks.append(("lr_schedule", WarmUpCosine()))
    if params["verbose"]:
        callbacks.append(("training_bar", TrainingBar()))
    train_split = None
    if params["early_stopping"]:
        # Interrupts the epoch's callbacks, and so has to come last.
        callbacks.append(
            (
                "early_stopping",
                EarlyStopping(
                    patience=params["n_iter_no_change"], sink=_silent, load_best=True
                ),
            )
        )
        train_split = ValidSplit(
            params["validation_fraction"],
            random_state=derive_seed(seed, SEED_SPLIT) % 2**32,
        )
    optimizer_params = {}
    if params["weight_decay"]:
        optimizer_params["optimizer__weight_decay"] = params["weight_decay"]
    net = ContrastiveNet(
        ContrastiveAutoencoder,
        module__sample_shape=scaler.layout.network_shape,
        module__input_mean=scaler.mean,
        module__input_std=scaler.std,
        module__latent_dim=params["latent_dim"],
        criterion=JointLoss,
        criterion__temperature=params["temperature"],
        criterion__reconstruction_weight=params["reconstruction_weight"],
        optimizer=params["optimizer"],
        lr=params["lr"],
        max_epochs=max_epochs,
        batch_size=params["batch_size"],
        iterator_train=EvenBatchLoader,
        iterator_train__shuffle=True,
        iterator_train__seed=derive_seed(seed, SEED_SHUFFLE),
        iterator_valid=EvenBatchLoader,
        train_split=train_split,
        callbacks=callbacks,
        augmentation=augmentation,
        seed=seed,
        device=str(device),
        verbose=0,
        **optimizer_params,
    )
    net.initialize()
    return net


def _silent(text: str) -> None:
    """Swallow what a callback would print."""
