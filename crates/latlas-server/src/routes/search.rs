//! Search: by id, by a sum of ids, by text, by vector.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json};
use latlas::geometry::Measure;
use latlas::index::{Hit, Match, Query, Question, fused};
use latlas::space::{TextPlace, place_text};
use latlas::{Error, Result, Row};
use serde_json::{Map, Value, json};

use super::bodies::SearchBody;
use super::explorer::with_state;
use super::shown::{Shown, number};
use crate::app::{App, run};
use crate::arguments::{Body, Named};
use crate::errors::{Answer, Problem, Refusal};
use crate::guard::Ticket;
use crate::live::{Engine, Kind, Snapshot};

/// Items of each answer that are fused, at least.
const BOTH: usize = 100;

/// The nearest items.
#[utoipa::path(post, path = "/v1/spaces/{space}/search", tag = "search",
    params(("space" = String, Path, description = "The space")),
    request_body = SearchBody,
    responses(
        (status = 200, description = "The hits, closest first, and how they were found", body = Value),
        (status = 400, description = "What was asked makes no sense", body = Problem),
        (status = 404, description = "There is no such space, item, or place", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 429, description = "Too many requests are at work", body = Problem),
    ))]
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    Extension(ticket): Extension<Ticket>,
    Named(name): Named<String>,
    Body(body): Body<SearchBody>,
) -> Answer<Response> {
    let now = app.space(&name)?.now();
    let limits = &app.options.limits;
    let k = body.k.unwrap_or(if body.within.is_some() { limits.k.min(1000) } else { 10 });
    limits.check_k(k)?;
    if body.effort.is_some_and(|effort| effort == 0 || effort > 10 * limits.k) {
        return Err(Refusal::usage(format!("effort has to be 1 to {}", 10 * limits.k)));
    }
    let points = body.vectors.as_ref().map_or(0, Vec::len);
    if points > limits.batch {
        return Err(Refusal::usage(format!("{points} vectors are more than {}", limits.batch)));
    }
    if points.saturating_mul(k) > limits.k * 10 {
        let most = limits.k * 10;
        return Err(Refusal::usage(format!("{points} × {k} neighbours are more than {most}")));
    }
    app.compute(ticket, move || {
        let answer = Asked { now: &now, body: &body, k }.answer()?;
        Ok(with_state(&now, Json(answer)))
    })
    .await
}

struct Asked<'a> {
    now: &'a Snapshot,
    body: &'a SearchBody,
    k: usize,
}

