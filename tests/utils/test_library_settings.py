import os
import re
import threading
import warnings
from contextlib import ExitStack, contextmanager

import numpy as np
import onnxruntime
import pytest
import scipy.special
import sklearn
import torch
from matplotlib import pyplot as plt
from sklearn.cluster import KMeans
from skorch.callbacks import Callback

from contrastive_clustering import (
    CenterSimilarityDisplay,
    ClusterGalleryDisplay,
    ClusterNumberDisplay,
    ClusterNumberSearch,
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
    EmbeddingDisplay,
    GrayImageAugmentation,
    InterpolationDisplay,
    LabelSpreadDisplay,
    ReconstructionDisplay,
    RGBImageAugmentation,
    SampleDisplay,
    TrainingCurveDisplay,
    VolumeAugmentation,
    cluster_stability,
    clustering_report,
    evaluate_clustering,
    nt_xent,
)
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering.metrics import (
    clustering_accuracy,
    clustering_accuracy_scorer,
    mapped_accuracy,
)


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def deterministic_algorithms():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def array_api():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCIPY_ARRAY_API", "1")
        with sklearn.config_context(array_api_dispatch=True):
            yield


@contextmanager
def seeded_generators():
    np.random.seed(7)
    torch.manual_seed(7)
    yield


@contextmanager
def warnings_as_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


SETTINGS = {
    "pandas": lambda: sklearn.config_context(transform_output="pandas"),
    "polars": lambda: sklearn.config_context(transform_output="polars"),
    "array API": array_api,
    "assume_finite": lambda: sklearn.config_context(assume_finite=True),
    "metadata routing": lambda: sklearn.config_context(enable_metadata_routing=True),
    "no validation": lambda: sklearn.config_context(skip_parameter_validation=True),
    "other distances": lambda: sklearn.config_context(
        enable_cython_pairwise_dist=False, pairwise_dist_chunk_size=64
    ),
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "float16": lambda: default_dtype(torch.float16),
    "default device": lambda: default_device("meta"),
    "device context": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "autocast to float16": lambda: torch.autocast("cpu", dtype=torch.float16),
    "deterministic algorithms": deterministic_algorithms,
    "NumPy raises": lambda: np.errstate(all="raise"),
    "SciPy raises": lambda: scipy.special.errstate(all="raise"),
    "printing": lambda: np.printoptions(precision=1, threshold=2, legacy="1.13"),
    "global seeds": seeded_generators,
    "warnings as errors": warnings_as_errors,
}


def current_settings():
    return {
        "scikit-learn": sklearn.get_config(),
        "NumPy": np.geterr(),
        "SciPy": scipy.special.geterr(),
        "printing": np.get_printoptions(),
        "dtype": torch.get_default_dtype(),
        "device": torch.empty(0).device,
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "NumPy's generator": np.random.get_state()[1].tolist(),
        "PyTorch's generator": torch.get_rng_state().tolist(),
        "warnings": list(warnings.filters),
    }


def images():
    """Return float64 images whose left or right half is bright."""
    pixels = np.random.default_rng(0).normal(size=(40, 8, 8))
    pixels[:20, :, :4] += 5
    pixels[20:, :, 4:] += 5
    return pixels


QUICK = {
    "n_clusters": 2,
    "clusterer": "kmeans",
    "latent_dim": 4,
    "max_epochs": 1,
    "refinement_epochs": 1,
    "random_state": 0,
}


def results(folder):
    """Return the results of all methods of an estimator."""
    X, y = images(), np.repeat([0, 1], 20)
    estimator = ContrastiveAutoencoderClusterer(whiten=True, normalize=True, **QUICK)
    estimator.fit(X)
    path = folder / "model.safetensors"
    estimator.save(path)
    loaded = ContrastiveAutoencoderClusterer.load(path)
    Z = np.asarray(loaded.transform(X))
    evaluation = evaluate_clustering(estimator, X, y, X, y, random_state=0)
    display = EmbeddingDisplay.from_estimator(estimator, X, random_state=0)
    plt.close(display.figure_)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*generated samples")
        sampled, _ = estimator.sample(5, random_state=0)
    found = {
        "labels": estimator.labels_,
        "latents": Z,
        "strata": estimator.predict(X),
        "proba": estimator.predict_proba(X),
        "decoded": loaded.inverse_transform(Z),
        "sampled": sampled,
        "way": estimator.interpolate(0, 1, n_steps=3),
        "density": loaded.score_samples(X),
        "score": estimator.score(X),
        "coarser": estimator.labels_at(1, X),
        "accuracy": evaluation.mapped_accuracy,
        "positions": display.positions,
    }
    loaded.partial_fit(X)
    return found | {"continued": np.asarray(loaded.transform(X))}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return results(tmp_path_factory.mktemp("expected"))


