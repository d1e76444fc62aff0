//! Conditions on items: `year >= 2010 AND lang IN ('tr', 'en') AND NOT title IS NULL`.
//!
//! ```text
//! condition  = both { OR both }          both = negation { AND negation }     negation = { NOT } ( '(' condition ')' | test )
//! test       = operand ( ( = | != | <> | < | <= | > | >= ) operand
//!                      | [ NOT ] IN '(' literal { , literal } ')'
//!                      | [ NOT ] BETWEEN operand AND operand
//!                      | [ NOT ] LIKE 'pattern'              % any run of letters, _ any one letter
//!                      | [ NOT ] CONTAINS literal            a part of a text, a member of a list
//!                      | IS [ NOT ] NULL )
//!            | a boolean column
//! operand    = column | "column" | 'text' | 12 | -1.5e3 | TRUE | FALSE
//! ```
//! Keywords are read in either case; a column spelled like one is put in double quotes; a quote inside quotes is
//! doubled. `id` is a column of text. Texts are compared letter by letter (by code point). A time is compared with a
//! text that holds one: `seen < '2020-01-01'`. Missing values follow SQL's three-valued logic: a test of a missing
//! value is neither true nor false, and an item is taken only where the condition is true.

mod condition;
mod eval;
mod lexer;
mod parser;

use std::ops::Range;

use super::{ColumnKind, Items};
use crate::error::{Error, Result};

/// A condition, checked against the columns it names. Cheap to evaluate many times.
#[derive(Debug, Clone)]
pub struct Filter {
    condition: condition::Condition,
    /// Names and kinds of the columns the condition reads, without "id".
    names: Vec<String>,
    kinds: Vec<ColumnKind>,
}

impl Filter {
    /// Reads a condition over these columns (and `id`, which is always there). The error, of kind `Usage`, names the
    /// word and its place.
    ///
    /// ```
    /// use latlas::items::{ColumnKind, Filter};
    /// let columns = [("year".to_owned(), ColumnKind::Integer)];
    /// let error = Filter::parse("yaer >= 2010", &columns).unwrap_err();
    /// assert_eq!(error.message(), "filter, character 1: there is no column 'yaer'");
    /// assert_eq!(error.way_out(), Some("did you mean year?"));
    /// ```
    pub fn parse(text: &str, columns: &[(String, ColumnKind)]) -> Result<Self> {
        Self::check(text, columns).map_err(|problem| problem.in_text(text))
    }

    /// Like `parse`, with an error that a terminal or a page can point at.
    pub fn check(text: &str, columns: &[(String, ColumnKind)]) -> Result<Self, Problem> {
        let (condition, names, kinds) = parser::parse(text, columns)?;
        Ok(Filter { condition, names, kinds })
    }

    /// The columns it reads, without `id`: what `Space::items` has to be asked for.
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    /// Whether each item fulfils the condition; an unknown (NULL) outcome counts as no. The items must have the
    /// columns the condition reads, of the kinds it was checked against.
    pub fn mask(&self, items: &Items) -> Result<Vec<bool>> {
        eval::mask(&self.condition, &self.names, &self.kinds, items)
    }
}

/// What is wrong with a condition, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The place in the text, in bytes.
    pub span: Range<usize>,
    /// What is wrong there.
    pub message: String,
    /// One thing to try.
    pub help: Option<String>,
}

impl Problem {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Problem { span, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The condition and, on a second line, carets under the place.
    pub fn caret(&self, text: &str) -> String {
        let letters = |range: Range<usize>| text.get(range).map_or(0, |part| part.chars().count());
        format!(
            "{text}\n{}{}",
            " ".repeat(letters(0..self.span.start)),
            "^".repeat(letters(self.span.clone()).max(1))
        )
    }

    fn in_text(self, text: &str) -> Error {
        let character = text.get(..self.span.start).map_or(0, |before| before.chars().count()) + 1;
        let error = Error::usage(format!("filter, character {character}: {}", self.message));
        match self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}
