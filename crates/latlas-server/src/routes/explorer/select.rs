//! Items that fulfil a condition, or hold letters, as a bit each.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::Response;
use latlas::items::ColumnKind;

use super::binary;
use crate::app::App;
use crate::arguments::{Body, Named};
use crate::errors::{Answer, Problem, Refusal};
use crate::guard::Ticket;
use crate::live::Snapshot;
use crate::routes::bodies::SelectBody;

/// Items that fulfil a condition, or whose id or text contains letters (capitals count as small): bit k % 8 of byte k / 8 is the item of
/// place k. `X-Latlas-Selected` says how many.
#[utoipa::path(post, path = "/v1/spaces/{space}/select", tag = "search",
    params(("space" = String, Path, description = "The space")),
    request_body = SelectBody,
    responses(
        (status = 200, description = "A bit an item", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "What was asked makes no sense", body = Problem),
        (status = 404, description = "There is no such space", body = Problem),
    ))]
pub(crate) async fn select(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named(space): Named<String>,
    Body(body): Body<SelectBody>,
) -> Answer<Response> {
    let now = app.space(&space)?.now();
    app.compute(ticket, move || {
        let mut bits = vec![0_u8; now.places().count().div_ceil(8)];
        match (&body.filter, &body.containing) {
            (Some(condition), None) => {
                let rows = now.fulfilling(condition)?;
                let places = rows.iter().filter_map(|row| now.places().place(row));
                places.for_each(|place| bits[place / 8] |= 1 << (place % 8));
            }
            (None, Some(letters)) => containing(&now, letters, &mut bits)?,
            _ => return Err(Refusal::usage("ask in one way").help("filter, or containing")),
        }
        let count: u32 = bits.iter().map(|byte| byte.count_ones()).sum();
        let mut answer = binary(&now, bits.into());
        answer.headers_mut().insert("x-latlas-selected", HeaderValue::from(count));
        Ok(answer)
    })
    .await
}

fn containing(now: &Snapshot, letters: &str, bits: &mut [u8]) -> Answer<()> {
    let wanted = letters.to_lowercase();
    let holds = |text: &str| {
        // Most text is ASCII: that is compared where it lies.
        if wanted.is_ascii() && text.is_ascii() {
            let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
            return wanted.is_empty()
                || text.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted));
        }
        text.to_lowercase().contains(&wanted)
    };
    for (place, row) in now.space.live().enumerate() {
        if holds(now.space.id(row)) {
            bits[place / 8] |= 1 << (place % 8);
        }
    }
    let texts = [ColumnKind::Text, ColumnKind::Category];
    let columns = now.space.columns().iter().filter(|(_, kind)| texts.contains(kind));
    for (name, _) in columns {
        let items = now.space.items(Some(&[name]))?;
        let Some(values) = items.column(name).and_then(|c| c.values.as_string_opt::<i32>()) else {
            continue;
        };
        for (place, value) in values.iter().enumerate() {
            if value.is_some_and(holds) {
                bits[place / 8] |= 1 << (place % 8);
            }
        }
    }
    Ok(())
}
