"""ADA against matrices of homogeneous coordinates in float64, SciPy's interpolation and rotations.

The references compose the maps forwards, from an image to its augmented one, as the paper states
them, and invert the product; jaxgan composes the inverses.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats
from scipy.spatial.transform import Rotation

from jaxgan.augmentations import ada
from jaxgan.augmentations.colours import Colour, draw_colour, recolour
from jaxgan.augmentations.geometry import (
    Blit,
    Warp,
    blit_matrices,
    draw_blit,
    draw_warp,
    resample,
    warp_matrices,
)

PARTS = ("blit", "geometry", "colour")


def images(n, h=9, w=9, channels=3, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, h, w, channels)).astype("f")


def float32(record):
    return type(record)(*(v if v.dtype != float else jnp.float32(v) for v in record))


def rows_of(record):
    """A record of each image."""
    return [type(record)(*values) for values in zip(*map(np.asarray, record), strict=True)]


def scaling(x, y):
    return np.diag([x, y, 1.0])


def shift(vector):
    return np.array([[1, 0, vector[0]], [0, 1, vector[1]], [0, 0, 1]])


def turn(angle):
    """Counterclockwise as seen: x is to the right and y down."""
    matrix = np.eye(3)
    matrix[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return matrix


def blit_forwards(blit):
    quarter = turn(blit.quarter_turns * np.pi / 2)
    return shift(blit.shift) @ quarter @ scaling(-1 if blit.flip else 1, 1)


def warp_forwards(warp):
    stretch = scaling(warp.stretch, 1 / warp.stretch)
    isotropic = scaling(warp.scale, warp.scale)
    return shift(warp.drift) @ turn(warp.turn_after) @ stretch @ turn(warp.turn_before) @ isotropic


def read(image, forwards):
    """The image under the map, by scipy.ndimage, whose "mirror" is numpy.pad's "reflect"."""
    h, w, channels = image.shape
    rows, columns = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
    centre = np.array([(w - 1) / 2, (h - 1) / 2])
    points = np.stack([columns.ravel() - centre[0], rows.ravel() - centre[1], np.ones(h * w)])
    x, y, _ = np.linalg.inv(forwards) @ points
    coordinates = np.stack([y + centre[1], x + centre[0]])
    channel = [
        ndimage.map_coordinates(np.float64(image[..., k]), coordinates, order=1, mode="mirror")
        for k in range(channels)
    ]
    return np.stack(channel, axis=-1).reshape(h, w, channels)


def recoloured(image, colour):
    """By 4 x 4 matrices; of grey images the mean of what becomes of (x, x, x)."""
    v = np.ones(3) / np.sqrt(3)
    chain = [np.eye(4) for _ in range(5)]
    chain[0][:3, 3] = colour.brightness
    chain[1][:3, :3] *= colour.contrast
    chain[2][:3, :3] -= 2 * np.outer(v, v) * colour.luma_flip
    chain[3][:3, :3] = Rotation.from_rotvec(colour.hue * v).as_matrix()
    chain[4][:3, :3] = np.outer(v, v) + (np.eye(3) - np.outer(v, v)) * colour.saturation
    matrix = chain[4] @ chain[3] @ chain[2] @ chain[1] @ chain[0]
    rgb = np.broadcast_to(np.float64(image), (*image.shape[:2], 3))
    rgb = rgb @ matrix[:3, :3].T + matrix[:3, 3]
    return rgb if image.shape[2] == 3 else rgb.mean(axis=2, keepdims=True)


def some_warps(n, rng, size):
    return Warp(
        scale=2 ** rng.normal(0, 0.3, n),
        turn_before=rng.uniform(-np.pi, np.pi, n),
        stretch=2 ** rng.normal(0, 0.3, n),
        turn_after=rng.uniform(-np.pi, np.pi, n),
        drift=rng.normal(0, size / 4, (n, 2)),
    )


