"""Numbers that are folded into a run's key, each for one purpose, so that no two share draws.

Steps fold in 0, 1, 2, ...; these are out of their reach.
"""

INITIALISATION = 2**32 - 1
EVALUATION = 2**32 - 2
PICTURE = 2**32 - 3
MONITOR = 2**32 - 4
FIT = 2**32 - 5  # of what a game compares with
RESAMPLING = 2**32 - 6  # evaluations of a trained run, again
UNTRAINED = 2**32 - 7  # networks that probed ones are compared with
