"""The spiral in 64 dimensions: a diagnostic of losses that compare distributions (RDM, 2026).

    python -m experiments.spiral
    python -m experiments.spiral --loss.name drifting

On one of 2 CPU cores (AMD EPYC), 2026-11-21, ten seeds (`benchmarks/distributional.py`): recall
1.000 in each, median distance .030 +- .003 (real data: 1.00 and .034; published, one seed: 1.00 and
.028). The second command finds nothing of the curve, as published (0.00 and .53). At small batches
figures depend on the initialisation, which here is PyTorch's: at 32, .052 instead of .151.
"""

from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    LatentConfig,
    NetworkConfig,
    PlayerConfig,
    Ramp,
    TermConfig,
)


def config() -> Config:
    """The protocol of arXiv 2607.02375: MMD^2 to landmarks of all 2,000 points, batches of 128."""
    widths = (256, 256, 256, 256)
    return Config(
        steps=8000,
        data=DataConfig(name="spiral", batch_size=128),
        latent=LatentConfig(dim=2),
        game=GameConfig(name="distribution_matching"),
        generator=PlayerConfig(
            network=NetworkConfig(
                name="mlp",
                kwargs={"widths": widths, "output": "linear", "initialization": "fan_in_uniform"},
            ),
            learning_rate=Ramp(1e-3, 1e-4, shape="cosine"),
            clip_norm=2.0,
        ),
        loss=TermConfig(name="mmd_nystroem", on="images"),
        ema_half_life=0.0,
        steps_per_call=100,
        log_every=1000,
        sample_every=4000,
        eval_every=4000,
        checkpoint_every=4000,
        num_eval_samples=4000,
    )


if __name__ == "__main__":
    experiment_main("experiments.spiral")
