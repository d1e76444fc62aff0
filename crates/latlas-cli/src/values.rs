//! Columns of items as what is shown and drawn: text, numbers, categories.

use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, cast::AsArray};
use latlas::items::{Column, ColumnKind, format_time};

/// The value at a place as text; empty where it is missing.
pub(crate) fn text(column: &Column, at: usize) -> String {
    let values = &column.values;
    if values.is_null(at) {
        return String::new();
    }
    if let Some(texts) = values.as_string_opt::<i32>() {
        return texts.value(at).to_owned();
    }
    if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
        return numbers.value(at).to_string();
    }
    if let Some(numbers) = values.as_primitive_opt::<Float64Type>() {
        return numbers.value(at).to_string();
    }
    if let Some(flags) = values.as_boolean_opt() {
        return flags.value(at).to_string();
    }
    if let Some(times) = values.as_primitive_opt::<TimestampMillisecondType>() {
        return format_time(times.value(at));
    }
    String::new()
}

/// The values as numbers, NaN where missing; `None` for a column that holds none.
pub(crate) fn numbers(column: &Column) -> Option<Vec<f64>> {
    let values = &column.values;
    let at = |i: usize, number: f64| if values.is_null(i) { f64::NAN } else { number };
    if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
        return Some(numbers.values().iter().enumerate().map(|(i, &n)| at(i, n as f64)).collect());
    }
    let numbers = values.as_primitive_opt::<Float64Type>()?;
    Some(numbers.values().iter().enumerate().map(|(i, &n)| at(i, n)).collect())
}

/// The distinct values, and which of them each item has; `missing` where it has none.
pub(crate) fn categories(column: &Column, missing: u32) -> (Vec<String>, Vec<u32>) {
    let (mut names, mut of) = (Vec::new(), Vec::with_capacity(column.values.len()));
    let mut known = std::collections::HashMap::new();
    for at in 0..column.values.len() {
        if column.values.is_null(at) {
            of.push(missing);
            continue;
        }
        let name = text(column, at);
        let next = names.len() as u32;
        let id = *known.entry(name.clone()).or_insert_with(|| {
            names.push(name);
            next
        });
        of.push(id);
    }
    (names, of)
}

/// Whether a column's values are amounts rather than names.
pub(crate) fn measures(column: &Column) -> bool {
    matches!(column.kind, ColumnKind::Number | ColumnKind::Integer)
}
