//! A charge on N × N nodes convolved with the kernels of repulsion, by FFT.
//!
//! With the offset (x, y) of two nodes and w = 1 / (1 + x² + y²) the kernels are w, w²·x and w²·y. Of the first only the
//! energy Σ charge·(charge ∗ w) is wanted, which needs no way back from frequencies (Parseval); so one transform forth and two back
//! are all. Nodes are padded with zeros to M × M, M ≥ 2N, so that what wraps around meets nothing.
//!
//! Transforms of the kernels, real or imaginary by symmetry, are divided by those of two cubic B-splines along each axis, sinc⁴: charges are
//! spread and forces gathered by such splines, which blurs, and this undoes it (as in smooth particle-mesh Ewald: Essmann et al., J. Chem. Phys. 103, 1995).
//! Where the grid is so small that kernels have not faded at its ends, that would spread their jump there over all offsets: they are divided by the
//! transform of a spline's values at nodes instead, (2 + cos) / 3, which is interpolation, and spreads it over a few.
//!
//! Between the passes along rows and along columns, spectra lie in blocks of eight columns, one line of memory a row: each block is
//! written by one thread.

use rayon::prelude::*;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Columns in a block.
const BLOCK: usize = 8;
/// From this distance on kernels count as faded: w²·x is below 6·10⁻⁴.
const FADED: f64 = 12.0;

/// The plans, the kernels and room to work in for one size of grid and one distance of nodes.
pub(super) struct Convolution {
    nodes: usize,
    size: usize,
    plans: Plans,
    /// w, w²·x, w²·y as [`Plans::kernel`] lays them out.
    kernels: [Vec<f32>; 3],
    /// Whether they fade within the grid.
    fades: bool,
    /// The charge, transformed along rows.
    rows: Vec<Complex<f32>>,
    /// Both forces, transformed back along columns: block after block the first, then the second, each row after row.
    columns: Vec<Complex<f32>>,
}

#[derive(Clone)]
struct Plans {
    forth: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    columns_forth: Arc<dyn Fft<f32>>,
    columns_back: Arc<dyn Fft<f32>>,
}

impl Convolution {
    /// For nodes that lie `spacing` apart, `size` / 2 a side. `size` is even.
    pub(super) fn new(size: usize, spacing: f64) -> Self {
        let (mut real, mut complex) = (RealFftPlanner::new(), FftPlanner::new());
        let plans = Plans {
            forth: real.plan_fft_forward(size),
            back: real.plan_fft_inverse(size),
            columns_forth: complex.plan_fft_forward(size),
            columns_back: complex.plan_fft_inverse(size),
        };
        let (nodes, width) = (size / 2, size / 2 + 1);
        let weight = |x: f64, y: f64| 1.0 / (1.0 + (x * x + y * y) * spacing * spacing);
        let fades = nodes as f64 * spacing >= FADED;
        // Of the spline by which charges are spread, times that by which forces are gathered.
        let blur = |i: usize| {
            let phase = std::f64::consts::PI * i.min(size - i) as f64 / size as f64;
            match phase {
                0.0 => 1.0,
                phase if fades => (phase.sin() / phase).powi(8),
                phase => ((2.0 + (2.0 * phase).cos()) / 3.0).powi(2),
            }
        };
        let blurs: Vec<f64> = (0..size).map(blur).collect();
        let kernels = [
            plans.kernel(&blurs, &weight, None),
            plans.kernel(&blurs, &|x, y| weight(x, y).powi(2) * x * spacing, Some(0)),
            plans.kernel(&blurs, &|x, y| weight(x, y).powi(2) * y * spacing, Some(1)),
        ];
        Convolution {
            nodes,
            size,
            plans,
            kernels,
            fades,
            rows: vec![Complex::default(); nodes * width],
            columns: vec![Complex::default(); width.div_ceil(BLOCK) * 2 * nodes * BLOCK],
        }
    }

