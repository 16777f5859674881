"""`jaxgan compare` and `jaxgan.compare`: files, going on, and what they say of bad input."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from game_configs import whole_run
from processes import ROOT, environment
from processes import run as in_process

import jaxgan
from experiments import drifting_ring
from jaxgan.cli import main
from jaxgan.config import override
from jaxgan.errors import ConfigError
from jaxgan.evaluation import reference
from jaxgan.studies import compare
from jaxgan.studies.comparison_plan import planned

pytestmark = pytest.mark.slow

TINY = {
    "steps": 20,
    "steps_per_call": 10,
    "log_every": 20,
    "num_eval_samples": 100,
    "data.batch_size": 32,
    "eval_metrics": ("sliced_wasserstein_distance",),
    "generator.network.kwargs.widths": (8,),
    "generator.learning_rate": 1e-3,
}
# The same on the command line.
FLAGS = [
    f"--{path.replace('_', '-')}={f'{value[0]},' if isinstance(value, tuple) else value}"
    for path, value in TINY.items()
]
SCORE = "eval/sliced_wasserstein_distance"


def tiny():
    config = drifting_ring.config()
    for path, value in TINY.items():
        config = override(config, path, value)
    return config


def variants():
    """Two losses, and one that diverges at once."""
    config = tiny()
    return {
        "drifting": config,
        "energy": override(config, "loss.name", "energy_distance"),
        "too fast": override(config, "generator.learning_rate", 1e38),
    }


@pytest.fixture(autouse=True)
def few_real(monkeypatch):
    monkeypatch.setattr(reference, "MAX_REAL", 300)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three variants over two seeds, two evaluations each; with what was told."""
    workdir, told = tmp_path_factory.mktemp("studies") / "ring", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "MAX_REAL", 300)
        found = jaxgan.compare(variants(), workdir, seeds=2, samplings=2, log=told.append)
    return found, told


@pytest.fixture
def no_training(monkeypatch):
    def train(*_, **__):
        raise AssertionError("this is trained already")

    monkeypatch.setattr(compare, "train", train)


@pytest.fixture
def copy(study, tmp_path):
    found, _ = study
    return shutil.copytree(found.workdir, tmp_path / "copy")


def contents(workdir):
    names = ("comparison.md", "comparison.json", "comparison.png")
    return [(workdir / name).read_bytes() for name in names]


def again(workdir, **options):
    return jaxgan.compare(variants(), workdir, seeds=2, samplings=2, log=print, **options)


def test_each_run_is_an_ordinary_one(study):
    found, told = study
    order = [line for line in told if ", seed " in line]
    assert order == [f"{label}, seed {seed}" for seed in (0, 1) for label in variants()]
    for label, folder in (("drifting", "drifting"), ("energy", "energy")):
        run = jaxgan.load(found.workdir / folder / "seed-1")
        assert run.config == dataclasses.replace(variants()[label], seed=1) and run.step == 20
    (column,) = (name for name in run.metrics if name == SCORE)
    # Evaluations of one run differ by their samples, but not by much.
    scores = found.variants["energy"].scores[1]
    assert scores.shape == (2,) and scores[0] != scores[1]
    assert scores == pytest.approx(run.metrics[column][-1], rel=0.2)


def test_what_is_found(study):
    found, _ = study
    assert (found.score, found.higher_is_better, found.baseline) == (SCORE, False, "drifting")
    assert found.seeds == (0, 1) and found.num_samples == 100
    assert found.variants["too fast"].lost == {0: "diverged", 1: "diverged"}
    energy = found.variants["energy"]
    assert energy.step_seconds > 0 and energy.spread.sampling > 0
    # At least the data's rows, and Adam's two moments with weights and averages of 2 + 1 layers.
    assert 4 * (32 * 2 + 4 * (8 * 2 + 8 + 2 * 8 + 2)) < energy.step_bytes < 100_000
    assert 0 < found.floor.value < energy.mean.value
    data = json.loads((found.workdir / "comparison.json").read_text())
    assert data["result"]["verdicts"]["energy"]["word"] == found.verdicts["energy"].word
    text = (found.workdir / "comparison.md").read_text()
    assert "too fast lost 2 of 2 runs" in text and "| real data |" in text


def test_what_is_known_is_not_made_again(study, copy, no_training):
    found, _ = study
    assert str(again(copy)) == str(found._replace(workdir=copy))
    assert contents(copy) == contents(found.workdir)


def test_lost_evaluations_are_made_again_and_are_the_same(study, copy):
    """As after a crash between the end of a run and its evaluation."""
    found, _ = study
    path = copy / "comparison.json"
    known = json.loads(path.read_text())
    del known["runs"]["energy"]["1"], known["runs"]["too fast"]["1"], known["result"]
    known["floor"] = {}
    path.write_text(json.dumps(known))
    repeated = again(copy)
    assert repeated.floor.value == pytest.approx(found.floor.value)
    for label in variants():
        scores = repeated.variants[label].scores
        assert {seed: x.tolist() for seed, x in scores.items()} == {
            seed: x.tolist() for seed, x in found.variants[label].scores.items()
        }
    assert repeated.verdicts == found.verdicts


