#!/usr/bin/env python3
"""Exact search beside faiss-flat, on the same vectors, in the same minutes.

Both search in-process on one thread, with vectors in memory and indexes built and warm; rounds alternate between them,
and the median counts. Every distance Latlas answers is checked against a brute force in f64: it must not exceed the
k-th smallest by more than 1e-5 of it. Ends with 1 if that fails or a single query is slower than --limit times faiss.

    python3 bench/compare/search.py --rows 100000 --dim 100
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from measure import REPOSITORY, environment, machine, wait_for_quiet

try:
    import faiss
    import numpy as np
except ImportError:
    python = str(environment(["faiss-cpu==1.15.1", "numpy"]))
    os.execv(python, [python, *sys.argv])


class Latlas:
    """The example `search_bench`, kept running so that rounds can alternate."""

    def __init__(self, binary, vectors, queries, measure, k):
        command = [binary, vectors, queries, measure, str(k)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("search_bench ended early")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def build():
    """Builds the example and returns its path, wherever the target folder is."""
    command = ["cargo", "build", "--release", "--example", "search_bench", "--message-format=json"]
    built = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    messages = (json.loads(line) for line in built.stdout.splitlines())
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "search_bench")


def exact_kth(vectors, queries, measure, k):
    """The k-th smallest distance of each query, in f64."""
    wide = vectors.astype(np.float64)
    if measure == "cosine":
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    kth = []
    for query in queries.astype(np.float64):
        if measure == "euclidean":
            distances = np.sqrt(((wide - query) ** 2).sum(axis=1))
        elif measure == "cosine":
            distances = 1 - wide @ (query / np.linalg.norm(query))
        else:
            distances = -(wide @ query)
        kth.append(np.partition(distances, k - 1)[k - 1])
    return np.array(kth)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=None, help="a search_bench built before")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=1.5, help="the most times slower than faiss a query may be")
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    options = parser.parse_args()
    binary = options.binary or build()

    wait_for_quiet(options.load)
    print(machine())
    faiss.omp_set_num_threads(1)
    rng = np.random.default_rng(42)
    vectors = rng.standard_normal((options.rows, options.dim)).astype(np.float32)
    queries = rng.standard_normal((options.queries, options.dim)).astype(np.float32)
    print(f"{options.rows:,} x {options.dim} f32, {options.queries} queries, k = {options.k}, one thread, "
          f"median of {options.rounds} rounds; faiss {faiss.__version__} ({faiss.get_compile_options().strip()})")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        files = f"{folder}/vectors.npy", f"{folder}/queries.npy"
        np.save(files[0], vectors)
        np.save(files[1], queries)
        for measure, index, prepare in [
            ("euclidean", faiss.IndexFlatL2(options.dim), lambda x: x),
            ("dot", faiss.IndexFlatIP(options.dim), lambda x: x),
            # faiss has no cosine: its users normalise first.
            ("cosine", faiss.IndexFlatIP(options.dim), lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)),
        ]:
            index.add(prepare(vectors))
            asked = prepare(queries)
            latlas = Latlas(binary, *files, measure, options.k)
            times = {"faiss one": [], "latlas one": [], "faiss batch": [], "latlas batch": []}
            for turn in range(options.rounds + 1):
                start = time.perf_counter()
                for query in asked:
                    index.search(query[None], options.k)
                one = time.perf_counter() - start
                ours = latlas.ask("one")
                start = time.perf_counter()
                index.search(asked, options.k)
                batch = time.perf_counter() - start
                ours_batch = latlas.ask("batch 1")
                if turn > 0:  # the first one warms up
                    times["faiss one"].append(one)
                    times["latlas one"].append(ours["seconds"])
                    times["faiss batch"].append(batch)
                    times["latlas batch"].append(ours_batch["seconds"])
            latlas.close()
            ms = {name: 1000 * statistics.median(seconds) / options.queries for name, seconds in times.items()}
            ratio = ms["latlas one"] / ms["faiss one"]
            kth = exact_kth(vectors, queries, measure, options.k)
            worst = 0.0
            for answer in (ours, ours_batch):
                distances = np.array(answer["distances"])
                worst = max(worst, float(((distances - kth[:, None]) / np.abs(kth)[:, None]).max()))
            right = worst <= 1e-5
            failed |= not right or ratio > options.limit
            print(f"{measure:9}  one query: latlas {ms['latlas one']:.2f} ms, faiss {ms['faiss one']:.2f} ms, "
                  f"ratio {ratio:.2f};  batch, a query: latlas {ms['latlas batch']:.3f} ms, faiss "
                  f"{ms['faiss batch']:.3f} ms, ratio {ms['latlas batch'] / ms['faiss batch']:.2f};  "
                  f"worst excess over the k-th distance {worst:.1e} ({'ok' if right else 'WRONG'})")
    sys.exit(failed)


if __name__ == "__main__":
    main()
