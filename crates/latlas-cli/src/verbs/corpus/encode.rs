//! `latlas corpus encode INPUT -o OUT.corpus`: text as a vocabulary and ids.

use std::path::PathBuf;

use latlas::Result;
use latlas::data::{self, Sources};

use super::tell_corpus;
use crate::reading::Reading;
use crate::verbs::Context;
use crate::verbs::learn::Words;
use crate::work::Work;

/// Encode text as a vocabulary and ids
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example, of one shard among several (words are cut when all are known):\n  \
                        latlas corpus encode part-1.txt -o part-1.corpus --min-count 1"
)]
pub(crate) struct Args {
    /// Text or tables: files, folders, 'patterns', or - for standard input; .gz and .zst too
    #[arg(required = true)]
    input: Vec<String>,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    words: Words,
    #[command(flatten)]
    reading: Reading,
}

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let run = cx.run();
    let sources = Sources::resolve(&args.input)?;
    let reading = args.reading.options()?;
    let options = args.words.options()?;
    let work = Work::beside(&args.output)?;
    let encode = || {
        let documents = data::documents(&sources, &reading, &run)?;
        let corpus = data::encode(documents, &options, &work.scratch()?, None, &run)?;
        corpus.save(&args.output, &run)?;
        Ok(corpus.vocabulary)
    };
    let encoded = encode();
    work.end(false);
    let vocabulary = encoded?;
    tell_corpus(&args.output, vocabulary.len(), vocabulary.tokens(), cx)
}