def test_seeds_together_score_as_each_by_itself(study, tmp_path, monkeypatch):
    found, _ = study
    told = []
    options = {"samplings": 2, "log": told.append, "together": True}
    together = jaxgan.compare(variants(), tmp_path, seeds=2, **options)
    assert [line for line in told if ", seeds " in line] == [
        f"{label}, seeds 0 to 1" for label in variants()
    ]
    assert together.variants["too fast"].lost == found.variants["too fast"].lost
    for label in ("drifting", "energy"):
        scores = together.variants[label].scores
        assert scores.keys() == {0, 1} and together.variants[label].step_seconds > 0
        for seed, values in scores.items():
            np.testing.assert_allclose(values, found.variants[label].scores[seed], rtol=1e-4)

    asked, sweep = [], compare.sweep

    def counted(*arguments, seeds, **options):
        asked.append(seeds)
        return sweep(*arguments, seeds=seeds, **options)

    monkeypatch.setattr(compare, "sweep", counted)
    repeated = jaxgan.compare(variants(), tmp_path, seeds=2, **options)
    assert not asked and repeated.verdicts == together.verdicts
    more = jaxgan.compare(variants(), tmp_path, seeds=3, **options)
    assert asked == [1, 1, 1] and more.seeds == (0, 1, 2)
    assert (tmp_path / "energy" / "seeds-2-2" / "table.md").exists()


def test_evaluations_and_baselines_can_be_added(study, copy, monkeypatch):
    found, _ = study
    more = jaxgan.compare(variants(), copy, seeds=2, samplings=3, baseline="energy", log=print)
    first, then = found.variants["energy"].scores[0], more.variants["energy"].scores[0]
    assert then.shape == (3,) and np.array_equal(then[:2], first)
    assert list(more.verdicts) == ["drifting", "too fast"]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda v: {"energy": v["energy"]}, {}, ["variants: energy", "two"]),
        (lambda v: v | {"other": v["energy"]}, {}, ["'energy' and 'other' are the same"]),
        (lambda v: v, {"seeds": 1}, ["seeds is 1", "at least 2"]),
        (lambda v: v, {"samplings": 0}, ["samplings is 0", "at least 1"]),
        (lambda v: v, {"baseline": "energy_distanc"}, ["unknown baseline", "'energy'"]),
        (lambda v: v, {"score": "eval/fid"}, ["unknown score of 'drifting'", SCORE]),
        (lambda v: v | {"a/b": v["energy"]}, {}, ["'a/b' names a directory"]),
        (lambda v: v | {"too-fast": v["energy"]}, {}, ["'too fast' and 'too-fast'", "rename"]),
        (
            lambda v: v | {"few": override(v["energy"], "num_eval_samples", 50)},
            {},
            ["num_eval_samples is 100 of 'drifting' and 50 of 'few'"],
        ),
        (lambda v: v | {"late": override(v["energy"], "seed", 3)}, {}, ["'late' has seed 3"]),
        (
            lambda v: v | {"no": override(v["energy"], "loss.name", "energy_distanc")},
            {},
            ["unknown loss 'energy_distanc'"],
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(
    change, options, words, tmp_path, no_training
):
    with pytest.raises(ConfigError) as raised:
        jaxgan.compare(change(variants()), tmp_path / "new", **options)
    for word in words:
        assert word in str(raised.value)
    assert not (tmp_path / "new").exists()


def test_another_comparison_is_refused(copy, no_training):
    others = variants()
    with pytest.raises(ConfigError, match="with a variant 'too fast'; add it"):
        jaxgan.compare({name: others[name] for name in ("drifting", "energy")}, copy)
    others["energy"] = override(others["energy"], "steps", 21)
    with pytest.raises(ConfigError, match="variant 'energy' has another steps"):
        jaxgan.compare(others, copy)
    with pytest.raises(ConfigError, match="holds a run"):
        jaxgan.compare(variants(), copy / "energy" / "seed-0")
    (copy / "comparison.json").write_text("{")
    with pytest.raises(ConfigError, match=r"comparison\.json cannot be read; remove it"):
        jaxgan.compare(variants(), copy)


def test_the_command_finds_what_the_function_kept(study, copy, no_training, capsys):
    """The same variants as flags, and a score by its end."""
    flags = ["--seeds", "2", "--samplings", "2", "--score", "wasserstein_distance"]
    named = ["--variant", "drifting:", "--variant=energy: --loss.name energy_distance"]
    fast = ["--variant", "too fast: --generator.learning-rate 1e38"]
    assert (
        main(["compare", "drifting_ring", *FLAGS, *flags, *named, *fast, "--workdir", str(copy)])
        == 0
    )
    printed = capsys.readouterr().out
    assert "sliced_wasserstein_distance, lower is better" in printed
    assert "too fast lost 2 of 2 runs" in printed
    assert str(copy / "comparison.png") in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["name an experiment"]),
        (["ring"], ["variants: none", "name two"]),
        (["ring", "--losses", "hinge"], ["variants: hinge", "name two"]),
        (["ring", "--losses", "hinge,hinge"], ["two variants are called 'hinge'"]),
        (["ring", "--losses", "hinge,hing"], ["unknown loss 'hing'", "'hinge'"]),
        (["ring", "--variant", "hinge"], ["--variant is 'hinge'", "LABEL:"]),
        (["ring", "--variant"], ["--variant needs a value"]),
        (["ring", "--variant", "a: --loss.name 'x"], ["close its quotes"]),
        (["ring", "--variant", "a: --los.name x"], ["unknown flag '--los'", "'--loss'"]),
        (["ring", "--variant", "a: --seeds 3", "--variant", "b:"], ["'a' has a flag of the"]),
        (["ring", "--variant", "a: rin"], ["unknown experiment 'rin'"]),
        (["rin", "--losses", "a,b"], ["unknown experiment 'rin'"]),
    ],
)
def test_bad_commands_are_answered_in_one_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "modules", {k: v for k, v in sys.modules.items() if k != "jax"})
    assert main(["compare", *arguments, *([f"--workdir={tmp_path}"] if arguments else [])]) == 2
    message = capsys.readouterr().err
    assert message.startswith("jaxgan: ") and message.count("\n") == 1
    for word in words:
        assert word in message


