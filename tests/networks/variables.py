"""What the tests of network families share: inputs, variables, counts, and torch in NHWC."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np


def normal(*shape, seed=0):
    """Drawn by NumPy because XLA compiles jax.random.normal for long."""
    return jnp.float32(np.random.default_rng(seed).standard_normal(shape))


def shapes_of(net, *inputs):
    return jax.eval_shape(partial(net.init, train=True), jax.random.key(0), *inputs)


def variables_of(net, *inputs, deviation=0.2):
    """Variables of the shapes that `init` gives, all of one deviation, biases too."""
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda leaf: jnp.float32(deviation * rng.standard_normal(leaf.shape)),
        shapes_of(net, *inputs),
    )


def count(net, *inputs):
    return sum(leaf.size for leaf in jax.tree.leaves(shapes_of(net, *inputs)["params"]))


def train(net, variables, *inputs):
    """Compiled as a whole, which takes less time than to compile each operation."""
    return jax.jit(partial(net.apply, train=True, mutable=["batch_stats"]))(variables, *inputs)[0]


def started(net, *inputs):
    """The output of the network as `init` makes it."""
    made = jax.jit(partial(net.init_with_output, train=True))(jax.random.key(0), *inputs)
    return made[0]
