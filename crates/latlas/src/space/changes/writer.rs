//! Making changes that are on the disk when they are answered.

use std::path::{Path, PathBuf};

use super::given::Shape;
pub use super::overlay::Changed;
use super::{Change, Given, Overlay, Points, log};
use crate::error::Result;
use crate::file::journal::Journal;
use crate::space::{Edit, Space};

/// A writer's hold on a space that changes often: it has the lock until it is dropped. Each change is in the log when the call
/// returns, and seen by whoever opens the space from then on; [`fold`](Writer::fold) makes the changes so far part of
/// the next generation.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    /// `None` after a fold that failed, until the next one succeeds.
    edit: Option<Edit>,
    shape: Shape,
    overlay: Overlay,
    log: Option<Journal>,
    /// The space with all changes.
    space: Space,
    replayed: usize,
}

impl Writer {
    /// Takes the writer's lock on the space at `path`. Changes that are in its log are made part of a new generation first.
    pub fn begin(path: &Path) -> Result<Self> {
        let (edit, replayed) = begin(path)?;
        let base = edit.space().clone();
        Ok(Writer {
            dir: path.to_owned(),
            edit: Some(edit),
            shape: base.shape()?,
            overlay: Overlay::new(base.clone()),
            log: None,
            space: base,
            replayed,
        })
    }

    /// The space as it is now, all changes in it.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The generation that was folded last: the space without the changes since.
    pub fn base(&self) -> &Space {
        self.overlay.base()
    }

    /// Changes that were in the log when the lock was taken.
    pub fn replayed(&self) -> usize {
        self.replayed
    }

    /// Changes since the last fold.
    pub fn changes(&self) -> usize {
        self.overlay.changes()
    }

    /// Items put since the last fold.
    pub fn items(&self) -> usize {
        self.overlay.items()
    }

    /// Items to be put, checked as [`Space::points`] does.
    pub fn points(&self, given: &[Given]) -> Result<Points> {
        self.shape.points(given)
    }

    /// Makes changes, in their order. When this returns they are on the disk, all of them; after an error none of them is. Several in
    /// one call wait for the disk once.
    pub fn make(&mut self, changes: &[Change]) -> Result<Vec<Changed>> {
        if self.edit.is_none() {
            self.fold()?;
        }
        // What is in the log has to become part of the space.
        self.overlay.check_room(changes)?;
        let records: Vec<Vec<u8>> = changes.iter().map(log::encode).collect::<Result<_>>()?;
        let log = match &mut self.log {
            Some(log) => log,
            None => {
                self.log.insert(log::create(&self.dir, self.overlay.base().logged(), &self.shape)?)
            }
        };
        log.append(&records)?;
        let mut done = Vec::with_capacity(changes.len());
        for change in changes {
            done.push(self.overlay.make(change)?);
        }
        self.space = self.overlay.space()?;
        Ok(done)
    }

    /// Makes all changes so far part of the next generation, which is published; rows may move. After an error the changes
    /// are still in the log, and the next call of this or of `make` tries again.
    pub fn fold(&mut self) -> Result<()> {
        if self.edit.is_some() && self.overlay.changes() == 0 {
            return Ok(());
        }
        let edit = match self.edit.take() {
            Some(mut edit) => {
                edit.take_up(&self.overlay)?;
                edit.publish_so_far()?
            }
            None => begin(&self.dir)?.0,
        };
        self.take(edit)
    }

    /// Makes a change of another kind, such as an index, part of the next generation, together with all changes so far. After an
    /// error it is not made; the others are as `fold` leaves them.
    pub fn with(&mut self, change: impl FnOnce(&mut Edit) -> Result<()>) -> Result<()> {
        self.fold()?;
        // What went wrong half way is not kept: the edit goes, and with it what it has written.
        let mut edit = match self.edit.take() {
            Some(edit) => edit,
            None => begin(&self.dir)?.0,
        };
        change(&mut edit)?;
        self.take(edit.publish_so_far()?)
    }

    /// Goes on from a generation that was published.
    fn take(&mut self, edit: Edit) -> Result<()> {
        let base = edit.space().clone();
        self.edit = Some(edit);
        self.log = None;
        self.shape = base.shape()?;
        self.overlay = Overlay::new(base.clone());
        self.space = base;
        Ok(())
    }
}

/// The lock, what the log holds as part of the space, and how many changes these are.
fn begin(path: &Path) -> Result<(Edit, usize)> {
    let edit = Edit::begin(path)?;
    let changes = edit.took_up();
    Ok((if changes == 0 { edit } else { edit.publish_so_far()? }, changes))
}
