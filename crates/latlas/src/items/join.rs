//! Columns of one table brought into the order of another, matched by id.

use std::collections::HashMap;

use arrow_array::{StringArray, UInt32Array};
use arrow_select::take::take;

use super::{Column, Items};
use crate::error::{Error, Result};

/// The columns of `table` for these ids, in their order; values are missing where the table has no such id. Also
/// how many of the ids it has.
pub fn join(ids: &StringArray, table: &Items) -> Result<(Vec<Column>, usize)> {
    let rows: HashMap<&str, u32> = table.ids().iter().flatten().zip(0..).collect();
    let places: UInt32Array = ids.iter().map(|id| rows.get(id?).copied()).collect();
    let found = places.iter().flatten().count();
    let taken = table.columns().iter().map(|column| {
        let values = take(&column.values, &places, None)
            .map_err(|e| Error::data(format!("column '{}': {e}", column.name)))?;
        Ok(Column { name: column.name.clone(), kind: column.kind, values })
    });
    Ok((taken.collect::<Result<_>>()?, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::ColumnKind;
    use arrow_array::{Array, Int64Array, cast::AsArray, types::Int64Type};
    use std::sync::Arc;

    #[test]
    fn values_follow_their_ids_and_are_missing_elsewhere() {
        let year = Column {
            name: "year".into(),
            kind: ColumnKind::Integer,
            values: Arc::new(Int64Array::from(vec![1, 2, 3])),
        };
        let table = Items::from_ids(["a", "b", "c"]).unwrap().with_column(year).unwrap();
        let (columns, found) = join(&StringArray::from(vec!["c", "x", "a"]), &table).unwrap();
        assert_eq!(found, 2);
        let years = columns[0].values.as_primitive::<Int64Type>();
        assert_eq!((years.value(0), years.is_null(1), years.value(2)), (3, true, 1));
    }
}
