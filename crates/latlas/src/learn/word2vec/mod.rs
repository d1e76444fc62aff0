//! word2vec: vectors of words from the words around them, by negative sampling.
//!
//! Mikolov, Chen, Corrado & Dean, "Efficient Estimation of Word Representations in Vector Space", arXiv 1301.3781
//! (\[1\]: skip-gram, CBOW), and Mikolov, Sutskever, Chen, Corrado & Dean, "Distributed Representations of Words and
//! Phrases and their Compositionality", arXiv 1310.4546 (\[2\]: negative sampling, subsampling).
//!
//! For each centre word w and each context word c within a window around it, minimised is (\[2\], eq. 4)
//!
//! ```text
//! −ln σ(oʷ·h) − Σₖ ln σ(−oⁿ⁽ᵏ⁾·h),    n(k) ~ P,  P(v) ∝ count(v)^0.75,  k = 1 … negative
//! ```
//!
//! | symbol | here |
//! |---|---|
//! | h | skip-gram: the input vector of c; CBOW: the mean of the input vectors of all contexts |
//! | o | output vectors, which are dropped at the end; the input vectors are the result |
//! | σ | the logistic function, exact to 2e-6 (no table, no cut at ±6) |
//! | n(k) | noise words, `sampler` |
//! | α | the learning rate: linear in the words read, from `alpha` down to `min_alpha` |
//!
//! A word of relative frequency f is kept with probability min(1, (√(f/t)+1)·t/f), t = `sample`: the authors'
//! program, not \[2\] eq. 5. The window of each centre word is uniform in 1…`window` (\[1\], §3.2).
//!
//! Different on purpose:
//! - As in the authors' program (and unlike \[2\] eq. 1) the context's vector predicts the centre word: the same pairs
//!   in another order. In CBOW each context moves by the whole gradient of the mean, not by its share.
//! - All dot products of one pair are measured before any of its vectors moves (they differ only where a noise word
//!   was drawn twice for the same pair).
//! - Noise equal to the centre word is left out, not drawn again.
//! - Input vectors begin evenly in ±1/dim as in gensim, output vectors at zero. The authors' program has half that
//!   range: 0.4 points of analogies fewer on 4.4 million words, no difference on 16 million.
//! - The learning rate ends at a tenth of `alpha` unless told otherwise; the page says why.
//! - Subsampling, windows and noise come from one random stream per chunk of text and epoch, not per thread; with one
//!   thread the result is a function of corpus, options and seed.
//!
//! The method page is `docs/word2vec.md`.

mod options;
#[cfg(test)]
mod reference;
mod train;
mod windows;

use arrow_array::Int64Array;
use rand_xoshiro::rand_core::Rng;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

use crate::data::{Corpus, Vocabulary};
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::items::{Column, ColumnKind, Items};
use crate::kernels::hogwild::{Hogwild, RacingRows};
use crate::learn::Learn;
use crate::learn::training::{self, Job, Trained};
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::{Provenance, Space};

pub use options::{Architecture, Word2Vec};
use train::{Model, Work};

impl Learn for Word2Vec {
    type Data = Corpus;

    /// Learns a space of the corpus's words, most frequent first: field "main" with cosine geometry, column `count`,
    /// metric `loss` (the mean of each epoch's terms, in nats).
    fn learn(&self, corpus: &Corpus, run: &Run<'_>) -> Result<Space> {
        self.check()?;
        let words = &corpus.vocabulary;
        if words.len() < 2 {
            return Err(Error::data(format!(
                "a vocabulary of {} words: nothing to tell apart",
                words.len()
            ))
            .help("give more text, or a lower --min-count"));
        }
        if words.len() != words.counts.len() || words.len() >= u32::MAX as usize {
            return Err(Error::data(format!(
                "a vocabulary of {} words and {} counts",
                words.len(),
                words.counts.len()
            )));
        }
        let begun = Instant::now();
        let kernels = Hogwild::detect();
        let trained = self.train(corpus, kernels, run)?;
        let seconds = begun.elapsed().as_secs_f64();

        let losses = trained.losses.iter().map(|epoch| json!(epoch.mean())).collect();
        let mut builder = Space::builder("word2vec", items(words)?)
            .field("main", Geometry::Cosine, vectors(trained.model)?)
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

impl Word2Vec {
    /// Trains to the end; an error where there was nothing to train on.
    fn train(&self, corpus: &Corpus, kernels: Hogwild, run: &Run<'_>) -> Result<Trained<Model>> {
        let work = Work::new(self, corpus, kernels, run);
        let job = Job::new("word2vec", self.epochs, self, corpus.fingerprint, run)?;
        let first = || self.first_values(corpus.vocabulary.len(), run);
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
    fn first_values(&self, rows: usize, run: &Run<'_>) -> Result<Model> {
        let mut input = RacingRows::zeros(rows, self.dim)?;
        let mut numbers = run.stream(&[0]);
        for row in 0..rows {
            for x in input.row_mut(row) {
                // Even in ±1/dim; 24 random bits are all that an f32 holds evenly.
                *x = ((numbers.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0) / self.dim as f32;
            }
        }
        Ok(Model { input, output: RacingRows::zeros(rows, self.dim)? })
    }

    fn provenance(&self, corpus: &Corpus, kernels: Hogwild, run: &Run<'_>) -> Provenance {
        let mut options = corpus.options.clone();
        options.extend(self.in_force());
        Provenance {
            action: "learn word2vec".into(),
            options,
            seed: Some(run.seed),
            sources: corpus.sources.clone(),
            version: format!("{} {}", env!("CARGO_PKG_VERSION"), kernels.name()),
        }
    }
}

/// Items named by the words, with their counts as a column.
pub(super) fn items(words: &Vocabulary) -> Result<Items> {
    let counts = words.counts.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX));
    Items::from_ids(&words.words)?.with_column(Column {
        name: "count".into(),
        kind: ColumnKind::Integer,
        values: Arc::new(Int64Array::from_iter_values(counts)),
    })
}

/// The input vectors; everything else is given back to the machine first.
fn vectors(model: Model) -> Result<Matrix> {
    let Model { mut input, output } = model;
    drop(output);
    let (rows, dim) = (input.rows(), input.dim());
    let mut vectors = Matrix::zeros(rows, dim);
    for row in 0..rows {
        vectors.row_mut(row).copy_from_slice(input.row(row));
        if vectors.row(row).iter().any(|x| !x.is_finite()) {
            return Err(Error::data("training diverged: vectors have become infinite")
                .help("try a smaller alpha"));
        }
    }
    Ok(vectors)
}
