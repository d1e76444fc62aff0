//! Classification of texts by the mean of their words' vectors (fastText, supervised).
//!
//! Joulin, Grave, Bojanowski & Mikolov, "Bag of Tricks for Efficient Text Classification", EACL 2017, arXiv 1607.01759.
//!
//! A text's features are its words, their character n-grams where asked for, its runs of words hashed into buckets, and
//! one that every text has (its end). Each has a row; h is the mean of a text's rows, and minimised over all texts is
//!
//! ```text
//! softmax  −ln (exp(oᵧ·h) / Σⱼ exp(oⱼ·h))
//! hs       −Σ ln σ(±oᵢ·h) over the inner nodes i above y in a Huffman tree of the labels
//! ova      −Σ_{y of the text} ln σ(oᵧ·h) − Σ_{other j} ln σ(−oⱼ·h)
//! ns       −ln σ(oᵧ·h) − Σₖ ln σ(−oⁿ⁽ᵏ⁾·h),  n(k) ~ count^½, never y
//! ```
//!
//! by stochastic gradient descent at a rate that falls linearly from `alpha` to 0. Each of a text's rows moves by its
//! share of the gradient of h. Of several labels of a text one is drawn each time, but with ova.
//!
//! Different on purpose: texts are read in an order drawn once, not in that of the file, which is often sorted by label;
//! and rows of buckets that no text touches are not kept, so that runs never met add nothing instead of noise.
//!
//! The method page is `docs/fasttext.md`.

mod features;
mod options;
mod predict;
#[cfg(test)]
mod tests;
mod train;

use arrow_array::Int64Array;
use rand_xoshiro::rand_core::Rng;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Instant;

use crate::data::LabelledCorpus;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::items::{Column, ColumnKind, Items};
use crate::kernels::axpy;
use crate::kernels::hogwild::RacingRows;
use crate::kernels::pooled::Pooled;
use crate::learn::Learn;
use crate::learn::fasttext::matrix;
use crate::learn::training::{self, Job};
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::fasttext::{FastTextConfig, Owners, Parts, Task};
use crate::space::{Provenance, Space};

use features::Features;
pub use options::Classifier;
pub use predict::{Labeller, Room};
use train::{Model, Work};

impl Learn for Classifier {
    type Data = LabelledCorpus;

    /// Learns a space of the words, most frequent first: field "main" with cosine geometry, column `count`, metric `loss`
    /// (the mean loss of a text in each epoch, in nats), and the model that labels texts.
    fn learn(&self, corpus: &LabelledCorpus, run: &Run<'_>) -> Result<Space> {
        self.check()?;
        let begun = Instant::now();
        let kernels = Pooled::detect();
        let features = Features::new(self, corpus)?;
        let work = Work::new(self, corpus, &features, kernels, run)?;
        let job = Job::new("classifier", self.epochs, self, corpus.fingerprint, run)?;
        let first = || self.first_values(features.total(), corpus.labels.len(), run);
        let trained = training::train(&work, &job, first, run)?;
        let seconds = begun.elapsed().as_secs_f64();
        let losses: Vec<Value> = trained.losses.iter().map(|epoch| json!(epoch.mean())).collect();

        let Model { input, output } = trained.model;
        let (input, output) = (matrix(input)?, matrix(output)?);
        if input.as_slice().iter().any(|x| !x.is_finite()) {
            return Err(Error::data("training diverged: vectors have become infinite")
                .help("try a smaller alpha"));
        }
        let vectors = vectors(&input, &features);
        let mut builder = Space::builder("fasttext", items(corpus, features.kept())?)
            .field("main", Geometry::Cosine, vectors)
            .model(self.model(corpus, &features, input, output)?)
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

impl Classifier {
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

    fn model(
        &self,
        corpus: &LabelledCorpus,
        features: &Features,
        input: Matrix,
        output: Matrix,
    ) -> Result<crate::space::Model> {
        let kept = features.kept();
        let config = FastTextConfig {
            task: Task::Supervised,
            loss: self.loss,
            dim: self.dim,
            window: 5,
            epochs: self.epochs,
            min_count: u32::try_from(self.min_count).unwrap_or(u32::MAX),
            negative: self.negative as u32,
            word_ngrams: self.word_ngrams as u32,
            buckets: if self.hashes() { self.buckets as u32 } else { 0 },
            min_n: self.min_n as u32,
            max_n: self.max_n as u32,
            sample: 0.0,
            lr_update_rate: 100,
            tokens: corpus.words.tokens(),
            label_prefix: corpus.from.prefix.clone(),
            tokenizer: Some(corpus.cut.tokenizer),
            lowercase: corpus.cut.lowercase,
            pruned: false,
        };
        let parts = Parts {
            config,
            words: (corpus.words.words[..kept].to_vec(), corpus.words.counts[..kept].to_vec()),
            labels: (corpus.labels.words.clone(), corpus.labels.counts.clone()),
            input,
            owners: Owners::Buckets(features.used()),
            output,
        };
        parts.into_model()
    }

    fn provenance(&self, corpus: &LabelledCorpus, kernels: Pooled, run: &Run<'_>) -> Provenance {
        let mut options = Map::new();
        options.insert("supervised".into(), json!(true));
        for part in [json!(corpus.cut), json!({ "labels": corpus.from }), json!(self)] {
            if let Value::Object(part) = part {
                options.extend(part);
            }
        }
        Provenance {
            action: "learn fasttext".into(),
            options,
            seed: Some(run.seed),
            sources: corpus.sources.clone(),
            version: format!("{} {}", env!("CARGO_PKG_VERSION"), kernels.name()),
        }
    }
}

fn items(corpus: &LabelledCorpus, kept: usize) -> Result<Items> {
    let counts = corpus.words.counts[..kept].iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX));
    Items::from_ids(&corpus.words.words[..kept])?.with_column(Column {
        name: "count".into(),
        kind: ColumnKind::Integer,
        values: Arc::new(Int64Array::from_iter_values(counts)),
    })
}

/// The vectors of the words: the means of their rows.
fn vectors(input: &Matrix, features: &Features) -> Matrix {
    let mut vectors = Matrix::zeros(features.kept(), input.cols());
    for word in 0..features.kept() {
        let rows = features.of_word(word as u32);
        let vector = vectors.row_mut(word);
        for &row in rows {
            axpy(1.0 / rows.len() as f32, input.row(row as usize), vector);
        }
    }
    vectors
}
