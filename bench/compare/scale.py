#!/usr/bin/env python3
"""How training scales: throughput from one thread to two, and with the corpus repeated on disk; peak memory of each.

Uses the corpus that words.py dumped. Throughput is of the training alone (words per second of wall time, as the space
itself records it), the rest of the whole process; runs alternate, median of `--rounds`.

    python3 bench/compare/scale.py
"""

import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path

from measure import REPOSITORY, WORK, machine, measured, output, say, wait_for_quiet

REPEATS = 4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--corpus", type=Path, default=WORK / "words" / "enwiki100-words.txt", help="one sequence a line")
    parser.add_argument("--method", default="word2vec")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    return parser.parse_args()


def main():
    args = arguments()
    if not args.corpus.exists():
        sys.exit(f"{args.corpus} is not there; words.py dumps it")
    work = WORK / "scale"
    work.mkdir(parents=True, exist_ok=True)
    long = work / f"{args.corpus.stem}-x{REPEATS}.txt"
    if not long.exists():
        with open(long, "wb") as out:
            for _ in range(REPEATS):
                with open(args.corpus, "rb") as once:
                    shutil.copyfileobj(once, out)
    settings = {"1 thread": (args.corpus, 1, 1), "2 threads": (args.corpus, 2, 1), f"2 threads, corpus ×{REPEATS}": (long, 2, REPEATS)}
    runs = {name: [] for name in settings}
    for seed in range(1, args.rounds + 1):
        for name, (corpus, threads, times) in settings.items():
            wait_for_quiet(args.load)
            say(f"round {seed} of {args.rounds}: {name}")
            space = work / "out.space"
            shutil.rmtree(space, ignore_errors=True)
            command = [args.latlas, "learn", args.method, corpus, "-o", space, "--dim", args.dim, "--epochs", 1, "--seed", seed,
                       "--threads", threads, "--tokenizer", "whitespace", "--keep-case", "--unit", "line", "--min-count", times]
            run = measured([*command, "--progress", "none"], work / "out.log")
            facts = json.loads((space / "space.json").read_text())["run"]
            runs[name].append({**run, "speed": facts["words_per_second"]})
    middle = {name: {key: statistics.median(run[key] for run in found) for key in found[0]} for name, found in runs.items()}
    print("| setting | words/s | CPU s | wall s | peak MB |\n|---|---|---|---|---|")
    for name, run in middle.items():
        print(f"| {name} | {run['speed']:,.0f} | {run['cpu']:.1f} | {run['wall']:.1f} | {run['peak_mb']:.0f} |")
    one, two, repeated = middle.values()
    print(f"\nTwo threads over one: {two['speed'] / one['speed']:.2f} (floor 1.8). Corpus ×{REPEATS} over ×1: speed {repeated['speed'] / two['speed']:.2f} "
          f"(0.9 to 1.1), memory {repeated['peak_mb'] / two['peak_mb']:.2f}.")
    print(f"{args.method}, dim {args.dim}, 1 epoch, median of {args.rounds}. {output([args.latlas, '--version']).strip()}. {machine()}.")
    print(f"`python3 bench/compare/scale.py {' '.join(sys.argv[1:])}`")


if __name__ == "__main__":
    main()
