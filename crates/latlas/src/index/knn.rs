//! All-pairs nearest neighbours.

use super::query::Hit;
use super::{Exact, Index};
use crate::error::Result;
use crate::space::Row;

/// The nearest neighbours of every live row, itself left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    k: usize,
    rows: Vec<Row>,
    hits: Vec<Hit>,
}

impl Neighbours {
    /// How many neighbours each row has: what was asked for, or one less than there are rows.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The live rows, in order; `of(i)` are the neighbours of the i-th.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many rows have neighbours here.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The neighbours of the i-th live row, closest first, ties by row. Panics if there is no such row.
    pub fn of(&self, i: usize) -> &[Hit] {
        &self.hits[i * self.k..(i + 1) * self.k]
    }

    /// The neighbour lists of all live rows, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[Hit]> {
        (0..self.len()).map(|i| self.of(i))
    }
}

impl Exact {
    /// The k nearest neighbours of every live row among the other live rows, by register-tiled products over blocks:
    /// O(n²·d) time, O(n·k) memory. The same at any number of threads.
    pub fn knn(&self, k: usize, threads: usize) -> Result<Neighbours> {
        let rows: Vec<Row> = self.live_rows().collect();
        let k = k.min(self.len().saturating_sub(1));
        let point = |i: usize, out: &mut [f32]| self.vectors.source.read(rows[i], out);
        let lists = self.grouped(rows.len(), threads, k, point, |i, row| row != rows[i])?;
        let hits: Vec<Hit> = lists.into_iter().flatten().collect();
        Ok(Neighbours { k, rows, hits })
    }
}
