"""fastText's side of words.py, run by it in the private environment.

CORPUS OUT METHOD DIM EPOCHS SEED THREADS   one training from a file, saved as .bin and, for the words, as word2vec text
"""

import sys


def main(corpus, out, method, dim, epochs, seed, threads):
    import fasttext

    assert method == "fasttext"
    # train_unsupervised of 0.9.3 refuses the argument, and passes on what stands here.
    fasttext.FastText.unsupervised_default["seed"] = int(seed)
    model = fasttext.train_unsupervised(
        corpus,
        model="skipgram",
        dim=int(dim),
        epoch=int(epochs),
        thread=int(threads),
        ws=5,
        neg=5,
        t=1e-3,
        minCount=1,  # the corpus holds kept words only
        lr=0.05,
        minn=3,
        maxn=6,
        bucket=2_000_000,
        verbose=0,
    )
    model.save_model(out + ".bin")
    # The words of the corpus; </s>, which fastText adds, is nobody else's.
    words = [word for word in model.get_words() if word != "</s>"]
    with open(out, "w", encoding="utf-8") as file:
        print(len(words), dim, file=file)
        for word in words:
            print(word, *model.get_word_vector(word), file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
