#!/usr/bin/env python3
"""How long it takes from nothing to an answer: a search in a space of a million vectors with an index, as a whole process.

    python3 bench/compare/opening.py --shape 1000000x100

The space is made from the seeded mixture and kept; each run opens it, maps its index and searches for the neighbours of one item
by its id. The pages of the files are in the machine's cache, as they are after a first search.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import REPOSITORY, WORK, environment, machine, say, wait_for_quiet

try:
    import numpy as np
    from mixture import mixture
except ImportError:
    python = str(environment(["numpy"], "venv-opening"))
    if sys.executable == python:
        raise
    os.execv(python, [python, *sys.argv])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="1000000x100", help="vectors and numbers of each [1000000x100]")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--load", type=float, default=1.0)
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas")
    args = parser.parse_args()
    rows, cols = map(int, args.shape.split("x"))
    folder = WORK / "opening"
    folder.mkdir(parents=True, exist_ok=True)
    space = folder / f"{args.shape}-{args.precision}.space"
    latlas = lambda *rest: subprocess.run([args.latlas, *map(str, rest)], check=True, capture_output=True, text=True)
    if not space.exists():
        np.save(folder / "vectors.npy", mixture(rows, cols))
        latlas("convert", folder / "vectors.npy", space, "--geometry", "euclidean")
        begun = time.perf_counter()
        built = latlas("index", space, "--precision", args.precision, "--quiet")
        say(built.stdout + f"built in {time.perf_counter() - begun:.0f} s")
    wait_for_quiet(args.load)
    stated = {}
    for name, command in {"nothing": ["--version"], "a search": ["search", space, "4242", "-k", "10"]}.items():
        seconds = []
        for _ in range(args.rounds + 1):
            begun = time.perf_counter()
            latlas(*command)
            seconds.append(time.perf_counter() - begun)
        stated[name] = seconds[1:]
    for name, seconds in stated.items():
        print(f"{name}: median {1e3 * statistics.median(seconds):.1f} ms, {1e3 * min(seconds):.1f} to {1e3 * max(seconds):.1f}, of {args.rounds} processes")
    print(f"{rows:,} × {cols}. {machine()}.")


if __name__ == "__main__":
    main()
