"""The rows of metrics.jsonl."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.files import write_text


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The complete rows of a metrics.jsonl; a last line cut short by a crash is left out."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def keep_rows(path: Path, step: int) -> float:
    """Drops the rows after a step, which are to come again; the time of the last that stays."""
    rows = [row for row in read_rows(path) if row["step"] <= step]
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
    return rows[-1]["time"] if rows else 0.0


def row_line(step: int, seconds: float, values: Mapping[str, float]) -> str:
    """A row of metrics.jsonl."""
    return json.dumps({"step": step, "time": round(seconds, 3), **values}) + "\n"
