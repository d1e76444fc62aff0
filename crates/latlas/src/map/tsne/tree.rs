//! Repulsion by a tree of cells (Barnes & Hut, Nature 324, 1986): a cell of side s at distance d counts as one point, its centre of mass, if
//! s/d < θ.
//!
//! Points are sorted along the Z-curve, so that every cell of the quadtree or octree is a run of them. Cells lie in the order
//! in which a walk meets them, each with where to go on if it is not entered: a walk is a loop without a stack. A cell that could hold the point itself is always entered.

use rayon::prelude::*;

use super::Repel;

/// Cells of at most this many points are not divided.
const LEAF: usize = 8;
/// Points that a thread takes at a time.
const CHUNK: usize = 256;

/// The tree, rebuilt at every call.
pub(super) struct Tree<const D: usize> {
    theta: f64,
    keyed: Vec<(u64, u32)>,
    sorted: Vec<[f32; D]>,
    cells: Vec<Cell<D>>,
    forces: Vec<[f32; D]>,
}

struct Cell<const D: usize> {
    centre: [f32; D],
    mass: f32,
    /// The squared distance beyond which it counts as a point.
    far: f32,
    /// Its points among the sorted ones.
    points: (u32, u32),
    /// The cell after all cells within this one.
    next: u32,
    leaf: bool,
}

impl<const D: usize> Tree<D> {
    /// Bits of a key along each axis.
    const BITS: u32 = 63 / D as u32;

    pub(super) fn new(theta: f64) -> Self {
        Tree { theta, keyed: Vec::new(), sorted: Vec::new(), cells: Vec::new(), forces: Vec::new() }
    }

    /// The tree of points that stay where they are.
    pub(super) fn over(theta: f64, at: &[[f32; D]]) -> Self {
        let mut tree = Tree::new(theta);
        tree.build(at);
        tree
    }

    fn build(&mut self, at: &[[f32; D]]) {
        let (mut low, mut high) = ([f32::INFINITY; D], [f32::NEG_INFINITY; D]);
        for point in at {
            for axis in 0..D {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let side = (0..D).map(|axis| high[axis] - low[axis]).fold(f32::MIN_POSITIVE, f32::max);
        let scale = (1_u64 << Self::BITS) as f64 / f64::from(side);
        let most = (1_u64 << Self::BITS) - 1;
        let key = |point: &[f32; D]| {
            let steps: [u64; D] = std::array::from_fn(|axis| {
                ((f64::from(point[axis] - low[axis]) * scale) as u64).min(most)
            });
            (0..Self::BITS).rev().fold(0, |key, bit| {
                steps.iter().fold(key, |key, step| key << 1 | (step >> bit & 1))
            })
        };
        self.keyed.clear();
        self.keyed.par_extend(at.par_iter().zip(0..at.len() as u32).map(|(p, i)| (key(p), i)));
        self.keyed.par_sort_unstable();
        self.sorted.clear();
        self.sorted.extend(self.keyed.iter().map(|&(_, i)| at[i as usize]));
        self.cells.clear();
        self.grow(0, at.len(), Self::BITS, side);
    }

    /// Adds the cell of the sorted points from `start` to `end`, which agree in all but the lowest `bits` bits of each axis, and
    /// all cells within. Returns the sum of its points.
    fn grow(&mut self, start: usize, end: usize, bits: u32, side: f32) -> [f64; D] {
        let (mut bits, mut side) = (bits, side);
        let child = |key: u64, bits: u32| key >> (D as u32 * (bits - 1));
        // A cell with one child is that child.
        while bits > 0 && child(self.keyed[start].0, bits) == child(self.keyed[end - 1].0, bits) {
            (bits, side) = (bits - 1, side / 2.0);
        }
        let own = self.cells.len();
        let leaf = end - start <= LEAF || bits == 0;
        // θ below what lets a point's own cell count as far.
        let reach = (1.0 / (self.theta * self.theta)).max(D as f64) as f32;
        self.cells.push(Cell {
            centre: [0.0; D],
            mass: (end - start) as f32,
            far: side * side * reach,
            points: (start as u32, end as u32),
            next: 0,
            leaf,
        });
        let mut sum = [0.0; D];
        let mut add = |part: [f64; D]| sum.iter_mut().zip(part).for_each(|(s, part)| *s += part);
        if leaf {
            self.sorted[start..end].iter().for_each(|point| add(point.map(f64::from)));
        } else {
            let mut first = start;
            while first < end {
                let this = child(self.keyed[first].0, bits);
                let last = first
                    + self.keyed[first..end].partition_point(|key| child(key.0, bits) == this);
                add(self.grow(first, last, bits - 1, side / 2.0));
                first = last;
            }
        }
        let count = (end - start) as f64;
        self.cells[own].centre = sum.map(|s| (s / count) as f32);
        self.cells[own].next = self.cells.len() as u32;
        sum
    }

    /// Σ w and Σ w²·(y − yⱼ), the point itself included.
    pub(super) fn walk(&self, own: &[f32; D]) -> (f64, [f32; D]) {
        let (mut total, mut force) = (0.0, [0.0_f32; D]);
        let mut add = |mass: f32, off: [f32; D], squared: f32| {
            let weight = 1.0 / (1.0 + squared);
            total += f64::from(mass * weight);
            for axis in 0..D {
                force[axis] += mass * weight * weight * off[axis];
            }
        };
        let apart = |other: &[f32; D]| -> ([f32; D], f32) {
            let off: [f32; D] = std::array::from_fn(|axis| own[axis] - other[axis]);
            (off, off.iter().map(|x| x * x).sum())
        };
        let mut at = 0;
        while let Some(cell) = self.cells.get(at) {
            let (off, squared) = apart(&cell.centre);
            if squared > cell.far {
                add(cell.mass, off, squared);
                at = cell.next as usize;
            } else if cell.leaf {
                for other in &self.sorted[cell.points.0 as usize..cell.points.1 as usize] {
                    let (off, squared) = apart(other);
                    add(1.0, off, squared);
                }
                at = cell.next as usize;
            } else {
                at += 1;
            }
        }
        (total, force)
    }
}

impl<const D: usize> Repel<D> for Tree<D> {
    fn repel(&mut self, at: &[[f32; D]], out: &mut [[f32; D]]) -> f64 {
        self.build(at);
        let mut forces = std::mem::take(&mut self.forces);
        forces.resize(at.len(), [0.0; D]);
        let sums: Vec<f64> = forces
            .par_chunks_mut(CHUNK)
            .zip(self.sorted.par_chunks(CHUNK))
            .map(|(forces, points)| {
                let mut sum = 0.0;
                for (force, point) in forces.iter_mut().zip(points) {
                    let (total, found) = self.walk(point);
                    *force = found;
                    sum += total - 1.0;
                }
                sum
            })
            .collect();
        for (force, &(_, i)) in forces.iter().zip(&self.keyed) {
            out[i as usize] = *force;
        }
        self.forces = forces;
        sums.into_iter().sum()
    }
    fn like(&self, share: f64) -> Box<dyn Repel<D>> {
        Box::new(Tree::<D>::new(self.theta * share))
    }
}