# Settings that are much like another one.
SLOW = {"polars", "bfloat16", "float16", "device context", "inference_mode"}
SLOW |= {"autocast to float16", "SciPy raises", "no validation"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in SETTINGS
    ],
)
def test_settings_do_not_affect_results(name, expected, tmp_path):
    with SETTINGS[name]():
        before = current_settings()
        found = results(tmp_path)
        assert current_settings() == before
        with pytest.raises(ValueError, match="NaN"):
            ContrastiveAutoencoderClusterer(**QUICK).fit(np.full((20, 4), np.nan))
        assert current_settings() == before
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key, strict=True)


MAKERS = {
    "gray": (GrayImageAugmentation(erase=1.0), (6, 1, 12, 12)),
    "rgb": (RGBImageAugmentation(blur=1.0), (6, 3, 12, 12)),
    "volume": (VolumeAugmentation(), (4, 1, 8, 8, 8)),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_settings_do_not_affect_views(kind):
    """Users may call augmentations in their own training loops, in any mode."""
    augmentation, shape = MAKERS[kind]
    batch = torch.from_numpy(np.random.default_rng(0).normal(size=shape)).float()

    def draw():
        return augmentation(batch, torch.Generator(device="cpu").manual_seed(0))

    expected = draw()
    for name in ("float64", "bfloat16", "default device", "no_grad", "autocast"):
        with SETTINGS[name]():
            torch.testing.assert_close(draw(), expected, rtol=0, atol=0, msg=name)


def test_only_the_gradient_mode_affects_the_loss():
    a, b = (torch.randn(8, 4, requires_grad=True) for _ in range(2))
    expected = nt_xent(a, b)
    for name in ("float64", "default device", "autocast"):
        with SETTINGS[name]():
            loss = nt_xent(a, b)
            assert loss.requires_grad
            torch.testing.assert_close(loss, expected, rtol=0, atol=0, msg=name)
    with torch.no_grad():
        assert not nt_xent(a, b).requires_grad


def test_set_output_of_the_estimator_is_respected():
    X = images()
    estimator = ContrastiveAutoencoderClusterer(whiten=True, **QUICK).fit(X)
    Z = estimator.transform(X)
    with sklearn.config_context(transform_output="pandas"):
        assert type(estimator.transform(X)).__module__.startswith("pandas")
    estimator.set_output(transform="polars")
    frame = estimator.transform(X)
    assert type(frame).__module__.startswith("polars")
    np.testing.assert_array_equal(frame.to_numpy(), Z)
    # Internal calls do not receive a data frame.
    evaluate_clustering(estimator, X, np.arange(40) % 2, X, np.arange(40) % 2)
    plt.close(EmbeddingDisplay.from_estimator(estimator, X).figure_)
    assert -1 <= estimator.score(X) <= 1


class Noting(Callback):
    """Records the settings that custom code sees, and waits on request."""

    def __init__(self, meet=None):
        self.meet = meet
        self.seen = []

    def on_train_begin(self, net, **kwargs):
        if self.meet is not None:
            self.meet()
        self.seen.append((torch.get_default_dtype(), torch.is_grad_enabled()))


def make_encoder(sample_shape, n_outputs):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(int(np.prod(sample_shape)), n_outputs)
    )


def test_custom_code_sees_the_defaults():
    noting = Noting()
    with default_dtype(torch.float64), torch.no_grad(), torch.device("meta"):
        estimator = ContrastiveAutoencoderClusterer(
            encoder=make_encoder,
            callbacks=[noting],
            **{**QUICK, "clusterer": KMeans()},
        ).fit(images())
    assert noting.seen == [(torch.float32, True)]
    assert estimator.net_.module_.encoder[1].weight.dtype == torch.float32


def test_the_last_of_concurrent_fits_restores_the_default_dtype():
    """The first fit to end must not change the default for the others."""
    first_ended, second_began = threading.Event(), threading.Event()

    def wait_for_second():
        assert second_began.wait(60)

    def let_first_end():
        second_began.set()
        assert first_ended.wait(60)

    notes = [Noting(wait_for_second), Noting(let_first_end)]
    fits = [
        ContrastiveAutoencoderClusterer(callbacks=[note], **QUICK) for note in notes
    ]
    expected = ContrastiveAutoencoderClusterer(**QUICK).fit(images()).labels_

    def fit_second():
        fits[1].fit(images())

    second = threading.Thread(target=fit_second)
    with default_dtype(torch.float64):
        second.start()
        fits[0].fit(images())
        assert torch.get_default_dtype() == torch.float32  # the second still trains
        first_ended.set()
        second.join()
        assert torch.get_default_dtype() == torch.float64
    for fit in fits:
        np.testing.assert_array_equal(fit.labels_, expected)


