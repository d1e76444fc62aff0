#!/usr/bin/env python3
"""Labels for texts beside fastText: accuracy and CPU time on the same split, with the same options.

Three collections of nltk_data (sentence_polarity, subjectivity, movie_reviews; zip files under DATA/classify), cut into
words as they are, four fifths to learn from and one to judge by, shuffled anew for each round. Both programs learn and
label as whole processes on one thread; fastText's side is this file, called with `official`.

    python3 bench/compare/classify.py --rounds 5
"""

import argparse
import json
import os
import random
import sys
import zipfile
from pathlib import Path

from measure import REPOSITORY, WORK, environment, machine, measured, output, say, spread

# What the names of files in each archive end in or hold, and the label they give.
COLLECTIONS = {
    "sentence_polarity": {"rt-polarity.neg": "neg", "rt-polarity.pos": "pos"},
    "subjectivity": {"plot.tok.gt9.5000": "objective", "quote.tok.gt9.5000": "subjective"},
    "movie_reviews": {"movie_reviews/neg/": "neg", "movie_reviews/pos/": "pos"},
}
# fastText's options and ours.
SETTINGS = {
    "defaults": ({}, []),
    "bigrams": (
        {"wordNgrams": 2, "bucket": 200000, "epoch": 10, "lr": 0.5},
        ["--epochs", 10, "--set", "alpha=0.5", "--set", "word_ngrams=2", "--set", "buckets=200000"],
    ),
    **{
        loss: ({"loss": loss, "epoch": 10, "lr": 0.5}, ["--epochs", 10, "--set", "alpha=0.5", "--set", f"loss={loss}"])
        for loss in ("hs", "ns", "ova")
    },
}


def texts(data, name):
    """(label, text) of a collection; a file of reviews is one text, all others hold one a line."""
    with zipfile.ZipFile(data / "classify" / f"{name}.zip") as archive:
        for file in sorted(archive.namelist()):
            for mark, label in COLLECTIONS[name].items():
                if mark in file and not file.endswith("/"):
                    content = archive.read(file).decode("latin-1")
                    whole = name == "movie_reviews"
                    for text in [content] if whole else content.splitlines():
                        yield label, " ".join(text.split())


def split(data, name, round_, folder):
    """Writes a shuffled split; the paths of its two parts."""
    examples = list(texts(data, name))
    random.Random(round_).shuffle(examples)
    cut = len(examples) * 4 // 5
    paths = folder / f"{name}.train", folder / f"{name}.test"
    for path, part in zip(paths, (examples[:cut], examples[cut:])):
        path.write_text("".join(f"__label__{label} {text}\n" for label, text in part), encoding="utf-8")
    return paths


def official(train, test, options):
    import fasttext

    model = fasttext.train_supervised(train, thread=1, verbose=0, **json.loads(options))
    print(json.dumps({"precision": model.test(test)[1]}))


def ours(latlas, train, test, options, seed, folder):
    """Precision, and the CPU seconds of learning and labelling."""
    space, log = folder / "latlas.space", folder / "latlas.log"
    learn = [latlas, "learn", "fasttext", "--supervised", train, "-o", space, "--tokenizer", "whitespace", "--keep-case"]
    cpu = measured([*learn, *options, "--seed", seed, "--threads", 1, "-q"], log)["cpu"]
    label = [latlas, "apply", "classify", space, test, "--json", "-q"]
    cpu += measured(label, log)["cpu"]
    report = json.loads(output(label))
    return report["precision"], cpu, report["baseline"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("LATLAS_DATA", REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    parser.add_argument("--data", type=Path, default=Path(data), help="holds classify/ [LATLAS_DATA]")
    parser.add_argument("--python", type=Path, help="a Python that has fasttext [one is made]")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    python = args.python or environment(["fasttext==0.9.3"])
    folder = WORK / "classify"
    folder.mkdir(parents=True, exist_ok=True)
    script = "from importlib.metadata import version; print('fasttext', version('fasttext'))"
    versions = f"{output([args.latlas, '--version']).strip()}, {output([python, '-c', script]).strip()}"
    print(f"{versions}; {machine()}; {args.rounds} rounds, one thread.")
    print(f"`python3 bench/compare/classify.py {' '.join(sys.argv[1:])}`\n")
    print("| texts | options | commonest label | fastText | latlas | fastText CPU s | latlas CPU s |\n|---|---|---|---|---|---|---|")
    for name in COLLECTIONS:
        for setting, (theirs, mine) in SETTINGS.items():
            rows = []
            for round_ in range(args.rounds):
                train, test = split(args.data, name, round_, folder)
                log = folder / "fasttext.log"
                cpu = measured([python, __file__, "official", train, test, json.dumps(theirs)], log)["cpu"]
                precision = json.loads(log.read_text().splitlines()[-1])["precision"]
                rows.append((precision, cpu, *ours(args.latlas, train, test, mine, round_ + 1, folder)))
                say(f"{name} {setting} round {round_ + 1}: fastText {precision:.4f}, latlas {rows[-1][2]:.4f}")
            their, their_cpu, our, our_cpu, baseline = zip(*rows)
            print(f"| {name} | {setting} | {spread(baseline, 3)} | {spread(their, 3)} | {spread(our, 3)} | "
                  f"{spread(their_cpu, 2)} | {spread(our_cpu, 2)} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["official"]:
        official(*sys.argv[2:])
    else:
        main()
