//! A named, typed column of values over items, any of them missing. Arrow arrays underneath.

use arrow_array::ArrayRef;
use serde::{Deserialize, Serialize};

/// What the values of a column mean; the Arrow type says only how they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ColumnKind {
    /// Free text (`Utf8`).
    Text,
    /// A real number (`Float64`).
    Number,
    /// A whole number (`Int64`): counts, years.
    Integer,
    /// True or false (`Boolean`).
    Boolean,
    /// One of few names (`Utf8`).
    Category,
    /// A moment, UTC (`Timestamp(Millisecond)`).
    Time,
    /// Several values an item (`List`).
    List,
}

/// A named column; row i belongs to item i.
#[derive(Debug, Clone)]
pub struct Column {
    /// The name, unique within its items.
    pub name: String,
    /// What the values mean.
    pub kind: ColumnKind,
    /// The values, of the Arrow type that `kind` names.
    pub values: ArrayRef,
}
