//! From vectors to layers: the nearest neighbours of all nodes make the lowest, those of fewer and fewer of them the ones
//! above.

use rand_xoshiro::rand_core::Rng;
use xxhash_rust::xxh3::xxh3_64;

use super::super::graph::{Graph, NeighbourOptions};
use super::codes::{self, Codes};
use super::frame::{BLOCK, Chosen, Frame, Framed};
use super::links::{Chooser, Layer};
use super::options::{HnswOptions, Precision};
use crate::error::Result;
use crate::file::Array;
use crate::geometry::{Geometry, Measure};
use crate::kernels::scattered::Scattered;
use crate::linalg::RowSource;
use crate::run::Run;

/// The name of the random stream: "layers".
const STREAM: u64 = 0x6c61_7965_7273;
/// One node of so many is also in the layer above.
const EVERY: u64 = 12;
/// So few nodes are all looked at when a search begins, and have no layer of their own.
pub(super) const TOP: usize = 128;
/// Bytes serve if what they change of ½‖x − y‖² is less than this share of it, for the tenth neighbour.
const FINE: f64 = 0.05;

/// Vectors with layers of links between them.
pub(super) struct Built {
    pub(super) frame: Frame,
    pub(super) codes: Codes,
    /// The rows of each node: node i has those from `starts[i]` to `starts[i + 1]`.
    pub(super) starts: Array<u32>,
    pub(super) rows: Array<u32>,
    /// The links of all nodes, so many each.
    pub(super) width: usize,
    pub(super) links: Array<u32>,
    /// The layers above, the lowest first.
    pub(super) upper: Vec<Upper>,
    /// The nodes that a search begins with, rising.
    pub(super) top: Array<u32>,
}

/// A layer above the lowest.
pub(super) struct Upper {
    /// Its nodes, rising.
    pub(super) nodes: Array<u32>,
    /// The links of each, as places among them.
    pub(super) width: usize,
    pub(super) links: Array<u32>,
}

pub(super) fn build(
    source: &dyn RowSource,
    frame: Frame,
    options: &HnswOptions,
    run: &Run,
) -> Result<Built> {
    let (mut starts, mut rows) = copies(&Framed { source, rows: None, frame: &frame });
    let mut firsts: Vec<u32> = starts.windows(2).map(|range| rows[range[0] as usize]).collect();
    let n = firsts.len();
    let graph = nearest(source, &firsts, &frame, options.candidates, run)?;
    // Neighbours side by side: what is compared one after the other lies close together.
    let order = in_order(&graph, n);
    let graph = renumbered(&graph, &order);
    (starts, rows) = moved(&order, &starts, &rows);
    firsts = starts.windows(2).map(|range| rows[range[0] as usize]).collect();
    let all = Framed { source, rows: Some(&firsts), frame: &frame };
    let mut codes = Codes::of(&all, step(&all, &graph, options, run), run)?;
    let chooser = Chooser {
        codes: &codes,
        kernels: Scattered::detect(),
        nodes: None,
        cols: frame.cols(),
        alpha: (options.alpha * options.alpha) as f32,
        width: options.links,
    };
    let mut lowest = chooser.layer(&graph, n, run)?;
    drop(graph);
    let mut random = run.stream(&[STREAM]);
    let mut sampled = |n: usize| -> Vec<u32> {
        (0..n as u32).filter(|_| random.next_u64() < u64::MAX / EVERY).collect()
    };
    let mut upper = Vec::new();
    let mut nodes = if n <= TOP { (0..n as u32).collect() } else { sampled(n) };
    lowest.reach(&mut nodes);
    while nodes.len() > TOP {
        let some: Vec<u32> = nodes.iter().map(|&node| firsts[node as usize]).collect();
        let graph = nearest(source, &some, &frame, options.candidates, run)?;
        let chooser =
            Chooser { nodes: Some(&nodes), width: options.links.div_ceil(2).max(4), ..chooser };
        let mut layer = chooser.layer(&graph, nodes.len(), run)?;
        let mut above = sampled(nodes.len());
        layer.reach(&mut above);
        // Layers that do not get smaller are no help: so many pieces are looked at one by one.
        let stuck = above.len() > nodes.len() / 2;
        let above: Vec<u32> = above.iter().map(|&local| nodes[local as usize]).collect();
        let Layer { width, links } = layer;
        let below = std::mem::replace(&mut nodes, above);
        upper.push(Upper { nodes: below.into(), width, links: links.into() });
        if stuck {
            break;
        }
    }
    // Links are better chosen by what says more; bits serve to find the way along them.
    if options.precision == Precision::Bits {
        codes = Codes::bits(&all, run)?;
    }
    let Layer { width, links } = lowest;
    let (starts, rows, top) = (starts.into(), rows.into(), nodes.into());
    Ok(Built { frame, codes, starts, rows, width, links: links.into(), upper, top })
}

