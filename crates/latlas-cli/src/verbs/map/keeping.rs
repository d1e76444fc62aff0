//! Where the place of a map is kept while its points move, so that it can be gone on with.

use std::path::Path;
use std::time::Duration;

use latlas::file::with_suffix;
use latlas::{Checkpoint, Error, Kind, Result, Run};

use crate::work::Work;

/// What is said about checkpoints.
#[derive(Debug, Clone, Copy)]
pub(in crate::verbs) struct Keeping {
    /// Whether to go on from one.
    pub(in crate::verbs) resume: bool,
    /// The time between two.
    pub(in crate::verbs) every: Duration,
}

impl Default for Keeping {
    fn default() -> Self {
        Keeping { resume: false, every: Duration::from_secs(60) }
    }
}

impl Keeping {
    /// From what the flags say.
    pub(super) fn of(resume: bool, seconds: f64) -> Result<Self> {
        let every = Duration::try_from_secs_f64(seconds)
            .map_err(|_| Error::usage(format!("--checkpoint-every {seconds}: not a time")))?;
        Ok(Keeping { resume, every })
    }

    /// Lays out with checkpoints beside the space, in a folder of the method's own. It goes when `finish`, which is given
    /// the layout, has ended well.
    pub(super) fn held<T>(
        self,
        space: &Path,
        method: &str,
        run: &Run<'_>,
        make: impl FnOnce(&Run<'_>) -> Result<(T, bool)>,
    ) -> Result<T> {
        // "." has no name.
        let named = space.file_name().is_none().then(|| space.canonicalize().ok()).flatten();
        let space = named.as_deref().unwrap_or(space);
        let work = match Work::beside(&with_suffix(space, &format!(".{method}"))) {
            Ok(work) => work,
            Err(error) if self.resume => return Err(error),
            Err(error) => {
                // A folder that may not be written beside a space that may: no reason not to make a map.
                run.progress.note(&format!("{error}: no checkpoints are kept"));
                return make(run).map(|(made, _)| made);
            }
        };
        if work.interrupted() && !self.resume {
            run.progress.warn(
                "the checkpoint of an interrupted map is given up; --resume would go on from it",
            );
        }
        let made = work.checkpoints().and_then(|dir| {
            let checkpoint = Checkpoint { dir, every: self.every, resume: self.resume };
            make(&Run { checkpoint: Some(checkpoint), ..run.clone() })
        });
        // Whatever went wrong may be put right, and then be gone on from.
        let over = matches!(&made, Ok((_, true)));
        let kept = work.interrupted();
        work.end(!over);
        made.map(|(made, _)| made).map_err(|error| match error.kind() {
            Kind::Interrupted if kept => {
                error.help("the same command with --resume goes on from the last checkpoint")
            }
            Kind::Interrupted => error.help(
                "no point had moved yet: begin anew; neighbours that were found are kept with the space",
            ),
            _ => error,
        })
    }
}
