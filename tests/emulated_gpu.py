"""Fits on an emulated GPU, compared with fits on the CPU; run by test_emulated_gpu.

The emulated device keeps its values on the CPU, but its tensors are on a device of
their own. As on a GPU, it is an error if an operation has tensors on two devices, or a
generator of another one, or if a training step would wait for the GPU. As on MPS, there
is no float64.

PyTorch cannot forget a device, therefore this needs a process of its own. It prints
for each case what differs from a fit on the CPU, or the error.
"""

import contextlib
import json
import sys
import tempfile
import threading
import warnings
from unittest import mock

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    PretrainedEncoder,
    RGBImageAugmentation,
)
from contrastive_clustering._data import on_device
from contrastive_clustering._training.net import ContrastiveNet

NAME = "emulated"
DEVICE = torch.device("privateuseone", 0)  # its name is set by `register`

# Operations whose result, or its shape, is read by the host.
WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "bincount"}
WAITING |= {"_unique2", "unique_dim"}

IN_STEP = threading.Event()


def wait(operation):
    if IN_STEP.is_set():
        raise RuntimeError(f"a training step waits for the device in {operation}")


class Resident(torch.Tensor):
    """A tensor on the emulated device, whose values are in `host`."""

    @staticmethod
    def __new__(cls, host):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            host.size(),
            strides=host.stride(),
            storage_offset=host.storage_offset(),
            dtype=host.dtype,
            device=DEVICE,
        )

    def __init__(self, host):
        self.host = host

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})

    def tolist(self):
        return self.cpu().tolist()

    def numpy(self, **kwargs):
        raise TypeError("a tensor on the device has no array; use Tensor.cpu()")

    __array__ = numpy

    def __deepcopy__(self, memo):
        copied = self.detach().clone()
        if isinstance(self, torch.nn.Parameter):
            copied = torch.nn.Parameter(copied, self.requires_grad)
        memo[id(self)] = copied
        return copied


def to_host(value):
    return value.host if isinstance(value, Resident) else value


def run(function, args, kwargs):
    """Run an operation on the values, if it concerns the emulated device."""
    tensors = [x for x in tree_iter((args, kwargs)) if isinstance(x, torch.Tensor)]
    resident = [x for x in tensors if isinstance(x, Resident)]
    device = kwargs.get("device")
    wanted = None if device is None else torch.device(device).type
    if not resident and wanted != NAME:
        return function(*args, **kwargs)
    composite = torch._C.DispatchKey.CompositeImplicitAutograd
    if function.has_kernel_for_dispatch_key(composite):  # without gradients
        with EmulatedDevice():
            return function.decompose(*args, **kwargs)
    name = function._schema.name.removeprefix("aten::")
    if name in ("copy_", "_to_copy"):
        n_devices = 1 + (0 < len(resident) < len(tensors))
        if name == "_to_copy" and wanted is not None:
            n_devices = 1 + ((wanted == NAME) != bool(resident))
        if n_devices > 1 and not kwargs.get("non_blocking") and not any(args[2:]):
            wait("a copy between devices")
    else:
        check(name, args, tensors)
    if wanted == NAME:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = function(*tree_map(to_host, args), **tree_map(to_host, kwargs))
    if name == "_to_copy" and wanted == "cpu":
        return result
    # An operation in place returns its argument.
    own = {id(x.host): x for x in resident} if function._schema.is_mutable else {}
    return tree_map(
        lambda x: own[id(x)] if id(x) in own else to_device(x, name), result
    )


def check(name, args, tensors):
    """Raise if an operation has tensors on two devices, or waits in a step."""
    if any(x.ndim for x in tensors if not isinstance(x, Resident)):
        if not name.startswith("index") or not isinstance(args[0], Resident):
            raise RuntimeError(f"{name} has tensors on two devices")
        wait("an index on the host")
    if name in WAITING:
        wait(name)
    if name == "index" and any(x.dtype is torch.bool for x in tensors[1:]):
        wait("an index by a mask")


def to_device(value, name):
    """Return a result of an operation on the emulated device."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.dtype is torch.float64:
        raise TypeError(f"{name} gives float64, which MPS does not have")
    return Resident(value)


class EmulatedDevice(TorchDispatchMode):
    """Creates tensors on the device, and moves others there."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


class EmulatedGenerator(torch.Generator):
    """A generator that says that it is on a given device."""

    def __new__(cls, device="cpu"):
        self = super().__new__(cls)
        self.place = torch.device(device)
        return self

    device = property(lambda self: self.place)

    def manual_seed(self, seed):
        super().manual_seed(seed)
        return self


class GeneratorChecks(TorchFunctionMode):
    """Raises an error if a generator is on another device than the random numbers."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        generator = kwargs.get("generator")
        if generator is not None:
            tensors = [x for x in args if isinstance(x, torch.Tensor)]
            device = tensors[0].device if tensors else kwargs.get("device", "cpu")
            if torch.device(device).type != generator.device.type:
                raise RuntimeError(f"the generator is not on {device}")
        return function(*args, **kwargs)


class Module(backend_registration._DummyBackendModule):
    """PyTorch's module of the device, such as ``torch.cuda``."""

    generator = torch.Generator()

    def device_count(self):
        return 1

    def get_rng_state(self, device=None):
        return self.generator.get_state()

    def set_rng_state(self, state, device=None):
        self.generator.set_state(state)


