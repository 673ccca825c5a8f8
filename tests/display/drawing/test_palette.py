import itertools

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb

from contrastive_clustering._display.drawing.palette import (
    COLORS,
    NOISE_COLOR,
    group_color,
    group_colors,
    group_marker,
    mark_ticks,
    stratum_numbers,
)

pytestmark = pytest.mark.usefixtures("no_window")

# Linear RGB as seen with complete color blindness of a kind (Machado et al. 2009).
DEFICIENCIES = {
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}


def linear(colors):
    """Return the linear RGB of colors, by IEC 61966-2-1."""
    rgb = np.array([to_rgb(each) for each in colors])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return CIELAB of linear RGB, for the white of D65."""
    xyz = rgb @ np.transpose(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    t = xyz / (0.95047, 1.0, 1.08883)
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116).T
    return np.transpose([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def hue(a, b):
    return np.degrees(np.arctan2(b, a)) % 360


def cosine(degrees):
    return np.cos(np.radians(degrees))


def ciede2000(one, other):
    """Return the difference of two colors in CIELAB (Sharma, Wu and Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1 + 0.5 * (1 - np.sqrt(c7 / (c7 + 25.0**7)))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = hue(stretch * a1, b1), hue(stretch * a2, b2)
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = (
        1
        - 0.17 * cosine(h - 30)
        + 0.24 * cosine(2 * h)
        + 0.32 * cosine(3 * h + 6)
        - 0.20 * cosine(4 * h - 63)
    )
    offset = (lightness - 50) ** 2
    in_l = (l2 - l1) / (1 + 0.015 * offset / np.sqrt(20 + offset))
    in_c = (c2 - c1) / (1 + 0.045 * chroma)
    in_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    in_h /= 1 + 0.015 * chroma * t
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    return np.sqrt(in_l**2 + in_c**2 + in_h**2 + rotation * in_c * in_h)


def smallest_distances(colors, seen_by=None):
    """Return the smallest difference among gray and the first n colors, for each n."""
    rgb = linear([NOISE_COLOR, *colors])
    if seen_by is not None:
        rgb = (rgb @ np.transpose(seen_by)).clip(0, 1)
    shown = lab(rgb)
    nearest = [
        min(ciede2000(shown[i], other) for other in shown[:i])
        for i in range(1, len(shown))
    ]
    return np.minimum.accumulate(nearest)


@pytest.mark.parametrize(
    ("one", "other", "expected"),  # of the test data of Sharma, Wu and Dalal
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (61, -5, 29), 22.8977),
        ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_differences_are_those_of_the_publication(one, other, expected):
    assert ciede2000(one, other) == pytest.approx(expected, abs=1e-4)


def test_colors_of_2_to_40_strata_are_far_apart():
    distances = smallest_distances(COLORS)
    assert len(distances) == 40
    for n in range(2, 41):
        floor = 19.5 if n <= 8 else 18 if n <= 20 else 16.5 if n <= 30 else 14.5
        assert distances[n - 1] >= floor, n


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_eight_strata_are_far_apart_for_color_blind_readers(deficiency):
    assert smallest_distances(COLORS[:8], DEFICIENCIES[deficiency])[-1] >= 12.5


def test_viridis_would_not_be_far_apart():
    steps = plt.get_cmap("viridis")(np.linspace(0, 0.95, 40))
    assert smallest_distances(map(to_hex, steps))[-1] < 3


def test_colors_are_visible_on_white_and_on_dark_pages():
    luminance = linear(COLORS) @ (0.2126, 0.7152, 0.0722)
    dark = linear(["#14191f"]) @ (0.2126, 0.7152, 0.0722)
    on_white, on_dark = 1.05 / (luminance + 0.05), (luminance + 0.05) / (dark + 0.05)
    assert on_white[:8].min() >= 2.6
    assert on_white.min() >= 2
    assert on_dark.min() >= 1.9


def test_a_color_does_not_depend_on_other_groups_and_repeats_after_40():
    colors = group_colors(range(80))
    assert colors.shape == (80, 4)
    np.testing.assert_array_equal(colors[40:], colors[:40])
    np.testing.assert_array_equal(group_colors([7]), colors[[7]])
    assert [to_hex(each) for each in colors[:40]] == list(COLORS)
    pairs = {(group_color(number), group_marker(number)) for number in range(360)}
    assert len(pairs) == 360


def test_adjacent_groups_have_different_markers():
    markers = [group_marker(number) for number in range(-1, 40)]
    assert all(one != next_one for one, next_one in itertools.pairwise(markers))


def test_noise_is_gray_and_has_its_own_marker():
    ((red, green, blue, _),) = group_colors([-1])
    assert red == green == blue
    assert group_color(-1) == NOISE_COLOR
    assert group_marker(-1) not in {group_marker(number) for number in range(40)}


@pytest.mark.parametrize(
    ("strata", "numbers"),
    [
        ([-1, 0, 3], [-1, 0, 3]),
        ([5], [5]),
        (["high", "low"], [0, 1]),
        ([-4, -1, 2], [0, 1, 2]),
        ([0.5, 1.0], [0, 1]),
    ],
)
def test_numbers_of_strata(strata, numbers):
    assert stratum_numbers(np.array(strata)).tolist() == numbers


def test_ticks_become_squares_in_the_colors_of_their_groups():
    figure, ax = plt.subplots(figsize=(2, 2), dpi=100)
    ax.set_yticks([0, 1, 2], ["noise", "0", "9"])
    mark_ticks(ax.yaxis, np.array([-1, 0, 9]))
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    left = int(ax.get_window_extent().x0) - 4
    found = {to_hex(pixel / 255) for pixel in pixels[:, left]}
    assert {NOISE_COLOR, group_color(0), group_color(9)} <= found
