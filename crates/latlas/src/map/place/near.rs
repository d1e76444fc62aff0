//! The mapped points nearest to a new one, and how near mapped points are to each other.

use std::ops::Range;
use std::sync::Arc;

use super::Frozen;
use crate::error::{Error, Result};
use crate::geometry::{Geometry, Measure};
use crate::index::{Bitmap, Exact, FieldRows, Query};
use crate::linalg::{Matrix, RowSource};
use crate::map::PcaFit;
use crate::map::faithfulness::sample;
use crate::map::settle::reduce;
use crate::run::Run;
use crate::space::{Row, Space};

/// So many mapped points are asked how far their own nearest is.
const ASKED: usize = 2000;

/// The mapped points as they are searched.
pub(super) struct Near {
    index: Exact,
    query: Query,
    /// The number of the mapped point that each row of the index is.
    numbers: Numbers,
    dim: usize,
    geometry: Geometry,
    reduced: Option<PcaFit>,
    /// How far the nearest of mapped points is from them, least first.
    own: Vec<f64>,
}

enum Numbers {
    Same,
    Of(Vec<u32>),
}

/// New points as they are searched for.
pub(super) struct Seen {
    /// Their vectors, of unit length under the cosine.
    pub(super) vectors: Matrix,
    /// Their principal components, if these were laid out.
    components: Option<Matrix>,
}

/// The mapped points nearest to one, closest first, and their distances.
pub(super) struct Found {
    pub(super) points: Vec<u32>,
    pub(super) distances: Vec<f32>,
}

impl Near {
    pub(super) fn new(map: &Frozen, run: &Run<'_>) -> Result<Self> {
        let geometry = map.geometry()?;
        let dim = map.space.field(&map.field)?.dim();
        let mut near = if let Some(dims) = map.reduced() {
            let data = FieldRows::some(&map.space, &map.field, map.rows.clone())?.as_measured();
            let fit = reduce(&data, dims, run)?;
            let index = Exact::over(fit.coords.clone(), Measure::Euclidean)?;
            let (numbers, reduced) = (Numbers::Same, Some(fit));
            Near { index, query: Query::nearest(0), numbers, dim, geometry, reduced, own: vec![] }
        } else {
            let index = Exact::with_threads(&map.space, &map.field, None, run.threads)?;
            let mut query = Query::nearest(0);
            if map.rows.len() < map.space.rows() {
                let mapped = Bitmap::of(map.space.rows(), map.rows.iter().copied());
                query = query.within(Arc::new(mapped));
            }
            let mut numbers = vec![0; map.space.rows()];
            for (number, row) in (0..).zip(&map.rows) {
                numbers[row.index()] = number;
            }
            let numbers = Numbers::Of(numbers);
            Near { index, query, numbers, dim, geometry, reduced: None, own: vec![] }
        };
        near.own = near.own_distances(&map.space, &map.field, &map.rows, run)?;
        Ok(near)
    }

    /// Under what distances are measured: that of the field, or of its principal components.
    pub(super) fn geometry(&self) -> Geometry {
        if self.reduced.is_some() { Geometry::Euclidean } else { self.geometry }
    }

    /// Distances of mapped points from their own nearest, least first: of all, or of a sample.
    fn own_distances(
        &self,
        space: &Space,
        field: &str,
        rows: &[Row],
        run: &Run<'_>,
    ) -> Result<Vec<f64>> {
        let asked = sample(rows.len(), ASKED, run);
        let points = if let Some(fit) = &self.reduced {
            let numbers = asked.iter().flat_map(|&i| fit.coords.row(i)).copied().collect();
            Matrix::new(asked.len(), fit.coords.cols(), numbers)?
        } else {
            let field = space.field(field)?;
            let mut points = Matrix::zeros(asked.len(), self.dim);
            for (i, &at) in asked.iter().enumerate() {
                field.read(rows[at], points.row_mut(i));
            }
            points
        };
        let found = self.search(&points, 2, run.threads)?;
        let nearest = |(&own, found): (&usize, &Found)| {
            let other = found.points.iter().position(|&point| point as usize != own);
            f64::from(found.distances[other.unwrap_or(0)])
        };
        let mut own: Vec<f64> = asked.iter().zip(&found).map(nearest).collect();
        own.sort_by(f64::total_cmp);
        Ok(own)
    }

    /// The median of these distances.
    pub(super) fn typical(&self) -> f64 {
        self.own[self.own.len() / 2]
    }

    /// The share of mapped points that are nearer to their nearest than this, ties counted half.
    pub(super) fn novelty(&self, nearest: f64) -> f64 {
        let below = self.own.partition_point(|&own| own < nearest);
        let up_to = self.own.partition_point(|&own| own <= nearest);
        (below + up_to) as f64 / (2 * self.own.len()) as f64
    }

    /// Rows of `new` as they are searched for.
    pub(super) fn seen(
        &self,
        new: &dyn RowSource,
        range: Range<usize>,
        scratch: &mut Vec<f32>,
    ) -> Result<Seen> {
        if new.cols() != self.dim {
            return Err(Error::data(format!(
                "vectors of dimension {} cannot be placed among those of {}",
                new.cols(),
                self.dim
            ))
            .help("place vectors that were made as those of the map"));
        }
        let mut vectors = new.block(range.clone(), scratch).to_vec();
        for (row, vector) in range.clone().zip(vectors.chunks_exact_mut(self.dim)) {
            if let Some(bad) = vector.iter().position(|x| !x.is_finite()) {
                return Err(Error::data(format!(
                    "{}, component {}: {} cannot be placed",
                    new.row_name(row),
                    bad + 1,
                    vector[bad]
                ))
                .help("leave such items out, or mend them"));
            }
            let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            if self.geometry == Geometry::Cosine && norm > 0.0 {
                for x in vector {
                    *x = (f64::from(*x) / norm) as f32;
                }
            }
        }
        let vectors = Matrix::new(range.len(), self.dim, vectors)?;
        let components = self.reduced.as_ref().map(|fit| {
            let mut components = Matrix::zeros(vectors.rows(), fit.components.rows());
            for i in 0..vectors.rows() {
                fit.project_one(vectors.row(i), components.row_mut(i));
            }
            components
        });
        Ok(Seen { vectors, components })
    }

    /// The nearest mapped points of each.
    pub(super) fn nearest(&self, seen: &Seen, k: usize, threads: usize) -> Result<Vec<Found>> {
        self.search(seen.components.as_ref().unwrap_or(&seen.vectors), k, threads)
    }

    fn search(&self, points: &Matrix, k: usize, threads: usize) -> Result<Vec<Found>> {
        let hits = self.index.search_batch(points, &Query { k, ..self.query.clone() }, threads)?;
        let number = |row: Row| match &self.numbers {
            Numbers::Same => row.0,
            Numbers::Of(numbers) => numbers[row.index()],
        };
        let found = hits.iter().map(|hits| Found {
            points: hits.iter().map(|hit| number(hit.row)).collect(),
            // Rounding may leave a cosine distance just below zero.
            distances: hits.iter().map(|hit| hit.distance.max(0.0)).collect(),
        });
        Ok(found.collect())
    }
}
