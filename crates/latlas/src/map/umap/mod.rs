//! UMAP: points stand together whose neighbourhoods overlap (McInnes, Healy & Melville 2018, arXiv:1802.03426).
//!
//! With p the strength of the link of two points in the fuzzy graph of nearest neighbours ([`fuzzy`]) and
//! ψ = 1/(1 + a·d^(2b)) their similarity at distance d on the map ([`curve`]), the fuzzy cross entropy
//!
//! ```text
//! C = Σ p·ln(p/ψ) + (1 − p)·ln((1 − p)/(1 − ψ))    over all pairs
//! ```
//!
//! is lowered by stochastic steps: links that are due by their strength pull, random points push ([`forces`]). Where
//! we differ on purpose: each point is moved by its owner ([`optimise`]), so that the map is the same on any number of
//! threads; points begin along the principal components unless told otherwise ([`spectral`] is the alternative). With
//! `dens_lambda`, local density is kept as well ([`density`]).

mod curve;
mod density;
mod forces;
mod fuzzy;
mod links;
mod optimise;
mod options;
mod place;
mod places;
mod spectral;
mod target;
mod turns;

use rand_xoshiro::rand_core::Rng;
use serde_json::{Map, Value, json};

use self::curve::Curve;
use self::links::Links;
use self::optimise::{Moving, Schedule};
use self::places::STREAM;
use super::start::{check_start, extent, principal};
use super::{Layout, Points, Settling, Tether};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::linalg::blocks::pool;
use crate::run::{Run, Step};

pub use options::{Init, Umap};
pub use target::{Supervised, Target};

/// The side of the box that points begin in, and how far each is put off its place there.
const SIDE: f32 = 10.0;
const JITTER: f32 = 1e-4;

impl Layout for Umap {
    fn method(&self) -> &'static str {
        "umap"
    }

    fn neighbours(&self, points: usize) -> usize {
        self.neighbours_for(points).saturating_sub(1)
    }

    fn fits(&self, points: usize) -> Result<()> {
        self.check_for(points)
    }

    fn begin<'a>(&'a self, points: Points<'a>, run: &Run<'_>) -> Result<Box<dyn Settling + 'a>> {
        self.begin_with(points, None, None, run)
    }

    fn begin_tethered<'a>(
        &'a self,
        points: Points<'a>,
        tether: Tether<'_>,
        run: &Run<'_>,
    ) -> Result<Box<dyn Settling + 'a>> {
        self.begin_with(points, None, Some(tether), run)
    }
}

