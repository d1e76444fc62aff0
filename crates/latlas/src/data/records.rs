//! What all readers of rows have in common.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::path::Path;

use super::{OnBad, ReaderOptions};
use crate::error::{Error, Result};
use crate::file::read_error;
use crate::run::Run;

/// A row of a text file, in bytes: longer ones are refused, because a missing quote can make a whole file one row.
pub const LONGEST_ROW: usize = 64 << 20;
/// More columns are refused.
pub const MOST_COLUMNS: usize = 1 << 16;

/// A value of a row, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// There is none.
    Missing,
    /// Text of which the kind is still to be inferred: a field of a CSV, a number in JSON.
    Bare(Cow<'a, str>),
    /// Certainly text: a string in JSON.
    Text(Cow<'a, str>),
    /// An array or object, as JSON.
    Nested(Cow<'a, str>),
}

impl Cell<'_> {
    /// The value as text, `None` if missing.
    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Missing => None,
            Cell::Bare(text) | Cell::Text(text) | Cell::Nested(text) => Some(text),
        }
    }
}

/// A row. There may be fewer cells than column names: the others are missing.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where it stands in its file, from 1.
    pub line: u64,
    /// The names of the columns known so far.
    pub names: &'a [String],
    /// The values, by column.
    pub cells: &'a [Cell<'a>],
}

/// Rows and files that could not be read.
#[derive(Debug, Default)]
pub struct Bad {
    policy: OnBad,
    /// How many were left out.
    pub skipped: u64,
    first: Vec<String>,
}

impl Bad {
    /// Stops or skips as the options say.
    pub fn new(options: &ReaderOptions) -> Self {
        Bad { policy: options.on_bad, ..Bad::default() }
    }

    /// Hears of a bad row: gives the error back, or remembers it.
    pub fn meet(&mut self, error: Error) -> Result<()> {
        const LISTED: u64 = 20;
        if self.policy == OnBad::Stop {
            return Err(if error.way_out().is_some() {
                error
            } else {
                error.help("--on-bad skip leaves such rows out")
            });
        }
        self.skipped += 1;
        if self.skipped <= LISTED {
            self.first.push(error.message().to_string());
        }
        Ok(())
    }

    /// Adds what another has heard of.
    pub(super) fn join(&mut self, other: Bad) {
        self.skipped += other.skipped;
        self.first.extend(other.first);
    }

    /// Tells of what was left out.
    pub fn tell(&self, run: &Run) {
        if self.skipped > 0 {
            let rest = self.skipped.saturating_sub(self.first.len() as u64);
            let rest = if rest > 0 { format!("; and {rest} more") } else { String::new() };
            run.progress.warn(&format!(
                "left out {}: {}{rest}",
                count(self.skipped, "row"),
                self.first.join("; ")
            ));
        }
    }
}

/// "1 row", "2 rows".
pub(super) fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Reads a line into `line`, without its end. `false` at the end of the input.
pub(super) fn read_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    number: u64,
    path: &Path,
) -> Result<bool> {
    line.clear();
    let limit = LONGEST_ROW as u64 + 1;
    let read = input.take(limit).read_until(b'\n', line).map_err(|e| read_error(path, &e))?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read as u64 == limit {
        return Err(too_long(path, number));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(read > 0)
}

pub(super) fn too_long(path: &Path, line: u64) -> Error {
    Error::data(format!("{}, line {line}: a row of more than 64 MiB", path.display()))
        .help("an opening quote without its partner? try --quote none; a long text without columns is a .txt")
}

/// A reader that gives no more than it is granted between two calls of `grant`.
pub(super) struct Guarded<R> {
    inner: R,
    left: usize,
}

impl<R> Guarded<R> {
    pub(super) fn new(inner: R) -> Self {
        Guarded { inner, left: LONGEST_ROW }
    }

    pub(super) fn grant(&mut self) {
        self.left = LONGEST_ROW;
    }

    pub(super) fn exhausted(&self) -> bool {
        self.left == 0
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("a row without end"));
        }
        let most = buffer.len().min(self.left);
        let read = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= read;
        Ok(read)
    }
}

/// Column names that are unique and not empty.
pub(super) fn tidy_names(raw: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (i, name) in raw.into_iter().enumerate() {
        let name = name.trim();
        let base = if name.is_empty() { format!("column_{}", i + 1) } else { name.to_string() };
        let mut unique = base.clone();
        let mut copy = 2;
        while !seen.insert(unique.clone()) {
            unique = format!("{base}_{copy}");
            copy += 1;
        }
        names.push(unique);
    }
    names
}

/// The index of a column given by name or by its number from 1.
pub(super) fn find_column(names: &[String], wanted: &str, path: &Path) -> Result<usize> {
    if let Some(at) = names.iter().position(|name| name == wanted) {
        return Ok(at);
    }
    if let Some(at) = wanted.parse::<usize>().ok().filter(|n| (1..=names.len()).contains(n)) {
        return Ok(at - 1);
    }
    let near = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &wanted.to_lowercase()), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let error = Error::usage(format!("{} has no column '{wanted}'", path.display()));
    Err(match near {
        Some((likeness, name)) if likeness > 0.8 => error.help(format!("did you mean '{name}'?")),
        _ => {
            let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
            let rest = if names.len() > 20 { ", …" } else { "" };
            error.help(format!("its columns are {}{rest}", shown.join(", ")))
        }
    })
}
