//! `latlas learn fasttext INPUT -o OUT`: a space of words and their parts, from the words around them.

use latlas::data::Labels;
use latlas::learn::{Classifier, FastText};
use latlas::{Error, Result};

use super::text::{Target, Text};
use crate::settings::{self, Setting};
use crate::verbs::Context;

/// Learn a space of words and their parts; unknown words have a place in it too
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nWith --supervised: {}\nExamples:\n  latlas learn fasttext corpus.txt -o en.space --dim 200\n  \
     latlas learn fasttext --supervised reviews.csv --text review --label stars -o stars.space",
    settings::list::<FastText>(FASTTEXT),
    settings::list::<Classifier>(SUPERVISED)
))]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Numbers in a vector; time and memory grow with it
    #[arg(long, value_name = "N", default_value_t = FastText::default().dim)]
    dim: usize,
    /// How often the text is read; small texts gain from more
    #[arg(long, value_name = "N", default_value_t = FastText::default().epochs)]
    epochs: u32,
    /// Context in words to each side; wide brings topics, narrow grammar
    #[arg(long, value_name = "N", default_value_t = FastText::default().window)]
    window: usize,
    /// Learn to label texts; labels are words that begin with __label__, or a column
    #[arg(long)]
    supervised: bool,
    /// The column of labels
    #[arg(long, value_name = "COL", requires = "supervised")]
    label: Option<String>,
    /// What words of the text begin with that are labels [default: __label__]
    #[arg(long, value_name = "TEXT", requires = "supervised", conflicts_with = "label")]
    label_prefix: Option<String>,
    /// Set another option of the learner; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    #[command(flatten)]
    text: Text,
}

/// What `--set` changes, in the words of the options struct's documentation.
const FASTTEXT: &[Setting] = &[
    Setting { key: "architecture", about: "skip-gram, or cbow: faster, worse on rare words" },
    Setting { key: "loss", about: "ns: negative sampling; hs: hierarchical softmax, slower" },
    Setting {
        key: "negative",
        about: "noise words for each pair: 5 for large texts, up to 20 for small",
    },
    Setting {
        key: "negatives",
        about: "independent for each pair, or shared by a window: faster, worse",
    },
    Setting {
        key: "sample",
        about: "the frequency above which words are thinned out; 0 keeps all",
    },
    Setting { key: "alpha", about: "learning rate at the start" },
    Setting { key: "min_alpha", about: "learning rate at the end" },
    Setting { key: "ns_exponent", about: "noise words are drawn by frequency (1) to evenly (0)" },
    Setting { key: "min_n", about: "characters of the shortest n-gram, marks < and > counted" },
    Setting { key: "max_n", about: "characters of the longest n-gram; 0: no n-grams" },
    Setting {
        key: "subwords",
        about: "hashed into buckets, or exact: a row for each n-gram, no collisions",
    },
    Setting {
        key: "buckets",
        about: "rows for hashed n-grams; fewer: less memory, more collisions",
    },
    Setting { key: "ngram_min_count", about: "exact n-grams that stand less often have no row" },
    Setting { key: "dim", about: "" },
    Setting { key: "epochs", about: "" },
    Setting { key: "window", about: "" },
];

/// The same for labelling texts.
const SUPERVISED: &[Setting] = &[
    Setting {
        key: "loss",
        about: "softmax; hs: very many labels; ova: several a text; ns: faster",
    },
    Setting {
        key: "word_ngrams",
        about: "words of the longest run that is a feature; word order counts from 2 on",
    },
    Setting { key: "min_n", about: "characters of the shortest n-gram of a word" },
    Setting {
        key: "max_n",
        about: "characters of the longest; 0: none; helps with misspelt words",
    },
    Setting {
        key: "buckets",
        about: "rows for hashed n-grams; fewer: less memory, more collisions",
    },
    Setting { key: "negative", about: "noise labels for each text, with loss=ns" },
    Setting { key: "alpha", about: "learning rate at the start; it falls to 0" },
    Setting { key: "min_count", about: "words that stand less often are left out" },
    Setting { key: "dim", about: "" },
    Setting { key: "epochs", about: "" },
];

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    if args.supervised {
        return supervised(args, cx);
    }
    let learner =
        FastText { dim: args.dim, epochs: args.epochs, window: args.window, ..FastText::default() };
    let learner = settings::apply(learner, &args.set, FASTTEXT)?;
    learner.check()?;
    args.text.learn(&args.target, |_| learner, cx)
}

fn supervised(args: &Args, cx: &Context<'_>) -> Result<()> {
    if args.window != FastText::default().window {
        return Err(Error::usage("--window has no meaning with --supervised")
            .help("for word order use --set word_ngrams=2"));
    }
    let learner = Classifier { dim: args.dim, epochs: args.epochs, ..Classifier::default() };
    let learner = settings::apply(learner, &args.set, SUPERVISED)?;
    learner.check()?;
    let mut labels = Labels { column: args.label.clone(), ..Labels::default() };
    if let Some(prefix) = &args.label_prefix {
        labels.prefix.clone_from(prefix);
    }
    args.text.classify(&args.target, &labels, &learner, cx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_fasttext_can_be_set() {
        assert_eq!(settings::unlisted::<FastText>(FASTTEXT), Vec::<String>::new());
        assert_eq!(settings::unlisted::<Classifier>(SUPERVISED), Vec::<String>::new());
    }
}
