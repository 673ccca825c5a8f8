"""Export of the estimator's predictions to ONNX."""

import os

from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._estimator.base import FittedAttributes
from contrastive_clustering._model.onnx_export import export
from contrastive_clustering._utils.files import as_output_path, write_atomically
from contrastive_clustering._utils.snapshot import reads_fitted_state


class OnnxExportMixin(FittedAttributes):
    """Methods of an estimator whose predictions can run without Python."""

    @reads_fitted_state
    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Export `transform`, `predict_proba` and `predict` to an ONNX file.

        The model takes "samples" of shape ``(n, *sample_shape)`` for any n, with the
        shape and the units of the X of `fit`. It returns "latents", float32 of shape
        ``(n, latent_dim)``, "proba", float32 of shape ``(n, n_clusters)``, and
        "labels", int64 of shape ``(n,)``. In onnxruntime on a CPU, they equal the
        results of the estimator to within 1e-4. The model does not check the units of
        samples or whether they are finite.

        Samples are float32. They are float64 if X was float64 or integers of at least
        32 bits, and float32 would lose significant digits: if values have an offset of
        more than eight times their standard deviation or exceed the range of float32.
        onnxruntime rejects samples of another dtype. ``session.get_inputs()[0].type``
        is "tensor(float)" or "tensor(double)".

        The file contains weights but no training samples. Its metadata contain the
        version of this package, and the shape, dtype and range of samples. The model
        uses opset 18. It standardizes and assigns samples in float64, and evaluates the
        network in float32.

        Parameters
        ----------
        path : str or path-like
            The file. An existing file is overwritten once the new one is complete, and
            keeps its mode; a symbolic link to it stays a link. "~" stands for the home
            folder.

        Raises
        ------
        ImportError
            If onnx or onnxscript is not installed.

        TypeError
            If `path` is not a path.

        ValueError
            If the assignment by the clusterer cannot be exported, such as that of a
            consensus without a second phase, or if PyTorch cannot export the encoder.

        OSError
            If the file cannot be written, or if `path` leads to a folder, a named pipe,
            a socket or a device.

        See Also
        --------
        save : Save the whole estimator to load it in Python.

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
        model = self._model
        proto = export(model.net, model.scaler, model.clustering)
        write_atomically(file, proto.SerializeToString())
