//! Whether the server is there, what it counts, and what it answers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use latlas::Error;
use serde_json::{Value, json};

use crate::app::App;
use crate::errors::{Answer, Problem, Refusal};
use crate::routes::explorer;

/// What this is, and where to go on; for a browser, the explorer.
#[utoipa::path(get, path = "/", tag = "server", responses((status = 200, description = "Where to go on", body = Value)))]
pub(crate) async fn front(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    uri: axum::http::Uri,
) -> Response {
    if explorer::assets::wants_page(&headers) {
        return explorer::assets::asset(uri).await;
    }
    let names: Vec<&String> = app.spaces.keys().collect();
    Json(json!({
        "server": concat!("latlas ", env!("CARGO_PKG_VERSION")),
        "spaces": names,
        "see": ["/v1/spaces", "/openapi.json", "/metrics"],
    }))
    .into_response()
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health", tag = "server", responses((status = 200, description = "It does", body = Value)))]
pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether requests are welcome: not while the server closes.
#[utoipa::path(get, path = "/ready", tag = "server", responses(
    (status = 200, description = "They are", body = Value),
    (status = 503, description = "The server is closing", body = Problem),
))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Answer<Json<Value>> {
    if app.is_closing() {
        return Err(Refusal::closing());
    }
    Ok(Json(json!({ "status": "ready" })))
}

/// Counts and times, as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, description = "The figures", body = String, content_type = "application/openmetrics-text"),
))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Answer<impl IntoResponse> {
    let text = app.metrics.text(&app).map_err(|e| Refusal::from(Error::data(e.to_string())))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses((status = 200, description = "The document", body = Value)))]
pub(crate) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::document())
}

pub(crate) async fn nowhere(uri: axum::http::Uri) -> Refusal {
    let path: String = uri.path().chars().take(80).collect();
    Error::nothing(format!("there is nothing at {path}"))
        .help("/openapi.json says what there is")
        .into()
}

pub(crate) async fn not_so() -> Refusal {
    let error = Error::usage("this is not asked in that way").help("/openapi.json says how");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "usage", error)
}
