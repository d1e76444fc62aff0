//! Phrases: words that stand together more often than chance would have them (Mikolov et al. 2013b, §4).
//!
//! With N words of text, n(a) and n(b) occurrences of two words and n(ab) of one right after the other:
//! - `default` (eq. 6, as word2phrase scales it): (n(ab) − δ) · N / (n(a) · n(b)), δ = `min_count`. It compares n(ab) with
//!   what independence would give, n(a)·n(b)/N; δ keeps pairs of rare words out.
//! - `npmi` (Bouma 2009): ln(p(ab) / (p(a) p(b))) / −ln p(ab), in [−1, 1]; 0 for independent words, 1 for words that are
//!   never apart.
//!
//! Pairs with a score above `threshold` and at least `min_count` occurrences become phrases. **Connectors** (of, the, …)
//! neither begin nor end a phrase; up to two of them may stand between its two words, as in gensim, and are counted in
//! N only. Each further **pass** reads the text with the phrases of the one before joined, so that phrases grow.
//!
//! Where it differs, on purpose: N is the number of words, as in word2phrase (gensim takes the number of different
//! entries of its table, which depends on what it has pruned); between words at most two connectors (gensim: any
//! number); and counts are exact. word2phrase and gensim drop rare entries whenever their table is full. Here a pair is
//! counted only if both words stand `min_count` times, which loses nothing, and a table that outgrows its `memory` is
//! split: half the pairs (by hash) are counted on, the other half in another round over the encoded text.

mod count;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::{Corpus, Phrase, Phrases, join};
use crate::error::{Error, Result};
use crate::run::Run;
use count::{Found, Roles};

/// How a pair of words is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scoring {
    /// (n(ab) − δ) · N / (n(a) · n(b)).
    #[default]
    Default,
    /// Normalised pointwise mutual information.
    Npmi,
}

/// Articles, prepositions and conjunctions that stand inside English phrases: "bank of america", "war and peace".
pub const ENGLISH_CONNECTORS: [&str; 16] = [
    "a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with",
    "without", "as",
];

/// The most connectors: so many that every one and two of them have a number of 16 bits.
const MOST_CONNECTORS: usize = 255;

/// What makes words a phrase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Word2Phrase {
    /// How often the text is read. Each pass can double the length of phrases: two make "new_york_times".
    pub passes: u32,
    /// How pairs are scored. `npmi` favours rare words that are never apart, `default` frequent pairs too.
    pub scoring: Scoring,
    /// Pairs must score above it. `None`: 100 by `default` scoring, 0.5 by `npmi`. Lower: more phrases, looser ones.
    pub threshold: Option<f64>,
    /// Pairs must stand so often, and so many are taken off in the default score. Higher: fewer phrases, safer ones,
    /// and less memory.
    pub min_count: u64,
    /// Words that may stand inside a phrase but not at its ends; at most 255.
    pub connectors: Vec<String>,
    /// What joins the words of a phrase.
    pub delimiter: String,
    /// About how many MB the counts of pairs may take. Less: more rounds over the encoded text, the same phrases.
    pub memory: usize,
}

impl Default for Word2Phrase {
    /// As word2phrase: threshold 100, words that stand 5 times, joined by '_'. No connectors.
    fn default() -> Self {
        Word2Phrase {
            passes: 1,
            scoring: Scoring::Default,
            threshold: None,
            min_count: 5,
            connectors: Vec::new(),
            delimiter: "_".to_owned(),
            memory: 1024,
        }
    }
}

