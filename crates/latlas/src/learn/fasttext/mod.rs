//! fastText: vectors of words that are made of the vectors of their parts, so that words never met have one too.
//!
//! Bojanowski, Grave, Joulin & Mikolov, "Enriching Word Vectors with Subword Information", TACL 2017, arXiv 1607.04606
//! (\[1\]), and for classification Joulin, Grave, Bojanowski & Mikolov, "Bag of Tricks for Efficient Text
//! Classification", EACL 2017, arXiv 1607.01759 (\[2\]).
//!
//! As in word2vec, of a word w and each word c around it, minimised is (\[1\], §3.1)
//!
//! ```text
//! −ln σ(oᶜ·h) − Σₖ ln σ(−oⁿ⁽ᵏ⁾·h),    n(k) ~ P,  P(v) ∝ count(v)^0.5,  k = 1 … negative
//! ```
//!
//! | symbol | here |
//! |---|---|
//! | h | skip-gram: the mean of w's rows, its own and those of its n-grams; CBOW: the mean of the rows of all c, and w is predicted |
//! | o | output vectors, kept with the model |
//! | n(k) | noise words |
//! | α | the learning rate: linear in the words read, from `alpha` down to `min_alpha` |
//!
//! With hierarchical softmax the sum runs over the inner nodes above c in a Huffman tree instead. A word's vector, in the
//! vocabulary or not, is the mean of its rows. \[1\] eq. (2) has their sum; the mean is what the official program
//! computes, and every model there is holds. Each row moves by the whole gradient of the mean, as there.
//!
//! Different on purpose:
//! - A window's rows are gathered and moved once, not once for each pair (`train`).
//! - Noise equal to the word that is predicted is left out, not drawn again.
//! - Only rows that some word of the vocabulary has are kept; the others are zero (`rows`). The official program leaves
//!   them at their random first values, which add noise to the vectors of unknown words.
//! - Random streams are named by epoch and chunk: with one thread the result is a function of corpus, options and seed.
//! - A line's end is no word: `</s>` is neither learned nor predicted.
//!
//! The method page is `docs/fasttext.md`.

mod options;
#[cfg(test)]
mod reference;
mod rows;
mod train;
mod windows;

use rand_xoshiro::rand_core::Rng;
use serde_json::{Value, json};
use std::time::Instant;

use crate::data::Corpus;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::kernels::axpy;
use crate::kernels::hogwild::RacingRows;
use crate::kernels::pooled::Pooled;
use crate::learn::Learn;
use crate::learn::training::{self, Job, Trained};
use crate::learn::word2vec::{Architecture, Loss};
use crate::learn::words;
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::fasttext::{FastTextConfig, Owners, Parts, Task};
use crate::space::{self, Provenance, Space};

pub use options::{FastText, Subwords};
pub(in crate::learn) use options::{buckets, lengths};
use rows::WordRows;
use train::{Model, Work};

impl Learn for FastText {
    type Data = Corpus;

    /// Learns a space of the corpus's words, most frequent first: field "main" with cosine geometry, column `count`,
    /// metric `loss` (the mean of each epoch's terms, in nats), and the model that places other words.
    fn learn(&self, corpus: &Corpus, run: &Run<'_>) -> Result<Space> {
        self.check()?;
        let words = &corpus.vocabulary;
        if words.len() < 2 || words.len() != words.counts.len() {
            return Err(Error::data(format!(
                "a vocabulary of {} words and {} counts: nothing to tell apart",
                words.len(),
                words.counts.len()
            ))
            .help("give more text, or a lower --min-count"));
        }
        let begun = Instant::now();
        let kernels = Pooled::detect();
        let rows = WordRows::new(self, words)?;
        run.progress.note(&format!("{} n-grams have a row", rows.ngrams()));
        let mut trained = self.train(corpus, &rows, kernels, run)?;
        let seconds = begun.elapsed().as_secs_f64();

        let losses = trained.losses.iter().map(|epoch| json!(epoch.mean())).collect();
        let vectors = vectors(&mut trained.model, &rows, words.len())?;
        let model = self.model(corpus, trained.model, rows)?;
        let mut builder = Space::builder("fasttext", words::items(words)?)
            .field("main", Geometry::Cosine, vectors)
            .model(model)
            .provenance(self.provenance(corpus, kernels, run))
            .metric("loss", Value::Array(losses))
            .run_fact("threads", json!(run.threads))
            .run_fact("resumed", json!(trained.resumed));
        if seconds > 0.0 {
            builder = builder.run_fact("training_seconds", json!(seconds)).run_fact(
                "words_per_second",
                json!((trained.units_this_time as f64 / seconds).round()),
            );
        }
        builder.build()
    }
}

