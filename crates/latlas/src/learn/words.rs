//! What all spaces of words have in common.

use std::sync::Arc;

use arrow_array::Int64Array;

use crate::data::Vocabulary;
use crate::error::Result;
use crate::items::{Column, ColumnKind, Items};

/// Items named by the words, with their counts as a column.
pub(super) fn items(words: &Vocabulary) -> Result<Items> {
    counted(words.words.iter().map(String::as_str).zip(words.counts.iter().copied()))
}

/// Items named by these words, with their counts as a column.
pub(super) fn counted<'a>(words: impl Iterator<Item = (&'a str, u64)>) -> Result<Items> {
    let (words, counts): (Vec<_>, Vec<_>) =
        words.map(|(word, n)| (word, i64::try_from(n).unwrap_or(i64::MAX))).unzip();
    Items::from_ids(words)?.with_column(Column {
        name: "count".into(),
        kind: ColumnKind::Integer,
        values: Arc::new(Int64Array::from(counts)),
    })
}
