"""ADA's changes of colour, as products about the grey axis (1, 1, 1)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, ScalarLike

from jaxgan.augmentations.draws import over, per_sample

BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5
SATURATION_STD = 1.0


class Colour(NamedTuple):
    """What happens to the colours of each of n images, in this order.

    Attributes:
        brightness: Added to all values.
        contrast: Factor of all values.
        luma_flip: Whether each pixel's mean over the channels changes its sign.
        hue: Angle in radians by which colours turn about the grey axis.
        saturation: Factor of a pixel's distance from its mean over the channels.
    """

    brightness: Float[Array, "n"]
    contrast: Float[Array, "n"]
    luma_flip: Bool[Array, "n"]
    hue: Float[Array, "n"]
    saturation: Float[Array, "n"]

    def changes(self) -> Bool[Array, "n"]:
        """Whether there is any."""
        values = (self.brightness != 0) | (self.contrast != 1)
        return values | self.luma_flip | (self.hue != 0) | (self.saturation != 1)


def draw_colour(
    key: PRNGKeyArray, x: Float[Array, "n ..."], axis_name: str | None, probability: ScalarLike
) -> Colour:
    """One change of colour for each sample of the global batch, of which this device's.

    Each of the five is drawn with this probability; else it does nothing.
    """
    uniform_key, normal_key = jax.random.split(key)
    uniform = per_sample(jax.random.uniform, uniform_key, x, axis_name, (7,))
    normal = per_sample(jax.random.normal, normal_key, x, axis_name, (3,))
    brightens, contrasts, flips, turns, saturates = (uniform[:, :5] < probability).T
    return Colour(
        brightness=jnp.where(brightens, normal[:, 0] * BRIGHTNESS_STD, 0),
        contrast=jnp.exp2(jnp.where(contrasts, normal[:, 1] * CONTRAST_STD, 0)),
        luma_flip=flips & (uniform[:, 5] < 0.5),
        hue=jnp.where(turns, (2 * uniform[:, 6] - 1) * jnp.pi, 0),
        saturation=jnp.exp2(jnp.where(saturates, normal[:, 2] * SATURATION_STD, 0)),
    )


def recolour(x: Float[Array, "n h w c"], colour: Colour) -> Float[Array, "n h w c"]:
    """The images in their new colours.

    An image of one channel lies on the grey axis, so that hue and saturation leave it as it is. Hue
    turns images of three channels only; for other numbers the rest means what it says.
    """
    x = (x + over(colour.brightness, x)) * over(colour.contrast, x)
    grey = jnp.mean(x, axis=3, keepdims=True)
    tint = x - grey
    if x.shape[3] == 3:
        # Rodrigues: `tint` is orthogonal to the axis v = (1, 1, 1) / sqrt(3); this is v x tint.
        across = (jnp.roll(tint, -2, axis=3) - jnp.roll(tint, -1, axis=3)) / jnp.sqrt(3.0)
        tint = tint * over(jnp.cos(colour.hue), x) + across * over(jnp.sin(colour.hue), x)
    sign = jnp.where(colour.luma_flip, -1, 1)
    return grey * over(sign, x) + tint * over(colour.saturation, x)
