#!/usr/bin/env python3
"""Graphs of nearest neighbours beside faiss-flat (exact) and pynndescent (NN-descent; ours by cells), on the same vectors.

All run in-process with vectors in memory and a warm-up behind them (pynndescent's compilation is told apart); rounds
alternate between the tools, and the median counts: wall time, and CPU time of the process. Recall is scored for every
tool alike, on the same 500 points, against a brute force in f64.

    python3 bench/compare/neighbours.py --vectors mnist50.npy -k 15 --threads 2
    python3 bench/compare/neighbours.py --mixture 200000x50 --methods cells

`--sweep` runs cells and NN-descent at several settings and asks for each of pynndescent's how fast ours gets to the same recall:

    python3 bench/compare/neighbours.py --vectors mnist50.npy --sweep
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from maps import PACKAGES
from measure import REPOSITORY, environment, machine, wait_for_quiet

try:
    import faiss
    import numpy as np
    import pynndescent
    from mixture import mixture
except ImportError:
    python = str(environment(PACKAGES, "venv-maps"))
    os.execv(python, [python, *sys.argv])


# From fast and coarse to slow and fine; {} are the defaults.
OURS = [{"reach": reach} for reach in (0.1, 0.15, 0.18, 0.2, 0.22, 0.25, 0.3, 0.35, 0.4)]
THEIRS = [{"n_iters": 3}, {}, {"max_candidates": 30}, {"max_candidates": 60}, {"max_candidates": 60, "delta": 1e-5}, {"n_neighbors": 30, "max_candidates": 60}]


class Latlas:
    """The example `neighbours_bench`, kept running so that rounds can alternate."""

    def __init__(self, binary, vectors, metric):
        self.process = subprocess.Popen(
            [binary, vectors, metric], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, **question):
        before = self.cpu()
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("neighbours_bench ended early")
        answer = json.loads(line)
        return answer["seconds"], self.cpu() - before, answer["neighbours"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def build():
    """Builds the example and returns its path, wherever the target folder is."""
    name = "neighbours_bench"
    command = ["cargo", "build", "--release", "--example", name, "--message-format=json"]
    built = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    messages = (json.loads(line) for line in built.stdout.splitlines())
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == name)


def timed(act):
    """Wall seconds, CPU seconds of this process, and what `act` gives."""
    usage = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    start, cpu = time.perf_counter(), usage()
    answer = act()
    return time.perf_counter() - start, usage() - cpu, answer


def truth(vectors, sample, k):
    """The k-th smallest distance of each sampled point to the others, squared, in f64."""
    wide = vectors.astype(np.float64)
    squares = (wide**2).sum(axis=1)
    kth = []
    for point in sample:
        distances = squares + squares[point] - 2 * wide @ wide[point]
        distances[point] = np.inf
        near = np.argpartition(distances, k)[: 2 * k]
        kth.append(np.sort(((wide[near] - wide[point]) ** 2).sum(axis=1))[k - 1])
    return np.array(kth)


def recall(vectors, sample, kth, lists, k):
    """The mean share of neighbours that are no farther than the true k-th."""
    shares = []
    for point, limit, near in zip(sample, kth, lists):
        near = np.array([j for j in near if j != point][:k])
        distances = ((vectors[near].astype(np.float64) - vectors[point]) ** 2).sum(axis=1)
        shares.append((distances <= limit * (1 + 1e-6)).sum() / k)
    return float(np.mean(shares))


def sweep(options, ask, rival):
    """Cells and NN-descent at all their settings, in turn; then, for each of pynndescent's, the fastest of ours that finds as much."""
    found = {"latlas": {}, "pynndescent": {}}
    for _ in range(options.rounds):
        for tool, grid, act in (("pynndescent", THEIRS, rival), ("latlas", OURS, lambda settings: ask({"method": "cells", **settings}))):
            for settings in grid:
                found[tool].setdefault(json.dumps(settings), []).append(act(settings))
    medians = {tool: {settings: [statistics.median(column) for column in zip(*runs)] for settings, runs in of.items()} for tool, of in found.items()}
    for tool, of in medians.items():
        for settings, (wall, cpu, share) in of.items():
            print(f"{tool:12} {wall:8.2f} s wall {cpu:8.2f} s CPU   recall {share:.4f}  {settings}")
    for settings, (wall, cpu, share) in medians["pynndescent"].items():
        enough = [(*ours, of) for of, ours in medians["latlas"].items() if ours[2] >= share]
        if enough:
            ours = min(enough)
            print(f"recall {share:.4f} of {settings}: latlas is {wall / ours[0]:.2f} times as fast ({cpu / ours[1]:.2f} in CPU time), finding {ours[2]:.4f} with {ours[3]}")
        else:
            print(f"recall {share:.4f} of {settings}: no setting of ours found as much")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=None, help="a neighbours_bench built before")
    parser.add_argument("--vectors", default=None, help="an .npy file of f32")
    parser.add_argument("--mixture", default="200000x50", help="else ROWSxDIM of a mixture of 50 Gaussians")
    parser.add_argument("--methods", default="exact,cells")
    parser.add_argument("-k", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", default="{}", help="options of ours, as JSON")
    parser.add_argument("--sweep", action="store_true", help="cells and NN-descent at several settings")
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    options = parser.parse_args()
    binary = options.binary or build()
    if options.vectors:
        vectors = np.load(options.vectors).astype(np.float32)
    else:
        vectors = mixture(*map(int, options.mixture.split("x")))
    wait_for_quiet(options.load)
    faiss.omp_set_num_threads(options.threads)
    import numba
    numba.set_num_threads(options.threads)
    sample = np.sort(np.random.default_rng(1).choice(len(vectors), min(500, len(vectors)), replace=False))
    kth = truth(vectors, sample, options.k)
    print(machine())
    print(f"{len(vectors):,} x {vectors.shape[1]} f32, k = {options.k}, {options.threads} threads, median of {options.rounds} "
          f"rounds; faiss {faiss.__version__} ({faiss.get_compile_options().strip()}), pynndescent {pynndescent.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/vectors.npy", vectors)
        latlas = Latlas(binary, f"{folder}/vectors.npy", "euclidean")
        show = sample.tolist()
        scored = lambda lists: recall(vectors, sample, kth, lists, options.k)

        def flat():
            index = faiss.IndexFlatL2(vectors.shape[1])
            index.add(vectors)
            return index.search(vectors, options.k + 1)[1]

        def descent(data=vectors, **settings):
            settings = {"n_neighbors": options.k + 1, "n_jobs": options.threads, "random_state": 42, **settings}
            return pynndescent.NNDescent(data, **settings).neighbor_graph[0]

        def ask(settings):
            wall, cpu, lists = latlas.ask(threads=options.threads, options={"k": options.k, **settings, **json.loads(options.set)}, show=show)
            return wall, cpu, scored(lists)

        def rival(act):
            wall, cpu, lists = timed(act)
            return wall, cpu, scored(lists[sample])

        if options.sweep:
            compiled, _, _ = timed(lambda: descent(vectors[:5000]))
            sweep(options, ask, lambda settings: rival(lambda: descent(**settings)))
            print(f"first call of pynndescent, on 5,000 points: {compiled:.1f} s")
        for method in [] if options.sweep else options.methods.split(","):
            name, act = ("faiss-flat", flat) if method == "exact" else ("pynndescent", descent)
            compiled, _, _ = timed(lambda: descent(vectors[:5000])) if method == "cells" else (0.0, 0.0, None)
            times = {name: [], "latlas": []}
            for _ in range(options.rounds):
                times[name].append(rival(act))
                times["latlas"].append(ask({"method": method}))
            median = {tool: [statistics.median(column) for column in zip(*runs)] for tool, runs in times.items()}
            for tool, (wall, cpu, share) in median.items():
                print(f"{method:8} {tool:12} {wall:8.2f} s wall {cpu:8.2f} s CPU   recall {share:.4f}")
            print(f"{method:8} latlas is {median[name][0] / median['latlas'][0]:.2f} times as fast ({median[name][1] / median['latlas'][1]:.2f} in CPU time)"
                  + (f"; first call of {name}, on 5,000 points: {compiled:.1f} s" if compiled else ""))
        latlas.close()


if __name__ == "__main__":
    main()
