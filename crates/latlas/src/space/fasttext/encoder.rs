//! Words placed by a fastText model, and texts by a classifier's.

use std::sync::Arc;

use super::{FAMILY, FastTextModel, Finding, Task, TextFinding, VERSION};
use crate::error::Result;
use crate::space::{Encoder, ItemBatch, Modality, Placement, Registry, VectorBatch};

/// Makes the family known. A word gets the mean of its rows, so that words that are no items have a place too; with a
/// classifier a text gets the mean of its rows.
pub fn register(registry: &mut Registry) {
    registry.register(FAMILY, VERSION, |model, _| {
        Ok(Arc::new(FastTextEncoder(FastTextModel::new(model.clone())?)))
    });
}

struct FastTextEncoder(FastTextModel);

impl Encoder for FastTextEncoder {
    fn accepts(&self) -> &[Modality] {
        if self.0.config().task == Task::Supervised {
            &[Modality::Text, Modality::Word]
        } else {
            &[Modality::Word]
        }
    }

    fn dim(&self) -> usize {
        self.0.config().dim
    }

    fn encode(&self, items: &ItemBatch<'_>, out: &mut VectorBatch) -> Result<()> {
        let (mut word, mut text) = (Finding::default(), TextFinding::default());
        let reads_texts = self.accepts().contains(&Modality::Text);
        for row in 0..items.len() {
            let found = if let Some(item) = items.get(row, Modality::Word) {
                self.find(item, &mut word);
                &word
            } else if let Some(item) = items.get(row, Modality::Text).filter(|_| reads_texts) {
                self.0.find_text(item, &mut text);
                &text.found
            } else {
                continue;
            };
            if found.rows.is_empty() {
                out.refuse(row, Placement::Unknown);
            } else {
                self.0.mean(found, out.place(row));
            }
        }
        Ok(())
    }
}

impl FastTextEncoder {
    /// A word as it was learned: where capitals were not kept, without them.
    fn find(&self, word: &str, found: &mut Finding) {
        if !self.0.find(word, found) && self.0.config().lowercase {
            self.0.find(&word.to_lowercase(), found);
        }
    }
}
