//! The options that all readers share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Format;
use crate::items::ColumnKind;

/// How input is read. Everything has a default that fits most files; what a reader guesses it says through
/// [`crate::Progress::note`], and each guess can be overruled here.
///
/// Wherever a column is named, a number counts columns from 1: `--text 3`. A column whose *name* is a number is
/// found by that name first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReaderOptions {
    /// Where ids come from: a column, "path" (the file's path) or "row" (1, 2, …). Unless told, the column `id`
    /// if its values are unique, else rows are numbered. A column that is itself called `path` or `row` is
    /// given by its number.
    pub id: Option<String>,
    /// The column that holds the text. Unless told, `text`, else the column with the longest values.
    pub text: Option<String>,
    /// The column that holds a vector (a list, or text such as "[0.1, 0.2]"), or a pattern such as "emb_*" for
    /// one column per dimension, taken in the order of their numbers.
    pub vector: Option<String>,
    /// Numeric columns that become the vector as they are, in this order. Excludes `vector`.
    pub features: Vec<String>,
    /// The columns to keep beside id and vector; all of them if empty.
    pub keep: Vec<String>,
    /// What the values of a column are, instead of a guess: `zip=category`.
    #[serde(rename = "type")]
    pub types: BTreeMap<String, ColumnKind>,
    /// Values that mean "missing", besides the empty one: "?", "NA".
    pub missing: Vec<String>,
    /// The character between fields; guessed among , ; | and tab. Makes a file of unknown kind a CSV.
    pub separator: Option<char>,
    /// The character around fields of a CSV, `"` unless told; "none" switches quoting off.
    pub quote: Option<String>,
    /// Whether the first line names the columns; unless told, it does if none of its fields looks like a value.
    pub header: Option<bool>,
    /// The encoding of text, by its WHATWG label ("windows-1254", "latin1", "utf-16le"). Unless told, UTF-8, or
    /// UTF-16 after a byte order mark.
    pub encoding: Option<String>,
    /// What one document of a plain text is.
    pub unit: Unit,
    /// What to do with a row that cannot be read.
    pub on_bad: OnBad,
    /// What the files are, instead of a guess by name and content.
    pub format: Option<Format>,
    /// How wide the numbers of vectors are while they are read: half the width, half the memory.
    pub hold: Hold,
}

/// How wide numbers are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// 32 bits.
    #[default]
    Single,
    /// 16 bits where all files have them so, else 32.
    AsStored,
    /// 16 bits, to which others are rounded; one that is too large is an error that names it.
    Half,
}

/// What one document of a plain text is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Each line that is not blank.
    #[default]
    Line,
    /// Lines up to a blank line.
    Paragraph,
    /// The whole file.
    File,
}

/// What to do with a row that cannot be read: one of the wrong width, one that is no JSON, a binary file in a
/// folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBad {
    /// Stop with an error that names it.
    #[default]
    Stop,
    /// Leave it out; what was left out is listed in a warning.
    Skip,
}
