#!/usr/bin/env python3
"""Graph indexes beside hnswlib, usearch, faiss and pynndescent: recall@10 against queries a second, and what building costs.

All hold the same vectors in memory and answer the same queries, which are none of them, one after the other on one
thread; recall is counted against a brute force. Each is built once (on --threads), then searched at rising effort,
round after round in turn, and the median counts. From each curve the speed at recall .95 and .99 is read off by
interpolating logarithms.

    python3 bench/compare/index.py --data mnist          # 60,000 × 784, the 10,000 others ask
    python3 bench/compare/index.py --data mixture        # 500,000 × 50 in clusters
    python3 bench/compare/index.py --vectors words.npy --measure cosine
"""

import argparse
import gzip
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import REPOSITORY, WORK, environment, machine, say, versions, wait_for_quiet

PACKAGES = ["hnswlib==0.8.0", "usearch==2.26.6", "faiss-cpu==1.15.1", "pynndescent", "numpy"]
try:
    import faiss
    import hnswlib
    import numpy as np
    import pynndescent
    import usearch.index
    from mixture import mixture
except ImportError:
    python = str(environment(PACKAGES, "venv-index"))
    if sys.executable == python:
        raise
    os.execv(python, [python, *sys.argv])

EFFORTS = [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640]
LEVELS = (0.9, 0.95, 0.99)


def clock(pid):
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Bytes that a process holds now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Latlas:
    """The example `index_bench`, kept running so that rounds can alternate."""

    def __init__(self, name, options, args, files):
        self.name = name
        command = [str(args.binary), *map(str, files), args.measure, str(args.k)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.options = options

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("index_bench ended early")
        return json.loads(line)

    def build(self, vectors, args):
        # Answered when the vectors are read.
        self.ask("ready")
        before, held = clock(self.process.pid), memory(self.process.pid)
        answer = self.ask(f"build {args.threads} {json.dumps(self.options)}")
        return answer["seconds"], clock(self.process.pid) - before, memory(self.process.pid) - held

    def search(self, queries, effort, args):
        answer = self.ask(f"search {effort}")
        return answer["seconds"], answer["rows"]


class InProcess:
    """A rival in this process. Cosine is the dot product of unit vectors, as their users have it."""

    def build(self, vectors, args):
        before, held, begun = clock(os.getpid()), memory(os.getpid()), time.perf_counter()
        self.make(vectors, args)
        return time.perf_counter() - begun, clock(os.getpid()) - before, memory(os.getpid()) - held

    def search(self, queries, effort, args):
        begun = time.perf_counter()
        rows = self.find(queries, effort, args.k)
        return time.perf_counter() - begun, rows


class Hnswlib(InProcess):
    name = "hnswlib"

    def make(self, vectors, args):
        space = "l2" if args.measure == "euclidean" else "ip"
        self.index = hnswlib.Index(space=space, dim=vectors.shape[1])
        self.index.init_index(max_elements=len(vectors), ef_construction=args.construction, M=args.links // 2, random_seed=42)
        self.index.add_items(vectors, num_threads=args.threads)

    def find(self, queries, effort, k):
        self.index.set_ef(max(effort, k))
        return self.index.knn_query(queries, k=k, num_threads=1)[0]


class Usearch(InProcess):
    def __init__(self, dtype):
        self.name, self.dtype = f"usearch-{dtype}", dtype

    def make(self, vectors, args):
        metric = "l2sq" if args.measure == "euclidean" else "ip"
        # Its bytes hold −1 to 1.
        self.scale = 1.0 if self.dtype != "i8" else 1.0 / np.abs(vectors).max()
        self.index = usearch.index.Index(
            ndim=vectors.shape[1], metric=metric, dtype=self.dtype, connectivity=args.links // 2, expansion_add=args.construction
        )
        self.index.add(np.arange(len(vectors)), vectors * self.scale, threads=args.threads)

    def find(self, queries, effort, k):
        self.index.expansion_search = max(effort, k)
        return self.index.search(queries * self.scale, k, threads=1).keys


class Faiss(InProcess):
    name = "faiss-hnsw"

    def make(self, vectors, args):
        metric = faiss.METRIC_L2 if args.measure == "euclidean" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.IndexHNSWFlat(vectors.shape[1], args.links // 2, metric)
        self.index.hnsw.efConstruction = args.construction
        faiss.omp_set_num_threads(args.threads)
        self.index.add(vectors)
        faiss.omp_set_num_threads(1)

    def find(self, queries, effort, k):
        self.index.hnsw.efSearch = max(effort, k)
        return self.index.search(queries, k)[1]


class Pynndescent(InProcess):
    name = "pynndescent"

    def make(self, vectors, args):
        metric = {"euclidean": "euclidean", "cosine": "cosine", "dot": "dot"}[args.measure]
        self.index = pynndescent.NNDescent(vectors, n_neighbors=30, metric=metric, n_jobs=args.threads, random_state=42)
        self.index.prepare()
        self.index.query(vectors[:10], k=10)

    def find(self, queries, effort, k):
        # Its effort is a slack on the distance.
        return self.index.query(queries, k=k, epsilon=0.02 * math.log2(effort / 5))[0]


def parser(about):
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["mnist", "mixture"], help="MNIST's pixels, or 500,000 × 50 in 50 clusters")
    parser.add_argument("--vectors", type=Path, help="instead: an .npy file, one row a vector; a tenth of them, --queries at most, ask")
    parser.add_argument("--measure", choices=["euclidean", "cosine", "dot"], default="euclidean")
    parser.add_argument("--tools", default="latlas-full,latlas-bytes,latlas-bits,hnswlib,usearch-f32,usearch-i8,faiss-hnsw,pynndescent")
    parser.add_argument("--links", type=int, default=32, help="twice M [32]")
    parser.add_argument("--construction", type=int, default=200, help="of the rivals: their effort when building [200]")
    parser.add_argument("--options", default="{}", help="options of ours, as JSON")
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2, help="for building [2]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", type=Path, help="an index_bench built before")
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    return parser


def checked(parser):
    args = parser.parse_args()
    if (args.data is None) == (args.vectors is None):
        parser.error("name one: --data or --vectors")
    return args


def data(args):
    """Vectors and queries, as files too."""
    folder = WORK / "index"
    folder.mkdir(parents=True, exist_ok=True)
    if args.data == "mnist":
        root = Path(os.environ.get("LATLAS_DATA", REPOSITORY.parent / "shared" / "data")) / "images-mnist"
        read = lambda name: np.frombuffer(gzip.open(root / name).read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32)
        vectors, queries = read("train-images-idx3-ubyte.gz"), read("t10k-images-idx3-ubyte.gz")[: args.queries]
    else:
        whole = mixture(500_000 + args.queries, 50) if args.data else np.load(args.vectors).astype(np.float32)
        asking = min(args.queries, len(whole) // 10)
        if args.measure == "cosine":
            whole = whole / np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), 1e-30)
        shuffled = np.random.default_rng(7).permutation(len(whole))
        vectors, queries = whole[shuffled[asking:]], whole[shuffled[:asking]]
    files = folder / "vectors.npy", folder / "queries.npy"
    vectors, queries = np.ascontiguousarray(vectors), np.ascontiguousarray(queries)
    np.save(files[0], vectors)
    np.save(files[1], queries)
    return vectors, queries, files