impl FastText {
    /// Trains to the end; an error where there was nothing to train on.
    fn train(
        &self,
        corpus: &Corpus,
        rows: &WordRows,
        kernels: Pooled,
        run: &Run<'_>,
    ) -> Result<Trained<Model>> {
        let work = Work::new(self, corpus, rows, kernels, run)?;
        let job = Job::new("fasttext", self.epochs, self, corpus.fingerprint, run)?;
        let first = || self.first_values(rows.total(), corpus.vocabulary.len(), run);
        let trained = training::train(&work, &job, first, run)?;
        if trained.losses.iter().all(|epoch| epoch.terms == 0) {
            return Err(Error::data(
                "no two words stand next to each other: nothing to learn from",
            )
            .help(
                "give longer sequences of words (--unit), a lower --min-count, or --set sample=0",
            ));
        }
        Ok(trained)
    }

    /// The matrices as they begin.
    fn first_values(&self, inputs: usize, outputs: usize, run: &Run<'_>) -> Result<Model> {
        let mut input = RacingRows::zeros(inputs, self.dim)?;
        let mut numbers = run.stream(&[0]);
        for row in 0..inputs {
            for x in input.row_mut(row) {
                // Even in ±1/dim; 24 random bits are all that an f32 holds evenly.
                *x = ((numbers.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0) / self.dim as f32;
            }
        }
        Ok(Model { input, output: RacingRows::zeros(outputs, self.dim)? })
    }

    /// What places words that are not in the vocabulary, and goes on with the official program.
    fn model(
        &self,
        corpus: &Corpus,
        trained: Model,
        rows: WordRows,
    ) -> Result<crate::space::Model> {
        let words = &corpus.vocabulary;
        let owners = rows.into_owners();
        let hashed = !matches!(owners, Owners::Ngrams(_)) && self.max_n > 0;
        let min_count = corpus.options.get("min_count").and_then(Value::as_u64).unwrap_or(1);
        let option = |name: &str| corpus.options.get(name).cloned().unwrap_or_default();
        let config = FastTextConfig {
            task: match self.architecture {
                Architecture::SkipGram => Task::SkipGram,
                Architecture::Cbow => Task::Cbow,
            },
            loss: match self.loss {
                Loss::Ns => space::fasttext::Loss::Ns,
                Loss::Hs => space::fasttext::Loss::Hs,
            },
            dim: self.dim,
            window: self.window as u32,
            epochs: self.epochs,
            min_count: u32::try_from(min_count).unwrap_or(u32::MAX),
            negative: self.negative as u32,
            word_ngrams: 1,
            buckets: if hashed { self.buckets as u32 } else { 0 },
            min_n: self.min_n as u32,
            max_n: self.max_n as u32,
            sample: self.sample,
            lr_update_rate: 100,
            tokens: words.tokens(),
            label_prefix: String::new(),
            tokenizer: serde_json::from_value(option("tokenizer")).ok(),
            lowercase: option("lowercase").as_bool().unwrap_or_default(),
            pruned: false,
        };
        let Model { input, output } = trained;
        let parts = Parts {
            config,
            words: (words.words.clone(), words.counts.clone()),
            labels: (Vec::new(), Vec::new()),
            input: matrix(input)?,
            owners,
            output: matrix(output)?,
        };
        parts.into_model()
    }

    fn provenance(&self, corpus: &Corpus, kernels: Pooled, run: &Run<'_>) -> Provenance {
        let mut options = corpus.options.clone();
        options.extend(self.in_force());
        Provenance {
            action: "learn fasttext".into(),
            options,
            seed: Some(run.seed),
            sources: corpus.sources.clone(),
            version: format!("{} {}", env!("CARGO_PKG_VERSION"), kernels.name()),
        }
    }
}

/// The vectors of the words: the means of their rows.
fn vectors(model: &mut Model, rows: &WordRows, words: usize) -> Result<Matrix> {
    let mut vectors = Matrix::zeros(words, model.input.dim());
    for word in 0..words {
        let own = rows.of(word as u32);
        let vector = vectors.row_mut(word);
        for &row in own {
            axpy(1.0 / own.len() as f32, model.input.row(row as usize), vector);
        }
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(Error::data("training diverged: vectors have become infinite")
                .help("try a smaller alpha"));
        }
    }
    Ok(vectors)
}

/// The rows without their padding; the racing ones are given back to the machine.
pub(in crate::learn) fn matrix(mut rows: RacingRows) -> Result<Matrix> {
    let (count, dim) = (rows.rows(), rows.dim());
    let mut numbers = Vec::with_capacity(count * dim);
    for row in 0..count {
        numbers.extend_from_slice(rows.row(row));
    }
    Matrix::new(count, dim, numbers)
}
