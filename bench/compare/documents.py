#!/usr/bin/env python3
"""Vectors of documents beside gensim's: how well they tell labels apart, CPU time and memory, on the same texts.

Three collections of nltk_data (zip files under DATA/classify), one document a line, cut at white space by all; words that
stand once are left out. Every tool learns on the same lines in turn, round after round, each round with its own seed,
as a whole process. One scorer judges all vectors, brought to length 1, in five-fold cross-validation: logistic
regression (C = 10), and the ten nearest neighbours by cosine. Finished runs are kept in `.work/documents`; an interrupted
comparison goes on with the next one.

    python3 bench/compare/documents.py --rounds 5
"""

import argparse
import json
import os
import random
import shutil
import sys
from pathlib import Path

from classify import COLLECTIONS, texts
from measure import REPOSITORY, WORK, Log, environment, in_turn, machine, measured, output, spread, versions

PACKAGES = ["gensim==4.4.0", "scikit-learn==1.9.1"]
# Each tool, and the one of the rival that it is held to.
TOOLS = {
    "gensim dm=0": None,
    "latlas pv-dbow": "gensim dm=0",
    "gensim dm=1": None,
    "latlas pv-dm": "gensim dm=1",
    "latlas sif": None,
    "latlas tfidf": None,
}
SCORES = ("logistic regression", "10 neighbours")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("LATLAS_DATA", REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--data", type=Path, default=Path(data), help="holds classify/ [LATLAS_DATA]")
    parser.add_argument("--collections", default=",".join(COLLECTIONS), help="only these, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--load", type=float, default=1.0, help="wait until the load is below this; 0 does not wait")
    parser.add_argument("--python", type=Path, help=f"a Python that has {', '.join(PACKAGES)}, instead of a private environment")
    parser.add_argument("--fresh", action="store_true", help="forget finished runs")
    args = parser.parse_args()
    args.python = args.python or environment(PACKAGES)
    return args


def gensim(path, vectors, model, dim, epochs, seed, threads):
    """gensim's side, run in the private environment."""
    import numpy
    from gensim.models.doc2vec import Doc2Vec

    model = Doc2Vec(corpus_file=path, dm=int(model), dm_mean=1, vector_size=int(dim), epochs=int(epochs), seed=int(seed),
                    workers=int(threads), window=5, negative=5, hs=0, sample=1e-3, min_count=2)
    numpy.save(vectors, model.dv.vectors)


def score(vectors, labels):
    """The scorer, run in the private environment."""
    import numpy
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    points, kinds = numpy.load(vectors), Path(labels).read_text().split()
    if len(points) != len(kinds):
        sys.exit(f"{len(points)} vectors, {len(kinds)} labels")
    points = points / numpy.maximum(numpy.linalg.norm(points, axis=1, keepdims=True), 1e-30)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    judges = LogisticRegression(C=10, max_iter=2000), KNeighborsClassifier(10, algorithm="brute")
    print(json.dumps({name: cross_val_score(judge, points, kinds, cv=folds).mean() for name, judge in zip(SCORES, judges)}))


def run(tool, args, lines, labels, seed, folder):
    """Learns; what it cost, and the scores of its vectors."""
    log, vectors = folder / "log", folder / "vectors.npy"
    who, how = tool.split()
    if who == "gensim":
        settings = [how.removeprefix("dm="), args.dim, args.epochs, seed, args.threads]
        cost = measured([args.python, __file__, "gensim", lines, vectors, *settings], log)
    else:
        space, words = folder / "documents.space", folder / "words.space"
        reading = [lines, "--unit", "line", "--tokenizer", "whitespace", "--keep-case", "-q"]
        same = [*reading, "--min-count", 2, "--dim", args.dim, "--epochs", args.epochs, "--seed", seed, "--threads", args.threads]
        if how.startswith("pv-"):
            cost = measured([args.latlas, "learn", "doc2vec", *same, "-o", space, "--model", how, "--on-unknown", "keep"], log)
        else:
            cost = measured([args.latlas, "learn", "word2vec", *same, "-o", words], log)
            more = measured([args.latlas, "embed", words, *reading, "-o", space, "--method", how, "--on-unknown", "keep",
                             "--threads", args.threads], log)
            cost = {what: max(cost[what], more[what]) if what == "peak_mb" else cost[what] + more[what] for what in cost}
        [found] = space.glob("main-*.npy")
        shutil.copy(found, vectors)
    scores = json.loads(output(["env", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", args.python, __file__, "score", vectors, labels]))
    return {**cost, **scores}


def prepared(args, name, folder):
    """The documents, one a line, and their labels."""
    lines, labels = folder / f"{name}.txt", folder / f"{name}.labels"
    examples = [(label, text) for label, text in texts(args.data, name) if text]
    # The files are sorted by label, and from sorted texts all tools learn much worse.
    random.Random(0).shuffle(examples)
    lines.write_text("".join(f"{text}\n" for _, text in examples), encoding="utf-8")
    labels.write_text("".join(f"{label}\n" for label, _ in examples), encoding="utf-8")
    return lines, labels, len(examples)


def main():
    args = arguments()
    work = WORK / "documents" / f"{args.dim}d-{args.epochs}e-{args.threads}t"
    if args.fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    log = Log(work / "runs.jsonl")
    counts = {}
    for name in args.collections.split(","):
        lines, labels, counts[name] = prepared(args, name, work)
        in_turn(args, log, TOOLS, lambda tool, seed: run(tool, args, lines, labels, seed, work), collection=name)
    print(report(args, log, counts))


def report(args, log, counts):
    columns = ["vectors", "runs", *SCORES, "CPU s", "wall s", "peak MB"]
    lines = []
    for name, count in counts.items():
        means = {}
        lines += [f"{name}, {count:,} documents:", "", "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
        for tool, rival in TOOLS.items():
            runs = [run for run in log.runs if (run["collection"], run["tool"]) == (name, tool) and run["seed"] <= args.rounds]
            if not runs:
                continue
            means[tool] = sum(run["cpu"] for run in runs) / len(runs)
            cells = [tool, str(len(runs)), *(f"{spread([100 * run[score] for run in runs], 1)} %" for score in SCORES)]
            cells += [spread([run[what] for run in runs], digits) for what, digits in (("cpu", 1), ("wall", 1), ("peak_mb", 0))]
            if rival in means:
                cells[4] += f" ({means[rival] / means[tool]:.1f}× less)"
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    quiet = "" if args.load else " Times were taken beside other work."
    lines.append(f"dim {args.dim}, window 5, negative 5, sample 1e-3, {args.epochs} epochs, {args.threads} threads.{quiet}")
    lines.append(f"{output([args.latlas, '--version']).strip()}; {versions(args.python, PACKAGES)}. {machine()}.")
    lines.append(f"`python3 bench/compare/documents.py {' '.join(sys.argv[1:])}`")
    return "\n".join(lines)


if __name__ == "__main__":
    {"gensim": gensim, "score": score}.get(sys.argv[1] if len(sys.argv) > 1 else "", lambda *_: main())(*sys.argv[2:])
