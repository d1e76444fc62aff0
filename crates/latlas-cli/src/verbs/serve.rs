//! `latlas serve SPACE…`: spaces over HTTP.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use latlas::Result;
use latlas_server::{Access, Limits, Options, Server};
use serde_json::json;

use super::{Context, registry};
use crate::output::{counted, figure, log};
use crate::signals;

/// Serve spaces over HTTP: search, upserts that last, embeddings
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  latlas serve en.space\n  latlas serve en.space docs.space --port 8080 --read-only\n  \
                  curl localhost:7878/v1/spaces/en/search --json '{\"id\": \"river\", \"k\": 5}'\n\n\
                  docs/serve.md tells what can be asked; a running server does at /openapi.json."
)]
pub(crate) struct Args {
    /// The spaces; each is called by its name without the extension
    #[arg(required = true)]
    spaces: Vec<PathBuf>,
    /// The port; 0 takes one that is free
    #[arg(long, value_name = "N", default_value_t = 7878)]
    port: u16,
    /// The address; one that other machines can reach needs --api-key
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Change nothing, and follow what other programs publish
    #[arg(long)]
    read_only: bool,
    /// The key for everything; better given as LATLAS_SERVE_API_KEY, which others do not see
    #[arg(long, value_name = "KEY", hide_default_value = true)]
    api_key: Option<String>,
    /// A key for what changes nothing
    #[arg(long, value_name = "KEY", hide_default_value = true)]
    read_key: Option<String>,
    /// Pages of this origin may ask; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// A name beside localhost that this machine is called by; may be given several times
    #[arg(long, value_name = "NAME")]
    host_name: Vec<String>,

    /// Bytes of a body, in MB
    #[arg(long, value_name = "MB", default_value_t = 32, help_heading = "Limits")]
    max_body: usize,
    /// Neighbours of a search
    #[arg(long, value_name = "N", default_value_t = Limits::default().k, help_heading = "Limits")]
    max_k: usize,
    /// Vectors of a search, texts of an embedding, items of an upsert
    #[arg(long, value_name = "N", default_value_t = Limits::default().batch, help_heading = "Limits")]
    max_batch: usize,
    /// Requests at work; more are answered with 429
    #[arg(long, value_name = "N", default_value_t = Limits::default().in_flight, help_heading = "Limits")]
    max_requests: usize,
    /// Connections; more wait
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections, help_heading = "Limits")]
    max_connections: usize,
    /// Seconds a request may take
    #[arg(long, value_name = "S", default_value_t = 30, help_heading = "Limits")]
    timeout: u64,
    /// Seconds a client may keep the server waiting
    #[arg(long, value_name = "S", default_value_t = 10, help_heading = "Limits")]
    patience: u64,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    log::start(cx.out);
    let options = Options {
        spaces: args.spaces.clone(),
        host: args.host,
        port: args.port,
        threads: cx.threads,
        read_only: args.read_only,
        access: Access {
            api_key: args.api_key.clone(),
            read_key: args.read_key.clone(),
            cors_origins: args.cors_origin.clone(),
            host_names: args.host_name.clone(),
        },
        limits: Limits {
            body: args.max_body.saturating_mul(1 << 20),
            k: args.max_k,
            batch: args.max_batch,
            in_flight: args.max_requests,
            connections: args.max_connections,
            timeout: Duration::from_secs(args.timeout),
            patience: Duration::from_secs(args.patience),
        },
    };
    let server = Server::bind(options, registry())?;
    let address = format!("http://{}", server.address()?);
    for replayed in server.replayed() {
        cx.out.tell(&format!(
            "{}: {} from its log, put in place in {} s",
            replayed.path.display(),
            counted(replayed.changes as u64, "changes"),
            figure(replayed.took.as_secs_f64())
        ));
    }
    if cx.out.json() {
        let spaces: Vec<_> = { server.spaces() }
            .map(|(name, space)| json!({ "name": name, "count": space.count(), "generation": space.generation() }))
            .collect();
        let replayed: Vec<_> = { server.replayed().iter() }
            .map(|r| json!({ "space": r.path, "changes": r.changes, "seconds": r.took.as_secs_f64() }))
            .collect();
        cx.out.object(
            "serve",
            &json!({ "address": address, "spaces": spaces, "replayed": replayed }),
        )?;
    } else {
        let spaces: Vec<String> = { server.spaces() }
            .map(|(name, space)| format!("{name} ({})", counted(space.count() as u64, "items")))
            .collect();
        cx.out.result(&format!("{address}  {}", spaces.join(", ")))?;
        let open = if args.api_key.is_some() { "" } else { "; everyone on this machine may ask" };
        cx.out.say(&format!("Ctrl-C ends it{open}"));
    }
    server.run(signals::asked)
}
