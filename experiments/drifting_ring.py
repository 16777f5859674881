"""Drifting (Deng et al. 2026) on the ring of eight Gaussians, between points, without a network.

python -m experiments.drifting_ring
"""

import dataclasses

from experiments import ring
from jaxgan.cli import experiment_main
from jaxgan.config import Config, GameConfig, TermConfig


def config() -> Config:
    """The generator and the batches of `experiments.ring`, without an adversary."""
    return dataclasses.replace(
        ring.config(),
        game=GameConfig(name="distribution_matching"),
        loss=TermConfig(name="drifting", on="images"),
        penalties={},
    )


if __name__ == "__main__":
    experiment_main("experiments.drifting_ring")
