//! Who may come in: keys, hosts, and how many at once.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use latlas::Error;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::errors::Refusal;
use crate::options::{Access, Options};
use crate::routes::explorer::assets::{is_asset, wants_page};

/// What a request that was let in carries: its place among those at work, which it holds until the last of its work is done.
#[derive(Clone)]
pub(crate) struct Ticket {
    _place: Arc<OwnedSemaphorePermit>,
    /// The most bytes of its body.
    pub(crate) body: usize,
}

/// How many are at work.
pub(crate) struct Gate {
    places: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(options: &Options) -> Self {
        Gate { places: Arc::new(Semaphore::new(options.limits.in_flight)) }
    }

    /// How many places are free.
    pub(crate) fn free(&self) -> usize {
        self.places.available_permits()
    }
}

/// Lets a request through, or says why not. What takes longer than the limit is given up.
pub(crate) async fn guard(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let open = matches!(path, "/health" | "/ready");
    if !open {
        let page = is_asset(path) && (path != "/" || wants_page(request.headers()));
        let admitted = if page {
            // Not under another name, all the same.
            match app.options.access.api_key {
                None => known_host(&app.options.access, request.headers()),
                Some(_) => Ok(()),
            }
        } else {
            admit(&app.options.access, request.method(), request.uri(), request.headers())
        };
        if let Err(refusal) = admitted {
            return refusal.into_response();
        }
        let Ok(place) = app.gate.places.clone().try_acquire_owned() else {
            return Refusal::busy("too many requests are at work").into_response();
        };
        let ticket = Ticket { _place: Arc::new(place), body: app.options.limits.body };
        request.extensions_mut().insert(ticket);
    }
    match tokio::time::timeout(app.options.limits.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::late().into_response(),
    }
}

fn admit(access: &Access, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(api_key) = &access.api_key else { return known_host(access, headers) };
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    let given = given.and_then(|given| given.split_once(' '));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, given)) = given else {
        let error = Error::usage("a key is needed").help("send 'Authorization: Bearer KEY'");
        return Err(Refusal::denied(StatusCode::UNAUTHORIZED, error));
    };
    let is = |key: &str| bool::from(given.trim().as_bytes().ct_eq(key.as_bytes()));
    let reads = access.read_key.as_deref().is_some_and(is);
    if is(api_key) || (reads && !changes(method, uri.path())) {
        return Ok(());
    }
    Err(if reads {
        Refusal::denied(StatusCode::FORBIDDEN, Error::usage("this key lets nothing be changed"))
    } else {
        Refusal::denied(StatusCode::UNAUTHORIZED, Error::usage("this key is not known here"))
    })
}

/// Whether a request changes something. What is new here is taken to do so until it is named.
fn changes(method: &Method, path: &str) -> bool {
    let asks =
        ["/search", "/select", "/probe", "/v1/embeddings"].iter().any(|end| path.ends_with(end));
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    !(reads || asks && method == Method::POST)
}

/// Without keys only this machine may ask, and not a page that a browser was tricked into taking for it (DNS rebinding).
fn known_host(access: &Access, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let local = name.is_empty()
        || name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if local || access.host_names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    let error = Error::usage(format!("this server is not '{shown}'"))
        .help("ask for localhost, or name the host with --host-name");
    Err(Refusal::denied(StatusCode::FORBIDDEN, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(access: &Access, method: &Method, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.insert(name, value.parse().unwrap());
        }
        let done = admit(access, method, &path.parse().unwrap(), &map);
        done.map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn keys_open_what_they_are_for() {
        let (full, read) = ("k".repeat(20), "r".repeat(20));
        let access = Access {
            api_key: Some(full.clone()),
            read_key: Some(read.clone()),
            ..Access::default()
        };
        let with = |method: &Method, path: &str, key: &str| {
            status(&access, method, path, &[("authorization", &format!("Bearer {key}"))])
        };
        let search = "/v1/spaces/en/search";
        let points = "/v1/spaces/en/points";
        assert_eq!(status(&access, &Method::GET, "/v1/spaces", &[]), 401);
        assert_eq!(with(&Method::POST, points, &full), 200);
        assert_eq!(with(&Method::POST, search, &read), 200);
        assert_eq!(with(&Method::GET, "/v1/spaces", &read), 200);
        assert_eq!(with(&Method::POST, points, &read), 403);
        assert_eq!(with(&Method::DELETE, points, &read), 403);
        assert_eq!(with(&Method::POST, "/v1/spaces/en/points/delete", &read), 403);
        assert_eq!(with(&Method::POST, search, "kkkk"), 401);
        assert_eq!(status(&access, &Method::GET, "/", &[("authorization", "Basic a2tr")]), 401);
    }

    #[test]
    fn without_keys_only_this_machine_is_answered() {
        let access = Access { host_names: vec!["atlas.lan".into()], ..Access::default() };
        let host = |host: &str| status(&access, &Method::GET, "/v1/spaces", &[("host", host)]);
        for known in ["localhost:7878", "LOCALHOST", "127.0.0.1:7878", "[::1]:7878", "atlas.lan:80"]
        {
            assert_eq!(host(known), 200, "{known}");
        }
        for unknown in ["evil.example", "127.0.0.1.evil.example:7878", "localhost.evil.example"] {
            assert_eq!(host(unknown), 403, "{unknown}");
        }
    }
}
