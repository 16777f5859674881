"""Small networks for games, and their papers' formulas in float64 NumPy."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan.games import Balance, Nets
from jaxgan.types import Batch, Outputs

N, SHAPE, LATENT, CLASSES = 6, (2, 2, 1), 3, 4


class Make(nn.Module):
    """Samples of anything, and of a condition."""

    @nn.compact
    def __call__(self, z, condition=None, *, train):
        x = z.reshape(len(z), -1)
        if condition is not None and jnp.issubdtype(condition.dtype, jnp.floating):
            x = jnp.concatenate([x, condition.reshape(len(x), -1)], axis=1)
        return jnp.tanh(nn.Dense(4)(x)).reshape(-1, *SHAPE)


class Judge(nn.Module):
    """Logits, features and class logits of samples, and of a condition."""

    outputs: int = 1
    bare: bool = False

    @nn.compact
    def __call__(self, x, condition=None, *, train):
        x = x.reshape(len(x), -1)
        if condition is not None and jnp.issubdtype(condition.dtype, jnp.floating):
            x = jnp.concatenate([x, condition.reshape(len(x), -1)], axis=1)
        features = jnp.tanh(nn.Dense(5)(x))
        logits = nn.Dense(self.outputs)(features)
        if self.bare:
            return Outputs(logits=logits)
        return Outputs(logits=logits, features=features, class_logits=nn.Dense(CLASSES)(features))


MODULES = {
    "generator": Make(),
    "generator_back": Make(),
    "decoder": Make(),
    "discriminator": Judge(),
    "discriminator_back": Judge(),
    "encoder": Judge(2 * LATENT),
    "balance": Balance(),
}


def images(seed, n=N):
    return jnp.tanh(jax.random.normal(jax.random.key(seed), (n, *SHAPE)))


BATCH = Batch(
    real=images(0),
    labels=jnp.arange(N) % CLASSES,
    condition=images(1),
    streams={
        "labelled": Batch(real=images(2, 4), labels=jnp.array([3, 1, 0, 3])),
        "other": Batch(real=images(3, 5)),
    },
)


def nets_of(modules, variables=None, **options):
    keys = dict(zip(modules, jax.random.split(jax.random.key(7), len(modules)), strict=True))
    latents = lambda key, n: jax.random.normal(key, (n, LATENT))  # noqa: E731
    return Nets(
        modules,
        variables or {},
        key=jax.random.key(8),
        latents=latents,
        init_keys={} if variables else keys,
        **options,
    )


def played(game, batch=BATCH, **modules):
    """The fakes, the losses and the metrics of a game, and float64 functions of its networks."""
    modules = {**MODULES, **modules}
    nets = nets_of(modules)
    fakes = game.generate(nets, batch, jax.random.key(1))
    losses, metrics = game.losses(nets, batch, fakes, jax.random.key(2))

    def function(name):
        def apply(*inputs):
            output = modules[name].apply(nets.variables[name], *inputs, train=False)
            return jax.tree.map(lambda x: np.asarray(x, np.float64), output)

        return apply

    functions = SimpleNamespace(**{name: function(name) for name in nets.variables})
    return fakes, losses, metrics, functions


def total(loss):
    return float(sum(loss.values())) if isinstance(loss, dict) else float(loss)


def close(loss, expected):
    np.testing.assert_allclose(total(loss), expected, rtol=1e-5)


def f64(x):
    return np.asarray(x, np.float64)


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def kl(mean, log_variance):
    terms = np.exp(log_variance) + mean**2 - 1 - log_variance
    return terms.sum(axis=1).mean() / 2


def gaussian(x, mean, scale):
    """-log N(x | mean, scale^2 I), the mean over samples."""
    terms = (x - mean) ** 2 / (2 * scale**2) + np.log(scale) + np.log(2 * np.pi) / 2
    return terms.reshape(len(x), -1).sum(axis=1).mean()


def posterior(functions, x, *given):
    return np.split(functions.encoder(x, *given).logits, 2, axis=1)


PLAIN = BATCH.replace(condition=None)
BARE = {"discriminator": Judge(bare=True)}
