//! One error for the whole library: what went wrong, and the way out.
//!
//! The message names the thing (file, line, column, value) and says why, on one line; `help` gives
//! one thing to try. The kind decides the exit code of the program, so it is chosen where the error
//! is made, by the code that knows whose fault it is.

use std::fmt;
use std::path::Path;

/// The result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an error is, and hence the exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The question has no answer here: an unknown word, an empty result. Exit code 1.
    Nothing,
    /// The call itself is wrong: an option out of range, two options that exclude each other. Exit code 2.
    Usage,
    /// The input is wrong: a malformed file, a corrupt space, NaN. Exit code 3.
    Data,
    /// The machine said no: a missing file, a full disk, a lock held by another. Exit code 4.
    Io,
    /// Someone cancelled, and what could be kept was kept. Exit code 130.
    Interrupted,
}

impl Kind {
    /// The name used in machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Nothing => "nothing",
            Kind::Usage => "usage",
            Kind::Data => "data",
            Kind::Io => "io",
            Kind::Interrupted => "interrupted",
        }
    }
}

/// What went wrong, in one line, and one thing to try.
///
/// ```
/// use latlas::{Error, Kind};
/// let e = Error::data("en.txt, line 7: not valid UTF-8").help("name the encoding: --encoding latin1");
/// assert_eq!(e.kind(), Kind::Data);
/// assert_eq!(e.to_string(), "en.txt, line 7: not valid UTF-8");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: Kind,
    message: String,
    help: Option<String>,
}

impl Error {
    /// An error of this kind. `message` is one line without a full stop at its end.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: one_line(message.into()), help: None }))
    }

    /// No answer here (exit code 1).
    pub fn nothing(message: impl Into<String>) -> Self {
        Self::new(Kind::Nothing, message)
    }

    /// A wrong call (exit code 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Wrong input data (exit code 3).
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Kind::Data, message)
    }

    /// An operating-system error while doing something to `path` (exit code 4):
    /// `Error::io("read", path, &e)` reads "cannot read en.txt: permission denied".
    pub fn io(doing: &str, path: impl AsRef<Path>, cause: &std::io::Error) -> Self {
        let path = path.as_ref().display();
        let error = Self::new(Kind::Io, format!("cannot {doing} {path}: {}", plain(cause)));
        match cause.kind() {
            std::io::ErrorKind::StorageFull => error.help("free some space, or write elsewhere"),
            std::io::ErrorKind::NotFound => error.help("check the path"),
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                error.help("check who may read and write there")
            }
            _ => error,
        }
    }

    /// Someone cancelled (exit code 130).
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(Kind::Interrupted, message)
    }

    /// Adds the one thing to try, replacing an earlier one.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(one_line(help.into()));
        self
    }

    /// Puts a subject before the message: `context("en.bin")` gives "en.bin: …".
    #[must_use]
    pub fn context(mut self, subject: impl fmt::Display) -> Self {
        self.0.message = one_line(format!("{subject}: {}", self.0.message));
        self
    }

    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What went wrong, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// One thing to try, where there is one.
    pub fn way_out(&self) -> Option<&str> {
        self.0.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// The system's sentence without Rust's "(os error 2)", first letter small.
fn plain(cause: &std::io::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A message may quote bytes of a hostile file; it still has to stay one line.
fn one_line(text: String) -> String {
    if text.chars().any(char::is_control) {
        text.chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_io_error_names_the_file_and_the_reason() {
        let cause = std::io::Error::from_raw_os_error(2);
        let error = Error::io("read", "no/such.txt", &cause);
        assert_eq!(error.to_string(), "cannot read no/such.txt: no such file or directory");
        assert_eq!(error.kind(), Kind::Io);
    }

    #[test]
    fn a_message_stays_one_line() {
        assert_eq!(Error::data("id 'a\nb'").to_string(), "id 'a\\nb'");
    }
}
