"""The estimator: its documentation; its mixins implement the methods."""

from sklearn.utils import Tags

from contrastive_clustering._estimator.generation import GenerationMixin
from contrastive_clustering._estimator.html_repr import HtmlReprMixin
from contrastive_clustering._estimator.learning import LearningMixin
from contrastive_clustering._estimator.onnx_export import OnnxExportMixin
from contrastive_clustering._estimator.persistence import PersistenceMixin
from contrastive_clustering._estimator.prediction import PredictionMixin


class ContrastiveAutoencoderClusterer(
    LearningMixin,
    GenerationMixin,
    PersistenceMixin,
    OnnxExportMixin,
    PredictionMixin,
    HtmlReprMixin,
):
    r"""Find strata in unlabeled images with a contrastive autoencoder.

    A convolutional autoencoder learns from two random views of each sample, by the
    joint loss

    .. math::

        \text{NT-Xent}(z_a, z_b; \tau) + \lambda \, \bigl(\text{MSE}(g(h_a), x_a)
        + \text{MSE}(g(h_b), x_b)\bigr) + \frac{\delta}{2} \, \bigl(R(h_a)
        + R(h_b)\bigr)

    with views :math:`x`, latents :math:`h = f(x)`, projections :math:`z = p(h)` and the
    decoder :math:`g`. :math:`R` is the sum of the squared correlations of different
    latents, divided by the number of latents, and its weight :math:`\delta` is
    ``criterion__decorrelation_weight``. For tables, the networks are dense, and latents
    start as the principal components. The latents are then clustered. A second phase,
    not used for tables, trains the network together with prototypes of the clusters.
    The resulting clusters are the strata. Latents decode to samples in the units and
    the shape of X.

    Parameters
    ----------
    n_clusters : int, "auto" or ClusterNumberSearch, default=8
        Number of strata. It is not used if the clusterer finds the number itself.
        "auto" chooses it by the default :class:`ClusterNumberSearch`; pass an instance
        for another criterion, another range or parallel jobs.

    clusterer : str or scikit-learn clusterer, default="consensus"
        Clusters the latents after each phase. "consensus" is a
        :class:`ConsensusClustering` in which half of the members compare directions;
        for tables, a third of the members are k-means partitions.
        "kmeans", "gaussian_mixture" and scikit-learn clusterers are also possible. A
        clusterer is cloned, and its `n_clusters` (for a mixture `n_components`, for a
        pipeline that of the last step) is set to `n_clusters` if it is an integer. Each
        `random_state` that is None is derived from that of this estimator, also in
        nested estimators. If the clusterer has no ``predict``, the 15 nearest training
        samples vote for the stratum of a new sample.

    whiten : bool, default=False
        Whether to cluster the principal components that hold 95 % of the latents'
        variance, each scaled to unit variance.

    normalize : bool, default=False
        Whether to scale latents (after whitening) to unit length for the clusterer.

    latent_dim : int, default=64
        Dimension of the latent space.

    encoder : torch.nn.Module or callable, default=None
        Maps a standardized batch, channels first, to `latent_dim` numbers for each
        sample, or to twice as many if `kl_weight` is above zero. None builds an encoder
        that suits the samples. A module is copied, and the copy is trained from its
        current weights. A class or a function is called with the shape of a sample and
        the number of outputs, and returns a module. A :class:`PretrainedEncoder` adapts
        a network that was trained on other images.

    decoder : torch.nn.Module or callable, default=None
        Maps latents to a standardized batch. The same rules apply as for `encoder`; a
        class or a function is called with the shape of a sample and `latent_dim`.

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
        ``(D, H, W, C)``, if X contains flattened samples, for example in a Pipeline.

    channel_axis : int, None or "auto", default="auto"
        The axis of X (before flattening; samples are axis 0) that holds the channels,
        or None if there is none. "auto" reads a last axis of 1, 3 or 4 entries as
        channels if X has four axes or five, and all other axes as spatial.

    max_epochs : int or "auto", default="auto"
        Number of passes over the training set in the first phase; 0 skips the phase.
        "auto" is 30 for up to 20,000 samples and decreases to 15 for 40,000 and more.
        For images it is 90 for up to 1,000 and decreases to 30 for 3,000; for volumes
        it is 60 for up to 1,200 and decreases to 30 for 2,400.

    refinement : str or refinement, default="self_training"
        Method of the second phase: "self_training" makes cluster assignments more
        confident and consistent across views, "neighbors" does the same with targets
        averaged over neighbors, and "prototypes" is the method of the paper's authors.
        Pass a :class:`SelfTrainingRefinement` or :class:`PrototypeRefinement` for other
        settings.

    refinement_epochs : int or "auto", default="auto"
        Number of passes over the training set in the second phase; 0 skips the phase.
        "auto" is 8 for images and volumes and 0 for tables, where it rarely helps.
        Without it, the strata are those of the clusterer, and the decoder does not
        depend on them.

    kl_weight : float, default=0.0
        Weight of the Kullback-Leibler divergence of the latents from a standard
        Gaussian. Any weight above zero makes the autoencoder variational: the encoder
        returns a mean and a log-variance, the decoder receives random draws, and
        `transform` returns the mean. The weight rises from zero over the first 30 % of
        the epochs of the first phase (``criterion__kl_warm_up=0.3``).

    nuisance_removal : {"both", "negatives", "erasure"} or None, default="both"
        Treatment of the `nuisance` of `fit`. "negatives": only samples of the
        same level, such as the same site, are negatives of each other in the
        contrastive loss, so that the network need not tell sites apart. "erasure": an
        affine map of the latents, part of the network, removes what a linear model
        could predict the nuisance from (LEACE); it needs no nuisance in
        prediction. None does nothing. Without a `nuisance`, it has no effect.

    batch_size : int or "auto", default="auto"
        Largest number of samples in a batch, at least 2. "auto" is 256, and for fewer
        than 4,096 samples a sixteenth of them, but at least 64. If a step of the
        default network would then take more than 2 GiB, as for images of 512 pixels
        and volumes of 64 voxels, it is as many as fit, but at least 16. Epochs are
        split into batches of equal size. The processes of a ``torch.distributed``
        group, such as those that ``accelerate launch`` or ``torchrun`` starts, train
        together and share each batch.

    optimizer : type, default=torch.optim.AdamW
        Class of the optimizer. If it has a weight decay, the default is 1e-4
        (``optimizer__weight_decay``).

    lr : float, default=3e-3
        Largest learning rate. The rate rises over the first tenth of the steps and then
        falls to zero along a cosine. ``callbacks__lr_schedule=None`` keeps it constant;
        for another schedule, also add a :class:`skorch.callbacks.LRScheduler` to the
        `callbacks`. Schedules start over in each call of `fit` and `partial_fit`.

    early_stopping : bool, default=False
        Whether the first phase holds out a validation part, stops when its loss has not
        improved for 5 epochs (``callbacks__early_stopping__patience``), and keeps the
        weights of the best epoch.

    validation_fraction : float, default=0.1
        Fraction of the samples to hold out; used only if `early_stopping` is True.

    callbacks : list of skorch callbacks, default=None
        Callbacks of the first phase, as for :class:`skorch.NeuralNet`. The loggers
        among them (``PrintLog``, ``ProgressBar``, ``TensorBoard``, ``MlflowLogger`` and
        ``SacredLogger`` of skorch) also take part in the second phase.

    warm_start : bool, default=False
        Whether `fit` continues from the weights, the optimizer's state and the scaling
        of the last `fit` instead of starting over.

    precision : {"32", "bf16-mixed", "16-mixed"}, default="32"
        Precision of training: float32, or bfloat16 or float16 where that is safe, which
        saves memory. With "16-mixed" the loss is scaled, so that gradients neither
        vanish nor overflow. Predictions are always computed in float32.

    checkpoint_dir : str or path-like, default=None
        Folder for the checkpoint of `fit`; None writes no checkpoint. It is written
        after every epoch, or every fifth with ``callbacks__checkpoint__every=5``.
        Rerunning an interrupted fit with the same X and the same parameters resumes it;
        until it is finished, a different X or different parameters raise an error. A
        fit locks its folder: until it ends, another fit in the same folder raises an
        error. A relative path is resolved when the fit starts; "~" stands for the home
        folder.

    store_examples : bool, default=False
        Whether to keep a training sample of each stratum as `examples_`. If False,
        neither the estimator nor its saved file contains a training sample.

    device : str or torch.device, default="auto"
        Device to compute on; "auto" prefers CUDA, then MPS, then the CPU.

    random_state : int, RandomState instance or None, default=None
        Seed of weights, views, order, validation part and clusterer. Pass an int for
        reproducible results on the same machine.

    verbose : int, default=0
        0 prints nothing. 1 shows the progress of both phases and of the search for the
        number of strata, as bars on a terminal and in notebooks, and as lines in a log.
        Before a long training it also prints the time and memory that
        :func:`estimate_cost` expects.

    **net_params : dict
        Further parameters of the net by skorch's names, with the prefixes ``module__``,
        ``criterion__``, ``optimizer__``, ``iterator_train__``, ``iterator_valid__``,
        ``callbacks__`` and ``compile__``: for example ``optimizer__betas=(0.8, 0.99)``,
        or ``iterator_train__num_workers=4`` for processes that read batches during
        training. ``compile=True`` compiles the network with :func:`torch.compile` for
        training, which can take minutes in each phase.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Stratum of each training sample. Strata are numbered from 0 by size, largest
        first; with `groups`, each group contributes one to the sizes, divided equally
        among its samples. If training continued (`warm_start`, `partial_fit`), they
        keep the numbers of the earlier strata that they overlap with most. Without a
        second phase, -1 marks samples that the clusterer labels as noise.

    group_labels_ : ndarray of shape (n_groups,)
        Stratum of each group of the training set, in the order in which groups first
        appear; those without an identifier come last. Only if `groups` were passed. See
        `predict_groups` for new samples.

    cluster_centers_ : ndarray of shape (n_clusters, latent_dim)
        Mean latent of each stratum; `inverse_transform` decodes it. With `groups`, a
        sample weighs one divided by the size of its group.

    n_clusters_ : int
        Number of strata found.

    linkage_ : ndarray of shape (n_clusters - 1, 4)
        The tree in which the most similar strata merge first, in SciPy's format, as
        :func:`scipy.cluster.hierarchy.dendrogram` draws it.

    examples_ : ndarray of shape (n_clusters, ...)
        The training sample closest to the center of each stratum; only if
        `store_examples` is True.

    cluster_number_search_ : ClusterNumberResult
        Candidates and scores of the search for the number of strata; only if there was
        one, with `n_clusters` "auto" or a :class:`ClusterNumberSearch`.

    net_ : skorch.NeuralNet
        The trained net; ``net_.module_.encoder`` maps a standardized batch, channels
        first, to latents.

    history_ : skorch.history.History
        The net's history, first phase first: for each epoch ``train_loss``,
        ``train_contrastive_loss``, ``train_decorrelation_loss``,
        ``train_reconstruction_loss``, ``train_kl_loss`` (variational setting),
        ``train_change_loss`` (with ``criterion__change_weight``),
        ``train_assignment_loss`` and ``relocated_prototypes`` (second phase), ``dur``
        (seconds) and ``phase`` (1 or 2), and the losses of the validation part if there
        is one.

    notes_ : dict
        Notes of the file that the estimator was loaded from, as passed to `save`; empty
        otherwise.

    n_features_in_ : int
        Number of values in a sample.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns; only if X was a data frame with names.

    See Also
    --------
    sklearn.cluster.KMeans : Clusters the samples without learning latents.

    References
    ----------
    Ferrante, Boccato, Duggento, Spasov, Toschi, "Contrastive learning for unsupervised
    medical image clustering and reconstruction", arXiv:2209.12005. Belrose,
    Schneider-Joseph, Ravfogel, Cotterell, Raff, Biderman, "LEACE: Perfect linear
    concept erasure in closed form", arXiv:2306.03819.

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

    def __sklearn_tags__(self) -> Tags:
        """Return the tags, which allow tables, images and volumes as X."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        # The network computes latents in float32, whatever the dtype of X.
        tags.transformer_tags.preserves_dtype = []
        return tags
