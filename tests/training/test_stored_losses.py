"""Twenty steps of gradient descent against losses that were stored before games were written.

The step that made them knew one generator and one discriminator alone. (jaxgan at commit 7871538,
jax 0.10.2 on a CPU, one device.)
"""

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from programs import SGD, one_device, player, start

from jaxgan.config import (
    Config,
    ControllerConfig,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    PenaltyConfig,
    PlayerConfig,
    Ramp,
    TermConfig,
    override,
)
from jaxgan.training import parallel

STORED = json.loads((Path(__file__).parent / "stored_losses.json").read_text())
PAIRING = TermConfig(name="relativistic_pairing")


def mlps(rate):
    options = {"widths": (16, 16), "activation": "leaky_relu"}
    return {
        "generator": player(rate, output="linear", **options),
        "discriminator": player(rate, **options),
    }


def dcgans(rate, **discriminator):
    def convolutional(**kwargs):
        network = NetworkConfig(name="dcgan", kwargs={"width": 8, **kwargs})
        return PlayerConfig(network=network, optimizer=SGD, learning_rate=rate)

    return {"generator": convolutional(), "discriminator": convolutional(**discriminator)}


def cosine(rate):
    return Ramp(rate, 0.02 * rate, shape="cosine")


def pulled(weight):
    return {name: PenaltyConfig(weight=weight) for name in ("r1", "r2")}


RING = Config(
    steps=20,
    data=DataConfig(name="ring", batch_size=16),
    latent=LatentConfig(dim=2),
    loss=PAIRING,
    penalties=pulled(0.005),
    ema_half_life=700.0,
    **mlps(cosine(0.05)),
)
DIGITS = dataclasses.replace(
    RING,
    data=DataConfig(name="digits", batch_size=16),
    latent=LatentConfig(dim=32),
    penalties=pulled(0.1),
    **dcgans(cosine(0.02), norm="none"),
)
PLAIN = dataclasses.replace(RING, penalties={}, loss=TermConfig(), **mlps(0.05))


def changed(config, paths=(), **fields):
    config = dataclasses.replace(config, **fields)
    for path, value in dict(paths).items():
        config = override(config, path, value)
    return config


CONFIGS = {
    "ring": RING,
    "grid": changed(
        RING,
        data=DataConfig(name="grid", batch_size=16),
        penalties=pulled(1.0),
        **mlps(cosine(0.01)),
    ),
    "digits": DIGITS,
    "dcgan": changed(
        DIGITS,
        latent=LatentConfig(dim=100, distribution="uniform"),
        loss=TermConfig(),
        penalties={},
        **dcgans(0.02),
    ),
    "wgan_gp": changed(
        PLAIN,
        loss=TermConfig(name="wasserstein"),
        penalties={"wgan_gp": PenaltyConfig(weight=10.0, every=2)},
        discriminator_steps=3,
        fresh_latents=True,
        **mlps(0.002),
    ),
    "wgan": changed(
        PLAIN,
        {"discriminator.clip_weights": 0.1, "generator.orthogonal": 0.01},
        loss=TermConfig(name="wasserstein"),
    ),
    "mmd": changed(
        PLAIN,
        {"discriminator.network.kwargs.num_outputs": 4},
        loss=TermConfig(name="mmd_gaussian", jacobian_scale=10.0),
        penalties={name: PenaltyConfig(weight=0.1) for name in ("activation_l2", "dragan")},
    ),
    "gmmn": changed(PLAIN, loss=TermConfig(name="gmmn", on="images")),
    "terms": changed(
        PLAIN,
        loss=TermConfig(name="hinge"),
        terms={
            "match": TermConfig(
                name="feature_matching", on="features", weight=0.1, players="generator"
            ),
            "coral": TermConfig(name="coral", on="images", weight=0.5),
        },
        **mlps(Ramp(0.05, 0.005, warmup=5)),
    ),
    "controlled": changed(
        PLAIN,
        discriminator_share=0.5,
        controllers={"c": ControllerConfig(name="auc", target=0.55, rate=-0.5, lower=0.1)},
    ),
    "spectral": changed(
        DIGITS,
        {
            "discriminator.network.kwargs.spectral_norm": True,
            "generator.network.kwargs.norm": "batch",
        },
    ),
}
SLOW = ("grid", "terms", "mmd", "controlled", "digits", "dcgan", "wgan", "gmmn", "spectral")


def test_every_config_is_stored():
    assert CONFIGS.keys() == STORED.keys()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in CONFIGS],
)
def test_losses_are_those_from_before_games(name):
    """To 1e-6 of their scale."""
    config = CONFIGS[name]
    program, state = start(config)
    mesh = one_device()
    run = parallel.compiled(program.run_steps, mode="jit", mesh=mesh, stacked=False)
    _, metrics = run(state, parallel.replicate(program.data(), mesh), config.steps)
    metrics = jax.device_get(metrics)
    assert {key for key in metrics if key.startswith("loss/")} == STORED[name].keys()
    for key, expected in STORED[name].items():
        atol = 1e-6 * max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(metrics[key], expected, rtol=0, atol=atol, err_msg=key)
