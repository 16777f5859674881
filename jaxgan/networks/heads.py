"""The last layers of discriminators: logits, what a condition adds to them, and class logits."""

from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.networks.conditioning import project
from jaxgan.networks.layers import linear, perturb
from jaxgan.types import Outputs


def outputs_of(
    module: Any,
    features: Float[Array, "n d"],
    code: Float[Array, "n ..."] | None,
    *,
    train: bool,
    kernel_init: nn.initializers.Initializer,
    weight_norm: bool = False,
    learned_bandwidth: bool = False,
) -> Outputs:
    """What a discriminator makes of its last activations; call it in a compact module.

    Logits [n, num_outputs], to which `conditioning="projection"` adds; and with `auxiliary` class
    logits, from a dense layer `classes` (AC-GAN's classifier, InfoGAN's Q). The inputs of these
    layers get dropout and noise, the features that are returned do not.
    Source: Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs,
    https://arxiv.org/abs/1610.09585; Chen et al. 2016, InfoGAN, https://arxiv.org/abs/1606.03657.

    Args:
        module: A discriminator with the fields of `MLPDiscriminator`.
        features: In float32.
        code: See `conditioning.code_of`.
        train: Whether stochastic layers draw, and spectral norm keeps its vector.
        kernel_init: Initialises the kernels.
        weight_norm: Whether to give the weights of each output the norm of a learned number.
        learned_bandwidth: Whether to divide the logits by a learned positive number, 1 at first.

    Raises:
        ConfigError: `auxiliary` without the number of classes.
    """
    x = perturb(module, features, train)
    through = partial(
        linear,
        spectral_norm=module.spectral_norm,
        weight_norm=weight_norm,
        learned_scale=weight_norm,
        train=train,
    )
    head = nn.Dense(module.num_outputs, use_bias=module.final_bias, kernel_init=kernel_init)
    logits = through(head, x)
    if module.conditioning == "projection" and code is not None:
        logits += project(
            x, code, spectral_norm=module.spectral_norm, train=train, kernel_init=kernel_init
        )
    if learned_bandwidth:
        log_bandwidth = module.param("log_bandwidth", nn.initializers.zeros, ())
        logits = logits * jnp.exp(-log_bandwidth)
    class_logits = None
    if module.auxiliary:
        count = module.num_auxiliary or module.num_classes
        if count is None:
            raise ConfigError(
                "auxiliary is True with num_classes and num_auxiliary unset; set one to the number "
                "of class logits"
            )
        class_logits = through(nn.Dense(count, kernel_init=kernel_init, name="classes"), x)
    return Outputs(logits=logits, features=features, class_logits=class_logits)
