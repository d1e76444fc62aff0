//! Exact search: every row is compared, nothing is missed.
//!
//! A search passes over all rows with the f32 kernels and keeps k + [`SLACK`] candidates; every row that rounding
//! could hide (see [`Vectors::window`]) is then measured in f64, and the answer is ordered by that distance, ties by
//! row. If the kept candidates do not reach past the window (many near-ties), a second pass collects all that lie
//! within it. So the answer is a function of the data alone: not of threads, batches or the kernel set.
//!
//! A single query reads every vector once and is bound by memory; a batch multiplies groups of queries with packed
//! blocks of rows and is bound by arithmetic. O(n·d) a query, O(k) memory beside the norms.

use std::cmp::Ordering;
use std::sync::Arc;

use rayon::prelude::*;

use super::blocks::{Source, Vectors, pool};
use super::query::{Bitmap, Hit, Index, Query, check_point};
use crate::error::Result;
use crate::geometry::Measure;
use crate::kernels::{self, Panels, TopK};
use crate::linalg::Matrix;
use crate::space::{Row, Space};

/// How many candidates more than asked for the first pass keeps.
const SLACK: usize = 16;

/// The most queries that pass over the rows together: with their ranks they fit a second-level cache.
const GROUP: usize = 120;

/// Fewer queries than this are answered one by one: packing the rows would cost more than it saves.
const FEW: usize = 4;

/// The exact index of a field or of a plain matrix. Cheap to clone.
#[derive(Clone)]
pub struct Exact {
    pub(super) vectors: Arc<Vectors>,
    /// The rows that may be answered; all if `None`.
    live: Option<Arc<Bitmap>>,
    count: usize,
}

impl Exact {
    /// The index of the live rows of a field, under its geometry or another measure. Reads every vector once, on one
    /// thread; see [`Exact::with_threads`].
    pub fn new(space: &Space, field: &str, measure: Option<Measure>) -> Result<Self> {
        Self::with_threads(space, field, measure, 1)
    }

    /// As [`Exact::new`], with the norms of all rows computed by several threads.
    pub fn with_threads(
        space: &Space,
        field: &str,
        measure: Option<Measure>,
        threads: usize,
    ) -> Result<Self> {
        let field = space.field(field)?;
        let measure = measure.unwrap_or_else(|| field.about().geometry.measure());
        let vectors = Vectors::new(Source::Field(field), measure, threads)?;
        let count = space.count();
        let live = (count < space.rows()).then(|| Arc::new(Bitmap::of(space.rows(), space.live())));
        Ok(Exact { vectors: Arc::new(vectors), live, count })
    }

    /// The index of a matrix, row i being `Row(i)`. A usage error if it has more rows than a `Row` can name.
    pub fn over(matrix: impl Into<Arc<Matrix>>, measure: Measure) -> Result<Self> {
        let matrix = matrix.into();
        let count = matrix.rows();
        Ok(Exact {
            vectors: Arc::new(Vectors::new(Source::Matrix(matrix), measure, 1)?),
            live: None,
            count,
        })
    }

    /// What distance is measured by.
    pub fn measure(&self) -> Measure {
        self.vectors.measure
    }

    /// Searches for every row of `points`; the i-th answer is that of the i-th point. Same answers as one by one.
    pub fn search_batch(
        &self,
        points: &Matrix,
        q: &Query,
        threads: usize,
    ) -> Result<Vec<Vec<Hit>>> {
        for i in 0..points.rows() {
            check_point(points.row(i), self.dim()).map_err(|e| {
                if points.rows() > 1 { e.context(format!("point {}", i + 1)) } else { e }
            })?;
        }
        let point = |i: usize, out: &mut [f32]| out.copy_from_slice(points.row(i));
        self.grouped(points.rows(), threads, q.k, point, |_, row| q.allows(row))
    }

    /// Whether a row may be answered at all.
    #[inline]
    pub(super) fn is_live(&self, row: Row) -> bool {
        self.live.as_ref().is_none_or(|live| live.contains(row))
    }

    /// All rows that may be answered, in order.
    pub(super) fn live_rows(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        match &self.live {
            Some(live) => Box::new(live.iter()),
            None => Box::new((0..self.vectors.source.rows() as u32).map(Row)),
        }
    }