def test_other_experiments_take_the_flags_of_all(monkeypatch, tmp_path):
    """A variant that begins with a word is another experiment."""
    asked = {}

    def record(configs, workdir, **options):
        asked.update(configs=configs, workdir=workdir, **options)
        raise ConfigError("enough")

    monkeypatch.setattr(compare, "compare", record)
    several = ["--variant", "mmd: ring_mmd --steps 7", "--variant", "pairing:"]
    assert main(["compare", "ring", "--num-eval-samples", "64", *several, "--losses=hinge"]) == 2
    configs = asked["configs"]
    assert list(configs) == ["hinge", "mmd", "pairing"] and asked["seeds"] == 5
    assert configs["mmd"].game.name != configs["pairing"].game.name or (
        configs["mmd"].loss != configs["pairing"].loss
    )
    assert {config.num_eval_samples for config in configs.values()} == {64}
    assert (configs["mmd"].steps, configs["pairing"].steps) == (7, 20_000)
    assert str(asked["workdir"]) == "runs/ring-compared"
    assert asked["experiments"]["mmd"].__name__ == "experiments.ring_mmd"


@pytest.mark.parametrize("higher", [False, True])
def test_a_games_own_figure_can_be_compared(higher):
    """Of which a user says whether the highest is the best."""
    config = whole_run("vae")
    configs = {"a": config, "b": override(config, "generator.learning_rate", 0.01)}
    plan = planned(configs, 2, "reconstruction_mse", 1, "b", higher)
    assert (plan.score, plan.higher_is_better) == ("eval/reconstruction_mse", higher)
    # Of a metric it is known.
    assert not planned(configs, 2, "fid", 1, "b", higher).higher_is_better


@pytest.mark.slow
def test_killed_and_given_again_it_makes_the_same_table(tmp_path):
    """Two losses on the ring, four seeds each, as a user runs them; killed at some moment."""
    command = [
        *("-m", "jaxgan", "compare", "ring", "--losses", "relativistic_pairing,hinge"),
        *("--seeds", "4", "--samplings", "3", "--steps", "300", "--steps-per-call", "50"),
        *("--log-every", "100", "--checkpoint-every", "100", "--num-eval-samples", "1000"),
        *("--data.batch-size", "64", "--generator.network.kwargs.widths", "32,32"),
        *("--discriminator.network.kwargs.widths", "32,32", "--workdir"),
    ]
    whole = in_process(*command, tmp_path / "whole", timeout=900)
    assert whole.returncode == 0, whole.stderr
    assert "Against relativistic_pairing" in whole.stdout
    killed = subprocess.Popen(
        [sys.executable, *command, str(tmp_path / "killed")],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
    )
    # In the third run, after a checkpoint.
    while not [*(tmp_path / "killed").glob("*/seed-1/checkpoints/100")]:
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    again = in_process(*command, tmp_path / "killed", timeout=900)
    assert again.returncode == 0, again.stderr

    def found(name):
        result = json.loads((tmp_path / name / "comparison.json").read_text())["result"]
        for variant in result["variants"].values():
            assert variant.pop("step_seconds") > 0 and len(variant["scores"]) == 4
        return result

    assert found("killed") == found("whole")
