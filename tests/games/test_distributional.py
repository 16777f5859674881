"""Generators that compare distributions: views, chunks, references, what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from linear_networks import KEY, LATENTS, Scale, again, batch, nets_of
from programs import RING, close, params, start

import jaxgan
from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    LatentConfig,
    NetworkConfig,
    PenaltyConfig,
    PlayerConfig,
    TermConfig,
    override,
)
from jaxgan.data import load
from jaxgan.errors import ConfigError, DataError
from jaxgan.games import Frozen, LabelCode, Nets, Penalty, Term, distribution_matching, in_chunks
from jaxgan.losses import energy_distance
from jaxgan.penalties import r1
from jaxgan.runs.build import build
from jaxgan.runs.loop import train
from jaxgan.runs.scoring import scored_by
from jaxgan.types import Losses

MEANS = {"loss": Term(lambda x, y: Losses((y.mean() - x.mean()) ** 2, 0 * x.mean()), on="images")}


def digits(batch_size=16, on="frozen:random_conv", *, chunk=0, name="mmd_gaussian", **fields):
    """A small generator of digits by random convolutions."""
    return Config(
        data=DataConfig(name="digits", batch_size=batch_size),
        latent=LatentConfig(dim=4),
        game=GameConfig(name="distribution_matching", kwargs={"chunk": chunk}),
        generator=PlayerConfig(network=NetworkConfig(kwargs={"widths": (8,)})),
        loss=TermConfig(name=name, on=on),
        **fields,
    )


def played(game, example=None, *, reference=None):
    """(losses, what is compared) of a game with a fresh generator G(z) = 2 z."""
    example = batch(4) if example is None else example
    nets = nets_of(reference, generator=Scale(2.0))
    game.losses(nets, example, game.generate(nets, example, KEY), KEY)
    nets = again(nets, reference=reference)
    seen = game.generate(nets, example, KEY)
    return game.losses(nets, example, seen, KEY)[0], seen


def test_the_generator_alone_minimises_the_weighted_terms():
    example = batch(4)
    game = distribution_matching({**MEANS, "more": Term(energy_distance, weight=3.0, on="images")})
    assert game.turns == (("generator",),) and game.fit is None
    losses, seen = played(game, example)
    fake = seen.views["images"]
    np.testing.assert_allclose(fake, 2 * seen.z)
    close(losses["generator"]["loss"], (fake.mean() - example.real.mean()) ** 2)
    real = jnp.asarray(example.real)
    close(losses["generator"]["more"], 3 * energy_distance(real, fake).generator)


def test_a_loss_may_compare_with_further_fakes_that_pass_no_gradient():
    def apart(real, fake, *, others):
        return Losses((fake * others).mean(), 0 * real.mean())

    game = distribution_matching({"loss": Term(apart, on="images", asks=("others",))})
    _, seen = played(game)
    assert seen.others is not None
    others = seen.others["images"]
    assert others.shape == seen.views["images"].shape
    assert np.abs(others - seen.views["images"]).min() > 1e-3

    def value(w):
        variables = {"generator": {"params": {"w": w}, "batch_stats": {}}}
        nets = Nets({"generator": Scale()}, variables, key=KEY, latents=LATENTS)
        fakes = game.generate(nets, batch(4), KEY)
        return game.losses(nets, batch(4), fakes, KEY)[0]["generator"]["loss"]

    # Of (w z)(w z') the slope in the first factor alone.
    np.testing.assert_allclose(jax.grad(value)(2.0), (seen.z * others).mean(), rtol=1e-5)


SQUARES = Frozen("squares", lambda w, x: w["a"] * x**2, lambda source: {"a": jnp.float32(source)})
PATCHES = Frozen(
    "patches",
    lambda _, x: {"one": x[:, None], "two": jnp.stack([x, 3 * x], axis=1)},
    lambda _: {},
)


def test_views_of_frozen_networks_and_what_is_fitted_to_the_data():
    """Weights are loaded once a network, and both are at hand in the loss."""

    def with_reference(real, fake, *, reference):
        return Losses((fake - real).mean() + reference["offset"], 0 * real.mean())

    def fit(source, key):
        assert jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        return {"offset": jnp.float32(10 * source)}

    term = Term(with_reference, on="frozen:squares", asks=("reference",), fit=fit)
    game = distribution_matching({"loss": term}, frozen={"frozen:squares": SQUARES})
    assert game.fit is not None
    reference = game.fit(nets_of(generator=Scale(2.0)), 5.0, KEY)
    close(reference, {"frozen": {"squares": {"a": 5.0}}, "terms": {"loss": {"offset": 50.0}}})
    example = batch(4)
    losses, seen = played(game, example, reference=reference)
    expected = 5 * ((2 * seen.z) ** 2 - example.real**2).mean() + 50
    np.testing.assert_allclose(losses["generator"]["loss"], expected, rtol=1e-5)


@pytest.mark.parametrize("chunk", [0, 2])
def test_of_several_scales_the_sum_over_scales_of_the_mean_over_positions(chunk):
    game = distribution_matching(
        {"loss": MEANS["loss"]._replace(on="patches:p")},
        frozen={"patches:p": PATCHES},
        chunk=chunk,
    )
    reference = {"frozen": {"patches": {}}, "terms": {}}
    example = batch(4)
    losses, seen = played(game, example, reference=reference)
    gap = (2 * seen.z.mean() - example.real.mean()) ** 2
    np.testing.assert_allclose(losses["generator"]["loss"], gap + (gap + 9 * gap) / 2, rtol=1e-5)


@pytest.mark.parametrize("on", ["images", "patches:p"])
def test_labels_beside_what_is_compared(on):
    """Of two classes: the real ones' first, and vectors of 3 at the label's place."""
    seen_by_loss = []

    def record(real, fake):
        seen_by_loss.append((real, fake))
        return Losses(0 * fake.mean(), 0 * fake.mean())

    term = Term(record, on=on, label_code=LabelCode(3.0, 2))
    game = distribution_matching({"loss": term}, frozen={"patches:p": PATCHES})
    example = batch(4).replace(labels=np.array([0, 1, 1, 0]))
    played(game, example, reference={"frozen": {"patches": {}}, "terms": {}})
    real, fake = seen_by_loss[-2 if on == "images" else -1]
    for x in (real, fake):
        assert x.shape == (4, 2 + 2)
    if on == "images":
        np.testing.assert_array_equal(real[:, 2:], [[3, 0], [0, 3], [0, 3], [3, 0]])
        np.testing.assert_array_equal(real[:, :2], example.real)


def test_a_fit_sees_the_labels_too():
    """And an MMD to the whole training set falls to nothing only where labels agree."""
    config = digits(on="images", name="mmd_nystroem")
    scaled = dataclasses.replace(config, loss=dataclasses.replace(config.loss, label_scale=5.0))
    plain, joint = (build(c).fit(jax.random.key(0))["terms"]["loss"] for c in (config, scaled))
    assert plain["landmarks"].shape == (512, 64) and joint["landmarks"].shape == (512, 74)
    codes = np.asarray(joint["landmarks"])[:, 64:]
    np.testing.assert_allclose(codes.sum(axis=1), 5, rtol=1e-3)
    points = dataclasses.replace(scaled, data=DataConfig(name="spiral", batch_size=16))
    with pytest.raises(ConfigError, match=r"label_scale is 5\.0, and 'spiral' has no labels"):
        build(points)


def test_a_normalised_term_is_of_size_one_and_keeps_its_direction():
    plain, scaled = (
        distribution_matching({"loss": MEANS["loss"]._replace(normalized=normalized)})
        for normalized in (False, True)
    )
    values, slopes = [], []
    for game in (plain, scaled):
        losses, seen = played(game)
        values.append(float(losses["generator"]["loss"]))

        def of(fake, game=game, seen=seen):
            views = seen._replace(views={"images": fake})
            nets = nets_of(generator=Scale(2.0))
            return game.losses(nets, batch(4), views, KEY)[0]["generator"]["loss"]

        slopes.append(jax.grad(of)(seen.views["images"]))
    np.testing.assert_allclose(values[1], 1, rtol=1e-4)
    np.testing.assert_allclose(slopes[1], slopes[0] / values[0], rtol=1e-4)


@pytest.mark.parametrize("chunk", [1, 4])
def test_chunks_give_the_same_values_and_gradients(chunk):
    """Of a set-level function of all rows, in the order of the rows."""
    x = jax.random.normal(KEY, (12, 5))

    def value(w, chunk):
        def rows(x, index):
            assert chunk == 0 or index.shape == ()
            return {"y": jnp.tanh(x @ w), "x": x}

        made = in_chunks(rows, x, chunk=chunk) if chunk else rows(x, 0)
        gram = made["y"] @ made["y"].T
        return jnp.sum(jnp.exp(-gram) * jnp.arange(12.0)[:, None]) + made["x"][3, 2]

    w = jax.random.normal(jax.random.key(1), (5, 3))
    gradient = jax.jit(jax.value_and_grad(value), static_argnums=1)
    whole, chunked = (gradient(w, c) for c in (0, chunk))
    for a, b in zip(whole, chunked, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(a).max())


@pytest.mark.slow
def test_gradients_of_chunks_equal_those_of_the_whole_batch():
    """Of two steps: loss, and every parameter afterwards."""
    ends = []
    for chunk in (0, 4):
        program, state = start(digits(chunk=chunk))
        stepped, metrics = jax.jit(program.run_steps, static_argnums=2)(state, program.data(), 2)
        ends.append((params(stepped, "generator"), metrics["loss/generator"]))
    for end in ends[1:]:
        close(end, ends[0], atol=1e-6)


@pytest.mark.slow
def test_temporaries_grow_with_the_chunk_and_not_with_the_batch():
    """Beside the samples' own features, of which there are as many as samples."""

    def temporary(batch_size, chunk):
        network = NetworkConfig(name="dcgan", kwargs={"width": 16, "norm": "none"})
        config = digits(batch_size, chunk=chunk)
        config = dataclasses.replace(config, generator=PlayerConfig(network=network))
        program = build(config)
        key = jax.random.key(0)
        state = jax.eval_shape(program.init, key, jax.eval_shape(lambda: program.fit(key)))
        real = jax.ShapeDtypeStruct((batch_size, *program.source.shape), np.uint8)
        labels = jax.ShapeDtypeStruct((batch_size,), np.int32)
        example = program.source.read(np.arange(1)).replace(real=real, labels=labels)
        compiled = jax.jit(program.train_step).lower(state, example).compile()
        analysis = compiled.memory_analysis()
        assert analysis is not None
        return analysis.temp_size_in_bytes

    small, large, whole = temporary(256, 64), temporary(1024, 64), temporary(1024, 0)
    features = 2 * 768 * 512 * 4  # real and fake, of 768 samples more
    assert large - small < 4 * features
    assert large < 0.5 * whole


