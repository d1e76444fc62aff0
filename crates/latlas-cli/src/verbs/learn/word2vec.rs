//! `latlas learn word2vec INPUT -o OUT`: a space of words, from the words around them.

use std::path::PathBuf;

use latlas::learn::Word2Vec;
use latlas::{Result, Space};

use super::text::{Target, Text};
use crate::settings::{self, Setting};
use crate::verbs::Context;

/// Learn a space of words from the words around them
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExample:\n  latlas learn word2vec corpus.txt -o en.space --dim 200",
    settings::list::<Word2Vec>(WORD2VEC)
))]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Numbers in a vector; time and memory grow with it [default: 100, or that of --init]
    #[arg(long, value_name = "N")]
    dim: Option<usize>,
    /// How often the text is read; small texts gain from more
    #[arg(long, value_name = "N", default_value_t = Word2Vec::default().epochs)]
    epochs: u32,
    /// Context in words to each side; wide brings topics, narrow grammar
    #[arg(long, value_name = "N", default_value_t = Word2Vec::default().window)]
    window: usize,
    /// Go on from the vectors of a space: with new text, and the new words in it
    #[arg(long, value_name = "SPACE")]
    init: Option<PathBuf>,
    /// Set another option of the learner; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    #[command(flatten)]
    text: Text,
}

/// What `--set` changes, in the words of the options struct's documentation.
const WORD2VEC: &[Setting] = &[
    Setting {
        key: "architecture",
        about: "skip-gram, or cbow: several times faster, worse on rare words",
    },
    Setting {
        key: "loss",
        about: "negative sampling (ns) or hierarchical softmax (hs): slower",
    },
    Setting {
        key: "negative",
        about: "noise words for each pair: 5 for large texts, up to 20 for small",
    },
    Setting {
        key: "negatives",
        about: "shared by the contexts of a window, or independent: slower",
    },
    Setting {
        key: "sample",
        about: "the frequency above which words are thinned out; 0 keeps all",
    },
    Setting { key: "alpha", about: "learning rate at the start; auto: 0.025, for cbow 0.05" },
    Setting { key: "min_alpha", about: "learning rate at the end; auto: a tenth of alpha" },
    Setting { key: "ns_exponent", about: "noise words are drawn by frequency (1) to evenly (0)" },
    Setting { key: "shrink_windows", about: "false: every window reaches its full width" },
    Setting {
        key: "window_weighting",
        about: "how shrunk windows favour near words: linear, or harmonic as in GloVe",
    },
    Setting {
        key: "cbow_mean",
        about: "false: cbow takes the sum of the contexts, not their mean",
    },
    Setting { key: "keep_output", about: "true: the space keeps the output vectors too" },
    Setting {
        key: "deterministic",
        about: "true: the same bytes with any --threads; trains on one of them",
    },
    Setting { key: "dim", about: "" },
    Setting { key: "epochs", about: "" },
    Setting { key: "window", about: "" },
];

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let before = args.init.as_deref().map(Space::open).transpose()?;
    let default = Word2Vec::default();
    let dim = match (args.dim, &before) {
        (Some(dim), _) => dim,
        (None, Some(space)) => space.field("main")?.dim(),
        (None, None) => default.dim,
    };
    let learner = Word2Vec { dim, epochs: args.epochs, window: args.window, ..default };
    let learner = settings::apply(learner, &args.set, WORD2VEC)?;
    learner.check()?;
    match before {
        None => args.text.learn(&args.target, |_| learner, cx),
        Some(space) => {
            let learner = learner.continuing(space)?;
            args.text.learn(&args.target, |_| learner, cx)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_word2vec_can_be_set() {
        assert_eq!(settings::unlisted::<Word2Vec>(WORD2VEC), Vec::<String>::new());
    }
}
