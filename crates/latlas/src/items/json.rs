//! Values of columns as JSON, and back.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use arrow_schema::DataType;
use serde_json::Value;

use super::{Column, ColumnKind, format_time, parse_time};
use crate::error::{Error, Result};

/// The time zone of all moments.
const UTC: &str = "UTC";

/// The value at a place; null where it is missing, or no JSON number. Moments are text (ISO 8601), lists are arrays.
pub fn value(column: &Column, at: usize) -> Value {
    in_array(&column.values, at)
}

fn in_array(values: &ArrayRef, at: usize) -> Value {
    if values.is_null(at) {
        return Value::Null;
    }
    if let Some(texts) = values.as_string_opt::<i32>() {
        return texts.value(at).into();
    }
    if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
        return numbers.value(at).into();
    }
    if let Some(numbers) = values.as_primitive_opt::<Float64Type>() {
        return numbers.value(at).into();
    }
    if let Some(flags) = values.as_boolean_opt() {
        return flags.value(at).into();
    }
    if let Some(times) = values.as_primitive_opt::<TimestampMillisecondType>() {
        return format_time(times.value(at)).into();
    }
    if let Some(lists) = values.as_list_opt::<i32>() {
        let list = lists.value(at);
        return (0..list.len()).map(|i| in_array(&list, i)).collect();
    }
    Value::Null
}

/// A column of a kind out of JSON values, `None` and null being missing. `stored` is the Arrow type of the column it shall stand below:
/// lists of numbers and of text are told apart by it, or else by what is in them. The error says which value does not fit.
pub fn column(
    name: &str,
    kind: ColumnKind,
    stored: Option<&DataType>,
    values: &[Option<&Value>],
) -> Result<Column> {
    let values: ArrayRef = match kind {
        ColumnKind::Text | ColumnKind::Category => {
            let texts: StringArray = given(name, "text", values, Value::as_str)?;
            Arc::new(texts)
        }
        ColumnKind::Number => {
            let numbers: Float64Array = given(name, "a finite number", values, Value::as_f64)?;
            Arc::new(numbers)
        }
        ColumnKind::Integer => {
            let numbers: Int64Array = given(name, "a whole number", values, Value::as_i64)?;
            Arc::new(numbers)
        }
        ColumnKind::Boolean => {
            let flags: BooleanArray = given(name, "true or false", values, Value::as_bool)?;
            Arc::new(flags)
        }
        ColumnKind::Time => {
            let moment = |value: &Value| value.as_str().and_then(parse_time);
            let what = "a moment such as \"2024-05-17T10:30:00Z\"";
            let times: TimestampMillisecondArray = given(name, what, values, moment)?;
            Arc::new(times.with_timezone(UTC))
        }
        ColumnKind::List => lists(name, stored, values)?,
    };
    Ok(Column { name: name.to_owned(), kind, values })
}

fn given<'a, T, A: FromIterator<Option<T>>>(
    name: &str,
    what: &str,
    values: &[Option<&'a Value>],
    read: impl Fn(&'a Value) -> Option<T>,
) -> Result<A> {
    let one = |value: Option<&'a Value>| match value.filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| unfit(name, value, what)),
    };
    values.iter().copied().map(one).collect()
}

fn lists(name: &str, stored: Option<&DataType>, values: &[Option<&Value>]) -> Result<ArrayRef> {
    let members = |value: &Value| value.as_array().cloned();
    let rows: Vec<Option<Vec<Value>>> = given(name, "a list", values, members)?;
    let numbers = match stored {
        Some(DataType::List(member)) => *member.data_type() == DataType::Float64,
        _ => rows.iter().flatten().flatten().all(|v| v.is_number() || v.is_null()),
    };
    if numbers {
        let mut builder = ListBuilder::new(Float64Builder::new());
        for row in &rows {
            for value in row.iter().flatten() {
                if !value.is_number() && !value.is_null() {
                    return Err(unfit(name, value, "a number, as the members of its lists are"));
                }
                builder.values().append_option(value.as_f64());
            }
            builder.append(row.is_some());
        }
        return Ok(Arc::new(builder.finish()));
    }
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in &rows {
        for value in row.iter().flatten() {
            if !value.is_string() && !value.is_null() {
                return Err(unfit(name, value, "text, as the members of its lists are"));
            }
            builder.values().append_option(value.as_str());
        }
        builder.append(row.is_some());
    }
    Ok(Arc::new(builder.finish()))
}

fn unfit(name: &str, value: &Value, what: &str) -> Error {
    let mut shown: String = value.to_string().chars().take(60).collect();
    if shown.len() < value.to_string().len() {
        shown.push('…');
    }
    Error::data(format!("column '{name}': {shown} is not {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_every_kind_come_back() {
        let kinds = [
            (ColumnKind::Text, json!(["a", null, "ç\n"])),
            (ColumnKind::Category, json!(["x", "x", null])),
            (ColumnKind::Number, json!([0.1, null, -1e300])),
            (ColumnKind::Integer, json!([i64::MAX, null, -3])),
            (ColumnKind::Boolean, json!([true, null, false])),
            (ColumnKind::Time, json!(["2024-05-17T10:30:00Z", null, "1969-12-31T23:59:59.500Z"])),
            (ColumnKind::List, json!([["a", null], null, []])),
            (ColumnKind::List, json!([[1.5, null], null, []])),
        ];
        for (kind, values) in kinds {
            let values = values.as_array().unwrap();
            let given: Vec<Option<&Value>> = values.iter().map(Some).collect();
            let column = column("c", kind, None, &given).unwrap();
            assert!(kind.fits(column.values.data_type()));
            let back: Vec<Value> = (0..values.len()).map(|at| value(&column, at)).collect();
            assert_eq!(back, *values);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |kind, value: Value| {
            column("year", kind, None, &[None, Some(&value)]).unwrap_err().message().to_owned()
        };
        assert_eq!(
            refused(ColumnKind::Integer, json!(2.5)),
            "column 'year': 2.5 is not a whole number"
        );
        assert_eq!(refused(ColumnKind::Text, json!(["x"])), "column 'year': [\"x\"] is not text");
        assert!(refused(ColumnKind::Time, json!("soon")).contains("a moment such as"));
        let texts = DataType::new_list(DataType::Utf8, true);
        let numbers = json!([1]);
        let error = column("tags", ColumnKind::List, Some(&texts), &[Some(&numbers)]);
        assert!(error.unwrap_err().message().contains("1 is not text"));
    }
}
