//! What a server is told.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use latlas::{Error, Result};

/// What is served, where, to whom, and how much at once.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folders of the spaces. Each is called by its name without the extension: `en.space` is `en`.
    pub spaces: Vec<PathBuf>,
    /// The address to listen on; beyond this machine (loopback) a key is needed.
    pub host: IpAddr,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// Threads that search and place; searches beyond wait for one.
    pub threads: usize,
    /// Takes no locks, changes nothing, and follows what other programs publish.
    pub read_only: bool,
    /// Who may do what.
    pub access: Access,
    /// How much at once.
    pub limits: Limits,
}

/// Who may do what.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Lets everything be done. With none, everyone on this machine may.
    pub api_key: Option<String>,
    /// Lets everything be done that changes nothing.
    pub read_key: Option<String>,
    /// Pages of these origins may ask ("https://example.org"; "*" for all).
    pub cors_origins: Vec<String>,
    /// Names beside `localhost` that requests may call this server by where there is no key: what else a browser asks for was sent
    /// here by a page that pretends to be this machine.
    pub host_names: Vec<String>,
}

/// How much at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body. More is answered with 413.
    pub body: usize,
    /// Neighbours of a search. More is answered with 400.
    pub k: usize,
    /// Vectors of a search, texts of an embedding, items of an upsert. More is answered with 400.
    pub batch: usize,
    /// Requests at work. More are answered with 429.
    pub in_flight: usize,
    /// Connections; more wait in the system's queue.
    pub connections: usize,
    /// From the first byte of a request's body to its answer. What takes longer is answered with 503.
    pub timeout: Duration,
    /// How long a client may keep the server waiting for the head of a request, or for room for an answer.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            spaces: Vec::new(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 7878,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            read_only: false,
            access: Access::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body: 32 << 20,
            k: 10_000,
            batch: 1_000,
            in_flight: 512,
            connections: 900,
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Refuses a number of neighbours that is none, or too many.
    pub(crate) fn check_k(&self, k: usize) -> Result<()> {
        if (1..=self.k).contains(&k) {
            return Ok(());
        }
        Err(Error::usage(format!("k has to be 1 to {}, not {k}", self.k)))
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<()> {
        if self.spaces.is_empty() {
            return Err(Error::usage("there is no space to serve"));
        }
        if !self.host.is_loopback() && self.access.api_key.is_none() {
            return Err(Error::usage(format!(
                "{} can be reached from other machines, and there is no key",
                self.host
            ))
            .help("give one: --api-key, or LATLAS_SERVE_API_KEY; or leave out --host"));
        }
        let keys = [("--api-key", &self.access.api_key), ("--read-key", &self.access.read_key)];
        for (flag, key) in keys {
            if key.as_ref().is_some_and(|key| key.len() < 16) {
                return Err(Error::usage(format!("{flag}: a key has at least 16 characters"))
                    .help("openssl rand -hex 24 makes one"));
            }
        }
        if self.access.read_key.is_some() && self.access.api_key.is_none() {
            return Err(Error::usage("--read-key without --api-key: then everyone may write")
                .help("give both, or --read-only"));
        }
        if let Some(bad) = self.access.cors_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(Error::usage(format!("--cors-origin {bad}: this is no origin"))
                .help("give scheme and host, such as https://example.org, or *"));
        }
        let Limits { body, k, batch, in_flight, connections, timeout, patience } = &self.limits;
        let none = [*body, *k, *batch, *in_flight, *connections].contains(&0);
        if none || timeout.is_zero() || patience.is_zero() {
            return Err(Error::usage("a limit of 0 lets nothing through"));
        }
        Ok(())
    }
}

fn is_origin(origin: &str) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    origin == "*" || host.is_some_and(|host| !host.is_empty() && host.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_safe_is_refused() {
        let good = Options { spaces: vec!["en.space".into()], ..Options::default() };
        good.check().unwrap();
        let refused = |change: &dyn Fn(&mut Options)| {
            let mut options = good.clone();
            change(&mut options);
            options.check().unwrap_err().message().to_owned()
        };
        assert!(refused(&|o| o.spaces.clear()).contains("no space"));
        assert!(refused(&|o| o.host = Ipv4Addr::UNSPECIFIED.into()).contains("there is no key"));
        assert!(refused(&|o| o.access.api_key = Some("short".into())).contains("16 characters"));
        assert!(
            refused(&|o| o.access.read_key = Some("x".repeat(20))).contains("everyone may write")
        );
        assert!(
            refused(&|o| o.access.cors_origins = vec!["example.org".into()]).contains("no origin")
        );
        assert!(refused(&|o| o.limits.k = 0).contains("lets nothing through"));
    }
}
