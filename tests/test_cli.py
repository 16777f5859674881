"""The command line as a user meets it: in a process of its own."""

import contextlib
import importlib
import io
import json
import os
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from processes import run

import jaxgan
from jaxgan import LOSSES
from jaxgan.cli import main
from jaxgan.commands.train import TrainOptions
from jaxgan.config import (
    AugmentationConfig,
    Config,
    ControllerConfig,
    DataConfig,
    OptimizerConfig,
    PenaltyConfig,
    PlayerConfig,
    TermConfig,
    override,
)
from jaxgan.evaluation import reference
from jaxgan.fields import leaves
from jaxgan.flags import FOREIGN, parse
from jaxgan.registry import hyperparameters
from jaxgan.runs import loop, names

REGISTRIES = (
    "augmentations",
    "datasets",
    "features",
    "games",
    "kernels",
    "losses",
    "measures",
    "metrics",
    "networks",
    "optimizers",
    "penalties",
)
SMALL = [
    "--steps=4",
    "--log-every=2",
    "--num-eval-samples=64",
    "--generator.network.kwargs.widths=8,8",
    "--discriminator.network.kwargs.widths=8,8",
]
# A config with one of everything.
FULL = Config(
    networks={"encoder": PlayerConfig()},
    streams={"labelled": DataConfig()},
    terms={"far": TermConfig()},
    penalties={"r1": PenaltyConfig()},
    controllers={"balance": ControllerConfig()},
    augmentation=AugmentationConfig(),
)


def cpu_seconds():
    """Of finished child processes: unlike the time on the wall, blind to what else runs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def check_one_line(message, *words):
    assert message.startswith("jaxgan: ")
    assert message.count("\n") == 1, message
    for word in words:
        assert word in message


def check_exit(process, code, *words):
    assert process.returncode == code, process.stderr
    check_one_line(process.stderr, *words)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run directory, and what the command printed."""
    workdir, printed = tmp_path_factory.mktemp("run"), io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["train", "experiments.ring", f"--workdir={workdir}", *SMALL]) == 0
    return workdir, printed.getvalue()


def test_training_says_where_everything_is(trained):
    workdir, printed = trained
    summary = json.loads((workdir / "summary.json").read_text())
    assert f"run directory  {workdir}" in printed
    assert f"samples        {workdir / summary['picture']}" in printed
    assert f"{summary['metrics']['eval/modes']:.5g}" in printed
    config = json.loads((workdir / "config.json").read_text())
    assert config["steps"] == 4
    assert config["generator"]["network"]["kwargs"]["widths"] == [8, 8]


def test_entries_may_be_exchanged_with_their_arguments(tmp_path, monkeypatch):
    """The flags of an entry hold for the entry named, in whatever order they come."""
    given = []

    def only_seen(config, *args, **options):
        given.append(config)
        raise SystemExit(0)

    monkeypatch.setattr(loop, "train", only_seen)
    flags = ["--generator.optimizer.kwargs.momentum=0.5", "--generator.optimizer.name=sgd"]
    with pytest.raises(SystemExit):
        main(["train", "experiments.ring", f"--workdir={tmp_path}", *SMALL, *flags])
    (config,) = given
    assert config.generator.optimizer == OptimizerConfig(name="sgd", kwargs={"momentum": 0.5})
    assert config.discriminator.optimizer.name == "adam"


@pytest.mark.slow
def test_train_is_the_same_as_running_the_experiment(trained, tmp_path):
    process = run("-m", "jaxgan", "train", "experiments.ring", "--workdir", tmp_path, *SMALL)
    assert process.returncode == 0, process.stderr
    files = [directory / "config.json" for directory in (trained[0], tmp_path)]
    assert files[0].read_text() == files[1].read_text()


def test_sample_draws_a_picture(trained, tmp_path):
    out = tmp_path / "grid.png"
    assert main(["sample", str(trained[0]), "--num=16", f"--out={out}"]) == 0
    assert Image.open(out).size == (600, 636)


