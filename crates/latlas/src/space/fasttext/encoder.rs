//! Words and texts placed by a fastText model.

use std::sync::Arc;

use super::{FAMILY, FastTextModel, Finding, Task, TextFinding, VERSION};
use crate::data::{Tokenizer, Tokens};
use crate::error::Result;
use crate::space::{Encoder, ItemBatch, Modality, Placement, Registry, VectorBatch};

/// Makes the family known: words that are no items get the mean of the rows of their n-grams, texts the mean of the
/// vectors of their words, each at length 1; with a classifier, the mean of their rows.
pub fn register(registry: &mut Registry) {
    registry.register(FAMILY, VERSION, |model, _| {
        Ok(Arc::new(FastTextEncoder(FastTextModel::new(model.clone())?)))
    });
}

struct FastTextEncoder(FastTextModel);

/// Room for one text after the other.
#[derive(Default)]
struct Room {
    finding: Finding,
    text: TextFinding,
    tokens: Tokens,
    vector: Vec<f32>,
}

impl Encoder for FastTextEncoder {
    fn accepts(&self) -> &[Modality] {
        &[Modality::Word, Modality::Text]
    }

    fn dim(&self) -> usize {
        self.0.config().dim
    }

    fn encode(&self, items: &ItemBatch<'_>, out: &mut VectorBatch) -> Result<()> {
        let mut room = Room { vector: vec![0.0; self.dim()], ..Room::default() };
        for row in 0..items.len() {
            let placed = if let Some(word) = items.get(row, Modality::Word) {
                self.word(word, &mut room)
            } else if let Some(text) = items.get(row, Modality::Text) {
                self.text(text, &mut room)
            } else {
                continue;
            };
            if placed {
                out.place(row).copy_from_slice(&room.vector);
            } else {
                out.refuse(row, Placement::Unknown);
            }
        }
        Ok(())
    }
}

impl FastTextEncoder {
    /// The vector of a word; `false` if no part of it is known.
    fn word(&self, word: &str, room: &mut Room) -> bool {
        let known = self.0.find(word, &mut room.finding);
        if !known && self.0.config().lowercase {
            self.0.find(&word.to_lowercase(), &mut room.finding);
        }
        self.0.mean(&room.finding, &mut room.vector);
        !room.finding.rows.is_empty()
    }

    fn text(&self, text: &str, room: &mut Room) -> bool {
        if self.0.config().task == Task::Supervised {
            self.0.find_text(text, &mut room.text);
            self.0.mean(&room.text.found, &mut room.vector);
            return !room.text.found.rows.is_empty();
        }
        let Room { finding, tokens, vector, .. } = room;
        let config = self.0.config();
        tokens.clear();
        let tokenizer = config.tokenizer.unwrap_or(Tokenizer::Whitespace);
        tokenizer.tokens(config.lowercase, text, tokens);
        let mut sum = vec![0.0; vector.len()];
        let mut count = 0;
        for token in tokens.iter() {
            self.0.find(token, finding);
            self.0.mean(finding, vector);
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            if length > 0.0 {
                sum.iter_mut().zip(&*vector).for_each(|(sum, x)| *sum += x / length);
                count += 1;
            }
        }
        vector.iter_mut().zip(&sum).for_each(|(x, sum)| *x = sum / count.max(1) as f32);
        count > 0
    }
}
