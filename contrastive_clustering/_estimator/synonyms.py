"""Names that other packages give to parameters of the estimator."""

from contrastive_clustering._training.net_params import CHECKPOINT_EVERY, LR_SCHEDULE

# Names of parameters in other packages, and their names in this one.
SYNONYMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("learning_rate", "learning_rate_init", "eta"), ("lr",)),
    **dict.fromkeys(
        ("epochs", "n_epochs", "num_epochs", "max_iter", "n_iter"), ("max_epochs",)
    ),
    **dict.fromkeys(
        ("k", "n_strata", "num_clusters", "nb_clusters", "n_clusters_"),
        ("n_clusters",),
    ),
    "n_components": ("n_clusters", "latent_dim"),
    **dict.fromkeys(
        ("embedding_dim", "n_latents", "n_latent", "z_dim", "hidden_dim"),
        ("latent_dim",),
    ),
    **dict.fromkeys(("seed", "random_seed", "rng"), ("random_state",)),
    **dict.fromkeys(("tau", "t"), ("temperature",)),
    **dict.fromkeys(("lambda_", "lam", "alpha"), ("reconstruction_weight",)),
    "beta": ("kl_weight",),
    **dict.fromkeys(("batch", "minibatch_size", "bs"), ("batch_size",)),
    **dict.fromkeys(("wd", "l2", "weight_decay"), ("optimizer__weight_decay",)),
    **dict.fromkeys(
        ("scheduler", "lr_scheduler", "lr_schedule"),
        (f"callbacks__{LR_SCHEDULE}", "callbacks"),
    ),
    **dict.fromkeys(
        ("patience", "n_iter_no_change"), ("callbacks__early_stopping__patience",)
    ),
    **dict.fromkeys(("transform", "transforms", "augment"), ("augmentation",)),
    **dict.fromkeys(
        ("n_jobs", "n_workers", "num_workers", "workers"),
        ("iterator_train__num_workers",),
    ),
    **dict.fromkeys(("kl_warm_up", "kl_annealing"), ("criterion__kl_warm_up",)),
    "finetune_epochs": ("refinement_epochs",),
    **dict.fromkeys(("checkpoint_every", "save_every"), (CHECKPOINT_EVERY,)),
    **dict.fromkeys(("cuda", "gpu", "use_cuda", "use_gpu", "gpus"), ("device",)),
    **dict.fromkeys(("amp", "fp16", "mixed_precision"), ("precision",)),
    **dict.fromkeys(("checkpoint", "checkpoint_path"), ("checkpoint_dir",)),
    **dict.fromkeys(("input_shape", "img_size", "image_size"), ("image_shape",)),
    **dict.fromkeys(("quiet", "progress", "progress_bar"), ("verbose",)),
}
