//! Items as answers show them.

use latlas::items::{Items, json};
use latlas::{Error, Result, Row, Space};
use serde_json::{Map, Value};

/// What is told of each item beside its id.
pub(crate) struct Shown<'a> {
    space: &'a Space,
    items: Items,
    field: Option<latlas::space::Field>,
}

impl<'a> Shown<'a> {
    /// Of these rows, in their order.
    pub(crate) fn of(
        space: &'a Space,
        rows: &[Row],
        columns: &[String],
        vectors_of: Option<&str>,
    ) -> Result<Self> {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        if columns.len() > space.columns().len() {
            return Err(Error::usage("a column is asked for twice"));
        }
        let field = vectors_of.map(|name| space.field(name)).transpose()?;
        // Nothing is read for ids alone.
        let items = if columns.is_empty() {
            Items::from_ids([""; 0])?
        } else {
            space.look_up(rows, &columns)?
        };
        Ok(Shown { space, items, field })
    }

    /// The id of a row, and what else was asked for; `at` is its place among the rows.
    pub(crate) fn write(&self, at: usize, row: Row, out: &mut Map<String, Value>) {
        out.insert("id".to_owned(), self.space.id(row).into());
        if !self.items.columns().is_empty() {
            let columns = self.items.columns().iter();
            let columns: Map<String, Value> =
                columns.map(|c| (c.name.clone(), json::value(c, at))).collect();
            out.insert("columns".to_owned(), columns.into());
        }
        if let Some(field) = &self.field {
            let mut vector = vec![0.0; field.dim()];
            field.read(row, &mut vector);
            out.insert("vector".to_owned(), vector.into_iter().map(number).collect());
        }
    }
}

/// A number as short as it can be told exactly.
pub(crate) fn number(x: f32) -> Value {
    x.to_string().parse::<f64>().ok().map_or(Value::Null, Value::from)
}
