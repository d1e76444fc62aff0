//! Vectors of texts as weighted means of the vectors of their words.
//!
//! With v_w the vector of word w, and s the words of a text that have one (a word that stands twice counts twice),
//!
//! ```text
//! mean    x_s = 1/|s| Σ_{w∈s} v_w
//! tfidf   x_s = Σ_{w∈s} idf(w)·v_w / Σ_{w∈s} idf(w),      idf(w) = ln((1 + N)/(1 + n_w)) + 1
//! sif     x_s = 1/|s| Σ_{w∈s} a/(a + p(w))·v_w,  then  x_s ← x_s − Σ_{j≤r} u_j u_jᵀ x_s
//! ```
//!
//! `sif` is smooth inverse frequency: Arora, Liang & Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings",
//! ICLR 2017, algorithm 1.
//!
//! | symbol | here |
//! |---|---|
//! | N, n_w | the documents that are being embedded, and how many of them hold w |
//! | p(w) | the relative frequency of w: the column `count` of the space of words, else as counted in the documents |
//! | a | `a`, 10⁻³ |
//! | u_j | the first right singular vectors of the matrix of all x_s, not centred; r = `components`, 1 |
//!
//! What depends on the documents (idf, p where it was counted, u) is kept in the model, so that later texts are placed
//! as the first ones were. A word that is not in the space has the vector that the space's own encoder gives it (a
//! fastText space makes it of its character n-grams), with p = 0 and n_w = 0; where there is none, it does not count.
//!
//! The method page is `docs/documents.md`.

mod encoder;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::data::{Texts, Tokens};
use crate::error::{Error, Result};
use crate::learn::documents::Cutting;
use crate::linalg::{Matrix, RandomizedOptions, exact_svd, randomized_svd};
use crate::run::Run;
use crate::space::{
    Encoder, ItemBatch, Model, ModelBuilder, Placement, Registry, Row, Space, VectorBatch,
    encode_all,
};
use encoder::MeansEncoder;

/// The family of the models, and the version that is written.
const FAMILY: &str = "means";
const VERSION: u32 = 1;
/// Up to this many dimensions a full eigendecomposition costs less than the passes it saves.
const EXACT_UP_TO: usize = 1000;

/// Places texts at weighted means of the vectors of their words.
///
/// ```
/// use latlas::learn::{Means, MeansMethod};
/// let means = Means { method: MeansMethod::Tfidf, ..Default::default() };
/// assert!(means.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Means {
    /// What each word counts.
    pub method: MeansMethod,
    /// a of `sif`, 10⁻⁸ to 1: smaller takes more away from frequent words. Between 10⁻³ and 10⁻⁴ little changes.
    pub a: f64,
    /// How many common directions `sif` takes out, 0 to 100: more also takes out what most texts are about.
    pub components: usize,
}

/// What each word of a text counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MeansMethod {
    /// Smooth inverse frequency, common directions taken out. Best where texts are short.
    #[default]
    Sif,
    /// Inverse document frequency.
    Tfidf,
    /// All alike.
    Mean,
}

impl Default for Means {
    fn default() -> Self {
        Means { method: MeansMethod::Sif, a: 1e-3, components: 1 }
    }
}

/// What texts were placed by, and where.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// What places further texts in the same way.
    pub model: Model,
    /// The texts, row by row.
    pub texts: VectorBatch,
}

impl Means {
    /// Refuses options out of range: a `Usage` error that names the option.
    pub fn check(&self) -> Result<()> {
        if !(1e-8..=1.0).contains(&self.a) {
            return Err(
                Error::usage(format!("a {} is out of range", self.a)).help("a may be 1e-8 to 1")
            );
        }
        if self.components > 100 {
            return Err(Error::usage(format!("components {} is out of range", self.components))
                .help("components may be 0 to 100"));
        }
        Ok(())
    }