def test_eval_prints_the_scores(trained, capsys, monkeypatch):
    monkeypatch.setattr(reference, "MAX_REAL", 1000)  # makes it short
    assert main(["eval", str(trained[0])]) == 0
    assert re.search(r"high_quality +(higher +)?[\d.e-]+ \+- ", capsys.readouterr().out)


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\n"
        "sys.argv = ['digits', '--help']\n"
        "from jaxgan.cli import experiment_main\n"
        "try:\n    experiment_main('experiments.digits')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'jax', 'flax', 'optax', 'orbax', 'tensorflow_datasets', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    times = []
    for _ in range(3):
        start = cpu_seconds()
        process = run("-c", code)
        times.append(cpu_seconds() - start)
        assert process.returncode == 0, process.stderr
        assert "--generator.learning-rate" in process.stdout
        assert "--loss.kwargs.NAME" in process.stdout
    assert min(times) < 1.0


def test_help_of_all_commands_imports_none_of_them():
    """Each has the line that it begins its own help with."""
    code = (
        "import sys; from jaxgan.cli import main; main(['--help'])\n"
        "heavy = {'numpy', 'tyro', 'rich', 'jaxgan.config'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    start = cpu_seconds()
    process = run("-c", code)
    assert cpu_seconds() - start < 0.5
    assert process.returncode == 0, process.stderr
    commands = re.findall(r"^  (\w+) +(.*)$", process.stdout, re.MULTILINE)
    assert {"train", "sample", "sweep", "eval", "compare", "runs", "list"} == {*dict(commands)}
    for name, about in commands:
        module = importlib.import_module(f"jaxgan.commands.{name}")
        if name != "train":  # whose own help begins with what the experiment says of itself
            assert about == getattr(module, f"{name.title()}Options").__doc__.partition("\n")[0]


@pytest.mark.parametrize(
    ("kind", "registry"),
    [
        *((kind, None) for kind in REGISTRIES),
        ("experiments", ("digits", "ring", "grid", "mnist_dcgan")),
    ],
)
def test_list_names_every_entry(kind, registry, capsys):
    registry = registry or getattr(jaxgan, kind.upper())
    assert main(["list", kind]) == 0
    listed = capsys.readouterr().out
    for name in registry:
        assert re.search(rf"^{name}\b", listed, re.MULTILINE)


def test_list_shows_hyperparameters_and_summaries(capsys):
    assert main(["list", "losses"]) == 0
    listed = capsys.readouterr().out
    assert re.search(
        r"^mmd_gaussian\(bandwidth=1.0, estimator='unbiased'\)\n    G = .*\n.*\n    Source: ",
        listed,
        re.M,
    )
    assert listed.count("    Source: ") == len(LOSSES)
    for name, compared in (
        ("hinge", "Compares logits, features; set with set."),
        ("ms_ssim", "Compares images; real i with fake i."),
        ("l2", "Compares images, features, logits; real i with fake i."),
        ("mmd_gaussian", "Compares images, features, logits; set with set."),
    ):
        assert re.search(
            rf"^{name}\b.*\n    .*[DG] = .*\n    {compared}\n    Source: ", listed, re.M
        )
    assert listed.count("    Compares ") == len(LOSSES)


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--loss.name", "mmd_gausian"], 2, ["'mmd_gausian'", "did you mean 'mmd_gaussian'?"]),
        (["--batch-size", "0"], 2, ["data.batch_size is 0", "at least 1"]),
        (["--batch_size=0"], 2, ["data.batch_size is 0"]),
        (["--steps", "many"], 2, ["steps is 'many'", "of type int"]),
        (["--stepz", "3"], 2, ["unknown flag '--stepz'", "did you mean '--steps'?"]),
        (["--loss.on", "logit"], 2, ["'logit'"]),
        (["--loss.kwargs.bandwidth", "2"], 2, ["takes no hyperparameters"]),
        (["--loss.kwargs.bandwidth"], 2, ["needs a value"]),
        (["--penalties.r3.weight", "2"], 2, ["'r3'", "did you mean"]),
        (["--generator.network.kwargs.shape", "2"], 2, ["generator.network", "shape"]),
        (["--generator.network.kwargs.width", "2"], 2, ["did you mean 'widths'?"]),
        (["--generator.network.kwargs.widths", "8,0"], 2, ["it must be at least 1"]),
        (["--generator.optimizer.name", "adan"], 2, ["did you mean 'adam'?"]),
        (["--data-dir", "/nowhere"], 3, ["'/nowhere' does not exist"]),
        (["--data.name", "digts"], 3, ["digts"]),
        (["--data.split", "trian"], 2, ["'trian'", "train, test"]),
        (["--loss.on", "images"], 2, ["compares logits or features alone"]),
        (["--loss.name", "gmmn", "--loss.on", "images"], 2, ["penalties"]),
        (["--loss.name", "mmd_gaussian", "--loss.kwargs.bandwidth", "0"], 2, ["greater than 0"]),
        (["--generator.learning-rate.shape", "sine"], 2, ["did you mean 'cosine'"]),
        (["--game.name", "nowhere:game"], 2, ["'nowhere' cannot be imported"]),
        (["--networks.encoder.learning-rate", "-1"], 2, ["networks.encoder", "at least 0"]),
        (["--resume"], 2, ["holds no run to resume"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_answered_in_one_line(flags, code, words, tmp_path, capsys):
    workdir = tmp_path / "run"
    assert main(["train", "experiments.ring", f"--workdir={workdir}", *flags]) == code
    check_one_line(capsys.readouterr().err, *words)
    assert not (workdir / "config.json").exists()


def test_a_mistake_is_answered_within_5_seconds(tmp_path):
    start = cpu_seconds()
    process = run("-m", "experiments.ring", "--workdir", tmp_path, "--generator.optimizer.b1", "2")
    assert cpu_seconds() - start < 5
    check_exit(process, 2, "b1")


def test_a_run_directory_must_be_a_directory(tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    assert main(["train", "ring", f"--workdir={tmp_path / 'file'}"]) == 2
    check_one_line(capsys.readouterr().err, "is a file", "--workdir")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_run_directory_must_be_writable(tmp_path, capsys):
    workdir = Path("/proc/jaxgan") if os.geteuid() == 0 else tmp_path / "run"
    tmp_path.chmod(0o555)
    assert main(["train", "ring", f"--workdir={workdir}"]) == 2
    check_one_line(capsys.readouterr().err, "cannot be written")


def test_a_run_directory_in_use_is_left_alone(tmp_path, capsys):
    code = (
        "import pathlib, sys; from jaxgan.runs.directory import locked\n"
        f"with locked(pathlib.Path({str(tmp_path)!r})):\n"
        "    print('held', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert main(["train", "ring", f"--workdir={tmp_path}"]) == 6
        holder.communicate(b"\n")
    check_one_line(capsys.readouterr().err, f"in use by process {holder.pid}")


# What users of other libraries type, and what they are told to type.
FOREIGN_FLAGS = {
    "--lr 1e-3": "use --generator.learning-rate and --discriminator.learning-rate",
    "--generator.lr 1e-3": "use --generator.learning-rate",
    "--generator.beta1 0": "use --generator.optimizer.kwargs.b1",
    "--epochs 5": "the length of a run is --steps N; an epoch is (number of samples / --batch-size",
    "--num-epochs=5": "the length of a run is --steps N",
    "--total-steps 5": "use --steps N",
    "--bs 5": "use --batch-size N",
    "--gpus 2": "JAX_PLATFORMS=cpu",
    "--device cpu": "JAX_PLATFORMS=cpu",
    "--output-dir x": "use --workdir DIR",
    "--checkpoint-path x": "use --workdir RUN --resume",
    "--dataset mnist": "use --data.name",
    "--image-size 32": "use --data.resize SIDE",
    "--flip true": "use --data.mirror",
    "--z-dim 8": "use --latent.dim N",
    "--fp16 true": "use --dtype bfloat16",
    "--ema-decay .9": "use --ema-half-life STEPS",
    "--optimizer adam": "use --generator.optimizer.name and --discriminator.optimizer.name",
    "--arch dcgan": "use --generator.network.name and --discriminator.network.name",
    "--loss hinge": "use --loss.name hinge",
    "--loss.lambda 2": "use --loss.weight",
    "--penalties r1": "use --penalties.LABEL.name r1",
    "--penalties.wgan_gp.lambda 10": "use --penalties.wgan_gp.weight",
    "--wgan_gp.lambda 10": "use --penalties.wgan_gp.weight",
    "--augmentation ada": "use --augmentation.name ada",
    "--generator.network dcgan": "use --generator.network.name dcgan",
    "--networks.encoder.network mlp": "use --networks.encoder.network.name mlp",
}


@pytest.mark.parametrize("flags", FOREIGN_FLAGS)
def test_flags_of_other_libraries_are_answered_with_the_flag_here(flags, tmp_path, capsys):
    assert main(["train", "ring", f"--workdir={tmp_path}", *flags.split()]) == 2
    check_one_line(capsys.readouterr().err, FOREIGN_FLAGS[flags])


def test_each_foreign_flag_is_tested_and_none_is_a_flag_here():
    own = [path for path, _, _ in leaves(FULL)]
    typed = [re.split("[ =]", flags)[0].strip("-").replace("-", "_") for flags in FOREIGN_FLAGS]
    for pattern in FOREIGN:
        assert not [path for path in own if re.fullmatch(pattern, path)]
        assert [path for path in typed if re.fullmatch(pattern, path)], pattern


def test_a_boolean_in_a_group_may_stand_alone():
    for arguments, mirror in ((["--data.mirror"], True), (["--no-data.mirror"], False)):
        options = TrainOptions(config=override(Config(), "data.mirror", not mirror))
        assert parse(options, arguments, usage="").config.data.mirror is mirror
    options = parse(TrainOptions(config=FULL), ["--augmentation", "none"], usage="")
    assert options.config.augmentation is None


WITHOUT_JAX = """
import contextlib, io, json, sys
from jaxgan.cli import main
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as told:
        code = main(arguments)
    assert "jax" not in sys.modules, arguments
    print(json.dumps([code, told.getvalue()]))
"""
UNKNOWN_NAMES = {
    "--loss.name hing": "unknown loss 'hing'; did you mean 'hinge'?",
    "--terms.x.name mmd_gausian": "unknown loss 'mmd_gausian'; did you mean 'mmd_gaussian'?",
    "--loss.kwargs.bandwidth 2": "loss takes no hyperparameters; remove 'bandwidth'",
    "--penalties.r3.weight 2": "unknown penalty 'r3'; did you mean 'r2'?",
    "--penalties.lecam.kwargs.decai .9": (
        "unknown hyperparameter of penalties.lecam 'decai'; did you mean 'decay'?"
    ),
    "--augmentation.name adda": "unknown augmentation 'adda'; did you mean 'ada'?",
    "--game.name vaegan": "unknown game 'vaegan'; did you mean 'vae_gan'?",
    "--game.kwargs.paking 2": (
        "unknown hyperparameter of game adversarial 'paking'; did you mean 'packing'?"
    ),
    "--generator.network.name dcgn": "unknown network 'dcgn'; did you mean 'dcgan'?",
    "--generator.network.kwargs.width 2": (
        "unknown hyperparameter of generator.network 'width'; did you mean 'widths'?"
    ),
    "--generator.optimizer.name adan": "unknown optimizer 'adan'; did you mean 'adam'?",
    "--eval-metrics fidd": "unknown metric 'fidd'; did you mean 'fid'?",
    "--data.kwargs.sizes 2": "unknown hyperparameter of data 'sizes'; did you mean 'size'?",
}


def test_an_unknown_name_is_answered_before_jax_is_imported(tmp_path, capsys):
    """In the same words as afterwards, here, where jax is imported."""
    start = ["train", "ring", f"--workdir={tmp_path / 'run'}"]
    commands = {" ".join((*start, flags)): told for flags, told in UNKNOWN_NAMES.items()}
    commands["eval runs/x --metrics fidd"] = UNKNOWN_NAMES["--eval-metrics fidd"]
    commands["eval runs/x --features pcaa"] = "unknown features 'pcaa'; did you mean 'pca'?"
    process = run("-c", WITHOUT_JAX, json.dumps([command.split() for command in commands]))
    assert process.returncode == 0, process.stderr
    for line, told in zip(process.stdout.splitlines(), commands.values(), strict=True):
        assert json.loads(line) == [2, f"jaxgan: {told}\n"]
    for flags, told in UNKNOWN_NAMES.items():
        assert main([*start, *flags.split()]) == 2
        assert capsys.readouterr().err == f"jaxgan: {told}\n"


@pytest.mark.parametrize("kind", REGISTRIES)
def test_names_read_from_the_source_are_those_of_the_registry(kind):
    registry, read = getattr(jaxgan, kind.upper()), names.entries(kind)
    assert set(read) == set(registry)
    unread = set()
    for name, record in registry.items():
        functions = [getattr(record, "function", record)]
        if kind == "networks":
            functions = [record.generator, record.discriminator]
        expected = tuple(f and frozenset(hyperparameters(f)) for f in functions)
        assert read[name] in (expected, ())
        unread |= {name} if not read[name] else set()
    # Those of optax, and losses that are made of kernels.
    made = {name for name in registry if name.startswith("mmd_")} if kind == "losses" else set()
    assert unread <= (set(registry) if kind == "optimizers" else made), unread


@pytest.mark.parametrize("command", ["sample", "eval"])
def test_a_directory_without_a_run_is_said_so(command, tmp_path, capsys):
    assert main([command, str(tmp_path)]) == 2
    check_one_line(capsys.readouterr().err, "holds no run")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["unknown command 'trian'; did you mean 'train'?"]),
        (["resume", "runs/x"], ["'resume'; `jaxgan train`, given again as it was, goes on"]),
        (["generate"], ["unknown command 'generate'; use `jaxgan sample RUN`"]),
        (["test"], ["unknown command 'test'; use `jaxgan eval RUN`"]),
        (["runs", "/nowhere"], ["there is no folder '/nowhere'"]),
        (["train", "./nowhere"], ["there is no folder './nowhere'"]),
        (["train"], ["name an experiment"]),
        (["train", "experiments.rign"], ["did you mean 'experiments.ring'?"]),
        (["train", "rign"], ["did you mean 'ring'?"]),
        (["list", "loses"], ["unknown kind 'loses'; did you mean 'losses'?"]),
        (["sample", "run", "--num", "many"], ["num is 'many'"]),
        (["sample"], ["see --help"]),
        (["list"], ["see --help"]),
    ],
)
def test_the_command_line_itself(arguments, words, capsys):
    assert main(arguments) == 2
    check_one_line(capsys.readouterr().err, *words)


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"jaxgan {jaxgan.__version__}\n"


def test_usage_lists_the_commands(capsys):
    assert main([]) == 0
    usage = capsys.readouterr().out
    for command in ("train", "sample", "eval", "runs", "list"):
        assert re.search(rf"^  {command}\b", usage, re.MULTILINE)


def test_debug_shows_the_traceback(tmp_path):
    process = run("-m", "experiments.ring", "--workdir", tmp_path, "--loss.name", "hing", "--debug")
    assert process.returncode == 1
    assert "Traceback" in process.stderr and "did you mean 'hinge'?" in process.stderr


@pytest.mark.slow
def test_an_unprepared_data_set_is_answered_without_a_network(tmp_path):
    start = cpu_seconds()
    process = run(
        "-m", "experiments.mnist_dcgan", "--workdir", tmp_path / "run", "--data-dir", tmp_path
    )
    assert cpu_seconds() - start < 10  # TFDS itself would try for minutes
    check_exit(process, 3, "mnist", str(tmp_path), "download_and_prepare")


def test_no_address_is_looked_up(tmp_path, monkeypatch):
    """The same, with every socket forbidden."""

    def forbidden(*args, **kwargs):
        raise AssertionError("a network access")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    flags = ["--workdir", str(tmp_path / "run"), "--data-dir", str(tmp_path), "--batch-size", "64"]
    assert main(["train", "experiments.mnist_dcgan", *flags]) == 3


@pytest.mark.parametrize("module", ["jaxgan", "experiments.ring"])
def test_an_interrupt_during_imports_is_one_line(module, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'jaxgan.errors':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    process = run("-m", module, PYTHONPATH=str(tmp_path))
    check_exit(process, 130, "stopped")


def test_a_path_that_is_none_is_answered_in_one_line(capsys):
    assert main(["train", "experiments.ring", "--workdir=a\0b"]) == 2
    check_one_line(capsys.readouterr().err, "'a\\x00b' is no path")
