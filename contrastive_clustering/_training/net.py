"""Training: a skorch net that sees two views of each batch."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from skorch.callbacks import Callback, EpochTimer, ParamMapper, PassthroughScoring

from contrastive_clustering._augmentation.base import Augmentation
from contrastive_clustering._augmentation.draws import Changes
from contrastive_clustering._data.dataset import ArrayDataset, Batch
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._networks.autoencoder import AutoencoderOutput
from contrastive_clustering._networks.joint_loss import LOSS_TITLES
from contrastive_clustering._training.callbacks import schedules_start_over
from contrastive_clustering._training.compilation import CompilingNet
from contrastive_clustering._training.inference_net import EncodingNet
from contrastive_clustering._training.loss_recording import RecordingNet, Terms
from contrastive_clustering._training.mixed_precision import MixedPrecisionNet
from contrastive_clustering._utils.distributed import (
    all_reduce,
    all_reduce_gradients,
    broadcast,
    explain_lost_processes,
    n_processes,
    rank,
    shard_slice,
    synchronized_batch_norm,
)
from contrastive_clustering._utils.interrupts import record_interrupts
from contrastive_clustering._utils.memory import (
    explain_network_out_of_memory,
    explain_out_of_memory,
)
from contrastive_clustering._utils.seeding import (
    SeedStream,
    derive_seed,
    draw_seed,
    make_generator,
    seeded_global_generators,
)


class ContrastiveNet(MixedPrecisionNet, RecordingNet, CompilingNet, EncodingNet):
    """A skorch net whose steps see two random views of each batch.

    Every other parameter, callback and method works as in :class:`skorch.NeuralNet`.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`skorch.NeuralNet`, and the precision of training.

    augmentation : Augmentation, default=None
        Draws both views of a batch by its `pair`; if None, both are the batch itself.

    nuisance_negatives : bool, default=False
        Whether only samples of the same nuisance are negatives of each other.

    seed : int, default=0
        Seed of the weights, the views and the order of the samples.
    """

    callbacks_: list[tuple[str, Callback]]

    # skorch pickles these attributes, like the module, so that they can be unpickled
    # without a GPU: callbacks such as schedules hold tensors, too.
    cuda_dependent_attributes_: ClassVar[list[str]] = ["callbacks"]

    # Number of epochs run before this training resumed; whether Ctrl-C stopped it.
    _n_done = 0
    interrupted = False

    # During training: the codes of the samples that exclude negatives, and whether
    # batches consist of samples followed by partners of their groups.
    _codes: Mapping[str, torch.Tensor] = MappingProxyType({})
    _is_paired = False

    def __init__(
        self,
        *args: Any,
        augmentation: Augmentation | None = None,
        nuisance_negatives: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.augmentation = augmentation
        self.nuisance_negatives = nuisance_negatives
        self.seed = seed
        # A training step predicts views, twice as many as samples, so scores must not
        # use its cached predictions. Callbacks compute their own.
        super().__init__(*args, **{"use_caching": False, **kwargs})

    @property
    def restores(self) -> bool:
        """Whether the decoder learns to decode samples rather than their views."""
        return bool(getattr(self.augmentation, "restores", False))

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        """Skorch's callbacks without the printed table, and an average of each loss."""
        averages = [
            (
                f"{part}_{term}",
                PassthroughScoring(f"{part}_{term}", on_train=part == "train"),
            )
            for part in ("train", "valid")
            for term in LOSS_TITLES
        ]
        return [("epoch_timer", EpochTimer()), *averages]

    def initialize_module(self) -> "ContrastiveNet":
        """Create the module, with weights that depend only on `seed`, and try it."""
        seed = derive_seed(self.seed, SeedStream.WEIGHTS)
        with seeded_global_generators(seed), explain_network_out_of_memory(self):
            super().initialize_module()
        # The optimizer, created later, does not accept uninitialized lazy weights.
        if self.module_.custom_parts and self.module_ is not self.module:
            self.module_.to(self.device)
            with seeded_global_generators(seed, self.module_.input_mean.device):
                self.module_.try_custom_parts(self.module__sample_shape)
        return self

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> "ContrastiveNet":
        """Create the optimizer; its groups keep their initial rates for schedules."""
        super().initialize_optimizer(*args, **kwargs)
        for group in self.optimizer_.param_groups:
            group["initial_lr"] = group["lr"]
        return self

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks; random numbers of those that set weights are seeded."""
        if method_name == "on_train_begin":
            with schedules_start_over(self.callbacks_):
                super().notify(method_name, **cb_kwargs)
            return
        sets_weights = any(isinstance(each, ParamMapper) for _, each in self.callbacks_)
        if not sets_weights or method_name != "on_epoch_begin":
            super().notify(method_name, **cb_kwargs)
            return
        seed = derive_seed(self.seed, SeedStream.CALLBACKS, len(self.history))
        with seeded_global_generators(seed, self.module_.input_mean.device):
            super().notify(method_name, **cb_kwargs)

    def run_single_epoch(
        self,
        iterator: Any,
        training: bool,
        prefix: str,
        step_fn: Callable[..., Any],
        **fit_params: Any,
    ) -> None:
        """Seed the order and the views for the epoch, then run it."""
        if iterator is None:
            return
        # Training sees new views in each epoch, which depend only on its number.
        # Validation sees the same views in all, so that its losses are comparable.
        epoch = self.module_.view_epoch(len(self.history))
        iterator.even_batches.epoch = epoch
        self._warm_up_divergence()
        keys = (
            (SeedStream.TRAINING_VIEWS, epoch)
            if training
            else (SeedStream.VALIDATION_VIEWS,)
        )
        if training and n_processes() > 1:
            keys = (*keys, rank())  # each process draws views of its own shard
        self._view_generator = make_generator(
            derive_seed(self.seed, *keys), self.device
        )
        try:
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
        finally:
            del self._view_generator  # generators on a GPU cannot be pickled

    def _warm_up_divergence(self) -> None:
        """Increase the scale of the variational term with each epoch, up to 1."""
        n_epochs = self.criterion_.kl_warm_up * self.max_epochs
        progress = self.epoch_number / n_epochs if n_epochs else 1.0
        self.criterion_.kl_scale = min(1.0, progress)

    def fit_loop(self, *args: Any, **kwargs: Any) -> "ContrastiveNet":
        """Note at which epoch the training began, then run skorch's loop."""
        self._first_epoch = len(self.history) - self._n_done
        super().fit_loop(*args, **kwargs)
        return self

    def run_epochs(
        self, dataset: ArrayDataset, *further: Callback, n_done: int = 0
    ) -> None:
        """Train for the remaining epochs.

        Ctrl-C also ends the training. Then `interrupted` is true, and the unfinished
        epoch is removed from the history.

        Parameters
        ----------
        dataset : ArrayDataset
            The training set.

        *further : skorch callbacks
            Called after all others, in this training only.

        n_done : int, default=0
            Number of epochs run before; they are the last in the history.
        """
        self._codes = self._codes_of(dataset.metadata)
        pairs = self.get_params_for("iterator_train").get("group_positives", False)
        self._is_paired = pairs and dataset.metadata.groups is not None
        original: list[tuple[str, Callback]] = self.callbacks_
        self.callbacks_ = original + [
            (type(callback).__name__, callback) for callback in further
        ]
        self._n_done = n_done
        try:
            with (
                record_interrupts() as seen,
                explain_out_of_memory(self, "training"),
                self.compiled(),
                explain_lost_processes(),
                synchronized_batch_norm(self.module_),
            ):
                self.partial_fit(dataset, epochs=self.max_epochs - n_done)
        finally:
            self.callbacks_, self._n_done = original, 0
            del self._codes, self._is_paired  # the net keeps nothing of the samples
        self.interrupted = bool(seen)
        if self.interrupted and self.history and "train_loss" not in self.history[-1]:
            del self.history[-1]

    def _codes_of(self, metadata: Metadata) -> dict[str, torch.Tensor]:
        """Return the codes of the samples that exclude negatives, on the device."""
        codes = {}
        if metadata.groups is not None:
            codes["groups"] = metadata.groups.codes
        if metadata.nuisance is not None and self.nuisance_negatives:
            codes["nuisance"] = metadata.nuisance.combinations()
        return {
            name: torch.from_numpy(values).to(self.device)
            for name, values in codes.items()
        }

    def infer(self, x: torch.Tensor, **fit_params: Any) -> AutoencoderOutput:
        """Take skorch's forward step; random numbers of custom layers are seeded."""
        if not (self.module_.custom_parts and self.module_.training):
            return super().infer(x, **fit_params)
        seed = draw_seed(self._view_generator)
        with seeded_global_generators(seed, x.device):
            return super().infer(x, **fit_params)

    def train_step_single(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of two views of the batch and its gradients."""
        self._set_training(True)
        samples, indices = batch
        partners = None
        if self._is_paired:
            samples, partners = samples.chunk(2)
            indices = indices[: len(samples)]
            partners = partners[shard_slice(len(samples))]
        views, targets, changes = self._views(
            samples[shard_slice(len(samples))], partners
        )
        indices = self.move(indices)
        inputs, noise = self.module_.look_up(views), self._draw_noise(views)
        output = self.infer(inputs, noise=noise, **fit_params)
        terms = self.loss_terms(output, indices, targets, True, changes)
        total = self._sum_over_processes(terms)
        self.record_terms(total, training=True)
        self.backward(terms["loss"])
        all_reduce_gradients(self.module_)
        return {"loss": total["loss"].detach(), "y_pred": output}

    def validation_step(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of two views of the batch."""
        self._set_training(False)
        samples, indices = batch
        views, targets, changes = self._views(samples)
        with torch.no_grad():
            output = self.infer(self.module_.look_up(views), **fit_params)
            loss = self.get_loss(output, indices, targets, False, changes)
        return {"loss": loss, "y_pred": output}

    def get_loss(
        self,
        y_pred: AutoencoderOutput,
        y_true: Any,
        X: Any = None,
        training: bool = False,
        changes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the loss and record each of its terms."""
        terms = self.loss_terms(y_pred, y_true, X, training, changes)
        if n_processes() > 1 and not training:
            # Rounding differs between processes, but they must stop in the same epoch.
            values = broadcast(torch.stack([*terms.values()]))
            terms = dict(zip(terms, values, strict=True))
        self.record_terms(terms, training)
        return terms["loss"]

    def loss_terms(
        self,
        output: AutoencoderOutput,
        indices: torch.Tensor,
        targets: torch.Tensor,
        training: bool,
        changes: torch.Tensor | None = None,
    ) -> Terms:
        """Return the terms of the loss, in training for this process's shard.

        `targets` are the samples that the decoder should return, and `changes` how the
        views differ. Validation is not sharded: each process sees all of it.
        """
        n_samples = len(indices) if training and n_processes() > 1 else None
        codes = {name: values[indices] for name, values in self._codes.items()}
        if changes is not None:
            codes["changes"] = changes
        terms: Terms = self.criterion_(output, targets, n_samples, **codes)
        return terms

    def _sum_over_processes(self, terms: Terms) -> Terms:
        """Return the terms of the whole batch, summed over the processes' shards."""
        if n_processes() == 1:
            return terms
        values = all_reduce(torch.stack([term.detach() for term in terms.values()]))
        sums = dict(zip(terms, values, strict=True))
        for name, weight in self.criterion_.whole_batch_weights.items():
            if name in terms:  # each process computes all of it
                sums[name] = terms[name].detach()
                surplus = (n_processes() - 1) * sums[name]
                sums["loss"] = sums["loss"] - weight * surplus
        return sums

    def _draw_noise(self, views: torch.Tensor) -> torch.Tensor | None:
        """Return the noise that latents are sampled with in the variational setting."""
        if not self.module_.variational:
            return None
        return torch.randn(
            (len(views), self.module_.latent_dim),
            generator=self._view_generator,
            device=views.device,
        )

    def _views(
        self, samples: torch.Tensor, partners: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return two views of each sample, the target of the decoder, and the changes.

        The second view is one of the partner if there are partners. Then, or without a
        change head, the changes between the views are None.
        """
        prepared = self.prepare(samples)
        second = prepared if partners is None else self.prepare(partners)
        twice = [prepared, second]
        if self.augmentation is None:
            views = self.lay_out(torch.cat(twice))
            return views, views, None
        changes: Changes | None = None
        if self.module_.change_head is not None and partners is None:
            changes = []
        pair = self.augmentation.pair(prepared, self._view_generator, changes)
        if partners is not None:
            pair = pair[0], self.augmentation.pair(second, self._view_generator)[1]
        views = self.lay_out(torch.cat(pair))
        targets = self.lay_out(torch.cat(twice)) if self.restores else views
        return views, targets, torch.stack(changes, dim=1) if changes else None
