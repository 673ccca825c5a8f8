"""Probes: classifiers that show what could be learned about classes from latents."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering._utils.grouping import Grouping

PROBES = ("knn", "linear")


def predict_probes(
    latents: np.ndarray,
    y: np.ndarray,
    new: np.ndarray,
    n_neighbors: int,
    grouping: Grouping | None = None,
) -> dict[str, np.ndarray]:
    """Return the classes that probes predict for new latents.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents to learn from.

    y : ndarray of shape (n_samples,)
        Their classes.

    new : ndarray of shape (n_new, latent_dim)
        Latents to classify.

    n_neighbors : int
        Number of neighbors of the probe "knn".

    grouping : Grouping or None, default=None
        The group of each sample to learn from. A group weighs as one: the logistic
        regression is weighted; nearest neighbors, which cannot be, are searched among
        the sample of each group that is nearest to the mean of the group.

    Returns
    -------
    predicted : dict of str to ndarray of shape (n_new,)
        Classes by the probes "knn" and "linear".
    """
    knn = KNeighborsClassifier(n_neighbors)
    # Latents differ in scale; standardization makes the penalty treat them equally.
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    if grouping is None:
        knn.fit(latents, y)
        linear.fit(latents, y)
    else:
        rows, weights = grouping.representatives(latents), grouping.weights()
        knn.fit(latents[rows], y[rows])
        steps = [f"{step}__sample_weight" for step in linear.named_steps]
        linear.fit(latents, y, **dict.fromkeys(steps, weights))
    return {"knn": knn.predict(new), "linear": linear.predict(new)}


def check_neighbors(n_neighbors: int, n_probed: int, grouping: Grouping | None) -> None:
    """Raise an error if the nearest-neighbor probe has too few training samples.

    Parameters
    ----------
    n_neighbors : int
        Number of neighbors.

    n_probed : int
        Number of training samples of the probes.

    grouping : Grouping or None
        Their groups, of each of which nearest neighbors use one sample.
    """
    units = "samples"
    if grouping is not None:
        n_probed, units = grouping.n_groups, "groups"
    if n_neighbors > n_probed:
        raise ValueError(
            f"n_neighbors={n_neighbors} is larger than the number of training {units}, "
            f"{n_probed}. Lower n_neighbors."
        )
