#!/usr/bin/env python3
"""Maps beside their rivals: quality, CPU and wall time and memory on the same vectors, in the same minutes.

Every tool lays out the same matrix in a process of its own, in turn, round after round, each round with its own seed; one
neutral scorer (map_score.py: NumPy and scikit-learn) judges all layouts. The rivals' fit is also timed by itself, after a first
small one: what compiles while it runs (umap-learn, pacmap, pynndescent) has compiled by then. Finished runs are kept in
`.work/maps`; an interrupted comparison goes on with the next one.

    python3 bench/compare/maps.py mnist50.npy --method tsne --points 10000 --rounds 3
    python3 bench/compare/maps.py mnist50.npy --method tsne --fitsne FOLDER-OF-FAST_TSNE.PY
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from measure import REPOSITORY, WORK, Log, environment, machine, measured, output, say, spread, wait_for_quiet

HERE = Path(__file__).resolve().parent
PACKAGES = ["openTSNE==1.0.2", "scikit-learn", "umap-learn", "pacmap", "pynndescent", "faiss-cpu==1.15.1", "pyarrow", "numpy"]
TOOLS = {
    "tsne": ["latlas", "opentsne", "sklearn"],
    "umap": ["latlas", "umap-learn"],
    "pacmap": ["latlas", "pacmap"],
}
# Quadratic, or nearly: only for so many points.
MOST = {"sklearn": 10_000}
QUALITY = {"kl": 4, "trustworthiness": 4, "recall10": 4, "recall30": 4, "triplets": 4}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vectors", type=Path, help="an .npy file, one row a point")
    parser.add_argument("--method", choices=TOOLS, default="tsne")
    parser.add_argument("--tools", help="only these, separated by commas [all of the method]")
    parser.add_argument("--points", type=int, help="only the first so many [all]")
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--perplexity", type=float, default=30, help="of t-SNE, and of the scorer's P [30]")
    parser.add_argument("--neighbours", type=int, default=15, help="of the other methods [15]")
    parser.add_argument("--iterations", type=int, default=750, help="of t-SNE, 250 of them exaggerated [750]")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to latlas")
    parser.add_argument("--fitsne", type=Path, help="a folder with FIt-SNE's fast_tsne.py and bin/fast_tsne")
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    parser.add_argument("--python", type=Path, help=f"a Python that has {', '.join(PACKAGES)}, instead of a private environment")
    parser.add_argument("--fresh", action="store_true", help="forget finished runs")
    parser.add_argument("--output", type=Path, help="write the table here too")
    args = parser.parse_args()
    args.python = args.python or environment(PACKAGES, "venv-maps")
    return args


def main():
    args = arguments()
    for path in [args.latlas, args.vectors]:
        if not path.exists():
            sys.exit(f"{path} is not there")
    vectors, points, dim = cut(args)
    changed = "".join(f"-{change}" for change in args.set)
    work = WORK / "maps" / f"{vectors.stem}-{args.method}-{args.threads}t{changed}"
    if args.fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    log = Log(work / "runs.jsonl")
    tools = args.tools.split(",") if args.tools else list(TOOLS[args.method])
    if args.method == "tsne" and args.fitsne and "fitsne" not in tools:
        tools.append("fitsne")
    tools = [tool for tool in tools if points <= MOST.get(tool, points)]
    space = vectors.with_suffix(".space")
    if "latlas" in tools and not space.exists():
        output([args.latlas, "convert", vectors, space, "--geometry", "euclidean", "--progress", "none"])

    for seed in range(1, args.rounds + 1):
        # Whoever goes first meets a machine in another state: they take turns.
        for tool in tools if seed % 2 else reversed(tools):
            if log.find(tool=tool, seed=seed):
                continue
            wait_for_quiet(args.load)
            say(f"round {seed} of {args.rounds}: {tool}")
            layout = work / f"{tool}-{seed}.npy"
            run = ours(args, space, layout, seed, work) if tool == "latlas" else theirs(args, tool, vectors, layout, seed, work)
            score = json.loads(output([args.python, HERE / "map_score.py", vectors, layout, "--perplexity", args.perplexity]))
            log.add({"tool": tool, "seed": seed, **run, **score})

    text = report(args, log, tools, points, dim)
    print(text)
    for path in [work / "table.md", args.output]:
        if path:
            path.write_text(text + "\n")


def cut(args):
    """The points as every tool reads them, how many there are, and of what dimension."""
    script = ("import sys, numpy as np; x = np.load(sys.argv[1], mmap_mode='r'); n = int(sys.argv[3]) or len(x); "
              "np.save(sys.argv[2], np.ascontiguousarray(x[:n], dtype=np.float32)); print(len(x[:n]), x.shape[1])")
    shape = "import sys, numpy as np; x = np.load(sys.argv[1], mmap_mode='r'); print(*x.shape)"
    name = args.vectors.stem + (f"-{args.points}" if args.points else "")
    vectors = WORK / "maps" / f"{name}.npy"
    vectors.parent.mkdir(parents=True, exist_ok=True)
    if vectors.exists():
        found = output([args.python, "-c", shape, vectors])
    else:
        found = output([args.python, "-c", script, args.vectors, vectors, args.points or 0])
    points, dim = map(int, found.split())
    return vectors, points, dim


def ours(args, space, layout, seed, work):
    """`latlas map` on a copy of the space, as a process: reading, neighbours, layout, its faithfulness, storing."""
    copy = work / "latlas.space"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(space, copy)
    command = [args.latlas, "map", copy, "--method", args.method, "--seed", seed, "--threads", args.threads, "--json"]
    if args.method == "tsne":
        command += ["--perplexity", args.perplexity, "--set", f"iterations={args.iterations}"]
    command += [word for change in args.set for word in ("--set", change)]
    run = measured(command, work / "latlas.log")
    read = ("import sys, numpy as np, pyarrow.parquet as pq; t = pq.read_table(sys.argv[1]); "
            "np.save(sys.argv[2], np.stack([t['x'].to_numpy(), t['y'].to_numpy()], 1))")
    table = max((copy / "maps").glob("*.parquet"))
    output([args.python, "-c", read, table, layout])
    return run


def theirs(args, tool, vectors, layout, seed, work):
    """A rival in a process of its own, and what it says of its parts."""
    report = work / f"{tool}.json"
    command = [args.python, HERE / "map_rivals.py", tool, vectors, layout, report, "--seed", seed, "--threads", args.threads,
               "--perplexity", args.perplexity, "--iterations", args.iterations, "--neighbours", args.neighbours]
    command += ["--fitsne", args.fitsne] if tool == "fitsne" else []
    run = measured(command, work / f"{tool}.log")
    return {**run, **json.loads(report.read_text())}


def report(args, log, tools, points, dim):
    columns = ["tool", "runs", *QUALITY, "CPU s", "wall s", "fit CPU s", "fit wall s", "peak MB"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    means = {}
    for tool in tools:
        runs = [run for run in log.runs if run["tool"] == tool and run["seed"] <= args.rounds]
        if not runs:
            continue
        cells = [tool, str(len(runs))]
        for what, digits in {**QUALITY, "cpu": 1, "wall": 1, "fit_cpu": 1, "fit_wall": 1, "peak_mb": 0}.items():
            values = [run[what] for run in runs if what in run]
            means[tool, what] = sum(values) / len(values) if values else None
            cells.append(spread(values, digits) if values else "")
        lines.append("| " + " | ".join(cells) + " |")
    rivals = [tool for tool in tools if tool != "latlas"]
    if rivals and "latlas" in tools:
        lines += ["", "| latlas beside | CPU time | wall time | its fit alone | peak memory | KL |", "|---|---|---|---|---|---|"]
        for rival in rivals:
            fit = means[rival, "fit_wall"]
            lines.append(f"| {rival} | {means[rival, 'cpu'] / means['latlas', 'cpu']:.2f}× | {means[rival, 'wall'] / means['latlas', 'wall']:.2f}× "
                         f"| {fit / means['latlas', 'wall']:.2f}× | {means['latlas', 'peak_mb'] / means[rival, 'peak_mb']:.2f} "
                         f"| {100 * (means['latlas', 'kl'] / means[rival, 'kl'] - 1):+.2f} % |")
        lines += ["", "Times: the rival's over ours, whole processes; 'its fit alone' is its fit, warmed, over our whole process. Memory: ours over "
                      "the rival's. KL: ours over the rival's, less one."]
    script = "import sys; from importlib.metadata import version; print(*[f'{p} {version(p)}' for p in sys.argv[1:]], sep=', ')"
    versions = output([args.python, "-c", script, *[package.split("==")[0] for package in PACKAGES]]).strip()
    lines.append("")
    lines.append(f"{points:,} points × {dim}, {args.method}, {args.threads} threads; KL with one P at perplexity {args.perplexity:g} for all and Z over all "
                 "pairs; trustworthiness (k = 10) of 2,000 points; triplets: five of each point.")
    lines.append(f"{output([args.latlas, '--version']).strip()}; {versions}. {machine()}.")
    lines.append(f"`python3 bench/compare/maps.py {' '.join(sys.argv[1:])}`")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
