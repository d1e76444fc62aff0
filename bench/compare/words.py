#!/usr/bin/env python3
"""Word spaces beside their rivals: quality, CPU time and memory on the same corpus, in the same minutes.

One corpus is encoded once and dumped as it is trained on (`--dump-corpus`); then every tool of a method trains on that
dump in turn, round after round, each round with its own seed. All results are measured by `latlas eval`, those of
the first round by gensim's own evaluation too, as a cross-check. Finished runs are kept in `.work/words`; an interrupted comparison goes on with the
next one.

    python3 bench/compare/words.py --method skip-gram --rounds 5
    python3 bench/compare/words.py --method glove --glove DIR-OF-THE-REFERENCE
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from measure import REPOSITORY, WORK, Log, asked, environment, in_turn, machine, measured, output, publish, say, spread, versions, wait_for_quiet
from rivals import GENSIM, METHODS, PACKAGES, learn, train

# The suites, and how much worse than the first rival's mean ours may be.
SUITES = {
    "questions-words": 0.007,
    "EN-WS-353-ALL": 0.02,
    "EN-SIMLEX-999": 0.01,
    "EN-MEN-TR-3k": 0.01,
    "EN-RW-STANFORD": 0.01,
}
RESTRICT = 30_000
TABLE = "latlas, from the table"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("LATLAS_DATA", REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--method", choices=METHODS, default="skip-gram")
    parser.add_argument("--data", type=Path, default=Path(data), help="holds text/ and eval-words/ [LATLAS_DATA]")
    parser.add_argument("--corpus", type=Path, help="a table with columns id and text [DATA/text/enwiki100.tsv.zst]")
    parser.add_argument("--tokenizer", default="words", help="how latlas finds words in it [words]")
    parser.add_argument("--epochs", type=int, help="[5; GloVe: 25 iterations]")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--glove", type=Path, help="where the reference's four programs are")
    asked(parser, PACKAGES, rounds=5)
    args = parser.parse_args()
    args.epochs = args.epochs or (25 if args.method == "glove" else 5)
    args.corpus = args.corpus or args.data / "text" / "enwiki100.tsv.zst"
    args.python = args.python or environment(PACKAGES)
    return args


def main():
    args = arguments()
    evals = [args.data / "eval-words" / f"{name}.txt" for name in SUITES]
    for path in [args.latlas, args.corpus, *evals]:
        if not path.exists():
            sys.exit(f"{path} is not there")
    tools = args.tools.split(",") if args.tools else METHODS[args.method]
    version = output([args.latlas, "--version"]).strip()
    changed = "".join(f"-{change}" for change in args.set)
    corpus, tokens = dumped(args)
    work = WORK / "words" / f"{corpus.stem}-{args.method}-{args.dim}d-{args.epochs}e-{args.threads}t{changed}"
    if args.fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    log = Log(work / "runs.jsonl")

    def run(tool, seed):
        space = work / f"{tool}-{seed}.space"
        shutil.rmtree(space, ignore_errors=True)
        trained = train(tool, args, corpus, space, seed, work)
        return {**trained, **evaluate(args, space, evals, work, seed == 1)}

    in_turn(args, log, tools, run)
    if "latlas" in tools and not log.find(tool=TABLE):
        wait_for_quiet(args.load)
        say(f"latlas learns from {args.corpus.name} itself")
        space = work / "table.space"
        shutil.rmtree(space, ignore_errors=True)
        reading = ["--id", "id", "--text", "text", "--tokenizer", args.tokenizer]
        run = measured(learn(args, args.corpus, reading, space, 1), work / "table.log")
        log.add({"tool": TABLE, "seed": 1, **run, **evaluate(args, space, evals, work, False)})

    publish(report(args, log, tools, tokens, version), work / "table.md", args.output)


def dumped(args):
    """The corpus as every tool reads it, one sequence a line, and its number of words; made on first use."""
    corpus = WORK / "words" / f"{args.corpus.name.split('.')[0]}-{args.tokenizer}.txt"
    if not corpus.exists():
        say(f"latlas dumps {args.corpus.name}")
        corpus.parent.mkdir(parents=True, exist_ok=True)
        space, part = corpus.with_suffix(".space"), corpus.with_suffix(".part")
        output([args.latlas, "learn", "word2vec", args.corpus, "-o", space, "--id", "id", "--text", "text", "--dim", 1,
                "--epochs", 1, "--tokenizer", args.tokenizer, "--dump-corpus", part, "--progress", "none"])
        shutil.rmtree(space)
        part.rename(corpus)
    tokens = longest = 0
    with open(corpus, "rb") as lines:
        for line in lines:
            count = len(line.split())
            tokens, longest = tokens + count, max(longest, count)
    if longest > 10_000:
        sys.exit(f"{corpus} has a line of {longest} words; gensim would cut it at 10,000")
    return corpus, tokens


def evaluate(args, space, evals, work, crosscheck):
    """Each suite's figure by `latlas eval`; of the first round, by gensim on the same vectors too."""
    ours, coverage = {}, {}
    for restrict, files in ((RESTRICT, evals[:1]), (None, evals[1:])):
        command = [args.latlas, "eval", space, *files, "--suite", "words", "--method", "3cosadd", "--json"]
        command += ["--restrict-vocab", restrict] if restrict else []
        for result in json.loads(output(command))["results"]:
            if result["name"] in SUITES:
                ours[result["name"]] = result["value"]
                coverage[result["name"]] = result["coverage"]
    if not crosscheck:
        return {"latlas_eval": ours, "coverage": coverage}
    vectors = work / "crosscheck.vec"
    output([args.latlas, "convert", space, vectors])
    theirs = json.loads(output([args.python, GENSIM, "eval", vectors, RESTRICT, *evals]))
    vectors.unlink()
    return {"latlas_eval": ours, "gensim_eval": theirs, "coverage": coverage}


