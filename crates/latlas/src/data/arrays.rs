//! Arrow arrays of any type, brought to the few types that items use, and read as vectors.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, TimeUnit};

use super::infer::show_time;
use crate::items::ColumnKind;

/// The time zone of all moments.
pub(super) const UTC: &str = "UTC";

/// An array as items hold it, with the kind that its type means; text may still turn out to be a category.
/// `Ok(None)` for types that have no place in items. An error says what does not fit.
pub(super) fn normalised(array: &ArrayRef) -> Result<Option<(ColumnKind, ArrayRef)>, String> {
    let integers =
        |values: Int64Array| Ok(Some((ColumnKind::Integer, Arc::new(values) as ArrayRef)));
    let numbers =
        |values: Float64Array| Ok(Some((ColumnKind::Number, Arc::new(values) as ArrayRef)));
    let texts = |values: StringArray| Ok(Some((ColumnKind::Text, Arc::new(values) as ArrayRef)));
    match array.data_type() {
        DataType::Int8 => integers(array.as_primitive::<Int8Type>().unary(i64::from)),
        DataType::Int16 => integers(array.as_primitive::<Int16Type>().unary(i64::from)),
        DataType::Int32 => integers(array.as_primitive::<Int32Type>().unary(i64::from)),
        DataType::Int64 => integers(array.as_primitive::<Int64Type>().clone()),
        DataType::UInt8 => integers(array.as_primitive::<UInt8Type>().unary(i64::from)),
        DataType::UInt16 => integers(array.as_primitive::<UInt16Type>().unary(i64::from)),
        DataType::UInt32 => integers(array.as_primitive::<UInt32Type>().unary(i64::from)),
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            let whole = |v: u64| {
                i64::try_from(v).map_err(|_| format!("{v} is beyond 64-bit integers with a sign"))
            };
            integers(values.try_unary::<_, Int64Type, String>(whole)?)
        }
        DataType::Float16 => {
            numbers(finite(array.as_primitive::<Float16Type>(), half::f16::to_f64))
        }
        DataType::Float32 => numbers(finite(array.as_primitive::<Float32Type>(), f64::from)),
        DataType::Float64 => numbers(finite(array.as_primitive::<Float64Type>(), |x| x)),
        DataType::Decimal128(_, scale) => {
            let scale = 10_f64.powi(i32::from(*scale));
            numbers(array.as_primitive::<Decimal128Type>().unary(|v| v as f64 / scale))
        }
        DataType::Boolean => Ok(Some((ColumnKind::Boolean, Arc::clone(array)))),
        DataType::Utf8 => texts(array.as_string::<i32>().clone()),
        DataType::LargeUtf8 | DataType::Utf8View => {
            let size: usize =
                (0..array.len()).filter_map(|row| text(array, row)).map(str::len).sum();
            fits(size)?;
            texts((0..array.len()).map(|row| text(array, row)).collect())
        }
        DataType::Null => texts(StringArray::new_null(array.len())),
        DataType::Dictionary(..) => {
            let Some(dictionary) = array.as_any_dictionary_opt() else { return Ok(None) };
            let values = dictionary.values();
            if !is_text(values.data_type()) {
                return Ok(None);
            }
            let keys = if values.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            let value = |row: usize| {
                let key = if array.is_null(row) { None } else { keys.get(row) };
                key.filter(|&&key| key < values.len()).and_then(|&key| text(values, key))
            };
            fits((0..array.len()).filter_map(value).map(str::len).sum())?;
            let values: StringArray = (0..array.len()).map(value).collect();
            Ok(Some((ColumnKind::Category, Arc::new(values))))
        }
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            moments(array).map(|values| Some((ColumnKind::Time, Arc::new(values) as ArrayRef)))
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => list(array),
        _ => Ok(None),
    }
}

fn fits(bytes: usize) -> Result<(), String> {
    if i32::try_from(bytes).is_ok() { Ok(()) } else { Err("more than 2 GiB of text".to_string()) }
}

/// NaN stands for "missing" in files that know no other way to say it.
fn finite<T: ArrowPrimitiveType>(
    values: &arrow_array::PrimitiveArray<T>,
    widen: impl Fn(T::Native) -> f64,
) -> Float64Array {
    values.iter().map(|value| value.map(&widen).filter(|x| !x.is_nan())).collect()
}

type Ms = TimestampMillisecondType;

fn moments(array: &ArrayRef) -> Result<TimestampMillisecondArray, String> {
    const DAY: i64 = 86_400_000;
    let far = |v: i64| format!("the moment {v} is too far away");
    let times = |factor: i64| move |v: i64| v.checked_mul(factor).ok_or_else(|| far(v));
    let values = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            array.as_primitive::<TimestampSecondType>().try_unary::<_, Ms, String>(times(1000))?
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => array.as_primitive::<Ms>().clone(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().unary::<_, Ms>(|v| v.div_euclid(1000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => array
            .as_primitive::<TimestampNanosecondType>()
            .unary::<_, Ms>(|v| v.div_euclid(1_000_000)),
        DataType::Date32 => {
            array.as_primitive::<Date32Type>().unary::<_, Ms>(|v| i64::from(v) * DAY)
        }
        _ => array.as_primitive::<Date64Type>().unary::<_, Ms>(|v| v),
    };
    Ok(values.with_timezone(UTC))
}

/// Whether a type is text, whatever way it is stored.
pub(super) fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// A value of an array of text.
pub(super) fn text(array: &dyn Array, row: usize) -> Option<&str> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}

/// The values of one row of a list, or `None`: missing, or no list.
fn row_of(array: &dyn Array, row: usize) -> Option<ArrayRef> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::List(_) => Some(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => Some(array.as_fixed_size_list().value(row)),
        _ => None,
    }
}

