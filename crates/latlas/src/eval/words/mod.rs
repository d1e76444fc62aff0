//! Word spaces: do offsets solve analogies, and do cosines agree with people?
//!
//! Four kinds of file, told apart by their first lines: analogies as in Google's set (`: section`, then four words a
//! line; Mikolov et al. 2013), word pairs with a judgement (`word word score`, separated by TABs, commas or blanks),
//! words with their categories, and groups of words with outliers (Camacho-Collados & Navigli 2016).
//! Conventions are those of gensim's `evaluate_word_analogies` and `evaluate_word_pairs`, so that figures can be put
//! side by side: in analogies only the first `restrict_vocab` words take part (spaces are ordered by frequency); case is
//! ignored by upper-casing, the more frequent word winning; questions with a word that does not take part are not
//! asked, and counted in `coverage`. Always measured by cosine.

mod analogies;
mod categories;
mod lexicon;
mod outliers;
mod read;
mod similarities;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Null, Score};
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
    /// Words by category: purity and mutual information of a clustering.
    Categories,
    /// Groups with outliers: how often and how nearly the outlier is found.
    Outliers,
}

/// Evaluates the field "main" on one file of any kind (or a folder of outlier files): see [`analogies`],
/// [`similarities`], [`categories`] and [`outliers`].
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
        read::File::Categories(found) => {
            (Kind::Categories, categories::scores(space, path, &found, options, run)?)
        }
        read::File::Outliers(groups) => {
            (Kind::Outliers, outliers::scores(space, path, &groups, options)?)
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
        other => Err(mistaken(path, &other, "analogies", "an analogy has four words a line")),
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
        other => {
            Err(mistaken(path, &other, "word pairs", "a pair is two words and a number a line"))
        }
    }
}

/// How well clusters of the words fit their categories: see [`categories`](self::categories). By spherical k-means with
/// as many clusters as categories, "esslli" (for a file of that name) is the purity, "esslli/normalised" the purity
/// beyond chance, "esslli/nmi" the normalised mutual information.
///
/// Errors: an empty or malformed file (line named), another kind of file, fewer than two categories or as many words as
/// categories that take part.
pub fn categories(space: &Space, path: &Path, options: &Options, run: &Run) -> Result<Vec<Score>> {
    match read::file(path)? {
        read::File::Categories(found) => categories::scores(space, path, &found, options, run),
        other => Err(mistaken(path, &other, "categories", "a word and its category a line")),
    }
}

/// How often the outlier of a group is found, under the file's or folder's name, and how nearly, "/opp".
///
/// Errors: an empty or malformed file (line named), another kind of file, no outlier that can be asked about.
pub fn outliers(space: &Space, path: &Path, options: &Options, _run: &Run) -> Result<Vec<Score>> {
    match read::file(path)? {
        read::File::Outliers(groups) => outliers::scores(space, path, &groups, options),
        other => Err(mistaken(path, &other, "outliers", "words, a blank line, outliers")),
    }
}

/// The file is of another kind.
fn mistaken(path: &Path, found: &read::File, wanted: &str, help: &str) -> Error {
    let holds = match found {
        read::File::Analogies(_) => "analogies",
        read::File::Pairs(_) => "word pairs",
        read::File::Categories(_) => "categories",
        read::File::Outliers(_) => "outliers",
    };
    Error::data(format!("{} holds {holds}, not {wanted}", path.display())).help(help)
}

/// A figure of this suite. `part` follows the file's name, "" for the whole.
fn score(path: &Path, part: &str, value: f64, n: usize, asked_for: usize, null: Null) -> Score {
    let stem = path.file_stem().map_or_else(|| "words".into(), |stem| stem.to_string_lossy());
    let name = if part.is_empty() { stem.into_owned() } else { format!("{stem}/{part}") };
    let coverage = n as f64 / asked_for as f64;
    Score { suite: "words".to_owned(), name, value, n, coverage, null }
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
