"""Opens the data that a config names."""

from jaxgan.config import DataConfig
from jaxgan.data import Source, load


def open_source(config: DataConfig, split: str | None = None) -> Source:
    """What a config names, or another split of it: then whole, whatever `per_class` is.

    Raises:
        ConfigError: an unknown split, or an option that the data set cannot have.
        DataError: data that is missing, unprepared, empty or unreadable.
    """
    return load(
        config.name,
        split=config.split if split is None else split,
        data_dir=config.dir,
        resize=config.resize,
        pad=config.pad,
        per_class=config.per_class if split in (None, config.split) else None,
        mirror=config.mirror,
        kwargs=config.kwargs,
    )
