"""Commands that are too long for `jaxgan.cli`, each in a module: its options and what it does."""
