//! Columns as colours: few bytes an item, and what they mean.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use latlas::Error;
use latlas::items::{Column, ColumnKind};
use serde_json::{Value, json};

use super::{binary, map_asked};
use crate::app::App;
use crate::arguments::Named;
use crate::errors::{Answer, Problem, Refusal};
use crate::guard::Ticket;
use crate::live::Snapshot;

/// A column of whole numbers with no more of them than this is a column of groups: digits, clusters.
const FEW: usize = 24;
/// Names that are told, at most; the others have no code.
const NAMES: usize = 1 << 16;

/// What items can be coloured by: columns of the space, and of a map.
#[utoipa::path(get, path = "/v1/spaces/{space}/colours", tag = "maps",
    params(
        ("space" = String, Path, description = "The space"),
        ("map" = Option<String>, Query, description = "The columns of this map too"),
    ),
    responses(
        (status = 200, description = "Name, kind and origin of each", body = Value),
        (status = 404, description = "There is no such space or map", body = Problem),
    ))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named(space): Named<String>,
    RawQuery(query): RawQuery,
) -> Answer<axum::Json<Value>> {
    let now = app.space(&space)?.now();
    let map = map_asked(query.as_deref())?;
    app.compute(ticket, move || {
        let mut columns = Vec::new();
        for (name, kind) in now.space.columns() {
            if let Some(kind) = drawn_as(*kind) {
                columns.push(json!({ "name": name, "kind": kind, "from": "space" }));
            }
        }
        if let Some(map) = map {
            for column in now.drawn(&map)?.columns() {
                let known = now.space.columns().iter().any(|(name, _)| *name == column.name);
                if let (Some(kind), false) = (drawn_as(column.kind), known) {
                    columns.push(json!({ "name": column.name, "kind": kind, "from": "map" }));
                }
            }
        }
        Ok(axum::Json(json!({ "columns": columns })))
    })
    .await
}

/// A column as colours, one value an item in the order of the items: the length of a JSON text (u32), the text, zeros up to a multiple
/// of 4, and the values: codes of names (the largest code: no value), or f32 (NaN: no value).
#[utoipa::path(get, path = "/v1/spaces/{space}/colours/{column}", tag = "maps",
    params(
        ("space" = String, Path, description = "The space"),
        ("column" = String, Path, description = "A column of the space, or else of the map"),
        ("map" = Option<String>, Query, description = "The map whose columns count too"),
    ),
    responses(
        (status = 200, description = "What the values mean, and the values", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "It cannot be drawn as colours", body = Problem),
        (status = 404, description = "There is no such space, map or column", body = Problem),
    ))]
pub(crate) async fn colours(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named((space, name)): Named<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let now = app.space(&space)?.now();
    let map = map_asked(query.as_deref())?;
    app.compute(ticket, move || {
        let column = column(&now, &name, map.as_deref())?;
        Ok(binary(&now, encoded(&column)?.into()))
    })
    .await
}

fn column(now: &Snapshot, name: &str, map: Option<&str>) -> Answer<Column> {
    if now.space.columns().iter().any(|(known, _)| known == name) {
        let items = now.space.items(Some(&[name]))?;
        if let Some(column) = items.column(name) {
            return Ok(column.clone());
        }
    }
    if let Some(map) = map
        && let Some(column) = now.drawn(map)?.column(name)?
    {
        return Ok(column);
    }
    let shown: String = name.chars().take(80).collect();
    let error = Error::nothing(format!("there is no column '{shown}' here"));
    Err(error.help("GET …/colours lists them").into())
}

fn drawn_as(kind: ColumnKind) -> Option<&'static str> {
    match kind {
        ColumnKind::Category => Some("category"),
        ColumnKind::Boolean => Some("boolean"),
        ColumnKind::Number | ColumnKind::Integer => Some("number"),
        ColumnKind::Time => Some("time"),
        _ => None,
    }
}

fn encoded(column: &Column) -> Answer<Vec<u8>> {
    let values = &column.values;
    let wrong = || Error::data(format!("column '{}' is not stored as its kind", column.name));
    match column.kind {
        ColumnKind::Category => {
            let texts = values.as_string_opt::<i32>().ok_or_else(wrong)?;
            Ok(named(&column.name, "category", &texts.iter().collect::<Vec<_>>(), true))
        }
        ColumnKind::Boolean => {
            let yes = values.as_boolean_opt().ok_or_else(wrong)?;
            let names: Vec<Option<&str>> =
                yes.iter().map(|v| v.map(|v| if v { "true" } else { "false" })).collect();
            Ok(named(&column.name, "boolean", &names, true))
        }
        ColumnKind::Integer => {
            let whole = values.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
            let mut distinct = std::collections::BTreeSet::new();
            let few = whole.iter().flatten().all(|v| {
                distinct.insert(v);
                distinct.len() <= FEW
            });
            if few {
                // In the order of the numbers, not of how many there are.
                let names: HashMap<i64, String> =
                    distinct.iter().map(|&v| (v, v.to_string())).collect();
                let of: Vec<Option<&str>> =
                    whole.iter().map(|v| v.map(|v| names[&v].as_str())).collect();
                return Ok(named(&column.name, "category", &of, false));
            }
            let numbers = whole.iter().map(|v| v.map(|v| v as f64)).collect();
            Ok(numbered(&column.name, "number", numbers))
        }
        ColumnKind::Number => {
            let numbers = values.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?;
            Ok(numbered(&column.name, "number", numbers.iter().collect()))
        }
        ColumnKind::Time => {
            let moments =
                values.as_primitive_opt::<TimestampMillisecondType>().ok_or_else(wrong)?;
            let seconds = moments.iter().map(|v| v.map(|v| v as f64 / 1000.0)).collect();
            Ok(numbered(&column.name, "time", seconds))
        }
        _ => Err(Refusal::usage(format!("column '{}' cannot be drawn as colours", column.name))
            .help("categories, numbers, moments, and what is true or false can")),
    }
}

