//! The only place that prints: results to standard output; progress, notes, warnings and errors to standard error.

mod bars;
mod delimited;
mod errors;
pub(crate) mod log;
mod numbers;
mod paint;
mod table;

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

use latlas::{Error, Progress, Result, Step};
use serde_json::{Value, json};

use crate::args::{Global, ShowProgress};
use bars::Bars;

pub(crate) use delimited::Delimited;
pub(crate) use errors::{Refusal, refuse, stopping};
pub(crate) use numbers::{
    bytes, counted, duration, figure, percent, rate, series, short, single, whole,
};
pub(crate) use paint::Paint;
pub(crate) use table::{Align, Table, facts};

/// Where everything that a person or a script reads goes.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    /// Colours for standard output.
    pub(crate) paint: Paint,
    /// Colours for standard error.
    errors: Paint,
    bars: Mutex<Bars>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = std::io::stderr().is_terminal();
        // A script that reads JSON reads standard error too; it gets progress only when it asks.
        let how = global.progress.unwrap_or(match (global.quiet || global.json, terminal) {
            (true, _) => ShowProgress::None,
            (_, true) => ShowProgress::Bar,
            (_, false) => ShowProgress::Plain,
        });
        // Bars need a terminal, whatever was asked.
        let how = if how == ShowProgress::Bar && !terminal { ShowProgress::Plain } else { how };
        let errors = Paint::new(global.color, terminal);
        Output {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            paint: Paint::new(global.color, std::io::stdout().is_terminal()),
            errors,
            bars: Mutex::new(Bars::new(how, errors)),
        }
    }

    /// Whether the user wants JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether the user wants to know more.
    pub(crate) fn verbose(&self) -> bool {
        self.verbose
    }

    /// A result, to standard output.
    pub(crate) fn result(&self, text: &str) -> Result<()> {
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        written(self.bars().aside(|| {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.write_all(end.as_bytes())?;
            stdout.flush()
        }))
    }

    /// A result as one JSON object on one line: `{"schema":"latlas.VERB/1", …}`.
    pub(crate) fn object(&self, verb: &str, fields: &Value) -> Result<()> {
        let mut object = json!({ "schema": format!("latlas.{verb}/1") });
        if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
            object.extend(fields.clone());
        }
        self.result(&object.to_string())
    }

    /// What the user may like to know beside the result. Not shown under `--quiet` and `--json`.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet && !self.json {
            self.bars().aside(|| complain(&self.errors.dim(text)));
        }
    }

    /// Like `say`, for what is worth reading: the heading of a stage, the next commands.
    pub(crate) fn tell(&self, text: &str) {
        if !self.quiet && !self.json {
            self.bars().aside(|| complain(text));
        }
    }

    /// What the user must know about the result.
    pub(crate) fn caution(&self, message: &str) {
        let line = if self.json {
            json!({ "schema": "latlas.warning/1", "message": message }).to_string()
        } else {
            format!("{} {message}", self.errors.yellow("warning:"))
        };
        self.bars().aside(|| complain(&line));
    }

    /// Colours for standard error.
    pub(crate) fn side(&self) -> Paint {
        self.errors
    }

    /// Ends progress lines that are still open, and leaves them as lines of the past.
    pub(crate) fn settle(&self) {
        self.bars().finish();
    }

    /// The end of the program: an error, if any, and the exit code.
    pub(crate) fn close(&self, answer: Result<()>) -> ExitCode {
        match answer {
            Ok(()) => {
                self.settle();
                ExitCode::SUCCESS
            }
            Err(error) => {
                self.bars().abandon();
                errors::report(&error, self.json, self.errors);
                ExitCode::from(errors::code(error.kind()))
            }
        }
    }

    fn bars(&self) -> MutexGuard<'_, Bars> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Output {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        self.bars().step(step);
        if crate::signals::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn warn(&self, message: &str) {
        self.caution(message);
    }

    fn note(&self, message: &str) {
        self.say(message);
    }
}

/// A line to standard error. That no one reads it is no reason to fail.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// `latlas … | head` is no error: the reader has seen enough, and the program ends without a word.
fn written(done: std::io::Result<()>) -> Result<()> {
    match done {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(e) => Err(Error::io("write to", "standard output", &e)),
    }
}
