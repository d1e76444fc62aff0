//! The server over real connections: what is asked and answered, what lasts, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod asked;
mod client;
mod explorer;
mod lasting;
mod refused;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use latlas::Space;
use latlas::geometry::Geometry;
use latlas::items::{ColumnKind, Items, json};
use latlas::linalg::Matrix;
use latlas::space::Registry;
use latlas_server::{Options, Server};
use serde_json::{Value, json as object};

use client::Client;

/// A server in this process, and the folder of its space.
struct Running {
    client: Client,
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<latlas::Result<()>>>,
    _dir: tempfile::TempDir,
}

/// Items `i0` to `i99` on a spiral, with columns of every kind.
fn made(path: &Path) {
    let ids: Vec<String> = (0..100).map(|i| format!("i{i}")).collect();
    let column = |name: &str, kind, value: &dyn Fn(usize) -> Value| {
        let values: Vec<Value> = (0..100).map(value).collect();
        json::column(name, kind, None, &values.iter().map(Some).collect::<Vec<_>>()).unwrap()
    };
    let words = ["red fish", "blue fish", "two birds"];
    let columns = [
        column("text", ColumnKind::Text, &|i| object!(words[i % 3])),
        column("lang", ColumnKind::Category, &|i| object!(["tr", "en"][i % 2])),
        column("year", ColumnKind::Integer, &|i| {
            if i == 7 { Value::Null } else { object!(1950 + i) }
        }),
        column("weight", ColumnKind::Number, &|i| object!(i as f64 / 8.0)),
        column("good", ColumnKind::Boolean, &|i| object!(i % 5 == 0)),
        column("seen", ColumnKind::Time, &|i| object!(format!("20{:02}-01-01T00:00:00Z", i % 100))),
        column("tags", ColumnKind::List, &|i| object!([format!("t{}", i % 4)])),
    ];
    let mut items = Items::from_ids(&ids).unwrap();
    for column in columns {
        items = items.with_column(column).unwrap();
    }
    let point = |i: usize| [(i as f32 / 9.0).cos() * i as f32, (i as f32 / 9.0).sin() * i as f32];
    let vectors = Matrix::new(100, 2, (0..100).flat_map(point).collect()).unwrap();
    let space = Space::builder("test", items).field("main", Geometry::Euclidean, vectors);
    space.build().unwrap().save(path).unwrap();
}

impl Running {
    fn new() -> Self {
        Self::with(&|_| {})
    }

    fn with(change: &dyn Fn(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spiral.space");
        made(&path);
        let mut options = Options { port: 0, threads: 2, ..Options::default() };
        options.spaces = vec![path.clone()];
        change(&mut options);
        let server = Server::bind(options, Registry::new()).unwrap();
        let client = Client::new(server.address().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || server.run(move || stopped.load(Ordering::Relaxed));
        let thread = Some(std::thread::spawn(run));
        Running { client, path, stop, thread, _dir: dir }
    }

    /// Ends the server as SIGTERM does; gives the space as it is then.
    fn end(&mut self) -> Space {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
        Space::open(&self.path).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The ids of the hits of an answer.
fn ids(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect()
}
