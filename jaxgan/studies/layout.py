"""The directory of a sweep: the names of its files."""

from pathlib import Path
from typing import NamedTuple

from jaxgan.runs.directory import RunDirectory


class SweepDirectory(NamedTuple):
    """The files of a sweep; those of a member are a run directory's.

    Attributes:
        root: The directory.
    """

    root: Path

    @property
    def sweep(self) -> Path:
        """What is swept."""
        return self.root / "sweep.json"

    @property
    def rungs(self) -> Path:
        """The points that went on after each rung."""
        return self.root / "rungs.json"

    @property
    def results(self) -> Path:
        """Every member and point with its scores."""
        return self.root / "results.json"

    @property
    def table(self) -> Path:
        """The points, the best first, as Markdown."""
        return self.root / "table.md"

    def member(self, index: int) -> RunDirectory:
        """The run directory of a member."""
        return RunDirectory(self.root / "members" / f"{index:04}")

    def groups(self) -> list[int]:
        """The numbers of the groups."""
        return sorted(int(path.name) for path in (self.root / "groups").glob("*/"))

    def members(self, group: int) -> Path:
        """The members of a group, in their order."""
        return self.group(group) / "members.json"

    def checkpoints(self, group: int) -> Path:
        """The states of all members of a group, one folder a step."""
        return self.group(group) / "checkpoints"

    def executor(self, group: int) -> Path:
        """How the members of a group run."""
        return self.group(group) / "executor.json"

    def group(self, group: int) -> Path:
        """The directory of a group."""
        return self.root / "groups" / f"{group:02}"
