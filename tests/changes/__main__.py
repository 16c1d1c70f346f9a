"""`python -m tests.changes --steps 1000 --seed 7`: random changes, with a report of every difference."""

from __future__ import annotations

import argparse
import sys
import time

from tests.changes.machine import CHANGES, first_failure
from tests.changes.smaller import smaller
from tests.changes.words import told


def main() -> int:
    """Run episodes of some steps each, each with the next seed; exit code 1 if there was any difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.changes", description=main.__doc__)
    parser.add_argument("--steps", type=int, default=200, help="how many steps in all")
    parser.add_argument("--seed", type=int, default=0, help="of the first episode")
    parser.add_argument("--episode", type=int, default=25, help="steps of one project")
    parser.add_argument(
        "--full-every", type=int, default=1, help="compare every nth step with a full build; all with the oracle"
    )
    parser.add_argument("--shrink", type=float, default=90.0, help="seconds for making a failure small")
    parser.add_argument("--loose", action="store_true", help="order and types of columns do not matter")
    parser.add_argument("--points", action="store_true", help="hold the models of children as change points")
    parser.add_argument(
        "--without", nargs="+", choices=CHANGES, default=[], metavar="CHANGE", help="changes to leave out"
    )
    parser.add_argument("--stop", action="store_true", help="end with the first difference")
    options = parser.parse_args()
    names = [name for name in CHANGES if name not in options.without]
    begun, failures = time.monotonic(), 0
    for number in range(-(-options.steps // options.episode)):
        seed = options.seed + number
        failure = first_failure(seed, options.episode, options.full_every, options.loose, names, options.points)
        done = min((number + 1) * options.episode, options.steps)
        outcome = "FAILED" if failure else "fine"
        print(f"{time.monotonic() - begun:7.0f} s  seed {seed}: {outcome}, {done} of {options.steps} steps", flush=True)
        if failure is not None:
            failures += 1
            print(told(seed, smaller(seed, failure, options.shrink, options.loose, options.points)), flush=True)
            if options.stop:
                break
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
