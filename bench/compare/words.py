#!/usr/bin/env python3
"""word2vec beside gensim: quality, CPU time and memory on the same corpus, in the same minutes.

One corpus is encoded once and dumped as it is trained on (`--dump-corpus`); then gensim (`corpus_file`) and
`latlas learn word2vec` train on that dump in turn, round after round, each round with its own seed. Both results are
measured by `latlas eval`, and by gensim's own evaluation as a cross-check. Finished runs are kept in `.work/words`;
an interrupted comparison goes on with the next one.

    python3 bench/compare/words.py --rounds 5
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from measure import HERE, REPOSITORY, WORK, Log, environment, machine, measured, output, say, spread, wait_for_quiet

GENSIM = "gensim==4.4.0"
# The suites, and how much worse than gensim's mean ours may be.
SUITES = {"questions-words": 0.007, "EN-WS-353-ALL": 0.02, "EN-SIMLEX-999": 0.01, "EN-MEN-TR-3k": 0.01}
RESTRICT = 30_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("LATLAS_DATA", REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--data", type=Path, default=Path(data), help="holds text/ and eval-words/ [LATLAS_DATA]")
    parser.add_argument("--corpus", type=Path, help="a table with columns id and text [DATA/text/enwiki100.tsv.zst]")
    parser.add_argument("--tokenizer", default="words", help="how latlas finds words in it [words]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--architecture", choices=["skip-gram", "cbow"], default="skip-gram")
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    parser.add_argument("--python", type=Path, help=f"a Python that has {GENSIM}, instead of a private environment")
    parser.add_argument("--fresh", action="store_true", help="forget finished runs")
    parser.add_argument("--output", type=Path, help="write the table here too")
    return parser.parse_args()


def main():
    args = arguments()
    args.corpus = args.corpus or args.data / "text" / "enwiki100.tsv.zst"
    evals = [args.data / "eval-words" / f"{name}.txt" for name in SUITES]
    for path in [args.latlas, args.corpus, *evals]:
        if not path.exists():
            sys.exit(f"{path} is not there")
    version = output([args.latlas, "--version"]).strip()
    setting = f"{args.corpus.name.split('.')[0]}-{args.tokenizer}-{args.architecture}-{args.dim}d-{args.epochs}e-{args.threads}t"
    work = WORK / "words" / setting
    if args.fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    python = args.python or environment([GENSIM])
    log = Log(work / "runs.jsonl")

    corpus = work / "corpus.txt"
    if not (log.find(tool="latlas, from the table") and corpus.exists()):
        say(f"latlas learns from {args.corpus.name} itself and dumps the corpus")
        wait_for_quiet(args.load)
        reading = ["--id", "id", "--text", "text", "--tokenizer", args.tokenizer, "--dump-corpus", corpus]
        run = measured(latlas(args, args.corpus, reading, work / "table.space", 1), work / "table.log")
        log.add({"tool": "latlas, from the table", "seed": 1, **run, **evaluate(args, python, work / "table.space", evals, work)})
    with open(corpus, "rb") as lines:
        tokens = longest = 0
        for line in lines:
            count = len(line.split())
            tokens, longest = tokens + count, max(longest, count)
    if longest > 10_000:
        sys.exit(f"{corpus} has a line of {longest} words; gensim would cut it at 10,000")

    for seed in range(1, args.rounds + 1):
        # Whoever goes first meets a machine in another state: they take turns.
        tools = ["gensim", "latlas"] if seed % 2 else ["latlas", "gensim"]
        for tool in tools:
            if log.find(tool=tool, seed=seed):
                continue
            wait_for_quiet(args.load)
            say(f"round {seed} of {args.rounds}: {tool}")
            space = work / f"{tool}-{seed}.space"
            if tool == "gensim":
                vectors = work / f"gensim-{seed}.bin"
                train = [python, HERE / "gensim_words.py", "train", corpus, vectors]
                options = [args.architecture, args.dim, args.epochs, seed, args.threads]
                run = measured(train + options, work / f"gensim-{seed}.log")
                shutil.rmtree(space, ignore_errors=True)
                output([args.latlas, "convert", vectors, space])
                vectors.unlink()
            else:
                reading = ["--tokenizer", "whitespace", "--keep-case", "--unit", "line", "--min-count", 1]
                run = measured(latlas(args, corpus, reading, space, seed), work / f"latlas-{seed}.log")
            log.add({"tool": tool, "seed": seed, **run, **evaluate(args, python, space, evals, work)})

    text = report(args, log, tokens, version, python)
    print(text)
    for path in [work / "table.md", args.output]:
        if path:
            path.write_text(text + "\n")


def latlas(args, corpus, reading, space, seed):
    shutil.rmtree(space, ignore_errors=True)
    learn = [args.latlas, "learn", "word2vec", corpus, "-o", space, "--dim", args.dim, "--epochs", args.epochs]
    options = ["--set", f"architecture={args.architecture}", "--seed", seed, "--threads", args.threads]
    return learn + options + [*reading, "--progress", "none"]


def evaluate(args, python, space, evals, work):
    """Each suite's figure by `latlas eval`, and by gensim on the same vectors."""
    ours = {}
    for restrict, files in ((RESTRICT, evals[:1]), (None, evals[1:])):
        command = [args.latlas, "eval", space, *files, "--suite", "words", "--method", "3cosadd", "--json"]
        command += ["--restrict-vocab", restrict] if restrict else []
        results = json.loads(output(command))["results"]
        ours.update({result["name"]: result["value"] for result in results if result["name"] in SUITES})
    vectors = work / "crosscheck.bin"
    output([args.latlas, "convert", space, vectors])
    theirs = json.loads(output([python, HERE / "gensim_words.py", "eval", vectors, RESTRICT, *evals]))
    vectors.unlink()
    return {"latlas_eval": ours, "gensim_eval": theirs}


