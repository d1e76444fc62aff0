//! Spaces over HTTP: search by id, vector or text, items and maps, upserts and deletes that last, embeddings in OpenAI's shape.
//!
//! ```text
//! connections ──▶ guard (keys, hosts, limits) ──▶ routes ──▶ live: a snapshot to read, one writer a space
//! ```
//! A request reads one snapshot from beginning to end. Writes go through one thread a space, which puts them in the log, waits
//! for the disk once for all that have come meanwhile, and then shows them to everyone. `docs/serve.md` is the manual.

mod app;
mod arguments;
mod connections;
mod errors;
mod guard;
mod live;
mod metrics;
mod openapi;
mod options;
mod patience;
mod routes;

use std::net::SocketAddr;
use std::sync::Arc;

use latlas::space::Registry;
use latlas::{Error, Result, Space};

use app::App;
pub use live::Replayed;
pub use options::{Access, Limits, Options};

#[doc(hidden)] // public for fuzzing
pub use routes::bodies;

/// A server that listens, and is yet to answer.
pub struct Server {
    listener: std::net::TcpListener,
    app: Arc<App>,
    replayed: Vec<Replayed>,
}

impl Server {
    /// Opens the spaces, takes the locks of those that may be written, and listens. `registry` knows the encoders.
    ///
    /// Errors: two spaces of one name, one that another program writes, an address that is taken, or one beyond this machine
    /// without a key.
    pub fn bind(options: Options, registry: Registry) -> Result<Self> {
        options.check()?;
        let address = SocketAddr::new(options.host, options.port);
        let listener = connections::listen(address)?;
        let (app, replayed) = App::open(options, registry)?;
        Ok(Server { listener, app: Arc::new(app), replayed })
    }

    /// Where it listens: with port 0, the one that the system chose.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|e| Error::io("listen on", "this address", &e))
    }

    /// The spaces it serves, by name.
    pub fn spaces(&self) -> impl Iterator<Item = (&str, Space)> {
        self.app.spaces.iter().map(|(name, served)| (name.as_str(), served.now().space.clone()))
    }

    /// What was found in the logs of the spaces.
    pub fn replayed(&self) -> &[Replayed] {
        &self.replayed
    }

    /// Answers until `stop` says so, which is asked a few times a second; then lets what has begun come to its end, and makes all
    /// changes part of the spaces.
    pub fn run(self, stop: impl Fn() -> bool + Send + 'static) -> Result<()> {
        let Server { listener, app, .. } = self;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(app.options.threads.max(1))
            // As many as compute at once, and one that looks what others publish: each keeps memory of its own.
            .max_blocking_threads(app.options.threads.max(1) + 1)
            .thread_name("latlas-serve")
            .enable_all()
            .build()
            .map_err(|e| Error::io("start", "the server", &e))?;
        runtime.block_on(connections::serve(listener, app.clone(), stop))?;
        runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        app.close()
    }
}
