"""The augmentations of adaptive discriminator augmentation (ADA)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.augmentations.colours import draw_colour, recolour
from jaxgan.augmentations.draws import check_images, check_policy, where
from jaxgan.augmentations.geometry import (
    blit_matrices,
    compose,
    draw_blit,
    draw_warp,
    resample,
    warp_matrices,
)
from jaxgan.augmentations.record import augmentation
from jaxgan.numerics import at_least_float32
from jaxgan.registry import FRACTION

PARTS: tuple[str, ...] = ("blit", "geometry", "colour")


@augmentation(ranges={"probability": FRACTION})
def ada(
    x: Float[Array, "n ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    probability: ScalarLike = 0.2,
    policy: tuple[str, ...] = PARTS,
) -> Float[Array, "n ..."]:
    """ADA: pixel blits, geometric maps and changes of colour, each with the same probability.

    "blit": mirrored left to right, or not; turned by 0 to 3 quarter turns; shifted by up to an
    eighth of the width and of the height. "geometry": scaled by 2^N(0, .2^2); turned by U[-pi, pi)
    before, after or both before and after the next; stretched by 2^N(0, .2^2) to one side and
    shrunk to the other; shifted by N(0, .125^2) of the width and of the height. "colour": N(0,
    .2^2) is added; all is multiplied by 2^N(0, .5^2); the luma (the mean of the channels) is
    negated, or not; the hue turns by U[-pi, pi); the saturation is multiplied by 2^N(0, 1).

    Images are mirrored at their borders and read once, bilinearly, through the product of all maps;
    the paper reads them at twice the resolution, between wavelet filters. Those filters reach over
    half of a 28 x 28 image, and cost more than the rest together. What is lost: pictures between
    pixels are a little blurred, and shrunken ones alias. Blits are exact here. Grey images are
    their own luma: a luma flip negates them, as in the authors' code, and they have no hue and no
    saturation. The paper's filters, noise and cutout, which it found of no use, are left out.

    Args:
        x: Images [n, h, w, c] in [-1, 1]; the result may leave that range.
        key: Draws what happens to each sample of the global batch.
        axis_name: The device axis.
        probability: Of each change, for each image, in [0, 1]. The paper adjusts it by how far the
            discriminator overfits, starting from 0; above about .8 the generator may learn to make
            augmented images.
        policy: Which of "blit", "geometry" and "colour". They apply in this order.

    Raises:
        ConfigError: On samples that are not images, or an unknown or repeated part of the policy.

    Source: Karras et al. 2020, Training Generative Adversarial Networks with Limited Data,
    appendix B. https://arxiv.org/abs/2006.06676
    """
    check_images(x, "ada")
    check_policy(policy, PARTS, "policy of augmentation 'ada'")
    blit_key, warp_key, colour_key = jax.random.split(key, 3)
    images, maps = at_least_float32(x)[0], []
    if "blit" in policy:
        maps.append(blit_matrices(draw_blit(blit_key, x, axis_name, probability)))
    if "geometry" in policy:
        maps.append(warp_matrices(draw_warp(warp_key, x, axis_name, probability)))
    if maps:
        matrices = compose(*maps)
        moved = jnp.any(matrices != jnp.eye(3)[None], axis=(1, 2))
        images = where(moved, resample(images, matrices), images)
    if "colour" in policy:
        colour = draw_colour(colour_key, x, axis_name, probability)
        images = where(colour.changes(), recolour(images, colour), images)
    return images.astype(x.dtype)
