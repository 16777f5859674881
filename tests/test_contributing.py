"""One of each kind of entry from a module of one's own, used by name, as CONTRIBUTING.md says."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxgan.cli import main

ROOT = Path(__file__).parent.parent
MODULE = '''
"""One of each."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxgan import Outputs
from jaxgan.config import (
    AugmentationConfig,
    Config,
    DataConfig,
    GameConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PenaltyConfig,
    PlayerConfig,
    TermConfig,
)
from jaxgan.data import from_arrays
from jaxgan.games import adversarial
from jaxgan.losses import non_saturating


def squares(*, split="train", size=64):
    """8x8 images of one grey, of two classes."""
    labels = np.arange(size) % 2
    images = np.broadcast_to((60 + 100 * labels)[:, None, None, None], (size, 8, 8, 1))
    return from_arrays(images.astype(np.uint8), labels, name="squares", split=split)


class Generator(nn.Module):
    """Dense, of z and the class."""

    shape: tuple[int, ...]
    num_classes: int
    width: int = 8

    @nn.compact
    def __call__(self, z, labels=None, *, train):
        hidden = jnp.concatenate([z, jax.nn.one_hot(labels, self.num_classes)], axis=1)
        x = nn.Dense(8 * 8)(nn.relu(nn.Dense(self.width)(hidden)))
        return jnp.tanh(x).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Dense, with dropout."""

    width: int = 8

    @nn.compact
    def __call__(self, x, labels=None, *, train):
        x = nn.relu(nn.Dense(self.width)(x.reshape(len(x), -1)))
        x = nn.Dropout(0.1, deterministic=not train)(x)
        return Outputs(logits=nn.Dense(1)(x), features=x)


def brightness_gap(real, fake, *, labels, scale=1.0):
    """A conditional distance: of the mean of each class."""
    classes = jax.nn.one_hot(labels, 2).T
    of_real, of_fake = (classes @ x.reshape(len(x), -1) for x in (real, fake))
    return scale * jnp.mean(jnp.square(of_real - of_fake)) / len(real)


def small_logits(critic, real, fake, *, key, axis_name, power=2.0):
    """E |D(x)|^power."""
    del fake, key, axis_name
    return jnp.mean(jnp.abs(critic(real)) ** power)


def dim(x, *, key, axis_name, probability=0.5):
    """Half as bright, with a probability, the whole batch."""
    del axis_name
    return jnp.where(jax.random.bernoulli(key, probability), x / 2, x)


def momentum(learning_rate, *, decay=0.5):
    """Gradient descent."""
    return optax.sgd(learning_rate, momentum=decay)


def mean_gap(real, fake):
    """Of features."""
    return float(np.abs(np.mean(real) - np.mean(fake)))


def game(terms, penalties, *, augmentation=None, extra=0.1):
    """The adversarial game, and a term of its own."""
    base = adversarial(terms, penalties, augmentation=augmentation)

    def losses(nets, batch, fakes, key):
        found, metrics = base.losses(nets, batch, fakes, key)
        code = nets.encoder(fakes.samples).logits
        recovery = extra * jnp.mean(jnp.square(code - fakes.z))
        generator = {**found["generator"], "recovery": recovery}
        return {**found, "generator": generator, "encoder": recovery}, metrics

    turns = (("discriminator",), ("generator", "encoder"))
    return base._replace(losses=losses, turns=turns)


def config():
    """All of them."""

    def player(name):
        optimizer = OptimizerConfig(name="own_entries:momentum", kwargs={"decay": 0.1})
        return PlayerConfig(network=NetworkConfig(name=name), optimizer=optimizer)

    return Config(
        steps=4,
        data=DataConfig(name="own_entries:squares", kwargs={"size": 48}, batch_size=16),
        latent=LatentConfig(dim=3),
        game=GameConfig(name="own_entries:game"),
        generator=player("own_entries:Generator"),
        discriminator=player("own_entries:Discriminator"),
        networks={"encoder": PlayerConfig(network=NetworkConfig(kwargs={"num_outputs": 3}))},
        loss=TermConfig(name="own_entries:brightness_gap", on="images", players="generator"),
        terms={"adversarial": TermConfig()},
        penalties={"small": PenaltyConfig(name="own_entries:small_logits", weight=0.1)},
        augmentation=AugmentationConfig(name="own_entries:dim"),
        eval_features="pixels",
        eval_metrics=("own_entries:mean_gap", "kid"),
        num_eval_samples=20,
        log_every=2,
        steps_per_call=2,
    )
'''


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of the module, whose folder and imports are gone afterwards."""
    home = tmp_path_factory.mktemp("home")
    (home / "own_entries.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr(sys, "path", [*sys.path])
        assert main(["train", "own_entries", "--game.kwargs.extra", "0.2"]) == 0
    sys.modules.pop("own_entries")
    moved = tmp_path_factory.mktemp("elsewhere") / "run"
    shutil.move(home / "runs" / "own_entries", moved)
    shutil.rmtree(home)
    yield moved
    sys.modules.pop("own_entries", None)


def test_each_of_them_is_used(trained):
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert {
        "generator/loss",
        "generator/recovery",
        "discriminator/small",
        "loss/encoder",
        "eval/pixels_mean_gap",
        "eval/pixels_kid",
    } <= set(rows[-1])
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    config = json.loads((trained / "config.json").read_text())
    assert config["game"]["kwargs"] == {"extra": 0.2}


def test_its_run_directory_needs_neither_its_module_nor_its_folder(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["sample", str(trained), "--num", "4", "--label", "1", "--out", "one.png"]
    assert main(arguments) == 0
    assert (tmp_path / "one.png").exists()
    assert main(["eval", str(trained)]) == 0
    figures = json.loads((trained / "eval.json").read_text())["figures"]
    assert "pixels_mean_gap" in figures


def test_a_label_that_no_class_has_is_refused(trained, capsys):
    assert main(["sample", str(trained), "--label", "2"]) == 2
    assert "label is 2; it must be in [0, 1]" in capsys.readouterr().err


def test_the_table_names_every_registry():
    """And every file that it says to touch is there."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for kind in ("loss", "penalty", "augmentation", "network", "data set", "metric", "game"):
        assert re.search(rf"^\| {kind} \|", text, re.MULTILINE)
    for path in re.findall(r"one line of `(.*?)`", text):
        assert (ROOT / "jaxgan" / path).exists()
