//! Connections: accepting them, how long they may take, and letting them come to their end.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use latlas::{Error, Result};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::patience::Patient;

/// Connections that the system keeps for us until we accept them.
const QUEUE: i32 = 1024;
/// How often it is asked whether to stop.
const ASKED: Duration = Duration::from_millis(50);
/// How often it is looked for what other programs have published.
const FOLLOWED: Duration = Duration::from_secs(2);
/// The largest head of a request, in bytes.
const HEAD: usize = 64 << 10;

/// Listens on an address.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?; // a server that was stopped can be started at once
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(QUEUE)?;
        Ok(TcpListener::from(socket))
    };
    listen().map_err(|e: std::io::Error| {
        let error = Error::io("listen on", address.to_string(), &e);
        match e.kind() {
            std::io::ErrorKind::AddrInUse => error.help("choose another port: --port 7879"),
            _ => error,
        }
    })
}

/// Answers on a listener until it is to stop, and then until what has begun is answered.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    stop: impl Fn() -> bool + Send + 'static,
) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)
        .map_err(|e| Error::io("listen on", "this address", &e))?;
    let router = crate::app::router(app.clone());
    let places = Arc::new(Semaphore::new(app.options.limits.connections));
    if app.options.read_only {
        tokio::spawn(follow(app.clone()));
    }
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = asked(&stop) => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let connection = connection(stream, &app, router.clone());
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    app.close_doors();
    // What has begun has as long as it would have had.
    let longest = app.options.limits.timeout + app.options.limits.patience;
    let _ = tokio::time::timeout(longest, graceful.shutdown()).await;
    Ok(())
}

fn connection(
    stream: tokio::net::TcpStream,
    app: &App,
    router: Router,
) -> http1::Connection<TokioIo<Patient>, TowerToHyperService<Router>> {
    let patience = app.options.limits.patience;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(HEAD).keep_alive(true);
    let stream = TokioIo::new(Patient::new(stream, patience));
    http.serve_connection(stream, TowerToHyperService::new(router))
}

/// The next connection, when there is room for it. The system may be short of something for a moment.
async fn accept(
    listener: &tokio::net::TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(ASKED).await;
            None
        }
    }
}

/// Reads again what other programs publish.
async fn follow(app: Arc<App>) {
    loop {
        tokio::time::sleep(FOLLOWED).await;
        let app = app.clone();
        let _ = tokio::task::spawn_blocking(move || app.follow()).await;
    }
}

async fn asked(stop: &(impl Fn() -> bool + Send)) {
    while !stop() {
        tokio::time::sleep(ASKED).await;
    }
}
