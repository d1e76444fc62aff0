//! What learners of document spaces have in common: how a text becomes known words, and what becomes of documents
//! that have no place.

use arrow_array::BooleanArray;
use arrow_array::cast::AsArray;
use arrow_select::filter::filter;
use serde::{Deserialize, Serialize};

use crate::data::{Tokenizer, Tokens};
use crate::error::{Error, Result};
use crate::items::Items;
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::ids::IdTable;
use crate::space::{Placement, Space, VectorBatch};

/// How texts are cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutting {
    /// How words are found.
    pub tokenizer: Tokenizer,
    /// Whether capitals are made small first.
    pub lowercase: bool,
}

impl Default for Cutting {
    fn default() -> Self {
        Cutting { tokenizer: Tokenizer::Words, lowercase: true }
    }
}

impl Cutting {
    /// How the text was cut that a space was learned from, as its history tells; `None` where it does not.
    pub fn of(space: &Space) -> Option<Self> {
        space.provenance().iter().rev().find_map(|step| {
            let get = |key: &str| step.options.get(key).cloned();
            Some(Cutting {
                tokenizer: serde_json::from_value(get("tokenizer")?).ok()?,
                lowercase: get("lowercase")?.as_bool()?,
            })
        })
    }

    /// Gives the words of a text one by one, each with its row among `names` if it is one of them.
    pub(super) fn words<'t>(
        self,
        text: &str,
        names: &IdTable,
        tokens: &'t mut Tokens,
    ) -> impl Iterator<Item = (&'t str, Option<u32>)> {
        tokens.clear();
        self.tokenizer.tokens(self.lowercase, text, tokens);
        tokens.iter().map(|word| (word, names.row(word)))
    }
}

/// What to do with documents that have no place: those without a text, or without a known word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// Leave them out of the space.
    #[default]
    Skip,
    /// Keep them, with a vector of zeros: under a cosine geometry as far from everything as can be.
    Keep,
    /// Stop with an error that names the first.
    Stop,
}

/// The ids of the documents that have no place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Unplaced {
    /// Their text holds no known word.
    pub unknown: Vec<String>,
    /// They have no text.
    pub missing: Vec<String>,
}

impl Unplaced {
    /// How many they are.
    pub fn len(&self) -> usize {
        self.unknown.len() + self.missing.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Warns of them, each kind with the first few ids.
    pub fn tell(&self, on_unknown: OnUnknown, run: &Run<'_>) {
        let fate = match on_unknown {
            OnUnknown::Keep => "kept with a vector of zeros",
            OnUnknown::Skip | OnUnknown::Stop => "left out",
        };
        for (ids, why) in
            [(&self.unknown, "without a known word"), (&self.missing, "without a text")]
        {
            if !ids.is_empty() {
                let shown: Vec<&str> = ids.iter().map(String::as_str).take(SHOWN).collect();
                let rest = if ids.len() > SHOWN { ", …" } else { "" };
                let s = if ids.len() == 1 { "" } else { "s" };
                run.progress.warn(&format!(
                    "{} document{s} {why}, {fate}: {}{rest}",
                    ids.len(),
                    shown.join(", ")
                ));
            }
        }
    }
}

/// How many ids a warning names.
const SHOWN: usize = 10;

/// Items and their vectors with those that have no place dealt with, and which those are. An error if none is left.
pub fn settle(
    items: &Items,
    batch: VectorBatch,
    on_unknown: OnUnknown,
) -> Result<(Items, Matrix, Unplaced)> {
    let (vectors, placements) = batch.into_parts();
    let ids_of = |which: Placement| -> Vec<String> {
        let ids = items.ids().iter().flatten().zip(&placements);
        ids.filter(|(_, p)| **p == which).map(|(id, _)| id.to_owned()).collect()
    };
    let unplaced =
        Unplaced { unknown: ids_of(Placement::Unknown), missing: ids_of(Placement::Missing) };
    if unplaced.is_empty() {
        return Ok((items.clone(), vectors, unplaced));
    }
    if unplaced.len() == items.len() {
        return Err(Error::data(format!("none of {} documents holds a known word", items.len()))
            .help(
                "check the column of the texts, and how words are found (--tokenizer, --keep-case)",
            ));
    }
    if on_unknown == OnUnknown::Stop {
        let (id, why) = match unplaced.unknown.first() {
            Some(id) => (id, "holds no known word"),
            None => (&unplaced.missing[0], "has no text"),
        };
        return Err(Error::data(format!("document '{id}' {why}")).help(
            "--on-unknown skip leaves such documents out, keep gives them a vector of zeros",
        ));
    }
    if on_unknown == OnUnknown::Keep {
        return Ok((items.clone(), vectors, unplaced));
    }
    let placed: Vec<bool> = placements.iter().map(|p| *p == Placement::Placed).collect();
    let rows: Vec<usize> = (0..placed.len()).filter(|&row| placed[row]).collect();
    let mut kept = Matrix::zeros(rows.len(), vectors.cols());
    for (to, &from) in rows.iter().enumerate() {
        kept.row_mut(to).copy_from_slice(vectors.row(from));
    }
    Ok((some(items, &placed)?, kept, unplaced))
}

/// The items of these rows.
fn some(items: &Items, chosen: &[bool]) -> Result<Items> {
    let chosen = BooleanArray::from(chosen.to_vec());
    let wrong = |e: arrow_schema::ArrowError| Error::data(e.to_string());
    let ids = filter(items.ids(), &chosen).map_err(wrong)?;
    let mut columns = Vec::new();
    for column in items.columns() {
        let values = filter(&column.values, &chosen).map_err(wrong)?;
        columns.push(crate::items::Column { values, ..column.clone() });
    }
    Ok(Items::trusted(ids.as_string::<i32>().clone(), columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::{Column, ColumnKind};
    use arrow_array::StringArray;
    use std::sync::Arc;

    fn batch() -> (Items, VectorBatch) {
        let ids = ["a", "b", "c"];
        let title = StringArray::from(vec![Some("A"), None, Some("C")]);
        let title =
            Column { name: "title".into(), kind: ColumnKind::Text, values: Arc::new(title) };
        let items = Items::from_ids(ids).unwrap().with_column(title).unwrap();
        let mut batch = VectorBatch::new(3, 2);
        batch.refuse(0, Placement::Unknown);
        batch.place(2).copy_from_slice(&[3.0, 4.0]);
        (items, batch)
    }

    #[test]
    fn documents_without_a_place_are_left_out_kept_or_refused_and_always_named() {
        let (items, vectors) = batch();
        let named = Unplaced { unknown: vec!["a".into()], missing: vec!["b".into()] };
        let (kept, matrix, unplaced) = settle(&items, vectors.clone(), OnUnknown::Skip).unwrap();
        assert_eq!((kept.len(), kept.ids().value(0), matrix.as_slice()), (1, "c", &[3.0, 4.0][..]));
        assert_eq!(kept.columns()[0].values.len(), 1);
        assert_eq!(unplaced, named);
        let (kept, matrix, unplaced) = settle(&items, vectors.clone(), OnUnknown::Keep).unwrap();
        assert_eq!((kept.len(), matrix.row(0), unplaced), (3, &[0.0, 0.0][..], named));
        let error = settle(&items, vectors, OnUnknown::Stop).unwrap_err();
        assert_eq!(error.message(), "document 'a' holds no known word");
        assert!(settle(&items, VectorBatch::new(3, 2), OnUnknown::Keep).is_err());
    }
}
