//! Paragraph vectors: vectors of documents that predict the documents' words.
//!
//! Le & Mikolov, "Distributed Representations of Sentences and Documents", ICML 2014, with negative sampling (Mikolov et
//! al., arXiv 1310.4546, eq. 4). For each word w of each document d, minimised is
//!
//! ```text
//! −ln σ(oʷ·h) − Σₖ ln σ(−oⁿ⁽ᵏ⁾·h),    n(k) ~ P,  P(v) ∝ count(v)^0.75,  k = 1 … negative
//! ```
//!
//! | symbol | here |
//! |---|---|
//! | h | PV-DBOW (§2.3): the vector of d. PV-DM (§2.2): the mean of the vectors of d and of the words around w |
//! | o | output vectors of words, kept in the model: a new document is placed by them |
//! | α | the learning rate: linear in the words read, from `alpha` down to `min_alpha` |
//!
//! Under the hierarchical softmax (`loss=hs`, the paper's) o are the vectors of the inner nodes of a Huffman tree over the
//! words, and the terms those of w's path: minimised is −Σ ln σ(±o·h).
//!
//! With `dbow_words` the words around w predict it too, by skip-gram, with the same noise. Windows, subsampling and noise
//! are those of [`word2vec`](super::word2vec).
//!
//! Different on purpose:
//! - Negative sampling unless told otherwise, and the mean in the place of concatenation, which has many times the
//!   parameters: as most programs do today.
//! - The document itself counts as one more context in the mean, and moves by the whole gradient of the mean, as the
//!   words do.
//! - A new document is placed by the same steps with words and outputs held fast; its random stream is named by its
//!   words, so that a text has one place (`infer`).
//!
//! The method page is `docs/documents.md`.

mod infer;
mod options;
#[cfg(test)]
mod reference;
mod train;
mod windows;

use rand_xoshiro::rand_core::Rng;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

use crate::data::Corpus;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::items::{Items, Sequences};
use crate::kernels::hogwild::{Hogwild, RacingRows};
use crate::learn::Learn;
use crate::learn::documents::{OnUnknown, settle};
use crate::learn::training::{self, Job};
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::{self, Encoder, Placement, Provenance, Registry, Space, VectorBatch};

use infer::Inference;
pub use options::{Doc2Vec, Doc2VecModel};
use train::{Model, Work};

/// The family of the models, and the version that is written.
const FAMILY: &str = "doc2vec";
const VERSION: u32 = 1;

/// Documents to learn from: the i-th sequence of the corpus holds the words of the i-th item
/// ([`encode_whole`](crate::data::encode_whole) makes such a corpus).
#[derive(Clone)]
pub struct DocumentCorpus {
    /// Ids and columns.
    pub documents: Items,
    /// Their words.
    pub corpus: Corpus,
    /// The numbers of the items that have no text, in ascending order: they are told apart from those whose text holds
    /// no known word.
    pub missing: Vec<u32>,
    /// What becomes of documents that have no text, or no known word in it.
    pub on_unknown: OnUnknown,
}

impl Learn for Doc2Vec {
    type Data = DocumentCorpus;

    /// Learns a space of documents: field "main" with cosine geometry, the documents' columns, metric `loss` (the mean
    /// of each epoch's terms, in nats), and a model that places new documents.
    fn learn(&self, data: &DocumentCorpus, run: &Run<'_>) -> Result<Space> {
        self.check()?;
        let (corpus, words) = (&data.corpus, &data.corpus.vocabulary);
        if words.len() < 2 {
            return Err(Error::data(format!(
                "a vocabulary of {} words: nothing to tell apart",
                words.len()
            ))
            .help("give more text, or a lower --min-count"));
        }
        let sequences =
            corpus.sequences.as_slice().iter().filter(|&&id| id == Sequences::END).count();
        if sequences != data.documents.len() || words.len() != words.counts.len() {
            return Err(Error::data(format!(
                "{} documents, {sequences} sequences of words",
                data.documents.len()
            )));
        }
        if words.len() + sequences >= u32::MAX as usize {
            return Err(Error::data(format!(
                "{sequences} documents and {} words are more than rows can be numbered",
                words.len()
            )));
        }
        let begun = Instant::now();
        let kernels = Hogwild::detect();
        let job = Job::new("doc2vec", self.epochs, self, corpus.fingerprint, run)?;
        let work = Work::new(self, data, kernels, run);
        let trained = training::train(&work, &job, || self.first_values(data, run), run)?;
        let seconds = begun.elapsed().as_secs_f64();
        if trained.losses.iter().all(|epoch| epoch.terms == 0) {
            return Err(Error::data(format!(
                "every word of {sequences} documents was thinned out: nothing to learn from"
            ))
            .help("--set sample=0 keeps all words"));
        }

        let losses = trained.losses.iter().map(|epoch| json!(epoch.mean())).collect();
        let (batch, model) = self.finish(data, trained.model, run)?;
        let (items, vectors, unplaced) = settle(&data.documents, batch, data.on_unknown)?;
        unplaced.tell(data.on_unknown, run);
        let mut builder = Space::builder("doc2vec", items)
            .field("main", Geometry::Cosine, vectors)
            .model(model)
            .provenance(self.provenance(data, kernels, run))
            .metric("loss", Value::Array(losses))
            .run_fact("threads", json!(run.threads))
            .run_fact("resumed", json!(trained.resumed));
        if seconds > 0.0 {
            let speed = (trained.units_this_time as f64 / seconds).round();
            builder = builder
                .run_fact("training_seconds", json!(seconds))
                .run_fact("words_per_second", json!(speed));
        }
        builder.build()
    }
}

