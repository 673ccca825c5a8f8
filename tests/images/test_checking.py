import numpy as np
import pytest

from contrastive_clustering._images.checking import check_out, make_settings
from contrastive_clustering._images.loaded import ReadSettings

DEFAULTS = {
    "as_volumes": False,
    "size": None,
    "spacing": None,
    "fit": "letterbox",
    "channels": "auto",
    "window": None,
    "path_column": "path",
    "salt": "salt",
    "on_error": "raise",
    "n_jobs": None,
    "verbose": 0,
}


def settings(**params):
    return make_settings(DEFAULTS | params)


def test_numbers_apply_to_all_axes():
    key = settings().key
    assert settings() == ReadSettings(key=key)
    assert settings(size=8).size == (8, 8)
    assert settings(size=np.int64(8), as_volumes=True).size == (8, 8, 8)
    assert settings(size=[8, 9]).size == (8, 9)
    assert settings(spacing=1).spacing == (1.0, 1.0)
    assert settings(spacing=(3, 1, 1.5), as_volumes=True).spacing == (3.0, 1.0, 1.5)
    assert settings(window=[40, 400]).window == (40.0, 400.0)
    assert settings(window="file").window == "file"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"size": 0}, r"^size=0 is not valid\. Sides must be 1 to 32768"),
        ({"size": 8.5}, r"^size=8\.5 is not valid\. Pass an integer or a tuple \(hei"),
        ({"size": True}, r"^size=True is not valid"),
        ({"size": (8, 8, 8)}, r"^size=\(8, 8, 8\) is not valid.*\(height, width\)"),
        ({"size": (8, 8), "as_volumes": True}, r"tuple \(depth, height, width\)"),
        (
            {"size": 1025, "as_volumes": True},
            r"^size=1025 is not.* than 1073741824 v",
        ),
        ({"spacing": 0}, r"^spacing=0 is not valid\. Pass positive numbers of mil"),
        ({"spacing": float("nan")}, r"^spacing=nan is not valid"),
        ({"spacing": "1 mm"}, r"^spacing='1 mm' is not valid\. Pass a number or"),
        (
            {"spacing": 1, "size": 8, "fit": "stretch"},
            "^fit='stretch' would change the scale",
        ),
        ({"channels": "rgb", "as_volumes": True}, "^channels='rgb' is for images"),
        ({"window": (40, 0)}, r"^window=\(40, 0\) is not valid\. Pass None, 'file'"),
        ({"window": (40,)}, r"^window=\(40,\) is not valid"),
        ({"window": (float("nan"), 1)}, r"^window=\(nan, 1\) is not valid"),
        ({"window": "lung"}, "^window='lung' is not valid"),
        ({"n_jobs": True}, "^The 'n_jobs' parameter of load_images must be an int or"),
        ({"n_jobs": 0}, r"^n_jobs=0 is not valid"),
        ({"on_error": "warn"}, "^The 'on_error' parameter of load_images must be"),
        ({"fit": "pad"}, "^The 'fit' parameter of load_images must be"),
        ({"salt": ""}, "^salt is empty"),
    ],
)
def test_invalid_parameters_are_errors(params, message):
    with pytest.raises(ValueError, match=message):
        settings(**params)


def test_outputs(tmp_path):
    assert check_out(None) is None
    assert check_out(str(tmp_path / "a.npy")) == tmp_path / "a.npy"
    assert check_out(tmp_path / "a.zarr") == tmp_path / "a.zarr"
    with pytest.raises(ValueError, match=r"has an unknown suffix\. Pass a path that e"):
        check_out(tmp_path / "a.h5")
    (tmp_path / "a.npy").touch()
    with pytest.raises(FileExistsError, match=r"a\.npy' exists\. Remove it, or pass"):
        check_out(tmp_path / "a.npy")
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        check_out(tmp_path / "none" / "a.npy")
