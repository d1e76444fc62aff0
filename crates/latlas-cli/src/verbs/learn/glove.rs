//! `latlas learn glove INPUT -o OUT`: a space of words, from text or from counts that are made already.

use std::path::{Path, PathBuf};

use latlas::data::Counts;
use latlas::learn::{Glove, GloveContinuation, Learn};
use latlas::{Result, Run, Space};

use super::counted::{Counted, FromCounts, chosen};
use super::text::{Target, Text};
use crate::settings::{self, Setting};
use crate::verbs::Context;

/// Learn a space of words from how often they stand together, link by link
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExamples:\n  latlas learn glove corpus.txt -o en.space --dim 200\n  latlas learn glove counts.rel -o en.space",
    settings::list::<Glove>(GLOVE)
))]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Numbers in a vector; time and memory grow with it [default: 100, or that of --init]
    #[arg(long, value_name = "N")]
    dim: Option<usize>,
    /// How often all links are gone through
    #[arg(long, value_name = "N", default_value_t = Glove::default().epochs)]
    epochs: u32,
    /// Context in words to each side; wide brings topics, narrow grammar [default: 10]
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// Go on from the vectors of a space: with new text or counts, and the new words in it
    #[arg(long, value_name = "SPACE")]
    init: Option<PathBuf>,
    /// Set another option of the learner; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    #[command(flatten)]
    text: Text,
}

/// What `--set` changes, in the words of the options struct's documentation.
const GLOVE: &[Setting] = &[
    Setting {
        key: "x_max",
        about: "counts from here on weigh fully: 100 for large texts, 10 for small",
    },
    Setting { key: "alpha", about: "power by which smaller counts weigh less" },
    Setting { key: "eta", about: "size of first steps; later ones shorten by themselves" },
    Setting { key: "grad_clip", about: "gradients are cut to ± this" },
    Setting {
        key: "vectors",
        about: "sum of a word's two vectors, word alone, or both side by side",
    },
    Setting {
        key: "keep_context",
        about: "true keeps context vectors as the field 'output', and biases",
    },
    Setting {
        key: "keep_gradsq",
        about: "true keeps sums of squared gradients, to go on from (--init)",
    },
    Setting {
        key: "weighting",
        about: "what near contexts count for: harmonic (1/d), linear or flat",
    },
    Setting { key: "symmetric", about: "false counts only the words that come after" },
    Setting { key: "memory", about: "bytes of memory to count in" },
    Setting { key: "dim", about: "" },
    Setting { key: "epochs", about: "" },
    Setting { key: "window", about: "" },
];

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let before = args.init.as_deref().map(Space::open).transpose()?;
    let default = Glove::default();
    let dim = match (args.dim, &before) {
        (Some(dim), _) => dim,
        (None, Some(space)) => Glove::dim_of(space)?,
        (None, None) => default.dim,
    };
    let window = args.window.unwrap_or(default.window);
    let learner = Glove { dim, epochs: args.epochs, window, ..default };
    let learner = settings::apply(learner, &args.set, GLOVE)?;
    learner.check()?;
    let chosen = chosen(&args.set, &["window", "weighting", "symmetric", "memory"])
        .or(args.window.map(|_| "window".to_owned()));
    let counting = learner.counting();
    let (target, text) = (&args.target, &args.text);
    match before {
        None => Counted { learner, counting, chosen }.learn(target, text, cx),
        Some(space) => {
            let learner = learner.continuing(space)?;
            Counted { learner, counting, chosen }.learn(target, text, cx)
        }
    }
}

impl FromCounts for Glove {
    /// What is large lies among the checkpoints.
    fn learn_in(&self, counts: &Counts, _: &Path, run: &Run<'_>) -> Result<Space> {
        self.learn(counts, run)
    }
}

impl FromCounts for GloveContinuation {
    fn learn_in(&self, counts: &Counts, _: &Path, run: &Run<'_>) -> Result<Space> {
        self.learn(counts, run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_glove_can_be_set() {
        assert_eq!(settings::unlisted::<Glove>(GLOVE), Vec::<String>::new());
    }
}