impl Umap {
    /// Everything before the first epoch, with or without a target and a tether.
    fn begin_with<'a>(
        &'a self,
        points: Points<'a>,
        target: Option<Target<'_>>,
        tether: Option<Tether<'_>>,
        run: &Run<'_>,
    ) -> Result<Box<dyn Settling + 'a>> {
        let n = points.vectors.rows();
        self.check_for(n)?;
        points.check_graph(self.neighbours(n).min(n.saturating_sub(1)), |k| {
            format!("set neighbours={}, or make the graph again", k + 1)
        })?;
        let pool = pool(run)?;
        // It takes a moment, and no more.
        let stage = |done: usize| Step {
            stage: "linking neighbours",
            done: done as u64,
            total: Some(n as u64),
            unit: "points",
            detail: String::new(),
        };
        run.report(&stage(0))?;
        let mut links = if points.graph.is_empty() {
            Links::build(n, &pool, |_, _| ())
        } else {
            self.fuzziness(n).graph(points.graph, &pool)
        };
        if let Some(target) = target {
            links = target.intersect(&links, self, &pool)?;
        }
        run.report(&stage(n))?;
        let alone = links.alone();
        if alone > 0 && n > 1 {
            run.progress.warn(&format!(
                "{alone} of {n} points have no neighbour left, and stay where they begin"
            ));
        }
        let start = if let Some(start) = points.start {
            check_start(start, n, self.dims)?;
            start.clone()
        } else {
            self.start(&points, &links, run)?
        };
        let curve = Curve::fit(self.spread, self.min_dist);
        let schedule = Schedule {
            epochs: if links.len() == 0 { 0 } else { self.epochs_for(n) as u64 },
            learning_rate: self.learning_rate,
            negatives: self.negative_sample_rate,
            curve,
            repulsion_strength: self.repulsion_strength,
            keeping: self.keeping(),
        };
        let about = About { curve, links: links.len(), alone };
        Ok(if self.dims == 2 {
            Box::new(Underway {
                moving: Moving::<2>::new(&links, points.graph, &start, schedule, run)?
                    .tethered(tether),
                about,
            })
        } else {
            Box::new(Underway {
                moving: Moving::<3>::new(&links, points.graph, &start, schedule, run)?
                    .tethered(tether),
                about,
            })
        })
    }

    /// Where points stand at first: in a box of the same side along each axis, as umap-learn has it, each put off a
    /// little, so that points in the same place come apart and flat ones leave their line.
    fn start(&self, points: &Points<'_>, links: &Links, run: &Run<'_>) -> Result<Matrix> {
        let n = links.points();
        let mut random = run.stream(&[STREAM, u64::MAX - 1]);
        let mut draw = || (random.next_u32() >> 8) as f32 / (1 << 24) as f32 - 0.5;
        let anywhere: Vec<f32> = (0..n * self.dims).map(|_| draw()).collect();
        let anywhere = Matrix::new(n, self.dims, anywhere)?;
        let mut start = if self.init == Init::Random {
            anywhere
        } else {
            let found = principal(points.vectors, self.dims, run)?;
            if found.is_none() && n > 2 {
                run.progress.note("the vectors are all equal: points begin anywhere");
            }
            found.unwrap_or(anywhere)
        };
        if self.init == Init::Spectral {
            match spectral::spectral(links, &start, run)? {
                Ok(found) => start = found,
                Err(why) => run.progress.note(&format!(
                    "init=spectral: {why}; points begin along the principal components"
                )),
            }
        }
        let extent = extent(&start);
        for y in start.as_mut_slice().chunks_exact_mut(self.dims) {
            for (y, (least, greatest)) in y.iter_mut().zip(&extent) {
                let width = greatest - least;
                let share = if width > 0.0 { (*y - least) / width - 0.5 } else { 0.0 };
                *y = SIDE * share + JITTER * draw();
            }
        }
        Ok(start)
    }
}

/// What is told about a map.
struct About {
    curve: Curve,
    links: usize,
    alone: usize,
}

/// A map that is being made.
struct Underway<const D: usize> {
    moving: Moving<D>,
    about: About,
}

impl<const D: usize> Settling for Underway<D> {
    fn step(&mut self, run: &Run<'_>) -> Result<bool> {
        let (done, all) = self.moving.epochs();
        if done < all {
            self.moving.epoch(run);
        }
        Ok(done + 1 < all)
    }

    fn steps(&self) -> (u64, u64) {
        self.moving.epochs()
    }

    fn coords(&self) -> &Matrix {
        self.moving.coords()
    }

    fn keep(&self) -> Option<Vec<u8>> {
        Some(self.moving.keep())
    }

    fn restore(&mut self, kept: &[u8]) -> Result<()> {
        self.moving.restore(kept)
    }

    fn figures(&self, _: &Run<'_>) -> Result<Map<String, Value>> {
        let mut figures = Map::new();
        figures.insert("epochs".to_owned(), json!(self.moving.epochs().0));
        figures.insert("a".to_owned(), json!(self.about.curve.a));
        figures.insert("b".to_owned(), json!(self.about.curve.b));
        figures.insert("links".to_owned(), json!(self.about.links / 2));
        figures.insert("pulling".to_owned(), json!(self.moving.springs() / 2));
        figures.insert("disconnected".to_owned(), json!(self.about.alone));
        if let Some(correlation) = self.moving.density_correlation() {
            figures.insert("density_correlation".to_owned(), json!(correlation));
        }
        Ok(figures)
    }
}
