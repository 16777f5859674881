"""What a run shows on a terminal, and what it does not show elsewhere."""

import io

import pytest
import rich.console

from jaxgan.runs import writer as writer_module
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.writer import Writer


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """(is_terminal) -> a writer of a run that goes on from step 20, and what it shows."""
    console = rich.console.Console

    def writer(is_terminal):
        text = io.StringIO()
        options = {"file": text, "force_terminal": is_terminal, "width": 120}
        monkeypatch.setattr(
            writer_module.rich.console, "Console", lambda **given: console(**given, **options)
        )
        return Writer(RunDirectory(tmp_path), 20, 100_000, 64), text

    return writer


def test_a_terminal_shows_that_steps_are_compiled_until_the_first_are_done(shown):
    writer, text = shown(is_terminal=True)
    writer.advance(20, None)
    writer._progress.refresh()
    assert "compiling" in text.getvalue() and "training" not in text.getvalue()
    text.truncate(0)
    writer.advance(30, 725.0)
    writer._progress.refresh()
    assert "training" in text.getvalue() and "compiling" not in text.getvalue()
    assert "46,400 samples/s" in text.getvalue()
    writer.close()


def test_elsewhere_there_are_rows_alone(shown):
    writer, text = shown(is_terminal=False)
    writer.advance(20, None)
    writer.advance(30, 725.0)
    assert text.getvalue() == ""
    for rate, plain in ((725.0, "46,400"), (1e6, "64,000,000"), (0.25, "16"), (0.005, "0.32")):
        writer.row(40, {"loss/generator": 0.5}, rate)
        line = text.getvalue().splitlines()[-1]
        assert line.startswith(f"step 40/100000  loss/generator 0.5  {plain} samples/s  ETA ")
    writer.close()
