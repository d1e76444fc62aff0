//! Questions to a space.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use latlas::index::{Query, Question, doesnt_match};
use serde_json::{Value, json};

use super::bodies::ProbeBody;
use super::shown::number;
use crate::app::App;
use crate::arguments::{Body, Named};
use crate::errors::{Answer, Problem, Refusal};
use crate::guard::Ticket;
use crate::live::Snapshot;

/// Asks a question: an analogy, or which of several items belongs least.
#[utoipa::path(post, path = "/v1/spaces/{space}/probe", tag = "probe",
    params(("space" = String, Path, description = "The space")),
    request_body = ProbeBody,
    responses(
        (status = 200, description = "The answer", body = Value),
        (status = 400, description = "What was asked makes no sense", body = Problem),
        (status = 404, description = "There is no such space or item", body = Problem),
        (status = 429, description = "Too many requests are at work", body = Problem),
    ))]
pub(crate) async fn probe(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named(name): Named<String>,
    Body(body): Body<ProbeBody>,
) -> Answer<Json<Value>> {
    let now = app.space(&name)?.now();
    let limits = app.options.limits.clone();
    app.compute(ticket, move || {
        let most = |n: usize, most: usize, what: &str| {
            if n <= most {
                Ok(())
            } else {
                Err(Refusal::usage(format!("{n} {what} are more than {most}")))
            }
        };
        match &body {
            ProbeBody::Analogy { plus, minus, k } => {
                most(plus.len() + minus.len(), limits.batch, "ids")?;
                let k = k.unwrap_or(10);
                limits.check_k(k)?;
                analogy(&now, plus, minus, k)
            }
            ProbeBody::Odd { ids } => {
                most(ids.len(), limits.batch, "ids")?;
                odd(&now, ids)
            }
        }
    })
    .await
}

fn analogy(now: &Snapshot, plus: &[String], minus: &[String], k: usize) -> Answer<Json<Value>> {
    let space = &now.space;
    let question = Question::sum(space, plus, minus)?;
    let field = space.field("main")?;
    let measure = field.about().geometry.measure();
    let point = question.compose(&field, measure)?;
    let engine = now.engine("main", measure, false)?;
    let hits = engine.index.search(&point, &Query::nearest(k).excluding(question.rows()))?;
    let hits: Vec<Value> = { hits.iter().enumerate() }
        .map(|(at, hit)| {
            json!({
                "rank": at + 1, "id": space.id(hit.row),
                "distance": number(hit.distance), "similarity": number(hit.similarity),
            })
        })
        .collect();
    Ok(Json(json!({ "probe": "analogy", "question": question.to_string(), "hits": hits })))
}

fn odd(now: &Snapshot, ids: &[String]) -> Answer<Json<Value>> {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let found = doesnt_match(&now.space, &ids)?;
    let belonging: Vec<Value> = { found.iter() }
        .map(|&(row, mean)| json!({ "id": now.space.id(row), "mean_cosine": mean }))
        .collect();
    let odd = found.first().map(|&(row, _)| now.space.id(row));
    Ok(Json(json!({ "probe": "odd", "odd": odd, "belonging": belonging })))
}
