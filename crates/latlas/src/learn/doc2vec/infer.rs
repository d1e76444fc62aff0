//! Placing a new document: its vector alone is trained, as in the learning; words and outputs stay as they are.
//!
//! First values, subsampling, windows and noise come from a random stream named by the document's words, so that the
//! same text always comes to the same place, whatever stands beside it.

use rand_xoshiro::rand_core::Rng;
use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3Default;

use super::windows::{Drawing, Window};
use super::{Doc2Vec, Doc2VecModel};
use crate::data::Tokens;
use crate::error::{Error, Result};
use crate::kernels::{axpy, dot};
use crate::learn::documents::Cutting;
use crate::learn::sampler::Draws;
use crate::run::stream;
use crate::space::ids::IdTable;
use crate::space::{Encoder, ItemBatch, Modality, Model, Placement, VectorBatch};

/// The name of the random streams: "doc2vec".
const STREAM: u64 = 0x64_6f63_3276_6563;

/// The configuration of a model of the family "doc2vec".
#[derive(Deserialize)]
pub(super) struct Config {
    options: Doc2Vec,
    #[serde(flatten)]
    cutting: Cutting,
    seed: u64,
}

/// Tensors `words` (names), `counts` [words], `output` [words, dim] or, under the hierarchical softmax,
/// [words − 1, dim], and `input` [words, dim] where contexts count.
pub(super) struct Inference {
    model: Model,
    names: IdTable,
    config: Config,
    drawing: Drawing,
}

impl Inference {
    pub(super) fn new(model: &Model) -> Result<Self> {
        let config: Config = model.config_as()?;
        config.options.check()?;
        let names = model.names("words")?;
        let shape = [names.rows(), config.options.dim];
        let counts = model.tensor("counts")?.u64_of(&shape[..1])?;
        let outputs = config.options.outputs(shape[0]);
        model.tensor("output")?.f32_of(&[outputs, shape[1]])?;
        if config.options.model == Doc2VecModel::PvDm {
            model.tensor("input")?.f32_of(&shape)?;
        }
        if counts.iter().try_fold(0_u64, |sum, &n| sum.checked_add(n)).is_none_or(|sum| sum == 0) {
            return Err(Error::data("the counts of its words add up to nothing"));
        }
        // In PV-DBOW the document's own vector is drawn by its words alone.
        let drawn = Doc2Vec { dbow_words: false, ..config.options.clone() };
        let drawing = Drawing::new(&drawn, counts);
        Ok(Inference { model: model.clone(), names, config, drawing })
    }

    /// Trains the vector of a document of these words, none of them unknown.
    fn place(&self, words: &[u32], vector: &mut [f32]) -> Result<()> {
        let options = &self.config.options;
        let outputs = self.model.tensor("output")?.f32()?;
        let inputs = match options.model {
            Doc2VecModel::PvDbow => &[],
            Doc2VecModel::PvDm => self.model.tensor("input")?.f32()?,
        };
        let dim = vector.len();
        let row = |word: u32| word as usize * dim..(word as usize + 1) * dim;
        let mut hash = Xxh3Default::new();
        for word in words {
            hash.update(&word.to_le_bytes());
        }
        let mut random = stream(self.config.seed, &[STREAM, hash.digest()]);
        for x in vector.iter_mut() {
            *x = ((random.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0) / dim as f32;
        }
        let (mut hidden, mut error) = (vec![0.0; dim], vec![0.0; dim]);
        let (mut kept, mut window, mut draws) = (Vec::new(), Window::default(), Draws::new(0));
        let epochs = options.epochs_of_inference();
        for epoch in 0..epochs {
            kept.clear();
            self.drawing.thin(words, &mut random, &mut kept)?;
            for centre in 0..kept.len() {
                self.drawing.fill(&kept, centre, (&mut random, &mut draws), &mut window);
                let read = f64::from(epoch) + f64::from(kept[centre].1) / words.len() as f64;
                let slope = options.end_alpha() - options.alpha;
                let alpha = (options.alpha + slope * read / f64::from(epochs)) as f32;
                hidden.copy_from_slice(vector);
                let mut share = 1.0;
                if options.model == Doc2VecModel::PvDm {
                    for &context in &window.contexts {
                        axpy(1.0, &inputs[row(context)], &mut hidden);
                    }
                    let n = (window.contexts.len() + 1) as f32;
                    if options.dm_mean {
                        for x in &mut hidden {
                            *x /= n;
                        }
                    } else {
                        share = 1.0 / n;
                    }
                }
                error.fill(0.0);
                for (&output, &label) in window.outputs.iter().zip(&window.labels) {
                    let output = &outputs[row(output)];
                    let sigma = 1.0 / (1.0 + (-dot(&hidden, output)).exp());
                    axpy(alpha * (label - sigma), output, &mut error);
                }
                axpy(share, &error, vector);
            }
        }
        Ok(())
    }
}

impl Encoder for Inference {
    fn accepts(&self) -> &[Modality] {
        &[Modality::Text]
    }

    fn dim(&self) -> usize {
        self.config.options.dim
    }

    fn encode(&self, items: &ItemBatch<'_>, out: &mut VectorBatch) -> Result<()> {
        let mut tokens = Tokens::default();
        let mut words = Vec::new();
        for row in 0..items.len() {
            let Some(text) = items.get(row, Modality::Text) else { continue };
            words.clear();
            let known = self.config.cutting.words(text, &self.names, &mut tokens);
            words.extend(known.filter_map(|(_, row)| row));
            if words.is_empty() {
                out.refuse(row, Placement::Unknown);
            } else {
                self.place(&words, out.place(row))?;
            }
        }
        Ok(())
    }

    fn batch(&self) -> usize {
        8
    }
}
