//! A text to the weighted mean of its words' vectors.

use std::sync::Arc;

use serde::Deserialize;

use super::MeansMethod;
use crate::data::{Tokenizer, Tokens};
use crate::error::{Error, Result};
use crate::kernels::{axpy, dot};
use crate::learn::documents::Cutting;
use crate::space::ids::IdTable;
use crate::space::{Encoder, ItemBatch, Modality, Model, Placement, Registry, VectorBatch};

/// The configuration of a model of the family "means".
#[derive(Deserialize)]
struct Config {
    method: MeansMethod,
    tokenizer: Tokenizer,
    lowercase: bool,
    /// The weight of a word that is not in the space.
    unseen: f32,
}

/// Tensors `words` (names), `vectors` [words, dim], `weights` [words], `common` [r, dim]; part `other_words`.
pub(super) struct MeansEncoder {
    model: Model,
    names: IdTable,
    cutting: Cutting,
    method: MeansMethod,
    unseen: f32,
    dim: usize,
    /// What gives a vector to words that are not in the space.
    other: Option<Arc<dyn Encoder>>,
}

impl MeansEncoder {
    pub(super) fn new(model: &Model, registry: &Registry) -> Result<Self> {
        let config: Config = model.config_as()?;
        let names = model.names("words")?;
        let &[_, dim] = model.tensor("vectors")?.shape() else {
            return Err(Error::data("tensor 'vectors' is no matrix"));
        };
        model.tensor("vectors")?.f32_of(&[names.rows(), dim])?;
        model.tensor("weights")?.f32_of(&[names.rows()])?;
        let common = model.tensor("common")?;
        common.f32_of(&[common.shape().first().copied().unwrap_or(0), dim])?;
        if dim == 0 {
            return Err(Error::data("its words have vectors without numbers"));
        }
        let other = match model.part("other_words") {
            Some(part) => Some(registry.encoder(&part)?),
            None => None,
        };
        let other = other.filter(|e| e.accepts().contains(&Modality::Word) && e.dim() == dim);
        Ok(MeansEncoder {
            model: model.clone(),
            names,
            cutting: Cutting { tokenizer: config.tokenizer, lowercase: config.lowercase },
            method: config.method,
            unseen: config.unseen,
            dim,
            other,
        })
    }

    /// Takes the common directions out of a vector.
    pub(super) fn take_out(&self, vector: &mut [f32]) -> Result<()> {
        for direction in self.model.tensor("common")?.f32()?.chunks_exact(self.dim) {
            let along = dot(direction, vector);
            axpy(-along, direction, vector);
        }
        Ok(())
    }

    /// The vectors of those words of a batch that are not in the space.
    fn others(&self, words: &[String]) -> Result<Option<VectorBatch>> {
        let Some(other) = self.other.as_deref().filter(|_| !words.is_empty()) else {
            return Ok(None);
        };
        let mut placed = VectorBatch::new(words.len(), self.dim);
        other.encode(&ItemBatch::of_words(words.iter().map(String::as_str)), &mut placed)?;
        Ok(Some(placed))
    }
}

impl Encoder for MeansEncoder {
    fn accepts(&self) -> &[Modality] {
        &[Modality::Text]
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn encode(&self, items: &ItemBatch<'_>, out: &mut VectorBatch) -> Result<()> {
        let vectors = self.model.tensor("vectors")?.f32()?;
        let weights = self.model.tensor("weights")?.f32()?;
        let mut tokens = Tokens::default();
        let mut strange = Vec::new();
        for row in 0..items.len() {
            let Some(text) = items.get(row, Modality::Text) else { continue };
            let sum = out.place(row);
            let (mut words, mut total) = (0_u32, 0.0_f32);
            strange.clear();
            for (word, known) in self.cutting.words(text, &self.names, &mut tokens) {
                let Some(known) = known.map(|known| known as usize) else {
                    if self.other.is_some() {
                        strange.push(word.to_owned());
                    }
                    continue;
                };
                axpy(weights[known], &vectors[known * self.dim..][..self.dim], sum);
                words += 1;
                total += weights[known];
            }
            if let Some(placed) = self.others(&strange)? {
                for (other, placement) in placed.placements().iter().enumerate() {
                    if *placement == Placement::Placed {
                        axpy(self.unseen, placed.vectors().row(other), sum);
                        words += 1;
                        total += self.unseen;
                    }
                }
            }
            let share = if self.method == MeansMethod::Tfidf { total } else { words as f32 };
            if words == 0 || share <= 0.0 {
                out.refuse(row, Placement::Unknown);
                continue;
            }
            for x in &mut *sum {
                *x /= share;
            }
            self.take_out(sum)?;
        }
        Ok(())
    }
}
