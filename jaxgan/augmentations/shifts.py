"""Flips and shifts of images, noise on other samples: what consistency penalties compare under."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, ScalarLike

from jaxgan import collectives
from jaxgan.augmentations.draws import chosen, where
from jaxgan.augmentations.record import augmentation
from jaxgan.errors import ConfigError
from jaxgan.registry import FRACTION, NON_NEGATIVE


def augment(
    x: Float[Array, "n ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None = None,
    max_shift: int = 4,
    flip: bool = True,
    noise: ScalarLike = 0.1,
) -> Float[Array, "n ..."]:
    """Images [n, h, w, c] flipped and shifted at random; of other samples, x + noise N(0, I).

    Args:
        x: Samples.
        key: Draws what happens to each sample of the global batch.
        axis_name: The device axis.
        max_shift: Of images, in pixels to each side, at least 0; the pixels at the border are
            repeated.
        flip: Whether half of the images are mirrored.
        noise: Standard deviation of the noise, for samples that are not images; at least 0.

    Raises:
        ConfigError: On a negative `max_shift`.

    Source: Zhang et al. 2020, Consistency Regularization for Generative Adversarial Networks, of
    which these are the augmentations for images. https://arxiv.org/abs/1910.12027
    """
    if max_shift < 0:
        raise ConfigError(f"max_shift is {max_shift}; it must be at least 0")
    total = len(x) * collectives.size(axis_name)
    if x.ndim != 4:
        normal = jax.random.normal(key, (total, *x.shape[1:]))
        return x + (noise * collectives.local_slice(normal, axis_name)).astype(x.dtype)
    shift_key, flip_key = jax.random.split(key)
    shifts = jax.random.randint(shift_key, (total, 2), -max_shift, max_shift + 1)
    flips = jax.random.bernoulli(flip_key, 0.5, (total,)) & flip
    shifts, flips = (collectives.local_slice(drawn, axis_name) for drawn in (shifts, flips))

    def of_image(image: Array, shift: Array, flip: Array) -> Array:
        h, w, _ = image.shape
        rows = jnp.clip(jnp.arange(h) + shift[0], 0, h - 1)
        columns = jnp.clip(jnp.arange(w) + shift[1], 0, w - 1)
        return image[rows][:, jnp.where(flip, w - 1 - columns, columns)]

    return jax.vmap(of_image)(x, shifts, flips)


def shift_zero_padded(
    x: Float[Array, "n h w c"], shifts: Int[Array, "n 2"]
) -> Float[Array, "n h w c"]:
    """Pixel (i, j) of image k comes from (i, j) + shifts[k]; what comes from outside is 0.

    >>> x = jnp.arange(1.0, 4.0).reshape(1, 1, 3, 1)
    >>> shift_zero_padded(x, jnp.array([[0, 1]])).ravel()
    Array([2., 3., 0.], dtype=float32)
    """

    def of_image(image: Array, shift: Array) -> Array:
        h, w, _ = image.shape
        rows, columns = jnp.arange(h) + shift[0], jnp.arange(w) + shift[1]
        moved = image[jnp.clip(rows, 0, h - 1)][:, jnp.clip(columns, 0, w - 1)]
        inside = ((rows >= 0) & (rows < h))[:, None] & ((columns >= 0) & (columns < w))[None]
        return jnp.where(inside[..., None], moved, 0)

    return jax.vmap(of_image)(x, shifts)


@augmentation(ranges={"probability": FRACTION, "max_shift": NON_NEGATIVE, "noise": NON_NEGATIVE})
def flip_shift(
    x: Float[Array, "n ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    probability: ScalarLike = 1.0,
    max_shift: int = 4,
    flip: bool = True,
    noise: ScalarLike = 0.1,
) -> Float[Array, "n ..."]:
    """Flips and shifts images [n, h, w, c]; adds noise N(0, noise^2) to samples of other shapes.

    Args:
        x: Samples.
        key: Draws what happens to each sample of the global batch.
        axis_name: The device axis.
        probability: With which a sample is changed, in [0, 1].
        max_shift: Of images, in pixels to each side, at least 0; the pixels at the border are
            repeated.
        flip: Whether half of the changed images are mirrored.
        noise: Standard deviation of the noise, for samples that are not images; at least 0.

    Raises:
        ConfigError: On a negative `max_shift`.

    Source: Zhang et al. 2020, Consistency Regularization for Generative Adversarial Networks.
    https://arxiv.org/abs/1910.12027

    >>> x = jnp.zeros((4, 2))
    >>> bool(jnp.all(flip_shift(x, key=jax.random.key(0), axis_name=None, probability=0.0) == x))
    True
    """
    chosen_key, key = jax.random.split(key)
    augmented = augment(
        x, key=key, axis_name=axis_name, max_shift=max_shift, flip=flip, noise=noise
    )
    return where(chosen(chosen_key, x, axis_name, probability), augmented, x)
