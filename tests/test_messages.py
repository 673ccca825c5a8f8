import pytest

from contrastive_clustering._messages import reason_of


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("too large"), "too large"),
        (RuntimeError("CUDA error\nCompile with TORCH_USE_CUDA_DSA"), "CUDA error"),
        (RuntimeError("\n  no driver\n"), "no driver"),
        (KeyError("state"), "'state'"),
        (AssertionError(), "AssertionError"),
        (NotImplementedError(" \n"), "NotImplementedError"),
    ],
)
def test_a_reason_is_one_line_and_never_empty(error, reason):
    assert reason_of(error) == reason