impl Word2Phrase {
    /// Usage errors for options out of range.
    pub fn check(&self) -> Result<()> {
        let usage = |what: String, help: &str| Err(Error::usage(what).help(help));
        let joins = |c: char| c.is_whitespace() || c.is_control();
        let threshold = self.threshold();
        let least = if self.scoring == Scoring::Npmi { -1.0 } else { 0.0 };
        if self.passes == 0 || self.passes > 100 {
            usage(format!("passes {} is out of range", self.passes), "passes may be 1 to 100")
        } else if self.min_count == 0 {
            usage("min_count 0 is out of range".to_owned(), "1 keeps all")
        } else if !(threshold >= least && threshold.is_finite()) {
            let help = format!("by this score it is {least} or more");
            usage(format!("threshold {threshold} is out of range"), &help)
        } else if self.delimiter.is_empty() || self.delimiter.contains(joins) {
            usage(format!("the delimiter '{}' cannot join words", self.delimiter), "use '_'")
        } else if self.connectors.len() > MOST_CONNECTORS {
            let what = format!("{} connectors are too many", self.connectors.len());
            usage(what, "there may be 255; keep the most frequent ones")
        } else if self.memory == 0 {
            usage("memory 0 is out of range".to_owned(), "in MB: 1 or more")
        } else {
            Ok(())
        }
    }

    fn threshold(&self) -> f64 {
        self.threshold.unwrap_or(match self.scoring {
            Scoring::Default => 100.0,
            Scoring::Npmi => 0.5,
        })
    }

    /// The score of a pair: n(ab), n(a), n(b), N.
    pub fn score(&self, together: u64, first: u64, second: u64, words: u64) -> f64 {
        let [ab, a, b, n] = [together, first, second, words].map(|count| count as f64);
        match self.scoring {
            Scoring::Default => (ab - self.min_count as f64) / a / b * n,
            // All words are one pair over and over: never apart.
            Scoring::Npmi if together >= words => 1.0,
            Scoring::Npmi => (ab / n / (a / n * (b / n))).ln() / -(ab / n).ln(),
        }
    }

    /// The phrases of a text. Every word of it must be in the corpus (`min_count` 1 where it was encoded), or words
    /// would become neighbours that are none. `scratch` is a folder for the text of each further pass. Ordered by pass,
    /// score and spelling; the same at any number of threads. O(words) time a pass and round; memory as `memory` says
    /// beside 30 bytes a word of the vocabulary.
    pub fn learn(&self, corpus: &Corpus, scratch: &Path, run: &Run) -> Result<Phrases> {
        self.check()?;
        let mut corpus = corpus.clone();
        let mut phrases: Vec<Phrase> = Vec::new();
        for pass in 1..=self.passes {
            let mut found = self.pass(&corpus, pass, run)?;
            run.progress.note(&format!("pass {pass}: {} phrases", found.len()));
            if found.is_empty() {
                break;
            }
            phrases.append(&mut found);
            if pass < self.passes {
                let table = Phrases::new(phrases.clone())?;
                corpus = join(&corpus, &table, &scratch.join(format!("phrases-{pass}.ids")), run)?;
            }
        }
        Phrases::new(phrases)
    }

    fn pass(&self, corpus: &Corpus, pass: u32, run: &Run) -> Result<Vec<Phrase>> {
        let (words, counts) = (&corpus.vocabulary.words, &corpus.vocabulary.counts);
        let roles = Roles::new(&corpus.vocabulary, &self.connectors, self.min_count);
        let n = corpus.vocabulary.tokens();
        let threshold = self.threshold();
        let score = |pair: &Found| {
            self.score(pair.count, counts[pair.first as usize], counts[pair.second as usize], n)
        };
        let wanted = |pair: &Found| pair.count >= self.min_count && score(pair) > threshold;
        let found = count::pairs(&corpus.sequences, &roles, self.memory << 20, wanted, run)?;
        let mut phrases: Vec<Phrase> = found
            .into_iter()
            .map(|pair| {
                let ids = [pair.first].into_iter().chain(roles.between(pair.between));
                let ids = ids.chain([pair.second]);
                let words: Vec<String> = ids.map(|id| words[id as usize].clone()).collect();
                let joined = words.join(&self.delimiter);
                Phrase { words, joined, pass, count: pair.count, score: score(&pair) }
            })
            .collect();
        phrases.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.words.cmp(&b.words)));
        Ok(phrases)
    }
}
