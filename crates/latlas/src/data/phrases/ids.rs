//! One pass of a table over an encoded corpus.

use std::path::Path;

use super::Phrases;
use super::automaton::{OTHER, State, feed};
use crate::data::Corpus;
use crate::data::scratch::Scratch;
use crate::data::tokenize::token_hash;
use crate::error::{Error, Result};
use crate::file::Bytes;
use crate::items::Sequences;
use crate::run::{Run, Step};

/// Ids read between two reports.
const CHUNK: usize = 1 << 20;

/// The corpus with the phrases of the last pass joined, its ids in the file `to`. Words keep their ids and joined words
/// come after them, so the vocabulary is not in the order of its counts any more: for learners of phrases.
pub(crate) fn join(corpus: &Corpus, phrases: &Phrases, to: &Path, run: &Run) -> Result<Corpus> {
    let inner = &*phrases.0;
    let last = &inner.passes[inner.passes.len().saturating_sub(1)..];
    let mut vocabulary = corpus.vocabulary.clone();
    vocabulary.counts.fill(0);
    // From ids of the corpus to numbers of the table, and back.
    let number = |word: &String| {
        inner.lexicon.find(word.as_bytes(), token_hash(word.as_bytes())).unwrap_or(OTHER)
    };
    let numbers: Vec<u32> = vocabulary.words.iter().map(number).collect();
    let mut ids = vec![OTHER; inner.hashes.len()];
    for (id, &number) in (0..).zip(&numbers) {
        if let Some(slot) = ids.get_mut(number as usize) {
            *slot = id;
        }
    }
    for phrase in phrases {
        let number = number(&phrase.joined);
        if let Some(slot) = ids.get_mut(number as usize).filter(|slot| **slot == OTHER) {
            *slot = u32::try_from(vocabulary.words.len())
                .ok()
                .filter(|&id| id < Sequences::END)
                .ok_or_else(|| Error::data("more than 4,294,967,294 different words"))?;
            vocabulary.words.push(phrase.joined.clone());
            vocabulary.counts.push(0);
        }
    }
    let mut file = Scratch::create(to)?;
    let mut states = [State::default()];
    let mut ready = Vec::new();
    let all = corpus.sequences.as_slice();
    for (c, chunk) in all.chunks(CHUNK).enumerate() {
        run.report(&Step {
            stage: "joining phrases",
            done: (c * CHUNK) as u64,
            total: Some(all.len() as u64),
            unit: "words",
            detail: String::new(),
        })?;
        for &id in chunk {
            ready.clear();
            // The end of a sequence is no word of the table, and lets all go that is held back.
            feed(last, &mut states, numbers.get(id as usize).copied().unwrap_or(OTHER), &mut ready);
            for &number in &ready {
                let id = ids.get(number as usize).copied().unwrap_or(id);
                if let Some(count) = vocabulary.counts.get_mut(id as usize) {
                    *count += 1;
                }
                file.put(id)?;
            }
        }
        corpus.sequences.release(c * CHUNK..c * CHUNK + chunk.len());
    }
    file.finish()?;
    let sequences = Sequences::from_bytes(Bytes::map(to)?)?;
    Ok(Corpus { vocabulary, sequences, ..corpus.clone() })
}
