//! `latlas learn phrases INPUT -o FILE`: a table of phrases, from words that stand together more often than by chance.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use latlas::data::{self, CorpusOptions, Phrases, Sources};
use latlas::file;
use latlas::learn::phrases::ENGLISH_CONNECTORS;
use latlas::learn::{Scoring, Word2Phrase};
use latlas::{Error, Result};
use serde_json::json;

use super::text::Cut;
use crate::output::{Align, Table, counted, figure, whole};
use crate::reading::Reading;
use crate::settings::{self, Setting};
use crate::verbs::Context;
use crate::work::Work;

/// Find phrases: words that stand together more often than by chance
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExample:\n  latlas learn phrases corpus.txt -o phrases.tsv --passes 2 --connectors english\n  \
     latlas learn word2vec corpus.txt -o en.space --phrases phrases.tsv",
    settings::list::<Word2Phrase>(PHRASES)
))]
pub(crate) struct Args {
    /// Text or tables: files, folders, 'patterns', or - for standard input; .gz and .zst too
    #[arg(required = true)]
    input: Vec<String>,
    /// The table to write, TSV; one that is there is replaced when the new one is ready
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How often phrases are joined to longer ones; two make new_york_times
    #[arg(long, value_name = "N", default_value_t = Word2Phrase::default().passes)]
    passes: u32,
    /// How pairs are scored: by ratio to chance, or by normalised mutual information
    #[arg(long, value_name = "HOW", value_enum, default_value_t = By::Default)]
    scoring: By,
    /// Pairs must score above it [default: 100, by npmi 0.5]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    threshold: Option<f64>,
    /// Words that may stand inside phrases but not at their ends: english, or a file of words
    #[arg(long, value_name = "english|FILE")]
    connectors: Option<PathBuf>,
    /// Set another option; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// How words are found: as Unicode says, between white space, or runs of a-z
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Cut::Words, help_heading = "Words")]
    tokenizer: Cut,
    /// Keep capitals: 'Word' and 'word' are two
    #[arg(long, help_heading = "Words")]
    keep_case: bool,
    /// Pairs must stand so often, and so many are taken off when they are scored
    #[arg(long, value_name = "N", default_value_t = Word2Phrase::default().min_count, help_heading = "Words")]
    min_count: u64,
    /// Join the phrases of an earlier table first; the new one holds them too
    #[arg(long, value_name = "FILE", help_heading = "Words")]
    phrases: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

/// How pairs are scored, as the user says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Default,
    Npmi,
}

/// What `--set` changes.
const PHRASES: &[Setting] = &[
    Setting { key: "delimiter", about: "what joins the words of a phrase" },
    Setting {
        key: "memory",
        about: "MB that counts may take; less makes more rounds, the same phrases",
    },
    Setting { key: "passes", about: "" },
    Setting { key: "scoring", about: "" },
    Setting { key: "threshold", about: "" },
    Setting { key: "min_count", about: "" },
    Setting { key: "connectors", about: "" },
];

/// Bytes of a list of connectors that are read.
const LONGEST_LIST: u64 = 1 << 20;
/// How many phrases are shown.
const SHOWN: usize = 10;

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let learner = Word2Phrase {
        passes: args.passes,
        scoring: match args.scoring {
            By::Default => Scoring::Default,
            By::Npmi => Scoring::Npmi,
        },
        threshold: args.threshold,
        min_count: args.min_count,
        connectors: args.connectors.as_deref().map(connectors).transpose()?.unwrap_or_default(),
        ..Word2Phrase::default()
    };
    let learner = settings::apply(learner, &args.set, PHRASES)?;
    learner.check()?;
    if args.output.is_dir() {
        return Err(Error::usage(format!("{} is a folder", args.output.display()))
            .help("name a file for the table"));
    }
    let earlier = args.phrases.as_deref().map(Phrases::read).transpose()?;
    let sources = Sources::resolve(&args.input)?;
    let reading = args.reading.options()?;
    let options = CorpusOptions {
        tokenizer: args.tokenizer.tokenizer(),
        lowercase: !args.keep_case,
        min_count: 1, // a word left out would make neighbours of the two beside it
        phrases: earlier.clone(),
        ..CorpusOptions::default()
    };
    let (run, work) = (cx.run(), Work::beside(&args.output)?);
    let learn = |scratch: &Path| {
        let documents = data::documents(&sources, &reading, &run)?;
        let corpus = data::encode(documents, &options, scratch, None, &run)?;
        let found = learner.learn(&corpus, scratch, &run)?;
        if found.is_empty() {
            return Err(Error::nothing("no two words stand together often enough")
                .help("lower --threshold or --min-count, or give more text"));
        }
        Ok((found, corpus.vocabulary.tokens()))
    };
    let learned = work.scratch().and_then(|scratch| learn(&scratch));
    work.end(false);
    let (found, tokens) = learned?;
    let phrases = match earlier {
        Some(earlier) => earlier.followed_by(&found)?,
        None => found,
    };
    phrases.save(&args.output)?;
    cx.out.settle();
    tell(&phrases, tokens, &args.output, cx)
}

/// The words of a file, between white space, or those of a built-in list.
fn connectors(source: &Path) -> Result<Vec<String>> {
    if source == Path::new("english") {
        return Ok(ENGLISH_CONNECTORS.map(str::to_owned).to_vec());
    }
    let mut text = String::new();
    file::open_stream(source)?.take(LONGEST_LIST).read_to_string(&mut text).map_err(|e| {
        let error = if e.kind() == io::ErrorKind::InvalidData {
            Error::data(format!("{}: not valid UTF-8", source.display()))
        } else {
            file::read_error(source, &e)
        };
        error.help("name a file of words with white space between, or say english")
    })?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

fn tell(phrases: &Phrases, tokens: u64, output: &Path, cx: &Context<'_>) -> Result<()> {
    let passes: Vec<usize> = (1..=phrases.iter().map(|p| p.pass).max().unwrap_or(0))
        .map(|pass| phrases.iter().filter(|phrase| phrase.pass == pass).count())
        .collect();
    if cx.out.json() {
        let object = json!({ "phrases": output, "count": phrases.len(), "passes": passes, "tokens": tokens });
        return cx.out.object("learn", &object);
    }
    let mut table = Table::new(vec![
        ("phrase", Align::Left),
        ("count", Align::Right),
        ("score", Align::Right),
        ("pass", Align::Right),
    ]);
    let mut most: Vec<_> = phrases.iter().collect();
    most.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.joined.cmp(&b.joined)));
    for phrase in most.iter().take(SHOWN) {
        let cells = [whole(phrase.count), figure(phrase.score), phrase.pass.to_string()];
        table.row([phrase.joined.clone()].into_iter().chain(cells).collect());
    }
    let head = format!(
        "{}: {} in {}",
        output.display(),
        counted(phrases.len() as u64, "phrases"),
        counted(tokens, "words")
    );
    cx.out.result(&format!("{}\n{}", cx.out.paint.bold(&head), table.render(cx.out.paint)))?;
    cx.out.say(&format!("next: latlas learn word2vec … --phrases {}", output.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_phrases_can_be_set() {
        assert_eq!(settings::unlisted::<Word2Phrase>(PHRASES), Vec::<String>::new());
    }
}
