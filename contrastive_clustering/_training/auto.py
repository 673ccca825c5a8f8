"""Epochs and batches of a training, where the parameters leave them open."""

# Epochs of the first phase for max_epochs="auto": most and fewest, and the number of
# samples, over all epochs, that is aimed at in between.
MOST_EPOCHS, FEWEST_EPOCHS, SAMPLES_SEEN = 30, 15, 600_000

# Of volumes, which are few, so many are to be seen, in no more epochs than these: views
# that turn in any direction have more to teach than those of images (docs, "Defaults").
MOST_EPOCHS_OF_VOLUMES, VOLUMES_SEEN = 60, 72_000


def count_epochs(max_epochs: int | str, n_samples: int, *, kind: str) -> int:
    """Return the number of epochs of the first phase.

    Parameters
    ----------
    max_epochs : int or "auto"
        The parameter; "auto" is 30 for up to 20,000 samples and falls to 15 for 40,000
        and more, but is 60 for up to 1,200 volumes and falls to 30 for 2,400.

    n_samples : int
        Number of training samples.

    kind : {"row", "image", "volume"}
        What the samples are.

    Returns
    -------
    n_epochs : int
        Number of epochs.

    Examples
    --------
    >>> from contrastive_clustering._training.auto import count_epochs
    >>> [count_epochs("auto", n, kind="image") for n in (100, 20_000, 30_000, 60_000)]
    [30, 30, 20, 15]
    >>> [count_epochs("auto", n, kind="volume") for n in (100, 1_600, 2_400, 60_000)]
    [60, 45, 30, 15]
    """
    if not isinstance(max_epochs, str):
        return int(max_epochs)
    n_epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, SAMPLES_SEEN // n_samples))
    if kind == "volume":
        n_epochs = max(n_epochs, min(MOST_EPOCHS_OF_VOLUMES, VOLUMES_SEEN // n_samples))
    return n_epochs


# Samples of a batch for batch_size="auto": most and fewest, and the number of batches
# of an epoch that is aimed at in between.
MOST_TOGETHER, FEWEST_TOGETHER, BATCHES_PER_EPOCH = 256, 64, 16


def count_batch_size(batch_size: int | str, n_samples: int) -> int:
    """Return the largest number of samples of a batch.

    Parameters
    ----------
    batch_size : int or "auto"
        The parameter; "auto" is 256 for 4,096 samples and more, and falls to 64 for
        1,024 and fewer: a few hundred samples, too, need some hundred steps.

    n_samples : int
        Number of training samples.

    Returns
    -------
    n_together : int
        Number of samples.

    Examples
    --------
    >>> from contrastive_clustering._training.auto import count_batch_size
    >>> [count_batch_size("auto", n) for n in (100, 1_024, 3_000, 4_096, 60_000)]
    [64, 64, 187, 256, 256]
    """
    if not isinstance(batch_size, str):
        return int(batch_size)
    return min(MOST_TOGETHER, max(FEWEST_TOGETHER, n_samples // BATCHES_PER_EPOCH))
