//! Labels for texts, and how often they are right.
//!
//! Over all texts whose labels are known, with c right ones among the labels that were given, precision@k is c over all
//! labels given (at most k a text) and recall@k is c over all labels known: what fastText's `test` prints. For one label
//! a text and k = 1 both are the share of texts that are labelled right. Beside them stands the same for always
//! answering with the label that most texts had in learning.

use serde::Serialize;

use crate::data::{Labels, ReaderOptions, Sources, visit_labelled};
use crate::error::{Error, Result};
use crate::learn::classifier::{Labeller, Room};
use crate::run::Run;

/// How texts are labelled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassifyOptions {
    /// At most so many labels a text.
    pub k: usize,
    /// Labels that are less probable are not given.
    pub threshold: f32,
}

impl Default for ClassifyOptions {
    fn default() -> Self {
        ClassifyOptions { k: 1, threshold: 0.0 }
    }
}

/// A text with the labels it was given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classified<'a> {
    /// What it is called.
    pub id: &'a str,
    /// The labels and their probabilities, the likeliest first.
    pub labels: Vec<(&'a str, f32)>,
    /// The labels it has, where they are known.
    pub known: &'a [String],
}

/// How often labels were right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// All texts.
    pub texts: u64,
    /// Texts whose labels are known: the figures are about these, and missing where there are none.
    pub judged: u64,
    /// At most so many labels a text.
    pub k: usize,
    /// Right labels among those given.
    pub precision: Option<f64>,
    /// Right labels given among those known.
    pub recall: Option<f64>,
    /// The label that most texts had in learning.
    pub majority: String,
    /// The precision of giving every text that label.
    pub baseline: Option<f64>,
    /// Known labels that the model does not know, and so never gives.
    pub unknown_labels: u64,
}

/// Labels every text and hands it to `each`, in order. Labels that are known, in the text or in a column, are not looked
/// at but to judge by.
pub fn classify(
    labeller: &Labeller,
    sources: &Sources,
    reading: &ReaderOptions,
    labels: &Labels,
    options: ClassifyOptions,
    run: &Run<'_>,
    each: &mut dyn FnMut(&Classified<'_>) -> Result<()>,
) -> Result<Report> {
    if options.k == 0 {
        return Err(Error::usage("k 0: at least one label has to be asked for"));
    }
    if !(0.0..=1.0).contains(&options.threshold) {
        return Err(Error::usage(format!("threshold {} is out of range", options.threshold))
            .help("threshold may be 0 to 1"));
    }
    let majority = labeller.label(labeller.majority());
    let mut room = Room::default();
    let (mut texts, mut judged, mut unknown) = (0, 0, 0);
    let (mut right, mut given, mut due, mut majority_right) = (0_u64, 0_u64, 0_u64, 0_u64);
    visit_labelled(sources, reading, labels, run, &mut |text| {
        let found = labeller.predict(text.text, options.k, options.threshold, &mut room);
        let found: Vec<(&str, f32)> =
            found.into_iter().map(|(label, p)| (labeller.label(label), p)).collect();
        texts += 1;
        if !text.labels.is_empty() {
            let is_known = |label: &str| text.labels.iter().any(|known| known == label);
            judged += 1;
            given += found.len() as u64;
            due += text.labels.len() as u64;
            right += found.iter().filter(|(label, _)| is_known(label)).count() as u64;
            majority_right += u64::from(is_known(majority));
            unknown += text.labels.iter().filter(|l| labeller.number(l).is_none()).count() as u64;
        }
        each(&Classified { id: text.id, labels: found, known: text.labels })
    })?;
    let share = |of: u64, all: u64| (all > 0).then(|| of as f64 / all as f64);
    Ok(Report {
        texts,
        judged,
        k: options.k,
        precision: share(right, given),
        recall: share(right, due),
        majority: majority.to_owned(),
        baseline: share(majority_right, judged),
        unknown_labels: unknown,
    })
}
