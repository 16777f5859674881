"""Folders of image files: which there are, how large, and of which class; imports no jax."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from jaxgan.errors import DataError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_GREY = ("1", "L")


class ImageFiles(NamedTuple):
    """The image files in a folder and its subfolders, in the order of their names.

    Attributes:
        files: Their paths.
        sizes: Width and height of each, in pixels.
        is_grey: Whether all are grey.
        classes: The names of the classes: the subfolders, if all files lie in some.
        labels: The class of each file, an index of `classes`; empty without classes.
    """

    files: tuple[Path, ...]
    sizes: tuple[tuple[int, int], ...]
    is_grey: bool
    classes: tuple[str, ...]
    labels: tuple[int, ...]


def image_files(folder: Path) -> ImageFiles:
    """What a folder holds; only the headers of the files are read.

    Raises:
        DataError: no images, or a file that is not a readable image.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise DataError(f"folder {str(folder)!r} holds no images; add files such as .png or .jpg")
    sizes, modes = zip(*map(_header, files), strict=True)
    parts = [path.relative_to(folder).parts for path in files]
    is_labelled = all(len(names) > 1 for names in parts)
    classes = sorted({names[0] for names in parts}) if is_labelled else []
    return ImageFiles(
        files=tuple(files),
        sizes=sizes,
        is_grey=set(modes) <= set(_GREY),
        classes=tuple(classes),
        labels=tuple(classes.index(names[0]) for names in parts) if is_labelled else (),
    )


def _header(path: Path) -> tuple[tuple[int, int], str]:
    """Width and height, and the mode, of an image file."""
    try:
        with Image.open(path) as image:
            return image.size, image.mode
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise DataError(f"{path} is not a readable image; remove or replace it") from error
