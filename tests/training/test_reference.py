"""What a game fits to its data once: part of the state, saved and restored, swept."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import user_game
from programs import close, member, start, with_float

from jaxgan.runs.checkpoint import Checkpointer

KEY = jax.random.key(user_game.config().seed)


@pytest.fixture(scope="module")
def fitted():
    """The program, its first state and four steps compiled, of a game that fits a mean."""
    program, state = start(user_game.config())
    run = jax.jit(program.run_steps, static_argnums=2)
    return program, state, lambda state: run(state, program.data(), 4)


def leaves(state):
    """Those of a state, its key as numbers."""
    return jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))


def test_the_reference_is_fitted_to_the_whole_data_set(fitted):
    program, state, _ = fitted
    real = user_game.line().read(np.arange(64)).real
    close(state.reference, {"mean": np.mean(real, axis=0, dtype=np.float64)})
    assert state.reference["mean"].dtype == jnp.float32
    close(program.fit(jax.random.key(3)), state.reference, atol=0)


def test_losses_use_the_reference(fitted):
    """Another one moves the generator, and no step changes it."""
    _, state, run = fitted
    moved, metrics = run(state)
    close(moved.reference, state.reference, atol=0)
    far = state.replace(reference={"mean": state.reference["mean"] + 3.0})
    other, far_metrics = run(far)
    assert (far_metrics["center"] > metrics["center"] + 1).all()
    pairs = (jax.tree.leaves(s.players["generator"].params) for s in (moved, other))
    assert any(not np.allclose(a, b) for a, b in zip(*pairs, strict=True))


def test_a_restored_run_has_its_reference_without_fitting_again(fitted, tmp_path):
    """Bit for bit, and so are the steps that follow."""
    program, state, run = fitted
    middle, _ = run(state)
    checkpointer = Checkpointer(tmp_path)
    checkpointer.save(middle, extra={}, metrics=None)
    checkpointer.close()
    fits = []
    game = program.game._replace(fit=lambda *args: fits.append(args))
    again = program._replace(game=game)
    checkpointer = Checkpointer(tmp_path)
    restored, _ = checkpointer.restore(partial(jax.eval_shape, again.init, KEY))
    checkpointer.close()
    assert not fits
    assert jax.tree.structure(restored) == jax.tree.structure(middle)
    for one, other in ((restored, middle), (run(restored)[0], run(middle)[0])):
        for a, b in zip(leaves(one), leaves(other), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_sweep_over_references_and_floats(fitted):
    """Each member has its own, or all have one; either equals runs of their own."""
    program, _, run = fitted
    keys = jax.random.split(KEY, 2)
    reference = program.fit(KEY)
    references = {"mean": jnp.stack([reference["mean"], reference["mean"] + 1.0])}
    data = program.data()
    for given, axis in ((references, 0), (reference, None)):
        states = jax.jit(jax.vmap(program.init, in_axes=(0, axis)))(keys, given)
        assert states.reference["mean"].shape == (2, 2)
        states = with_float(states, "game.kwargs.pull", [0.1, 0.4])
        ends, metrics = jax.jit(jax.vmap(lambda state: program.run_steps(state, data, 4)))(states)
        for index in range(2):
            alone, rows = run(member(states, index))
            close(leaves(member(ends, index)), leaves(alone), atol=1e-5)
            np.testing.assert_allclose(metrics["center"][index], rows["center"], rtol=1e-4)


def test_samples_and_scores_play_the_same_game(fitted):
    """In evaluation mode; a game may look at its reference there too."""
    program, state, _ = fitted
    batch = program.source.read(np.arange(16))
    samples = program.sample(state, jax.random.key(1), batch)
    assert samples.shape == (16, 2) and np.isfinite(samples).all()
    scores = program.held_out_scores()(state, batch, jax.random.key(1))
    assert scores["distance"].shape == (16,) and (scores["distance"] >= 0).all()
