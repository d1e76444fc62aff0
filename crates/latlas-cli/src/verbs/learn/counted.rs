//! What learners from co-occurrence counts have in common: they take text, which is counted first, or counts that are made.

use std::path::{Path, PathBuf};

use latlas::data::{Corpus, Counts};
use latlas::file::{Sections, with_suffix};
use latlas::items::relations::{Cooccurrences, RELATIONS};
use latlas::learn::Learn;
use latlas::{Error, Result, Run, Space};

use super::text::{Target, Text};
use crate::verbs::Context;

/// A learner from counts.
pub(super) trait FromCounts: Learn<Data = Counts> {
    /// Learns, with a folder for what is large on the way.
    fn learn_in(&self, counts: &Counts, scratch: &Path, run: &Run<'_>) -> Result<Space>;
}

/// A learner, and how its counts are made.
pub(super) struct Counted<L> {
    pub(super) learner: L,
    pub(super) counting: Cooccurrences,
    /// What the user has chosen of the counting by name, such as "window".
    pub(super) chosen: Option<String>,
}

impl<L: FromCounts> Counted<L> {
    /// Reads text or counts, learns, saves the space and tells of it.
    pub(super) fn learn(self, target: &Target, text: &Text, cx: &Context<'_>) -> Result<()> {
        let output = target.output.clone().unwrap_or_default();
        // `Lesson` makes it before anything is read, and removes it in the end.
        let scratch = with_suffix(&output, ".work").join("scratch");
        if let [input] = target.input.as_slice()
            && target.output.is_some()
            && Sections::is(Path::new(input), RELATIONS)
        {
            if let Some(key) = &self.chosen {
                return Err(Error::usage(format!(
                    "{input} is counted already: there is no {key} to choose"
                ))
                .help("say it to 'latlas corpus count'"));
            }
            let counts = Counts::open(Path::new(input))?;
            let learner = Made { learner: self.learner, scratch };
            return text.learn_counted(&counts, &learner, &output, cx);
        }
        text.learn(target, |_| FromText { counted: self, scratch }, cx)
    }
}

/// From counts that are made.
struct Made<L> {
    learner: L,
    scratch: PathBuf,
}

impl<L: FromCounts> Learn for Made<L> {
    type Data = Counts;

    fn learn(&self, counts: &Counts, run: &Run<'_>) -> Result<Space> {
        self.learner.learn_in(counts, &self.scratch, run)
    }
}

/// Counts first.
struct FromText<L> {
    counted: Counted<L>,
    scratch: PathBuf,
}

impl<L: FromCounts> Learn for FromText<L> {
    type Data = Corpus;

    fn learn(&self, corpus: &Corpus, run: &Run<'_>) -> Result<Space> {
        let counts = Counts::of(corpus, &self.counted.counting, &self.scratch, run)?;
        self.counted.learner.learn_in(&counts, &self.scratch, run)
    }
}

/// The first of these keys that is among `--set key=value`.
pub(super) fn chosen(set: &[String], keys: &[&str]) -> Option<String> {
    let mut names = set.iter().filter_map(|set| set.split('=').next()).map(str::trim);
    names.find(|name| keys.contains(name)).map(str::to_owned)
}
