"""The creation of a state, which is compiled to be run once."""

import dataclasses

import jax
import numpy as np
import pytest
from programs import RING, one_device, player

from jaxgan.runs.build import build
from jaxgan.training.state import compiled_once

OPTIMISED = {"xla_backend_optimization_level": 3, "xla_cpu_use_fusion_emitters": True}


def check_equal(function, most=0):
    """Compiled to be run once, and optimised: within so many units in the last place."""
    key = jax.random.key(0)
    made = compiled_once(function)(key), jax.jit(function, compiler_options=OPTIMISED)(key)
    for one, other in zip(*map(jax.tree.leaves, made), strict=True):
        np.testing.assert_array_max_ulp(np.asarray(one), np.asarray(other), maxulp=most)


def test_a_quick_compilation_draws_the_same_weights():
    check_equal(lambda key: jax.nn.initializers.lecun_normal()(key, (9, 7)))


@pytest.mark.slow
@pytest.mark.parametrize(("spectral_norm", "most"), [(False, 0), (True, 8)])
def test_a_quick_compilation_makes_the_same_state(spectral_norm, most):
    """To the last bit, but for the sums of a spectral norm."""
    discriminator = player(0.2, spectral_norm=spectral_norm)
    program = build(dataclasses.replace(RING, discriminator=discriminator), one_device())
    check_equal(lambda key: program.init(key).variables(), most)
