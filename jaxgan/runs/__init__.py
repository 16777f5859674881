"""One run on the host: its directory, its loop, its checkpoints and what it tells."""
