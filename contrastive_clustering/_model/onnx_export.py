"""From samples to latents, soft assignments and strata, as a model of ONNX."""

import copy
import itertools
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn

from contrastive_clustering._data.scaling import FARTHEST, Scaler
from contrastive_clustering._model.fitted import Strata
from contrastive_clustering._model.onnx_assignment import make_assignment
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.optional import import_onnx
from contrastive_clustering._utils.provenance import FORMAT, package_versions

# The version of ONNX's operators that is written: runtimes of 2023 and later know it.
OPSET = 18

# Raised when inputs, outputs or the names of metadata change.
EXPORT_VERSION = 1

INPUT = "samples"

# Samples are float32 in the file if that moves none by more than this part of its
# feature's standard deviation, beyond the rounding of the scaled value itself.
LARGEST_SHIFT = 1e-6

OUTPUTS = ("latents", "proba", "labels")


def export(net: ContrastiveNet, scaler: Scaler, clustering: Strata) -> Any:
    """Return a model of ONNX that gives latents, soft assignments and strata.

    Parameters
    ----------
    net : ContrastiveNet
        The trained net.

    scaler : Scaler
        The common scale, and how samples are read.

    clustering : LatentClustering or PrototypeClustering
        The strata.

    Returns
    -------
    proto : onnx.ModelProto
        The model with its metadata.

    Raises
    ------
    ImportError
        If onnx or onnxscript is not installed.

    ValueError
        If the strata's assignment is no formula, or PyTorch cannot export the encoder.
    """
    model = ExportedModel(net, scaler, clustering).eval()
    onnx = import_onnx()
    sample_shape = scaler.layout.sample_shape
    dtype = input_dtype(scaler)
    proto = _export(model, torch.zeros(2, *sample_shape, dtype=dtype))
    _remove_traces(proto.graph)
    versions = package_versions()
    proto.producer_name, proto.producer_version = FORMAT, versions[FORMAT]
    facts = {
        "format": FORMAT,
        "format_version": EXPORT_VERSION,
        "version": versions[FORMAT],
        "n_clusters": clustering.n_clusters,
        "latent_dim": clustering.latent_centers.shape[1],
        "sample_shape": list(sample_shape),
        "fitted_to_dtype": scaler.dtype,
        "fitted_to_range": [scaler.low, scaler.high],
    }
    onnx.helper.set_model_props(proto, {k: str(v) for k, v in facts.items()})
    return proto


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


def _export(model: ExportedModel, example: torch.Tensor) -> Any:
    """Return the model as ONNX has it, for samples such as those of an example.

    The example has two samples: a single one would be taken for an axis that never
    grows.
    """
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
