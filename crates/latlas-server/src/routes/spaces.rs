//! The spaces that are served.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use latlas::index::Hnsw;
use serde_json::{Value, json};

use crate::app::App;
use crate::arguments::Named;
use crate::errors::{Answer, Problem};
use crate::live::{Served, Snapshot};

/// All spaces.
#[utoipa::path(get, path = "/v1/spaces", tag = "spaces", responses(
    (status = 200, description = "Name, size and geometry of each", body = Value),
))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let spaces: Vec<Value> =
        app.spaces.iter().map(|(name, served)| brief(name, served, &served.now())).collect();
    Json(json!({ "spaces": spaces }))
}

/// A space: its fields, columns, maps, indexes, and how it came to be.
#[utoipa::path(get, path = "/v1/spaces/{space}", tag = "spaces",
    params(("space" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "What is in it", body = Value),
        (status = 404, description = "There is no such space", body = Problem),
    ))]
pub(crate) async fn about(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Answer<Json<Value>> {
    let served = app.space(&name)?;
    let now = served.now();
    let space = &now.space;
    let mut about = brief(&name, served, &now);
    let columns = space.columns().iter();
    let columns: Vec<Value> =
        columns.map(|(name, kind)| json!({ "name": name, "kind": kind })).collect();
    let maps = space.maps().iter().map(
        |map| json!({ "name": map.name, "complete": space.is_fresh(map), "about": map.about }),
    );
    let maps: Vec<Value> = maps.collect();
    let indexes: Vec<Value> = { space.indexes().iter() }
        .map(|index| {
            let serves = Hnsw::stored(space, &index.field, index.measure)
                .is_some_and(|stored| stored.name == index.name);
            json!({
                "name": index.name, "field": index.field, "measure": index.measure, "rows": index.rows,
                "serves": serves, "about": index.about,
            })
        })
        .collect();
    if let Some(object) = about.as_object_mut() {
        object.insert("fields".into(), json!(space.fields()));
        object.insert("columns".into(), columns.into());
        object.insert("maps".into(), maps.into());
        object.insert("indexes".into(), indexes.into());
        let model = space.model().map(|model| json!(model.about()));
        object.insert("model".into(), model.unwrap_or_default());
        object.insert("metrics".into(), json!(space.metrics()));
        object.insert("provenance".into(), json!(space.provenance()));
    }
    Ok(Json(about))
}

fn brief(name: &str, served: &Served, now: &Snapshot) -> Value {
    let space = &now.space;
    let main = space.fields().first();
    json!({
        "name": name,
        "kind": space.kind(),
        "count": space.count(),
        "dim": main.map(|field| field.dim),
        "geometry": main.map(|field| field.geometry),
        "generation": space.generation(),
        "changes": space.changes(),
        "writable": served.is_writable(),
    })
}
