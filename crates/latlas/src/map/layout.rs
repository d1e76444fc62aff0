//! What methods have in common that move points about until they settle.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::index::Graph;
use crate::linalg::{Matrix, RowSource};
use crate::run::Run;

/// What is laid out: n vectors and the graph of their nearest neighbours.
#[derive(Clone, Copy)]
pub struct Points<'a> {
    /// The vectors, as the metric sees them: of unit length under the cosine.
    pub vectors: &'a dyn RowSource,
    /// How distance is measured.
    pub geometry: Geometry,
    /// The neighbours of each, at least as many as [`Layout::neighbours`] says, or all others.
    pub graph: &'a Graph,
    /// Where they stand before the first step, n × 2 or n × 3; `None` leaves it to the method.
    pub start: Option<&'a Matrix>,
}

impl Points<'_> {
    /// Refuses no points at all, a graph of other points, or one of fewer than `wanted` neighbours; `n` may be 1 with no graph.
    pub(super) fn check_graph(&self, wanted: usize, help: impl Fn(usize) -> String) -> Result<()> {
        let (n, graph) = (self.vectors.rows(), self.graph);
        if n == 0 {
            return Err(Error::data("there is no point to lay out"));
        }
        if graph.len() != n && (n > 1 || !graph.is_empty()) {
            return Err(Error::data(format!(
                "a graph of the neighbours of {} points for {n}",
                graph.len()
            )));
        }
        if graph.k() < wanted {
            return Err(Error::data(format!(
                "a graph of {} neighbours a point, where {wanted} are wanted",
                graph.k()
            ))
            .help(help(graph.k())));
        }
        Ok(())
    }
}

/// What draws points back towards a place of their own: λ·‖yᵢ − aᵢ‖² is added to what is lowered.
#[derive(Clone, Copy)]
pub struct Tether<'a> {
    /// aᵢ, n × 2 or n × 3.
    pub to: &'a Matrix,
    /// Which points are held.
    pub held: &'a [bool],
    /// λ, at least 0. Beside it, a point's strongest neighbour pulls with about 1.
    pub strength: f64,
}

impl Tether<'_> {
    /// aᵢ, for a point that is held.
    pub(super) fn of<const D: usize>(&self, point: usize) -> Option<[f32; D]> {
        let to = self.to.row(point);
        self.held[point].then(|| std::array::from_fn(|axis| to[axis]))
    }
}

/// A method that moves points about until they settle. The same points, options and seed give the same positions to the
/// bit, with any number of threads.
pub trait Layout: Sync {
    /// Its name: "tsne", "umap".
    fn method(&self) -> &'static str;

    /// How many neighbours of each of so many points it wants to know.
    fn neighbours(&self, points: usize) -> usize;

    /// Refuses what it could not do with so many points, before anything is computed.
    fn fits(&self, points: usize) -> Result<()> {
        let _ = points;
        Ok(())
    }

    /// Everything before the first step.
    fn begin<'a>(&'a self, points: Points<'a>, run: &Run<'_>) -> Result<Box<dyn Settling + 'a>>;

    /// As `begin`, with points held by a tether. A usage error under a method that knows none.
    fn begin_tethered<'a>(
        &'a self,
        points: Points<'a>,
        tether: Tether<'_>,
        run: &Run<'_>,
    ) -> Result<Box<dyn Settling + 'a>> {
        let _ = (points, tether, run);
        Err(Error::usage(format!("{} holds no points by a tether", self.method()))
            .help("lay out by umap or tsne"))
    }
}

/// A layout that is still moving: whoever holds it may look at it between two steps, draw it, or stop there.
pub trait Settling: Send {
    /// One step for all points, an iteration or an epoch; `false` once there is none left.
    fn step(&mut self, run: &Run<'_>) -> Result<bool>;

    /// How many steps were made, and how many there will be.
    fn steps(&self) -> (u64, u64);

    /// Where the points stand, n × 2 or n × 3.
    fn coords(&self) -> &Matrix;

    /// What the method says about the positions: "kl" and the like. May take as long as some steps.
    fn figures(&self, run: &Run<'_>) -> Result<Map<String, Value>>;

    /// Everything that steps change, as bytes: with these a layout of the same points, options and seed goes on to the
    /// same end. `None` if its place cannot be kept.
    fn keep(&self) -> Option<Vec<u8>> {
        None
    }

    /// Puts a layout that has just begun to where [`Settling::keep`] was called. A data error if these bytes are not
    /// of the same points, options and seed; it is then of no further use.
    fn restore(&mut self, kept: &[u8]) -> Result<()> {
        let _ = kept;
        Err(Error::usage("the place of this method cannot be kept"))
    }
}