impl Doc2Vec {
    /// Input vectors even in ±1/dim, output vectors zero.
    fn first_values(&self, data: &DocumentCorpus, run: &Run<'_>) -> Result<Model> {
        let words = data.corpus.vocabulary.len();
        let rows = data.documents.len() + if self.has_words() { words } else { 0 };
        let mut input = RacingRows::zeros(rows, self.dim)?;
        let mut numbers = run.stream(&[0]);
        for row in 0..rows {
            for x in input.row_mut(row) {
                // 24 random bits are all that an f32 holds evenly.
                *x = ((numbers.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0) / self.dim as f32;
            }
        }
        Ok(Model { input, output: RacingRows::zeros(self.outputs(words), self.dim)? })
    }

    /// The vectors of the documents, and what places new ones.
    fn finish(
        &self,
        data: &DocumentCorpus,
        mut trained: Model,
        run: &Run<'_>,
    ) -> Result<(VectorBatch, space::Model)> {
        let words = &data.corpus.vocabulary;
        let offset = trained.input.rows() - data.documents.len();
        let mut batch = VectorBatch::new(data.documents.len(), self.dim);
        for (row, sequence) in data.corpus.sequences.iter().enumerate() {
            if !sequence.is_empty() {
                batch.place(row).copy_from_slice(trained.input.row(offset + row));
            } else if data.missing.binary_search(&(row as u32)).is_err() {
                batch.refuse(row, Placement::Unknown);
            }
        }
        let mut config = json!({ "options": self.in_force(), "seed": run.seed });
        if let Some(config) = config.as_object_mut() {
            for key in ["tokenizer", "lowercase"] {
                let value = data.corpus.options.get(key).cloned().unwrap_or(Value::Null);
                config.insert(key.into(), value);
            }
        }
        let mut builder = space::Model::builder(FAMILY, VERSION, config)
            .names("words", words.words.iter().map(String::as_str))?
            .tensor("counts", &[words.len()], words.counts.clone())
            .matrix("output", matrix(&mut trained.output, self.outputs(words.len()))?);
        if offset > 0 {
            builder = builder.matrix("input", matrix(&mut trained.input, offset)?);
        }
        Ok((batch, builder.build()?))
    }

    fn provenance(&self, data: &DocumentCorpus, kernels: Hogwild, run: &Run<'_>) -> Provenance {
        let mut options = data.corpus.options.clone();
        options.extend(self.in_force());
        Provenance {
            action: "learn doc2vec".into(),
            options,
            seed: Some(run.seed),
            sources: data.corpus.sources.clone(),
            version: format!("{} {}", env!("CARGO_PKG_VERSION"), kernels.name()),
        }
    }
}

/// The first rows as a matrix.
fn matrix(rows: &mut RacingRows, count: usize) -> Result<Matrix> {
    let mut matrix = Matrix::zeros(count, rows.dim());
    for row in 0..count {
        matrix.row_mut(row).copy_from_slice(rows.row(row));
        if matrix.row(row).iter().any(|x| !x.is_finite()) {
            return Err(Error::data("training diverged: vectors have become infinite")
                .help("try a smaller alpha"));
        }
    }
    Ok(matrix)
}

/// Makes the encoders of this family known.
pub(super) fn register(registry: &mut Registry) {
    registry.register(FAMILY, VERSION, |model, _| {
        let encoder: Arc<dyn Encoder> = Arc::new(Inference::new(model)?);
        Ok(encoder)
    });
}
