//! Maps as columns: Arrow, which browsers and notebooks read without parsing, or JSON.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Field, Schema};
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use latlas::items::{Column, ColumnKind, Items, json};
use latlas::{Error, Space};
use serde_json::{Map, Value};

use crate::app::App;
use crate::arguments::{Named, pairs, unknown};
use crate::errors::{Answer, Problem};
use crate::guard::Ticket;
use crate::live::placed;

/// What Arrow's stream format is called.
const ARROW: &str = "application/vnd.apache.arrow.stream";

/// A map: one row an item, in the order of the items. Those that came after it was made have no position, and `placed` says so.
#[utoipa::path(get, path = "/v1/spaces/{space}/maps/{map}", tag = "maps",
    params(
        ("space" = String, Path, description = "The space"),
        ("map" = String, Path, description = "The map"),
        ("columns" = Option<String>, Query, description = "These columns beside id, x, y (, z) and placed; all of the map unless given"),
    ),
    responses(
        (status = 200, description = "Columns as an Arrow stream, or, where JSON alone is accepted, as JSON", content((Vec<u8> = "application/vnd.apache.arrow.stream"), (Value = "application/json"))),
        (status = 400, description = "What was asked makes no sense", body = Problem),
        (status = 404, description = "There is no such space or map", body = Problem),
    ))]
pub(crate) async fn map(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named((space, map)): Named<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer<Response> {
    let now = app.space(&space)?.now();
    let columns = wanted(query.as_deref())?;
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let as_json = accepted
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("arrow"));
    app.compute(ticket, move || {
        let table = table(&now.space, &map, columns.as_deref())?;
        if !as_json {
            return Ok(([(header::CONTENT_TYPE, ARROW)], stream(&table)?).into_response());
        }
        let mut columns = Map::new();
        columns.insert("id".into(), table.ids().iter().map(Value::from).collect());
        for column in table.columns() {
            let values = (0..table.len()).map(|at| json::value(column, at)).collect();
            columns.insert(column.name.clone(), values);
        }
        Ok(axum::Json(serde_json::json!({ "map": map, "columns": columns })).into_response())
    })
    .await
}

/// The columns that a query asks for; `None` where it does not say.
fn wanted(query: Option<&str>) -> Answer<Option<Vec<String>>> {
    let pairs = pairs(query)?;
    if let Some((key, _)) = pairs.iter().find(|(key, _)| key != "columns") {
        return Err(unknown(key, "columns"));
    }
    Ok(pairs.first().map(|(_, names)| {
        names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }))
}

/// The map's table in the order of the live items.
fn table(space: &Space, map: &str, columns: Option<&[String]>) -> Answer<Items> {
    let (_, table, places) = placed(space, map)?;
    let known = |name: &String| table.column(name).is_some();
    if let Some(unknown) = columns.unwrap_or_default().iter().find(|name| !known(name)) {
        let shown: String = unknown.chars().take(80).collect();
        let names: Vec<&str> = table.columns().iter().map(|c| c.name.as_str()).collect();
        let error = Error::usage(format!("map '{map}' has no column '{shown}'"));
        return Err(error.help(format!("it has: {}", names.join(", "))).into());
    }
    let placed: BooleanArray = places.iter().map(|place| Some(place.is_some())).collect();
    let mut out = Items::from_ids(space.live().map(|row| space.id(row)))?;
    for column in table.columns() {
        let axis = matches!(column.name.as_str(), "x" | "y" | "z");
        let asked = columns.is_none_or(|names| names.contains(&column.name));
        if column.name == "placed" || !(axis || asked) {
            continue;
        }
        let values = arrow_select::take::take(&column.values, &places, None)
            .map_err(|e| Error::data(e.to_string()))?;
        out = out.with_column(Column { values, ..column.clone() })?;
    }
    let placed = Arc::new(placed) as ArrayRef;
    out = out.with_column(Column {
        name: "placed".into(),
        kind: ColumnKind::Boolean,
        values: placed,
    })?;
    Ok(out)
}

/// A table as an Arrow stream.
fn stream(items: &Items) -> Answer<Vec<u8>> {
    let mut fields = vec![Field::new("id", arrow_schema::DataType::Utf8, false)];
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(items.ids().clone())];
    for column in items.columns() {
        fields.push(Field::new(&column.name, column.values.data_type().clone(), true));
        arrays.push(column.values.clone());
    }
    let written = || {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
        writer.write(&batch)?;
        writer.into_inner()
    };
    written().map_err(|e: arrow_schema::ArrowError| Error::data(e.to_string()).into())
}
