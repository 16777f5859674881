"""`python -m jaxgan` is the command `jaxgan`; an interrupt while it is imported is one line too."""

import sys


def main() -> int:
    """The command `jaxgan`; returns its exit code."""
    try:
        from jaxgan.cli import main as command

        return command()
    except KeyboardInterrupt:
        print("jaxgan: stopped before anything began", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
