//! Minimum spanning trees of the mutual reachability.
//!
//! `exact`: Prim's algorithm (1957), all distances from the last point that joined at a time: O(n²·d) time, O(n·d) memory.
//! The distances that decide are those of the f32 kernels on centred and scaled rows; the weights of the edges that were
//! taken are then measured in f64, as those of the graph were.
//!
//! `along`: Kruskal's algorithm (1956) on the edges of the graph of neighbours. Components that no edge joins are joined by
//! their nearest points: from some of the smaller one's points the nearest outside, from there the nearest inside, and so on
//! while it gets closer.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::error::Result;
use crate::geometry::{Geometry, Measure};
use crate::index::{Bitmap, Exact, Query};
use crate::kernels;
use crate::linalg::blocks::Work;
use crate::linalg::{Matrix, RowSource, column_moments};
use crate::map::clusters::union::Union;
use crate::map::layout::Points;
use crate::run::Run;
use crate::space::Row;

/// An edge of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) weight: f32,
}

impl Edge {
    /// By weight, ties by point.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let points = (self.a, self.b).cmp(&(other.a, other.b));
        self.weight.total_cmp(&other.weight).then(points)
    }
}

/// Rows whose distances one thread computes at a time.
const CHUNK: usize = 1024;

/// The tree over all pairs of n ≥ 2 points.
pub(super) fn exact(points: Points<'_>, core: &[f32], run: &Run) -> Result<Vec<Edge>> {
    let n = points.vectors.rows();
    let mut waiting = Waiting::new(points, core, run)?;
    let work = Work::new(run, "spanning the points", n as u64 - 1, "points")?;
    let mut tree: Vec<(u32, u32)> = Vec::with_capacity(n - 1);
    work.pool.install(|| {
        let mut joined = waiting.take(0);
        while !waiting.ids.is_empty() && !work.cancelled() {
            let next = waiting.meet(&joined);
            tree.push((waiting.from[next], waiting.ids[next]));
            joined = waiting.take(next);
            work.advance(1);
        }
    });
    work.finish()?;
    let measure = points.geometry.measure();
    let weigh =
        |&(a, b): &(u32, u32)| Edge { a, b, weight: weight(points.vectors, measure, core, a, b) };
    Ok(work.pool.install(|| tree.par_iter().map(weigh).collect()))
}

/// max(core(a), core(b), d(a, b)), d as the graph has it.
fn weight(vectors: &dyn RowSource, measure: Measure, core: &[f32], a: u32, b: u32) -> f32 {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let row = |i: u32| i as usize..i as usize + 1;
    let distance =
        measure.exact(vectors.block(row(a), &mut one), vectors.block(row(b), &mut other));
    (distance as f32).max(core[a as usize]).max(core[b as usize])
}

/// The points that have not joined the tree: what is known of each stands at the same place of every list.
struct Waiting {
    geometry: Geometry,
    dim: usize,
    ids: Vec<u32>,
    /// Centred and scaled to a mean square of 1; under the cosine of unit length.
    rows: Vec<f32>,
    /// In the units of `rows`.
    core: Vec<f32>,
    /// Zero vectors under the cosine, which are at distance 1 from everything.
    zero: Vec<bool>,
    /// The least mutual reachability to a point in the tree, and to which.
    best: Vec<f32>,
    from: Vec<u32>,
}

/// A point that just joined.
struct Joined {
    id: u32,
    row: Vec<f32>,
    core: f32,
    zero: bool,
}

