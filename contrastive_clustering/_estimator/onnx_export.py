"""Export of what a fitted estimator predicts to ONNX."""

import copy
import itertools
import os
import warnings
from importlib import import_module
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from contrastive_clustering._data.scaling import FARTHEST, Scaler
from contrastive_clustering._io.safetensors_file import FORMAT, package_versions
from contrastive_clustering._model.fit import Strata
from contrastive_clustering._model.onnx_assignment import make_assignment
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.files import as_target, write_atomically
from contrastive_clustering._utils.snapshot import reads_fitted_state

# The version of ONNX's operators that is written: runtimes of 2023 and later know it.
OPSET = 18

# Raised when inputs, outputs or the names of metadata change.
EXPORT_VERSION = 1

INPUT = "samples"

# Samples are float32 in the file if that moves none by more than this part of its
# feature's standard deviation, beyond the rounding of the scaled value itself.
LARGEST_SHIFT = 1e-6
OUTPUTS = ("latents", "proba", "labels")


class OnnxExportMixin:
    """Methods of an estimator whose predictions can be made without Python."""

    net_: ContrastiveNet
    n_clusters_: int
    _scaler: Scaler
    _clustering: Strata

    @reads_fitted_state
    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write what `transform`, `predict_proba` and `predict` do to an ONNX file.

        The file takes "samples" of shape ``(n, *sample_shape)``, in the shape and the
        units of the X of `fit`, for any n, and gives "latents", float32 of shape
        ``(n, latent_dim)``, "proba", float32 of shape ``(n, n_clusters)``, and
        "labels", int64 of shape ``(n,)``. In onnxruntime, on a CPU, these are what the
        estimator gives to 1e-4. What samples may be is not checked there: neither
        their units nor whether they are finite.

        Samples are float32, except if X was float64 or integers of 32 bits and more
        and float32 would lose digits that matter: values on an offset more than eight
        times their standard deviation, or out of the range of float32. Then they are
        float64, and onnxruntime refuses others. ``session.get_inputs()[0].type`` is
        "tensor(float)" or "tensor(double)".

        The file holds weights and no training sample, and its metadata the version of
        this package and what samples look like. Its operators are those of opset 18.
        The scaling and the assignment are computed in float64, the network in float32.

        Parameters
        ----------
        path : str or path-like
            The file. It is overwritten if it exists, once the new one is complete, and
            keeps its mode; a symbolic link to it stays a link. "~" stands for the home
            folder.

        Raises
        ------
        ImportError
            If onnx or onnxscript is not installed.

        TypeError
            If `path` is not a path.

        ValueError
            If the strata are those of a clusterer whose assignment is no formula, such
            as a consensus without a second phase, or if PyTorch cannot export the
            encoder.

        OSError
            If the file cannot be written, or if `path` leads to a folder, a named pipe,
            a socket or a device.

        See Also
        --------
        save : Writes all of the estimator, to be loaded in Python.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from sklearn.datasets import load_digits
        >>> from contrastive_clustering import ContrastiveAutoencoderClusterer
        >>> images = load_digits().images[:300]
        >>> clusterer = ContrastiveAutoencoderClusterer(
        ...     n_clusters=10, max_epochs=2, random_state=0
        ... ).fit(images)
        >>> import onnxruntime
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "digits.onnx"
        ...     clusterer.to_onnx(path)
        ...     session = onnxruntime.InferenceSession(path)
        >>> samples = images.astype("float32")
        >>> latents, proba, labels = session.run(None, {"samples": samples})
        >>> bool((labels == clusterer.predict(images)).all())
        True
        """
        check_is_fitted(self)
        file = as_target(path, "path")
        model = ExportedModel(self.net_, self._scaler, self._clustering).eval()
        onnx = _import_onnx()
        proto = _export(model, self._scaler)
        _remove_traces(proto.graph)
        versions = package_versions()
        proto.producer_name, proto.producer_version = FORMAT, versions[FORMAT]
        facts = {
            "format": FORMAT,
            "format_version": EXPORT_VERSION,
            "version": versions[FORMAT],
            "n_clusters": self.n_clusters_,
            "latent_dim": self._clustering.latent_centers.shape[1],
            "sample_shape": list(self._scaler.layout.sample_shape),
            "fitted_to_dtype": self._scaler.dtype,
            "fitted_to_range": [self._scaler.low, self._scaler.high],
        }
        onnx.helper.set_model_props(proto, {k: str(v) for k, v in facts.items()})
        write_atomically(file, proto.SerializeToString())


class ExportedModel(nn.Module):
    """From samples as the user has them to latents, soft assignments and strata.

    Parameters
    ----------
    net : ContrastiveNet
        The trained net; it is not changed.

    scaler : Scaler
        The common scale, and how samples are read.

    clustering : LatentClustering or PrototypeClustering
        The strata.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, net: ContrastiveNet, scaler: Scaler, clustering: Strata) -> None:
        super().__init__()
        self.layout = scaler.layout
        self.latent_dim = clustering.latent_centers.shape[1]
        self.register_buffer("mean", torch.tensor(scaler.mean))
        self.register_buffer("std", torch.tensor(scaler.std))
        self.encoder = copy.deepcopy(net.module_.encoder).cpu().requires_grad_(False)
        self.assignment = make_assignment(clustering)

    def forward(
        self, samples: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return latents, soft assignments and strata of a batch of samples."""
        values = self.layout.to_network(samples.double())
        scaled = ((values - self.mean) / self.std).clamp(-FARTHEST, FARTHEST)
        # In the variational setting means stand before log-variances.
        latents = self.encoder(scaled.float())[:, : self.latent_dim]
        proba, labels = self.assignment(latents.double())
        return latents, proba.float(), labels


def input_dtype(scaler: Scaler) -> torch.dtype:
    """Return float32, or float64 where float32 would lose digits of the samples."""
    limits = np.finfo(np.float32)
    if scaler.restored_dtype == np.float32:
        return torch.float32
    shift = np.abs(scaler.mean / scaler.std) * limits.eps
    beyond = max(abs(scaler.low), abs(scaler.high)) > float(limits.max)
    # Scaled values of about 1 have to be normal numbers before they are scaled.
    below = scaler.std.min() < float(limits.tiny / limits.eps)
    if beyond or below or shift.max() > LARGEST_SHIFT:
        return torch.float64
    return torch.float32


def _export(model: ExportedModel, scaler: Scaler) -> Any:
    """Return the model as ONNX has it."""
    # Two samples: a single one would be taken for an axis that never grows.
    shape = (2, *scaler.layout.sample_shape)
    example = torch.zeros(shape, dtype=input_dtype(scaler))
    try:
        with warnings.catch_warnings():
            # Of PyTorch's own making: its exporter copies what it has deprecated.
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            program: Any = torch.onnx.export(
                model,
                (example,),
                input_names=[INPUT],
                output_names=OUTPUTS,
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("n_samples")},),
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(
            f"PyTorch cannot export the encoder, a {type(model.encoder).__name__}, to "
            "ONNX; the error above says why. Its forward may not choose what to do by "
            "the values of a batch, nor fix its size."
        ) from error
    return program.model_proto


def _remove_traces(graph: Any) -> None:
    """Remove what PyTorch notes of its own work: code, and paths of this machine."""
    parts = [graph.node, graph.value_info, graph.input, graph.output, graph.initializer]
    for entry in (graph, *itertools.chain.from_iterable(parts)):
        entry.ClearField("metadata_props")
        entry.ClearField("doc_string")


def _import_onnx() -> Any:
    """Return the onnx package, or say what is missing and how to get it."""
    try:
        import_module("onnxscript")  # what PyTorch exports with
        return import_module("onnx")
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx and onnxscript. Install them with `pip install onnx "
            "onnxscript`."
        ) from error
