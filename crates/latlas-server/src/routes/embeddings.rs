//! Texts as vectors, in the shape of OpenAI's API, so that its clients work.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use latlas::Error;
use latlas::space::place_text;
use serde_json::{Value, json};

use super::bodies::{EmbeddingsBody, Encoding, Input};
use super::shown::number;
use crate::app::{App, run};
use crate::arguments::Body;
use crate::errors::{Answer, Problem, Refusal};
use crate::guard::Ticket;

/// The spaces whose encoder places texts.
#[utoipa::path(get, path = "/v1/models", tag = "openai", responses((status = 200, description = "Their names", body = Value)))]
pub(crate) async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let places = app.spaces.iter().filter(|(_, served)| served.now().space.model().is_some());
    let models: Vec<Value> = places
        .map(|(name, _)| json!({ "id": name, "object": "model", "created": 0, "owned_by": "latlas" }))
        .collect();
    Json(json!({ "object": "list", "data": models }))
}

/// Places texts in a space.
#[utoipa::path(post, path = "/v1/embeddings", tag = "openai", request_body = EmbeddingsBody,
    responses(
        (status = 200, description = "A vector each", body = Value),
        (status = 400, description = "What was asked makes no sense", body = Problem),
        (status = 404, description = "There is no such space, or a text has no place in it", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 429, description = "Too many requests are at work", body = Problem),
    ))]
pub(crate) async fn embed(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Body(body): Body<EmbeddingsBody>,
) -> Answer<Json<Value>> {
    let now = app.space(&body.model)?.now();
    let texts = match body.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
        Input::Tokens(_) | Input::ManyTokens(_) => {
            return Err(Refusal::usage("this server has no tokens").help("send texts"));
        }
    };
    let most = app.options.limits.batch;
    if texts.is_empty() || texts.len() > most {
        return Err(Refusal::usage(format!("{} texts are not 1 to {most}", texts.len())));
    }
    let dim = now.space.field("main")?.dim();
    if body.dimensions.is_some_and(|wanted| wanted != dim) {
        return Err(Refusal::usage(format!("the vectors of '{}' have {dim} numbers", body.model))
            .help("leave out dimensions"));
    }
    let format = body.encoding_format.unwrap_or(Encoding::Float);
    app.compute(ticket, move || {
        let encoder = now.generation.encoder()?;
        let mut data = Vec::with_capacity(texts.len());
        let mut words = 0;
        for (at, text) in texts.iter().enumerate() {
            let place = place_text(&*encoder, text, &run())?.ok_or_else(|| {
                Error::nothing(format!("text {} has no place in '{}'", at + 1, body.model))
                    .help("it holds no word that the encoder knows")
            })?;
            words += text.split_whitespace().count();
            let vector: Value = match format {
                Encoding::Float => place.vector.into_iter().map(number).collect(),
                Encoding::Base64 => {
                    let bytes: Vec<u8> =
                        place.vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                    STANDARD.encode(bytes).into()
                }
            };
            data.push(json!({ "object": "embedding", "index": at, "embedding": vector }));
        }
        Ok(Json(json!({
            "object": "list", "data": data, "model": body.model,
            "usage": { "prompt_tokens": words, "total_tokens": words },
        })))
    })
    .await
}