def test_stochastic_layers_draw_anew_in_each_chunk():
    class Noisy(nn.Module):
        @nn.compact
        def __call__(self, x, condition=None, *, train):
            del condition, train
            scale = self.param("scale", nn.initializers.ones, ())
            return scale * x + jax.random.normal(self.make_rng("noise"), x.shape)

    game, example = distribution_matching(MEANS, chunk=2), batch(6)
    nets = nets_of(generator=Noisy())
    game.generate(nets, example, KEY)
    seen = game.generate(again(nets), example, KEY)
    noise = seen.views["images"] - seen.z
    assert len(np.unique(np.round(np.asarray(noise), 4))) == noise.size
    np.testing.assert_array_equal(
        seen.views["images"], game.generate(again(nets), example, KEY).views["images"]
    )


def test_an_output_of_the_discriminator_makes_it_adversarial():
    game = distribution_matching({"loss": MEANS["loss"]._replace(on="features")})
    assert game.turns == (("discriminator",), ("generator",))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (digits(16, chunk=5), "chunk is 5; it must divide the batch of 16"),
        (digits(on="features", chunk=4), "a term compares the features of a discriminator"),
        (digits(penalties={"r1": PenaltyConfig()}), "penalties concern the discriminator"),
        (digits(on="frozen:nothing"), "unknown features 'nothing'"),
        (digits(on="frozne:pca"), "unknown view, as loss.on, 'frozne:pca'"),
        (digits(on="patches:pca"), "pca has no feature maps; set the term's `on` to frozen:pca"),
        (digits(name="hinge", on="images"), "hinge compares"),
        (digits(chunk=-1), "game.kwargs.chunk is -1; it must be at least 0"),
        (
            dataclasses.replace(
                digits(chunk=4),
                generator=PlayerConfig(network=NetworkConfig(name="dcgan", kwargs={"width": 4})),
            ),
            "the generator normalises by statistics of its batch",
        ),
        (
            dataclasses.replace(digits(), data=RING.data),
            "features 'random_conv' are of images, and 'ring' has points; set `on` to images",
        ),
    ],
)
def test_what_cannot_be_is_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        program = build(config)
        key = jax.random.key(0)
        jax.eval_shape(program.init, key, program.fit(key))


