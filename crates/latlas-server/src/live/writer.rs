//! The one thread that changes a space: what comes while it waits for the disk is written together.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use latlas::index::Renewed;
use latlas::space::{Change, Changed, Writer};
use latlas::{Error, Result, Space};
use tokio::sync::oneshot;

use super::renewal::Renewal;
use super::{Done, Served, Wanted};
use crate::errors::{Answer, Refusal};

/// Changes that may wait.
const WAITING: usize = 1024;
/// Changes that are written together, at most.
const TOGETHER: usize = 256;
/// When this share of the items came since the last generation, a new one is published: each of them is measured by every search, and
/// each generation adds files.
const SHARE: usize = 10;
/// So many of them at least, and at most.
const ITEMS: std::ops::RangeInclusive<usize> = 10_000..=50_000;
/// Or so many changes, which a start would have to read again.
const CHANGES: usize = 100_000;

/// A change, and whom to tell.
pub(super) struct Job {
    pub(super) wanted: Wanted,
    pub(super) answer: oneshot::Sender<Answer<Done>>,
}

/// What the writer is handed.
pub(super) enum Task {
    Change(Job),
    /// An index to be stored in place of an older one.
    Index(Arc<Renewed>),
}

/// Where changes are handed in.
pub(super) struct Queue {
    tasks: SyncSender<Task>,
    thread: JoinHandle<Result<()>>,
}

impl Queue {
    pub(super) fn start(writer: Writer, served: Arc<Served>) -> Result<Self> {
        let (tasks, waiting) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("latlas-write".into());
        let thread = thread
            .spawn(move || work(writer, &served, &waiting))
            .map_err(|e| Error::io("start", "the writer", &e))?;
        Ok(Queue { tasks, thread })
    }

    pub(super) fn send(&self, task: Task) -> Answer<()> {
        self.tasks.try_send(task).map_err(|e| match e {
            TrySendError::Full(_) => Refusal::busy("too many changes are waiting"),
            TrySendError::Disconnected(_) => Refusal::closing(),
        })
    }

    /// Lets what is waiting be written, makes all part of the space, and ends.
    pub(super) fn close(self) -> Result<()> {
        let Queue { tasks, thread } = self;
        drop(tasks);
        thread.join().unwrap_or_else(|_| Err(Error::data("the writer ended before it was told to")))
    }
}

fn work(mut writer: Writer, served: &Arc<Served>, waiting: &Receiver<Task>) -> Result<()> {
    let mut renewal = Renewal::default();
    renewal.begin_if_due(writer.base(), served);
    while let Ok(first) = waiting.recv() {
        let mut jobs = Vec::new();
        for task in std::iter::once(first).chain(waiting.try_iter().take(TOGETHER - 1)) {
            match task {
                Task::Change(job) => jobs.push(job),
                Task::Index(renewed) => {
                    write(&mut writer, served, std::mem::take(&mut jobs));
                    store(&mut writer, served, &renewed);
                }
            }
        }
        write(&mut writer, served, jobs);
        if is_due(&writer) {
            fold(&mut writer, served);
            renewal.begin_if_due(writer.base(), served);
        }
    }
    renewal.end();
    writer.fold()
}

fn is_due(writer: &Writer) -> bool {
    let items = (writer.space().count() / SHARE).clamp(*ITEMS.start(), *ITEMS.end());
    writer.items() >= items || writer.changes() >= CHANGES
}

/// That it fails is no one's loss: all changes are in the log, and it is tried again.
fn fold(writer: &mut Writer, served: &Served) {
    let done = writer.fold().and_then(|()| served.show_generation(writer.space()));
    match done {
        Ok(()) => tracing::info!(generation = writer.space().generation(), "published"),
        Err(error) => tracing::error!(%error, "changes stay in the log"),
    }
}

/// That it fails is no one's loss either: what is searched is the older index, and what came since.
fn store(writer: &mut Writer, served: &Served, renewed: &Renewed) {
    let done = writer.with(|edit| renewed.keep(edit));
    // The changes so far may be part of a new generation even so.
    let shown = served.show_generation(writer.base());
    served.show_changed(writer.space());
    match done.and(shown) {
        Ok(()) => tracing::info!(index = renewed.name(), "built again"),
        Err(error) => tracing::error!(%error, index = renewed.name(), "was not stored"),
    }
}

/// Writes changes together, one after the other as they came. What depends on those before it begins a new group.
fn write(writer: &mut Writer, served: &Served, jobs: Vec<Job>) {
    let mut group = Group::default();
    for Job { wanted, answer } in jobs {
        let change = match wanted {
            Wanted::Put(points) => Ok(Change::Put(points)),
            Wanted::Delete(ids) => Ok(Change::Delete(ids)),
            Wanted::DeleteWhere(condition) => {
                std::mem::take(&mut group).write(writer, served);
                fulfilling(writer.space(), &condition).map(Change::Delete)
            }
        };
        match change {
            Ok(change) => {
                group.changes.push(change);
                group.answers.push(answer);
            }
            Err(error) => drop(answer.send(Err(error.into()))),
        }
    }
    group.write(writer, served);
}

fn fulfilling(space: &Space, condition: &str) -> Result<Vec<String>> {
    let rows = space.matching(condition)?;
    Ok(rows.into_iter().map(|row| space.id(row).to_owned()).collect())
}

/// Changes that are written together, and whom to tell of each.
#[derive(Default)]
struct Group {
    changes: Vec<Change>,
    answers: Vec<oneshot::Sender<Answer<Done>>>,
}

impl Group {
    fn write(self, writer: &mut Writer, served: &Served) {
        if self.changes.is_empty() {
            return;
        }
        let before = writer.space().generation();
        let made = writer.make(&self.changes);
        if let Err(error) = &made {
            tracing::error!(%error, "changes were not made");
        }
        // After a fold that failed the writer may have begun a new generation by itself.
        let shown = if writer.space().generation() == before {
            served.show_changed(writer.space());
            Ok(())
        } else {
            served.show_generation(writer.base()).map(|()| served.show_changed(writer.space()))
        };
        let count = writer.space().count();
        let made: Result<Vec<Changed>> = shown.and(made);
        for (at, answer) in self.answers.into_iter().enumerate() {
            let told = match &made {
                Ok(made) => Ok(Done { changed: made.get(at).copied().unwrap_or_default(), count }),
                Err(error) => Err(error.clone().into()),
            };
            let _ = answer.send(told); // whoever asked may have gone
        }
    }
}
