//! Putting items in a space, and taking them away.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use latlas::Error;
use latlas::space::{Encoder, Given, place_text};
use serde_json::{Value, json};

use super::bodies::{DeleteBody, Point, PutBody};
use crate::app::{App, run};
use crate::arguments::{Body, Named};
use crate::errors::{Answer, Problem, Refusal};
use crate::guard::Ticket;
use crate::live::Wanted;

/// Puts items in a space; an answer means that they are on the disk, and found from now on. They are on no map until one is made
/// again, and marked so.
#[utoipa::path(post, path = "/v1/spaces/{space}/points", tag = "points",
    params(("space" = String, Path, description = "The space")),
    request_body = PutBody,
    responses(
        (status = 200, description = "How many were added, and how many replaced", body = Value),
        (status = 400, description = "An item does not fit", body = Problem),
        (status = 403, description = "The space is read only, or the key is", body = Problem),
        (status = 404, description = "There is no such space, or a text has no place", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 429, description = "Too many requests are at work, or changes waiting", body = Problem),
    ))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named(name): Named<String>,
    Body(body): Body<PutBody>,
) -> Answer<Json<Value>> {
    let served = app.space(&name)?.clone();
    let (n, most) = (body.points.len(), app.options.limits.batch);
    if n > most {
        return Err(Refusal::usage(format!("{n} items at once are more than {most}"))
            .help("send them in several requests"));
    }
    let (now, held) = (served.now(), ticket.clone());
    let fitting = move || {
        let mut encoder = None;
        let given = body.points.into_iter().map(|point| given(point, &now, &mut encoder));
        Ok(now.space.points(&given.collect::<Answer<Vec<Given>>>()?)?)
    };
    let points = app.compute(ticket, fitting).await?;
    let done = served.change(Wanted::Put(points)).await?;
    drop(held);
    let maps: Vec<String> = served.now().space.maps().iter().map(|map| map.name.clone()).collect();
    Ok(Json(json!({
        "added": done.changed.added, "replaced": done.changed.replaced, "count": done.count,
        "unplaced_on": maps,
    })))
}

/// Takes items away, by id or by a condition; an answer means that this is on the disk, and that they are not found any more.
#[utoipa::path(post, path = "/v1/spaces/{space}/points/delete", tag = "points",
    params(("space" = String, Path, description = "The space")),
    request_body = DeleteBody,
    responses(
        (status = 200, description = "How many were taken away", body = Value),
        (status = 400, description = "What was asked makes no sense", body = Problem),
        (status = 403, description = "The space is read only, or the key is", body = Problem),
        (status = 404, description = "There is no such space", body = Problem),
        (status = 429, description = "Too many requests are at work, or changes waiting", body = Problem),
    ))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    Body(body): Body<DeleteBody>,
) -> Answer<Json<Value>> {
    let wanted = match (body.ids, body.filter) {
        (Some(ids), None) => {
            let (n, most) = (ids.len(), app.options.limits.k);
            if n > most {
                return Err(Refusal::usage(format!("{n} ids at once are more than {most}")));
            }
            Wanted::Delete(ids)
        }
        (None, Some(condition)) => Wanted::DeleteWhere(condition),
        _ => return Err(Refusal::usage("give either ids or a filter")),
    };
    let done = app.space(&name)?.change(wanted).await?;
    Ok(Json(json!({ "deleted": done.changed.deleted, "count": done.count })))
}

/// An item as the space takes it; a text is placed by the encoder.
fn given(
    point: Point,
    now: &crate::live::Snapshot,
    encoder: &mut Option<Arc<dyn Encoder>>,
) -> Answer<Given> {
    let Point { id, vector, mut vectors, text, image_base64, columns } = point;
    let called: String = id.chars().take(80).collect();
    let main = vector.is_some() || vectors.contains_key("main");
    if usize::from(main) + usize::from(text.is_some()) + usize::from(image_base64.is_some()) != 1
        || vector.is_some() && vectors.contains_key("main")
    {
        return Err(Refusal::usage(format!(
            "item '{called}' has to be given by one of vector, vectors, text and image_base64"
        )));
    }
    if let Some(image) = image_base64 {
        let read = STANDARD.decode(image.as_bytes());
        read.map_err(|e| Refusal::usage(format!("the picture of item '{called}': {e}")))?;
        return Err(Refusal::usage("the encoder of this space takes no pictures")
            .help("give a vector or a text"));
    }
    if let Some(vector) = vector {
        vectors.insert("main".to_owned(), vector);
    }
    if let Some(text) = text {
        let encoder = match encoder {
            Some(encoder) => encoder,
            None => encoder.insert(now.generation.encoder()?),
        };
        let place = place_text(&**encoder, &text, &run())?.ok_or_else(|| {
            Error::nothing(format!("the text of item '{called}' has no place here"))
                .help("it holds no word that the encoder knows")
        })?;
        vectors.insert("main".to_owned(), place.vector);
    }
    Ok(Given { id, vectors, columns })
}
