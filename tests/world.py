"""Global state that a computation must not change."""

import os
import random
import signal

import numpy as np
import torch

# PyTorch sets this variable when its compiler is first imported.
SET_BY_PYTORCH = ("TORCHINDUCTOR_CACHE_DIR",)


def global_state():
    """Return the states of generators, flags, signal handlers and the environment."""
    return (
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
        torch.get_num_threads(),
        torch.get_num_interop_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_anomaly_enabled(),
        torch.backends.mkldnn.enabled,
        signal.getsignal(signal.SIGINT),
        {k: v for k, v in os.environ.items() if k not in SET_BY_PYTORCH},
    )
