//! The words that take part in an evaluation.

use std::collections::HashMap;

use super::Options;
use crate::space::{Row, Space};

/// The first words of a space under their folded spelling.
pub(super) struct Lexicon {
    rows: Vec<Row>,
    /// The places (indices into `rows`) of all words of one folded spelling, in order.
    places: HashMap<String, Vec<u32>>,
    /// For each place, the first place of the same folded spelling.
    first: Vec<u32>,
    fold: bool,
}

impl Lexicon {
    /// Of the first `most` live items of a space, or of all.
    pub(super) fn new(space: &Space, most: Option<usize>, options: &Options) -> Self {
        let rows: Vec<Row> = space.live().take(most.unwrap_or(usize::MAX)).collect();
        let mut lexicon = Lexicon {
            first: Vec::with_capacity(rows.len()),
            places: HashMap::with_capacity(rows.len()),
            rows,
            fold: options.case_insensitive,
        };
        for (place, &row) in (0..).zip(&lexicon.rows) {
            let spelling = lexicon.folded(space.id(row));
            let same = lexicon.places.entry(spelling).or_default();
            same.push(place);
            lexicon.first.push(same[0]);
        }
        lexicon
    }

    /// How many words take part.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Their rows, most frequent first.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The place of a word: of its first spelling, where case is ignored.
    pub(super) fn find(&self, word: &str) -> Option<u32> {
        self.places.get(&self.folded(word)).map(|same| same[0])
    }

    /// The first place of the word at `place`: equal for words that differ in case only.
    pub(super) fn first(&self, place: u32) -> u32 {
        self.first[place as usize]
    }

    /// For each first place that has them, all places of that spelling; single ones are left out.
    pub(super) fn variants(&self) -> HashMap<u32, &[u32]> {
        self.places
            .values()
            .filter(|same| same.len() > 1)
            .map(|same| (same[0], same.as_slice()))
            .collect()
    }

    fn folded(&self, word: &str) -> String {
        if self.fold { word.to_uppercase() } else { word.to_owned() }
    }
}