impl Asked<'_> {
    fn answer(&self) -> Answer<Value> {
        let body = self.body;
        let ids = body.id.is_some()
            || body.place.is_some()
            || !body.plus.is_empty()
            || !body.minus.is_empty();
        let ways = [ids, body.text.is_some(), body.vector.is_some(), body.vectors.is_some()];
        if ways.iter().filter(|&&way| way).count() != 1 {
            return Err(Refusal::usage("ask in one way")
                .help("id, plus and minus, text, vector, or vectors"));
        }
        if body.hybrid && body.text.is_none() {
            return Err(Refusal::usage("hybrid is for a text"));
        }
        let filter = body.filter.as_deref().map(|c| self.now.fulfilling(c)).transpose()?;
        let q = Query { k: self.k, exclude: Vec::new(), filter, effort: body.effort };
        if let Some(text) = &body.text {
            return self.text(text, &q);
        }
        let field = body.field.as_deref().unwrap_or("main");
        let vectors = self.now.space.field(field)?;
        let measure = vectors.about().geometry.measure();
        let engine = self.now.engine(field, measure, body.exact)?;
        if let Some(points) = &body.vectors {
            let answers = points.iter().map(|point| {
                let hits = self.near(&engine, point, &q)?;
                Ok(json!({ "hits": self.hits(&hits)? }))
            });
            let answers: Vec<Value> = answers.collect::<Answer<_>>()?;
            return Ok(json!({
                "answers": answers, "metric": measure.name(), "index": told(&engine, &q),
            }));
        }
        if let Some(point) = &body.vector {
            let reading = format!("a vector of {} numbers", point.len());
            return self.close(&self.near(&engine, point, &q)?, &reading, measure, &engine, &q);
        }
        let of_place = body.place.map(|place| self.now.row(place)).transpose()?;
        let of_place = of_place.map(|row| self.now.space.id(row).to_owned());
        let plus = body.id.iter().chain(&of_place).chain(&body.plus);
        let question = Question::sum(&self.now.space, plus, &body.minus)?;
        let point = question.compose(&vectors, measure)?;
        let q = q.excluding(question.rows());
        let hits = self.near(&engine, &point, &q)?;
        self.close(&hits, &question.to_string(), measure, &engine, &q)
    }

    fn near(&self, engine: &Engine, point: &[f32], q: &Query) -> Result<Vec<Hit>> {
        match self.body.within {
            Some(distance) => engine.index.within(point, distance, q),
            None => engine.index.search(point, q),
        }
    }

    fn text(&self, text: &str, q: &Query) -> Answer<Value> {
        let space = &self.now.space;
        if space.model().is_none() {
            let none = || {
                Error::usage("this space has no encoder, and no text to look for words in")
                    .help("ask by id or by vector")
            };
            let (words, columns) = self.now.words().map_err(|_| none())?;
            let found = words.search(text, q);
            let reading = format!("a text, by its words (BM25) in {}", columns.join(", "));
            return Ok(
                json!({ "reading": reading, "metric": "bm25", "hits": self.scored(&found)? }),
            );
        }
        let encoder = self.now.generation.encoder()?;
        let nowhere = || {
            Error::nothing("this text has no place here")
                .help("it holds no word that the encoder knows")
        };
        let TextPlace { vector, reading } =
            place_text(&*encoder, text, &run())?.ok_or_else(nowhere)?;
        let measure = space.field("main")?.about().geometry.measure();
        let engine = self.now.engine("main", measure, self.body.exact)?;
        if !self.body.hybrid {
            let hits = self.near(&engine, &vector, q)?;
            return self.close(&hits, &reading.to_string(), measure, &engine, q);
        }
        let (words, columns) = self.now.words()?;
        let all = Query { k: BOTH.max(self.k), ..q.clone() };
        let close: Vec<Row> =
            engine.index.search(&vector, &all)?.iter().map(|hit| hit.row).collect();
        let holding = words.search(text, &all).iter().map(|found| found.row).collect();
        let found = fused(&[close, holding], self.k);
        let reading = format!(
            "{reading}, and by its words (BM25) in {}; both fused by rank",
            columns.join(", ")
        );
        Ok(json!({
            "reading": reading, "metric": "fused", "hits": self.scored(&found)?, "index": told(&engine, &all),
        }))
    }

    fn close(
        &self,
        hits: &[Hit],
        reading: &str,
        measure: Measure,
        engine: &Engine,
        q: &Query,
    ) -> Answer<Value> {
        Ok(json!({
            "reading": reading, "metric": measure.name(), "hits": self.hits(hits)?, "index": told(engine, q),
        }))
    }

    fn hits(&self, hits: &[Hit]) -> Result<Vec<Value>> {
        let rows: Vec<Row> = hits.iter().map(|hit| hit.row).collect();
        self.shown(&rows, &|at, out| {
            out.insert("distance".into(), number(hits[at].distance));
            out.insert("similarity".into(), number(hits[at].similarity));
        })
    }

    fn scored(&self, found: &[Match]) -> Result<Vec<Value>> {
        let rows: Vec<Row> = found.iter().map(|found| found.row).collect();
        self.shown(&rows, &|at, out| {
            out.insert("score".into(), found[at].score.into());
        })
    }

    fn shown(
        &self,
        rows: &[Row],
        figures: &dyn Fn(usize, &mut Map<String, Value>),
    ) -> Result<Vec<Value>> {
        let field = self.body.field.as_deref().unwrap_or("main");
        let vectors_of = self.body.with_vectors.then_some(field);
        let shown = Shown::of(&self.now.space, rows, &self.body.columns, vectors_of)?;
        let hits = rows.iter().enumerate().map(|(at, &row)| {
            let mut hit = Map::new();
            hit.insert("rank".into(), (at + 1).into());
            hit.insert("place".into(), self.now.places().place(row).into());
            shown.write(at, row, &mut hit);
            figures(at, &mut hit);
            Value::Object(hit)
        });
        Ok(hits.collect())
    }
}

/// How far an answer may be trusted: whether every vector was compared, or what the index was measured to find.
fn told(engine: &Engine, q: &Query) -> Value {
    match engine.kind {
        Kind::Exact => json!({ "kind": "exact", "recall": 1.0 }),
        Kind::Graph { precision, effort, recall } => {
            let held = precision.held_as();
            let own = q.effort.is_none_or(|asked| asked == effort);
            json!({
                "kind": "hnsw", "held": held, "effort": q.effort.unwrap_or(effort),
                "recall": recall.filter(|_| own).map(|recall| (1e4 * recall).round() / 1e4),
            })
        }
    }
}
