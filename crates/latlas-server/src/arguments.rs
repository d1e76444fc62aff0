//! What a request brings: its body, the names in its path, its query. What cannot be read is answered in JSON, too.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use latlas::Error;
use serde::de::DeserializeOwned;

use crate::errors::Refusal;
use crate::guard::Ticket;

/// A JSON body of a bounded size.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !is_json(kind) {
            let error = Error::usage("the body has to be JSON")
                .help("send it with 'Content-Type: application/json'");
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "usage", error));
        }
        let most = request.extensions().get::<Ticket>().map_or(1 << 20, |ticket| ticket.body);
        let claimed = request.headers().get(header::CONTENT_LENGTH);
        let claimed = claimed.and_then(|n| n.to_str().ok()?.parse::<usize>().ok());
        if claimed.is_some_and(|bytes| bytes > most) {
            return Err(too_large(most));
        }
        let bytes = axum::body::to_bytes(request.into_body(), most).await.map_err(|e| {
            let long =
                std::error::Error::source(&e).is_some_and(|e| e.to_string().contains("limit"));
            if long { too_large(most) } else { Refusal::usage("the body was cut short") }
        })?;
        parse(&bytes).map(Body)
    }
}

/// The names in a path.
pub(crate) struct Named<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for Named<T>
where
    T: serde::de::DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let named = Path::<T>::from_request_parts(parts, state).await;
        named.map(|Path(named)| Named(named)).map_err(|e| Refusal::usage(e.body_text()))
    }
}

/// The keys and values of a query, in their order: a key may stand several times.
pub(crate) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Refusal> {
    serde_urlencoded::from_str(query.unwrap_or_default())
        .map_err(|e| Refusal::usage(format!("the query cannot be read: {e}")))
}

/// For a key of a query that means nothing.
pub(crate) fn unknown(key: &str, known: &str) -> Refusal {
    let shown: String = key.chars().take(40).collect();
    Refusal::usage(format!("'{shown}' is not known here")).help(format!("known: {known}"))
}

/// Reads a body.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|e| {
        let syntax = !e.is_data();
        let what = if syntax { "the body is no JSON" } else { "the body does not fit" };
        let error = Error::usage(format!("{what}: {e}"));
        let error =
            if syntax { error } else { error.help("/openapi.json says what each call takes") };
        Refusal::from(error)
    })
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn too_large(most: usize) -> Refusal {
    let error = Error::usage(format!("the body has more than {most} bytes"))
        .help("send less at once, or serve with a larger --max-body");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "size", error)
}
