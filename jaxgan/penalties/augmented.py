"""Consistency regularisation: what should not change a sample should not change its logits."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.kernels import at_least_float32
from jaxgan.types import Critic, Losses


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
        max_shift: Of images, in pixels to each side; the pixels at the border are repeated.
        flip: Whether half of the images are mirrored.
        noise: Standard deviation of the noise, for samples that are not images.

    Raises:
        ConfigError: On a negative `max_shift`.

    Source: Zhang et al. 2020, Consistency Regularization for Generative Adversarial Networks, of
    which these are the augmentations for images.
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


def consistency_gap(
    critic: Critic, x: Float[Array, "n ..."], augmented: Float[Array, "n ..."]
) -> Float[Array, ""]:
    """E |D(x) - D(T(x))|^2, of samples and of the same ones after any augmentation T."""
    logits, of_augmented = at_least_float32(critic(x), critic(augmented))
    return jnp.sum(jnp.square(logits - of_augmented)) / len(x)


def consistency(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    max_shift: int = 4,
    flip: bool = True,
    noise: ScalarLike = 0.1,
) -> Float[Array, ""]:
    """CR = E |D(x) - D(T(x))|^2 at the real samples, with T of `augment`.

    Source: Zhang et al. 2020, Consistency Regularization for Generative Adversarial Networks;
    weight 10.
    """
    augmented = augment(
        real, key=key, axis_name=axis_name, max_shift=max_shift, flip=flip, noise=noise
    )
    return consistency_gap(critic, real, augmented)


def balanced_consistency(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    max_shift: int = 4,
    flip: bool = True,
    noise: ScalarLike = 0.1,
) -> Float[Array, ""]:
    """BCR = E |D(x) - D(T(x))|^2 + E |D(G(z)) - D(T(G(z)))|^2, with T of `augment`.

    Source: Zhao et al. 2021, Improved Consistency Regularization for GANs (bCR); weights 10.
    """
    real_key, fake_key = jax.random.split(key)
    options = {"axis_name": axis_name, "max_shift": max_shift, "flip": flip, "noise": noise}
    of_real = consistency_gap(critic, real, augment(real, key=real_key, **options))
    return of_real + consistency_gap(critic, fake, augment(fake, key=fake_key, **options))


def latent_consistency(
    generator: Callable[[Array], Array],
    critic: Critic,
    z: Float[Array, "n latent"],
    *,
    key: PRNGKeyArray,
    noise: ScalarLike = 0.05,
) -> Losses:
    """D = E |D(G(z)) - D(G(z'))|^2, G = -E |G(z) - G(z')|^2, z' = z + noise N(0, I): zCR.

    The critic shall ignore small changes of z, and the generator shall show them: terms of both
    players, so this is no entry of PENALTIES.
    Source: Zhao et al. 2021, Improved Consistency Regularization for GANs.
    """
    near = z + noise * jax.random.normal(key, z.shape, z.dtype)
    fake, fake_near = generator(z), generator(near)
    difference = jnp.subtract(*at_least_float32(fake, fake_near))
    return Losses(
        generator=-jnp.sum(jnp.square(difference)) / len(z),
        discriminator=consistency_gap(critic, fake, fake_near),
    )
