"""A fit: the first phase, the clustering, the second phase and the density."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from contrastive_clustering._clustering.consensus import count_members
from contrastive_clustering._clustering.density import LatentDensity
from contrastive_clustering._clustering.group_rows import draw_from_groups
from contrastive_clustering._clustering.labels import NoClusterError
from contrastive_clustering._clustering.latent_clustering import (
    MAX_CLUSTERED,
    LatentClustering,
    fit_clustering,
    nearest_members,
)
from contrastive_clustering._clustering.n_clusters_search import (
    ClusterNumberResult,
    ClusterNumberSearch,
)
from contrastive_clustering._clustering.settings import ClusteringSettings
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.on_device import keep_on_device
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._model.divergence import (
    check_decoder,
    encode_decoded,
    map_checked,
)
from contrastive_clustering._model.fitted import FittedModel, Strata
from contrastive_clustering._model.latents import encode_part
from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._refinement.build import start_refinement
from contrastive_clustering._refinement.net import RefinementNet
from contrastive_clustering._refinement.prototype_learning import learn_strata
from contrastive_clustering._refinement.prototypes import PrototypeClustering
from contrastive_clustering._saving.callbacks_state import (
    RestoreCallbacks,
    callbacks_state,
)
from contrastive_clustering._saving.checkpoint import (
    FIRST,
    SECOND,
    STRATA,
    Checkpoint,
    SaveCheckpoint,
)
from contrastive_clustering._saving.fitted_parts import search_from_tree, search_to_tree
from contrastive_clustering._saving.net_state import load_net_state, net_state
from contrastive_clustering._saving.refinement_state import (
    refinement_state,
    resume_refinement,
)
from contrastive_clustering._training.build import count_changes, make_net
from contrastive_clustering._training.components import set_components
from contrastive_clustering._training.continuing import continue_from
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.settings import TrainingSettings
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.distributed import (
    run_on_all_ranks,
    run_on_first_rank,
)
from contrastive_clustering._utils.numbering import order_strata
from contrastive_clustering._utils.seeding import SeedStream, derive_seed
from contrastive_clustering._utils.threads import limit_nested_threads


@dataclass(frozen=True, kw_only=True, eq=False)
class FitSettings:
    """Settings of a fit.

    Attributes
    ----------
    training : TrainingSettings
        Settings of training.

    clustering : ClusteringSettings
        Settings of the clustering of latents.

    refinement : Refinement or None
        Objective of the second phase; None if it is skipped.
    """

    training: TrainingSettings
    clustering: ClusteringSettings
    refinement: Refinement | None


@limit_nested_threads()
def fit_model(
    dataset: ArrayDataset,
    settings: FitSettings,
    *,
    previous: ContrastiveNet | None = None,
    earlier: np.ndarray | None = None,
    checkpoint: Checkpoint | None = None,
) -> FittedModel:
    """Train a net and find the strata of its latents.

    Parameters
    ----------
    dataset : ArrayDataset
        The training set.

    settings : FitSettings
        Settings of the fit.

    previous : ContrastiveNet, default=None
        The net whose training is continued.

    earlier : ndarray of shape (n_samples,), default=None
        Earlier strata of the samples. New strata keep the numbers of the earlier ones
        that they overlap with most.

    checkpoint : Checkpoint, default=None
        The checkpoint to write, and to resume from.

    Returns
    -------
    model : FittedModel
        The trained model.

    Raises
    ------
    ValueError
        If training diverges or the parameters do not suit the data.

    Warns
    -----
    ConvergenceWarning
        If training was interrupted by Ctrl-C, or the clusterer found only noise after
        the second phase.
    """
    reached = None if checkpoint is None else checkpoint.reached

    def begin() -> tuple[ContrastiveNet, ArrayDataset]:
        n_changes = count_changes(settings.training, dataset)
        net = make_net(settings.training, dataset.scaler, n_changes)
        if previous is None and reached is None:
            set_components(net, dataset)
        if previous is not None:
            continue_from(net, previous)
        if checkpoint is not None and reached is not None:
            with checkpoint.resuming():
                load_net_state(net, reached["net"])
        return net, keep_on_device(dataset, settings.training.device)

    net, dataset = run_on_all_ranks(begin)
    with net.module_.keeping_features():
        return _fit_begun(net, dataset, settings, earlier, checkpoint)


def _fit_begun(
    net: ContrastiveNet,
    dataset: ArrayDataset,
    settings: FitSettings,
    earlier: np.ndarray | None,
    checkpoint: Checkpoint | None,
) -> FittedModel:
    """Run a fit from the stage that its checkpoint has reached; see `fit_model`."""
    reached = None if checkpoint is None else checkpoint.reached
    stage = FIRST if reached is None else reached["stage"]
    if stage == FIRST:
        _run_first_phase(net, dataset, checkpoint)
    rows = _clustered_rows(dataset, net.seed)
    part = dataset.take(rows)
    latents, clustering, search = _find_strata(net, dataset, part, settings, checkpoint)
    before = earlier if earlier is None or rows is None else earlier[rows]
    weights, groups = part.metadata.weights(), part.metadata.groups
    order = order_strata(clustering.labels, clustering.n_clusters, before, weights)
    clustering = clustering.renumbered(order)
    density = run_on_first_rank(
        lambda: LatentDensity.fit(
            latents, clustering.labels, clustering.n_clusters, net.seed, groups
        )
    )
    check_decoder(net, clustering.latent_centers, dataset.scaler)
    if checkpoint is not None and not net.interrupted:
        checkpoint.finish()
    typical = nearest_members(latents, clustering.labels, clustering.latent_centers)
    if rows is not None:
        typical = rows[typical]
        labels = map_checked(net, dataset, clustering.predict)
        # Some clusterers find noise only in fit, not in predict.
        labels[rows] = clustering.labels
        clustering = replace(clustering, labels=labels)
    return FittedModel(net, dataset.scaler, clustering, density, search, typical)


def _clustered_rows(dataset: ArrayDataset, seed: int) -> np.ndarray | None:
    """Return the indices of the samples that are clustered; None stands for all.

    With groups, they are of as many groups as possible.
    """
    n_samples = len(dataset)
    if n_samples <= MAX_CLUSTERED:
        return None
    groups = dataset.metadata.groups
    if groups is not None:
        state = derive_seed(seed, SeedStream.CLUSTERED_SAMPLES) % 2**32
        rng = np.random.RandomState(state)
        return np.sort(draw_from_groups(groups, MAX_CLUSTERED, rng))
    generator = np.random.default_rng(derive_seed(seed, SeedStream.CLUSTERED_SAMPLES))
    return np.sort(generator.choice(n_samples, MAX_CLUSTERED, replace=False))


def _run_first_phase(
    net: ContrastiveNet, dataset: ArrayDataset, checkpoint: Checkpoint | None
) -> None:
    reached = None if checkpoint is None else checkpoint.reached
    n_done = 0 if reached is None else reached["n_done"]
    _run_phase(net, dataset, checkpoint, FIRST, _first_phase_state, n_done=n_done)
    if checkpoint is not None and not net.interrupted:
        checkpoint.write(STRATA, net=net_state(net))


def _run_phase(
    net: ContrastiveNet,
    dataset: ArrayDataset,
    checkpoint: Checkpoint | None,
    stage: str,
    collect: Callable[[Any], dict[str, Any]],
    *,
    n_done: int,
) -> None:
    """Run the epochs of a phase after those that its checkpoint has reached."""
    further: list[Callback] = []
    if checkpoint is not None:
        if checkpoint.reached is not None and n_done:
            state = checkpoint.reached["callbacks"]
            further.append(RestoreCallbacks(state, checkpoint.resuming))
        further.append(SaveCheckpoint(checkpoint, stage, collect))
    net.run_epochs(dataset, *further, n_done=n_done)
    if net.interrupted:
        warn(
            f"Ctrl-C stopped training after {net.epoch_number} of {net.max_epochs} "
            f"epochs of the {net.phase} phase. The estimator can be used with the "
            "weights of that epoch; fit again to complete training.",
            ConvergenceWarning,
        )


def _find_strata(
    net: ContrastiveNet,
    dataset: ArrayDataset,
    part: ArrayDataset,
    settings: FitSettings,
    checkpoint: Checkpoint | None,
) -> tuple[np.ndarray, Strata, ClusterNumberResult | None]:
    """Cluster the latents of a part of the samples, and run the second phase on all.

    Returns the part's final latents, their clustering, and the search for the number of
    strata if there was one.
    """
    refinement = settings.refinement
    fit_clusters = functools.partial(
        fit_clustering,
        clusterer=settings.clustering.clusterer,
        kmeans_fraction=settings.clustering.kmeans_fraction,
        whiten=settings.clustering.whiten,
        normalize=settings.clustering.normalize,
        seed=net.seed,
    )
    encode = functools.partial(
        encode_part, net, part, erases_nuisance=settings.training.erases_nuisance
    )
    groups, weights = part.metadata.groups, part.metadata.weights()
    fit_final = functools.partial(fit_clusters, n_members=count_members(len(part)))

    def choose_number() -> tuple[int, ClusterNumberResult | None]:
        wanted = settings.clustering.n_clusters
        if not isinstance(wanted, ClusterNumberSearch):
            return wanted, None
        verbose = settings.training.verbose
        found = wanted._search(
            latents, fit_clusters, net.seed, verbose=verbose, groups=groups
        )
        return found.n_clusters, found

    reached = None if checkpoint is None else checkpoint.reached
    search: ClusterNumberResult | None
    if checkpoint is not None and reached is not None and reached["stage"] == SECOND:
        assert refinement is not None  # the checkpoint belongs to this fit
        search = search_from_tree(reached["search"])
        with checkpoint.resuming():
            refining = resume_refinement(net, settings.training, refinement, reached)
        n_done = reached["n_done"]
    else:
        latents = encode()
        n_clusters, search = run_on_first_rank(choose_number)
        # The second phase changes the strata, so a less stable consensus suffices.
        fit_first = fit_final if refinement is None else fit_clusters
        clustering = run_on_first_rank(
            lambda: fit_first(latents, n_clusters, groups=groups)
        )
        if refinement is None or net.interrupted:
            return latents, clustering, search
        proba = clustering.predict_proba(latents)
        memberships = (
            proba
            if part.rows is None
            else map_checked(net, dataset, clustering.predict_proba)
        )
        refining = start_refinement(
            net,
            settings.training,
            refinement,
            latents=latents,
            proba=proba,
            memberships=memberships,
            groups=groups,
        )
        n_done = 0
    collect = functools.partial(_second_phase_state, net, search)
    if checkpoint is not None and not n_done:
        checkpoint.write(SECOND, n_done=0, **collect(refining))
    _run_phase(refining, dataset, checkpoint, SECOND, collect, n_done=n_done)
    net.interrupted = refining.interrupted
    latents = encode()
    if refinement.reclusters:
        # A new clustering matches the final latents better than the prototypes that
        # were learned during the phase: docs, "Defaults".
        n_clusters = refining.memberships.shape[1]
        fit_again = functools.partial(fit_final, latents, n_clusters, groups=groups)
        _cluster_again(net, latents, fit_again, dataset.scaler, weights)
    head = net.module_.prototype_head
    return latents, PrototypeClustering.fit(latents, head, groups), search


def _cluster_again(
    net: ContrastiveNet,
    latents: np.ndarray,
    fit_again: Callable[[], LatentClustering],
    scaler: Scaler,
    weights: np.ndarray | None,
) -> None:
    """Let the net learn prototypes of a new clustering of the latents."""
    try:
        clustering = run_on_first_rank(fit_again)
    except NoClusterError:
        warn(
            "clusterer labeled all samples as noise after the second phase, so the "
            "strata are those that the network learned from its earlier clusters. "
            "Relax its parameters, use another clusterer, or set refinement_epochs=0.",
            ConvergenceWarning,
        )
        return
    decoded = None
    if net.restores:
        # Decoded samples are blurred, so their latents differ from the originals and
        # might otherwise be assigned to other strata.
        decoded = encode_decoded(net, latents, scaler)
    net.module_.prototype_head = learn_strata(
        net.module_.prototype_head,
        latents,
        clustering.predict_proba(latents),
        net.seed,
        decoded,
        weights=weights,
    )


def _first_phase_state(net: ContrastiveNet) -> dict[str, Any]:
    """Return the state from which the first phase resumes."""
    return {"net": net_state(net), "callbacks": callbacks_state(net)}


def _second_phase_state(
    net: ContrastiveNet, search: ClusterNumberResult | None, refining: RefinementNet
) -> dict[str, Any]:
    """Return the state from which the second phase resumes."""
    return {
        "net": net_state(net),
        **refinement_state(refining),
        "callbacks": callbacks_state(refining),
        "search": search_to_tree(search),
    }
