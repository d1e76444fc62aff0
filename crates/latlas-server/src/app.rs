//! What all requests share, and the table of routes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use latlas::space::Registry;
use latlas::{Error, Result, Run, Silent};
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::errors::{Answer, Refusal};
use crate::guard::{Gate, Ticket, guard};
use crate::live::{Replayed, Served};
use crate::metrics::{self, Metrics};
use crate::options::Options;
use crate::routes::{embeddings, explorer, health, items, maps, points, probe, search, spaces};

/// What all requests share.
pub(crate) struct App {
    pub(crate) options: Options,
    pub(crate) spaces: BTreeMap<String, Arc<Served>>,
    pub(crate) gate: Gate,
    pub(crate) metrics: Metrics,
    /// As many places as there are threads to compute.
    computing: Arc<Semaphore>,
    closing: AtomicBool,
}

impl App {
    pub(crate) fn open(options: Options, registry: Registry) -> Result<(Self, Vec<Replayed>)> {
        let registry = Arc::new(registry);
        let (mut spaces, mut replayed) = (BTreeMap::new(), Vec::new());
        for path in &options.spaces {
            let name = name(path)?;
            if spaces.contains_key(&name) {
                return Err(Error::usage(format!("two spaces are called '{name}'"))
                    .help("give one of the folders another name"));
            }
            let registry = registry.clone();
            let (served, found) =
                Served::open(&name, path, options.read_only, registry, options.threads)?;
            replayed.extend(found);
            spaces.insert(name, served);
        }
        let app = App {
            gate: Gate::new(&options),
            metrics: Metrics::new(),
            computing: Arc::new(Semaphore::new(options.threads.max(1))),
            closing: AtomicBool::new(false),
            spaces,
            options,
        };
        Ok((app, replayed))
    }

    /// A space by name.
    pub(crate) fn space(&self, name: &str) -> Answer<&Arc<Served>> {
        self.spaces.get(name).ok_or_else(|| {
            let shown: String = name.chars().take(80).collect();
            let known: Vec<&str> = self.spaces.keys().map(String::as_str).collect();
            Error::nothing(format!("there is no space '{shown}' here"))
                .help(format!("there is: {}", known.join(", ")))
                .into()
        })
    }

    /// Does what takes a while on a thread that may be kept busy. The request counts as at work until it is done, even if no one
    /// waits for it any more.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        ticket: Ticket,
        work: impl FnOnce() -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let place = self.computing.clone().acquire_owned().await.map_err(|_| Refusal::closing())?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((place, ticket));
            done
        });
        done.await.unwrap_or_else(|_| {
            let error = Error::data("this request met a fault of the server");
            Err(Refusal::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "fault", error)
                .help("please report it, with what was asked"))
        })
    }

    /// Whether no more requests should come.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(crate) fn close_doors(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Looks whether other programs have published generations of what is read only.
    pub(crate) fn follow(&self) {
        for (name, served) in &self.spaces {
            match served.follow() {
                Ok(false) => {}
                Ok(true) => {
                    tracing::info!(
                        space = name,
                        generation = served.now().space.generation(),
                        "read again"
                    );
                }
                Err(error) => tracing::warn!(space = name, %error, "stays as it was"),
            }
        }
    }

    /// Makes all changes part of the spaces.
    pub(crate) fn close(&self) -> Result<()> {
        let mut done = Ok(());
        for served in self.spaces.values() {
            done = done.and(served.close());
        }
        done
    }
}

/// The circumstances of a computation for a request.
pub(crate) fn run() -> Run<'static> {
    Run { seed: 42, threads: 1, progress: &Silent, checkpoint: None }
}

/// What a space is called.
fn name(path: &Path) -> Result<String> {
    let name = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = name.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| Error::usage(format!("{} is no name for a space", path.display())))
}

/// All routes, and what stands before them.
pub(crate) fn router(app: Arc<App>) -> Router {
    let routes = Router::new()
        .route("/", get(health::front))
        .route("/icon.svg", get(explorer::assets::asset))
        .route("/explorer.js", get(explorer::assets::asset))
        .route("/explorer.css", get(explorer::assets::asset))
        .route("/raster-worker.js", get(explorer::assets::asset))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(health::openapi))
        .route("/v1/models", get(embeddings::models))
        .route("/v1/embeddings", post(embeddings::embed))
        .route("/v1/spaces", get(spaces::list))
        .route("/v1/spaces/{space}", get(spaces::about))
        .route("/v1/spaces/{space}/items", get(items::items))
        .route("/v1/spaces/{space}/maps/{map}", get(maps::map))
        .route("/v1/spaces/{space}/maps/{map}/geometry", get(explorer::geometry::geometry))
        .route("/v1/spaces/{space}/maps/{map}/trust", get(explorer::trust::trust))
        .route("/v1/spaces/{space}/colours", get(explorer::colours::list))
        .route("/v1/spaces/{space}/colours/{column}", get(explorer::colours::colours))
        .route("/v1/spaces/{space}/select", post(explorer::select::select))
        .route("/v1/spaces/{space}/search", post(search::search))
        .route("/v1/spaces/{space}/points", post(points::put).delete(points::delete))
        .route("/v1/spaces/{space}/points/delete", post(points::delete))
        .route("/v1/spaces/{space}/probe", post(probe::probe))
        .fallback(health::nowhere)
        .method_not_allowed_fallback(health::not_so);
    let always = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let routes = routes
        .layer(from_fn_with_state(app.clone(), guard))
        .layer(from_fn_with_state(app.clone(), metrics::measure))
        .layer(always(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; frame-ancestors 'none'",
        ))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(header::CACHE_CONTROL, "no-store"));
    let routes = match cors(&app.options.access.cors_origins) {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    routes.with_state(app)
}

fn cors(origins: &[String]) -> Option<CorsLayer> {
    let listed: Vec<HeaderValue> = origins.iter().filter_map(|o| o.parse().ok()).collect();
    let allowed = match origins {
        [] => return None,
        all if all.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        _ => AllowOrigin::list(listed),
    };
    let layer = CorsLayer::new().allow_origin(allowed);
    let layer = layer.allow_methods([Method::GET, Method::POST, Method::DELETE]);
    Some(layer.allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]))
}
