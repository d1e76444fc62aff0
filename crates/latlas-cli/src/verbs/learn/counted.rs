//! What learners from co-occurrence counts have in common: they take text, which is counted first, or counts that are made.

use std::path::{Path, PathBuf};

use latlas::data::{Corpus, Counts};
use latlas::file::{Sections, with_suffix};
use latlas::items::relations::{Cooccurrences, RELATIONS};
use latlas::learn::Learn;
use latlas::{Error, Result, Run, Space};

use super::text::{Target, Text};
use crate::verbs::Context;

/// A learner, and how its counts are made.
pub(super) struct Counted<L> {
    pub(super) learner: L,
    pub(super) counting: Cooccurrences,
    /// What the user has chosen of the counting by name, such as "window".
    pub(super) chosen: Option<String>,
}

impl<L: Learn<Data = Counts>> Counted<L> {
    /// Reads text or counts, learns, saves the space and tells of it.
    pub(super) fn learn(self, target: &Target, text: &Text, cx: &Context<'_>) -> Result<()> {
        if let ([input], Some(output)) = (target.input.as_slice(), &target.output)
            && Sections::is(Path::new(input), RELATIONS)
        {
            if let Some(key) = &self.chosen {
                return Err(Error::usage(format!(
                    "{input} is counted already: there is no {key} to choose"
                ))
                .help("say it to 'latlas corpus count'"));
            }
            let counts = Counts::open(Path::new(input))?;
            return text.learn_counted(&counts, &self.learner, output, cx);
        }
        let output = target.output.clone().unwrap_or_default();
        // `Lesson` makes it before the text is read, and removes it in the end.
        let scratch = with_suffix(&output, ".work").join("scratch");
        text.learn(target, |_| FromText { counted: self, scratch }, cx)
    }
}

/// Counts first.
struct FromText<L> {
    counted: Counted<L>,
    scratch: PathBuf,
}

impl<L: Learn<Data = Counts>> Learn for FromText<L> {
    type Data = Corpus;

    fn learn(&self, corpus: &Corpus, run: &Run<'_>) -> Result<Space> {
        let counts = Counts::of(corpus, &self.counted.counting, &self.scratch, run)?;
        self.counted.learner.learn(&counts, run)
    }
}

/// The first of these keys that is among `--set key=value`.
pub(super) fn chosen(set: &[String], keys: &[&str]) -> Option<String> {
    let mut names = set.iter().filter_map(|set| set.split('=').next()).map(str::trim);
    names.find(|name| keys.contains(name)).map(str::to_owned)
}
