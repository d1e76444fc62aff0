//! `latlas corpus merge SHARDS -o OUT`: encoded text, or counts, of several shards as one.

use std::path::PathBuf;

use latlas::data::{Corpus, Counts, merge_corpora};
use latlas::{Error, Result};

use super::{Shard, tell_corpus, tell_counts};
use crate::verbs::Context;
use crate::work::Work;

/// Merge encoded text, or counts, of several shards
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  latlas corpus merge part-*.corpus -o all.corpus --words-only --min-count 5\n  \
                        latlas corpus merge part-*.rel -o all.rel"
)]
pub(crate) struct Args {
    /// The shards, all of one kind; their order does not show in the result
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Encoded text: words that stand less often in all of it are left out
    #[arg(long, value_name = "N")]
    min_count: Option<u64>,
    /// Encoded text: merge the words alone, which is what shards need to be counted apart
    #[arg(long)]
    words_only: bool,
}

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let kinds = args.shards.iter().map(|path| Shard::of(path)).collect::<Result<Vec<_>>>()?;
    let kind = kinds[0];
    if let Some(other) = kinds.iter().position(|other| *other != kind) {
        let [first, other] = [0, other].map(|i| args.shards[i].display());
        return Err(Error::usage(format!("{first} and {other} are not of one kind"))
            .help("merge encoded text apart from counts"));
    }
    let run = cx.run();
    if kind == Shard::Corpus {
        let parts =
            args.shards.iter().map(|path| Corpus::open(path)).collect::<Result<Vec<_>>>()?;
        let min_count = args.min_count.unwrap_or(1);
        let words = merge_corpora(&parts, &args.output, min_count, args.words_only, &run)?;
        return tell_corpus(&args.output, words.len(), words.tokens(), cx);
    }
    if args.min_count.is_some() || args.words_only {
        return Err(Error::usage(
            "--min-count and --words-only are for encoded text, and these are counts",
        )
        .help("choose the words when counting: 'latlas corpus count --min-count'"));
    }
    let parts = args.shards.iter().map(|path| Counts::open(path)).collect::<Result<Vec<_>>>()?;
    let work = Work::beside(&args.output)?;
    let merged =
        work.scratch().and_then(|scratch| Counts::merge(&parts, &args.output, &scratch, &run));
    work.end(false);
    merged?;
    tell_counts(&args.output, cx)
}
