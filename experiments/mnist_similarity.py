"""Similarity in training on MNIST: a term that a controller keeps at a target, beside an adversary.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_similarity
    TFDS_DATA_DIR=DIR python -m experiments.mnist_similarity --controllers.similarity.rate 0
    ... --terms.similarity.name cosine       or l1, l2, one_minus_l2, mahalanobis, ...
    ... -m experiments.mnist_gmmn --loss.name l2 --loss.kwargs.match nearest

The discriminator's features of real and fake are compared by the L2 distance of their means. The
controller measures it in every step and adjusts the term's weight: the more they differ, the more
it counts. The second command leaves the weight where it is; the last trains by a similarity alone.
In eval, `vendi_score` tells the diversity: to look alike is not to be as diverse.

A generator that maximises the similarity of real i and fake i (`match` "paired"), as tutorials have
it, comes to one mean image: the two are unrelated. So means or nearest samples are compared.

Not yet trained to the end; on 2 CPU cores, 2026-11-21, it was built and trained for a few steps.
"""

from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    ControllerConfig,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
    TermConfig,
)


def player(**fields) -> PlayerConfig:
    """A DCGAN network of half the usual width."""
    return PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 32, **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.0, "b2": 0.9}),
        learning_rate=2e-3,
    )


def config() -> Config:
    """The hinge loss with spectral norm; the similarity is the generator's alone."""
    mean = {"match": "mean"}
    return Config(
        steps=4000,
        data=DataConfig(name="mnist", batch_size=64),
        latent=LatentConfig(dim=64),
        generator=player(),
        discriminator=player(norm="none", spectral_norm=True),
        loss=TermConfig(name="hinge"),
        terms={
            "similarity": TermConfig(
                name="l2", kwargs=mean, weight=0.1, on="features", players="generator"
            )
        },
        controllers={
            "similarity": ControllerConfig(
                name="l2",
                kwargs=mean,
                on="features",
                adjusts="terms.similarity.weight",
                target=0.2,
                rate=0.01,
                lower=0.001,
                upper=10.0,
            )
        },
        ema_half_life=100.0,
        steps_per_call=20,
        log_every=100,
        sample_every=1000,
        eval_every=1000,
        checkpoint_every=1000,
        eval_metrics=("fid", "kid", "class_coverage", "vendi_score"),
    )


if __name__ == "__main__":
    experiment_main("experiments.mnist_similarity")
