//! A column while it is being read: all values as text, and what they turn out to be.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
};

use super::arrays::UTC;
use super::infer::{self, Evidence};
use super::records::Cell;
use crate::error::{Error, Result};
use crate::items::{Column, ColumnKind, parse_time};

/// Values of a column in one buffer, any of them missing.
#[derive(Debug, Clone, Default)]
pub(super) struct TextColumn {
    pub(super) name: String,
    pub(super) evidence: Evidence,
    text: String,
    /// Where each value ends; `None` if it is missing.
    ends: Vec<Option<usize>>,
}

impl TextColumn {
    pub(super) fn new(name: &str) -> Self {
        TextColumn { name: name.to_string(), ..TextColumn::default() }
    }

    /// Adds a value.
    pub(super) fn push(&mut self, value: Option<&str>) -> Result<()> {
        if let Some(value) = value {
            self.text.push_str(value);
            // Arrow counts the bytes of a column of text in an i32.
            if i32::try_from(self.text.len()).is_err() {
                return Err(Error::data(format!(
                    "column '{}' holds more than 2 GiB of text",
                    self.name
                ))
                .help("leave it out (--keep), or read the files one by one"));
            }
        }
        self.ends.push(value.map(|_| self.text.len()));
        Ok(())
    }

    /// Adds a cell as row `row`; rows between, where the column did not exist yet, are missing.
    pub(super) fn push_cell(
        &mut self,
        row: usize,
        cell: &Cell<'_>,
        missing: &[String],
    ) -> Result<()> {
        self.pad(row);
        let given =
            |text: &&str| !text.trim().is_empty() && !missing.iter().any(|m| m == text.trim());
        let value = cell.text().filter(given);
        if value.is_some() {
            match cell {
                Cell::Text(_) => self.evidence.quoted = true,
                Cell::Nested(_) => self.evidence.nested = true,
                Cell::Bare(_) | Cell::Missing => {}
            }
        }
        self.push(value)
    }

    /// Fills up with missing values to so many rows.
    pub(super) fn pad(&mut self, rows: usize) {
        if self.ends.len() < rows {
            self.ends.resize(rows, None);
        }
    }

    /// The values in order.
    pub(super) fn values(&self) -> impl Iterator<Item = Option<&str>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let end = (*end)?;
            let value = self.text.get(start..end);
            start = end;
            value
        })
    }

    pub(super) fn missing(&self) -> usize {
        self.ends.iter().filter(|end| end.is_none()).count()
    }

    /// The kind that fits all values.
    pub(super) fn kind(&self) -> ColumnKind {
        infer::kind(self.values().flatten().map(str::trim), self.evidence)
    }

    /// The column as items hold it, of this kind or of the one that fits.
    pub(super) fn finish(&self, asked: Option<ColumnKind>) -> Result<Column> {
        let kind = asked.unwrap_or_else(|| self.kind());
        let values = self.array(kind)?;
        Ok(Column { name: self.name.clone(), kind, values })
    }

    pub(super) fn strings(&self) -> StringArray {
        self.values().collect()
    }

    fn array(&self, kind: ColumnKind) -> Result<ArrayRef> {
        Ok(match kind {
            ColumnKind::Integer => {
                // Asked for by name, "007" and "+7" are integers too.
                let parse = |text: &str| text.trim().parse::<i64>().ok();
                Arc::new(self.parsed("a whole number", parse)?.into_iter().collect::<Int64Array>())
            }
            ColumnKind::Number => {
                let parse = |text: &str| infer::number(text.trim());
                Arc::new(
                    self.parsed("a finite number", parse)?.into_iter().collect::<Float64Array>(),
                )
            }
            ColumnKind::Boolean => {
                let parse = |text: &str| match text.trim() {
                    "1" => Some(true),
                    "0" => Some(false),
                    other => infer::boolean(other),
                };
                Arc::new(self.parsed("true or false", parse)?.into_iter().collect::<BooleanArray>())
            }
            ColumnKind::Time => {
                let parse = |text: &str| parse_time(text.trim());
                let values: TimestampMillisecondArray = self
                    .parsed("a date or time such as 2024-05-17T10:30:00Z", parse)?
                    .into_iter()
                    .collect();
                Arc::new(values.with_timezone(UTC))
            }
            ColumnKind::List => self.list()?,
            // "a, b" holds the same names as "a,b".
            ColumnKind::Category => {
                Arc::new(self.values().map(|v| v.map(str::trim)).collect::<StringArray>())
            }
            // Kinds to come are text until they are known here.
            _ => Arc::new(self.strings()),
        })
    }

    fn parsed<T>(&self, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<Option<T>>> {
        let one = |(row, value): (usize, Option<&str>)| match value {
            None => Ok(None),
            Some(text) => match parse(text) {
                Some(value) => Ok(Some(value)),
                None => Err(self.no(row, text, what)),
            },
        };
        self.values().enumerate().map(one).collect()
    }

    fn no(&self, row: usize, text: &str, what: &str) -> Error {
        let shown: String = text.chars().take(60).collect();
        Error::data(format!("column '{}', row {}: '{shown}' is not {what}", self.name, row + 1))
            .help(format!("if it stands for no value: --missing '{shown}'"))
    }

    /// Arrays of JSON: of numbers if all their values are numbers, else of text.
    fn list(&self) -> Result<ArrayRef> {
        type Row = Vec<serde_json::Value>;
        let rows: Vec<Option<Row>> =
            self.parsed("a list such as [1, 2]", |text| serde_json::from_str(text).ok())?;
        if rows.iter().flatten().flatten().all(|v| v.is_number() || v.is_null()) {
            let mut builder = ListBuilder::new(Float64Builder::new());
            for row in &rows {
                row.iter().flatten().for_each(|v| builder.values().append_option(v.as_f64()));
                builder.append(row.is_some());
            }
            return Ok(Arc::new(builder.finish()));
        }
        let mut builder = ListBuilder::new(StringBuilder::new());
        for row in &rows {
            for value in row.iter().flatten() {
                match value {
                    serde_json::Value::Null => builder.values().append_null(),
                    serde_json::Value::String(text) => builder.values().append_value(text),
                    other => builder.values().append_value(other.to_string()),
                }
            }
            builder.append(row.is_some());
        }
        Ok(Arc::new(builder.finish()))
    }
}
