"""The commands of `jaxgan`, each in a module: its options, and what it does."""
