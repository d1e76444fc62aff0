//! `latlas learn svd INPUT -o OUT`: a space of words, from text or from counts that are made already.

use std::path::Path;

use latlas::data::Counts;
use latlas::learn::Svd;
use latlas::{Result, Run, Space};

use super::counted::{Counted, FromCounts, chosen};
use super::text::{Target, Text};
use crate::settings::{self, Setting};
use crate::verbs::Context;

/// Learn a space of words from how often they stand together
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExamples:\n  latlas learn svd corpus.txt -o en.space --dim 200\n  latlas learn svd counts.rel -o en.space",
    settings::list::<Svd>(SVD)
))]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Numbers in a vector; time and memory grow with it
    #[arg(long, value_name = "N", default_value_t = Svd::default().dim)]
    dim: usize,
    /// Context in words to each side [default: 10]
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// Set another option of the learner; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    #[command(flatten)]
    text: Text,
}

/// What `--set` changes, in the words of the options struct's documentation.
const SVD: &[Setting] = &[
    Setting {
        key: "weighting",
        about: "what near contexts count for: harmonic (1/d), linear or flat",
    },
    Setting { key: "smoothing", about: "power of contexts' counts: below 1 rare ones count less" },
    Setting { key: "shift", about: "k of negative sampling: above 1 keeps only what is clear" },
    Setting { key: "exponent", about: "power of the singular values: 0, 0.5, or 1" },
    Setting { key: "add_context", about: "whether a word's vector as context is added to it" },
    Setting { key: "passes", about: "the most passes over the matrix: more are more exact" },
    Setting { key: "memory", about: "bytes of memory to count in" },
    Setting { key: "dim", about: "" },
    Setting { key: "window", about: "" },
];

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let learner = Svd { dim: args.dim, ..Svd::default() };
    let learner = Svd { window: args.window.unwrap_or(learner.window), ..learner };
    let learner = settings::apply(learner, &args.set, SVD)?;
    learner.check()?;
    let chosen = chosen(&args.set, &["window", "weighting", "memory"])
        .or(args.window.map(|_| "window".to_owned()));
    Counted { counting: learner.counting(), learner, chosen }.learn(&args.target, &args.text, cx)
}

impl FromCounts for Svd {
    fn learn_in(&self, counts: &Counts, scratch: &Path, run: &Run<'_>) -> Result<Space> {
        Svd::learn_in(self, counts, Some(scratch), run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_svd_can_be_set() {
        assert_eq!(settings::unlisted::<Svd>(SVD), Vec::<String>::new());
    }
}
