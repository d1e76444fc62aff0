//! `latlas corpus count CORPUS -o OUT.rel`: how often, and how near, words stand beside each other.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use latlas::data::{Corpus, Counts, Vocabulary};
use latlas::items::relations::{Cooccurrences, Weighting};
use latlas::{Error, Result, Run};

use super::{Shard, tell_counts};
use crate::verbs::Context;
use crate::work::Work;

/// Count which words stand beside each other
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  latlas corpus count en.corpus -o en.rel --window 10\n  \
                        latlas corpus count part-1.corpus --vocabulary all.corpus -o part-1.rel")]
pub(crate) struct Args {
    /// Text that was encoded
    corpus: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The farthest neighbour that counts; wide brings topics, narrow grammar
    #[arg(long, value_name = "N", default_value_t = Cooccurrences::default().window)]
    window: usize,
    /// What a neighbour at distance d counts for: harmonic (1/d), linear or flat
    #[arg(long, value_name = "HOW", default_value = "harmonic", value_parser = Weighting::from_str)]
    weighting: Weighting,
    /// Count only the words that come after
    #[arg(long)]
    asymmetric: bool,
    /// Memory to work in: 512MB, 4GB; less takes longer, and gives the same
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = size)]
    memory: u64,
    /// The words to count, of this encoded text instead of its own
    #[arg(long, value_name = "CORPUS")]
    vocabulary: Option<PathBuf>,
    /// Words that stand less often are left out, and take no place
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_count: u64,
}

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let counting = Cooccurrences {
        window: args.window,
        weighting: args.weighting,
        symmetric: !args.asymmetric,
        memory: args.memory,
    };
    counting.check()?;
    let corpus = open(&args.corpus)?;
    let words = args.vocabulary.as_deref().map(open).transpose()?;
    let words = words.map_or_else(|| corpus.vocabulary.clone(), |other| other.vocabulary);
    let words = frequent(words, args.min_count)?;
    let work = Work::beside(&args.output)?;
    let counted = work
        .scratch()
        .and_then(|scratch| count(&corpus, &words, &counting, &args.output, &scratch, &cx.run()));
    work.end(false);
    counted?;
    tell_counts(&args.output, cx)
}

fn open(path: &Path) -> Result<Corpus> {
    match Shard::of(path)? {
        Shard::Corpus => Corpus::open(path),
        Shard::Counts => Err(Error::usage(format!("{} is counted already", path.display()))
            .help("name the encoded text that it was counted from")),
    }
}

fn count(
    corpus: &Corpus,
    words: &Vocabulary,
    counting: &Cooccurrences,
    output: &Path,
    scratch: &Path,
    run: &Run<'_>,
) -> Result<()> {
    if *words == corpus.vocabulary {
        return Counts::write(corpus, counting, output, scratch, run);
    }
    let corpus = corpus.translated(words, scratch, run)?;
    Counts::write(&corpus, counting, output, scratch, run)
}

fn frequent(mut words: Vocabulary, min_count: u64) -> Result<Vocabulary> {
    let kept = words.counts.partition_point(|&count| count >= min_count);
    if kept < 2 {
        return Err(Error::data(format!("{kept} words stand {min_count} times or more"))
            .help("lower --min-count"));
    }
    words.words.truncate(kept);
    words.counts.truncate(kept);
    Ok(words)
}

/// Bytes, from a number and a unit.
fn size(text: &str) -> Result<u64, String> {
    let units = [("kb", 10), ("mb", 20), ("gb", 30), ("tb", 40)];
    let lower = text.trim().to_ascii_lowercase();
    let (number, shift) = units
        .iter()
        .find_map(|(unit, shift)| lower.strip_suffix(unit).map(|number| (number, *shift)))
        .unwrap_or((&lower, 0));
    number
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| "a number of bytes, such as 512MB or 4GB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(size("64MB"), Ok(64 << 20));
        assert_eq!(size("2 gb"), Ok(2 << 30));
        assert_eq!(size("123"), Ok(123));
        for wrong in ["", "MB", "-1", "99999999999TB", "1.5GB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
