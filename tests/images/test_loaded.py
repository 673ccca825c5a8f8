from contrastive_clustering._images.loaded import ReadSettings


def test_number_of_axes():
    assert ReadSettings().n_axes == 2
    assert ReadSettings(as_volumes=True).n_axes == 3
