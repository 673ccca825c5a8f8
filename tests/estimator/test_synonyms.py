import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._estimator.synonyms import SYNONYMS
from contrastive_clustering._training.net_params import is_net_parameter


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("learning_rate", "lr"),
        ("epochs", "max_epochs"),
        ("n_epochs", "max_epochs"),
        ("K", "n_clusters"),
        ("n_components", "n_clusters or latent_dim"),
        ("seed", "random_state"),
        ("tau", "temperature"),
        ("n_jobs", "iterator_train__num_workers"),
        ("weight_decay", "optimizer__weight_decay"),
        ("n_iter_no_change", "callbacks__early_stopping__patience"),
        ("gpu", "device"),
        ("latent_dims", "latent_dim"),
    ],
)
def test_parameter_names_of_other_packages_suggest_those_of_this_one(name, meant):
    with pytest.raises(TypeError, match=rf"'{name}'\. Did you mean {meant}\?"):
        ContrastiveAutoencoderClusterer(**{name: 3})
    with pytest.raises(ValueError, match=rf"'{name}' .*Did you mean {meant}\?"):
        ContrastiveAutoencoderClusterer().set_params(**{name: 3})


def test_synonyms_stand_for_existing_parameters():
    known = set(ContrastiveAutoencoderClusterer().get_params())
    meant = {name for names in SYNONYMS.values() for name in names}
    assert all(name in known or is_net_parameter(name) for name in meant)
    assert not SYNONYMS.keys() & known