    /// Answers `points` queries, point i being written by `point`, with rows let through by `allows(i, row)`.
    pub(super) fn grouped(
        &self,
        points: usize,
        threads: usize,
        k: usize,
        point: impl Fn(usize, &mut [f32]) + Sync,
        allows: impl Fn(usize, Row) -> bool + Sync,
    ) -> Result<Vec<Vec<Hit>>> {
        // As many at a time as share one packing of the rows and still leave work for every thread. An answer depends
        // on its own query alone, so the groups may depend on threads.
        let group = points.div_ceil(threads.max(1)).clamp(1, GROUP);
        let starts: Vec<usize> = (0..points).step_by(group).collect();
        let groups: Vec<Vec<Vec<Hit>>> = pool(threads)?.install(|| {
            starts
                .par_iter()
                .map(|&start| {
                    let members = start..points.min(start + group);
                    let mut numbers = vec![0.0; members.len() * self.dim()];
                    for (i, out) in members.clone().zip(numbers.chunks_exact_mut(self.dim().max(1)))
                    {
                        point(i, out);
                    }
                    self.group(&numbers, members.len(), k, |i, row| allows(start + i, row))
                })
                .collect()
        });
        Ok(groups.into_iter().flatten().collect())
    }

    /// One pass over all rows for a few queries.
    fn group(
        &self,
        points: &[f32],
        count: usize,
        k: usize,
        allows: impl Fn(usize, Row) -> bool,
    ) -> Vec<Vec<Hit>> {
        let (vectors, dim) = (&*self.vectors, self.dim());
        let probes: Vec<Option<Vec<f32>>> =
            (0..count).map(|i| vectors.probe(&points[i * dim..(i + 1) * dim])).collect();
        if count < FEW || dim == 0 || k == 0 {
            return (0..count)
                .map(|i| self.one(&points[i * dim..(i + 1) * dim], k, |row| allows(i, row)))
                .collect();
        }
        // A point that f32 cannot rank stands as zeros here and is answered on its own below.
        let mut queries = vec![0.0; count * dim];
        for (probe, out) in probes.iter().zip(queries.chunks_exact_mut(dim)) {
            if let Some(probe) = probe {
                out.copy_from_slice(probe);
            }
        }
        let mut tops = vec![TopK::new(k.saturating_add(SLACK)); count];
        let mut panels = Panels::new();
        let mut ranks = Vec::new();
        vectors.source.for_each_block(|first, rows| {
            panels
                .pack(rows, dim, |r| vectors.inverse_norms.get(first + r).copied().unwrap_or(1.0));
            ranks.resize(count * panels.stride(), 0.0);
            match vectors.measure {
                Measure::Euclidean => kernels::l2_panels(&queries, &panels, &mut ranks),
                Measure::Cosine | Measure::Dot => {
                    kernels::dot_panels(&queries, &panels, &mut ranks);
                }
            }
            for (i, (top, ranks)) in
                tops.iter_mut().zip(ranks.chunks_exact(panels.stride())).enumerate()
            {
                if probes[i].is_some() {
                    top.extend(first as u32, &ranks[..panels.rows()], |row| {
                        self.ranked(Row(row)) && allows(i, Row(row))
                    });
                }
            }
        });
        (tops.into_iter().zip(&probes).enumerate())
            .map(|(i, (top, probe))| {
                let point = &points[i * dim..(i + 1) * dim];
                match probe {
                    Some(probe) => self.finish(top, point, probe, k, |row| allows(i, row)),
                    None => self.one(point, k, |row| allows(i, row)),
                }
            })
            .collect()
    }

    /// One query by itself.
    fn one(&self, point: &[f32], k: usize, allows: impl Fn(Row) -> bool) -> Vec<Hit> {
        if k == 0 {
            return Vec::new();
        }
        let Some(probe) = self.vectors.probe(point) else {
            let all: Vec<Row> = self.live_rows().filter(|&row| allows(row)).collect();
            return self.measured(point, all, k);
        };
        let mut top = TopK::new(k.saturating_add(SLACK));
        self.pass(&probe, |first, ranks| {
            top.extend(first, ranks, |row| self.ranked(Row(row)) && allows(Row(row)));
        });
        self.finish(top, point, &probe, k, allows)
    }

    /// Whether f32 ranks speak for this row.
    #[inline]
    fn ranked(&self, row: Row) -> bool {
        self.is_live(row)
            && (self.vectors.odd.is_empty() || self.vectors.odd.binary_search(&row).is_err())
    }

