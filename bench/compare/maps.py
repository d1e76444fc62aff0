#!/usr/bin/env python3
"""Maps beside their rivals: quality, CPU and wall time and memory on the same vectors, in the same minutes.

Every tool lays out the same matrix in a process of its own, in turn, round after round, each round with its own seed. The
rivals' fit is also timed by itself, and what they import and compile. When all have run, one neutral scorer (map_score.py)
judges all layouts. Finished runs and scores are kept in `.work/maps`; an interrupted comparison goes on with the next one.

    python3 bench/compare/maps.py mnist50.npy --method tsne --points 10000 --rounds 3
    python3 bench/compare/maps.py --mixture 200000x50 --method umap --tools latlas,umappp
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from measure import REPOSITORY, WORK, Log, asked, environment, in_turn, machine, measured, output, publish, say, spread, versions

HERE = Path(__file__).resolve().parent
RUST = REPOSITORY / "bench" / "rivals-rust"
# scranpy holds umappp and qdtsne.
PACKAGES = ["openTSNE==1.0.2", "scikit-learn", "umap-learn", "pacmap", "pynndescent", "faiss-cpu==1.15.1", "scranpy==0.3.1", "pyarrow", "numpy"]
TOOLS = {
    "tsne": ["latlas", "opentsne", "sklearn", "fitsne", "qdtsne", "bhtsne", "bhtsne-fft", "manifolds-tsne"],
    "umap": ["latlas", "umap-learn", "umappp", "manifolds-umap", "umap-rs"],
    "pacmap": ["latlas", "pacmap", "manifolds-pacmap"],
}
# Quadratic, or nearly: only for so many points.
MOST = {"sklearn": 10_000, "bhtsne": 10_000, "bhtsne-fft": 10_000}
CRATES = ["bhtsne", "bhtsne-fft", "manifolds-tsne", "manifolds-umap", "manifolds-pacmap", "umap-rs"]
# Near pairs of PaCMAP: what its authors' program takes unless told otherwise, at any number of points.
PAIRS = 10
QUALITY = {"kl": 4, "trustworthiness": 4, "recall10": 4, "recall30": 4, "triplets": 4}
COST = {"cpu": 1, "wall": 1, "fit_cpu": 1, "fit_wall": 1, "import": 1, "compile": 1, "peak_mb": 0}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vectors", type=Path, nargs="?", help="an .npy file, one row a point")
    parser.add_argument("--mixture", metavar="ROWSxDIM", help="instead of a file: a mixture of 50 Gaussians (mixture.py)")
    parser.add_argument("--method", choices=TOOLS, default="tsne")
    parser.add_argument("--points", type=int, help="only the first so many [all]")
    parser.add_argument("--perplexity", type=float, default=30, help="of t-SNE, and of the scorer's P [30]")
    parser.add_argument("--neighbours", type=int, default=15, help="of UMAP [15]")
    parser.add_argument("--iterations", type=int, default=750, help="of t-SNE, 250 of them exaggerated [750]")
    parser.add_argument("--fitsne", type=Path, help="a folder with FIt-SNE's fast_tsne.py and bin/fast_tsne; without it FIt-SNE is left out")
    parser.add_argument("--crates", type=Path, help="the rivals of bench/rivals-rust, built before")
    parser.add_argument("--no-scores", action="store_true", help="run only; the same command without this scores what ran")
    asked(parser, PACKAGES, rounds=3)
    args = parser.parse_args()
    if (args.vectors is None) == (args.mixture is None):
        parser.error("name one: an .npy file, or --mixture ROWSxDIM")
    args.python = args.python or environment(PACKAGES, "venv-maps")
    return args


def main():
    args = arguments()
    for path in [args.latlas, args.vectors]:
        if path and not path.exists():
            sys.exit(f"{path} is not there")
    vectors, points, dim = prepared(args)
    changed = "".join(f"-{change}" for change in args.set)
    work = WORK / "maps" / f"{vectors.stem}-{args.method}-{args.threads}t{changed}"
    if args.fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    log, scores = Log(work / "runs.jsonl"), Log(work / "scores.jsonl")
    tools = chosen(args, points)
    if any(tool in CRATES for tool in tools):
        args.crates = args.crates or build()
    space = vectors.with_suffix(".space")
    if "latlas" in tools and not space.exists():
        output([args.latlas, "convert", vectors, space, "--geometry", "euclidean", "--progress", "none"])

    def run(tool, seed):
        layout = work / f"{tool}-{seed}.npy"
        return ours(args, space, layout, seed, work) if tool == "latlas" else theirs(args, tool, vectors, layout, seed, work)

    in_turn(args, log, tools, run)
    if args.no_scores:
        return
    # Only now, so that a quiet machine is not spent on it.
    for found in [found for found in log.runs if found["tool"] in tools and found["seed"] <= args.rounds]:
        key = {"tool": found["tool"], "seed": found["seed"]}
        if not scores.find(**key):
            say(f"scoring {key['tool']} of round {key['seed']}")
            layout = work / f"{key['tool']}-{key['seed']}.npy"
            scores.add({**key, **json.loads(output([args.python, HERE / "map_score.py", vectors, layout, "--perplexity", args.perplexity]))})
    publish(report(args, log, scores, tools, points, dim), work / "table.md", args.output)


def chosen(args, points):
    """The tools that run: those asked for, or all of the method that are there and can do so many points."""
    if args.tools:
        return args.tools.split(",")
    there = [tool for tool in TOOLS[args.method] if points <= MOST.get(tool, points) and (tool != "fitsne" or args.fitsne)]
    left = [tool for tool in TOOLS[args.method] if tool not in there]
    if left:
        say(f"left out: {', '.join(left)} (too slow for {points:,} points, or not there: --fitsne)")
    return there


def prepared(args):
    """The points as every tool reads them, how many there are, and of what dimension."""
    name = (args.mixture and f"mixture-{args.mixture}") or args.vectors.stem
    vectors = WORK / "maps" / f"{name}{f'-{args.points}' if args.points else ''}.npy"
    vectors.parent.mkdir(parents=True, exist_ok=True)
    if not vectors.exists():
        whole = args.vectors
        if args.mixture:
            whole = WORK / "maps" / f"{name}.npy"
            output([args.python, HERE / "mixture.py", whole, *args.mixture.split("x")])
        if whole != vectors:
            script = ("import sys, numpy as np; x = np.load(sys.argv[1], mmap_mode='r'); n = int(sys.argv[3]) or len(x); "
                      "np.save(sys.argv[2], np.ascontiguousarray(x[:n], dtype=np.float32))")
            output([args.python, "-c", script, whole, vectors, args.points or 0])
    shape = output([args.python, "-c", "import sys, numpy as np; print(*np.load(sys.argv[1], mmap_mode='r').shape)", vectors])
    points, dim = map(int, shape.split())
    return vectors, points, dim


def build():
    """Builds the Rust rivals, a workspace of their own, and returns the program."""
    built = subprocess.run(["cargo", "build", "--release", "--locked", "--message-format=json"], cwd=RUST, stdout=subprocess.PIPE, text=True, check=True)
    messages = (json.loads(line) for line in built.stdout.splitlines())
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "rivals-rust" and m.get("executable"))


def ours(args, space, layout, seed, work):
    """`latlas map` on a copy of the space, as a process: reading, neighbours, layout, its faithfulness, storing."""
    copy = work / "latlas.space"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(space, copy)
    command = [args.latlas, "map", copy, "--method", args.method, "--seed", seed, "--threads", args.threads, "--json"]
    if args.method == "tsne":
        command += ["--perplexity", args.perplexity, "--set", f"iterations={args.iterations}"]
    elif args.method == "umap":
        command += ["--set", f"neighbours={args.neighbours}"]
    else:
        command += ["--set", f"neighbours={PAIRS}"]
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
    program = [args.crates] if tool in CRATES else [args.python, HERE / "map_rivals.py"]
    command = [*program, tool, vectors, layout, report, "--seed", seed, "--threads", args.threads,
               "--perplexity", args.perplexity, "--iterations", args.iterations, "--neighbours", args.neighbours]
    command += ["--fitsne", args.fitsne.resolve()] if tool == "fitsne" else []
    run = measured(command, work / f"{tool}.log")
    parts = json.loads(report.read_text())
    # The two small fits that tell compilation apart are no part of the program.
    run["wall"] -= parts.pop("extra_wall", 0)
    run["cpu"] -= parts.pop("extra_cpu", 0)
    return {**run, **parts}


def report(args, log, scores, tools, points, dim):
    columns = ["tool", "runs", *QUALITY, "CPU s", "wall s", "fit CPU s", "fit wall s", "import s", "compile s", "peak MB"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    means = {}
    for tool in tools:
        runs = [{**run, **scores.find(tool=tool, seed=run["seed"])} for run in log.runs if run["tool"] == tool and run["seed"] <= args.rounds]
        if not runs:
            continue
        cells = [tool, str(len(runs))]
        for what, digits in {**QUALITY, **COST}.items():
            values = [run[what] for run in runs if what in run]
            means[tool, what] = sum(values) / len(values) if values else None
            cells.append(spread(values, digits) if values else "")
        lines.append("| " + " | ".join(cells) + " |")
    rivals = [tool for tool in tools if tool != "latlas"]
    if rivals and "latlas" in tools:
        lines += ["", "| latlas beside | CPU time | wall time | its fit alone | peak memory | KL | kept at 10 |", "|---|---|---|---|---|---|---|"]
        for rival in rivals:
            times = lambda theirs, ours: f"{means[rival, theirs] / means['latlas', ours]:.2f}×"
            lines.append(f"| {rival} | {times('cpu', 'cpu')} | {times('wall', 'wall')} | {times('fit_wall', 'wall')} "
                         f"| {means['latlas', 'peak_mb'] / means[rival, 'peak_mb']:.2f} | {100 * (means['latlas', 'kl'] / means[rival, 'kl'] - 1):+.2f} % "
                         f"| {100 * (means['latlas', 'recall10'] / means[rival, 'recall10'] - 1):+.1f} % |")
        lines += ["", "Times: the rival's over ours, whole processes; 'its fit alone' is its fit, imported and compiled, over our whole process. Memory: ours "
                      "over the rival's. KL and neighbours kept: ours over the rival's, less one."]
    lines.append("")
    lines.append(f"{points:,} points × {dim}, {args.method}, {args.threads} threads; KL with one P at perplexity {args.perplexity:g} for all and Z over all "
                 "pairs; trustworthiness (k = 10) of 2,000 points; triplets: five of each point.")
    lines.append(f"{output([args.latlas, '--version']).strip()}; {versions(args.python, PACKAGES)}{crates(tools)}. {machine()}.")
    quiet = "" if args.load else " Times were taken without waiting for a quiet machine."
    lines.append(f"`python3 bench/compare/maps.py {' '.join(sys.argv[1:])}`{quiet}")
    return "\n".join(lines)


def crates(tools):
    """The versions of the Rust rivals that ran, from their lock file."""
    lock = (RUST / "Cargo.lock").read_text().split("[[package]]")
    wanted = {name for tool in tools if tool in CRATES for name in ("bhtsne", "manifolds-rs", "umap-rs") if name.split("-rs")[0] in tool}
    found = {}
    for package in lock:
        fields = dict(line.replace('"', "").split(" = ") for line in package.strip().splitlines()[:2] if " = " in line)
        if fields.get("name") in wanted:
            found[fields["name"]] = fields["version"]
    return "".join(f", {name} {version}" for name, version in sorted(found.items()))


if __name__ == "__main__":
    main()
