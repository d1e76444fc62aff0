//! GloVe: vectors of words from how often they stand together.
//!
//! Pennington, Socher & Manning, "GloVe: Global Vectors for Word Representation", EMNLP 2014. Minimised is (eq. 8)
//!
//! ```text
//! J = Σ f(Xᵢⱼ) (wᵢ·w̃ⱼ + bᵢ + b̃ⱼ − ln Xᵢⱼ)²,    f(x) = min(1, (x/xₘₐₓ)^α)
//! ```
//!
//! over all links, the pairs with Xᵢⱼ > 0, by AdaGrad (Duchi, Hazan & Singer, JMLR 2011).
//!
//! | symbol | here |
//! |---|---|
//! | X | `Counts::relations`: how often, and how near, word j stands beside word i |
//! | w, b | vectors and biases of words, "sources" |
//! | w̃, b̃ | vectors and biases of contexts, "targets"; the result is w + w̃ unless told otherwise |
//! | xₘₐₓ, α | `x_max`, `alpha` |
//! | η | `eta` |
//!
//! Different on purpose from the authors' program:
//! - Links are not gone through in one random order but tile by tile, the tiles in random order, another one in each
//!   epoch (`tiles`): the rows of a tile stay in the cache, and no two threads ever touch the same row. So the result
//!   is the same bytes at any number of threads, where theirs is a race.
//! - Gradients of biases are cut, too. As in the program (since gradients are cut there) biases have an η of 1: with
//!   that of vectors, those of rare words hardly move, and their vectors pay for it.
//! - Sums of squared gradients begin at 0 beside η⁻² instead of at 1: the same steps, without losing small squares.
//! - The cut of gradients keeps every number finite; there is nothing to be skipped.
//! - There is no vector "<unk>".
//!
//! The method page is `docs/glove.md`.

mod blocks;
mod continuation;
mod options;
#[cfg(test)]
mod reference;
mod result;
mod tiles;
mod train;

use rand_xoshiro::rand_core::Rng;
use serde_json::{Value, json};
use std::time::Instant;

use crate::data::{Counts, Vocabulary};
use crate::error::{Error, Result};
use crate::kernels::adagrad::{Adagrad, Factors};
use crate::learn::Learn;
use crate::learn::training::{self, Job, Trained};
use crate::run::Run;
use crate::space::Space;

use continuation::Before;
pub use continuation::GloveContinuation;
pub use options::{Glove, Vectors};
use tiles::Tiles;
use train::{Model, Work, own};

impl Learn for Glove {
    type Data = Counts;

    /// Learns a space of the words, in their order: field "main" with cosine geometry, column `count`, metric `loss`
    /// (the mean of each epoch's ½ f d², as the authors' program tells it). `window`, `weighting`, `symmetric` and `memory`
    /// do not matter here: the counts are made.
    ///
    /// Links are sorted first, 8 bytes each: in memory, or in a scratch file in the run's checkpoint folder where there
    /// is one and they take more than 64 MiB.
    fn learn(&self, counts: &Counts, run: &Run<'_>) -> Result<Space> {
        self.learn_after(None, counts, run)
    }
}

impl Glove {
    /// Learns from the beginning, or from what was there before.
    fn learn_after(
        &self,
        before: Option<&Before<'_>>,
        counts: &Counts,
        run: &Run<'_>,
    ) -> Result<Space> {
        self.check()?;
        let words = counts.vocabulary.len();
        if words < 2 {
            return Err(Error::data(format!(
                "a vocabulary of {words} words: nothing to tell apart"
            ))
            .help("give more text, or a lower --min-count"));
        }
        let (sources, targets) = (counts.relations.sources(), counts.relations.targets());
        if words != counts.vocabulary.counts.len() || words != sources || words != targets {
            return Err(Error::data(format!(
                "{words} words do not fit the links of {sources} words with {targets} contexts"
            )));
        }
        let begun = Instant::now();
        let kernels = Adagrad::detect();
        let tiles = Tiles::sort(counts, self.dim, run)?;
        if tiles.count() == 0 {
            return Err(Error::data("no two words stand together: nothing to learn from")
                .help("give longer sequences of words (--unit), or a lower --min-count"));
        }
        let trained = self.train(before, &counts.vocabulary, &tiles, kernels, run)?;
        let seconds = begun.elapsed().as_secs_f64();

        let losses = trained.losses.iter().map(|epoch| json!(epoch.mean())).collect();
        let (resumed, links) = (trained.resumed, trained.units_this_time);
        let mut builder = self
            .result(counts, before, &tiles, trained.model)?
            .provenance(self.provenance(counts, before, kernels, run))
            .metric("loss", Value::Array(losses))
            .run_fact("threads", json!(run.threads))
            .run_fact("resumed", json!(resumed));
        if seconds > 0.0 {
            builder = builder
                .run_fact("training_seconds", json!(seconds))
                .run_fact("links_per_second", json!((links as f64 / seconds).round()));
        }
        builder.build()
    }

    fn train(
        &self,
        before: Option<&Before<'_>>,
        words: &Vocabulary,
        tiles: &Tiles,
        kernels: Adagrad,
        run: &Run<'_>,
    ) -> Result<Trained<Model>> {
        let work = Work::new(self, tiles, kernels, run);
        let data = tiles.fingerprint ^ before.map_or(0, Before::fingerprint);
        let job = Job::new("glove", self.epochs, &self.trained_by(), data, run)?;
        let first = || {
            let mut model = self.first_values(tiles, run)?;
            if let Some(before) = before {
                before.fill(words, tiles, &mut model);
            }
            Ok(model)
        };
        training::train(&work, &job, first, run)
    }

    /// Both sides as they begin: even in ±½/dim, word by word.
    fn first_values(&self, tiles: &Tiles, run: &Run<'_>) -> Result<Model> {
        let mut model = Model::zeros(tiles, self.dim)?;
        let mut numbers = run.stream(&[0]);
        let mut fill = |factors: &mut Factors, row: usize| {
            // 24 random bits are all that an f32 holds evenly.
            let mut number =
                || ((numbers.next_u32() >> 8) as f32 / 16_777_216.0 - 0.5) / self.dim as f32;
            factors.vector_mut(row).fill_with(&mut number);
            *factors.bias_mut(row) = number();
        };
        for (word, (block, row)) in tiles.blocks.source_places().into_iter().enumerate() {
            fill(own(&mut model.sources[block as usize]), row as usize);
            let (block, row) = tiles.blocks.target(word as u32);
            fill(own(&mut model.targets[block]), row as usize);
        }
        Ok(model)
    }
}
