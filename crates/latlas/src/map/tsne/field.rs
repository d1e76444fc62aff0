//! Repulsion in the plane by a grid: charges of 1 are spread from points to nodes by cubic B-splines, convolved with the kernels, and
//! the forces gathered at the points by the same splines. Costs n and the area of the map.
//!
//! Nodes lie `spacing` apart, closer while the map is small; the kernels are about 1 wide at any size of the map. For w²·(yᵢ − yⱼ) of a pair,
//! which is at most 0.33, the error at a spacing of ½ is 0.005 (root of the mean square over pairs less than 4 apart) and
//! differs in sign from pair to pair; Z is off by a few in 10,000.

use rayon::prelude::*;
use std::ops::Range;

use super::Repel;
use super::convolution::Convolution;

/// Points that a thread sorts or gathers at a time.
const CHUNK: usize = 8192;
/// Rows of nodes that a thread fills at a time.
const BAND: usize = 16;
/// Nodes that a point touches along an axis.
const WIDE: usize = 4;
/// The least padded size of the grid, and the most; beyond, nodes lie further apart.
const SIZES: Range<usize> = 128..3072;

/// The grid, kept from call to call as long as the map fits it.
pub(super) struct Field {
    spacing: f64,
    grid: Option<Grid>,
    /// The points in units of nodes, chunk by chunk in the order of their rows, and where each row begins in its chunk.
    sorted: Vec<[f32; 2]>,
    starts: Vec<u32>,
    charge: Vec<f32>,
    force: Vec<[f32; 2]>,
}

struct Grid {
    convolution: Convolution,
    spacing: f64,
}

impl Grid {
    /// The widest map that fits: no point beyond the second node from each edge, nor the margin.
    fn span(&self) -> f64 {
        (self.convolution.nodes() - 3 - self.convolution.margin()) as f64 * self.spacing
    }
}

/// Where a point lies among the nodes: the first of four along an axis, and their shares.
struct Place {
    x: usize,
    y: usize,
    across: [f32; WIDE],
    down: [f32; WIDE],
}

impl Place {
    #[inline]
    fn of(point: [f32; 2], nodes: usize) -> Self {
        let ((x, across), (y, down)) = (spline(point[0], nodes), spline(point[1], nodes));
        Place { x, y, across, down }
    }
}

/// The first node and the shares of the cubic B-spline.
#[inline]
fn spline(at: f32, nodes: usize) -> (usize, [f32; WIDE]) {
    let first = first(at, nodes);
    let t = at - (first + 1) as f32;
    let s = 1.0 - t;
    let (t2, s2) = (t * t, s * s);
    let sixth = 1.0 / 6.0;
    let near = |u2: f32, u: f32| (u2 * (3.0 * u - 6.0) + 4.0) * sixth;
    (first, [s2 * s * sixth, near(t2, t), near(s2, s), t2 * t * sixth])
}

#[inline]
fn first(at: f32, nodes: usize) -> usize {
    (at as usize).saturating_sub(1).min(nodes - WIDE)
}

impl Field {
    pub(super) fn new(spacing: f64) -> Self {
        Field {
            spacing,
            grid: None,
            sorted: Vec::new(),
            starts: Vec::new(),
            charge: Vec::new(),
            force: Vec::new(),
        }
    }

    /// A grid for a map of this span: the one there is, if it fits and not much of it stays empty.
    fn fit(&mut self, span: f64) -> Grid {
        if let Some(grid) = self.grid.take()
            && (span..2.5 * span.max(f64::MIN_POSITIVE)).contains(&grid.span())
        {
            return grid;
        }
        // Room to grow, so that the next iterations fit, too.
        let wanted = span * 1.06;
        let least = (SIZES.start / 2 - 12) as f64;
        let mut spacing = self.spacing;
        let mut size = SIZES.start;
        if wanted <= least * spacing {
            // Small maps get closer nodes: forces are differences from node to node, which f32 has to tell.
            while wanted < least * spacing / 2.0 && spacing > 1e-9 {
                spacing /= 2.0;
            }
        } else {
            let needed = 2 * ((wanted / spacing).ceil().min(1e9) as usize + 12);
            size = fast_size(needed);
            if size > SIZES.end {
                size = SIZES.end;
                spacing = wanted / (size / 2 - 12) as f64;
            }
        }
        Grid { convolution: Convolution::new(size, spacing), spacing }
    }

    /// Sorts each chunk of points by their first row of nodes.
    fn sort(
        &mut self,
        at: &[[f32; 2]],
        nodes: usize,
        place: impl Fn(&[f32; 2]) -> [f32; 2] + Sync,
    ) {
        let rows = nodes - WIDE + 2;
        self.sorted.resize(at.len(), [0.0; 2]);
        self.starts.resize(at.len().div_ceil(CHUNK) * rows, 0);
        let starts = self.starts.par_chunks_mut(rows);
        at.par_chunks(CHUNK).zip(self.sorted.par_chunks_mut(CHUNK)).zip(starts).for_each(
            |((at, sorted), starts)| {
                // Counted one row further on, so that, once summed and used, each start is its own row's.
                starts.fill(0);
                for point in at {
                    starts[first(place(point)[1], nodes) + 1] += 1;
                }
                for row in 1..rows {
                    starts[row] += starts[row - 1];
                }
                for point in at {
                    let point = place(point);
                    let next = &mut starts[first(point[1], nodes)];
                    sorted[*next as usize] = point;
                    *next += 1;
                }
                // Each start has moved to where the next row begins.
                starts.copy_within(0..rows - 1, 1);
                starts[0] = 0;
            },
        );
    }