impl Waiting {
    fn new(points: Points<'_>, core: &[f32], run: &Run) -> Result<Self> {
        let (n, d) = (points.vectors.rows(), points.vectors.cols());
        let moments = column_moments(points.vectors, run)?;
        let spread = (n as f64 / moments.squares).sqrt();
        let common = if spread.is_finite() { spread } else { 1.0 };
        let mut waiting = Waiting {
            geometry: points.geometry,
            dim: d,
            ids: (0..n as u32).collect(),
            rows: Vec::with_capacity(n * d),
            core: core.to_vec(),
            zero: vec![false; n],
            best: vec![f32::INFINITY; n],
            from: vec![0; n],
        };
        let mut scratch = Vec::new();
        for i in 0..n {
            let row = points.vectors.block(i..i + 1, &mut scratch);
            match points.geometry {
                Geometry::Euclidean => waiting.rows.extend(
                    row.iter()
                        .zip(&moments.mean)
                        .map(|(&x, m)| ((f64::from(x) - m) * common) as f32),
                ),
                Geometry::Cosine => {
                    let norm = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
                    waiting.zero[i] = norm == 0.0;
                    let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
                    waiting.rows.extend(row.iter().map(|&x| (f64::from(x) * scale) as f32));
                }
            }
        }
        if points.geometry == Geometry::Euclidean {
            waiting.core.iter_mut().for_each(|core| *core = (f64::from(*core) * common) as f32);
        }
        Ok(waiting)
    }

    /// Takes the point at a place out; the last one moves there.
    fn take(&mut self, at: usize) -> Joined {
        let (d, last) = (self.dim, self.ids.len() - 1);
        let row = self.rows[at * d..(at + 1) * d].to_vec();
        self.rows.copy_within(last * d..(last + 1) * d, at * d);
        self.rows.truncate(last * d);
        self.best.swap_remove(at);
        self.from.swap_remove(at);
        Joined {
            id: self.ids.swap_remove(at),
            row,
            core: self.core.swap_remove(at),
            zero: self.zero.swap_remove(at),
        }
    }

    /// Tells all that wait of a point that joined; gives the place of the nearest to the tree, ties by point.
    fn meet(&mut self, joined: &Joined) -> usize {
        let (d, cosine) = (self.dim, self.geometry == Geometry::Cosine);
        let known = self.ids.par_chunks(CHUNK).zip(self.core.par_chunks(CHUNK));
        let known = known.zip(self.zero.par_chunks(CHUNK)).zip(self.rows.par_chunks(CHUNK * d));
        let found = self.best.par_chunks_mut(CHUNK).zip(self.from.par_chunks_mut(CHUNK));
        let nearest = known.zip(found).enumerate().map(
            |(chunk, ((((ids, core), zero), rows), (best, from)))| {
                let mut squares = [0.0; CHUNK];
                let squares = &mut squares[..ids.len()];
                kernels::l2_rows(&joined.row, rows, squares);
                let mut nearest = (f32::INFINITY, u32::MAX, 0);
                for (i, &square) in squares.iter().enumerate() {
                    let distance = if !cosine {
                        square.sqrt()
                    } else if joined.zero || zero[i] {
                        1.0
                    } else {
                        square / 2.0
                    };
                    let reach = distance.max(joined.core).max(core[i]);
                    if reach < best[i] {
                        (best[i], from[i]) = (reach, joined.id);
                    }
                    if (best[i], ids[i]) < (nearest.0, nearest.1) {
                        nearest = (best[i], ids[i], chunk * CHUNK + i);
                    }
                }
                nearest
            },
        );
        let closer = |a: (f32, u32, usize), b: (f32, u32, usize)| {
            if (a.0, a.1) <= (b.0, b.1) { a } else { b }
        };
        nearest.reduce(|| (f32::INFINITY, u32::MAX, 0), closer).2
    }
}

/// The tree along the graph, joined where the graph is not connected.
pub(super) fn along(points: Points<'_>, core: &[f32], run: &Run) -> Result<Vec<Edge>> {
    let (n, graph) = (points.vectors.rows(), points.graph);
    let work = Work::new(run, "spanning the points", n as u64, "points")?;
    let edges_of = |i: usize| {
        let near = graph.neighbours(i).iter().zip(graph.distances(i));
        near.filter_map(move |(&j, &distance)| {
            // A pair that is in both lists is taken from the first.
            let once = (i as u32) < j || !graph.neighbours(j as usize).contains(&(i as u32));
            let weight = distance.max(core[i]).max(core[j as usize]);
            once.then_some(Edge { a: i as u32, b: j, weight })
        })
    };
    let edges = work.pool.install(|| {
        let mut edges: Vec<Edge> = (0..n).into_par_iter().flat_map_iter(edges_of).collect();
        edges.par_sort_unstable_by(Edge::order);
        edges
    });
    let mut union = Union::new(n);
    let mut tree = Vec::with_capacity(n - 1);
    for edge in edges {
        if union.join(edge.a, edge.b).is_some() {
            tree.push(edge);
            work.advance(1);
        }
    }
    work.finish()?;
    if tree.len() < n - 1 {
        join(points, core, &mut union, &mut tree, run)?;
    }
    Ok(tree)
}

