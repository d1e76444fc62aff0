//! How far the picture of one item may be trusted: its true neighbours, and what the map made of them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use latlas::index::Query;
use latlas::map::reach;
use serde_json::{Value, json};

use super::with_state;
use crate::app::App;
use crate::arguments::{Named, pairs, unknown};
use crate::errors::{Answer, Problem, Refusal};
use crate::guard::Ticket;
use crate::live::{Drawn, Snapshot};
use crate::routes::shown::number;

/// Neighbours looked at where no number is given.
const NEIGHBOURS: usize = 15;

/// The nearest of an item in the space, whether each is near on the map as well, and those that are near on the map alone. "Near" is what
/// the map's own figures of faithfulness count: a rank up to three times k.
#[utoipa::path(get, path = "/v1/spaces/{space}/maps/{map}/trust", tag = "maps",
    params(
        ("space" = String, Path, description = "The space"),
        ("map" = String, Path, description = "The map"),
        ("place" = usize, Query, description = "The item: the n-th of the space, from 0"),
        ("k" = Option<usize>, Query, description = "How many neighbours; 15 unless given"),
    ),
    responses(
        (status = 200, description = "The neighbours", body = Value),
        (status = 400, description = "What was asked makes no sense", body = Problem),
        (status = 404, description = "There is no such space, map or item", body = Problem),
    ))]
pub(crate) async fn trust(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named((space, map)): Named<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let now = app.space(&space)?.now();
    let (mut place, mut k) = (None, NEIGHBOURS);
    for (key, value) in pairs(query.as_deref())? {
        let number = value.parse::<usize>();
        let number = number.map_err(|_| Refusal::usage(format!("{key}={value} is no number")));
        match key.as_str() {
            "place" => place = Some(number?),
            "k" => k = number?,
            other => return Err(unknown(other, "place, k")),
        }
    }
    let place = place.ok_or_else(|| Refusal::usage("which item?").help("place=0 is the first"))?;
    app.options.limits.check_k(k.saturating_mul(3))?;
    app.compute(ticket, move || {
        let answer = told(&now, &map, place, k)?;
        Ok(with_state(&now, axum::Json(answer)))
    })
    .await
}

fn told(now: &Snapshot, map: &str, place: usize, k: usize) -> Answer<Value> {
    let space = &now.space;
    let row = now.row(place)?;
    let drawn = now.drawn(map)?;
    let field = now.field_of(map);
    let vectors = space.field(&field)?;
    let measure = vectors.about().geometry.measure();
    let engine = now.engine(&field, measure, false)?;
    let n = space.count();
    let k = k.min(n.saturating_sub(1) / 2).max(1);
    let reach = reach(n, k);
    let mut point = vec![0.0; vectors.dim()];
    vectors.read(row, &mut point);
    let near = engine.index.search(&point, &Query::nearest(reach).excluding([row]))?;
    let places: Vec<Option<usize>> = near.iter().map(|hit| now.places().place(hit.row)).collect();
    let told = |other: usize, distance: f32| {
        let id = now.places().row(other).map(|row| space.id(row));
        json!({ "place": other, "id": id, "distance": number(distance) })
    };
    let around = around(&drawn, place, k, reach);
    let neighbours: Vec<Value> = { near.iter().zip(&places).take(k) }
        .filter_map(|(hit, &other)| {
            let other = other?;
            let mut told = told(other, hit.distance);
            let on_map = around.as_ref().map(|around| {
                let off = around.off[other];
                off.is_finite() && off <= around.limit
            });
            told["on_map"] = json!(on_map);
            Some(told)
        })
        .collect();
    let alone = around.iter().flat_map(|around| &around.nearest).copied();
    let alone = alone.filter(|&other| !places.contains(&Some(other)));
    let mut vector = vec![0.0; vectors.dim()];
    let mut false_neighbours = Vec::new();
    for other in alone {
        if let Some(row) = now.places().row(other) {
            vectors.read(row, &mut vector);
            false_neighbours.push(told(other, measure.distance(&point, &vector)));
        }
    }
    Ok(json!({
        "place": place, "id": space.id(row), "k": k, "reach": reach, "metric": measure.name(),
        "neighbours": neighbours, "false_neighbours": false_neighbours,
    }))
}

/// What lies around a place on a map.
struct Around {
    /// The squared distance of each place from it; infinite where one is not on the map.
    off: Vec<f32>,
    /// How far the one of the rank that counts as near lies.
    limit: f32,
    /// The nearest, closest first.
    nearest: Vec<usize>,
}

/// `None` where the item itself is not on the map.
fn around(drawn: &Drawn, place: usize, k: usize, reach: usize) -> Option<Around> {
    let (x, y) = (drawn.x[place], drawn.y[place]);
    if !(x.is_finite() && y.is_finite()) {
        return None;
    }
    let mut off: Vec<f32> = drawn
        .x
        .iter()
        .zip(&drawn.y)
        .map(|(&a, &b)| (a - x) * (a - x) + (b - y) * (b - y))
        .map(|off| if off.is_nan() { f32::INFINITY } else { off })
        .collect();
    // It is not its own neighbour.
    off[place] = f32::INFINITY;
    let mut order: Vec<u32> = (0..off.len() as u32).collect();
    let by = |a: &u32, b: &u32| off[*a as usize].total_cmp(&off[*b as usize]).then(a.cmp(b));
    let most = reach.min(order.len()).max(1);
    order.select_nth_unstable_by(most - 1, by);
    order.truncate(most);
    order.sort_unstable_by(by);
    let limit = off[*order.last()? as usize];
    let nearest = order.into_iter().take(k).map(|other| other as usize);
    let nearest = nearest.filter(|&other| off[other].is_finite()).collect();
    Some(Around { off, limit, nearest })
}