/// The graph of the nearest `k` of these rows, or of as many as there are: by the geometry that orders as the frame does,
/// where there is one, since vectors are then used where they lie.
fn nearest(
    source: &dyn RowSource,
    rows: &[u32],
    frame: &Frame,
    k: usize,
    run: &Run,
) -> Result<Graph> {
    let n = rows.len();
    if n < 2 {
        return Graph::new(0, Vec::new(), Vec::new());
    }
    let options = NeighbourOptions { recall_sample: 0, ..NeighbourOptions::nearest(k.min(n - 1)) };
    let of = |points: &dyn RowSource, geometry| Graph::of(points, geometry, &options, run);
    let geometry = match frame.measure {
        Measure::Dot => {
            return of(&Framed { source, rows: Some(rows), frame }, Geometry::Euclidean);
        }
        Measure::Cosine => Geometry::Cosine,
        Measure::Euclidean => Geometry::Euclidean,
    };
    let whole = n == source.rows() && rows.iter().enumerate().all(|(i, &row)| i == row as usize);
    if whole { of(source, geometry) } else { of(&Chosen { source, rows }, geometry) }
}

/// The step of bytes; `None` where vectors are to be held whole.
fn step(all: &Framed<'_>, graph: &Graph, options: &HnswOptions, run: &Run) -> Option<f32> {
    if options.precision == Precision::Full || all.cols() > codes::MOST_BYTES {
        return None;
    }
    let (step, error) = codes::step(all);
    if options.precision == Precision::Auto && graph.k() > 0 {
        let tenth = graph.k().min(10) - 1;
        let mut distances: Vec<f32> = (0..graph.len()).map(|i| graph.distances(i)[tenth]).collect();
        let middle = distances.len() / 2;
        let (_, &mut median, _) = distances.select_nth_unstable_by(middle, f32::total_cmp);
        if error > FINE * all.frame.half_squared(f64::from(median)) {
            run.progress.note("bytes are too coarse for these vectors: they are held as floats");
            return None;
        }
    }
    Some(step)
}

/// The rows of all vectors, those that are equal side by side, and where each vector's begin: in the order of the first
/// of each.
fn copies(all: &Framed<'_>) -> (Vec<u32>, Vec<u32>) {
    let (n, cols) = (all.rows(), all.cols());
    let mut hashes: Vec<(u64, u32)> = Vec::with_capacity(n);
    let mut scratch = Vec::new();
    for start in (0..n).step_by(BLOCK) {
        let range = start..n.min(start + BLOCK);
        let rows = all.block(range.clone(), &mut scratch).chunks_exact(cols.max(1));
        hashes
            .extend(rows.zip(range).map(|(row, i)| (xxh3_64(bytemuck::cast_slice(row)), i as u32)));
    }
    hashes.sort_unstable();
    // Whom each is a copy of; two vectors of one hash that differ are no copies.
    let mut first: Vec<u32> = (0..n as u32).collect();
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for group in hashes.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        let lead = group[0].1 as usize;
        let leader = all.block(lead..lead + 1, &mut one);
        for &(_, row) in &group[1..] {
            let at = row as usize;
            if all.block(at..at + 1, &mut other) == leader {
                first[at] = lead as u32;
            }
        }
    }
    let mut next = vec![0_u32; n + 1];
    let mut node = vec![u32::MAX; n];
    let mut count = 0;
    for row in 0..n {
        let lead = first[row] as usize;
        if lead == row {
            node[row] = count;
            count += 1;
        }
        next[node[lead] as usize + 1] += 1;
    }
    next.truncate(count as usize + 1);
    for i in 1..next.len() {
        next[i] += next[i - 1];
    }
    let starts = next.clone();
    let mut rows = vec![0; n];
    for row in 0..n {
        let place = &mut next[node[first[row] as usize] as usize];
        rows[*place as usize] = row as u32;
        *place += 1;
    }
    (starts, rows)
}

/// Nodes as they are met going from neighbour to neighbour.
fn in_order(graph: &Graph, n: usize) -> Vec<u32> {
    let mut order = Vec::with_capacity(n);
    let mut seen = vec![false; n];
    for start in 0..n {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let mut at = order.len();
        order.push(start as u32);
        while at < order.len() && graph.k() > 0 {
            for &other in graph.neighbours(order[at] as usize) {
                if !std::mem::replace(&mut seen[other as usize], true) {
                    order.push(other);
                }
            }
            at += 1;
        }
    }
    order
}

/// The graph of the same points in another order.
fn renumbered(graph: &Graph, order: &[u32]) -> Graph {
    let mut place = vec![0; order.len()];
    for (i, &point) in order.iter().enumerate() {
        place[point as usize] = i as u32;
    }
    let lists = || order.iter().map(|&point| point as usize).filter(|_| graph.k() > 0);
    let neighbours = lists().flat_map(|i| graph.neighbours(i)).map(|&j| place[j as usize]);
    let distances = lists().flat_map(|i| graph.distances(i)).copied();
    Graph::trusted(graph.k(), neighbours.collect(), distances.collect())
}

/// Lists of rows in another order of their nodes.
fn moved(order: &[u32], starts: &[u32], rows: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let (mut new_starts, mut new_rows) = (vec![0], Vec::with_capacity(rows.len()));
    for &node in order {
        let range = starts[node as usize] as usize..starts[node as usize + 1] as usize;
        new_rows.extend_from_slice(&rows[range]);
        new_starts.push(new_rows.len() as u32);
    }
    (new_starts, new_rows)
}
