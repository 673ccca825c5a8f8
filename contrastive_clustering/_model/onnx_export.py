"""Export a model from samples to latents, soft assignments and strata to ONNX."""

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

# Version of the ONNX operators, which runtimes since 2023 support.
OPSET = 18

# Increase this when inputs, outputs or the names of metadata change.
EXPORT_VERSION = 1

INPUT = "samples"

# The input is float32 if this shifts no sample by more than this fraction of the
# feature's standard deviation, beyond the rounding of the standardized value itself.
MAX_SHIFT = 1e-6

OUTPUTS = ("latents", "proba", "labels")


def export(net: ContrastiveNet, scaler: Scaler, clustering: Strata) -> Any:
    """Return an ONNX model that computes latents, soft assignments and strata.

    Raises
    ------
    ImportError
        If onnx or onnxscript is not installed.

    ValueError
        If the clusterer's assignment or the encoder cannot be exported.
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
    """Return float32, or float64 if float32 would lose digits of the samples."""
    limits = np.finfo(np.float32)
    if scaler.restored_dtype == np.float32:
        return torch.float32
    shift = np.abs(scaler.mean / scaler.std) * limits.eps
    beyond = max(abs(scaler.low), abs(scaler.high)) > float(limits.max)
    # Values that are about 1 when standardized must not be subnormal before.
    below = scaler.std.min() < float(limits.tiny / limits.eps)
    if beyond or below or shift.max() > MAX_SHIFT:
        return torch.float64
    return torch.float32


class ExportedModel(nn.Module):
    """A module from samples in the user's units to latents, assignments and strata.

    It has copies of the parts of the net.
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
        self.erasure = copy.deepcopy(net.module_.erasure)
        if self.erasure is not None:
            self.erasure.cpu()
        self.assignment = make_assignment(clustering)

    def forward(
        self, samples: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return latents, soft assignments and strata of a batch of samples."""
        values = self.layout.to_network(samples.double())
        scaled = ((values - self.mean) / self.std).clamp(-FARTHEST, FARTHEST)
        # In the variational setting, means precede log-variances.
        latents = self.encoder(scaled.float())[:, : self.latent_dim]
        if self.erasure is not None:
            latents = self.erasure(latents)
        proba, labels = self.assignment(latents.double())
        return latents, proba.float(), labels


def _export(model: ExportedModel, example: torch.Tensor) -> Any:
    """Return the model in ONNX for samples of the shape and dtype of an example.

    The example must have two samples: with a single one, PyTorch would export an axis
    of fixed length.
    """
    try:
        with warnings.catch_warnings():
            # PyTorch's exporter uses what PyTorch itself has deprecated.
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
            "ONNX; see the error above. Its forward method must not branch on the "
            "values of a batch or require a fixed batch size."
        ) from error
    return program.model_proto


def _remove_traces(graph: Any) -> None:
    """Remove PyTorch's annotations, which contain code and paths of this machine."""
    parts = [graph.node, graph.value_info, graph.input, graph.output, graph.initializer]
    for entry in (graph, *itertools.chain.from_iterable(parts)):
        entry.ClearField("metadata_props")
        entry.ClearField("doc_string")
