"""Experiments: one module each, with a docstring that says what to run and what to expect."""
