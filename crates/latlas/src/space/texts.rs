//! Where a text stands in a space: by an encoder of texts, or as the mean of its words.

use super::encoder::{Encoder, ItemBatch, Modality, Placement, encode_all};
use crate::error::Result;
use crate::run::Run;

/// The place of a text, and how it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct TextPlace {
    /// Where it stands.
    pub vector: Vec<f32>,
    /// What was placed.
    pub reading: TextReading,
}

/// How a text was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextReading {
    /// As a text.
    Text,
    /// As a word: it is only one.
    Word,
    /// As the mean of so many of its words, each brought to length 1; the others have no place.
    Words(usize),
}

impl std::fmt::Display for TextReading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TextReading::Text => f.write_str("a text, placed by the encoder"),
            TextReading::Word => f.write_str("a word, placed by the encoder"),
            TextReading::Words(n) => write!(f, "the mean of {n} words"),
        }
    }
}

/// The place that an encoder gives a text; `None` where it knows nothing of it. An encoder of words places the text's words, which
/// are those between its spaces.
pub fn place_text(encoder: &dyn Encoder, text: &str, run: &Run<'_>) -> Result<Option<TextPlace>> {
    if encoder.accepts().contains(&Modality::Text) {
        let batch = encode_all(encoder, &ItemBatch::of_texts([Some(text)]), run)?;
        let here = batch.placements().first() == Some(&Placement::Placed);
        let vector = || batch.vectors().row(0).to_vec();
        return Ok(here.then(|| TextPlace { vector: vector(), reading: TextReading::Text }));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let batch = encode_all(encoder, &ItemBatch::of_words(words.iter().copied()), run)?;
    let mut sum = vec![0.0; encoder.dim()];
    let mut known = 0;
    for (vector, _) in batch
        .vectors()
        .iter_rows()
        .zip(batch.placements())
        .filter(|(_, placement)| **placement == Placement::Placed)
    {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        sum.iter_mut().zip(vector).for_each(|(s, x)| *s += x / length.max(f32::MIN_POSITIVE));
        known += 1;
    }
    Ok(match (known, words.len()) {
        (0, _) => None,
        (_, 1) => {
            let vector = batch.vectors().row(0).to_vec();
            Some(TextPlace { vector, reading: TextReading::Word })
        }
        (known, _) => Some(TextPlace { vector: sum, reading: TextReading::Words(known) }),
    })
}
