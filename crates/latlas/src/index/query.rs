//! What an index is asked and what it answers.

use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::space::Row;

/// Something that finds the nearest rows of a point. `Arc` one to share it.
pub trait Index: Send + Sync {
    /// The number of components of the vectors, and of every point asked about.
    fn dim(&self) -> usize;

    /// The number of live rows that can be answered.
    fn len(&self) -> usize;

    /// Whether there is no row to answer.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `q.k` nearest live rows that the query lets through, closest first, ties by row, rows holding NaN last;
    /// fewer where there are fewer. A point of another dimension is a usage error, NaN or infinity in it a data
    /// error naming the component.
    fn search(&self, point: &[f32], q: &Query) -> Result<Vec<Hit>>;

    /// The rows no farther than `distance`, the `q.k` closest of them at most, as `search` finds them. A distance that is
    /// NaN is a usage error.
    fn within(&self, point: &[f32], distance: f32, q: &Query) -> Result<Vec<Hit>> {
        if distance.is_nan() {
            return Err(Error::usage("a distance of NaN is none to search within"));
        }
        let mut k = FIRST.min(q.k);
        loop {
            let mut hits = self.search(point, &Query { k, ..q.clone() })?;
            let beyond = hits.last().is_none_or(|last| last.distance > distance);
            if beyond || hits.len() < k || k == q.k {
                hits.retain(|hit| hit.distance <= distance);
                return Ok(hits);
            }
            k = k.saturating_mul(4).min(q.k);
        }
    }
}

/// How many rows are asked for first where all within a distance are wanted.
const FIRST: usize = 64;

/// How many rows are wanted and which ones are out of the question.
#[derive(Debug, Clone)]
pub struct Query {
    /// The number of rows wanted.
    pub k: usize,
    /// Rows never answered: those that the question is made of. A handful, in any order.
    pub exclude: Vec<Row>,
    /// If given, only rows in it are answered.
    pub filter: Option<Arc<Bitmap>>,
    /// How many rows a graph index keeps on its way: more find more, and take longer; at least k are. Its own choice if
    /// `None`. An exact index misses nothing anyway.
    pub effort: Option<usize>,
}

impl Default for Query {
    fn default() -> Self {
        Query { k: 10, exclude: Vec::new(), filter: None, effort: None }
    }
}

impl Query {
    /// The k nearest, nothing left out.
    pub fn nearest(k: usize) -> Self {
        Query { k, ..Self::default() }
    }

    /// Leaves these rows out.
    #[must_use]
    pub fn excluding(mut self, rows: impl IntoIterator<Item = Row>) -> Self {
        self.exclude.extend(rows);
        self
    }

    /// Answers only rows of `rows`.
    #[must_use]
    pub fn within(mut self, rows: Arc<Bitmap>) -> Self {
        self.filter = Some(rows);
        self
    }

    /// Lets a graph index keep so many rows on its way.
    #[must_use]
    pub fn with_effort(mut self, effort: usize) -> Self {
        self.effort = Some(effort);
        self
    }

    /// Whether `row` may be answered.
    #[inline]
    pub fn allows(&self, row: Row) -> bool {
        self.filter.as_ref().is_none_or(|rows| rows.contains(row)) && !self.exclude.contains(&row)
    }
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The row found.
    pub row: Row,
    /// Its distance, smaller being closer; for the dot product its negative.
    pub distance: f32,
    /// How alike it is, larger being more alike: the cosine, 1/(1+d) under Euclidean distance, or the dot product.
    pub similarity: f32,
}

/// A set of rows, one bit each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Bitmap {
    rows: usize,
    words: Vec<u64>,
}

impl Bitmap {
    /// An empty set over rows 0..rows.
    pub fn new(rows: usize) -> Self {
        Bitmap { rows, words: vec![0; rows.div_ceil(64)] }
    }

    /// The set of these rows, out of 0..rows; rows beyond are ignored.
    pub fn of(rows: usize, members: impl IntoIterator<Item = Row>) -> Self {
        let mut set = Self::new(rows);
        members.into_iter().for_each(|row| set.insert(row));
        set
    }

    /// Adds a row; one beyond the end is ignored.
    pub fn insert(&mut self, row: Row) {
        if row.index() < self.rows {
            self.words[row.index() / 64] |= 1 << (row.index() % 64);
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, row: Row) {
        if row.index() < self.rows {
            self.words[row.index() / 64] &= !(1 << (row.index() % 64));
        }
    }

    /// Whether the row is in the set.
    #[inline]
    pub fn contains(&self, row: Row) -> bool {
        self.words.get(row.index() / 64).is_some_and(|word| word >> (row.index() % 64) & 1 == 1)
    }

    /// The same set over the first `rows` rows alone.
    #[must_use]
    pub fn first(&self, rows: usize) -> Self {
        let mut set = Self::new(rows);
        let words = set.words.iter_mut().zip(&self.words);
        words.for_each(|(word, &own)| *word = own);
        if let (Some(last), true) = (set.words.last_mut(), !rows.is_multiple_of(64)) {
            *last &= (1 << (rows % 64)) - 1;
        }
        set
    }

    /// Removes the rows that are not in another set.
    pub fn keep(&mut self, other: &Bitmap) {
        for (at, word) in self.words.iter_mut().enumerate() {
            *word &= other.words.get(at).copied().unwrap_or(0);
        }
    }

    /// How many rows are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The rows in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = Row> {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    Row(i as u32 * 64 + bit)
                })
            })
        })
    }
}

/// Refuses a point that no index can answer.
pub(super) fn check_point(point: &[f32], dim: usize) -> Result<()> {
    if point.len() != dim {
        return Err(Error::usage(format!(
            "the point asked about has {} numbers, the vectors here have {dim}",
            point.len()
        ))
        .help("ask with a vector of the same space and field"));
    }
    match point.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(i) => {
            let what = if point[i].is_nan() { "NaN" } else { "infinite" };
            Err(Error::data(format!("number {} of the point asked about is {what}", i + 1))
                .help("every number must be finite"))
        }
    }
}
