"""gensim's side of words.py, run by it in the private environment.

train CORPUS OUT METHOD DIM EPOCHS SEED WORKERS   one training from a corpus file, saved as word2vec binary
eval VECTORS RESTRICT FILE...                     gensim's own evaluation of word2vec text, one JSON object on standard output
"""

import json
import sys


def train(corpus, out, method, dim, epochs, seed, workers):
    from gensim.models import FastText, Word2Vec

    same = dict(
        corpus_file=corpus,
        vector_size=int(dim),
        epochs=int(epochs),
        seed=int(seed),
        workers=int(workers),
        window=5,
        negative=5,
        sample=1e-3,
        min_count=1,  # the corpus holds kept words only
        min_alpha=1e-4,
    )
    if method == "fasttext":
        model = FastText(sg=1, alpha=0.05, min_n=3, max_n=6, bucket=2_000_000, **same)
    else:
        skip_gram = method == "skip-gram"
        model = Word2Vec(sg=int(skip_gram), alpha=0.025 if skip_gram else 0.05, **same)
    model.wv.save_word2vec_format(out, binary=True)


def evaluate(vectors, restrict, *files):
    from gensim.models import KeyedVectors

    words = KeyedVectors.load_word2vec_format(vectors)
    figures = {}
    for path in files:
        name = path.rsplit("/", 1)[-1].removesuffix(".txt")
        with open(path, encoding="utf-8") as file:
            analogies = file.readline().startswith(":")
        if analogies:
            figures[name] = words.evaluate_word_analogies(path, restrict_vocab=int(restrict))[0]
        else:
            figures[name] = float(words.evaluate_word_pairs(path)[1][0])
    print(json.dumps(figures))


if __name__ == "__main__":
    {"train": train, "eval": evaluate}[sys.argv[1]](*sys.argv[2:])
