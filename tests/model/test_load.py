import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._io.safetensors_file import read_tree, write_tree


class CustomKMeans(MiniBatchKMeans):
    """A class that must be trusted."""


def test_a_clusterer_of_another_version_warns(tiny_images, fast, tmp_path):
    path, trusted = tmp_path / "model", [f"{CustomKMeans.__module__}.CustomKMeans"]
    params = {**fast, "clusterer": CustomKMeans(n_init=1), "refinement_epochs": 0}
    clusterer = ContrastiveAutoencoderClusterer(**params).fit(tiny_images)
    clusterer.save(path, trusted=trusted)
    tree = read_tree(path, "estimator")
    tree["scikit-learn"] = "0.1"
    write_tree(path, "estimator", tree)
    with pytest.warns(UserWarning, match=r"scikit-learn 0\.1, but version") as seen:
        ContrastiveAutoencoderClusterer.load(path, trusted=trusted)
    assert seen[0].filename == __file__


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["network", "latent_dim"], 10**12),
        (["network", "latent_dim"], 5),
        (["network", "given", "module__projection_dim"], 10**12),
        (["network", "given", "iterator_valid__shuffle"], True),
        (["network", "given", "encoder"], {"$type": "import", "path": "os.system"}),
        (["params", "lr"], -1.0),
        (["params", "no_such_parameter"], 1),
        (["scaler", "layout", "image_shape"], None),
        (["clustering", "prototypes"], np.zeros((2, 3, 5))),
        (["clustering", "labels"], np.array([0, 1, 2])),
        (["clustering", "origin"], np.full(4, np.nan)),
        (["density"], {"$type": "import", "path": "os.system"}),
        (["net", "weights"], {}),
        (
            ["net", "weights", "encoder.1.running_var"],
            np.full(32, -0.5, dtype=np.float32),
        ),
        (["params"], "text"),
    ],
)
def test_inconsistent_files_are_rejected(tiny_images, fast, tmp_path, path, value):
    file = tmp_path / "model"
    ContrastiveAutoencoderClusterer(**fast).fit(tiny_images).save(file)
    tree = read_tree(file, "estimator")
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    write_tree(file, "estimator", tree)
    with pytest.raises(ValueError, match="model' cannot be read"):
        ContrastiveAutoencoderClusterer.load(file)
