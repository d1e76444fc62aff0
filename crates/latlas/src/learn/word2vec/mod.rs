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
//! Under the hierarchical softmax (\[2\] eq. 3, `learn/huffman`) the outputs of w are the inner nodes of its path in a Huffman
//! tree, each with its branch as the label: minimised is −Σ ln σ(±o·h) along the path.
//!
//! Different on purpose:
//! - By default the contexts of a window share its noise words (Ji, Satish, Li & Dubey 2016): one small product of
//!   matrices in place of many of vectors. The noise of each pair has the same distribution as ever.
//! - As in the authors' program (and unlike \[2\] eq. 1) the context's vector predicts the centre word: the same pairs
//!   in another order. In CBOW each context moves by the whole gradient of the mean, not by its share.
//! - All dot products of one window (of one pair, for `negatives=independent`) are measured before any of its vectors
//!   moves.
//! - Noise equal to the centre word is left out, not drawn again.
//! - Input vectors begin evenly in ±1/dim as in gensim, output vectors at zero. The authors' program has half that
//!   range: 0.4 points of analogies fewer on 4.4 million words, no difference on 16 million.
//! - The learning rate ends at a tenth of `alpha` unless told otherwise; the page says why.
//! - Subsampling, windows and noise come from one random stream per chunk of text and epoch, not per thread; with one
//!   thread the result is a function of corpus, options and seed.
//!
//! The method page is `docs/word2vec.md`.

mod continuation;
mod options;
#[cfg(test)]
mod reference;
mod result;
mod steps;
mod train;
mod windows;

use rand_xoshiro::rand_core::Rng;
use serde_json::json;
use std::time::Instant;

use crate::data::{Corpus, Vocabulary};
use crate::error::{Error, Result};
use crate::kernels::hogwild::{Hogwild, RacingRows};
use crate::learn::Learn;
use crate::learn::training::{self, Job, Trained};
use crate::run::Run;
use crate::space::Space;

use continuation::Before;
pub use continuation::Continuation;
pub use options::{Architecture, Loss, Negatives, Weighting, Word2Vec};
use train::{Model, Work};
pub(in crate::learn) use windows::keep_probability;

impl Learn for Word2Vec {
    type Data = Corpus;

    /// Learns a space of the corpus's words, most frequent first: field "main" with cosine geometry (and "output" if
    /// it is to be kept), column `count`, metric `loss` (the mean of each epoch's terms, in nats).
    fn learn(&self, corpus: &Corpus, run: &Run<'_>) -> Result<Space> {
        self.learn_after(None, corpus, run)
    }
}

impl Word2Vec {
    /// Learns from the beginning, or from what was there before.
    fn learn_after(
        &self,
        before: Option<&Before<'_>>,
        corpus: &Corpus,
        run: &Run<'_>,
    ) -> Result<Space> {
        self.check()?;
        check(&corpus.vocabulary)?;
        let begun = Instant::now();
        let kernels = Hogwild::detect();
        let trained = self.train(before, corpus, kernels, run)?;
        let (seconds, units) = (begun.elapsed().as_secs_f64(), trained.units_this_time);
        let mut builder = self.result(trained, before, corpus, kernels, run)?;
        if seconds > 0.0 {
            builder = builder
                .run_fact("training_seconds", json!(seconds))
                .run_fact("words_per_second", json!((units as f64 / seconds).round()));
        }
        builder.build()
    }

    /// Trains to the end; an error where there was nothing to train on.
    fn train(
        &self,
        before: Option<&Before<'_>>,
        corpus: &Corpus,
        kernels: Hogwild,
        run: &Run<'_>,
    ) -> Result<Trained<Model>> {
        let work = Work::new(self, corpus, kernels, run);
        let data = corpus.fingerprint ^ before.map_or(0, Before::fingerprint);
        let job = Job::new("word2vec", self.epochs, self, data, run)?;
        let first = || self.first_values(before, &corpus.vocabulary, run);
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
    fn first_values(
        &self,
        before: Option<&Before<'_>>,
        words: &Vocabulary,
        run: &Run<'_>,
    ) -> Result<Model> {
        let mut input = RacingRows::zeros(words.len(), self.dim)?;
        let mut numbers = run.stream(&[0]);
        for row in 0..words.len() {
            for x in input.row_mut(row) {
                // Even in ±1/dim; 24 random bits are all that an f32 holds evenly.
                *x = ((numbers.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0) / self.dim as f32;
            }
        }
        let outputs = match self.loss {
            Loss::Ns => words.len(),
            // The inner nodes of a tree over the words.
            Loss::Hs => words.len().saturating_sub(1),
        };
        let mut model = Model { input, output: RacingRows::zeros(outputs, self.dim)? };
        if let Some(before) = before {
            before.fill(words, &mut model);
        }
        Ok(model)
    }
}

/// Refuses a vocabulary that nothing can be learned of.
fn check(words: &Vocabulary) -> Result<()> {
    if words.len() < 2 {
        return Err(Error::data(format!(
            "a vocabulary of {} words: nothing to tell apart",
            words.len()
        ))
        .help("give more text, or a lower --min-count"));
    }
    // Twice as many nodes has a tree over them.
    if words.len() != words.counts.len() || words.len() > (u32::MAX / 2) as usize {
        return Err(Error::data(format!(
            "a vocabulary of {} words and {} counts",
            words.len(),
            words.counts.len()
        )));
    }
    Ok(())
}
