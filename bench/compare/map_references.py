#!/usr/bin/env python3
"""What maps rest on, held to the references: PCA and faithfulness to scikit-learn, UMAP's curve to umap-learn, t-SNE's
divergence to the neutral scorer of maps.py.

`latlas map` lays out 5,000 points, and its figures and coordinates are compared with what the references make of the same
vectors and the same maps. Ends with 1 if any difference is above its floor.

    python3 bench/compare/map_references.py
    python3 bench/compare/map_references.py --vectors mnist50.npy
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from maps import PACKAGES
from measure import REPOSITORY, environment, machine, output, versions

try:
    import numpy as np
    import pyarrow.parquet as pq
    import umap.umap_
    from sklearn.decomposition import PCA
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    from map_score import affinities, divergence
    from mixture import mixture
except ImportError:
    python = str(environment(PACKAGES, "venv-maps"))
    os.execv(python, [python, *sys.argv])

CURVES = [(0.1, 1.0), (0.0, 1.0), (0.5, 1.0), (0.99, 1.0), (0.25, 2.0), (0.01, 0.3), (1.0, 5.0)]


class Latlas:
    """Spaces of the same vectors, and maps of them."""

    def __init__(self, program, vectors, folder):
        self.program, self.folder = program, Path(folder)
        self.file = self.folder / "vectors.npy"
        np.save(self.file, vectors)

    def map(self, method, geometry, *options):
        """The coordinates and what is said of them."""
        space = self.folder / f"{geometry}.space"
        if not space.exists():
            output([self.program, "convert", self.file, space, "--geometry", geometry, "--progress", "none"])
        told = output([self.program, "map", space, "--method", method, "--name", "one", "--json", "--progress", "none", *options])
        about = json.loads(told.splitlines()[-1])
        newest = max((space / "maps").glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
        table = pq.read_table(newest)
        return np.stack([table[axis].to_numpy() for axis in "xyz" if axis in table.column_names], 1).astype(np.float64), about


def components(latlas, vectors):
    """The largest difference of a coordinate, as a share of the largest coordinate of its component, up to sign."""
    reference = PCA(5, svd_solver="full").fit(vectors.astype(np.float64))
    theirs = reference.transform(vectors.astype(np.float64))[:, :3]
    gaps = -np.diff(reference.explained_variance_)[:3] / reference.explained_variance_[:3]
    for solver in ("exact", "randomised"):
        ours, about = latlas.map("pca", "euclidean", "--dims", "3", "--set", f"solver={solver}")
        for j in range(3):
            sign = np.sign((ours[:, j] * theirs[:, j]).sum())
            apart = np.abs(sign * ours[:, j] - theirs[:, j]).max() / np.abs(theirs[:, j]).max()
            share = abs(about["explained_variance"][j] - reference.explained_variance_ratio_[j]) if about["explained_variance"] else 0.0
            # Rounding turns a component by about the precision over the gap.
            floor = 1e-5 if gaps[j] > 0.01 and (j == 0 or gaps[j - 1] > 0.01) else 1e-4
            yield f"PCA ({solver}), coordinates of component {j + 1} (gap {100 * gaps[j]:.0f} %)", "scikit-learn", apart, floor
            yield f"PCA ({solver}), variance share of component {j + 1}", "scikit-learn", share, 1e-5


def faithfulness(latlas, vectors):
    """Trustworthiness, continuity and neighbours kept of a principal plane, all points measured."""
    for geometry in ("euclidean", "cosine"):
        coords, about = latlas.map("pca", geometry)
        told = about["faithfulness"]
        assert told["sampled"] == len(vectors)
        wide = vectors.astype(np.float64)
        if geometry == "cosine":
            wide /= np.linalg.norm(wide, axis=1, keepdims=True)
        # Of unit vectors both orders are one, and Euclidean distance rounds less where they are close.
        theirs = {
            "trustworthiness": trustworthiness(wide, coords, n_neighbors=10),
            "continuity": trustworthiness(coords, wide, n_neighbors=10),
        }
        for k in (10, 30):
            near = [NearestNeighbors(n_neighbors=k, algorithm="brute").fit(of).kneighbors(return_distance=False) for of in (wide, coords)]
            theirs[f"neighbours_kept_{k}"] = np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(*near)])
        for figure, value in theirs.items():
            yield f"{figure} ({geometry}) {value:.4f}", "scikit-learn", abs(told[figure] - value), 1e-6


def curves(latlas):
    """UMAP's a and b for several distances and spreads."""
    for min_dist, spread in CURVES:
        _, about = latlas.map("umap", "euclidean", "--set", f"min_dist={min_dist}", "--set", f"spread={spread}", "--set", "epochs=1")
        theirs = umap.umap_.find_ab_params(spread, min_dist)
        apart = max(abs(about["figures"][name] - value) for name, value in zip("ab", theirs))
        yield f"UMAP's a and b, min_dist {min_dist:g}, spread {spread:g}: {theirs[0]:.4f}, {theirs[1]:.4f}", "umap-learn", apart, 1e-4


def divergences(latlas, vectors):
    """The exact KL that is told with a map, beside the scorer's, which sums over all pairs in f64."""
    coords, about = latlas.map("tsne", "euclidean", "--set", "iterations=300")
    theirs = divergence(*affinities(vectors, latlas.file, 30.0), coords)
    yield f"KL of a t-SNE map {theirs:.4f}", "map_score.py", abs(about["figures"]["kl"] / theirs - 1), 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--vectors", type=Path, help="an .npy file [a mixture of Gaussians, 50 dimensions]")
    parser.add_argument("--points", type=int, default=5000, help="the first so many")
    args = parser.parse_args()
    if args.vectors:
        vectors, what = np.load(args.vectors, mmap_mode="r")[:args.points], args.vectors.name
    else:
        vectors, what = mixture(args.points, 50), "a mixture"
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as small:
        latlas = Latlas(args.latlas, vectors, folder)
        few = Latlas(args.latlas, vectors[:100], small)
        found = [*components(latlas, vectors), *faithfulness(latlas, vectors), *curves(few), *divergences(latlas, vectors)]
    print("| what | reference | largest difference | floor |\n|---|---|---|---|")
    for name, reference, apart, floor in found:
        print(f"| {name} | {reference} | {apart:.1e}{'' if apart <= floor else ' **missed**'} | {floor:.0e} |")
    print(f"\n{len(vectors):,} points of {what}, {vectors.shape[1]} dimensions; differences of coordinates as a share of the largest, up to sign; of the KL as a share of it.")
    print(f"{output([args.latlas, '--version']).strip()}; {versions(sys.executable, PACKAGES)}. {machine()}.")
    sys.exit(any(apart > floor for *_, apart, floor in found))


if __name__ == "__main__":
    main()