def test_default_dtypes_that_are_set_inside_are_kept():
    with default_dtype(torch.float64):
        with default_library_settings():
            torch.set_default_dtype(torch.float16)
        assert torch.get_default_dtype() == torch.float16


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_children_of_other_threads_have_the_users_default_dtype():
    inside, done = threading.Event(), threading.Event()

    def stay_inside():
        with default_library_settings():
            inside.set()
            done.wait(60)

    other = threading.Thread(target=stay_inside)
    with default_dtype(torch.float64), warnings.catch_warnings():
        # Python 3.12 warns of each fork of a process with threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        other.start()
        assert inside.wait(60)
        child = os.fork()
        if not child:
            os._exit(int(torch.get_default_dtype() != torch.float64))
        done.set()
        other.join()
        assert os.waitpid(child, 0)[1] == 0


TOGETHER = (
    "pandas",
    "float64",
    "default device",
    "no_grad",
    "autocast",
    "NumPy raises",
)


@pytest.fixture(scope="module")
def searched():
    return ContrastiveAutoencoderClusterer(
        **{**QUICK, "n_clusters": ClusterNumberSearch(min_clusters=2, max_clusters=3)}
    ).fit(images())


def pixels_of(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def export(estimator, X, folder):
    estimator.to_onnx(folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return session.run(None, {"samples": X.astype(np.float32)})[2]


Y = np.repeat([0, 1], 20)

CALLS = {
    "report": lambda e, X, folder: re.sub(
        r"Written on .*UTC",
        "",
        clustering_report(e, X, path=folder / "report.html", random_state=0).read_text(
            "utf-8"
        ),
    ),
    "stability": lambda e, X, _: (
        cluster_stability(
            ContrastiveAutoencoderClusterer(**QUICK), X, n_resamples=2, random_state=0
        ).jaccard
    ),
    "search": lambda e, X, _: (
        ContrastiveAutoencoderClusterer(
            **{
                **QUICK,
                "n_clusters": ClusterNumberSearch(min_clusters=2, max_clusters=3),
            }
        )
        .fit(X)
        .cluster_number_search_.scores
    ),
    "consensus": lambda e, X, _: (
        ConsensusClustering(2, random_state=0)
        .fit(e.cluster_centers_[Y] + X.reshape(40, -1)[:, :4])
        .labels_
    ),
    "onnx": export,
    "gallery": lambda e, X, _: ClusterGalleryDisplay.from_estimator(e, X).figure_,
    "numbers": lambda e, X, _: ClusterNumberDisplay.from_estimator(e).figure_,
    "embedding": lambda e, X, _: (
        EmbeddingDisplay.from_estimator(e, X, method="tsne", random_state=0).positions
    ),
    "interpolation": lambda e, X, _: (
        InterpolationDisplay.from_estimator(e, 0, 1).figure_
    ),
    "spread": lambda e, X, _: LabelSpreadDisplay.from_estimator(e, X, Y).figure_,
    "similarity": lambda e, X, _: CenterSimilarityDisplay.from_estimator(e).figure_,
    "reconstruction": lambda e, X, _: (
        ReconstructionDisplay.from_estimator(e, X, random_state=0).figure_
    ),
    "samples": lambda e, X, _: SampleDisplay.from_estimator(e, random_state=0).figure_,
    "curve": lambda e, X, _: TrainingCurveDisplay.from_estimator(e).figure_,
    "accuracy": lambda e, X, _: (
        clustering_accuracy(Y, Y),
        mapped_accuracy(Y, Y, Y, Y),
    ),
    "scorer": lambda e, X, _: clustering_accuracy_scorer(e, X, Y),
    "notebook": lambda e, X, _: e._repr_html_() and None,
}


@pytest.mark.filterwarnings("ignore:.*generated samples")
@pytest.mark.filterwarnings("ignore:.*'X' has few samples")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.slow] if name in {"onnx", "report", "stability"} else [],
        )
        for name in CALLS
    ],
)
def test_all_settings_together_do_not_affect_other_calls(name, searched, tmp_path):
    X = images()
    expected = CALLS[name](searched, X, tmp_path)
    with ExitStack() as stack:
        for setting in TOGETHER:
            stack.enter_context(SETTINGS[setting]())
        before = current_settings()
        found = CALLS[name](searched, X, tmp_path)
        assert current_settings() == before
    if isinstance(found, plt.Figure):
        np.testing.assert_array_equal(pixels_of(found), pixels_of(expected))
        plt.close("all")
    elif found is not None:
        np.testing.assert_array_equal(found, expected)
