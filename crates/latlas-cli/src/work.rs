//! The folder beside a target in which a long computation keeps its scratch files and checkpoints: `en.space.work/`.

use std::path::{Path, PathBuf};

use latlas::file::{self, Lock, with_suffix};
use latlas::{Error, Kind, Result, Space};

/// A work folder, locked: a second computation with the same target is refused at once, not after hours.
pub(crate) struct Work {
    dir: PathBuf,
    // Held for its effect; the system lets go of it when the process ends, however it ends.
    _lock: Lock,
}

impl Work {
    /// Takes the work folder of a target, which must be a space, a place for one, and written by no one else.
    pub(crate) fn begin(target: &Path) -> Result<Self> {
        if target.exists() {
            if !target.join("space.json").is_file() {
                return Err(Error::usage(format!("{} exists and is no space", target.display()))
                    .help("name another output; only a space is replaced"));
            }
            // Refused if someone is writing it now; let go of again, since publishing takes the lock itself.
            match Space::edit(target) {
                Ok(edit) => drop(edit),
                // A space that is damaged or from another version may still be replaced by a new one.
                Err(e) if e.kind() == Kind::Data => {}
                Err(e) => return Err(e),
            }
        }
        Self::beside(target)
    }

    /// Takes the work folder of a target that is a file, or a space that has been looked at.
    pub(crate) fn beside(target: &Path) -> Result<Self> {
        let dir = with_suffix(target, ".work");
        let lock = dir.join("lock");
        if dir.is_dir()
            && !lock.is_file()
            && std::fs::read_dir(&dir).is_ok_and(|mut files| files.next().is_some())
        {
            return Err(Error::usage(format!(
                "{} is needed for scratch files, and holds other files",
                dir.display()
            ))
            .help("move them away, or name another output"));
        }
        file::create_dir(&dir).map_err(|e| e.context(target.display()))?;
        let lock = Lock::take(&lock, target)?;
        Ok(Work { dir, _lock: lock })
    }

    /// Scratch files that end with the computation, whatever its end.
    pub(crate) fn scratch(&self) -> Result<PathBuf> {
        self.folder("scratch")
    }

    /// Checkpoints, which outlive an interrupted computation.
    pub(crate) fn checkpoints(&self) -> Result<PathBuf> {
        self.folder("checkpoints")
    }

    /// Whether an earlier computation left a checkpoint.
    pub(crate) fn interrupted(&self) -> bool {
        std::fs::read_dir(self.dir.join("checkpoints"))
            .is_ok_and(|mut files| files.next().is_some())
    }

    /// Removes what is not needed any more: everything, unless the checkpoints are to be kept.
    pub(crate) fn end(self, keep: bool) {
        // Nothing here is worth an error: the result is published, or a worse error is on its way.
        let _ = std::fs::remove_dir_all(self.dir.join("scratch"));
        if !keep || !self.interrupted() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        file::create_dir(&dir)?;
        Ok(dir)
    }
}
