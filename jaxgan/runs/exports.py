"""Samples of a run as files: pictures, animations, arrays, sounds, and folders of images."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from jaxgan.errors import ConfigError
from jaxgan.pixels import to_uint8
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.pictures import class_columns, image_grid, in_columns, picture_of
from jaxgan.runs.run import Run
from jaxgan.runs.sounds import write_wav

_FRAMES, _NUM_POINTS = 16, 2500
_MILLISECONDS = 80  # of a frame of a path
# Of a training: all frames but the last, each of them at least and at most, and the last. Players
# show a frame of less than 20 for 100.
_HISTORY, _SHORTEST, _LONGEST, _LAST = 5000, 20, 1000, 1500


def export(
    run: Run,
    path: Path,
    *,
    num: int | None = None,
    label: int | None = None,
    frames: int | None = None,
    truncation: float | None = None,
    seed: int = 0,
    averaged: bool = True,
) -> None:
    """Draws samples of a run into a file or folder.

    Args:
        run: The run.
        path: See `write_samples` and `write_paths`.
        num: How many samples, default 64, or paths, default 8.
        label: The class of all of them; None: the classes in turn, in a PNG column by column.
        frames: Samples along each path; None for samples apart. A GIF always shows paths.
        truncation: See `Run.generate`.
        seed: Of the samples.
        averaged: Whether to take averaged weights.

    Raises:
        ConfigError: see `Run.generate`, `write_samples` and `write_paths`.
    """
    key, rate = jax.random.key(seed), run.program.source.sample_rate
    options = {"key": key, "labels": label, "truncation": truncation, "averaged": averaged}
    if frames is not None or path.suffix == ".gif":
        paths = run.interpolate(8 if num is None else num, frames or _FRAMES, **options)
        write_paths(path, paths, run.real_points(_NUM_POINTS), sample_rate=rate)
        return
    num = 64 if num is None else num
    labels = columns = None
    if run.num_classes is not None and num > 0:
        classes, is_grid = run.num_classes, path.suffix == ".png"
        in_turn = in_columns(num, classes) if is_grid else np.arange(num) % classes
        labels = in_turn if label is None else np.full(num, label)
        columns = class_columns(num, classes) if label is None else None
        options["labels"] = labels
    samples = run.generate(num, **options)
    write_samples(path, samples, labels, run.real_points(num), columns, sample_rate=rate)


def write_samples(
    path: Path,
    samples: np.ndarray,
    labels: np.ndarray | None,
    real: np.ndarray | None = None,
    columns: int | None = None,
    *,
    sample_rate: int | None = None,
) -> None:
    """Writes samples as the suffix of the file says.

    A PNG shows images [n, h, w, c] as a grid, points [n, d] over real ones, and the first waveforms
    [n, length] beside real ones. A WAV has waveforms one after another, with pauses. An .npz holds
    uint8 "images", or float "points", and "labels" where there are any. A folder, which has no
    suffix, gets a PNG for each image, in subfolders by label where there are any.
    `jaxgan eval --fake` and data sets read the last two.

    Args:
        path: The file or folder; a folder is to be new or empty.
        samples: Floats; images are in [-1, 1].
        labels: The class of each, that was asked for.
        real: Real points, to be shown under generated ones, or waveforms.
        columns: Of the grid of a PNG.
        sample_rate: Of waveforms, in Hz.

    Raises:
        ConfigError: a suffix that is none of these, a WAV of what are no waveforms, points for a
            folder, a folder that holds something, or a place that cannot be written.
    """
    is_images = samples.ndim == 4
    with _writable(path):
        if path.suffix == ".npz":
            _write_arrays(path, samples, is_images, labels)
        elif path.suffix == ".png":
            picture_of(samples, real, columns, sample_rate=sample_rate).save(path)
        elif path.suffix == ".wav":
            if sample_rate is None:
                raise ConfigError(
                    f"{path} is a sound, and these samples are no waveforms; write a .png or .npz"
                )
            write_wav(path, samples, sample_rate)
        elif path.suffix:
            raise ConfigError(
                f"{path} has the suffix {path.suffix!r}; it must be .png, .gif, .npz, .wav (of "
                "waveforms), or none, for a folder"
            )
        elif not is_images:
            raise ConfigError(f"{path} is a folder, and these samples are no images; write a .npz")
        else:
            _write_folder(path, to_uint8(samples), labels)


def write_paths(
    path: Path,
    paths: np.ndarray,
    real: np.ndarray | None = None,
    *,
    sample_rate: int | None = None,
) -> None:
    """Writes samples along paths [n, steps, ...]: a GIF that goes to and fro, or a PNG of rows.

    Raises:
        ConfigError: another suffix, points for a PNG, or a place that cannot be written.
    """
    is_images = paths.ndim == 5
    with _writable(path):
        if path.suffix == ".gif":
            show = partial(picture_of, real=real, sample_rate=sample_rate)
            there = [show(frame) for frame in np.moveaxis(paths, 1, 0)]
            frames = [*there, *there[-2:0:-1]]
            _write_gif(path, frames, [_MILLISECONDS] * len(frames))
        elif path.suffix == ".png" and is_images:
            flat = paths.reshape(-1, *paths.shape[2:])
            image_grid(to_uint8(flat), columns=paths.shape[1]).save(path)
        elif path.suffix == ".npz":
            _write_arrays(path, paths, is_images)
        else:
            raise ConfigError(f"{path} cannot show interpolations; write a .gif, .npz or .png")


def write_history(path: Path, run: Path) -> None:
    """Writes the kept pictures of a run, in the order of their steps, as a GIF of a few seconds.

    Raises:
        ConfigError: no GIF, no pictures, or a place that cannot be written.
    """
    if path.suffix != ".gif":
        raise ConfigError(f"{path} is no .gif, which --history writes")
    files = RunDirectory(run).pictures()
    if not files:
        raise ConfigError(f"{run} holds no pictures yet; let it train on")
    frames = []
    for file in files:
        with Image.open(file) as picture:
            frames.append(picture.convert("RGB"))
    with _writable(path):
        each = np.clip(_HISTORY // len(frames), _SHORTEST, _LONGEST)
        _write_gif(path, frames, [int(each)] * (len(frames) - 1) + [_LAST])


def _write_arrays(
    path: Path, samples: np.ndarray, is_images: bool, labels: np.ndarray | None = None
) -> None:
    arrays: dict[str, Any] = {"images": to_uint8(samples)} if is_images else {"points": samples}
    if labels is not None:
        arrays["labels"] = labels
    np.savez(path, **arrays)


def _write_gif(path: Path, frames: Sequence[Image.Image], milliseconds: list[int]) -> None:
    first, *others = frames
    first.save(path, save_all=True, append_images=others, duration=milliseconds, loop=0)


def _write_folder(path: Path, images: np.ndarray, labels: np.ndarray | None) -> None:
    if path.is_dir() and any(path.iterdir()):
        raise ConfigError(f"{path} holds files already; choose another --out")
    digits = len(str(len(images) - 1))
    for index, image in enumerate(images):
        folder = path if labels is None else path / str(labels[index])
        folder.mkdir(parents=True, exist_ok=True)
        grey = image.shape[-1] == 1
        Image.fromarray(image[..., 0] if grey else image).save(folder / f"{index:0{digits}}.png")


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Makes the folder of a file; what the file system refuses becomes a ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror.lower() if error.strerror else error
        raise ConfigError(f"{path} cannot be written ({reason}); choose another --out") from error