fn element(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

/// Whether a type is a list of floats, as vectors are stored.
pub(super) fn is_vector(kind: &DataType) -> bool {
    element(kind)
        .is_some_and(|e| matches!(e, DataType::Float16 | DataType::Float32 | DataType::Float64))
}

fn list(array: &ArrayRef) -> Result<Option<(ColumnKind, ArrayRef)>, String> {
    let rows = (0..array.len()).map(|row| row_of(array, row));
    let kind = element(array.data_type()).cloned().unwrap_or(DataType::Null);
    let values: ArrayRef = if is_text(&kind) {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for row in rows {
            if let Some(row) = &row {
                (0..row.len()).for_each(|i| builder.values().append_option(text(row, i)));
            }
            builder.append(row.is_some());
        }
        Arc::new(builder.finish())
    } else if kind.is_integer() {
        let mut builder = ListBuilder::new(Int64Builder::new());
        for row in rows {
            if let Some(row) = &row
                && let Some((_, numbers)) = normalised(row)?
            {
                builder.values().extend(numbers.as_primitive::<Int64Type>());
            }
            builder.append(row.is_some());
        }
        Arc::new(builder.finish())
    } else if kind.is_floating() {
        let mut builder = ListBuilder::new(Float64Builder::new());
        for row in rows {
            if let Some(row) = &row
                && let Some((_, numbers)) = normalised(row)?
            {
                builder.values().extend(numbers.as_primitive::<Float64Type>());
            }
            builder.append(row.is_some());
        }
        Arc::new(builder.finish())
    } else {
        return Ok(None);
    };
    Ok(Some((ColumnKind::List, values)))
}

/// A value of a normalised array as text, as a CSV would hold it; `None` if missing.
pub(super) fn show(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Int64 => Some(array.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Float64 => Some(array.as_primitive::<Float64Type>().value(row).to_string()),
        DataType::Boolean => Some(array.as_boolean().value(row).to_string()),
        DataType::Timestamp(..) => {
            Some(show_time(array.as_primitive::<TimestampMillisecondType>().value(row)))
        }
        DataType::List(_) => {
            let values = row_of(array, row)?;
            let shown = (0..values.len()).map(|i| match values.data_type() {
                DataType::Utf8 => serde_json::to_string(&text(&values, i)).unwrap_or_default(),
                _ => show(&values, i).unwrap_or_else(|| "null".to_string()),
            });
            Some(format!("[{}]", shown.collect::<Vec<_>>().join(",")))
        }
        _ => text(array, row).map(str::to_string),
    }
}

/// Appends the numbers of an array to a vector, and gives how many of them f32 had to round.
fn append(values: &dyn Array, out: &mut Vec<f32>) -> Result<usize, String> {
    fn whole<T: ArrowPrimitiveType>(
        values: &dyn Array,
        out: &mut Vec<f32>,
        to: impl Fn(T::Native) -> (f32, bool),
    ) -> usize {
        let mut rounded = 0;
        out.extend(values.as_primitive::<T>().values().iter().map(|&v| {
            let (x, exact) = to(v);
            rounded += usize::from(!exact);
            x
        }));
        rounded
    }
    if values.null_count() > 0 {
        return Err("a component is missing".to_string());
    }
    let double = |x: f64| (x as f32, x.is_nan() || f64::from(x as f32) == x);
    let integer = |n: i64| (n as f32, n as f32 as i64 == n);
    match values.data_type() {
        DataType::Float16 => Ok(whole::<Float16Type>(values, out, |x| (x.to_f32(), true))),
        DataType::Float32 => Ok(whole::<Float32Type>(values, out, |x| (x, true))),
        DataType::Float64 => Ok(whole::<Float64Type>(values, out, double)),
        DataType::Int8 => Ok(whole::<Int8Type>(values, out, |n| integer(n.into()))),
        DataType::Int16 => Ok(whole::<Int16Type>(values, out, |n| integer(n.into()))),
        DataType::Int32 => Ok(whole::<Int32Type>(values, out, |n| integer(n.into()))),
        DataType::Int64 => Ok(whole::<Int64Type>(values, out, integer)),
        DataType::UInt8 => Ok(whole::<UInt8Type>(values, out, |n| integer(n.into()))),
        DataType::UInt16 => Ok(whole::<UInt16Type>(values, out, |n| integer(n.into()))),
        DataType::UInt32 => Ok(whole::<UInt32Type>(values, out, |n| integer(n.into()))),
        other => Err(format!("values of type {other} are no vector")),
    }
}

/// Appends the vector in one row of a list, of text such as "[1, 2]", or of a single number. Gives its length
/// and how many numbers were rounded.
pub(super) fn vector(
    array: &ArrayRef,
    row: usize,
    out: &mut Vec<f32>,
) -> Result<(usize, usize), String> {
    if array.is_null(row) {
        return Err("no value".to_string());
    }
    if let Some(text) = text(array, row) {
        return super::vectors::numbers(text, out).map(|n| (n, 0));
    }
    let before = out.len();
    let rounded = match row_of(array, row) {
        Some(values) => append(&values, out)?,
        None => append(&array.slice(row, 1), out)?,
    };
    match out.get(before..).and_then(|new| new.iter().position(|x| !x.is_finite())) {
        Some(at) if out.len() - before > 1 => Err(format!("component {} is not finite", at + 1)),
        Some(_) => Err("not finite".to_string()),
        None => Ok((out.len() - before, rounded)),
    }
}
