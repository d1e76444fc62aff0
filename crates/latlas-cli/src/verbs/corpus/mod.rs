//! `latlas corpus encode|count|merge`: text made ready for learning in steps, each from files to a file, so that shards of a
//! large text can be worked on apart.

mod about;
mod count;
mod encode;
mod merge;

use std::path::Path;

use clap::Subcommand;
use latlas::data::{CORPUS, Counts};
use latlas::file::Sections;
use latlas::items::relations::RELATIONS;
use latlas::{Error, Result};
use serde_json::{Value, json};

use super::Context;
use crate::output::{counted, facts};

pub(super) use about::FileAbout;

/// Encode, count and merge text in steps, shard by shard
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum Step {
    Encode(Box<encode::Args>),
    Count(Box<count::Args>),
    Merge(Box<merge::Args>),
}

pub(crate) fn run(step: &Step, cx: &Context<'_>) -> Result<()> {
    match step {
        Step::Encode(args) => encode::run(args, cx),
        Step::Count(args) => count::run(args, cx),
        Step::Merge(args) => merge::run(args, cx),
    }
}

/// What kind of shard a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shard {
    Corpus,
    Counts,
}

impl Shard {
    /// By its first bytes; nothing if it is neither.
    fn recognise(path: &Path) -> Option<Self> {
        if Sections::is(path, CORPUS) {
            return Some(Shard::Corpus);
        }
        Sections::is(path, RELATIONS).then_some(Shard::Counts)
    }

    fn of(path: &Path) -> Result<Self> {
        if let Some(shard) = Self::recognise(path) {
            return Ok(shard);
        }
        std::fs::File::open(path).map_err(|e| Error::io("open", path, &e))?;
        Err(Error::data(format!("{} is no encoded text and no counts", path.display()))
            .help("make it with 'latlas corpus encode' or 'latlas corpus count'"))
    }
}

/// Tells of a corpus file that was written.
fn tell_corpus(path: &Path, words: usize, tokens: u64, cx: &Context<'_>) -> Result<()> {
    let lines =
        [("vocabulary", counted(words as u64, "words")), ("text", counted(tokens, "words"))];
    let fields = json!({ "corpus": path, "count": words, "tokens": tokens });
    tell(path, &lines, &fields, cx)
}

/// Tells of a file of counts that was written.
fn tell_counts(path: &Path, cx: &Context<'_>) -> Result<()> {
    let counts = Counts::open(path)?;
    let (words, tokens) = (counts.vocabulary.len(), counts.vocabulary.tokens());
    let links = counts.relations.links();
    let lines = [
        ("vocabulary", counted(words as u64, "words")),
        ("text", counted(tokens, "words")),
        ("counts", counted(links, "pairs")),
    ];
    let fields = json!({
        "counts": path, "count": words, "tokens": tokens, "links": links,
        "counting": Value::Object(counts.about.counting.clone()),
    });
    tell(path, &lines, &fields, cx)
}

fn tell(path: &Path, lines: &[(&str, String)], fields: &Value, cx: &Context<'_>) -> Result<()> {
    cx.out.settle();
    if cx.out.json() {
        return cx.out.object("corpus", fields);
    }
    let title = cx.out.paint.bold(&path.display().to_string());
    cx.out.result(&format!("{title}\n{}", facts(lines, cx.out.paint)))
}
