//! Questions as people write them: 'king - man + woman'.
//!
//! A question is a signed sum of items. As ids may hold spaces, '-' and '+' themselves, a text is read so that every
//! piece between operators is an id that exists, with as few operators as possible: an id that exists whole wins over
//! its parts. Quotes keep a piece together: `'rock + roll' - "new york"`.

use std::fmt;

use crate::error::{Error, Result};
use crate::geometry::Measure;
use crate::space::{Field, Row, Space};

/// One part of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// An item of the space.
    Item {
        /// Its row.
        row: Row,
        /// Its id.
        id: String,
    },
    /// A vector from elsewhere.
    Point(Vec<f32>),
}

/// A signed sum of items and vectors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    terms: Vec<(bool, Term)>,
}

impl Question {
    /// No terms yet; add them with [`Question::plus`] and its kin.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a text. An error of kind `Nothing` names the first piece that is no id and the closest ids.
    pub fn parse(space: &Space, text: &str) -> Result<Self> {
        let marks = marks(text);
        if marks.len() > MOST_MARKS {
            // Not even looked up: every pair of operators would have to be.
            return Err(Error::usage(format!(
                "a question of {} operators is too long",
                marks.len()
            ))
            .help("add up the vectors elsewhere and ask with an .npy file"));
        }
        match read(space, text, &marks) {
            Some(terms) => Ok(Question { terms }),
            None => Err(complaint(space, text, &marks)),
        }
    }

    /// The sum of items by id, less others.
    pub fn sum<'a>(
        space: &Space,
        plus: impl IntoIterator<Item = &'a String>,
        minus: impl IntoIterator<Item = &'a String>,
    ) -> Result<Self> {
        let added = plus.into_iter().try_fold(Self::new(), |sum, id| sum.plus(space, id))?;
        minus.into_iter().try_fold(added, |sum, id| sum.minus(space, id))
    }

    /// Adds an item by its id.
    pub fn plus(mut self, space: &Space, id: &str) -> Result<Self> {
        self.terms.push((true, Term::Item { row: space.find(id)?, id: id.to_owned() }));
        Ok(self)
    }

    /// Takes an item away, by its id.
    pub fn minus(mut self, space: &Space, id: &str) -> Result<Self> {
        self.terms.push((false, Term::Item { row: space.find(id)?, id: id.to_owned() }));
        Ok(self)
    }

    /// Adds a vector from elsewhere.
    #[must_use]
    pub fn plus_point(mut self, point: Vec<f32>) -> Self {
        self.terms.push((true, Term::Point(point)));
        self
    }

    /// Takes a vector from elsewhere away.
    #[must_use]
    pub fn minus_point(mut self, point: Vec<f32>) -> Self {
        self.terms.push((false, Term::Point(point)));
        self
    }

    /// The terms in order; `true` stands for plus.
    pub fn terms(&self) -> &[(bool, Term)] {
        &self.terms
    }

    /// The rows of the items in it: an answer leaves them out.
    pub fn rows(&self) -> Vec<Row> {
        let rows = self.terms.iter().filter_map(|(_, term)| match term {
            Term::Item { row, .. } => Some(*row),
            Term::Point(_) => None,
        });
        rows.collect()
    }

    /// The point to search at. A single added term is its own vector. Several are summed with their signs; under
    /// cosine each is first brought to length 1, so that a frequent word's longer vector does not outweigh the others
    /// (Levy and Goldberg 2014, 3CosAdd). Errors: no term, or a vector of another dimension.
    pub fn compose(&self, field: &Field, measure: Measure) -> Result<Vec<f32>> {
        let dim = field.dim();
        let mut sum = vec![0.0_f64; dim];
        for (plus, term) in &self.terms {
            let vector = match term {
                Term::Item { row, .. } => {
                    let mut vector = vec![0.0; dim];
                    field.read(*row, &mut vector);
                    vector
                }
                Term::Point(point) => point.clone(),
            };
            if vector.len() != dim {
                return Err(Error::usage(format!(
                    "a vector of the question has {} numbers, those of '{}' have {dim}",
                    vector.len(),
                    field.about().name
                )));
            }
            if self.terms.len() == 1 && *plus {
                return Ok(vector);
            }
            let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            let length = if measure == Measure::Cosine && norm > 0.0 { norm } else { 1.0 };
            let weight = if *plus { 1.0 } else { -1.0 } / length;
            for (sum, x) in sum.iter_mut().zip(vector) {
                *sum += weight * f64::from(x);
            }
        }
        if self.terms.is_empty() {
            return Err(Error::usage("the question is empty")
                .help("name an item, or several: 'king - man + woman'"));
        }
        Ok(sum.into_iter().map(|x| x as f32).collect())
    }
}