@pytest.mark.parametrize("side", [6, 7])
def test_blits_are_exact(side):
    """numpy.flip, numpy.rot90, then a crop of the image padded by its mirror image."""
    rng = np.random.default_rng(0)
    x = images(16, side, side)
    blit = Blit(
        flip=jnp.arange(16) % 2 == 1,
        quarter_turns=jnp.arange(16) // 2 % 4,
        shift=jnp.float32(rng.integers(-3, 4, (16, 2))),
    )
    out = jax.jit(lambda x, blit: resample(x, blit_matrices(blit)))(jnp.asarray(x), blit)
    for image, result, one in zip(x, np.asarray(out), rows_of(blit), strict=True):
        moved = np.rot90(image[:, ::-1] if one.flip else image, one.quarter_turns)
        padded = np.pad(moved, ((3, 3), (3, 3), (0, 0)), mode="reflect")
        right, down = one.shift.astype(int)
        np.testing.assert_array_equal(
            result, padded[3 - down : 3 - down + side, 3 - right : 3 - right + side]
        )


@pytest.mark.parametrize("shape", [(9, 9), (5, 8), (2, 6)])
def test_warps_are_bilinear_between_mirrors(shape):
    x = images(20, *shape)
    warp = some_warps(20, np.random.default_rng(1), max(shape))
    out = jax.jit(lambda x, warp: resample(x, warp_matrices(warp)))(jnp.asarray(x), float32(warp))
    expected = [read(image, warp_forwards(w)) for image, w in zip(x, rows_of(warp), strict=True)]
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-5)


def test_images_of_one_row():
    x = jnp.arange(5.0).reshape(1, 1, 5, 1)
    moved = jnp.array([[[1.0, 0.0, 2.0], [0.0, 1.0, 7.0], [0.0, 0.0, 1.0]]])
    np.testing.assert_array_equal(jax.jit(resample)(x, moved).ravel(), [2, 3, 4, 3, 2])


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_are_products_of_matrices(channels):
    rng = np.random.default_rng(2)
    colour = Colour(
        brightness=rng.normal(0, 0.2, 16),
        contrast=2 ** rng.normal(0, 0.5, 16),
        luma_flip=np.arange(16) % 2 == 0,
        hue=rng.uniform(-np.pi, np.pi, 16),
        saturation=2 ** rng.normal(0, 1, 16),
    )
    x = images(16, 3, 2, channels)
    out = recolour(jnp.asarray(x), float32(colour))
    expected = [recoloured(image, one) for image, one in zip(x, rows_of(colour), strict=True)]
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5)


def test_hue_turns_red_to_green_to_blue():
    turned = jax.jit(recolour)
    red, third = jnp.array([[[[1.0, 0.0, 0.0]]]]), 2 * np.pi / 3
    for angle, expected in ((third, [0, 1, 0]), (2 * third, [0, 0, 1])):
        one, zero = jnp.ones(1), jnp.zeros(1)
        colour = Colour(zero, one, zero.astype(bool), jnp.full(1, angle), one)
        np.testing.assert_allclose(turned(red, colour).ravel(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("policy", "channels"),
    [
        pytest.param(PARTS, 1, marks=pytest.mark.slow),
        (PARTS, 3),
        *(((part,), 3) for part in PARTS),
    ],
)
def test_whole_augmentation(policy, channels, key):
    """Of the numbers that it draws; about half of all changes happen."""
    x = images(24, 8, 8, channels)
    augment = jax.jit(functools.partial(ada, axis_name=None, policy=policy))
    out = augment(jnp.asarray(x), key=key, probability=0.5)
    blit_key, warp_key, colour_key = jax.random.split(key, 3)
    drawn = (
        jax.jit(draw, static_argnums=2)(part_key, jnp.asarray(x), None, 0.5)
        for draw, part_key in (
            (draw_blit, blit_key),
            (draw_warp, warp_key),
            (draw_colour, colour_key),
        )
    )
    for image, result, blit, warp, colour in zip(
        x, np.asarray(out), *map(rows_of, drawn), strict=True
    ):
        forwards = np.eye(3)
        if "blit" in policy:
            forwards = blit_forwards(blit) @ forwards
        if "geometry" in policy:
            forwards = warp_forwards(warp) @ forwards
        expected = read(image, forwards)
        if "colour" in policy:
            expected = recoloured(expected, colour)
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4)


