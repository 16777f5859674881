"""Consistency regularisation: what should not change a sample should not change its logits."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan import collectives
from jaxgan.augmentations import augment
from jaxgan.numerics import at_least_float32
from jaxgan.penalties.record import penalty
from jaxgan.registry import NON_NEGATIVE
from jaxgan.types import Critic, Losses

RANGES = {"max_shift": NON_NEGATIVE, "noise": NON_NEGATIVE}


def consistency_gap(
    critic: Critic, x: Float[Array, "n ..."], augmented: Float[Array, "n ..."]
) -> Float[Array, ""]:
    """E |D(x) - D(T(x))|^2, of samples and of the same ones after any augmentation T.

    Args:
        critic: Maps samples to logits or features [n, k], over which squares are summed.
        x: Samples.
        augmented: The same samples after T.

    >>> x = jnp.zeros((2, 3))
    >>> float(consistency_gap(lambda x: 2 * x, x, x + 1))
    12.0
    """
    logits, of_augmented = at_least_float32(critic(x), critic(augmented))
    return jnp.sum(jnp.square(logits - of_augmented)) / len(x)


@penalty(ranges=RANGES, weight=10.0)
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
    """CR = E |D(x) - D(T(x))|^2 at the real samples, with T of `jaxgan.augmentations.augment`.

    Args:
        critic: Maps samples to logits or features [n, k].
        real: Real samples.
        fake: Not used.
        key: Draws T.
        axis_name: The device axis.
        max_shift: Of images, in pixels to each side, at least 0.
        flip: Whether half of the images are mirrored.
        noise: Standard deviation of the noise that T adds to samples that are not images; at least
            0.

    Source: Zhang et al. 2020, Consistency Regularization for Generative Adversarial Networks;
    weight 10. https://arxiv.org/abs/1910.12027
    """
    augmented = augment(
        real, key=key, axis_name=axis_name, max_shift=max_shift, flip=flip, noise=noise
    )
    return consistency_gap(critic, real, augmented)


@penalty(ranges=RANGES, weight=10.0)
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
    """BCR = E |D(x) - D(T(x))|^2 + E |D(G(z)) - D(T(G(z)))|^2, with T as in `consistency`.

    Args:
        critic: Maps samples to logits or features [n, k].
        real: Real samples.
        fake: Fake samples G(z).
        key: Draws T, of the real and of the fake samples apart.
        axis_name: The device axis.
        max_shift: Of images, in pixels to each side, at least 0.
        flip: Whether half of the images are mirrored.
        noise: Standard deviation of the noise that T adds to samples that are not images; at least
            0.

    Source: Zhao et al. 2021, Improved Consistency Regularization for GANs (bCR); weights 10.
    https://arxiv.org/abs/2002.04724
    """
    real_key, fake_key = jax.random.split(key)
    options = {"axis_name": axis_name, "max_shift": max_shift, "flip": flip, "noise": noise}
    of_real = consistency_gap(critic, real, augment(real, key=real_key, **options))
    return of_real + consistency_gap(critic, fake, augment(fake, key=fake_key, **options))


@penalty(ranges={"noise": NON_NEGATIVE, "generator_weight": NON_NEGATIVE}, of_generator=True)
def latent_consistency(
    critic: Critic,
    generate: Callable[[Array], Array],
    z: Float[Array, "n latent"],
    fake: Float[Array, "n ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    noise: ScalarLike = 0.05,
    generator_weight: ScalarLike = 1.0,
) -> Losses:
    """D = E |D(G(z)) - D(G(z'))|^2, G = -E |G(z) - G(z')|^2, z' = z + noise N(0, I): zCR.

    The critic shall ignore small changes of z, and the generator shall show them: each player has
    a part of its own.

    Args:
        critic: Maps samples to logits or features [n, k].
        generate: Maps z to samples.
        z: What the fake samples were made from.
        fake: G(z), which the step has already.
        key: Draws the change of z.
        axis_name: The device axis.
        noise: Standard deviation of the change of z, at least 0.
        generator_weight: Factor of the generator's part, at least 0: the paper weighs the parts
            apart.

    Source: Zhao et al. 2021, Improved Consistency Regularization for GANs (zCR).
    https://arxiv.org/abs/2002.04724
    """
    total = len(z) * collectives.size(axis_name)
    change = jax.random.normal(key, (total, *z.shape[1:]), z.dtype)
    fake_near = generate(z + noise * collectives.local_slice(change, axis_name))
    difference = jnp.subtract(*at_least_float32(fake, fake_near))
    return Losses(
        generator=-jnp.sum(generator_weight * jnp.square(difference)) / len(z),
        discriminator=consistency_gap(critic, fake, fake_near),
    )
