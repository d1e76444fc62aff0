//! `latlas tour`: reads, learns, maps, searches and draws, and says at each step what it does.

mod call;
mod text;
mod words;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use latlas::data::{self, CorpusOptions};
use latlas::learn::Word2Vec;
use latlas::map::Pca;
use latlas::{Error, Result};
use serde_json::json;

use super::{Context, info, learn, map, plot};
use crate::output::{Align, Table, counted, duration};
use call::quoted;
use words::Neighbourhood;

/// Learn, map, search and draw, on text that this machine already has
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas tour --quick\n  latlas tour my-notes/")]
pub(crate) struct Args {
    /// Text to learn from [default: READMEs and doc comments in cargo's downloads]
    input: Vec<String>,
    /// Take a minute at most: less text, shorter vectors
    #[arg(long)]
    quick: bool,
    /// Where the space and the picture go; what an earlier tour left there is replaced
    #[arg(short, long, value_name = "DIR", default_value = "latlas-tour")]
    output: PathBuf,
}

/// How much a tour takes on.
struct Plan {
    /// At most so much text.
    most: Option<u64>,
    dim: usize,
    /// So many words are trained on, all epochs together.
    budget: u64,
}

const QUICK: Plan = Plan { most: Some(16 << 20), dim: 64, budget: 20_000_000 };
const FULL: Plan = Plan { most: None, dim: 100, budget: 120_000_000 };

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let began = Instant::now();
    let plan = if args.quick { QUICK } else { FULL };
    let place = Place::new(&args.output, cx)?;
    place.introduce()?;
    let learned = place.learn(args, &plan)?;
    place.describe(&learned)?;
    place.map()?;
    let shown = place.search(&learned)?;
    place.draw()?;
    place.end(&shown, began.elapsed())
}

/// Where the tour's things lie, and how its commands are written.
struct Place<'a> {
    cx: &'a Context<'a>,
    space: PathBuf,
    picture: PathBuf,
    corpus: PathBuf,
    latlas: String,
}