def report(args, log, tokens, version, python):
    columns = ["tool", "runs", *SUITES, "CPU s", "wall s", "peak MB"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    means = {}
    for tool in ["gensim", "latlas", "latlas, from the table"]:
        runs = [run for run in log.runs if run["tool"] == tool and run["seed"] <= args.rounds]
        if not runs:
            continue
        cells = [tool, str(len(runs))]
        for suite in SUITES:
            values = [run["latlas_eval"][suite] for run in runs]
            means[tool, suite] = sum(values) / len(values)
            cells.append(f"{spread([100 * v for v in values], 2)} %" if suite == "questions-words" else spread(values, 4))
        for what, digits in (("cpu", 0), ("wall", 0), ("peak_mb", 0)):
            values = [run[what] for run in runs]
            means[tool, what] = sum(values) / len(values)
            cells.append(spread(values, digits))
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| held to | floor | measured | |", "|---|---|---|---|"]

    def hold(what, floor, measured, good):
        lines.append(f"| {what} | {floor} | {measured} | {'held' if good else '**missed**'} |")

    for suite, slack in SUITES.items():
        difference = means["latlas", suite] - means["gensim", suite]
        hold(f"{suite}, latlas − gensim", f"−{slack}", f"{difference:+.4f}", difference >= -slack)
    for tool in ["latlas", "latlas, from the table"]:
        ratio = means[tool, "peak_mb"] / means["gensim", "peak_mb"]
        hold(f"peak memory, {tool} / gensim", "1.00", f"{ratio:.2f}", ratio <= 1.0)
    lines.append("")
    lines.append(f"gensim's CPU time / ours: {means['gensim', 'cpu'] / means['latlas', 'cpu']:.2f}; "
                 f"wall time: {means['gensim', 'wall'] / means['latlas', 'wall']:.2f}.")
    apart = max(abs(run["latlas_eval"][s] - run["gensim_eval"][s]) for run in log.runs for s in SUITES)
    lines.append(f"The largest difference between latlas eval and gensim's own evaluation of the same vectors: {apart:.5f}.")
    versions = output([python, "-c", "import gensim, numpy, sys; print('gensim', gensim.__version__, 'numpy', numpy.__version__, 'Python', sys.version.split()[0])"]).strip()
    lines.append(f"{tokens:,} words; {args.architecture}, dim {args.dim}, window 5, negative 5, sample 1e-3, "
                 f"{args.epochs} epochs, {args.threads} threads; analogies by 3CosAdd among the first {RESTRICT:,} words.")
    lines.append(f"{version}; {versions}. {machine()}.")
    lines.append(f"`python3 bench/compare/words.py {' '.join(sys.argv[1:])}`")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
