//! What the explorer asks: geometry and colours as bytes, selections as bits, and how far the picture of one item may be trusted.
//! Items go by their place: the k-th live item has place k, for as long as the state of the space is the same.

pub(crate) mod assets;
pub(crate) mod colours;
pub(crate) mod geometry;
pub(crate) mod select;
pub(crate) mod trust;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::arguments::{pairs, unknown};
use crate::errors::Answer;
use crate::live::Snapshot;

/// The state of the space that an answer is of: places mean the same items while it is the same.
pub(crate) const STATE: HeaderName = HeaderName::from_static("x-latlas-state");

/// The state of a space.
pub(crate) fn state(now: &Snapshot) -> String {
    format!("{}.{}", now.space.generation(), now.space.changes())
}

/// Adds the state to an answer.
pub(crate) fn with_state(now: &Snapshot, answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    if let Ok(state) = HeaderValue::from_str(&state(now)) {
        answer.headers_mut().insert(STATE, state);
    }
    answer
}

/// Bytes as an answer.
fn binary(now: &Snapshot, bytes: Bytes) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    let mut answer = with_state(now, (kind, Body::from(bytes)));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", state(now))) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

/// The map that a query names, if it does.
fn map_asked(query: Option<&str>) -> Answer<Option<String>> {
    let mut map = None;
    for (key, value) in pairs(query)? {
        match key.as_str() {
            "map" => map = Some(value),
            other => return Err(unknown(other, "map")),
        }
    }
    Ok(map)
}
