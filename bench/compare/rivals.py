"""How each tool of words.py is run: the same corpus, the same settings, as whole processes."""

import shlex
import sys

from measure import HERE, measured, output

GENSIM = HERE / "gensim_words.py"
FASTTEXT = HERE / "fasttext_words.py"
# The last brings the authors' C program, compiled on installation.
PACKAGES = ["gensim==4.4.0", "fasttext==0.9.3", "word2vec==0.11.1"]
# The first rival is the one whose quality ours is held to.
METHODS = {
    "skip-gram": ["gensim", "word2vec.c", "latlas"],
    "cbow": ["gensim", "word2vec.c", "latlas"],
    "fasttext": ["fastText", "gensim", "latlas"],
    "glove": ["GloVe", "latlas"],
    "svd": ["latlas"],
}
# As the reference's own demonstration for a corpus of this size.
GLOVE = {"window": 10, "x_max": 10}


def learn(args, corpus, reading, space, seed):
    """Our command for the method."""
    method = {"skip-gram": "word2vec", "cbow": "word2vec"}.get(args.method, args.method)
    command = [args.latlas, "learn", method, corpus, "-o", space, "--dim", args.dim]
    if method in ("word2vec", "fasttext"):
        command += ["--epochs", args.epochs]
    if method == "glove":
        command += ["--epochs", args.epochs, "--window", GLOVE["window"], "--set", f"x_max={GLOVE['x_max']}"]
    if args.method == "cbow":
        command += ["--set", "architecture=cbow"]
    if method == "fasttext":
        # What all tools are run with; fastText's own default, and so ours, is 1e-4.
        command += ["--set", "sample=1e-3"]
    for change in args.set:
        command += ["--set", change]
    return [*command, "--seed", seed, "--threads", args.threads, *reading, "--progress", "none"]


def train(tool, args, corpus, space, seed, work):
    """Trains and leaves a space; CPU seconds, wall seconds and peak memory of the training process."""
    log = work / f"{tool}-{seed}.log"
    if tool == "latlas":
        reading = ["--tokenizer", "whitespace", "--keep-case", "--unit", "line", "--min-count", 1]
        return measured(learn(args, corpus, reading, space, seed), log)
    vectors = work / f"{tool}-{seed}.bin"
    settings = [args.method, args.dim, args.epochs, seed, args.threads]
    if tool == "gensim":
        run = measured([args.python, GENSIM, "train", corpus, vectors, *settings], log)
    elif tool == "fastText":
        vectors = vectors.with_suffix(".vec")
        run = measured([args.python, FASTTEXT, corpus, vectors, *settings], log)
    elif tool == "word2vec.c":
        # It takes no seed: its threads make every run another one.
        run = measured([args.python.parent / "word2vec", "-train", corpus, "-output", vectors, "-binary", 1, "-size", args.dim,
                        "-window", 5, "-negative", 5, "-hs", 0, "-sample", "1e-3", "-min-count", 1, "-iter", args.epochs,
                        "-threads", args.threads, "-cbow", int(args.method == "cbow")], log)
    elif tool == "GloVe":
        if not args.glove:
            sys.exit("--glove DIR names the folder of the reference's vocab_count, cooccur, shuffle and glove")
        vectors = work / f"{tool}-{seed}.txt"
        run = measured(["sh", "-c", glove(args, corpus, vectors, seed, work)], log)
    else:
        sys.exit(f"there is no tool '{tool}'")
    # The reference writes a header, which its own format does not have.
    output([args.latlas, "convert", vectors, space, *(["--from", "word2vec"] if tool == "GloVe" else [])])
    vectors.unlink()
    return run


def glove(args, corpus, vectors, seed, work):
    """The reference's four programs, as its demonstration runs them."""
    q = shlex.quote
    names = ("vocab.txt", "counts.bin", "shuffled.bin", "overflow", "temporary")
    vocabulary, counts, shuffled, overflow, temporary = (q(str(work / name)) for name in names)
    program = lambda name: q(str(args.glove / name))
    return " && ".join([
        f"{program('vocab_count')} -min-count 1 -verbose 0 < {q(str(corpus))} > {vocabulary}",
        f"{program('cooccur')} -memory 4.0 -overflow-file {overflow} -vocab-file {vocabulary} -verbose 0 -window-size {GLOVE['window']} < {q(str(corpus))} > {counts}",
        f"{program('shuffle')} -memory 4.0 -temp-file {temporary} -verbose 0 -seed {seed} < {counts} > {shuffled}",
        f"{program('glove')} -save-file {q(str(vectors.with_suffix('')))} -threads {args.threads} -input-file {shuffled} -x-max {GLOVE['x_max']}"
        f" -iter {args.epochs} -vector-size {args.dim} -binary 0 -vocab-file {vocabulary} -verbose 0 -write-header 1 -seed {seed}",
        f"rm {counts} {shuffled}",
    ])