/// From how many points of a component the nearest outside is looked for.
const PROBES: usize = 32;

/// Joins what the graph left apart: every component but the largest by the shortest edge found to another, until there
/// is one.
fn join(
    points: Points<'_>,
    core: &[f32],
    union: &mut Union,
    tree: &mut Vec<Edge>,
    run: &Run,
) -> Result<()> {
    let n = points.vectors.rows();
    let mut scratch = Vec::new();
    let numbers = points.vectors.block(0..n, &mut scratch).to_vec();
    let vectors = Matrix::new(n, points.vectors.cols(), numbers)?;
    let exact = Exact::over(vectors, points.geometry.measure())?;
    let work =
        Work::new(run, "joining what lies apart", (n - 1 - tree.len()) as u64, "components")?;
    while tree.len() < n - 1 {
        let mut components: Vec<Vec<u32>> = Vec::new();
        let mut number = vec![u32::MAX; n];
        for i in 0..n as u32 {
            let root = union.find(i) as usize;
            if number[root] == u32::MAX {
                number[root] = components.len() as u32;
                components.push(Vec::new());
            }
            components[number[root] as usize].push(i);
        }
        components.sort_by_key(|members| (members.len(), members[0]));
        components.pop();
        let mut found = Vec::with_capacity(components.len());
        for members in &components {
            found.push(bridge(&exact, points, core, members, run)?);
            if work.cancelled() {
                break;
            }
        }
        found.sort_unstable_by(Edge::order);
        for edge in found {
            if union.join(edge.a, edge.b).is_some() {
                tree.push(edge);
                work.advance(1);
            }
        }
        work.finish()?;
    }
    Ok(())
}

/// A short edge from a component to the rest.
fn bridge(
    exact: &Exact,
    points: Points<'_>,
    core: &[f32],
    members: &[u32],
    run: &Run,
) -> Result<Edge> {
    let n = points.vectors.rows();
    let inside = Bitmap::of(n, members.iter().map(|&i| Row(i)));
    let outside = Bitmap::of(n, (0..n as u32).map(Row).filter(|&row| !inside.contains(row)));
    let (inside, outside) =
        (Query::nearest(1).within(inside.into()), Query::nearest(1).within(outside.into()));
    let nearest = |from: &[u32], query: &Query| -> Result<Edge> {
        let mut scratch = Vec::new();
        let numbers = from
            .iter()
            .flat_map(|&i| points.vectors.block(i as usize..i as usize + 1, &mut scratch).to_vec());
        let asked = Matrix::new(from.len(), points.vectors.cols(), numbers.collect())?;
        let hits = exact.search_batch(&asked, query, run.threads)?;
        let edges = from.iter().zip(&hits).filter_map(|(&a, hits)| {
            let hit = hits.first()?;
            let b = hit.row.0;
            let weight = hit.distance.max(core[a as usize]).max(core[b as usize]);
            Some(Edge { a, b, weight })
        });
        Ok(edges.min_by(Edge::order).unwrap_or(Edge {
            a: from[0],
            b: from[0],
            weight: f32::INFINITY,
        }))
    };
    let count = members.len().min(PROBES);
    let probes: Vec<u32> = (0..count).map(|i| members[i * members.len() / count]).collect();
    let mut best = nearest(&probes, &outside)?;
    loop {
        let back = nearest(&[best.b], &inside)?;
        let again = nearest(&[back.b], &outside)?;
        if again.weight >= best.weight {
            return Ok(best);
        }
        best = again;
    }
}
