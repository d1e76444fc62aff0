//! The explorer's page, built from `web/` and part of the program.

use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::routes::health;

/// A file of the page: its path, what it is, and its bytes.
type Asset = (&'static str, &'static str, &'static [u8]);

const ASSETS: [Asset; 5] = [
    ("/icon.svg", "image/svg+xml", include_bytes!("../../../assets/icon.svg")),
    ("/", "text/html; charset=utf-8", include_bytes!("../../../assets/index.html")),
    (
        "/explorer.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../../assets/explorer.js"),
    ),
    ("/explorer.css", "text/css; charset=utf-8", include_bytes!("../../../assets/explorer.css")),
    (
        "/raster-worker.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../../assets/raster-worker.js"),
    ),
];

/// Whether this is a file of the page: it holds nothing of any space, and whoever has no key yet needs it to be asked for one.
pub(crate) fn is_asset(path: &str) -> bool {
    ASSETS.iter().any(|(known, _, _)| *known == path)
}

/// A file of the page.
pub(crate) async fn asset(uri: Uri) -> Response {
    let found = ASSETS.iter().find(|(path, _, _)| *path == uri.path());
    match found {
        Some((_, kind, bytes)) => ([(header::CONTENT_TYPE, *kind)], *bytes).into_response(),
        None => health::nowhere(uri).await.into_response(),
    }
}

/// Whether a browser asks: a program gets JSON at the same place.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
