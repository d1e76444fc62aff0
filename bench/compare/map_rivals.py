"""One rival lays out one matrix: called by maps.py, in the environment that has it.

Writes the layout as .npy, and as JSON what its parts took: `import`, `warm` (a fit of 2,000 points, in which whatever
compiles at the first call does so), and the fit, in wall and CPU seconds.
"""

import argparse
import json
import os
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("tool", choices=["opentsne", "sklearn", "fitsne", "umap-learn", "pacmap"])
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


def opentsne():
    from openTSNE import TSNE

    return lambda x: TSNE(perplexity=args.perplexity, early_exaggeration_iter=EARLY, n_iter=args.iterations - EARLY, n_jobs=args.threads,
                          negative_gradient_method="fft", initialization="pca", random_state=args.seed).fit(x)


def sklearn():
    from sklearn.manifold import TSNE

    return lambda x: TSNE(perplexity=args.perplexity, max_iter=args.iterations, init="pca", n_jobs=args.threads, random_state=args.seed).fit_transform(x)


def fitsne():
    sys.path.insert(0, args.fitsne)
    from fast_tsne import fast_tsne

    return lambda x: fast_tsne(x.astype("float64"), perplexity=args.perplexity, max_iter=args.iterations, seed=args.seed, nthreads=args.threads)


def umap_learn():
    import umap

    # With a seed it runs on one thread; without one it is fast, and never the same twice.
    return lambda x: umap.UMAP(n_neighbors=args.neighbours, n_jobs=args.threads).fit_transform(x)


def pacmap():
    import pacmap

    return lambda x: pacmap.PaCMAP(n_components=2, random_state=None).fit_transform(x)


def timed(work):
    wall, cpu = time.monotonic(), time.process_time()
    result = work()
    return result, time.monotonic() - wall, time.process_time() - cpu


fit, imported, _ = timed({"opentsne": opentsne, "sklearn": sklearn, "fitsne": fitsne, "umap-learn": umap_learn, "pacmap": pacmap}[args.tool])

import numpy as np  # noqa: E402  after the thread counts are set, and not counted above

x = np.load(args.vectors)
warm = 0.0
if args.tool in ("umap-learn", "pacmap", "opentsne"):
    _, warm, _ = timed(lambda: fit(x[:2000]))
layout, wall, cpu = timed(lambda: fit(x))
np.save(args.layout, np.asarray(layout, dtype=np.float64))
with open(args.report, "w") as file:
    json.dump({"import": imported, "warm": warm, "fit_wall": wall, "fit_cpu": cpu}, file)
