//! Building indexes again beside everything else, when much was added since.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use latlas::index::Renewed;
use latlas::run::{Progress, Step};
use latlas::{Run, Space};

use super::Served;

/// The index that is being built, if one is.
#[derive(Default)]
pub(super) struct Renewal {
    thread: Option<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
}

impl Renewal {
    /// Begins to build an index of this generation, if one is due and none is being built; whoever writes the space is handed it.
    pub(super) fn begin_if_due(&mut self, space: &Space, served: &Arc<Served>) {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let Some(about) = space.indexes().iter().find(|about| Renewed::is_due(space, about)) else {
            return;
        };
        let (space, about) = (space.clone(), about.clone());
        let (served, closing) = (served.clone(), self.closing.clone());
        let build = move || {
            let until = Until(closing);
            // Searches go on meanwhile: it takes half of the threads.
            let threads = (served.threads / 2).max(1);
            let run = Run { seed: 42, threads, progress: &until, checkpoint: None };
            match Renewed::build(&space, &about, &run) {
                Ok(renewed) => served.hand_in(&Arc::new(renewed), || until.is_over()),
                Err(_) if until.is_over() => {}
                Err(error) => tracing::error!(%error, index = about.name, "was not built again"),
            }
        };
        let thread = std::thread::Builder::new().name("latlas-index".into()).spawn(build);
        self.thread =
            thread.inspect_err(|error| tracing::error!(%error, "no thread to build an index")).ok();
    }

    /// Gives up what is being built.
    pub(super) fn end(self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread {
            let _ = thread.join(); // what it panicked of was printed
        }
    }
}

/// Goes on until the server closes.
struct Until(Arc<AtomicBool>);

impl Until {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Progress for Until {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
