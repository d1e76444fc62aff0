//! Rows by what is in their columns, and columns by row: what a search needs of them, without putting all segments together.

use arrow_array::{UInt32Array, new_null_array};
use arrow_schema::{DataType, Field as ArrowField, TimeUnit};

use super::{Row, Segment, Space, table};
use crate::error::Result;
use crate::items::{Column, ColumnKind, Filter, Items};

impl Space {
    /// The live rows that fulfil a condition, in order. See [`Filter`] for what a condition is.
    pub fn matching(&self, condition: &str) -> Result<Vec<Row>> {
        let filter = Filter::parse(condition, self.columns())?;
        let names: Vec<&str> = filter.columns().iter().map(String::as_str).collect();
        let mut found = Vec::new();
        for segment in &self.0.segments {
            let mask = filter.mask(&self.of_segment(segment, &names)?)?;
            let rows = (0..).zip(mask).filter(|(_, yes)| *yes);
            let rows = rows.map(|(row, _): (usize, _)| Row((segment.first + row) as u32));
            found.extend(rows.filter(|&row| self.is_live(row)));
        }
        Ok(found)
    }

    /// Ids and the named columns of these rows, in their order; rows may be dead, but must be there. An unknown column is an
    /// error with the closest one.
    pub fn look_up(&self, rows: &[Row], columns: &[&str]) -> Result<Items> {
        table::check_columns(self, columns)?;
        let kinds: Vec<(&str, ColumnKind)> =
            columns.iter().map(|&name| (name, self.kind_of(name))).collect();
        // Segment by segment, and then back into the order asked for.
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_by_key(|&at| rows[at as usize]);
        let mut parts = Vec::new();
        let mut left = &order[..];
        for segment in &self.0.segments {
            let end = segment.first + segment.rows;
            let here = left.partition_point(|&at| rows[at as usize].index() < end);
            let (here, rest) = left.split_at(here);
            left = rest;
            if here.is_empty() {
                continue;
            }
            let places: UInt32Array = { here.iter() }
                .map(|&at| rows[at as usize].0 - segment.first as u32)
                .collect::<Vec<u32>>()
                .into();
            parts.push(table::take(&self.of_segment(segment, columns)?, &places)?);
        }
        let sorted = table::concat(&parts, &kinds)?;
        let mut back = vec![0; rows.len()];
        for (place, &at) in (0..).zip(&order) {
            back[at as usize] = place;
        }
        table::take(&sorted, &back.into())
    }

    /// These rows as a space of their own, in memory: ids, vectors and columns.
    pub fn some(&self, rows: &[Row]) -> Result<Space> {
        let names: Vec<&str> = self.columns().iter().map(|(name, _)| name.as_str()).collect();
        let mut builder = Space::builder(self.kind(), self.look_up(rows, &names)?);
        for about in self.fields() {
            let vectors = self.field(&about.name)?.gather(rows);
            builder = builder.dtype(about.dtype).field(&about.name, about.geometry, vectors);
        }
        builder.build()
    }

    /// Keeps columns in memory from the first time that they are read: for a program that reads them again and again.
    pub fn keep_columns(&self) {
        self.0.segments.iter().for_each(|segment| segment.items.keep_columns());
    }

    fn kind_of(&self, name: &str) -> ColumnKind {
        let known = self.columns().iter().find(|(known, _)| known == name);
        known.map_or(ColumnKind::Text, |(_, kind)| *kind)
    }

    /// Ids and the named columns of a segment; one that it was written without is missing in all its rows.
    fn of_segment(&self, segment: &Segment, names: &[&str]) -> Result<Items> {
        let items =
            segment.items.read(segment.rows, Some(names)).map_err(|e| e.context(self.called()))?;
        let mut columns = Vec::with_capacity(names.len());
        for &name in names {
            let column = items.column(name).cloned().map_or_else(
                || {
                    let kind = self.kind_of(name);
                    let values = new_null_array(&self.stored_as(name, kind)?, items.len());
                    Ok(Column { name: name.to_owned(), kind, values })
                },
                Ok,
            );
            columns.push(column?);
        }
        Ok(Items::trusted(items.ids().clone(), columns))
    }

    /// How the values of a column are stored.
    fn stored_as(&self, name: &str, kind: ColumnKind) -> Result<DataType> {
        for segment in &self.0.segments {
            if let Some(stored) = segment.items.data_type(name)? {
                return Ok(stored);
            }
        }
        Ok(match kind {
            ColumnKind::Number => DataType::Float64,
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Boolean => DataType::Boolean,
            ColumnKind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            ColumnKind::List => {
                DataType::List(ArrowField::new_list_field(DataType::Utf8, true).into())
            }
            ColumnKind::Text | ColumnKind::Category => DataType::Utf8,
        })
    }
}
