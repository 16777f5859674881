"""Networks as functions of whole batches: errors, statistics, keys, and slices of a batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec as P
from linear_networks import (
    KEY,
    LATENTS,
    Counter,
    Critic,
    Scale,
    again,
    first_state,
    nets_of,
    setup_of,
)
from programs import close

from jaxgan.errors import ConfigError
from jaxgan.games import Game, Nets, Slices
from jaxgan.networks import MLPDiscriminator, MLPGenerator
from jaxgan.training.parallel import make_mesh
from jaxgan.training.state import initial_nets

X = jnp.arange(6.0).reshape(3, 2)


def test_an_unknown_network_is_told_with_where_to_add_it():
    nets = nets_of(generator=Scale(), critic=Critic())
    for call in (lambda: nets.encoder, lambda: nets.fixed("encoder")):
        with pytest.raises(ConfigError) as error:
            call()
        assert str(error.value) == (
            "the game calls network 'encoder', and the config has generator, critic; "
            "add it as networks.encoder"
        )
    assert not hasattr(nets, "_encoder")  # as copying and printing ask


@pytest.mark.parametrize("name", ["latents", "variables", "fixed", "steps", "local", "_key"])
def test_names_that_mean_something_else_are_taken(name):
    with pytest.raises(ConfigError, match=f"no network can be called '{name}'.*; rename networks"):
        nets_of(**{name: Scale()})


TRANSFORMATIONS = {
    "grad": lambda f: jax.grad(lambda x: f(x).sum()),
    "vmap": jax.vmap,
    "jit": jax.jit,
    "scan": lambda f: lambda x: jax.lax.scan(lambda c, row: (c, f(row[None])), 0, x),
    "checkpoint": jax.checkpoint,
    "cond": lambda f: lambda x: jax.lax.cond(True, f, f, x),
}


@pytest.mark.parametrize("transformation", TRANSFORMATIONS.values(), ids=TRANSFORMATIONS)
def test_a_call_in_a_transformation_of_ones_own_is_refused(transformation):
    """Its statistics would be lost, or leak; before and while a step is differentiated itself."""
    first = nets_of(critic=Counter())
    first.critic(X)

    def step(scale):
        nets = again(first)
        transformation(nets.critic)(scale * X)
        return jnp.zeros(())

    for run in (step, jax.grad(step), jax.jit(step)):
        with pytest.raises(ConfigError) as error:
            run(1.0)
        assert str(error.value) == (
            "nets.critic is called inside jax.grad, vmap, scan or another transformation, where "
            "its new statistics would be lost; call nets.fixed('critic') there"
        )


@pytest.mark.slow
def test_a_fixed_network_is_a_pure_function():
    """Its gradient is by hand; the statistics are those from before, and stay so."""
    first = nets_of(critic=Counter())
    first.critic(X)
    nets = again(first)
    nets.critic(X)
    before = nets.variables["critic"]
    slope = jax.grad(lambda x: jnp.sum(nets.fixed("critic")(x) ** 2))(X)
    np.testing.assert_allclose(slope, 2 * X)
    np.testing.assert_allclose(jax.vmap(nets.fixed("critic"))(X), X)
    assert nets.variables["critic"] is before
    assert before["batch_stats"] == {"calls": 1.0, "total": X.sum()}
    normed = nets_of(critic=MLPDiscriminator(widths=(4,), norm="batch", spectral_norm=True))
    normed.critic(X)
    nets = again(normed)
    fixed = nets.fixed("critic")
    expected = fixed(X).logits
    for _ in range(3):
        nets.critic(X)
    np.testing.assert_array_equal(nets.fixed("critic")(X).logits, expected)
    np.testing.assert_array_equal(fixed(X).logits, expected)


def test_a_fixed_network_needs_a_first_call():
    nets = nets_of(critic=Critic())
    with pytest.raises(ConfigError, match=r"nets.fixed\('critic'\) is used before the first call"):
        jax.grad(lambda x: nets.fixed("critic")(x).logits.sum())(X)
    nets.critic(X)
    assert nets.fixed("critic")(X).logits.shape == (3, 1)


def test_a_discriminator_returns_outputs():
    for name in ("discriminator", "discriminator_back"):
        with pytest.raises(ConfigError) as error:
            getattr(nets_of(**{name: Scale()}), name)(X)
        assert str(error.value) == (
            f"network {name!r} returns an array of shape (3, 2); a discriminator returns "
            "jaxgan.Outputs(logits=..., features=...): wrap it"
        )
    assert nets_of(encoder=Scale()).encoder(X).shape == (3, 2)


@pytest.mark.parametrize("field", [{"norm": "batch"}, {"spectral_norm": True}])
def test_statistics_pass_from_call_to_call(field):
    """As a chain of module.apply; not while networks are initialised, and not in evaluation."""
    module = MLPDiscriminator(widths=(4,), **field)
    first = nets_of(critic=module)
    first.critic(X), first.critic(X + 1)
    start = first.variables["critic"]
    expected = module.init(jax.random.fold_in(KEY, 0), X, train=True)["batch_stats"]
    close(start["batch_stats"], expected, atol=0)
    nets = again(first)
    nets.critic(X), nets.critic(2 * X)
    stats = start["batch_stats"]
    for x in (X, 2 * X):
        _, new = module.apply(
            {**start, "batch_stats": stats}, x, train=True, mutable=["batch_stats"]
        )
        stats = new["batch_stats"]
    close(nets.variables["critic"]["batch_stats"], stats)
    close(nets.variables["critic"]["params"], start["params"], atol=0)
    evaluated = again(nets, train=False)
    logits = jax.vmap(lambda x: evaluated.critic(x[None]).logits[0])(X)  # nothing can be lost
    np.testing.assert_allclose(logits, evaluated.critic(X).logits, rtol=1e-5)
    close(evaluated.variables, nets.variables, atol=0)


@pytest.mark.slow
def test_every_call_of_a_stochastic_network_draws_anew():
    first = nets_of(generator=MLPGenerator(shape=(2,), widths=(16,), noise=0.5, dropout=0.5))
    first.generator(X)
    nets = again(first)
    one, other = nets.generator(X), nets.generator(X)
    assert not np.allclose(one, other)
    np.testing.assert_array_equal(again(first).generator(X), one)
    assert not np.allclose(again(first, key=jax.random.key(1)).generator(X), one)
    fixed = again(first).fixed("generator")
    np.testing.assert_array_equal(fixed(X), fixed(X))  # one draw each, so a pure function
    quiet = again(first, train=False)
    np.testing.assert_array_equal(quiet.generator(X), quiet.generator(X))


def game_of(losses, *, generate=None, **options):
    """A game of a generator and a critic whose losses are a function of (nets, batch, fakes)."""

    def made(nets, batch, key):
        return nets.generator(nets.latents(key, len(batch.real)))

    def of(nets, batch, fakes, key):
        del key
        return losses(nets, batch, fakes), {}

    return Game(generate or made, of, **options)


def both(nets, batch, fakes):
    return {
        "generator": -nets.discriminator(fakes).logits.mean(),
        "discriminator": nets.discriminator(fakes).logits.mean()
        - nets.discriminator(batch.real).logits.mean(),
    }


MODULES = {"generator": Scale(), "discriminator": Critic()}
MISTAKES = {
    "a generator of another shape": (
        game_of(both),
        {**MODULES, "generator": MLPGenerator(shape=(3,))},
        r"the game's `sample` makes samples of shape \(3,\), and the data has samples of shape "
        r"\(2,\); make the last layer of that shape, or define `sample`",
    ),
    "samples that are no array": (
        game_of(both, sample=lambda nets, batch, key: (nets.generator(batch.real),) * 2),
        MODULES,
        "the game's `sample` makes tuple, and the data has samples of shape",
    ),
    "a turn of nobody's": (
        game_of(both, turns=(("discriminator", "encoder"), ("generator",))),
        {**MODULES, "encoder": Scale()},
        "'encoder' has a turn, and the game calls generator, discriminator alone; "
        "call nets.encoder or leave it out",
    ),
    "a turn without a loss": (
        game_of(lambda *args: {"generator": both(*args)["generator"]}),
        MODULES,
        "'discriminator' has a turn and no loss, only generator; add one, or leave it out",
    ),
    "a loss without a turn": (
        game_of(both, turns=(("generator",),)),
        MODULES,
        "'discriminator' has a loss and no turn; add it to the game's turns",
    ),
    "an average of nobody": (
        game_of(both, averaged=("decoder",)),
        MODULES,
        "'decoder' is averaged, and the game calls generator, discriminator alone; name others",
    ),
    "an unknown network": (
        game_of(lambda nets, *args: both(nets, *args) | {"q": nets.q(args[0].real).sum()}),
        MODULES,
        "the game calls network 'q', and the config has generator, discriminator; add it as",
    ),
}


@pytest.mark.parametrize(("game", "modules", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_a_game_are_told_before_its_first_step(game, modules, message):
    setup = setup_of(game, **modules)
    with pytest.raises(ConfigError, match=message) as error:
        jax.eval_shape(lambda: first_state(setup))
    assert "\n" not in str(error.value)


def test_networks_that_the_game_leaves_unused_are_no_players():
    setup = setup_of(game_of(both), **MODULES, spare=Scale())
    state = first_state(setup)
    assert set(state.players) == {"generator", "discriminator"}
    assert set(state.averages) == {"generator"}


def test_initial_networks_are_those_of_the_state():
    """So that `fit` sees the generator with which the run starts."""
    modules = {"generator": MLPGenerator(shape=(2,)), "discriminator": MLPDiscriminator()}
    setup = setup_of(game_of(both), **modules)
    state = first_state(setup)
    nets = initial_nets(setup, state.hparams, KEY)
    nets.discriminator(X)  # in another order
    nets.generator(X)
    for name in modules:
        close(nets.variables[name]["params"], state.players[name].params, atol=0)


class WholeBatch(nn.Module):
    """The mean of a batch, which must be the whole one."""

    whole_batch = True

    @nn.compact
    def __call__(self, x, *, train):
        del train
        return x.mean() + self.param("w", nn.initializers.zeros, ())


def test_each_device_applies_a_network_to_its_slice():
    """And gathers nothing twice; a module of whole batches gets them."""
    first = nets_of(generator=Scale(3.0), mean=WholeBatch())
    first.generator(X), first.mean(X)
    z = jnp.arange(32.0).reshape(16, 2)

    def on_device(part):
        nets = Nets(
            first._modules,
            first.variables,
            key=KEY,
            latents=LATENTS,
            slices=Slices("data"),
        )
        whole = nets.gather(part)
        assert nets.local(whole) is part
        samples = nets.generator(whole)
        assert whole.shape == samples.shape == (16, 2) and nets.local(samples).shape == (2, 2)
        sliced = nets.local(2 * whole)  # computed of a whole batch: sliced anew
        assert nets.local(3.0) == 3.0  # a scalar is no batch
        return samples, nets.mean(samples), nets.gather(sliced)

    mesh = make_mesh()
    mapped = jax.shard_map(on_device, mesh=mesh, in_specs=P("data"), out_specs=P(), check_vma=False)
    samples, mean, doubled = jax.jit(mapped)(z)
    np.testing.assert_allclose(samples, 3 * z)
    np.testing.assert_allclose(mean, 3 * z.mean())
    np.testing.assert_allclose(doubled, 2 * z)
