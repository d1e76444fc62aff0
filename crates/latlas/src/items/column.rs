//! A named, typed column of values over items, any of them missing. Arrow arrays underneath.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, TimeUnit};
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

impl ColumnKind {
    const NAMES: [(ColumnKind, &'static str); 7] = [
        (ColumnKind::Text, "text"),
        (ColumnKind::Number, "number"),
        (ColumnKind::Integer, "integer"),
        (ColumnKind::Boolean, "boolean"),
        (ColumnKind::Category, "category"),
        (ColumnKind::Time, "time"),
        (ColumnKind::List, "list"),
    ];

    /// Its name in files and messages: "number".
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// Whether values of this kind are stored as this Arrow type.
    pub fn fits(self, stored: &DataType) -> bool {
        match self {
            ColumnKind::Text | ColumnKind::Category => *stored == DataType::Utf8,
            ColumnKind::Number => *stored == DataType::Float64,
            ColumnKind::Integer => *stored == DataType::Int64,
            ColumnKind::Boolean => *stored == DataType::Boolean,
            ColumnKind::Time => matches!(stored, DataType::Timestamp(TimeUnit::Millisecond, _)),
            ColumnKind::List => matches!(stored, DataType::List(_)),
        }
    }
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