def report(args, log, tools, tokens, version):
    columns = ["tool", "runs", *SUITES, "CPU s", "wall s", "peak MB"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    means = {}
    for tool in [*tools, TABLE]:
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
    rivals = [tool for tool in tools if tool != "latlas"]
    if rivals and "latlas" in tools:
        lines += ["", "| latlas beside | CPU time | wall time | peak memory | " + " | ".join(SUITES) + " |"]
        lines.append("|---" * (4 + len(SUITES)) + "|")
        for rival in rivals:
            ratio = [f"{means[rival, 'cpu'] / means['latlas', 'cpu']:.2f}×", f"{means[rival, 'wall'] / means['latlas', 'wall']:.2f}×",
                     f"{means['latlas', 'peak_mb'] / means[rival, 'peak_mb']:.2f}"]
            for suite, slack in SUITES.items():
                difference = means["latlas", suite] - means[rival, suite]
                ratio.append(f"{difference:+.4f}" + ("" if difference >= -slack else f" (**below −{slack}**)"))
            lines.append(f"| {rival} | " + " | ".join(ratio) + " |")
        lines.append("")
        lines.append("Times: the rival's over ours. Memory: ours over the rival's. Quality: ours less the rival's, which may be "
                     + ", ".join(f"−{slack} ({suite})" for suite, slack in SUITES.items()) + ".")
    checked = [run for run in log.runs if "gensim_eval" in run]
    apart = max((abs(run["latlas_eval"][s] - run["gensim_eval"][s]) for run in checked for s in SUITES), default=0.0)
    lines.append("")
    lines.append(f"The largest difference between latlas eval and gensim's own evaluation of the same vectors ({len(checked)} spaces): {apart:.5f}.")
    lines.append(f"{tokens:,} words; {args.method}, dim {args.dim}, {args.epochs} epochs, {args.threads} threads; analogies by 3CosAdd among the first {RESTRICT:,} words.")
    lines.append(f"{version}; {versions(args.python, [*PACKAGES, 'numpy'])}. {machine()}.")
    lines.append(f"`python3 bench/compare/words.py {' '.join(sys.argv[1:])}`")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
