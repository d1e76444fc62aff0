//! Conditions on items: `year >= 2010 AND lang IN ('tr', 'en') AND NOT title IS NULL`.

use super::{ColumnKind, Items};
use crate::error::Result;

/// A condition, checked against the columns it names.
#[derive(Debug, Clone)]
pub struct Filter {
    _todo: (),
}

impl Filter {
    /// Reads a condition over these columns (and `id`, which is always there).
    pub fn parse(_text: &str, _columns: &[(String, ColumnKind)]) -> Result<Self> {
        todo!()
    }

    /// The columns it reads, without `id`: what `Space::items` has to be asked for.
    pub fn columns(&self) -> &[String] {
        todo!()
    }

    /// Whether each item fulfils the condition; an unknown (NULL) outcome counts as no.
    pub fn mask(&self, _items: &Items) -> Result<Vec<bool>> {
        todo!()
    }
}
