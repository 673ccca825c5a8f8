"""Export of what a fitted estimator predicts to ONNX."""

import os

from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._model.fit import Strata
from contrastive_clustering._model.onnx_export import export
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.files import as_output_path, write_atomically
from contrastive_clustering._utils.snapshot import reads_fitted_state


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
        file = as_output_path(path, "path")
        proto = export(self.net_, self._scaler, self._clustering)
        write_atomically(file, proto.SerializeToString())