def test_penalties_without_a_discriminator_are_refused_in_python_too():
    with pytest.raises(ConfigError, match="penalties concern the discriminator"):
        distribution_matching(MEANS, {"r1": Penalty(r1)})


def test_a_generator_is_not_scored_by_the_encoder_that_trained_it():
    config = digits(on="frozen:classifier")
    source = build(dataclasses.replace(config, loss=TermConfig(on="images", name="l2"))).source
    assert scored_by(config, source) == "random_conv"
    assert scored_by(digits(), source) == "auto"
    assert scored_by(config, source, "pca") == "pca"
    with pytest.raises(ConfigError, match="trained to match the features 'classifier'"):
        scored_by(config, source, "classifier")
    explicit = dataclasses.replace(config, eval_features="classifier")
    with pytest.raises(ConfigError, match="choose others with --eval-features"):
        scored_by(explicit, source)


def test_a_refused_chunk_leaves_no_run(tmp_path):
    with pytest.raises(ConfigError, match="chunk is 5; it must divide the batch of 16"):
        train(digits(16, chunk=5), tmp_path / "run")
    assert not [path for path in (tmp_path / "run").rglob("*") if path.is_file() and path.suffix]


@pytest.mark.parametrize("features", ["pca", "random_conv"])
def test_a_run_that_compares_features_is_loaded_with_the_data_that_they_need(features, tmp_path):
    """Which the network was fitted to; without that there is one line."""
    data = tmp_path / "data.npz"
    images = load("digits").read(np.arange(100)).real
    np.savez(data, images=images)
    options = {"steps": 2, "num_eval_samples": 32, "eval_metrics": ("fid",)}
    config = override(digits(on=f"frozen:{features}", **options), "data.name", str(data))
    config = dataclasses.replace(config, eval_features="pixels")
    made = train(config, tmp_path / "run").generate(3, key=KEY)
    loaded = jaxgan.load(tmp_path / "run").generate(3, key=KEY)
    np.testing.assert_array_equal(loaded, made)
    data.rename(tmp_path / "elsewhere.npz")
    if features == "pca":
        with pytest.raises(DataError, match=str(data)):
            jaxgan.load(tmp_path / "run")
    else:
        again = jaxgan.load(tmp_path / "run").generate(3, key=KEY)
        np.testing.assert_array_equal(again, made)
