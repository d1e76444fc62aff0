//! What is counted and timed: `/metrics`, in the format of Prometheus.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::app::App;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    space: String,
}

/// The counters of a server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Asked, Counter>,
    seconds: Family<Route, Histogram>,
    at_work: Gauge,
    items: Family<Of, Gauge>,
    changes: Family<Of, Gauge>,
    generation: Family<Of, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("latlas");
        // From 50 µs to 13 s.
        let timed = || Histogram::new(exponential_buckets(5e-5, 2.0, 19));
        let metrics = Metrics {
            requests: Family::default(),
            seconds: Family::new_with_constructor(timed),
            at_work: Gauge::default(),
            items: Family::default(),
            changes: Family::default(),
            generation: Family::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Requests answered", metrics.requests.clone());
        registry.register("request_seconds", "From head to answer", metrics.seconds.clone());
        registry.register("requests_at_work", "Requests at work", metrics.at_work.clone());
        registry.register("items", "Live items of a space", metrics.items.clone());
        registry.register("changes", "Changes in a space's log", metrics.changes.clone());
        registry.register("generation", "A space's generation", metrics.generation.clone());
        Metrics { registry, ..metrics }
    }

    /// All figures as text.
    pub(crate) fn text(&self, app: &App) -> Result<String, std::fmt::Error> {
        self.at_work.set((app.options.limits.in_flight - app.gate.free()) as i64);
        for (name, served) in &app.spaces {
            let (space, of) = (served.now().space.clone(), Of { space: name.clone() });
            self.items.get_or_create(&of).set(space.count() as i64);
            self.changes.get_or_create(&of).set(space.changes() as i64);
            self.generation.get_or_create(&of).set(space.generation() as i64);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts and times a request.
pub(crate) async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let response = next.run(request).await;
    let (took, status) = (begun.elapsed(), response.status().as_u16());
    tracing::info!(method, route, status, ms = took.as_secs_f64() * 1e3, "answered");
    app.metrics.seconds.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
    app.metrics.requests.get_or_create(&Asked { method, route, status }).inc();
    response
}
