"""One rival lays out one matrix: called by maps.py, in the environment that has it.

Writes the layout as .npy, and as JSON what its parts took, in wall and CPU seconds: `import`, `compile` (what a first fit of 5,000
points takes longer than a second one), the fit, and `extra`, the time of the two small fits that is not compilation.
"""

import argparse
import json
import os
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("tool", choices=["opentsne", "sklearn", "fitsne", "qdtsne", "umap-learn", "umappp", "pacmap"])
parser.add_argument("vectors")
parser.add_argument("layout")
parser.add_argument("report")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--perplexity", type=float, default=30)
parser.add_argument("--iterations", type=int, default=750)
parser.add_argument("--neighbours", type=int, default=15)
parser.add_argument("--fitsne")
args = parser.parse_args()
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = str(args.threads)

EARLY = min(250, args.iterations)
# Those that compile while they run. umap-learn searches for neighbours by another way below 4,096 points.
COMPILED = ("umap-learn", "pacmap")
SMALL = 5000


def opentsne():
    from openTSNE import TSNE

    return lambda x: TSNE(perplexity=args.perplexity, early_exaggeration_iter=EARLY, n_iter=args.iterations - EARLY, n_jobs=args.threads,
                          negative_gradient_method="fft", initialization="pca", random_state=args.seed).fit(x)


def sklearn():
    from sklearn.manifold import TSNE

    return lambda x: TSNE(perplexity=args.perplexity, max_iter=args.iterations, init="pca", n_jobs=args.threads, random_state=args.seed).fit_transform(x)


def fitsne():
    sys.path.insert(0, args.fitsne)
    os.chdir(os.path.dirname(args.report))  # its files lie where it stands
    from fast_tsne import fast_tsne

    # search_k is its default for 50 trees, as the integer that it asks for.
    return lambda x: fast_tsne(x.astype("float64"), perplexity=args.perplexity, search_k=int(150 * args.perplexity), max_iter=args.iterations,
                               stop_early_exag_iter=EARLY, seed=args.seed, nthreads=args.threads)


def qdtsne():
    import scranpy

    # Its step of 200 leaves many points unsettled; n/12 is what the others take.
    return lambda x: scranpy.run_tsne(x.T.astype("float64"), perplexity=args.perplexity, early_exaggeration_iterations=EARLY, seed=args.seed,
                                      max_iterations=args.iterations, eta=max(200, len(x) / 12), num_threads=args.threads)


def umap_learn():
    import umap

    # With a seed it runs on one thread; without one it is fast, and never the same twice.
    return lambda x: umap.UMAP(n_neighbors=args.neighbours, n_jobs=args.threads).fit_transform(x)


def umappp():
    import scranpy

    return lambda x: scranpy.run_umap(x.T.astype("float64"), num_neighbors=args.neighbours, num_epochs=500 if len(x) <= 10_000 else 200,
                                      optimize_seed=args.seed, num_threads=args.threads, parallel_optimization=True)


def pacmap():
    import pacmap

    return lambda x: pacmap.PaCMAP(n_components=2, n_neighbors=10, random_state=None).fit_transform(x)


def timed(work):
    cpu = lambda: sum(os.times()[:4])  # of the programs that it starts, too
    wall, begun = time.monotonic(), cpu()
    result = work()
    return result, time.monotonic() - wall, cpu() - begun


tools = {"opentsne": opentsne, "sklearn": sklearn, "fitsne": fitsne, "qdtsne": qdtsne, "umap-learn": umap_learn, "umappp": umappp, "pacmap": pacmap}
fit, imported, _ = timed(tools[args.tool])

import numpy as np  # noqa: E402  after the thread counts are set, and not counted above

x = np.load(args.vectors)
parts = {"import": imported}
if args.tool in COMPILED:
    _, first, first_cpu = timed(lambda: fit(x[:SMALL]))
    _, again, again_cpu = timed(lambda: fit(x[:SMALL]))
    parts |= {"compile": max(first - again, 0.0), "extra_wall": min(first, again) + again, "extra_cpu": min(first_cpu, again_cpu) + again_cpu}
layout, parts["fit_wall"], parts["fit_cpu"] = timed(lambda: fit(x))
layout = np.asarray(layout, dtype=np.float64)
np.save(args.layout, layout if len(layout) == len(x) else layout.T)
with open(args.report, "w") as file:
    json.dump(parts, file)