    /// Spreads charges of 1. Every node adds up points in the same order, whoever fills it.
    fn spread(&mut self, nodes: usize) {
        let rows = nodes - WIDE + 2;
        self.charge.resize(nodes * nodes, 0.0);
        let (sorted, starts) = (&self.sorted, &self.starts);
        self.charge.par_chunks_mut(BAND * nodes).enumerate().for_each(|(band, charge)| {
            charge.fill(0.0);
            let own = band * BAND..band * BAND + charge.len() / nodes;
            for row in own.start.saturating_sub(WIDE - 1)..own.end.min(rows - 1) {
                for (points, starts) in sorted.chunks(CHUNK).zip(starts.chunks_exact(rows)) {
                    for &point in &points[starts[row] as usize..starts[row + 1] as usize] {
                        let place = Place::of(point, nodes);
                        for (y, down) in (place.y..).zip(place.down) {
                            if own.contains(&y) {
                                let line = (y - own.start) * nodes + place.x;
                                let line = &mut charge[line..line + WIDE];
                                for (node, across) in line.iter_mut().zip(place.across) {
                                    *node += down * across;
                                }
                            }
                        }
                    }
                }
            }
        });
    }
}

impl Repel<2> for Field {
    fn repel(&mut self, at: &[[f32; 2]], out: &mut [[f32; 2]]) -> f64 {
        let (low, high) = bounds(at);
        let span = f64::from((high[0] - low[0]).max(high[1] - low[1]));
        let mut grid = self.fit(span);
        let nodes = grid.convolution.nodes();
        let middle = (nodes - 1) as f32 / 2.0;
        let scale = (1.0 / grid.spacing) as f32;
        let centre = [0, 1].map(|axis| f32::midpoint(low[axis], high[axis]));
        let place =
            |point: &[f32; 2]| [0, 1].map(|axis| (point[axis] - centre[axis]) * scale + middle);
        self.sort(at, nodes, place);
        self.spread(nodes);
        self.force.resize(nodes * nodes, [0.0; 2]);
        let energy = grid.convolution.apply(&self.charge, &mut self.force);
        let force = &self.force;
        out.par_chunks_mut(CHUNK).zip(at.par_chunks(CHUNK)).for_each(|(out, at)| {
            for (out, point) in out.iter_mut().zip(at) {
                *out = gather(force, &Place::of(place(point), nodes), nodes);
            }
        });
        self.grid = Some(grid);
        // Each point met itself.
        (energy - at.len() as f64).max(f64::MIN_POSITIVE)
    }

    fn like(&self, share: f64) -> Box<dyn Repel<2>> {
        Box::new(Field::new(self.spacing * share))
    }

    /// The padded size of the grid and the distance of its nodes; zeros before there is one.
    fn chosen(&self) -> [f64; 2] {
        self.grid
            .as_ref()
            .map_or([0.0; 2], |grid| [(2 * grid.convolution.nodes()) as f64, grid.spacing])
    }

    fn choose(&mut self, [size, spacing]: [f64; 2]) -> bool {
        if [size, spacing] == [0.0; 2] {
            self.grid = None;
            return true;
        }
        let whole = size as usize;
        let may_be = (SIZES.start..=SIZES.end).contains(&whole)
            && size.fract() == 0.0
            && whole.is_multiple_of(2)
            && spacing.is_finite()
            && spacing > 0.0;
        if may_be {
            self.grid = Some(Grid { convolution: Convolution::new(whole, spacing), spacing });
        }
        may_be
    }
}

/// The force at a place: eight numbers a row of nodes, x and y by turns.
#[inline]
fn gather(force: &[[f32; 2]], place: &Place, nodes: usize) -> [f32; 2] {
    let across: [f32; 2 * WIDE] = std::array::from_fn(|lane| place.across[lane / 2]);
    let mut sums = [0.0; 2 * WIDE];
    for (y, down) in (place.y..).zip(place.down) {
        let line = &force[y * nodes + place.x..][..WIDE].as_flattened()[..2 * WIDE];
        for lane in 0..2 * WIDE {
            sums[lane] += down * across[lane] * line[lane];
        }
    }
    [sums[0] + sums[2] + (sums[4] + sums[6]), sums[1] + sums[3] + (sums[5] + sums[7])]
}

/// The smallest and the largest coordinate along each axis.
fn bounds(at: &[[f32; 2]]) -> ([f32; 2], [f32; 2]) {
    let merge = |a: ([f32; 2], [f32; 2]), b: ([f32; 2], [f32; 2])| {
        ([a.0[0].min(b.0[0]), a.0[1].min(b.0[1])], [a.1[0].max(b.1[0]), a.1[1].max(b.1[1])])
    };
    let nothing = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    at.par_chunks(CHUNK)
        .map(|at| at.iter().fold(nothing, |bounds, &point| merge(bounds, (point, point))))
        .reduce(|| nothing, merge)
}

/// The next size that is a multiple of 8 and has no prime factors beyond 5.
fn fast_size(at_least: usize) -> usize {
    let mut size = at_least.next_multiple_of(8);
    loop {
        let mut rest = size;
        for prime in [2, 3, 5] {
            while rest.is_multiple_of(prime) {
                rest /= prime;
            }
        }
        if rest == 1 {
            return size;
        }
        size += 8;
    }
}
