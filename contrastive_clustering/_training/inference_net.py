"""Prediction: a skorch net that encodes, projects and decodes in blocks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch.utils.data import DataLoader

from contrastive_clustering._data.dataset import ArrayDataset, Batch, TensorBatches
from contrastive_clustering._data.on_device import ResidentBatchLoader, is_resident
from contrastive_clustering._data.validation import check_out
from contrastive_clustering._networks.autoencoder import AutoencoderOutput
from contrastive_clustering._networks.inference import (
    fold_normalization,
    in_equal_blocks,
)
from contrastive_clustering._utils.device import is_asynchronous
from contrastive_clustering._utils.memory import explain_out_of_memory
from contrastive_clustering._utils.threads import limit_nested_threads

# Kernels for small batches add in another order than those for large ones. Batches are
# padded to this size to use the latter. Together with `in_equal_blocks`, this makes a
# sample's latents on a CPU independent, to the bit, of the rest of the batch.
MIN_PREDICTED = 8

# Number of latents in a block; fewer are kept in memory at a time if only a function of
# them, such as the labels, is needed.
LATENT_BLOCK = 2**14


class EncodingNet(NeuralNet):  # type: ignore[misc]  # skorch is not typed
    """A skorch net of a :class:`ContrastiveAutoencoder`, with its predictions."""

    def get_iterator(
        self, dataset: Any, training: bool = False
    ) -> DataLoader[Batch] | ResidentBatchLoader:
        """Return an iterator over the batches of a data set.

        A data set on the device is read there. Other batches are placed in pinned
        memory, which a GPU copies while it computes.
        """
        name = "iterator_train" if training else "iterator_valid"
        settings = {"batch_size": self.batch_size, **self.get_params_for(name)}
        if is_resident(dataset):
            # All other settings concern reading samples, which are in memory already.
            order = ("batch_size", "shuffle", "seed", "group_positives")
            return ResidentBatchLoader(
                dataset, **{key: settings[key] for key in order if key in settings}
            )
        loader: DataLoader[Batch] = super().get_iterator(dataset, training)
        if "pin_memory" not in settings:
            loader.pin_memory = torch.device(self.device).type == "cuda"
        return loader

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Return a data set; a callback may also predict a batch, a tensor."""
        if isinstance(X, torch.Tensor):
            return TensorBatches(X)
        return super().get_dataset(X, y)

    def move(self, tensor: torch.Tensor) -> torch.Tensor:
        """Move a tensor to the device, asynchronously if that is safe."""
        non_blocking = is_asynchronous(self.device) and tensor.is_pinned()
        return tensor.to(self.device, non_blocking=non_blocking)

    def prepare(self, samples: torch.Tensor) -> torch.Tensor:
        """Move a batch to the device and standardize it there.

        Parameters
        ----------
        samples : torch.Tensor of shape (n, *sample_shape)
            A batch of `ArrayDataset`: raw if 8-bit, otherwise standardized already.

        Returns
        -------
        batch : torch.Tensor of shape (n, *sample_shape)
            float32, in the memory layout of the network.
        """
        batch = self.move(samples)
        if batch.dtype == torch.uint8:
            module = self.module_
            batch = (batch.float() - module.input_mean) / module.input_std
        return self.lay_out(batch)

    def lay_out(self, batch: torch.Tensor) -> torch.Tensor:
        """Return a batch in the memory layout of the encoder."""
        return batch.contiguous(memory_format=self.module_.memory_format)

    def evaluation_step(
        self, batch: Batch, training: bool = False
    ) -> tuple[torch.Tensor, ...]:
        """Take skorch's step for predictions on the batch itself, without views."""
        samples, nothing = batch
        output: AutoencoderOutput = super().evaluation_step(
            (self.prepare(samples), nothing), training
        )
        # skorch moves plain tuples of tensors between devices, but not named tuples.
        return output.latent, output.projection, output.reconstruction

    def encode(
        self, dataset: ArrayDataset, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the latents of a data set, (n, latent_dim), or write them to `out`."""
        return self.map_latents(dataset, lambda latents: latents, out)

    @limit_nested_threads()
    def map_latents(
        self,
        dataset: ArrayDataset,
        function: Callable[[np.ndarray], np.ndarray],
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the result of a function of the latents of a data set.

        The latents are computed, passed to the function and discarded block by block,
        so that only the result needs memory for all samples.

        Parameters
        ----------
        dataset : ArrayDataset
            The samples.

        function : callable
            Takes latents, a float32 array of shape (n, latent_dim), and returns an
            array of n rows.

        out : ndarray of shape (n_samples, ...), default=None
            Where to write the result.

        Returns
        -------
        result : ndarray of shape (n_samples, ...)
            The rows of all samples, or `out`.
        """
        blocks = map(function, self._latent_blocks(dataset))
        return _concatenate(blocks, len(dataset), out)

    def _latent_blocks(self, dataset: ArrayDataset) -> Iterator[np.ndarray]:
        self._set_training(False)
        encoder = self.module_.encoder
        # A custom encoder may have layers of any kind.
        if "encoder" not in self.module_.custom_parts:
            encoder = fold_normalization(encoder)
        waiting: list[torch.Tensor] = []
        with explain_out_of_memory(self, "prediction"):
            for samples, _ in self.get_iterator(dataset, training=False):
                with torch.inference_mode():
                    batch = _pad(self.prepare(samples), MIN_PREDICTED)
                    encoded = encoder(self.lay_out(batch))
                    # It may erase nuisance variables by a matrix product.
                    latents = in_equal_blocks(self._latents_of, encoded)
                    waiting.append(latents[: len(samples)].float())
                if sum(map(len, waiting)) >= LATENT_BLOCK:
                    yield torch.cat(waiting).cpu().numpy()
                    waiting = []
        if waiting:
            yield torch.cat(waiting).cpu().numpy()

    def _latents_of(self, encoded: torch.Tensor) -> torch.Tensor:
        latents: torch.Tensor = self.module_.split(encoded)[0]
        return latents

    @limit_nested_threads()
    def project(self, latents: np.ndarray) -> np.ndarray:
        """Return the projections of latents, float32, (n_samples, n_projections)."""
        parts = self._apply(self.module_.projection_head, latents)
        return _concatenate((part.numpy() for part in parts), len(latents))

    @limit_nested_threads()
    def decode(
        self, latents: np.ndarray, function: Callable[[torch.Tensor], np.ndarray]
    ) -> np.ndarray:
        """Return the result of a function of decoded latents, batch by batch.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            float32.

        function : callable
            Takes a standardized float32 batch of shape (n, *sample_shape) on the CPU,
            and returns an array of n rows.

        Returns
        -------
        result : ndarray of shape (n_samples, ...)
            The rows of all samples.
        """
        parts = self._apply(self.module_.decode, latents)
        return _concatenate(map(function, parts), len(latents))

    def _apply(
        self, function: Callable[[torch.Tensor], torch.Tensor], latents: np.ndarray
    ) -> Iterator[torch.Tensor]:
        self._set_training(False)
        # PyTorch warns of read-only arrays, such as memory maps of an unpickled model.
        latents = latents if latents.flags.writeable else latents.copy()
        for part in torch.split(torch.from_numpy(latents), self.batch_size):
            with (
                explain_out_of_memory(self, "prediction"),
                torch.inference_mode(),
            ):
                result = function(self.move(part)).float().cpu()
            yield result


def _concatenate(
    blocks: Iterable[np.ndarray], n_rows: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Concatenate blocks of rows in a new array or in `out`."""
    n_done = 0
    for rows in blocks:
        if n_done == 0:
            shape = (n_rows, *rows.shape[1:])
            check_out(out, shape, rows.dtype)
            result = np.empty(shape, rows.dtype) if out is None else out
        result[n_done : n_done + len(rows)] = rows
        n_done += len(rows)
    return result


def _pad(batch: torch.Tensor, n_samples: int) -> torch.Tensor:
    """Repeat the first sample of a batch until there are `n_samples`."""
    missing = n_samples - len(batch)
    if missing <= 0:
        return batch
    return torch.cat([batch, batch[:1].expand(missing, *batch[0].shape)])