def check_rate(applied, probability):
    """Binomial: four standard deviations."""
    n = len(applied)
    assert abs(np.sum(applied) - n * probability) < 4 * (n * probability * (1 - probability)) ** 0.5


def check_law(values, law):
    assert stats.kstest(np.asarray(values, np.float64), law.cdf).pvalue > 1e-3


def log2_normal(std):
    return stats.lognorm(std * np.log(2))


N = 8000
CIRCLE = stats.uniform(-np.pi, 2 * np.pi)


def drawn(draw, probability, seed=5):
    x = jnp.zeros((N, 20, 40, 1))
    return jax.jit(lambda key: draw(key, x, None, probability))(jax.random.key(seed))


def test_distribution_of_the_blits():
    """Half of the flips are none, and a quarter of the turns; shifts up to an eighth."""
    blit = drawn(draw_blit, 0.6)
    check_rate(blit.flip, 0.3)
    for turns in (1, 2, 3):
        check_rate(blit.quarter_turns == turns, 0.15)
    right, down = np.asarray(blit.shift).T
    moved = (right != 0) | (down != 0)
    # Of 40 pixels an eighth is 5: 11 shifts, of which those at the ends are drawn half as often.
    check_rate(moved, 0.6 * (1 - (1 / 10) * (0.5 / 2.5)))
    assert (abs(right).max(), abs(down).max()) == (5, 2)
    check_rate(right == -5, 0.6 / 20)
    check_rate(right == 3, 0.6 / 10)
    assert abs(np.corrcoef(blit.flip, blit.quarter_turns)[0, 1]) < 4 * N**-0.5


@pytest.mark.slow
def test_distribution_of_the_warps():
    """An image turns with the probability, before or after stretching, or both."""
    warp = drawn(draw_warp, 0.6)
    for values, std in ((warp.scale, 0.2), (warp.stretch, 0.2)):
        check_rate(values != 1, 0.6)
        check_law(values[values != 1], log2_normal(std))
    check_rate((warp.turn_before != 0) | (warp.turn_after != 0), 0.6)
    for angle in (warp.turn_before, warp.turn_after):
        check_rate(angle != 0, 1 - 0.4**0.5)
        check_law(angle[angle != 0], CIRCLE)
    check_rate(np.any(warp.drift != 0, axis=1), 0.6)
    for values, size in zip(warp.drift.T, (40, 20), strict=True):
        check_law(values[values != 0], stats.norm(0, 0.125 * size))


@pytest.mark.slow
def test_distribution_of_the_colours():
    colour = drawn(draw_colour, 0.6)
    check_rate(colour.luma_flip, 0.3)
    for values, neutral, law in (
        (colour.brightness, 0, stats.norm(0, 0.2)),
        (colour.contrast, 1, log2_normal(0.5)),
        (colour.hue, 0, CIRCLE),
        (colour.saturation, 1, log2_normal(1)),
    ):
        check_rate(values != neutral, 0.6)
        check_law(values[values != neutral], law)


def test_changes_are_drawn_apart():
    """No two parts, and no change and its size, go together."""
    draws = (draw_blit, draw_warp, draw_colour)
    parts = [drawn(draw, 0.5, seed) for seed, draw in enumerate(draws)]
    columns = [np.asarray(v, float).reshape(N, -1) for part in parts for v in part]
    ranks = stats.rankdata(np.concatenate(columns, axis=1), axis=0)
    correlations = np.corrcoef(ranks.T) - np.eye(ranks.shape[1])
    assert np.abs(correlations).max() < 5 * N**-0.5