/// Codes of names: the most frequent first, or in the order of the numbers that they are.
fn named(name: &str, kind: &str, of: &[Option<&str>], by_count: bool) -> Vec<u8> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    of.iter().flatten().for_each(|&name| *counts.entry(name).or_default() += 1);
    let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
    if by_count {
        names.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    } else {
        names.sort_unstable_by_key(|(name, _)| name.parse::<i64>().unwrap_or(i64::MAX));
    }
    let others: usize = names.iter().skip(NAMES - 1).map(|(_, count)| count).sum();
    names.truncate(NAMES - 1);
    let bytes = if names.len() < 255 { 1 } else { 2 };
    let missing = of.iter().filter(|name| name.is_none()).count();
    let about = json!({
        "name": name, "kind": kind, "count": of.len(), "missing": missing, "others": others, "bytes": bytes,
        "labels": names.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "counts": names.iter().map(|(_, count)| count).collect::<Vec<_>>(),
    });
    let code: HashMap<&str, u16> = names.iter().map(|(name, _)| *name).zip(0..).collect();
    let mut out = headed(&about);
    for name in of {
        let code = name.and_then(|name| code.get(name).copied()).unwrap_or(u16::MAX);
        // The largest code of one byte is cut from that of two.
        out.extend(&code.to_le_bytes()[..bytes]);
    }
    out
}

/// Numbers as f32, and between which most of them lie.
fn numbered(name: &str, kind: &str, of: Vec<Option<f64>>) -> Vec<u8> {
    let mut known: Vec<f64> = of.iter().flatten().copied().filter(|v| v.is_finite()).collect();
    // Seconds since 1970 are too many for an f32.
    let origin =
        if kind == "time" { known.iter().copied().fold(f64::INFINITY, f64::min) } else { 0.0 };
    let origin = if origin.is_finite() { origin.floor() } else { 0.0 };
    let count = known.len();
    known.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| {
        let at = ((count.max(1) - 1) as f64 * share).round() as usize;
        known.get(at).map(|v| v - origin)
    };
    let about = json!({
        "name": name, "kind": kind, "count": of.len(), "missing": of.len() - count, "origin": origin,
        "min": quantile(0.0), "max": quantile(1.0), "low": quantile(0.02), "high": quantile(0.98),
    });
    let mut out = headed(&about);
    for value in of {
        let value = value.filter(|v| v.is_finite()).map_or(f32::NAN, |v| (v - origin) as f32);
        out.extend(value.to_le_bytes());
    }
    out
}

fn headed(about: &Value) -> Vec<u8> {
    let text = about.to_string();
    let mut out = (text.len() as u32).to_le_bytes().to_vec();
    out.extend(text.as_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(bytes: &[u8]) -> (Value, &[u8]) {
        let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let about = serde_json::from_slice(&bytes[4..4 + length]).expect("JSON");
        (about, &bytes[(4 + length).next_multiple_of(4)..])
    }

    #[test]
    fn names_have_codes_by_how_many_there_are() {
        let of = [Some("b"), Some("a"), None, Some("b")];
        let bytes = named("c", "category", &of, true);
        let (about, codes) = split(&bytes);
        assert_eq!(about["labels"], json!(["b", "a"]));
        assert_eq!(about["counts"], json!([2, 1]));
        assert_eq!((about["missing"].as_u64(), codes), (Some(1), &[0, 1, 255, 0][..]));
        let many: Vec<String> = (0..300).map(|i| format!("n{i:03}")).collect();
        let of: Vec<Option<&str>> = many.iter().map(|n| Some(n.as_str())).chain([None]).collect();
        let bytes = named("c", "category", &of, true);
        let (about, codes) = split(&bytes);
        assert_eq!(about["bytes"], 2);
        assert_eq!(codes.len(), 602);
        assert_eq!(&codes[598..], [43, 1, 255, 255]);
    }

    #[test]
    fn whole_numbers_stay_in_their_order() {
        let bytes = named("c", "category", &[Some("10"), Some("9"), Some("10")], false);
        assert_eq!(split(&bytes).0["labels"], json!(["9", "10"]));
    }

    #[test]
    fn moments_are_told_from_the_first() {
        let bytes = numbered("t", "time", vec![Some(1.7e9 + 1.0), None, Some(1.7e9)]);
        let (about, values) = split(&bytes);
        assert_eq!(about["origin"], 1.7e9);
        assert_eq!((about["min"].as_f64(), about["max"].as_f64()), (Some(0.0), Some(1.0)));
        assert_eq!(values[..4], 1.0_f32.to_le_bytes());
        assert!(f32::from_le_bytes([values[4], values[5], values[6], values[7]]).is_nan());
        let (about, _) = (split(&numbered("n", "number", vec![None])).0, 0);
        assert_eq!(about["min"], Value::Null);
    }
}
