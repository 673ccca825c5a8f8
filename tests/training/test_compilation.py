import copy
import functools
import pickle

import numpy as np
import pytest
import torch
from world import global_state

from contrastive_clustering import ContrastiveAutoencoderClusterer


@pytest.fixture
def traced(monkeypatch):
    """Let ``torch.compile`` trace, and run the traced graphs without a compiler.

    Returns the list of the graphs.
    """
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph

    monkeypatch.setattr(
        torch, "compile", functools.partial(torch.compile, backend=backend)
    )
    yield graphs
    torch._dynamo.reset()


@pytest.mark.parametrize("others", [{}, {"kl_weight": 0.1}])
def test_compiled_training_is_the_same(tiny_images, fast, traced, others):
    plain = ContrastiveAutoencoderClusterer(**fast, **others).fit(tiny_images)
    assert not traced
    before = global_state()
    compiled = ContrastiveAutoencoderClusterer(**fast, **others, compile=True)
    compiled.fit(tiny_images)
    assert global_state() == before
    assert len(traced) >= 2  # the network of each phase
    for found, expected in zip(compiled.history_, plain.history_, strict=True):
        assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-4)
    np.testing.assert_allclose(
        compiled.transform(tiny_images), plain.transform(tiny_images), atol=1e-3
    )


def test_compilation_affects_neither_predictions_nor_files(
    tiny_images, fast, traced, tmp_path
):
    clusterer = ContrastiveAutoencoderClusterer(**fast, compile=True).fit(tiny_images)
    plain = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    weights = clusterer.net_.module_.state_dict()
    assert weights.keys() == plain.net_.module_.state_dict().keys()
    n_graphs = len(traced)
    latents = clusterer.transform(tiny_images)
    images = clusterer.inverse_transform(latents)
    assert len(traced) == n_graphs  # predictions are not compiled
    clusterer.save(tmp_path / "model")
    others = [
        pickle.loads(pickle.dumps(clusterer)),
        copy.deepcopy(clusterer),
        ContrastiveAutoencoderClusterer.load(tmp_path / "model"),
    ]
    for other in others:
        np.testing.assert_array_equal(other.transform(tiny_images), latents)
        np.testing.assert_array_equal(other.inverse_transform(latents), images)
        other.partial_fit(tiny_images)
    # Compiling starts a compiler, which a file must not do.
    assert [other.get_params().get("compile", False) for other in others] == [
        True,
        True,
        False,
    ]
    n_graphs = len(traced)
    clusterer.set_params(compile=False, warm_start=True).fit(tiny_images)
    assert len(traced) == n_graphs


def test_a_failed_compilation_names_the_remedy(tiny_images, fast, monkeypatch):
    def backend(graph, inputs):
        raise OSError("no compiler here")

    monkeypatch.setattr(
        torch, "compile", functools.partial(torch.compile, backend=backend)
    )
    clusterer = ContrastiveAutoencoderClusterer(**fast, compile=True)
    with pytest.raises(
        ValueError,
        match=r"compile=True failed \(.*no compiler here.*\)\. PyTorch needs a C\+\+ "
        r"compiler .* set compile=False",
    ):
        clusterer.fit(tiny_images)
    assert not hasattr(clusterer, "net_")
    torch._dynamo.reset()


def test_the_compiler_can_be_chosen(tiny_images, fast):
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    clusterer = ContrastiveAutoencoderClusterer(
        **fast, compile=True, compile__backend=backend
    ).fit(tiny_images)
    assert graphs
    torch._dynamo.reset()
    clusterer.set_params(compile__backand=None)
    with pytest.raises(ValueError, match="Did you mean compile__backend"):
        clusterer.fit(tiny_images)


def test_other_errors_propagate_unchanged(tiny_images, fast, traced):
    def fails(batch):
        raise ArithmeticError

    clusterer = ContrastiveAutoencoderClusterer(
        **fast, compile=True, augmentation=fails
    )
    with pytest.raises(ArithmeticError):
        clusterer.fit(tiny_images)


@pytest.mark.release
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # of PyTorch
def test_the_real_compiler(tiny_images, fast):
    plain = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    compiled = ContrastiveAutoencoderClusterer(**fast, compile=True).fit(tiny_images)
    for found, expected in zip(compiled.history_, plain.history_, strict=True):
        assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-3)