    /// The number of nodes a side.
    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    /// How many nodes at the ends should not be needed: so far the jump of kernels that do not fade shows.
    pub(super) fn margin(&self) -> usize {
        if self.fades { 0 } else { 8 }
    }

    /// Fills in the force at each node and returns the energy. `charge` and `force` are `nodes` × `nodes`, row after
    /// row. Runs on the pool it is called in.
    pub(super) fn apply(&mut self, charge: &[f32], force: &mut [[f32; 2]]) -> f64 {
        let (n, size, width, plans) = (self.nodes, self.size, self.size / 2 + 1, &self.plans);
        self.rows.par_chunks_mut(width).zip(charge.par_chunks(n)).for_each_init(
            || (vec![0.0; size], plans.forth.make_scratch_vec()),
            |(padded, scratch), (row, charge)| {
                padded[..n].copy_from_slice(charge);
                padded[n..].fill(0.0);
                plans.forth(padded, row, scratch);
            },
        );
        let (rows, kernels) = (&self.rows, &self.kernels);
        let blocks = self.columns.par_chunks_mut(2 * n * BLOCK).enumerate();
        let energies = blocks.map_init(
            || plans.room(size),
            |room, (block, forces)| {
                let columns = plans.columns(rows, width, block, room);
                let own = block * BLOCK * size..(block * BLOCK + columns) * size;
                let kernels = kernels.each_ref().map(|kernel| &kernel[own.clone()]);
                let energy = energy(&room.forth[..own.len()], kernels[0], size, width, block);
                for (kernel, out) in kernels[1..].iter().zip(forces.chunks_exact_mut(n * BLOCK)) {
                    plans.force(kernel, room, out);
                }
                energy
            },
        );
        let energy = energies.collect::<Vec<f64>>().into_iter().sum();
        let columns = &self.columns;
        force.par_chunks_mut(n).enumerate().for_each_init(
            || (vec![0.0; size], plans.back.make_input_vec(), plans.back.make_scratch_vec()),
            |(padded, spectrum, scratch), (row, force)| {
                for axis in 0..2 {
                    for (block, out) in spectrum.chunks_mut(BLOCK).enumerate() {
                        let start = ((block * 2 + axis) * n + row) * BLOCK;
                        out.copy_from_slice(&columns[start..start + out.len()]);
                    }
                    plans.back(spectrum, padded, scratch);
                    force.iter_mut().zip(&*padded).for_each(|(force, &f)| force[axis] = f);
                }
            },
        );
        energy
    }
}

