"""The networks of linear regression: a linear generator, and a discriminator quadratic in samples.

Together they are the setting in which a GAN can be solved by hand: of Gaussian data the best
discriminator is quadratic, and the best linear generator has the data's mean and covariance or,
from fewer latents than columns, its principal components.

Source: Feizi et al. 2017, Understanding GANs: the LQG Setting, https://arxiv.org/abs/1710.10793
"""

import math

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.networks.conditioning import JOINED_CONDITIONING, Condition, code_of, join
from jaxgan.networks.layers import compute_dtype
from jaxgan.networks.record import NETWORKS, SHARED_RANGES, Network
from jaxgan.registry import unknown
from jaxgan.types import Outputs

COVARIANCES = ("none", "diagonal", "full")


class LinearGenerator(nn.Module):
    """y = X beta + b + z L: linear regression that generates, y | X ~ N(X beta + b, L^T L).

    The parameters are `beta` [p, d], `bias` [d] and `factor`, L: [latent, d], or its diagonal [d].
    For standard normal z and standardised X, outputs have mean 0 at first and variance 1 of each
    of the two parts.

    Attributes:
        shape: The shape of one sample, of d values.
        conditioning: "concat" takes the condition as X [n, p], flattened, labels as one-hot codes;
            "none" ignores it: y = b + z L.
        covariance: Of y given X: "full"; "diagonal", which takes the first d latents; or "none",
            y = X beta + b.
        bias: Whether there is b.
        num_classes: How many classes labels have.
        dtype: The type to compute in: "float32" or "bfloat16".
    """

    shape: tuple[int, ...]
    conditioning: str = "none"
    covariance: str = "full"
    bias: bool = True
    num_classes: int | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, z: Float[Array, "n latent"], condition: Condition | None = None, *, train: bool
    ) -> Float[Array, "n ..."]:
        """Returns n samples [n, *shape] in float32.

        Raises:
            ConfigError: Another covariance, a diagonal one of too few latents, or a generator with
                neither X nor L.
        """
        del train
        d, dtype = math.prod(self.shape), compute_dtype(self.dtype)
        x = code_of(
            condition, self.conditioning, num_classes=self.num_classes, allowed=JOINED_CONDITIONING
        )
        if x is None and self.covariance == "none":
            raise ConfigError(
                "conditioning and covariance are both 'none', and the generator makes one sample; "
                "set conditioning to 'concat' or covariance to 'full'"
            )
        y = self._spread(z.astype(dtype), d)
        if x is not None:
            x = jnp.asarray(x, dtype).reshape(len(z), -1)
            beta = self.param("beta", nn.initializers.lecun_normal(), (x.shape[1], d))
            y = y + x @ beta.astype(dtype)
        if self.bias:
            bias = self.param("bias", nn.initializers.zeros, (d,))
            y = y + bias.astype(dtype)[None]
        return y.astype(jnp.float32).reshape(-1, *self.shape)

    def _spread(self, z: Float[Array, "n latent"], d: int) -> Float[Array, "n d"]:
        """Z L."""
        latent = z.shape[1]
        if self.covariance == "full":
            factor = self.param("factor", nn.initializers.lecun_normal(), (latent, d))
            return z @ factor.astype(z.dtype)
        if self.covariance == "diagonal":
            if latent < d:
                raise ConfigError(
                    f"covariance is 'diagonal' with {latent} latents for {d} values; set "
                    f"latent.dim to {d} or more"
                )
            factor = self.param("factor", nn.initializers.ones, (d,))
            return z[:, :d] * factor.astype(z.dtype)[None]
        if self.covariance == "none":
            return jnp.zeros((len(z), d), z.dtype)
        raise unknown("covariance", self.covariance, COVARIANCES)


class QuadraticDiscriminator(nn.Module):
    """Logits <A, x x^T> + <b, x> + c: a linear layer on the products of a sample's values.

    The logarithm of the ratio of two Gaussian densities is such a function, so that of the GAN with
    linear generators of Gaussian data this is the best discriminator. It starts at 0.

    Attributes:
        num_outputs: 1 logit, or k critic features for kernel losses.
        conditioning: "concat" joins the condition to x; "none" ignores it.
        final_bias: Whether there is c.
        num_classes: How many classes labels have.
        dtype: The type to compute in: "float32" or "bfloat16".
    """

    num_outputs: int = 1
    conditioning: str = "none"
    final_bias: bool = True
    num_classes: int | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Outputs:
        """Returns logits [n, num_outputs], and the features x_i and x_i x_j, i <= j, in float32.

        Products with i < j count sqrt(2) times, so that |kernel|^2 is |A|_F^2 + |b|^2.
        """
        del train
        dtype = compute_dtype(self.dtype)
        code = code_of(
            condition, self.conditioning, num_classes=self.num_classes, allowed=JOINED_CONDITIONING
        )
        x = join(x.reshape(len(x), -1), code).astype(dtype)
        first, second = np.triu_indices(x.shape[1])
        weights = jnp.asarray(np.where(first == second, 1, np.sqrt(2)), dtype)
        features = jnp.concatenate([x, x[:, first] * x[:, second] * weights[None]], axis=1)
        layer = nn.Dense(
            self.num_outputs,
            use_bias=self.final_bias,
            kernel_init=nn.initializers.zeros,
            dtype=dtype,
        )
        logits = layer(features)
        return Outputs(logits=logits.astype(jnp.float32), features=features.astype(jnp.float32))


_RANGES = {"num_classes": SHARED_RANGES["num_classes"]}

NETWORKS["linear"] = Network(generator=LinearGenerator, ranges=_RANGES)
NETWORKS["quadratic"] = Network(discriminator=QuadraticDiscriminator, ranges=_RANGES)
