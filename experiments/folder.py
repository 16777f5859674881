"""A GAN of the images in a folder of one's own: R3GAN (Huang et al. 2024) with DiffAugment.

    jaxgan train FOLDER
    python -m experiments.folder FOLDER

Images are cropped to squares and resized to a common side of at most 64 pixels (--data.resize
chooses another: 128, say). Subfolders are classes, which only the scores use. Sets that mean the
same left and right are doubled by --data.mirror.

On 2 CPU cores that others used too, 2026-11-21, seed 0: of 300 of scikit-learn's digits as PNG
files of 8 x 8 pixels, FID .74 on random convolutions (5.7 after 300 steps); 295 s.
"""

import sys
from pathlib import Path

from jaxgan.cli import main
from jaxgan.config import (
    AugmentationConfig,
    Config,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PenaltyConfig,
    PlayerConfig,
    Ramp,
    TermConfig,
)
from jaxgan.errors import DataError
from jaxgan.image_files import image_files

MIN_IMAGES, BATCH_SIZE = 16, 64
# Sides to which images are resized unless they have one of NATIVE_SIDES in common.
SIDES = (16, 32, 64)
NATIVE_SIDES = (8, 12, 14, 20, 24, 28, 40, 48, 56, *SIDES)
# With fewer images the discriminator learns them by heart (Zhao et al. 2020: 10 % of CIFAR-10).
AUGMENTED_BELOW = 10_000


def config(folder: str | Path | None = None) -> Config:
    """The recipe for a folder; for the embedded digits without one.

    Raises:
        DataError: too few images, or a file that is not a readable image.
    """
    path = None if folder is None else Path(folder).expanduser().resolve()
    size, resize = (1437, None) if path is None else _measured(path)
    optimizer = OptimizerConfig(kwargs={"b1": 0.0, "b2": 0.99})
    rate = Ramp(5e-4, 1e-5, shape="cosine")
    return Config(
        steps=20_000,
        data=DataConfig(
            name="digits" if path is None else str(path),
            batch_size=min(BATCH_SIZE, 1 << size.bit_length() - 1),
            resize=resize,
        ),
        latent=LatentConfig(dim=64),
        generator=PlayerConfig(
            network=NetworkConfig(name="dcgan", kwargs={"width": 64}),
            optimizer=optimizer,
            learning_rate=rate,
        ),
        discriminator=PlayerConfig(
            network=NetworkConfig(name="dcgan", kwargs={"width": 64, "norm": "none"}),
            optimizer=optimizer,
            learning_rate=rate,
        ),
        loss=TermConfig(name="relativistic_pairing"),
        penalties={"r1": PenaltyConfig(weight=0.1), "r2": PenaltyConfig(weight=0.1)},
        augmentation=AugmentationConfig(name="diffaugment") if size < AUGMENTED_BELOW else None,
        steps_per_call=20,
        sample_every=500,
    )


def _measured(folder: Path) -> tuple[int, int | None]:
    """How many images there are, and to which side they are to be resized."""
    sizes = image_files(folder).sizes
    if len(sizes) < MIN_IMAGES:
        raise DataError(
            f"folder {str(folder)!r} holds {len(sizes)} images; a GAN needs at least {MIN_IMAGES}"
        )
    if set(sizes) <= {(side, side) for side in NATIVE_SIDES} and len(set(sizes)) == 1:
        return len(sizes), None
    smallest = min(min(size) for size in sizes)
    return len(sizes), max((side for side in SIDES if side <= smallest), default=SIDES[0])


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
