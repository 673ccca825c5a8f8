"""The numbers of epochs and the batch sizes that "auto" stands for."""

# max_epochs="auto": the largest and the smallest number of epochs of the first phase,
# and the number of samples to process, over all epochs, in between.
MAX_EPOCHS, MIN_EPOCHS, SAMPLES_SEEN = 30, 15, 600_000

# Small sets of images are passed over more often, until as many images were processed
# (docs, "Defaults").
MAX_EPOCHS_OF_IMAGES, IMAGES_SEEN = 90, 90_000

# Sets of volumes are small, and rotations in three dimensions yield more distinct views
# than those of images, so training on volumes takes more epochs (docs, "Defaults").
MAX_EPOCHS_OF_VOLUMES, VOLUMES_SEEN = 60, 72_000


def count_epochs(max_epochs: int | str, n_samples: int, *, kind: str) -> int:
    """Return the number of epochs of the first phase.

    Parameters
    ----------
    max_epochs : int or "auto"
        The parameter; "auto" is 30 for up to 20,000 samples and decreases to 15 for
        40,000 and more. For images it is 90 for up to 1,000 and decreases to 30 for
        3,000; for volumes it is 60 for up to 1,200 and decreases to 30 for 2,400.

    n_samples : int
        Number of training samples.

    kind : {"row", "image", "volume"}
        Kind of samples.

    Returns
    -------
    n_epochs : int
        Number of epochs.

    Examples
    --------
    >>> from contrastive_clustering._training.auto import count_epochs
    >>> [count_epochs("auto", n, kind="image") for n in (100, 1_500, 3_000, 60_000)]
    [90, 60, 30, 15]
    >>> [count_epochs("auto", n, kind="volume") for n in (100, 1_600, 2_400, 60_000)]
    [60, 45, 30, 15]
    """
    if not isinstance(max_epochs, str):
        return int(max_epochs)
    n_epochs = min(MAX_EPOCHS, max(MIN_EPOCHS, SAMPLES_SEEN // n_samples))
    if kind == "image":
        n_epochs = max(n_epochs, min(MAX_EPOCHS_OF_IMAGES, IMAGES_SEEN // n_samples))
    if kind == "volume":
        n_epochs = max(n_epochs, min(MAX_EPOCHS_OF_VOLUMES, VOLUMES_SEEN // n_samples))
    return n_epochs


# refinement_epochs="auto" for images and volumes. A second phase rarely helps the
# strata of tables, and worsens those of small ones (docs, "Defaults").
REFINEMENT_EPOCHS = 8


def count_refinement_epochs(refinement_epochs: int | str, *, kind: str) -> int:
    """Return the number of epochs of the second phase.

    Parameters
    ----------
    refinement_epochs : int or "auto"
        The parameter; "auto" is 8 for images and volumes and 0 for tables.

    kind : {"row", "image", "volume"}
        Kind of samples.

    Returns
    -------
    n_epochs : int
        Number of epochs.

    Examples
    --------
    >>> from contrastive_clustering._training.auto import count_refinement_epochs
    >>> [count_refinement_epochs("auto", kind=kind) for kind in ("row", "image")]
    [0, 8]
    """
    if not isinstance(refinement_epochs, str):
        return int(refinement_epochs)
    return 0 if kind == "row" else REFINEMENT_EPOCHS


# batch_size="auto": the largest and the smallest batch, and the number of batches per
# epoch in between.
MAX_BATCH_SIZE, MIN_BATCH_SIZE, BATCHES_PER_EPOCH = 256, 64, 16

# The memory of a training step, which leaves a gigabyte for the interpreter, the
# libraries and the clustering if a fit is to take less than 3 GiB; and the smallest
# batch that it can lead to, as NT-Xent needs negatives.
STEP_BYTES, MIN_FITTING = 2**31, 16


def count_batch_size(
    batch_size: int | str, n_samples: int, *, sample_bytes: int = 0
) -> int:
    """Return the largest number of samples of a batch.

    Parameters
    ----------
    batch_size : int or "auto"
        The parameter; "auto" is 256 for 4,096 samples and more, and decreases to 64 for
        1,024 and fewer, because even a few hundred samples need some hundred steps. It
        is smaller if a step would take more than 2 GiB, but at least 16.

    n_samples : int
        Number of training samples.

    sample_bytes : int, default=0
        Memory of a step per sample; see `step_bytes`.

    Returns
    -------
    largest : int
        Number of samples.

    Examples
    --------
    >>> from contrastive_clustering._training.auto import count_batch_size
    >>> [count_batch_size("auto", n) for n in (100, 1_024, 3_000, 4_096, 60_000)]
    [64, 64, 187, 256, 256]
    >>> count_batch_size("auto", 4_096, sample_bytes=2**24)
    128
    """
    if not isinstance(batch_size, str):
        return int(batch_size)
    size = min(MAX_BATCH_SIZE, max(MIN_BATCH_SIZE, n_samples // BATCHES_PER_EPOCH))
    if sample_bytes:
        size = min(size, max(MIN_FITTING, STEP_BYTES // sample_bytes))
    return size