    /// Ranks all rows against one probe, block by block.
    fn pass(&self, probe: &[f32], mut each: impl FnMut(u32, &[f32])) {
        let (vectors, dim) = (&*self.vectors, self.dim());
        let mut ranks = Vec::new();
        if dim == 0 {
            ranks.resize(vectors.source.rows(), 0.0);
            return each(0, &ranks);
        }
        vectors.source.for_each_block(|first, rows| {
            ranks.resize(rows.len() / dim, 0.0);
            vectors.ranks(probe, first, rows, &mut ranks);
            each(first as u32, &ranks);
        });
    }

    /// Turns the kept candidates into an answer that rounding had no part in.
    fn finish(
        &self,
        top: TopK,
        point: &[f32],
        probe: &[f32],
        k: usize,
        allows: impl Fn(Row) -> bool,
    ) -> Vec<Hit> {
        let full = top.is_full();
        let kept = top.into_sorted();
        let mut rows: Vec<Row> = match kept.get(k - 1) {
            None => kept.iter().map(|&(_, row)| Row(row)).collect(),
            Some(&(kth, _)) => {
                let window = self.vectors.window(kth, probe);
                if full && kept.last().is_some_and(|&(last, _)| last <= window) {
                    let mut within = Vec::new();
                    self.pass(probe, |first, ranks| {
                        let rows = (first..)
                            .zip(ranks)
                            .filter(|&(row, &rank)| rank <= window && self.ranked(Row(row)));
                        within.extend(rows.map(|(row, _)| Row(row)).filter(|&row| allows(row)));
                    });
                    within
                } else {
                    kept.iter()
                        .take_while(|&&(rank, _)| rank <= window)
                        .map(|&(_, row)| Row(row))
                        .collect()
                }
            }
        };
        rows.extend(self.vectors.odd.iter().filter(|&&row| self.is_live(row) && allows(row)));
        self.measured(point, rows, k)
    }

    fn measured(&self, point: &[f32], rows: Vec<Row>, k: usize) -> Vec<Hit> {
        measured(&self.vectors.source, self.measure(), point, rows, k)
    }
}

impl Index for Exact {
    fn dim(&self) -> usize {
        self.vectors.dim()
    }

    fn len(&self) -> usize {
        self.count
    }

    fn search(&self, point: &[f32], q: &Query) -> Result<Vec<Hit>> {
        check_point(point, self.dim())?;
        if let Some(filter) = &q.filter {
            // So few that measuring each beats a pass over all.
            if filter.count() < self.vectors.source.rows() / 16 {
                let rows = filter.iter().take_while(|row| row.index() < self.vectors.source.rows());
                let rows = rows.filter(|&row| self.is_live(row) && q.allows(row)).collect();
                return Ok(self.measured(point, rows, q.k));
            }
        }
        Ok(self.one(point, q.k, |row| q.allows(row)))
    }
}

/// The k nearest of these rows, measured in f64, ordered by the distance shown and then by row. (Dot products that
/// f32 can only show as infinite are ordered by what they are.)
pub(super) fn measured(
    source: &Source,
    measure: Measure,
    point: &[f32],
    rows: Vec<Row>,
    k: usize,
) -> Vec<Hit> {
    let mut numbers = vec![0.0; source.dim()];
    let mut hits: Vec<(f64, Hit)> = rows
        .into_iter()
        .map(|row| {
            source.read(row, &mut numbers);
            let exact = measure.exact(point, &numbers);
            // One zero and one NaN: −0 and −NaN would be ordered before all others.
            let exact = if exact.is_nan() { f64::NAN } else { exact + 0.0 };
            (
                exact,
                Hit { row, distance: exact as f32, similarity: measure.similarity(exact) as f32 },
            )
        })
        .collect();
    let order = |(a_exact, a): &(f64, Hit), (b_exact, b): &(f64, Hit)| {
        let shown = a.distance.total_cmp(&b.distance);
        let hidden = || {
            if a.distance.is_infinite() { a_exact.total_cmp(b_exact) } else { Ordering::Equal }
        };
        shown.then_with(hidden).then(a.row.cmp(&b.row))
    };
    if k < hits.len() {
        hits.select_nth_unstable_by(k, order);
        hits.truncate(k);
    }
    hits.sort_unstable_by(order);
    hits.into_iter().map(|(_, hit)| hit).collect()
}
