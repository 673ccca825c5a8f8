"""The estimator: its parameters and attributes; what it does stands in its mixins."""

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from skorch.history import History

from contrastive_clustering._clustering.hierarchy import link_centers
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberSearch
from contrastive_clustering._data.layout import ChannelAxis
from contrastive_clustering._estimator.generation import GenerationMixin
from contrastive_clustering._estimator.html_repr import HtmlReprMixin
from contrastive_clustering._estimator.learning import LearningMixin
from contrastive_clustering._estimator.net_params_mixin import NetParametersMixin
from contrastive_clustering._estimator.onnx_export import OnnxExportMixin
from contrastive_clustering._estimator.params import PARAMETER_CONSTRAINTS
from contrastive_clustering._estimator.persistence import PersistenceMixin
from contrastive_clustering._estimator.prediction import PredictionMixin
from contrastive_clustering._networks.custom import Part
from contrastive_clustering._refinement.settings import Refinement


class ContrastiveAutoencoderClusterer(
    LearningMixin,
    GenerationMixin,
    PersistenceMixin,
    OnnxExportMixin,
    PredictionMixin,
    HtmlReprMixin,
    NetParametersMixin,
    BaseEstimator,  # type: ignore[misc]  # scikit-learn is not typed
):
    r"""Find strata in unlabeled images with a contrastive autoencoder.

    A convolutional autoencoder (a dense one for tables) learns from two random views
    of each sample, by the joint loss

    .. math::

        \text{NT-Xent}(z_a, z_b; \tau) + \lambda \, \bigl(\text{MSE}(g(h_a), x_a)
        + \text{MSE}(g(h_b), x_b)\bigr)

    with views :math:`x`, latents :math:`h = f(x)`, projections :math:`z = p(h)` and
    the decoder :math:`g`. The latents are then clustered. A second phase trains the
    network together with one prototype for each cluster; these clusters are the
    strata. Latents decode to samples in the units and the shape of X.

    Parameters
    ----------
    n_clusters : int, "auto" or ClusterNumberSearch, default=8
        Number of strata. It is not used if the clusterer finds the number itself.
        "auto" chooses it by the default :class:`ClusterNumberSearch`; pass an instance
        for another criterion, another range or parallel jobs.

    clusterer : str or scikit-learn clusterer, default="consensus"
        Clusters the latents after each phase: "consensus" is a
        :class:`ConsensusClustering` of which half of the members compare directions;
        "kmeans", "gaussian_mixture" and any clusterer are possible, too. A clusterer is
        cloned, and its `n_clusters` (`n_components` of a mixture, that of the last step
        of a pipeline) is set to `n_clusters`, unless it is not an integer, such as
        None. Each `random_state` that is None is set, also in nested estimators. If
        there is no ``predict``, the 15 nearest training samples vote for the stratum of
        a new sample.

    whiten : bool, default=False
        Whether to cluster the principal components that hold 95 % of the latents'
        variance, each brought to unit variance.

    normalize : bool, default=False
        Whether to bring latents (after whitening) to unit length for the clusterer.

    latent_dim : int, default=64
        Number of latents.

    encoder : torch.nn.Module or callable, default=None
        Maps a standardized batch, channels first, to `latent_dim` latents, or to twice
        as many numbers if `kl_weight` is above zero. None builds the encoder that suits
        the samples. A module is copied, and the copy is trained from its current
        weights. A class or a function is called with the shape of a sample and the
        number of outputs, and returns a module.

    decoder : torch.nn.Module or callable, default=None
        Maps latents to a standardized batch. The same rules apply; a class or a
        function is called with the shape of a sample and `latent_dim`.

    temperature : float, default=0.5
        Temperature :math:`\tau` of NT-Xent.

    reconstruction_weight : float, default=0.1
        Weight :math:`\lambda` of the reconstruction loss.

    augmentation : str, callable or None, default="auto"
        Draws random views. "auto" chooses the preset that suits the samples: "gray" for
        images of one channel, "rgb" for images of several, "volume" for volumes and
        "table" for tables. Each can also be chosen by name. If more than three quarters
        of the pixels of one-channel images have the same value, as in handwriting,
        "auto" also erases parts of them (:class:`GrayImageAugmentation`). None compares
        each sample with itself. A callable takes a standardized batch, channels first,
        and returns one view of it, of the same shape.

    image_shape : tuple of int, default=None
        Shape of one image, ``(H, W)`` or ``(H, W, C)``, or volume, ``(D, H, W)`` or
        ``(D, H, W, C)``, where X holds them flattened, as a Pipeline hands them over.

    channel_axis : int, None or "auto", default="auto"
        The axis of X (before flattening; samples are axis 0) that holds the channels,
        or None if there is none. "auto" reads a last axis of 1, 3 or 4 entries as
        channels if X has four axes or five, and all other axes as spatial.

    max_epochs : int or "auto", default="auto"
        Number of passes over the training set in the first phase; 0 skips the phase.
        "auto" is 30 for up to 20,000 samples and decreases to 15 for 40,000 and more;
        for volumes it is 60 for up to 1,200 and decreases to 30 for 2,400 and more.

    refinement : str or refinement, default="self_training"
        Method of the second phase: "self_training" makes cluster assignments more
        confident and consistent across views, "neighbors" does the same with targets
        averaged over neighbors, and "prototypes" is the method of the paper's authors.
        Pass a :class:`SelfTrainingRefinement` or :class:`PrototypeRefinement` for other
        settings.

    refinement_epochs : int, default=8
        Number of passes over the training set in the second phase; 0 skips the phase.
        Then the strata are those of the clusterer, and the decoder does not depend on
        them.

    kl_weight : float, default=0.0
        Weight of the divergence of the latents from a standard Gaussian. Any weight
        above zero makes the autoencoder variational: the encoder returns a mean and a
        log-variance, the decoder receives samples, and `transform` returns the mean.

    kl_warm_up : float, default=0.3
        Fraction of the first phase's epochs over which that weight rises from zero.

    batch_size : int or "auto", default="auto"
        Largest number of samples in a batch, at least 2. "auto" is 256, and for fewer
        than 4,096 samples a sixteenth of them, but at least 64. Epochs are split into
        batches of equal size. The processes of a ``torch.distributed`` group, such as
        ``accelerate launch`` or ``torchrun`` starts, train together and share each
        batch.

    optimizer : type, default=torch.optim.AdamW
        Class of the optimizer.

    lr : float, default=3e-3
        Learning rate; with a schedule, its peak.

    lr_schedule : {"cosine", "constant"}, default="cosine"
        "cosine" raises the rate over the first tenth of the steps and then lowers it
        to zero along a cosine. For another schedule, use "constant" and add a
        :class:`skorch.callbacks.LRScheduler` to the `callbacks`.

    weight_decay : float, default=1e-4
        Weight decay of the optimizer.

    early_stopping : bool, default=False
        Whether the first phase holds out a validation part, stops when its loss has not
        improved for `n_iter_no_change` epochs, and keeps the weights of the best epoch.

    validation_fraction : float, default=0.1
        Fraction of the samples to hold out; used if `early_stopping`.

    n_iter_no_change : int, default=5
        Number of epochs without improvement before stopping; used if `early_stopping`.

    callbacks : list of skorch callbacks, default=None
        Callbacks of the first phase, as for :class:`skorch.NeuralNet`. The loggers
        among them (``PrintLog``, ``ProgressBar``, ``TensorBoard``, ``MlflowLogger`` and
        ``SacredLogger`` of skorch) also take part in the second phase.

    warm_start : bool, default=False
        Whether `fit` continues from the weights, the optimizer's state and the scaling
        of the last `fit` instead of starting over.

    precision : {"32", "bf16-mixed", "16-mixed"}, default="32"
        Precision of training: float32, or bfloat16 or float16 where that is safe, which
        is faster on GPUs. With "16-mixed" the loss is scaled, so that gradients neither
        vanish nor overflow. Predictions are always computed in float32.

    compile : bool, default=False
        Whether to compile the network by :func:`torch.compile` for training, on GPUs.
        Compiling can take minutes in each phase, and needs a C++ compiler on a CPU.
        Predictions are not compiled.

    checkpoint_dir : str or path-like, default=None
        Folder for the checkpoint of `fit`; None writes none. Rerunning an interrupted
        fit with the same X and the same parameters resumes it; with others it is
        refused. A fit locks its folder, and another fit in the same folder is refused
        until it ends. A relative path is resolved when the fit starts; "~" stands for
        the home folder.

    checkpoint_every : int, default=1
        Number of epochs between checkpoints; used if there is a `checkpoint_dir`.

    num_workers : int, default=0
        Number of processes that read batches during training; 0 reads in the main
        process, which is best for arrays in memory. It does not affect the result.

    store_examples : bool, default=False
        Whether to keep a training sample of each stratum as `examples_`. If False,
        neither the estimator nor its saved file holds a training sample.

    device : str or torch.device, default="auto"
        Where to compute; "auto" takes CUDA, then MPS, then the CPU.

    random_state : int, RandomState instance or None, default=None
        Seed of weights, views, order, validation part and clusterer. An int gives
        the same result again on the same machine.

    verbose : int, default=0
        0 prints nothing, 1 shows the progress of both phases and of the search for the
        number of strata: bars on a terminal and in notebooks, lines in a log.

    **net_params : dict
        Further parameters of the net in skorch's own way, such as
        ``optimizer__betas=(0.8, 0.99)``, with the prefixes ``module__``,
        ``criterion__``, ``optimizer__``, ``iterator_train__``,
        ``iterator_valid__``, ``callbacks__`` and ``compile__``.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Stratum of each training sample. Strata are numbered from 0 by size, largest
        first; where training continued (`warm_start`, `partial_fit`), they keep the
        numbers of those that they overlap with most. Without a second phase, -1 stands
        for what the fit of the clusterer calls noise.

    cluster_centers_ : ndarray of shape (n_clusters, latent_dim)
        Mean latent of each stratum; `inverse_transform` decodes it.

    n_clusters_ : int
        Number of strata found.

    linkage_ : ndarray of shape (n_clusters - 1, 4)
        The tree in which the most similar strata merge first, in SciPy's format, as
        :func:`scipy.cluster.hierarchy.dendrogram` draws it.

    examples_ : ndarray of shape (n_clusters, ...)
        The training sample next to the center of each stratum; only if
        `store_examples`.

    cluster_number_search_ : ClusterNumberResult or None
        Candidates and scores of the search for the number of strata; None if there was
        no search.

    net_ : skorch.NeuralNet
        The trained net; ``net_.module_.encoder`` maps a batch on the common scale,
        channels first, to latents.

    history_ : skorch.history.History
        The net's history, first phase first: for each epoch ``train_loss``,
        ``train_contrastive_loss``, ``train_reconstruction_loss``, ``train_kl_loss``
        (variational setting), ``train_assignment_loss`` (second phase) and ``dur``
        (seconds), and the same of the validation part if there is one.

    n_features_in_ : int
        Number of values of a sample.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns; only if X was a data frame with names.

    See Also
    --------
    sklearn.cluster.KMeans : Clusters the values themselves.

    References
    ----------
    Ferrante, Boccato, Duggento, Spasov, Toschi, "Contrastive learning for unsupervised
    medical image clustering and reconstruction", arXiv:2209.12005.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import ContrastiveAutoencoderClusterer
    >>> images = load_digits().images[:600]
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=10, max_epochs=2, random_state=0
    ... ).fit(images)
    >>> clusterer.transform(images).shape
    (600, 64)
    >>> clusterer.inverse_transform(clusterer.cluster_centers_).shape
    (10, 8, 8)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = PARAMETER_CONSTRAINTS

    def __init__(
        self,
        n_clusters: int | str | ClusterNumberSearch = 8,
        *,
        clusterer: str | BaseEstimator = "consensus",
        whiten: bool = False,
        normalize: bool = False,
        latent_dim: int = 64,
        encoder: Part | None = None,
        decoder: Part | None = None,
        temperature: float = 0.5,
        reconstruction_weight: float = 0.1,
        augmentation: str | Callable[[torch.Tensor], torch.Tensor] | None = "auto",
        image_shape: tuple[int, ...] | None = None,
        channel_axis: ChannelAxis = "auto",
        max_epochs: int | str = "auto",
        refinement: str | Refinement = "self_training",
        refinement_epochs: int = 8,
        kl_weight: float = 0.0,
        kl_warm_up: float = 0.3,
        batch_size: int | str = "auto",
        optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
        lr: float = 3e-3,
        lr_schedule: str = "cosine",
        weight_decay: float = 1e-4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        precision: str = "32",
        compile: bool = False,  # noqa: A002  # PyTorch's and skorch's name
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1,
        num_workers: int = 0,
        store_examples: bool = False,
        device: str | torch.device = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        **net_params: Any,
    ) -> None:
        self.n_clusters = n_clusters
        self.clusterer = clusterer
        self.whiten = whiten
        self.normalize = normalize
        self.latent_dim = latent_dim
        self.encoder = encoder
        self.decoder = decoder
        self.temperature = temperature
        self.reconstruction_weight = reconstruction_weight
        self.augmentation = augmentation
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.max_epochs = max_epochs
        self.refinement = refinement
        self.refinement_epochs = refinement_epochs
        self.kl_weight = kl_weight
        self.kl_warm_up = kl_warm_up
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.precision = precision
        self.compile = compile
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
        self.num_workers = num_workers
        self.store_examples = store_examples
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self._keep_net_params(net_params)

    @property
    def history_(self) -> History:
        """The net's history."""
        check_is_fitted(self)
        return self.net_.history

    @property
    def linkage_(self) -> np.ndarray:
        """The tree in which the most similar strata merge first."""
        check_is_fitted(self)
        return link_centers(self.cluster_centers_)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit has gone through."""
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Tags:
        """Return what X may be: tables, images and volumes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        # Latents are what the network computes: float32, whatever X was.
        tags.transformer_tags.preserves_dtype = []
        return tags
