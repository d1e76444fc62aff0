//! Where the items of a map lie.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::binary;
use crate::app::App;
use crate::arguments::Named;
use crate::errors::{Answer, Problem};
use crate::guard::Ticket;

/// Positions of all items in 16 bits each, in their order, little endian: "LTLG", version 1, count, 0 (u32 each), the ends of x and of y
/// (f32, as far apart), all x, all y (u16). 65535: not on this map; else the position is min + v / 65534 · (max − min).
#[utoipa::path(get, path = "/v1/spaces/{space}/maps/{map}/geometry", tag = "maps",
    params(("space" = String, Path, description = "The space"), ("map" = String, Path, description = "The map")),
    responses(
        (status = 200, description = "The positions", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such space or map", body = Problem),
    ))]
pub(crate) async fn geometry(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named((space, map)): Named<(String, String)>,
) -> Answer<Response> {
    let now = app.space(&space)?.now();
    app.compute(ticket, move || {
        let drawn = now.drawn(&map)?;
        Ok(binary(&now, drawn.bytes.clone()))
    })
    .await
}