/// As it was understood: "king − man + woman", every id in quotes where it could be misread.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (plus, term)) in self.terms.iter().enumerate() {
            match (i, plus) {
                (0, true) => {}
                (0, false) => f.write_str("−")?,
                (_, true) => f.write_str(" + ")?,
                (_, false) => f.write_str(" − ")?,
            }
            match term {
                Term::Point(point) => write!(f, "[{} numbers]", point.len())?,
                Term::Item { id, .. } if id.contains(['+', '-', '−', ' ']) => {
                    write!(f, "'{id}'")?;
                }
                Term::Item { id, .. } => f.write_str(id)?,
            }
        }
        Ok(())
    }
}

/// More operators than this are refused: reading them takes a look-up for every pair of them.
const MOST_MARKS: usize = 256;

/// Where an operator could stand: its byte range and whether it is a plus.
struct Mark {
    start: usize,
    end: usize,
    plus: bool,
}

/// All '+', '-' and '−' outside quotes.
fn marks(text: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut quote = None;
    let mut previous = ' ';
    for (start, c) in text.char_indices() {
        match quote {
            Some(open) => quote = (c != open).then_some(open),
            // A quote opens only where a piece begins: the apostrophe of "o'clock" is a letter.
            None if matches!(c, '"' | '\'')
                && (previous == ' ' || matches!(previous, '+' | '-' | '−')) =>
            {
                // An apostrophe that nothing closes ("'tis") is a letter too.
                quote = text[start + 1..].contains(c).then_some(c);
            }
            None if matches!(c, '+' | '-' | '−') => {
                marks.push(Mark { start, end: start + c.len_utf8(), plus: c == '+' });
            }
            None => {}
        }
        previous = if c.is_whitespace() { ' ' } else { c };
    }
    marks
}

/// The reading with the longest first piece, then the longest second piece, …, if every piece is an id.
fn read(space: &Space, text: &str, marks: &[Mark]) -> Option<Vec<(bool, Term)>> {
    // From each mark the rest either reads or not, whatever came before: one bit each keeps this quadratic.
    let mut hopeless = vec![false; marks.len() + 1];
    let mut terms = Vec::new();
    descend(space, text, marks, 0, &mut hopeless, &mut terms).then_some(terms)
}

/// Reads what follows the first `used` marks.
fn descend(
    space: &Space,
    text: &str,
    marks: &[Mark],
    used: usize,
    hopeless: &mut [bool],
    terms: &mut Vec<(bool, Term)>,
) -> bool {
    if hopeless[used] {
        return false;
    }
    let (start, plus) = used.checked_sub(1).map_or((0, true), |i| (marks[i].end, marks[i].plus));
    for next in (used..=marks.len()).rev() {
        let end = marks.get(next).map_or(text.len(), |mark| mark.start);
        let Some(piece) = text.get(start..end).map(str::trim) else { continue };
        if piece.is_empty() {
            // A sign before the first term.
            if used == 0
                && next == 0
                && !marks.is_empty()
                && descend(space, text, marks, 1, hopeless, terms)
            {
                return true;
            }
            continue;
        }
        let Some((row, id)) = lookup(space, piece) else { continue };
        terms.push((plus, Term::Item { row, id: id.to_owned() }));
        if next == marks.len() || descend(space, text, marks, next + 1, hopeless, terms) {
            return true;
        }
        terms.pop();
    }
    hopeless[used] = true;
    false
}

/// A piece as it stands, or without its quotes.
fn lookup<'a>(space: &Space, piece: &'a str) -> Option<(Row, &'a str)> {
    if let Some(row) = space.get(piece) {
        return Some((row, piece));
    }
    let bare = unquoted(piece)?;
    Some((space.get(bare)?, bare))
}

fn unquoted(piece: &str) -> Option<&str> {
    let bare = |quote| piece.strip_prefix(quote)?.strip_suffix(quote);
    bare('"').or_else(|| bare('\''))
}

/// Why a text does not read: its pieces at operators that stand free, or the text itself where there are none.
fn complaint(space: &Space, text: &str, marks: &[Mark]) -> Error {
    let free = |mark: &&Mark| {
        let before = text[..mark.start].chars().next_back().is_none_or(char::is_whitespace);
        before && text[mark.end..].chars().next().is_none_or(char::is_whitespace)
    };
    let mut pieces = Vec::new();
    let mut start = 0;
    for mark in marks.iter().filter(free) {
        pieces.push(text[start..mark.start].trim());
        start = mark.end;
    }
    pieces.push(text[start..].trim());
    let first_empty = pieces
        .iter()
        .enumerate()
        .any(|(i, piece)| piece.is_empty() && (i > 0 || pieces.len() == 1));
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        if lookup(space, piece).is_none() {
            let bare = unquoted(piece).unwrap_or(piece);
            return space
                .find(bare)
                .err()
                .unwrap_or_else(|| Error::nothing(format!("no item is called '{bare}'")));
        }
    }
    let what = if first_empty { "a '+' or '-' with nothing after it" } else { "no items" };
    Error::usage(format!("the question '{text}' has {what}"))
        .help("write it like 'king - man + woman'")
}
