//! `latlas learn svd INPUT -o OUT`: a space of words, from text or from counts that are made already.

use std::path::{Path, PathBuf};

use latlas::data::{Corpus, Counts};
use latlas::file::{Sections, with_suffix};
use latlas::items::relations::RELATIONS;
use latlas::learn::{Learn, Svd};
use latlas::{Error, Result, Run, Space};

use super::text::{Learned, Of, Target, Text};
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
    if let ([input], Some(output)) = (args.target.input.as_slice(), &args.target.output)
        && Sections::is(Path::new(input), RELATIONS)
    {
        let made = ["window", "weighting", "memory"];
        let set = args.set.iter().filter_map(|set| set.split('=').next());
        if let Some(key) =
            set.map(str::trim).chain(args.window.map(|_| "window")).find(|key| made.contains(key))
        {
            return Err(Error::usage(format!(
                "{input} is counted already: there is no {key} to choose"
            ))
            .help("say it to 'latlas corpus count'"));
        }
        let counts = Counts::open(Path::new(input))?;
        let run = cx.run();
        let tokens = counts.vocabulary.tokens();
        return Learned::save(output, tokens, |scratch| {
            learner.learn_in(&counts, Some(scratch), &run)
        })?
        .tell(Of::Words, output, cx);
    }
    let output = args.target.output.clone().unwrap_or_default();
    // `Lesson` makes it before the text is read, and removes it in the end.
    let scratch = with_suffix(&output, ".work").join("scratch");
    args.text.learn(&args.target, |_| Counted { learner, scratch }, cx)
}

/// Counts first.
struct Counted {
    learner: Svd,
    scratch: PathBuf,
}

impl Learn for Counted {
    type Data = Corpus;

    fn learn(&self, corpus: &Corpus, run: &Run<'_>) -> Result<Space> {
        let counts = Counts::of(corpus, &self.learner.counting(), &self.scratch, run)?;
        self.learner.learn_in(&counts, Some(&self.scratch), run)
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
