"""Experiments with the networks of published image GANs: their sizes, and a few small steps."""

import dataclasses
import importlib

import jax
import numpy as np
import pytest

from jaxgan.data import from_arrays
from jaxgan.runs.build import build
from jaxgan.runs.loop import train

# By experiment: the side of its images, and the parameters of both players. Those of SNGAN and of
# R3GAN are counted in tests/networks; with classes, R3GAN has an embedding in each player.
SIZES = {
    "cifar10_sngan": (32, 4_276_739, 1_053_824),
    "cifar10_r3gan": (32, 20_732_160 + 10 * 64 + 64 * 768, 20_683_776 + 10 * 768 + 767 * 768),
    "stacked_mnist": (32, 20_732_160, 20_683_776),
    "stacked_mnist_pacgan": (28, None, None),
}
NARROW = {"width": 4, "group_size": 4, "blocks": 1, "widths": (4, 4, 4, 4)}


def labelled(side, count=64):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return from_arrays(images, np.arange(count) % 10, name="squares", num_classes=10)


def config_of(name):
    return importlib.import_module(f"experiments.{name}").config()


@pytest.mark.parametrize(
    "name",
    [name if "pacgan" in name else pytest.param(name, marks=pytest.mark.slow) for name in SIZES],
)
def test_sizes_are_the_published_ones(name):
    side, *expected = SIZES[name]
    state = jax.eval_shape(build(config_of(name), source=labelled(side)).init, jax.random.key(0))
    for player, count in zip(("generator", "discriminator"), expected, strict=True):
        leaves = jax.tree.leaves(state.players[player].params)
        assert count in (None, sum(leaf.size for leaf in leaves))


def narrow(player):
    """The player with few channels."""
    fields = {"r3gan": ("width", "group_size", "blocks"), "resnet": ("widths",)}
    network = player.network
    chosen = {field: NARROW[field] for field in fields.get(network.name, ("width",))}
    network = dataclasses.replace(network, kwargs={**network.kwargs, **chosen})
    return dataclasses.replace(player, network=network)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.slow
def test_narrow_ones_train(name, prepare, tmp_path):
    """On digits of noise for stacked MNIST, whose data set is opened too."""
    config, (side, *_) = config_of(name), SIZES[name]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 28, 28, 1), dtype=np.uint8)
    data_dir = str(prepare("mnist", list(images), labels=np.arange(30) % 3))
    stacked = name.startswith("stacked")
    data = dataclasses.replace(
        config.data, batch_size=4, dir=data_dir, kwargs={"size": 64} if stacked else {}
    )
    config = dataclasses.replace(
        config,
        steps=2,
        steps_per_call=2,
        log_every=2,
        data=data if stacked else dataclasses.replace(data, mirror=False),
        generator=narrow(config.generator),
        discriminator=narrow(config.discriminator),
        eval_features="pixels",
        eval_metrics=("fid",),
        best_metric=None,
        num_eval_samples=16,
    )
    if not stacked:
        np.savez(
            tmp_path / "colours.npz",
            images=labelled(side).read(np.arange(64)).real,
            labels=np.arange(64) % 10,
        )
        config = dataclasses.replace(
            config, data=dataclasses.replace(config.data, name=str(tmp_path / "colours.npz"))
        )
    run = train(config, tmp_path / "run")
    assert run.step == 2
    assert all(np.isfinite(value) for value in run.summary["metrics"].values())
