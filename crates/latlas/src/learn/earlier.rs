//! The words of new text, beside those of a space that a learner goes on from.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use arrow_array::Int64Array;

use crate::data::Vocabulary;
use crate::error::Result;
use crate::space::{Row, Space};

/// Where a row of the result comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A word of the new text, by its number there.
    Learned(usize),
    /// A word that stands only in the space.
    Kept(Row),
}

/// The words of new text, in order; after a space the words of both with the sums of their counts, most frequent first.
pub(super) fn words_of_both<'a>(
    space: Option<&'a Space>,
    vocabulary: &'a Vocabulary,
) -> Result<Vec<(Origin, &'a str, u64)>> {
    let new = vocabulary.words.iter().zip(&vocabulary.counts).enumerate();
    let new = new.map(|(i, (word, &n))| (Origin::Learned(i), word.as_str(), n));
    let Some(space) = space else { return Ok(new.collect()) };
    let earlier = counts(space)?;
    let count = |row| earlier.get(&row).copied().unwrap_or(0);
    let known: HashSet<&str> = vocabulary.words.iter().map(String::as_str).collect();
    let new = new.map(|(origin, word, n)| {
        (origin, word, n.saturating_add(space.get(word).map_or(0, count)))
    });
    let kept = space.live().map(|row| (Origin::Kept(row), space.id(row), count(row)));
    let mut words: Vec<_> = new.chain(kept.filter(|(_, word, _)| !known.contains(word))).collect();
    words.sort_by_key(|&(.., n)| Reverse(n));
    Ok(words)
}

/// How often each word stood in earlier text, as far as column `count` tells; what is below zero counts as 0.
fn counts(space: &Space) -> Result<HashMap<Row, u64>> {
    if !space.columns().iter().any(|(name, _)| name == "count") {
        return Ok(HashMap::new());
    }
    let items = space.items(Some(&["count"]))?;
    let values = items.columns().first().and_then(|c| c.values.as_any().downcast_ref());
    let counts = values.into_iter().flat_map(|counts: &Int64Array| counts.iter());
    let counts = counts.map(|n| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0));
    Ok(space.live().zip(counts).collect())
}
