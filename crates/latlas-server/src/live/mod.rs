//! Spaces that are read and written at once.

mod drawn;
mod renewal;
mod snapshot;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use latlas::index::Renewed;
use latlas::space::{Changed, Points, Registry, Writer};
use latlas::{Error, Result, Space};
use tokio::sync::oneshot;

use crate::errors::{Answer, Refusal};
pub(crate) use drawn::{Drawn, placed};
pub(crate) use snapshot::{Engine, Generation, Kind, Snapshot};
use writer::{Job, Queue, Task};

/// A space that is served.
pub(crate) struct Served {
    name: String,
    path: PathBuf,
    now: RwLock<Arc<Snapshot>>,
    /// `None` where nothing may be changed.
    queue: Mutex<Option<Queue>>,
    registry: Arc<Registry>,
    threads: usize,
}

/// What was found in the log of a space when it was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The space.
    pub path: PathBuf,
    /// How many changes.
    pub changes: usize,
    /// How long it took to make them part of the space.
    pub took: Duration,
}

/// A change that someone asks for.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Items to be put there. They fit for as long as the lock is held: no one else can add columns.
    Put(Points),
    /// Ids to be taken away.
    Delete(Vec<String>),
    /// A condition: what fulfils it is taken away.
    DeleteWhere(String),
}

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) changed: Changed,
    /// Items of the space since then.
    pub(crate) count: usize,
}

impl Served {
    /// Opens a space: to be written, with its lock held, or to be read only.
    pub(crate) fn open(
        name: &str,
        path: &Path,
        read_only: bool,
        registry: Arc<Registry>,
        threads: usize,
    ) -> Result<(Arc<Self>, Option<Replayed>)> {
        let begun = Instant::now();
        let (space, writer) = if read_only {
            (Space::open(path)?, None)
        } else {
            let writer = Writer::begin(path)?;
            (writer.space().clone(), Some(writer))
        };
        let changes = writer.as_ref().map_or(0, Writer::replayed);
        let took = begun.elapsed();
        let replayed = (changes > 0).then(|| Replayed { path: path.into(), changes, took });
        let space = space.known_as(name);
        let generation = Generation::new(space.clone(), registry.clone(), threads);
        let served = Arc::new(Served {
            name: name.to_owned(),
            path: path.to_owned(),
            now: RwLock::new(Arc::new(Snapshot::new(generation, space))),
            queue: Mutex::new(None),
            registry,
            threads,
        });
        // The first search shall not wait for what can be made ready now.
        served.now().warm()?;
        if let Some(writer) = writer {
            let queue = Queue::start(writer, served.clone())?;
            *served.queue.lock().unwrap_or_else(PoisonError::into_inner) = Some(queue);
        }
        Ok((served, replayed))
    }

    /// The space as it is now. It stays as it is while it is held.
    pub(crate) fn now(&self) -> Arc<Snapshot> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it may be changed.
    pub(crate) fn is_writable(&self) -> bool {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Makes a change; it is on the disk, and everyone sees it, when this returns.
    pub(crate) async fn change(&self, wanted: Wanted) -> Answer<Done> {
        let (answer, told) = oneshot::channel();
        {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = queue.as_ref().ok_or_else(|| {
                Refusal::denied(
                    axum::http::StatusCode::FORBIDDEN,
                    Error::usage("this space is served to be read only"),
                )
            })?;
            queue.send(Task::Change(Job { wanted, answer }))?;
        }
        told.await.map_err(|_| Refusal::closing())?
    }

    /// Hands an index to the writer, who stores it; tried until it is taken, or until it is over.
    fn hand_in(&self, renewed: &Arc<Renewed>, is_over: impl Fn() -> bool) {
        let sent = || {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.as_ref().is_some_and(|queue| queue.send(Task::Index(renewed.clone())).is_ok())
        };
        // Many changes may be waiting; they come first.
        while !is_over() && !sent() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn show(&self, snapshot: Snapshot) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// The space after changes.
    fn show_changed(&self, space: &Space) {
        let generation = self.now().generation.clone();
        self.show(Snapshot::new(generation, space.known_as(&self.name)));
    }

    /// A new generation of the space. What searches need of it is made before anyone sees it.
    fn show_generation(&self, space: &Space) -> Result<()> {
        let space = space.known_as(&self.name);
        let generation = Generation::new(space.clone(), self.registry.clone(), self.threads);
        let snapshot = Snapshot::new(generation, space);
        snapshot.warm()?;
        self.show(snapshot);
        Ok(())
    }

    /// Looks whether another program has published a generation: of what is read only.
    pub(crate) fn follow(&self) -> Result<bool> {
        if self.is_writable() {
            return Ok(false);
        }
        let found = Space::open(&self.path)?;
        let now = self.now();
        let same =
            (found.generation(), found.changes()) == (now.space.generation(), now.space.changes());
        if same {
            return Ok(false);
        }
        self.show_generation(&found).map(|()| true)
    }

    /// Makes all changes part of the space, and lets it go.
    pub(crate) fn close(&self) -> Result<()> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        queue.map_or(Ok(()), Queue::close)
    }
}