def build():
    """Builds the example and returns its path, wherever the target folder is."""
    command = ["cargo", "build", "--release", "--example", "index_bench", "--message-format=json"]
    built = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    messages = (json.loads(line) for line in built.stdout.splitlines())
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "index_bench")


def at(curve, recall):
    """The speed at a recall, between the two measurements around it; `None` beyond them."""
    curve = sorted(curve)
    for (r0, s0), (r1, s1) in zip(curve, curve[1:]):
        if r0 <= recall <= r1:
            share = (recall - r0) / max(r1 - r0, 1e-9)
            return math.exp(math.log(s0) + share * (math.log(s1) - math.log(s0)))
    return None


def main():
    args = checked(parser(__doc__))
    args.binary = args.binary or build()
    vectors, queries, files = data(args)
    flat = faiss.IndexFlatL2(vectors.shape[1]) if args.measure == "euclidean" else faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    truth = flat.search(queries, args.k)[1]
    del flat
    own = lambda held: lambda: Latlas(f"latlas-{held}", {"precision": held, "links": args.links, **json.loads(args.options)}, args, files)
    known = {
        "latlas-full": own("full"), "latlas-bytes": own("bytes"), "latlas-bits": own("bits"),
        "hnswlib": Hnswlib, "usearch-f32": lambda: Usearch("f32"), "usearch-i8": lambda: Usearch("i8"),
        "faiss-hnsw": Faiss, "pynndescent": Pynndescent,
    }
    wait_for_quiet(args.load)
    tools, built, curves = [known[name]() for name in args.tools.split(",")], {}, {}
    for tool in tools:
        built[tool.name] = tool.build(vectors, args)
        say(f"{tool.name}: built in {built[tool.name][0]:.1f} s, {built[tool.name][1]:.1f} CPU s, {built[tool.name][2] / 2**20:.0f} MB")
    recall = lambda rows: float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(rows, truth)]) / args.k)
    seconds, recalls = {}, {}
    for turn in range(args.rounds):
        for effort in EFFORTS:
            for tool in tools:
                # Beyond the last level, or where more effort finds no more, nothing is learned.
                found = [recalls[tool.name, e] for e in EFFORTS if e < effort and (tool.name, e) in recalls]
                if found and (found[-1] > LEVELS[-1] + 0.005 or len(found) > 2 and found[-1] - found[-2] < 0.0005):
                    continue
                took, rows = tool.search(queries, effort, args)
                seconds.setdefault((tool.name, effort), []).append(took)
                recalls[tool.name, effort] = recall(rows)
    lines = ["| index | build s | build CPU s | memory MB | " + " | ".join(f"queries a second at {level}" for level in LEVELS) + " |",
             "|---" * (4 + len(LEVELS)) + "|"]
    speeds = {}
    for tool in tools:
        curve = [(recalls[name, effort], len(queries) / statistics.median(times)) for (name, effort), times in seconds.items() if name == tool.name]
        curves[tool.name] = sorted(curve)
        speeds[tool.name] = [at(curve, level) for level in LEVELS]
        wall, cpu, held = built[tool.name]
        cells = [f"{speed:,.0f}" if speed else "–" for speed in speeds[tool.name]]
        lines.append(f"| {tool.name} | {wall:.1f} | {cpu:.1f} | {held / 2**20:.0f} | " + " | ".join(cells) + " |")
    lines.append("")
    for tool in tools:
        lines.append(f"{tool.name}: " + ", ".join(f"{r:.4f} {s:,.0f}" for r, s in curves[tool.name]))
    lines += ["", f"{len(vectors):,} × {vectors.shape[1]}, {args.measure}, {len(queries):,} queries, k = {args.k}, {args.links} links, searching on one thread, "
              f"building on {args.threads}; median of {args.rounds} rounds. {versions(sys.executable, PACKAGES)}. {machine()}.",
              f"`python3 bench/compare/index.py {' '.join(sys.argv[1:])}`"]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
