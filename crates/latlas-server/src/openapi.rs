//! The OpenAPI document, made from the routes.

use std::sync::OnceLock;

use utoipa::OpenApi;

use crate::errors::{About, Problem};
use crate::routes::{
    bodies, embeddings, explorer, health, items, maps, points, probe, search, spaces,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latlas",
        description = "Spaces over HTTP: search, items, maps, upserts that last, and embeddings in OpenAI's shape.",
    ),
    paths(
        health::front,
        health::health,
        health::ready,
        health::metrics,
        health::openapi,
        spaces::list,
        spaces::about,
        items::items,
        maps::map,
        explorer::geometry::geometry,
        explorer::colours::list,
        explorer::colours::colours,
        explorer::select::select,
        explorer::trust::trust,
        search::search,
        points::put,
        points::delete,
        probe::probe,
        embeddings::models,
        embeddings::embed,
    ),
    components(schemas(
        bodies::SearchBody,
        bodies::SelectBody,
        bodies::PutBody,
        bodies::Point,
        bodies::DeleteBody,
        bodies::ProbeBody,
        bodies::EmbeddingsBody,
        bodies::Input,
        bodies::Encoding,
        Problem,
        About,
    ))
)]
struct Document;

/// The document as JSON.
pub(crate) fn document() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| Document::openapi().to_json().unwrap_or_default())
}
