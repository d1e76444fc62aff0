//! Foreign formats at the edge: each file here reads one format into a [`Space`] and writes a Space as it.
//!
//! [`read`] and [`write`] are the doors. The format is the one given, or guessed from the file's name and then from
//! its first bytes; a guess is noted. What each format holds and loses is written down in `docs/formats.md`.
//!
//! Numbers survive in both directions bit by bit: binary formats copy them, text formats print the shortest digits
//! that read back as the same number.

mod format;
mod options;

use std::path::Path;

pub use format::Format;
pub use options::{ExportOptions, ImportOptions, OnDuplicate};

use super::Space;
use crate::error::Result;
use crate::run::Run;

/// Reads vectors of a foreign format, or a space, into a space in memory.
///
/// `inputs` are paths, "-" for standard input, or patterns. Formats of vectors take one file (npy and the projector
/// may take the file of ids beside it as a second one); tables may take many, which are read one after the other.
pub fn read(
    _inputs: &[String],
    _format: Option<Format>,
    _options: &ImportOptions,
    _run: &Run,
) -> Result<Space> {
    todo!()
}

/// Writes the live items of a space in a foreign format (or as a space) at `path`.
///
/// A writer that is killed leaves at `path` what was there before, or nothing.
pub fn write(
    _space: &Space,
    _path: &Path,
    _format: Option<Format>,
    _options: &ExportOptions,
    _run: &Run,
) -> Result<()> {
    todo!()
}
