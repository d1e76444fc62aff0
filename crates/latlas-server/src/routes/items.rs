//! Items by id, or one after the other.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::{Extension, Json};
use latlas::{Row, Space};
use serde_json::{Map, Value, json};

use super::explorer::with_state;
use super::shown::Shown;
use crate::app::App;
use crate::arguments::{Named, pairs, unknown};
use crate::errors::{Answer, Problem, Refusal};
use crate::guard::Ticket;

/// Items given where no number is.
const LIMIT: usize = 100;

/// What is asked of the items of a space.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    ids: Vec<String>,
    places: Vec<usize>,
    filter: Option<String>,
    offset: usize,
    limit: Option<usize>,
    columns: Vec<String>,
    vectors: bool,
    field: Option<String>,
}

/// Items by id (`?id=a&id=b`; ids may hold any letters, escaped as everywhere in an address), or those that fulfil a condition, some at a time.
#[utoipa::path(get, path = "/v1/spaces/{space}/items", tag = "items",
    params(
        ("space" = String, Path, description = "The space"),
        ("id" = Option<Vec<String>>, Query, description = "These items; those that are not there are listed as missing"),
        ("place" = Option<Vec<usize>>, Query, description = "The n-th items, from 0"),
        ("filter" = Option<String>, Query, description = "Only items that fulfil a condition"),
        ("offset" = Option<usize>, Query, description = "How many to pass over"),
        ("limit" = Option<usize>, Query, description = "How many at most; 100 unless given"),
        ("columns" = Option<String>, Query, description = "These columns, separated by commas; all unless given"),
        ("vectors" = Option<bool>, Query, description = "Give their vectors too"),
        ("field" = Option<String>, Query, description = "Vectors of this field; main unless given"),
    ),
    responses(
        (status = 200, description = "The items", body = Value),
        (status = 400, description = "What was asked makes no sense", body = Problem),
        (status = 404, description = "There is no such space, or no such item", body = Problem),
    ))]
pub(crate) async fn items(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named(name): Named<String>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let now = app.space(&name)?.now();
    let wanted = Wanted::read(query.as_deref())?;
    let most = app.options.limits.k;
    let asked = wanted.ids.len().max(wanted.places.len()).max(wanted.limit.unwrap_or(0));
    if asked > most {
        return Err(Refusal::usage(format!("{asked} items at once are more than {most}")));
    }
    app.compute(ticket, move || {
        let space = &now.space;
        let (rows, total, missing) = wanted.rows(&now)?;
        let all: Vec<String> = space.columns().iter().map(|(name, _)| name.clone()).collect();
        let columns = if wanted.columns.is_empty() { &all } else { &wanted.columns };
        let vectors_of = wanted.vectors.then(|| wanted.field.as_deref().unwrap_or("main"));
        let shown = Shown::of(space, &rows, columns, vectors_of)?;
        let items: Vec<Value> = { rows.iter().enumerate() }
            .map(|(at, &row)| {
                let mut item = Map::new();
                item.insert("place".into(), now.places().place(row).into());
                shown.write(at, row, &mut item);
                item.into()
            })
            .collect();
        let mut answer = json!({ "items": items, "total": total });
        if let (Some(answer), false) = (answer.as_object_mut(), wanted.ids.is_empty()) {
            answer.insert("missing".into(), missing.into());
        }
        Ok(with_state(&now, Json(answer)))
    })
    .await
}

impl Wanted {
    fn read(query: Option<&str>) -> Answer<Self> {
        let mut wanted = Wanted::default();
        for (key, value) in pairs(query)? {
            let number = || {
                let refused = || Refusal::usage(format!("{key}={value} is no number"));
                value.parse::<usize>().map_err(|_| refused())
            };
            match key.as_str() {
                "id" => wanted.ids.push(value),
                "place" => wanted.places.push(number()?),
                "filter" => wanted.filter = Some(value),
                "offset" => wanted.offset = number()?,
                "limit" => wanted.limit = Some(number()?),
                "columns" => wanted.columns = value.split(',').map(str::to_owned).collect(),
                "vectors" => wanted.vectors = matches!(value.as_str(), "true" | "1" | ""),
                "field" => wanted.field = Some(value),
                other => {
                    let known = "id, place, filter, offset, limit, columns, vectors, field";
                    return Err(unknown(other, known));
                }
            }
        }
        let ways = [!wanted.ids.is_empty(), !wanted.places.is_empty(), wanted.filter.is_some()];
        if ways.iter().filter(|&&way| way).count() > 1 {
            return Err(Refusal::usage("id, place and filter exclude each other"));
        }
        Ok(wanted)
    }

    /// The rows, how many there are in all, and the ids that are not there.
    fn rows(&self, now: &crate::live::Snapshot) -> Answer<(Vec<Row>, usize, Vec<String>)> {
        let space: &Space = &now.space;
        if let [only] = &self.ids[..] {
            return Ok((vec![space.find(only)?], 1, Vec::new()));
        }
        if !self.ids.is_empty() {
            let found = self.ids.iter().map(|id| space.get(id).ok_or(id));
            let (mut rows, mut missing) = (Vec::new(), Vec::new());
            for row in found {
                match row {
                    Ok(row) => rows.push(row),
                    Err(id) => missing.push(id.clone()),
                }
            }
            let total = rows.len();
            return Ok((rows, total, missing));
        }
        if !self.places.is_empty() {
            let rows: Vec<Row> =
                self.places.iter().map(|&place| now.row(place)).collect::<latlas::Result<_>>()?;
            let total = rows.len();
            return Ok((rows, total, Vec::new()));
        }
        let limit = self.limit.unwrap_or(LIMIT);
        let Some(condition) = &self.filter else {
            return Ok((
                space.live().skip(self.offset).take(limit).collect(),
                space.count(),
                vec![],
            ));
        };
        let rows = now.fulfilling(condition)?;
        Ok((rows.iter().skip(self.offset).take(limit).collect(), rows.count(), vec![]))
    }
}
