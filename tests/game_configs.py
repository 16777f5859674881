"""Every game on tiny dense networks, for tests: configs by name."""

import dataclasses
import sys

import user_game

from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
    TermConfig,
)

LATENT, BATCH = 4, 16


def player(**kwargs):
    """Gradient descent: Adam would amplify gradients of pure rounding noise."""
    return PlayerConfig(
        network=NetworkConfig(kwargs={"widths": (8,), **kwargs}),
        optimizer=OptimizerConfig(name="sgd"),
        learning_rate=0.02,
    )


def config(game="adversarial", *, generator=None, discriminator=None, kwargs=None, **fields):
    """A game on the digits."""
    return Config(
        steps=20,
        data=DataConfig(name="digits", batch_size=BATCH),
        latent=LatentConfig(dim=LATENT),
        game=GameConfig(name=game, kwargs=kwargs or {}),
        generator=generator or player(),
        discriminator=discriminator or player(),
        **fields,
    )


def digits(**fields):
    return DataConfig(name="digits", **fields)


BALANCE = PlayerConfig(network=NetworkConfig(name="jaxgan.games.energies:Balance"))
UNPAIRED = DataConfig(name="user_game:negatives", batch_size=BATCH)
POINTS = ("user_game:line", "linear_gaussian")
CLASSES = TermConfig(name="auxiliary_classifier", on="class_logits")

CONFIGS = {
    "concat": config(
        generator=player(conditioning="concat"), discriminator=player(conditioning="concat")
    ),
    "projection": config(
        generator=player(conditioning="batch_norm", norm="batch"),
        discriminator=player(conditioning="projection", spectral_norm=True),
        loss=TermConfig(name="hinge"),
    ),
    "ac_gan": config(
        generator=player(conditioning="concat"),
        discriminator=player(auxiliary=True, noise=0.1),
        terms={"classes": CLASSES},
    ),
    "vae": config("vae", networks={"encoder": player(num_outputs=2 * LATENT)}),
    "vae_gan": config("vae_gan", networks={"encoder": player(num_outputs=2 * LATENT)}),
    "wae": config(
        "wae",
        kwargs={"matching": 2.0},
        networks={"encoder": player(num_outputs=LATENT)},
        loss=TermConfig(name="mmd_rational_quadratic", on="codes"),
    ),
    "semi_supervised": config(
        "semi_supervised",
        discriminator=player(
            auxiliary=True, noise=0.1, input_noise=0.1, norm="first_batch", weight_norm=True
        ),
        streams={"labelled": digits(per_class=2, batch_size=8)},
    ),
    "bigan": config(
        "bigan",
        generator=player(norm="batch"),
        discriminator=player(conditioning="concat"),
        networks={"encoder": player(num_outputs=LATENT)},
    ),
    "infogan": config(
        "infogan",
        generator=player(conditioning="concat"),
        discriminator=player(auxiliary=True),
    ),
    "cycle_gan": config(
        "cycle_gan",
        streams={"other": digits(split="test", batch_size=8)},
        networks={"generator_back": player(), "discriminator_back": player()},
    ),
    "began": config(
        "began",
        kwargs={"diversity": 0.9},  # or k would stay at 0 in the first steps
        discriminator=player(num_outputs=LATENT),
        networks={"decoder": player(), "balance": BALANCE},
    ),
    "mmd_gan": config(
        "mmd_gan",
        discriminator=player(num_outputs=LATENT),
        networks={"decoder": player()},
        loss=TermConfig(name="mmd_gaussian_mixture"),
    ),
    "paired_translation": dataclasses.replace(
        config(
            "paired_translation",
            generator=player(output="linear"),
            discriminator=player(conditioning="concat"),
        ),
        data=DataConfig(name="user_game:line", batch_size=BATCH),
    ),
    "distribution_matching": config(
        "distribution_matching",
        kwargs={"chunk": 8},
        loss=TermConfig(name="mmd_gaussian", on="frozen:random_conv", normalized=True),
        terms={"pixels": TermConfig(name="energy_distance", on="images")},
    ),
    "regression": dataclasses.replace(
        config(
            "regression",
            generator=PlayerConfig(
                network=NetworkConfig(name="linear", kwargs={"conditioning": "concat"}),
                optimizer=OptimizerConfig(name="sgd"),
                learning_rate=0.02,
            ),
            kwargs={"objective": "likelihood"},
        ),
        data=DataConfig(name="linear_gaussian", kwargs={"size": 64}, batch_size=BATCH),
    ),
    "user": user_game.config(),
    "algorithm": dataclasses.replace(
        user_game.config(), game=GameConfig(name="user_game:running_mean")
    ),
}
GAMES = tuple(name for name in CONFIGS if name != "algorithm")

# A float of each game that a sweep varies.
FLOATS = {
    "concat": "generator.learning_rate",
    "projection": "discriminator.learning_rate",
    "ac_gan": "terms.classes.weight",
    "vae": "game.kwargs.beta",
    "vae_gan": "game.kwargs.gamma",
    "wae": "game.kwargs.matching",
    "semi_supervised": "game.kwargs.supervision",
    "bigan": "networks.encoder.learning_rate",
    "infogan": "game.kwargs.information",
    "cycle_gan": "game.kwargs.cycle",
    "began": "game.kwargs.diversity",
    "mmd_gan": "game.kwargs.reconstruction",
    "paired_translation": "game.kwargs.l1",
    "distribution_matching": "loss.kwargs.bandwidth",
    "regression": "generator.learning_rate",
    "user": "game.kwargs.margin",
}


def whole_run(name):
    """A run that saves often, and whose scores are cheap."""
    config = CONFIGS[name]
    if name == "cycle_gan":  # samples translate conditions
        config = dataclasses.replace(config, data=UNPAIRED, streams={})
    every = dict.fromkeys(("log_every", "checkpoint_every"), 20)
    return dataclasses.replace(
        config,
        steps=200,
        **every,
        sample_every=0,
        eval_every=0,
        steps_per_call=10,
        eval_features="auto" if config.data.name in POINTS else "pixels",
        num_eval_samples=64,
    )


if __name__ == "__main__":
    from jaxgan.runs.loop import train

    train(whole_run(sys.argv[1]), sys.argv[2])
