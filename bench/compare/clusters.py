#!/usr/bin/env python3
"""Clusters of labelled vectors beside scikit-learn's: how far they are the labels, how much is in none, and what it takes.

`latlas probe cluster` at several settings, and HDBSCAN and k-means of scikit-learn on the same vectors, each in a process of
its own. AMI (adjusted mutual information with the labels) is given over all items, those in none being one cluster more, and
over the clustered ones alone.

    python3 bench/compare/clusters.py mnist50.npy labels.npy --points 10000
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from maps import PACKAGES
from measure import REPOSITORY, environment, machine, measured, output, say, versions

SETTINGS = {
    "latlas hdbscan": ("hdbscan", []),
    "latlas hdbscan, min_samples 5": ("hdbscan", ["min_samples=5"]),
    "latlas hdbscan, min_samples 2": ("hdbscan", ["min_samples=2"]),
    "latlas hdbscan, min_samples 1": ("hdbscan", ["min_samples=1"]),
    "latlas hdbscan, leaf": ("hdbscan", ["selection=leaf"]),
    "latlas hdbscan, leaf, min_samples 1": ("hdbscan", ["selection=leaf", "min_samples=1"]),
    "latlas hdbscan, min_cluster_size 20, min_samples 5": ("hdbscan", ["min_cluster_size=20", "min_samples=5"]),
    "latlas hdbscan, min_cluster_size 100, min_samples 1": ("hdbscan", ["min_cluster_size=100", "min_samples=1"]),
    "latlas leiden": ("leiden", []),
    "latlas leiden, resolution 0.5": ("leiden", ["resolution=0.5"]),
    "latlas kmeans": ("kmeans", ["k=CLASSES"]),
}
THEIRS = ["scikit-learn HDBSCAN", "scikit-learn HDBSCAN, min_samples 2", "scikit-learn k-means"]
# Their min_samples counts the point itself.
REFERENCE = """
import sys, numpy as np
what, x, size, classes, out, threads = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], int(sys.argv[6])
if "HDBSCAN" in what:
    from sklearn.cluster import HDBSCAN
    samples = 3 if "min_samples 2" in what else 11
    labels = HDBSCAN(min_cluster_size=size, min_samples=samples, n_jobs=threads, copy=True).fit_predict(x)
else:
    from sklearn.cluster import KMeans
    labels = KMeans(classes, n_init=10, random_state=1).fit_predict(x)
np.save(out, labels)
"""
SCORE = """
import sys, json, numpy as np
from sklearn.metrics import adjusted_mutual_info_score as ami, adjusted_rand_score as ari
truth, found = np.load(sys.argv[1]), np.load(sys.argv[2])
some = found >= 0
alone = ami(truth[some], found[some]) if some.any() else 0.0
print(json.dumps({"clusters": len(set(found[some])), "none": float(1 - some.mean()), "ami": ami(truth, found), "ami_clustered": alone, "ari": ari(truth, found)}))
"""
READ = """
import sys, glob, numpy as np, pyarrow.parquet as pq
column = pq.read_table(max(glob.glob(sys.argv[1] + "/items-*.parquet")))["cluster"]
np.save(sys.argv[2], np.array([-1 if x is None else int(x) for x in column.to_pylist()]))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vectors", type=Path, help="an .npy file, one row a point")
    parser.add_argument("labels", type=Path, help="an .npy file of their classes")
    parser.add_argument("--points", type=int, default=10_000, help="the first so many [10,000]")
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", help="those whose name holds this")
    args = parser.parse_args()
    python = environment(PACKAGES, "venv-maps")
    lines = ["| clusters | how many | in none | AMI | AMI of the clustered | ARI | CPU s | wall s | peak MB |", "|---|---|---|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        cut = ("import sys, numpy as np; n = int(sys.argv[3]); x = np.load(sys.argv[1], mmap_mode='r')[:n]; y = np.load(sys.argv[2])[:n]; "
               "np.save(sys.argv[4], np.ascontiguousarray(x, dtype=np.float32)); np.save(sys.argv[5], y); print(len(set(y.tolist())))")
        vectors, truth, found = folder / "vectors.npy", folder / "truth.npy", folder / "found.npy"
        classes = int(output([python, "-c", cut, args.vectors, args.labels, args.points, vectors, truth]))
        output([args.latlas, "convert", vectors, folder / "s.space", "--geometry", "euclidean", "--progress", "none"])
        size = max(5, round(args.points**0.5 / 2))
        for name in [name for name in [*SETTINGS, *THEIRS] if not args.only or args.only in name]:
            say(name)
            if name in THEIRS:
                run = measured([python, "-c", REFERENCE, name, vectors, size, classes, found, args.threads], folder / "log")
            else:
                method, changes = SETTINGS[name]
                copy = folder / "copy.space"
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(folder / "s.space", copy)
                command = [args.latlas, "probe", "cluster", copy, "--method", method, "--resamples", 0, "--threads", args.threads, "--json"]
                command += [word for change in changes for word in ("--set", change.replace("CLASSES", str(classes)))]
                run = measured(command, folder / "log")
                output([python, "-c", READ, copy, found])
            score = json.loads(output([python, "-c", SCORE, truth, found]))
            lines.append(f"| {name} | {score['clusters']} | {100 * score['none']:.0f} % | {score['ami']:.3f} | {score['ami_clustered']:.3f} | {score['ari']:.3f} "
                         f"| {run['cpu']:.1f} | {run['wall']:.1f} | {run['peak_mb']:.0f} |")
    print("\n".join(lines))
    print(f"\nThe first {args.points:,} of {args.vectors.name}, {classes} classes; min_cluster_size {size} where nothing else is said, min_samples 10 (scikit-learn: 11, the point itself counted).")
    print(f"{output([args.latlas, '--version']).strip()}; {versions(python, PACKAGES)}. {machine()}.")


if __name__ == "__main__":
    main()