/// Where a thread transforms columns.
struct Room {
    forth: Vec<Complex<f32>>,
    back: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Plans {
    fn room(&self, size: usize) -> Room {
        let scratch = self
            .columns_forth
            .get_inplace_scratch_len()
            .max(self.columns_back.get_inplace_scratch_len());
        Room {
            forth: vec![Complex::default(); BLOCK * size],
            back: vec![Complex::default(); BLOCK * size],
            scratch: vec![Complex::default(); scratch],
        }
    }

    fn forth(&self, row: &mut [f32], out: &mut [Complex<f32>], scratch: &mut [Complex<f32>]) {
        self.forth.process_with_scratch(row, out, scratch).expect("room as planned");
    }

    fn back(&self, row: &mut [Complex<f32>], out: &mut [f32], scratch: &mut [Complex<f32>]) {
        // A real signal has real numbers here, up to rounding.
        row[0].im = 0.0;
        row[out.len() / 2].im = 0.0;
        self.back.process_with_scratch(row, out, scratch).expect("room as planned");
    }

    /// Transforms the columns of a block, of rows of `width` numbers, into `room.forth`, column after column; returns how many
    /// there are.
    fn columns(&self, rows: &[Complex<f32>], width: usize, block: usize, room: &mut Room) -> usize {
        let size = room.forth.len() / BLOCK;
        let first = block * BLOCK;
        let columns = BLOCK.min(width - first);
        for (y, row) in rows.chunks_exact(width).enumerate() {
            for (lane, value) in row[first..first + columns].iter().enumerate() {
                room.forth[lane * size + y] = *value;
            }
        }
        let filled = rows.len() / width;
        for column in room.forth[..columns * size].chunks_exact_mut(size) {
            column[filled..].fill(Complex::default());
        }
        self.columns_forth
            .process_with_scratch(&mut room.forth[..columns * size], &mut room.scratch);
        columns
    }

    /// The charge of a block times an imaginary kernel, transformed back along columns: the first rows, eight numbers each.
    fn force(&self, kernel: &[f32], room: &mut Room, out: &mut [Complex<f32>]) {
        let size = room.forth.len() / BLOCK;
        let back = &mut room.back[..kernel.len()];
        for ((back, &charge), &k) in back.iter_mut().zip(&room.forth).zip(kernel) {
            *back = Complex::new(-k * charge.im, k * charge.re);
        }
        self.columns_back.process_with_scratch(back, &mut room.scratch);
        for (lane, column) in back.chunks_exact(size).enumerate() {
            for (out, &value) in out.chunks_exact_mut(BLOCK).zip(column) {
                out[lane] = value;
            }
        }
    }

    /// The transform of a kernel over all offsets: its real part, or its imaginary part if it is odd along an axis. Block after block of columns, each
    /// column after column. Divided by M², which the way back leaves undone, and by the splines.
    fn kernel(
        &self,
        blurs: &[f64],
        f: &(dyn Fn(f64, f64) -> f64 + Sync),
        odd: Option<usize>,
    ) -> Vec<f32> {
        let (size, width) = (blurs.len(), blurs.len() / 2 + 1);
        // An odd kernel has no value at the offset that is as far one way as the other.
        let offset = |i: usize, axis: usize| match i {
            i if odd == Some(axis) && 2 * i == size => 0.0,
            i if 2 * i > size => i as f64 - size as f64,
            i => i as f64,
        };
        let mut rows = vec![Complex::default(); size * width];
        rows.par_chunks_mut(width).enumerate().for_each_init(
            || (vec![0.0; size], self.forth.make_scratch_vec()),
            |(row, scratch), (y, out)| {
                let values = (0..size).map(|x| f(offset(x, 0), offset(y, 1)) as f32);
                row.iter_mut().zip(values).for_each(|(row, value)| *row = value);
                self.forth(row, out, scratch);
            },
        );
        let mut out = vec![0.0; width * size];
        out.par_chunks_mut(BLOCK * size).enumerate().for_each_init(
            || self.room(size),
            |room, (block, out)| {
                self.columns(&rows, width, block, room);
                for ((lane, out), column) in
                    out.chunks_exact_mut(size).enumerate().zip(room.forth.chunks_exact(size))
                {
                    let across = blurs[block * BLOCK + lane] * (size * size) as f64;
                    for ((out, value), down) in out.iter_mut().zip(column).zip(blurs) {
                        let part = if odd.is_some() { value.im } else { value.re };
                        *out = (f64::from(part) / (across * down)) as f32;
                    }
                }
            },
        );
        out
    }
}

/// Σ |charge|²·kernel over the columns of a block; all but the first and the last column stand for their mirror image, too.
fn energy(charge: &[Complex<f32>], kernel: &[f32], size: usize, width: usize, block: usize) -> f64 {
    let columns = charge.chunks_exact(size).zip(kernel.chunks_exact(size));
    let sums = columns.enumerate().map(|(lane, (charge, kernel))| {
        let column = block * BLOCK + lane;
        let times = if column == 0 || column + 1 == width { 1.0 } else { 2.0 };
        let sum = charge.iter().zip(kernel).map(|(charge, &k)| f64::from(charge.norm_sqr() * k));
        times * sum.sum::<f64>()
    });
    sums.sum()
}
