#!/usr/bin/env python3
"""Vectors that gensim and fastText write are read here, and the other way round: the largest 1 − cosine of any word.

A corpus with planted likeness is generated; gensim, the official fastText and latlas each learn from it, and each reads
what the others wrote. Words that were not in the corpus are compared where the model has n-grams. The floor is 1e-6.

    python3 bench/compare/round_trips.py
"""

import argparse
import json
import random
import shutil
import sys
from pathlib import Path

from measure import REPOSITORY, WORK, environment, output, say
from rivals import PACKAGES

FLOOR = 1e-6
UNKNOWN = ["unmeasurable", "tree77x", "şehirler", "東京", "river123zzz"]
# Run in the private environment: the vectors of words, as one JSON object, by whoever is asked.
READ = """
import json, sys
kind, path, *words = sys.argv[1:]
if kind == "official":
    import fasttext
    model = fasttext.load_model(path)
    vectors = {w: model.get_word_vector(w) for w in words or [w for w in model.get_words() if w != "</s>"]}
else:
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import load_facebook_vectors
    read = {"gensim .bin": lambda: KeyedVectors.load_word2vec_format(path, binary=True),
            "gensim .vec": lambda: KeyedVectors.load_word2vec_format(path),
            "gensim fastText": lambda: load_facebook_vectors(path)}[kind]()
    vectors = {w: read[w] for w in words or [w for w in read.index_to_key if w != "</s>"]}
# All n-grams unheard of: a vector of zeros there, no vector here.
print(json.dumps({w: [float(x) for x in v] for w, v in vectors.items() if any(v)}))
"""
MAKE = """
import sys
corpus, out = sys.argv[1:]
from gensim.models import FastText, Word2Vec
from gensim.models.fasttext import save_facebook_model
import fasttext
same = dict(corpus_file=corpus, vector_size=40, min_count=1, workers=1, seed=1)
words = Word2Vec(**same).wv
words.save_word2vec_format(out + "/gensim.bin", binary=True)
words.save_word2vec_format(out + "/gensim.vec", binary=False)
save_facebook_model(FastText(sg=1, bucket=5000, **same), out + "/gensim-fasttext.bin")
fasttext.train_unsupervised(corpus, dim=40, minCount=1, bucket=5000, thread=1, verbose=0).save_model(out + "/official.bin")
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latlas", type=Path, default=REPOSITORY / "target" / "release" / "latlas", help="the program")
    args = parser.parse_args()
    python, work = environment(PACKAGES), WORK / "round-trips"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    corpus = work / "corpus.txt"
    corpus.write_text(text())
    say("gensim and fastText learn")
    output([python, "-c", MAKE, corpus, work])
    learn = [corpus, "--dim", 40, "--min-count", 1, "--threads", 1, "--tokenizer", "whitespace", "--keep-case", "--unit", "line", "--progress", "none"]
    output([args.latlas, "learn", "word2vec", *learn, "-o", work / "ours.space"])
    output([args.latlas, "learn", "fasttext", *learn, "--set", "buckets=5000", "-o", work / "ours-fasttext.space"])

    read = lambda kind, path, *words: json.loads(output([python, "-c", READ, kind, path, *words]))
    trips = []
    for name, kind in (("gensim.bin", "gensim .bin"), ("gensim.vec", "gensim .vec"), ("official.bin", "official"), ("gensim-fasttext.bin", "gensim fastText")):
        space = work / f"read-{Path(name).stem}-{kind.split()[-1]}.space"
        output([args.latlas, "convert", work / name, space])
        trips.append((f"{name} → latlas", apart(read(kind, work / name), ours(args.latlas, space))))
        if kind in ("official", "gensim fastText"):
            found = placed(args.latlas, space, work)
            trips.append((f"{name} → latlas, unknown words", apart(read(kind, work / name, *UNKNOWN), found)))
            again = work / f"again-{name}"
            output([args.latlas, "convert", space, again])
            trips.append((f"{name} → latlas → .bin, the same bytes", 0.0 if again.read_bytes() == (work / name).read_bytes() else 1.0))
    for name, kind in (("ours.bin", "gensim .bin"), ("ours.vec", "gensim .vec")):
        output([args.latlas, "convert", work / "ours.space", work / name])
        trips.append((f"latlas → {name} → {kind}", apart(ours(args.latlas, work / "ours.space"), read(kind, work / name))))
    made = work / "ours-fasttext.bin"
    output([args.latlas, "convert", work / "ours-fasttext.space", made])
    known, unknown = ours(args.latlas, work / "ours-fasttext.space"), placed(args.latlas, work / "ours-fasttext.space", work)
    for kind in ("official", "gensim fastText"):
        trips.append((f"latlas → fastText .bin → {kind}", apart(known, read(kind, made))))
        trips.append((f"latlas → fastText .bin → {kind}, unknown words", apart(unknown, read(kind, made, *unknown))))

    print("| trip | largest 1 − cosine |\n|---|---|")
    for name, distance in trips:
        print(f"| {name} | {distance:.1e} |")
    if any(distance > FLOOR for _, distance in trips):
        sys.exit(f"more than {FLOOR}")


def text():
    """Two thousand lines; words of one topic stand together."""
    draw = random.Random(7)
    topics = [[f"{stem}{i}" for i in range(40)] for stem in ("river", "tree", "stone", "çay", "駅")]
    lines = []
    for _ in range(2000):
        topic = draw.choice(topics)
        lines.append(" ".join(topic[min(int(draw.expovariate(0.15)), 39)] for _ in range(12)))
    return "\n".join(lines) + "\n"


def ours(latlas, space):
    """All words of a space and their vectors, through JSON Lines."""
    path = space.with_suffix(".jsonl")
    output([latlas, "convert", space, path])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {row["id"]: row["vector"] for row in rows if row["id"] != "</s>"}


def placed(latlas, space, work):
    """Where a space's own model places words that it has not met."""
    table, out = work / "unknown.csv", work / f"unknown-{space.stem}.space"
    table.write_text("id,text\n" + "".join(f"{word},{word}\n" for word in UNKNOWN))
    output([latlas, "embed", space, table, "-o", out, "--id", "id", "--text", "text", "--method", "mean", "--tokenizer", "whitespace", "--keep-case"])
    return ours(latlas, out)


def apart(a, b):
    """The largest 1 − cosine; 1 if the words differ."""
    if a.keys() != b.keys():
        say(f"words differ: {sorted(a.keys() ^ b.keys())[:5]}")
        return 1.0
    cosine = lambda x, y: sum(p * q for p, q in zip(x, y)) / (sum(p * p for p in x) * sum(q * q for q in y)) ** 0.5
    return max(1.0 - cosine(a[word], b[word]) for word in a)


if __name__ == "__main__":
    main()
