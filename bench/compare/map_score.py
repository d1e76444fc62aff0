"""Scores a layout against its vectors, whoever made it: called by maps.py. Prints one JSON object.

`kl` is KL(P‖Q) of t-SNE with one P for all, from the exact 3·perplexity nearest neighbours, and Z summed over all pairs;
`trustworthiness` (k = 10) is of a sample, each point ranked against all others; `recall10` and `recall30` are shares of the nearest neighbours kept;
`triplets` is how often, of two random others, the nearer one is nearer on the map. What depends on the vectors alone is kept beside them.
"""

import json
import sys
from pathlib import Path

import faiss
import numba
import numpy as np
from sklearn.neighbors import NearestNeighbors

BLOCK = 1000
SAMPLE = 2000


def affinities(vectors, path, perplexity):
    """The exact neighbours of every point, and p(j|i) of the nearest 3·perplexity, by bisection."""
    kept = Path(path).with_suffix(f".p{perplexity:g}.npz")
    if kept.exists():
        found = np.load(kept)
        return found["neighbours"], found["p"]
    k = min(int(np.ceil(3 * perplexity)), len(vectors) - 1)
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    _, found = index.search(vectors, k + 1)
    own = np.arange(len(vectors))[:, None]
    # Itself stands first, but for duplicates; whoever it is, one goes.
    drop = np.where((found == own).any(1), (found == own).argmax(1), k)
    neighbours = found[np.arange(k + 1) != drop[:, None]].reshape(len(vectors), k)
    squared = np.empty((len(vectors), k))
    block = max(50, 50 * BLOCK // vectors.shape[1])
    for start in range(0, len(vectors), block):
        rows = slice(start, start + block)
        squared[rows] = ((vectors[rows, None].astype(np.float64) - vectors[neighbours[rows]]) ** 2).sum(2)
    squared -= squared.min(1, keepdims=True)
    low, high = np.full(len(vectors), -700.0), np.full(len(vectors), 700.0)
    for _ in range(80):
        log_beta = (low + high) / 2
        w = np.exp(-np.exp(log_beta)[:, None] * squared)
        p = w / w.sum(1, keepdims=True)
        entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(1)
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, log_beta, low), np.where(wide, high, log_beta)
    np.savez(kept, neighbours=neighbours, p=p)
    return neighbours, p


@numba.njit(parallel=True, fastmath=True)
def closeness(columns):
    """The sum of 1 / (1 + d²) from each point to all others: runs of 512 in f32, the sum of runs in f64."""
    axes, n = columns.shape
    sums = np.empty(n)
    for i in numba.prange(n):
        total = 0.0
        for start in range(0, n, 512):
            run = np.float32(0)
            for j in range(start, min(start + 512, n)):
                apart = np.float32(1)
                for axis in range(axes):
                    off = columns[axis, i] - columns[axis, j]
                    apart += off * off
                run += np.float32(1) / apart
            total += run
        # Itself, at distance zero.
        sums[i] = total - 1
    return sums


def divergence(neighbours, p, layout):
    n, k = p.shape
    rows, columns = np.repeat(np.arange(n), k), neighbours.ravel()
    # The symmetric P: every pair once in each direction.
    keys = np.concatenate([rows * n + columns, columns * n + rows])
    keys, place = np.unique(keys, return_inverse=True)
    joint = np.bincount(place, np.concatenate([p.ravel(), p.ravel()])) / (2 * n)
    squared = ((layout[keys // n] - layout[keys % n]) ** 2).sum(1)
    narrow = layout.astype(np.float32) - layout.mean(0).astype(np.float32)
    z = float(closeness(np.ascontiguousarray(narrow.T)).sum())
    some = joint > 0
    return float((joint[some] * (np.log(joint[some]) + np.log1p(squared[some]))).sum() + np.log(z))


def trustworthiness(vectors, on_map, k=10):
    n = len(vectors)
    sample = np.random.default_rng(1).choice(n, min(SAMPLE, n), replace=False)
    # Distances by products in f64, from the mean: 13 digits or more of them stay.
    wide = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    squares = (wide**2).sum(1)
    penalty = 0.0
    for start in range(0, len(sample), 50):
        block = sample[start:start + 50]
        squared = squares[None] + squares[block, None] - 2 * wide[block] @ wide.T
        squared[np.arange(len(block)), block] = np.inf
        for row, i in zip(squared, block):
            ranks = (row[None] < row[on_map[i, :k], None]).sum(1) + 1
            penalty += np.maximum(ranks - k, 0).sum()
    return float(1 - 2 * penalty / (len(sample) * k * (2 * n - 3 * k - 1)))


def triplets(vectors, layout, each=5):
    rng = np.random.default_rng(2)
    n = len(vectors)
    i = np.repeat(np.arange(n), each)
    a, b = rng.integers(n, size=(2, len(i)))
    usable = (i != a) & (i != b) & (a != b)
    i, a, b = i[usable], a[usable], b[usable]

    def nearer(x):
        result = np.empty(len(i), bool)
        for start in range(0, len(i), 50_000):
            part = slice(start, start + 50_000)
            own = x[i[part]].astype(np.float64)
            result[part] = ((own - x[a[part]]) ** 2).sum(1) < ((own - x[b[part]]) ** 2).sum(1)
        return result

    return float((nearer(vectors) == nearer(layout)).mean())


def main():
    path, layout = sys.argv[1], np.load(sys.argv[2]).astype(np.float64)
    vectors = np.load(path)
    perplexity = float(sys.argv[4])
    neighbours, p = affinities(vectors, path, perplexity)
    most = min(30, len(vectors) - 1)
    on_map = NearestNeighbors(n_neighbors=most, algorithm="kd_tree").fit(layout).kneighbors(return_distance=False)

    def recall(k):
        shared = [len(np.intersect1d(a, b, assume_unique=True)) for a, b in zip(neighbours[:, :k], on_map[:, :k])]
        return float(np.mean(shared) / k)

    print(json.dumps({
        "kl": divergence(neighbours, p, layout),
        "trustworthiness": trustworthiness(vectors, on_map),
        "recall10": recall(min(10, most)),
        "recall30": recall(most),
        "triplets": triplets(vectors, layout),
    }))


if __name__ == "__main__":
    main()
