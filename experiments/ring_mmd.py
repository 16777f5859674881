"""Eight Gaussians on a ring by a kernel loss of the points themselves, without a discriminator.

    python -m experiments.ring_mmd

A moment matching network (Li et al. 2015, GMMN; Dziugaite et al. 2015) with an inverse multiquadric
kernel (Tolstikhin et al. 2018). On one of 2 CPU cores (AMD EPYC), 2026-11-22, seeds 0 to 9, mean
and 95 % interval: 8 of 8 modes in each, 97.3 +- .3 % high quality (a perfect sampler: 98.9 %),
reverse KL .0015 +- .0005, standard deviation .921 +- .010 of the true one; 5 ms a step on both
cores, 5 minutes beside other work.

On the grid (--data.name grid --loss.kwargs.bandwidth.start 0.5 --loss.kwargs.bandwidth.end 0.1
--steps 20000), seed 0: 25 of 25 modes, 94.0 % high quality, reverse KL .005, standard deviation
.863 of the true one.
"""

import dataclasses

from experiments import ring
from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
    Ramp,
    TermConfig,
)

# `jaxgan sweep experiments.ring_mmd`: from which bandwidth to which.
SWEEP = {
    "loss.kwargs.bandwidth.start": "log:0.05:0.8:5",
    "loss.kwargs.bandwidth.end": "log:0.005:0.04:4",
    "seeds": 2,
}


def config() -> Config:
    """`experiments.ring` with another loss, and a generator that suits it.

    The loss stands still, so that Adam may have momentum and larger steps; ReLU leaves fewer points
    between the modes than leaky ReLU. The kernel's heavy tails draw points to modes from afar, and
    the bandwidth ends near the modes' own, to give them their width.
    """
    widths = {"widths": (128, 128, 128), "activation": "relu", "output": "linear"}
    toy = ring.config()
    return dataclasses.replace(
        toy,
        steps=32_000,
        data=dataclasses.replace(toy.data, batch_size=768),
        generator=PlayerConfig(
            network=NetworkConfig(name="mlp", kwargs=widths),
            optimizer=OptimizerConfig(kwargs={"b1": 0.9, "b2": 0.99}),
            learning_rate=Ramp(5e-3, 0.02 * 5e-3, shape="cosine"),
        ),
        loss=TermConfig(
            name="mmd_inverse_multiquadric",
            on="images",
            kwargs={"bandwidth": Ramp(0.1, 0.02, shape="linear")},
        ),
        penalties={},
        ema_half_life=2000.0,
    )


if __name__ == "__main__":
    experiment_main("experiments.ring_mmd")
