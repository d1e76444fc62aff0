//! Errors: `error: message`, then `help: one thing to try`; under `--json` one object. And the exit codes.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::CommandFactory;
use latlas::{Error, Kind};
use serde_json::json;

use super::{Paint, complain};
use crate::args::{Cli, When};

/// Why a command line was not accepted.
pub(crate) enum Refusal {
    /// clap's answer; `--help` and `--version` are such answers too.
    Clap(Box<clap::Error>),
    /// Something of ours: the config file, a variable.
    Ours(Error),
}

/// Answers a command line that was not accepted, before there is an `Output`.
pub(crate) fn refuse(words: &[OsString], refusal: &Refusal) -> ExitCode {
    let asked = |flag: &str| words.iter().skip(1).take_while(|w| *w != "--").any(|w| w == flag);
    let paint = Paint::new(color(words), std::io::stderr().is_terminal());
    let error = match refusal {
        Refusal::Ours(error) => error.clone(),
        Refusal::Clap(answer) if !answer.use_stderr() => {
            // Help and version. A closed pipe (`latlas --help | head`) is no error.
            let _ = answer.print();
            return ExitCode::SUCCESS;
        }
        // A bare `latlas` or `latlas learn` is a question, and its answer is the help.
        Refusal::Clap(answer)
            if answer.kind()
                == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
        {
            let _ = answer.print();
            return ExitCode::from(code(Kind::Usage));
        }
        Refusal::Clap(answer) => from_clap(answer, words),
    };
    report(&error, asked("--json"), paint);
    ExitCode::from(code(error.kind()))
}

/// Prints an error to standard error.
pub(super) fn report(error: &Error, json: bool, paint: Paint) {
    if json {
        let object = json!({
            "schema": "latlas.error/1",
            "kind": error.kind().name(),
            "message": error.message(),
            "help": error.way_out(),
        });
        complain(&object.to_string());
        return;
    }
    let label = match error.kind() {
        Kind::Interrupted => paint.yellow("stopped:"),
        _ => paint.red("error:"),
    };
    complain(&format!("{label} {}", error.message()));
    if let Some(help) = error.way_out() {
        complain(&format!("{} {help}", paint.bold("help:")));
    }
}

/// The exit code of an error of this kind.
pub(super) fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Nothing => 1,
        Kind::Usage => 2,
        Kind::Data => 3,
        Kind::Interrupted => 130,
        // `Kind` may grow; what it grows by will be the machine's fault until it is listed here.
        _ => 4,
    }
}

/// Said at the first Ctrl-C.
pub(crate) fn stopping() {
    complain("stopping at the next safe place; once more ends at once");
}

/// clap's errors are several lines with the usage; ours are one line and one thing to try.
fn from_clap(answer: &clap::Error, words: &[OsString]) -> Error {
    let text = answer.render().to_string();
    let paragraph: Vec<&str> =
        text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let message = paragraph.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    // A value that one of the library's own parsers refused: its error knows a way out.
    let cause = std::error::Error::source(answer).and_then(|cause| cause.downcast_ref::<Error>());
    if let Some(help) = cause.and_then(Error::way_out) {
        return Error::usage(message).help(help);
    }
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let verb = verb(words);
    Error::usage(message).help(tip.map_or_else(|| format!("see '{verb} --help'"), str::to_owned))
}

/// The verb that was called, as far as it exists: "latlas learn word2vec".
fn verb(words: &[OsString]) -> String {
    let (mut command, mut verb) = (Cli::command(), "latlas".to_owned());
    for word in words.iter().skip(1).filter_map(|w| w.to_str()) {
        let Some(below) = command.find_subcommand(word).cloned() else { continue };
        verb = format!("{verb} {word}");
        command = below;
    }
    verb
}

fn color(words: &[OsString]) -> When {
    let mut words = words.iter().filter_map(|w| w.to_str());
    while let Some(word) = words.next() {
        let value = if word == "--color" { words.next() } else { word.strip_prefix("--color=") };
        match value {
            Some("always") => return When::Always,
            Some("never") => return When::Never,
            _ => {}
        }
    }
    When::Auto
}
