//! The verbs, one file each: its flags, and the lines from its input to its answer.

pub(crate) mod add;
pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod columns;
pub(crate) mod compact;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod corpus;
pub(crate) mod delete;
pub(crate) mod embed;
pub(crate) mod eval;
pub(crate) mod index;
pub(crate) mod info;
pub(crate) mod learn;
pub(crate) mod man;
pub(crate) mod map;
mod neighbours;
pub(crate) mod plot;
pub(crate) mod probe;
pub(crate) mod search;
pub(crate) mod serve;
mod texts;
pub(crate) mod tour;

use latlas::space::{Provenance, Registry};
use latlas::{Error, Result, Run};
use serde_json::{Map, Value};

use crate::args::{Cli, Verb};
use crate::output::Output;

/// What every verb is given beside its own flags.
pub(crate) struct Context<'a> {
    pub(crate) out: &'a Output,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
}

impl<'a> Context<'a> {
    /// The circumstances of a computation: its progress is shown, Ctrl-C cancels it.
    pub(crate) fn run(&self) -> Run<'a> {
        Run { seed: self.seed, threads: self.threads, progress: self.out, checkpoint: None }
    }
}

/// Runs the called verb.
pub(crate) fn run(call: &Cli, out: &Output) -> Result<()> {
    let threads = match call.global.threads {
        Some(0) => return Err(Error::usage("--threads 0: at least one has to work")),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let cx = Context { out, seed: call.global.seed, threads };
    match &call.verb {
        Verb::Tour(args) => tour::run(args, &cx),
        Verb::Learn(model) => learn::run(model, &cx),
        Verb::Corpus(step) => corpus::run(step, &cx),
        Verb::Embed(args) => embed::run(args, &cx),
        Verb::Info(args) => info::run(args, &cx),
        Verb::Search(args) => search::run(args, &cx),
        Verb::Index(args) => index::run(args, &cx),
        Verb::Map(args) => map::run(args, &cx),
        Verb::Plot(args) => plot::run(args, &cx),
        Verb::Probe(question) => probe::run(question, &cx),
        Verb::Apply(task) => apply::run(task, &cx),
        Verb::Eval(args) => eval::run(args, &cx),
        Verb::Convert(args) => convert::run(args, &cx),
        Verb::Add(args) => add::run(args, &cx),
        Verb::Delete(args) => delete::run(args, &cx),
        Verb::Columns(args) => columns::run(args, &cx),
        Verb::Compact(args) => compact::run(args, &cx),
        Verb::Serve(args) => serve::run(args, &cx),
        Verb::Check(args) => check::run(args, &cx),
        Verb::Completions(args) => completions::run(args, &cx),
        Verb::Man(args) => man::run(args, &cx),
    }
}

/// The encoders that this program has.
fn registry() -> Registry {
    let mut registry = Registry::new();
    latlas::learn::register(&mut registry);
    registry
}

/// A step of a space's history, as this program writes it.
fn step(action: &str, options: Value, sources: Vec<Value>) -> Provenance {
    let options = match options {
        Value::Object(options) => options,
        _ => Map::new(),
    };
    Provenance {
        action: action.to_owned(),
        options,
        seed: None,
        sources,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
