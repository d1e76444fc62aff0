//! Word spaces: do offsets solve analogies, and do cosines agree with people?
//!
//! Two kinds of file, told apart by their first line: analogies as in Google's set (`: section`, then four words a
//! line; Mikolov et al. 2013) and word pairs with a judgement (`word word score`, separated by TABs, commas or blanks).
//! Conventions are those of gensim's `evaluate_word_analogies` and `evaluate_word_pairs`, so that figures can be put
//! side by side: in analogies only the first `restrict_vocab` words take part (spaces are ordered by frequency); case is
//! ignored by upper-casing, the more frequent word winning; questions with a word that does not take part are not
//! asked, and counted in `coverage`. Always measured by cosine.

mod analogies;
mod lexicon;
mod read;
mod similarities;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Score;
use crate::error::{Error, Result};
use crate::run::Run;
use crate::space::Space;

pub use analogies::Method;
use lexicon::Lexicon;

/// Which words take part, and how analogies are solved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// In analogies only the first so many items take part, in questions and in answers; `None` takes all. Fewer
    /// words make analogies easier and lower the coverage. Word pairs take all words, as there is nothing to find.
    pub restrict_vocab: Option<usize>,
    /// Whether upper and lower case are one.
    pub case_insensitive: bool,
    /// Word pairs: whether words that are no items are placed by the space's encoder (fastText), if it has one for words.
    /// They then count as covered.
    pub place_unknown: bool,
    /// How analogies are solved, each way giving figures of its own.
    pub methods: Vec<Method>,
}

impl Default for Options {
    /// gensim's: the first 300,000 words, case ignored. Both methods.
    fn default() -> Self {
        Options {
            restrict_vocab: Some(300_000),
            case_insensitive: true,
            place_unknown: false,
            methods: vec![Method::CosAdd, Method::CosMul],
        }
    }
}

/// What a file asks, and so what its figures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Analogies: accuracies.
    Analogies,
    /// Word pairs: a rank correlation.
    Pairs,
}

/// Evaluates the field "main" on one file of either kind: see [`analogies`] and [`similarities`].
pub fn evaluate(
    space: &Space,
    path: &Path,
    options: &Options,
    run: &Run,
) -> Result<(Kind, Vec<Score>)> {
    Ok(match read::file(path)? {
        read::File::Analogies(sections) => {
            (Kind::Analogies, analogies::scores(space, path, &sections, options, run)?)
        }
        read::File::Pairs(pairs) => {
            (Kind::Pairs, similarities::scores(space, path, &pairs, options)?)
        }
    })
}

/// The share of analogies `a : b = c : ?` solved. By each method: all ("questions-words" for a file of that name),
/// "/semantic" and "/syntactic" (sections named gram…), then each section of which a question could be asked;
/// figures of 3CosMul carry "/3cosmul" after the file's name. A run's progress is told of sections left out.
///
/// Errors: an empty or malformed file (line named), a file of word pairs, no question that can be asked.
pub fn analogies(space: &Space, path: &Path, options: &Options, run: &Run) -> Result<Vec<Score>> {
    match read::file(path)? {
        read::File::Analogies(sections) => analogies::scores(space, path, &sections, options, run),
        read::File::Pairs(_) => {
            Err(Error::data(format!("{} holds word pairs, not analogies", path.display()))
                .help("an analogy has four words a line"))
        }
    }
}

/// Spearman's rank correlation between the cosines of word pairs and people's judgements, under the file's name.
///
/// Errors: an empty or malformed file (line named), a file of analogies, fewer than two pairs whose words take part.
pub fn similarities(
    space: &Space,
    path: &Path,
    options: &Options,
    _run: &Run,
) -> Result<Vec<Score>> {
    match read::file(path)? {
        read::File::Pairs(pairs) => similarities::scores(space, path, &pairs, options),
        read::File::Analogies(_) => {
            Err(Error::data(format!("{} holds analogies, not word pairs", path.display()))
                .help("a pair is two words and a number a line"))
        }
    }
}

/// A figure of this suite. `part` follows the file's name, "" for the whole.
fn score(path: &Path, part: &str, value: f64, n: usize, asked_for: usize) -> Score {
    let stem = path.file_stem().map_or_else(|| "words".into(), |stem| stem.to_string_lossy());
    let name = if part.is_empty() { stem.into_owned() } else { format!("{stem}/{part}") };
    Score { suite: "words".to_owned(), name, value, n, coverage: n as f64 / asked_for as f64 }
}

/// No question of the file can be asked of this space.
fn none_usable(path: &Path, what: &str, total: usize, lexicon: &Lexicon) -> Error {
    Error::nothing(format!(
        "{}: none of its {total} {what} has all its words among the {} words that take part",
        path.display(),
        lexicon.len()
    ))
    .help("is the file of the space's language, and spelled as its ids are?")
}