    /// Places texts by the words of a space. Closed form: the same bytes with any number of threads.
    pub fn fit(
        &self,
        words: &Space,
        texts: &Texts,
        cutting: Cutting,
        registry: &Registry,
        run: &Run<'_>,
    ) -> Result<Fitted> {
        self.check()?;
        let rows: Vec<Row> = words.live().collect();
        if rows.is_empty() {
            return Err(Error::data("the space of words has none"));
        }
        let vectors = words.field("main")?.gather(&rows);
        let dim = vectors.cols();
        let builder = |config: Value| -> Result<ModelBuilder> {
            let builder = Model::builder(FAMILY, VERSION, config);
            builder.names("words", rows.iter().map(|&row| words.id(row)))
        };
        // The words alone first: counting needs to know which there are.
        let names = builder(json!({}))?.build()?;
        let counted = Counted::of(texts, cutting, &names)?;
        let (weights, unseen) = self.weights(words, &counted, run)?;

        let mut config = serde_json::to_value(self)
            .map_err(|e| Error::usage(format!("the options of means: {e}")))?;
        if let Some(config) = config.as_object_mut() {
            config.insert("tokenizer".into(), json!(cutting.tokenizer));
            config.insert("lowercase".into(), json!(cutting.lowercase));
            config.insert("unseen".into(), json!(unseen));
        }
        let with_words =
            builder(config)?.matrix("vectors", vectors).tensor("weights", &[rows.len()], weights);
        // A space of words that can place others takes its encoder along.
        let with_words = match words.model() {
            Some(model) => with_words.part("other_words", &model),
            None => with_words,
        };
        let plain = with_words.tensor("common", &[0, dim], Vec::<f32>::new()).build()?;
        let encoder = MeansEncoder::new(&plain, registry)?;
        let batch = ItemBatch::of_texts(texts.iter());
        let placed = encode_all(&encoder, &batch, run)?;
        if self.method != MeansMethod::Sif || self.components == 0 {
            return Ok(Fitted { model: plain, texts: placed });
        }
        let count = placed.placements().iter().filter(|p| **p == Placement::Placed).count();
        if count <= self.components {
            let s = if count == 1 { " is" } else { "s are" };
            run.progress.warn(&format!(
                "{count} text{s} too few to tell what all have in common: nothing is taken out"
            ));
            return Ok(Fitted { model: plain, texts: placed });
        }
        let common = self.common(&placed, run)?;
        let model = plain.with_matrix("common", common)?;
        let encoder = MeansEncoder::new(&model, registry)?;
        let (mut vectors, placements) = placed.into_parts();
        let mut without = VectorBatch::new(vectors.rows(), dim);
        for (row, placement) in placements.into_iter().enumerate() {
            if placement == Placement::Placed {
                encoder.take_out(vectors.row_mut(row))?;
                without.place(row).copy_from_slice(vectors.row(row));
            } else {
                without.refuse(row, placement);
            }
        }
        Ok(Fitted { model, texts: without })
    }

    /// The weight of each word, and of one that is not in the space.
    fn weights(&self, words: &Space, counted: &Counted, run: &Run<'_>) -> Result<(Vec<f32>, f32)> {
        Ok(match self.method {
            MeansMethod::Mean => (vec![1.0; counted.documents.len()], 1.0),
            MeansMethod::Tfidf => {
                let n = counted.texts as f64;
                let idf = |holding: u64| (((1.0 + n) / (1.0 + holding as f64)).ln() + 1.0) as f32;
                (counted.documents.iter().map(|&holding| idf(holding)).collect(), idf(0))
            }
            MeansMethod::Sif => {
                let counts = if let Some(counts) = counts(words)? {
                    counts
                } else {
                    run.progress.note(
                        "the space of words has no column 'count': frequencies are those in these texts",
                    );
                    counted.tokens.clone()
                };
                let total = counts.iter().sum::<u64>().max(1) as f64;
                let weight = |&n: &u64| (self.a / (self.a + n as f64 / total)) as f32;
                (counts.iter().map(weight).collect(), 1.0)
            }
        })
    }

    /// The directions that all texts have in common, one a row.
    fn common(&self, placed: &VectorBatch, run: &Run<'_>) -> Result<Matrix> {
        let (vectors, dim) = (placed.vectors(), placed.vectors().cols());
        let rank = self.components.min(dim);
        let shift = vec![0.0; dim];
        // Rows without a place are zero, and add nothing.
        let top = if dim.min(vectors.rows()) <= EXACT_UP_TO {
            exact_svd(vectors, &shift, rank, run)?
        } else {
            randomized_svd(vectors, &shift, rank, &RandomizedOptions::default(), run)?
        };
        Ok(top.v)
    }
}

/// How often each word stands in the texts, and in how many of them.
struct Counted {
    tokens: Vec<u64>,
    documents: Vec<u64>,
    texts: u64,
}

impl Counted {
    fn of(texts: &Texts, cutting: Cutting, model: &Model) -> Result<Self> {
        let names = model.names("words")?;
        let mut counted =
            Counted { tokens: vec![0; names.rows()], documents: vec![0; names.rows()], texts: 0 };
        let mut last = vec![0_u64; names.rows()]; // the text that a word was last seen in, from 1
        let mut tokens = Tokens::default();
        for text in texts.iter().flatten() {
            counted.texts += 1;
            for row in cutting.words(text, &names, &mut tokens).filter_map(|(_, row)| row) {
                let row = row as usize;
                counted.tokens[row] += 1;
                if last[row] != counted.texts {
                    last[row] = counted.texts;
                    counted.documents[row] += 1;
                }
            }
        }
        Ok(counted)
    }
}

/// The column `count` of a space of words, if it has one of whole numbers.
fn counts(words: &Space) -> Result<Option<Vec<u64>>> {
    if !words.columns().iter().any(|(name, _)| name == "count") {
        return Ok(None);
    }
    let items = words.items(Some(&["count"]))?;
    let column = items.column("count").and_then(|c| c.values.as_primitive_opt::<Int64Type>());
    let count = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    Ok(column.map(|column| column.iter().map(count).collect()))
}

/// Makes the encoders of this family known.
pub(super) fn register(registry: &mut Registry) {
    registry.register(FAMILY, VERSION, |model, registry| {
        let encoder: std::sync::Arc<dyn Encoder> =
            std::sync::Arc::new(MeansEncoder::new(model, registry)?);
        Ok(encoder)
    });
}
