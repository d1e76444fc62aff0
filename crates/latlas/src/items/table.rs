//! `Items`: ids and columns.

use arrow_array::{Array, StringArray};

use super::Column;
use crate::error::{Error, Result};

/// A typed table of things with unique ids.
#[derive(Debug, Clone)]
pub struct Items {
    ids: StringArray,
    columns: Vec<Column>,
}

impl Items {
    /// Items with these ids, which must be unique and present, and no columns yet.
    pub fn new(ids: StringArray) -> Result<Self> {
        let mut seen = std::collections::HashMap::with_capacity(ids.len());
        for (row, id) in ids.iter().enumerate() {
            let id = id.ok_or_else(|| Error::data(format!("row {} has no id", row + 1)))?;
            if let Some(first) = seen.insert(id, row) {
                return Err(Error::data(format!(
                    "id '{id}' stands in row {} and again in row {}",
                    first + 1,
                    row + 1
                ))
                .help("ids must be unique; leave out --id to number the rows"));
            }
        }
        Ok(Items { ids, columns: Vec::new() })
    }

    /// Items with ids from strings.
    pub fn from_ids<S: AsRef<str>>(ids: impl IntoIterator<Item = S>) -> Result<Self> {
        Self::new(StringArray::from_iter_values(ids))
    }

    /// Items whose ids and columns are known to be right, because they were checked when they were made.
    pub(crate) fn trusted(ids: StringArray, columns: Vec<Column>) -> Self {
        Items { ids, columns }
    }

    /// Adds a column of as many values as there are items, under a name not yet taken ("id" is taken).
    pub fn with_column(mut self, column: Column) -> Result<Self> {
        if column.values.len() != self.len() {
            return Err(Error::data(format!(
                "column '{}' has {} values for {} items",
                column.name,
                column.values.len(),
                self.len()
            )));
        }
        if !column.kind.fits(column.values.data_type()) {
            return Err(Error::data(format!(
                "column '{}' of kind {} cannot be stored as {}",
                column.name,
                column.kind.name(),
                column.values.data_type()
            )));
        }
        if column.name == "id" || self.column(&column.name).is_some() {
            return Err(Error::data(format!("column '{}' stands twice", column.name)));
        }
        self.columns.push(column);
        Ok(self)
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids, in row order.
    pub fn ids(&self) -> &StringArray {
        &self.ids
    }

    /// The columns, in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }
}