def register():
    """Register the device with PyTorch, and what it calls without a mode."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, Module())
    library = torch.library.Library("aten", "IMPL")
    library.impl(
        "empty_strided",
        lambda size, stride, dtype=None, **_: Resident(
            torch.empty_strided(size, stride, dtype=dtype)
        ),
        "PrivateUse1",
    )
    library.impl(
        "_copy_from",
        lambda source, target, _=False: (
            to_host(target).copy_(to_host(source)) and target
        ),
        "PrivateUse1",
    )
    return library


@contextlib.contextmanager
def emulated_device():
    """Make the device usable in this context."""
    step = ContrastiveNet.train_step

    def watched(*args, **kwargs):
        IN_STEP.set()
        try:
            return step(*args, **kwargs)
        finally:
            IN_STEP.clear()

    def no_grad(mode=True):
        # Composite operations of inference tensors are not split into their parts.
        return torch.no_grad() if mode else contextlib.nullcontext()

    with contextlib.ExitStack() as stack:
        for owner, name, value in (
            (torch, "Generator", EmulatedGenerator),
            (torch, "inference_mode", no_grad),
            (torch.Tensor, "is_pinned", lambda _: True),
            (ContrastiveNet, "train_step", watched),
        ):
            stack.enter_context(mock.patch.object(owner, name, value))
        stack.enter_context(EmulatedDevice())
        stack.enter_context(GeneratorChecks())
        yield


def make_cases():
    """Return the samples, metadata and parameters of each case."""
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 60, size=(40, 8, 8), dtype=np.uint8)
    gray[:20, :, :4] += 180
    gray[20:, :, 4:] += 180
    colors = np.repeat(gray[..., None], 3, axis=3) / 255
    pairs, sites = np.repeat(np.arange(20), 2), np.tile([0, 0, 1, 1], 10)
    backbone = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU())
    return {
        "images": (gray, {}, {}),
        "host": (gray / 255, {}, {}),
        "colors": (
            colors,
            {},
            {"augmentation": RGBImageAugmentation(blur=1.0, erase=0.5)},
        ),
        "volumes": (np.repeat(gray[:, None], 8, axis=1), {}, {}),
        "table": (gray.reshape(40, 64), {}, {"refinement": "prototypes"}),
        "variational": (gray, {}, {"refinement": "neighbors", "kl_weight": 0.1}),
        "groups": (
            gray,
            {"groups": pairs, "nuisance": sites},
            {
                "early_stopping": True,
                "validation_fraction": 0.25,
                "iterator_train__group_positives": True,
            },
        ),
        "terms": (
            gray,
            {},
            {
                "criterion__change_weight": 0.1,
                "criterion__decorrelation_weight": 0.1,
                "n_clusters": 10,
                "batch_size": 40,
                "clusterer": "gaussian_mixture",
            },
        ),
        "pretrained": (
            gray,
            {},
            {"encoder": PretrainedEncoder(backbone, image_size=8, trainable="all")},
        ),
    }


def compare(name, X, metadata, parameters):
    """Return what differs between fits on the device and on the CPU."""
    common = {"n_clusters": 2, "clusterer": "kmeans", "latent_dim": 4, "batch_size": 10}
    common |= {"max_epochs": 1, "refinement_epochs": 1, "random_state": 0, **parameters}
    expected = ContrastiveAutoencoderClusterer(**common).fit(X, **metadata)
    room = None if name == "host" else 2**40
    found = ContrastiveAutoencoderClusterer(**common, device=NAME)
    with (
        emulated_device(),
        mock.patch.object(on_device, "free_memory", return_value=room),
        tempfile.TemporaryDirectory() as folder,
    ):
        found.fit(X, **metadata)
        assert found.net_.module_.input_mean.device.type == NAME
        latents, labels = found.transform(X), found.predict(X)
        decoded = found.inverse_transform(latents)
        found.score_samples(X), found.sample(3)
        if name == "images":  # files and later training
            found.save(f"{folder}/saved")
            loaded = ContrastiveAutoencoderClusterer.load(f"{folder}/saved")
            np.testing.assert_array_equal(loaded.predict(X), labels)
            loaded.partial_fit(X)
    return [
        what
        for what, one, other in (
            ("losses", *(c.history_[:, "train_loss"] for c in (found, expected))),
            ("latents", latents, expected.transform(X)),
            ("images", decoded, expected.inverse_transform(latents)),
            ("strata", labels, expected.labels_),
        )
        if not np.allclose(one, other, rtol=1e-3, atol=1e-3)
    ]


def main():
    warnings.simplefilter("ignore")
    library = register()  # kept, as the registration ends with it
    cases = make_cases()
    for name in sys.argv[1:] or cases:
        try:
            result = compare(name, *cases[name])
        except Exception as error:  # the test reports it
            result = f"{type(error).__name__}: {error}"
        print(json.dumps([name, result]), flush=True)
    del library


if __name__ == "__main__":
    main()
