import pytest

from contrastive_clustering._images.geometry import Plan, plan_size

NOTHING = {"size": None, "spacing": None, "fit": "letterbox"}


def test_nothing_changes_without_size_and_spacing():
    plan = plan_size((5, 7), (1.0, 2.0), **NOTHING)
    assert plan == Plan((5, 7), (5, 7), (0, 0), (1.0, 2.0))


@pytest.mark.parametrize(
    ("fit", "resized", "offset"),
    [
        ("letterbox", (32, 16), (0, 8)),
        ("crop", (64, 32), (-16, 0)),
        ("stretch", (32, 32), (0, 0)),
    ],
)
def test_fits(fit, resized, offset):
    plan = plan_size((100, 50), None, **NOTHING | {"size": (32, 32), "fit": fit})
    assert plan == Plan(resized, (32, 32), offset, None)


def test_the_aspect_ratio_is_the_physical_one():
    # 40 slices of 5 mm are as long as 400 pixels of 0.5 mm.
    plan = plan_size(
        (40, 400, 400), (5.0, 0.5, 0.5), **NOTHING | {"size": (64, 64, 64)}
    )
    assert plan.resized == (64, 64, 64)
    assert plan.spacing == (3.125, 3.125, 3.125)


def test_spacing_sets_the_scale_and_size_pads_or_crops():
    plan = plan_size(
        (100, 50), (0.5, 2.0), **NOTHING | {"spacing": (1.0, 1.0), "size": (64, 64)}
    )
    assert plan == Plan((50, 100), (64, 64), (7, -18), (1.0, 1.0))
    plan = plan_size((100, 50), (0.5, 2.0), **NOTHING | {"spacing": (1.0, 3.0)})
    assert plan.size == plan.resized == (50, 33)
    assert plan.spacing == (1.0, 100 / 33)


def test_sides_are_at_least_one_pixel():
    plan = plan_size((1000, 1), None, **NOTHING | {"size": (10, 10)})
    assert plan.resized == (10, 1)
