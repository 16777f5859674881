"""Drifting (Deng et al. 2026) on the ring of eight Gaussians, between points, without a network.

    python -m experiments.drifting_ring
    python -m experiments.drifting_ring --batch-size 256 --steps 20000

On one of 2 CPU cores (AMD EPYC), 2026-11-21, seed 0: 8 of 8 modes, 30.3 % high quality, reverse KL
.045, standard deviation 1.26 of the true one. The second command finds no mode at all: the official
field gives every pair at least 1e-3 of affinity, which outweighs what is near in large batches.
"""

import dataclasses

from experiments import ring
from jaxgan.cli import experiment_main
from jaxgan.config import Config, GameConfig, TermConfig

# `jaxgan sweep experiments.drifting_ring`: near and far affinities; each number of them a group.
SWEEP = {
    "loss.kwargs.temperatures": [(0.02, 0.05, 0.2), (0.05, 0.2), (0.02,), (0.05,), (0.2,)],
    "generator.learning_rate.start": "log:3e-4:3e-3:3",
}


def config() -> Config:
    """The generator of `experiments.ring`, without an adversary, and batches of 32."""
    toy = ring.config()
    return dataclasses.replace(
        toy,
        steps=10_000,
        data=dataclasses.replace(toy.data, batch_size=32),
        game=GameConfig(name="distribution_matching"),
        loss=TermConfig(name="drifting", on="images"),
        penalties={},
    )


if __name__ == "__main__":
    experiment_main("experiments.drifting_ring")
