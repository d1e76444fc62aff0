//! PaCMAP: points laid out by near, mid-near and further pairs (Wang, Huang, Rudin & Shaposhnik, JMLR 22, 2021).
//!
//! Near pairs pull with a force that ends where they are close, further pairs push with one that ends where they are
//! apart, and mid-near pairs, at first strongly and then not at all, set the large picture ([`pairs`], [`optimise`]).
//! Where we differ on purpose: the first positions have a standard deviation of 0.02 along the first principal
//! component, whatever the vectors' unit, where the authors take a hundredth of the positions of vectors scaled to
//! 0…1; and distances are those of the space's geometry.

mod optimise;
mod options;
mod pairs;
mod place;

use rand_xoshiro::rand_core::Rng;
use serde_json::{Map, Value, json};

use self::optimise::Moving;
use self::pairs::{Chosen, Counts, STREAM};
use super::start::{check_start, principal};
use super::{Layout, Points, Settling};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::run::Run;

pub use options::Pacmap;

/// The standard deviation of the first positions along the first axis, and how far each point is put off its place.
const DEVIATION: f64 = 0.02;
const JITTER: f32 = 1e-4;

impl Layout for Pacmap {
    fn method(&self) -> &'static str {
        "pacmap"
    }

    fn neighbours(&self, points: usize) -> usize {
        self.candidates_for(points)
    }

    fn fits(&self, points: usize) -> Result<()> {
        self.check_for(points)
    }

    fn begin<'a>(&'a self, points: Points<'a>, run: &Run<'_>) -> Result<Box<dyn Settling + 'a>> {
        let n = points.vectors.rows();
        self.check_for(n)?;
        points.check_graph(self.candidates_for(n), |_| "make the graph again".to_owned())?;
        let near = self.neighbours_for(n).min(n - 1);
        let part = |ratio: f64| (ratio * near as f64).round() as usize;
        let counts =
            Counts { near, mid_near: part(self.mid_near_ratio), further: part(self.further_ratio) };
        let chosen = Chosen::new(points.vectors, points.graph, counts, run)?;
        let start = if let Some(start) = points.start {
            check_start(start, n, self.dims)?;
            start.clone()
        } else {
            self.start(&points, run)?
        };
        // One point has nothing to settle with.
        let all = if n < 2 { 0 } else { self.iterations };
        let rate = self.learning_rate;
        Ok(if self.dims == 2 {
            Box::new(Underway(Moving::<2>::new(chosen, start, rate, all, run)?))
        } else {
            Box::new(Underway(Moving::<3>::new(chosen, start, rate, all, run)?))
        })
    }
}

impl Pacmap {
    /// Where points stand at first.
    fn start(&self, points: &Points<'_>, run: &Run<'_>) -> Result<Matrix> {
        let n = points.vectors.rows();
        let mut start = principal(points.vectors, self.dims, run)?
            .unwrap_or_else(|| Matrix::zeros(n, self.dims));
        // The mean is at the origin.
        let squares: f64 = start.iter_rows().map(|y| f64::from(y[0]).powi(2)).sum();
        let scale = if squares > 0.0 { DEVIATION / (squares / n as f64).sqrt() } else { 0.0 };
        let mut random = run.stream(&[STREAM, u64::MAX]);
        for y in start.as_mut_slice() {
            let off = (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
            *y = (f64::from(*y) * scale) as f32 + JITTER * off;
        }
        Ok(start)
    }
}

/// A map that is being made.
struct Underway<const D: usize>(Moving<D>);

impl<const D: usize> Settling for Underway<D> {
    fn step(&mut self, _: &Run<'_>) -> Result<bool> {
        let (done, all) = self.0.iterations();
        if done < all {
            self.0.iterate();
        }
        Ok(done + 1 < all)
    }

    fn steps(&self) -> (u64, u64) {
        let (done, all) = self.0.iterations();
        (done as u64, all as u64)
    }

    fn coords(&self) -> &Matrix {
        self.0.coords()
    }

    fn keep(&self) -> Option<Vec<u8>> {
        Some(self.0.keep())
    }

    fn restore(&mut self, kept: &[u8]) -> Result<()> {
        self.0.restore(kept)
    }

    fn figures(&self, _: &Run<'_>) -> Result<Map<String, Value>> {
        let (near, further) = self.0.losses();
        let mut figures = Map::new();
        figures.insert("iterations".to_owned(), json!(self.0.iterations().0));
        figures.insert("loss_near".to_owned(), json!(near));
        figures.insert("loss_further".to_owned(), json!(further));
        Ok(figures)
    }
}
