//! Vectors as the way through the graph compares them: 32-bit floats, a byte a component, or a bit (see [`bits`](super::bits)).
//!
//! A byte is x/step, rounded, step being the same for all components: so distances of bytes are distances of what they
//! stand for. Near vectors differ by little that rounding could hide: of ½‖q − x‖² it changes (q − x)·(x − c), which is
//! small where q is near x.

use rayon::prelude::*;

use super::bits::{self, Turn};
use super::frame::{BLOCK, Framed};
use super::options::Precision;
use crate::error::Result;
use crate::file::Array;
use crate::kernels::scattered::{BitQuery, LINE, NUMBERS, Scattered, ahead};
use crate::linalg::RowSource;
use crate::linalg::blocks::Work;
use crate::run::Run;

/// The largest byte.
const MOST: f32 = 127.0;
/// Bytes of the bias at the end of a row.
const BIAS: usize = 4;
/// More components than this are not held as bytes: sums of their products need not fit 32 bits.
pub(super) const MOST_BYTES: usize = 1 << 15;
/// Rows that the step is chosen on.
const SAMPLE: usize = 4096;

/// All vectors, node after node.
#[derive(Debug, Clone)]
pub(super) enum Codes {
    Full { stride: usize, rows: Array<f32> },
    Bytes { stride: usize, step: f32, rows: Array<i8> },
    Bits { stride: usize, turn: Turn, rows: Array<u32> },
}

/// A query as codes are compared with it.
pub(super) enum Asked {
    Full(Vec<f32>),
    Bytes(Vec<u8>),
    /// It lies beyond what bytes can say: numbers in units of the step.
    Far(Vec<f32>),
    Bits(BitQuery),
}

impl Codes {
    pub(super) fn stride(cols: usize, precision: Precision) -> usize {
        match precision {
            Precision::Bytes => (cols + BIAS).next_multiple_of(LINE),
            Precision::Bits => bits::stride(cols),
            _ => cols.next_multiple_of(NUMBERS),
        }
    }

    /// A bit a component.
    pub(super) fn bits(framed: &Framed<'_>, run: &Run) -> Result<Codes> {
        let (n, turn) = (framed.rows(), Turn::new(framed.cols(), run));
        let stride = Self::stride(framed.cols(), Precision::Bits);
        let work = Work::new(run, "coding vectors", n as u64, "vectors")?;
        let mut rows = vec![0; n * stride];
        each(framed, &mut rows, stride, &work, |row, out| bits::write(&turn, row, out));
        work.finish()?;
        Ok(Codes::Bits { stride, turn, rows: rows.into() })
    }

    /// The codes of these vectors: of precision `Bytes` with a step of this size, else whole.
    pub(super) fn of(framed: &Framed<'_>, step: Option<f32>, run: &Run) -> Result<Codes> {
        let (n, cols) = (framed.rows(), framed.cols());
        let work = Work::new(run, "coding vectors", n as u64, "vectors")?;
        let codes = match step {
            None => {
                let stride = Self::stride(cols, Precision::Full);
                let mut rows = vec![0.0; n * stride];
                each(framed, &mut rows, stride, &work, |row, out| out[..cols].copy_from_slice(row));
                Codes::Full { stride, rows: rows.into() }
            }
            Some(step) => {
                let stride = Self::stride(cols, Precision::Bytes);
                let mut rows = vec![0; n * stride];
                each(framed, &mut rows, stride, &work, |row, out| write(row, step, out));
                Codes::Bytes { stride, step, rows: rows.into() }
            }
        };
        work.finish()?;
        Ok(codes)
    }

    /// The precision: never `Auto`.
    pub(super) fn precision(&self) -> Precision {
        match self {
            Codes::Full { .. } => Precision::Full,
            Codes::Bytes { .. } => Precision::Bytes,
            Codes::Bits { .. } => Precision::Bits,
        }
    }

    /// How many vectors there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Codes::Full { stride, rows } => rows.len() / stride,
            Codes::Bytes { stride, rows, .. } => rows.len() / stride,
            Codes::Bits { stride, rows, .. } => rows.len() / stride,
        }
    }

    /// Asks the machine for the first line of a node's row; the others are asked for when it is compared.
    #[inline]
    pub(super) fn prefetch(&self, node: u32) {
        match self {
            Codes::Full { stride, rows } => {
                ahead(rows.get(node as usize * stride..).map_or(&[], |row| &row[..NUMBERS]));
            }
            Codes::Bytes { stride, rows, .. } => {
                ahead(rows.get(node as usize * stride..).map_or(&[], |row| &row[..LINE]));
            }
            Codes::Bits { stride, rows, .. } => {
                let row = rows.get(node as usize * stride..);
                ahead(row.map_or(&[], |row| &row[..NUMBERS.min(*stride)]));
            }
        }
    }

    /// A point of the frame as a query.
    pub(super) fn asked(&self, placed: &[f32]) -> Asked {
        match self {
            Codes::Full { stride, .. } => {
                let mut query = placed.to_vec();
                query.resize(*stride, 0.0);
                Asked::Full(query)
            }
            Codes::Bytes { stride, step, .. } => {
                if placed.iter().any(|x| (x / step).abs() > MOST + 0.5) {
                    let mut query: Vec<f32> = placed.iter().map(|x| x / step).collect();
                    query.resize(*stride, 0.0);
                    return Asked::Far(query);
                }
                let mut query = vec![0; *stride];
                for (out, x) in query.iter_mut().zip(placed) {
                    *out = (byte(*x, *step) as u8) ^ 0x80;
                }
                Asked::Bytes(query)
            }
            Codes::Bits { turn, .. } => Asked::Bits(bits::asked(turn, placed)),
        }
    }

    /// The rank that a vector equal to a point of the frame has.
    pub(super) fn zero(&self, placed: &[f32]) -> f32 {
        let squares = || placed.iter().map(|x| x * x).sum::<f32>();
        match self {
            Codes::Full { .. } => 0.0,
            Codes::Bytes { step, .. } => -0.5 * squares() / (step * step),
            Codes::Bits { .. } => -0.5 * squares(),
        }
    }

    /// A node as a query, and ½‖x‖² in the units of ranks.
    pub(super) fn node(&self, node: usize, cols: usize) -> (Asked, f32) {
        match self {
            // Ranks are whole squared distances there.
            Codes::Full { stride, rows } => {
                (Asked::Full(rows[node * stride..][..*stride].to_vec()), 0.0)
            }
            Codes::Bytes { stride, rows, .. } => {
                let row = &rows[node * stride..][..*stride];
                let mut query = vec![0; *stride];
                let mut squares = 0;
                for (out, &c) in query.iter_mut().zip(&row[..cols]) {
                    *out = (c as u8) ^ 0x80;
                    squares += i32::from(c) * i32::from(c);
                }
                (Asked::Bytes(query), (squares / 2) as f32)
            }
            // Links are chosen before vectors become bits.
            Codes::Bits { .. } => (Asked::Full(Vec::new()), f32::NAN),
        }
    }

    /// outᵢ ← how far node i is, in an order that is that of distances. Panics if a node does not exist.
    #[inline]
    pub(super) fn ranks(&self, kernels: &Scattered, asked: &Asked, nodes: &[u32], out: &mut [f32]) {
        match (self, asked) {
            (Codes::Full { rows, .. }, Asked::Full(query)) => {
                kernels.squared(query, rows, nodes, out);
            }
            (Codes::Bytes { rows, .. }, Asked::Bytes(query)) => {
                kernels.bytes(query, rows, nodes, out);
            }
            (Codes::Bits { rows, .. }, Asked::Bits(query)) => {
                kernels.bits(query, rows, nodes, out);
            }
            (Codes::Bytes { stride, rows, .. }, Asked::Far(query)) => {
                for (&node, out) in nodes.iter().zip(out) {
                    let row = &rows[node as usize * stride..][..stride - BIAS];
                    let terms = query.iter().zip(row).map(|(q, &c)| {
                        let c = f32::from(c);
                        c * (0.5 * c - q)
                    });
                    *out = terms.sum();
                }
            }
            _ => out.fill(f32::NAN),
        }
    }
}

/// Fills the rows of all vectors.
fn each<T: Send>(
    framed: &Framed<'_>,
    rows: &mut [T],
    stride: usize,
    work: &Work<'_>,
    write: impl Fn(&[f32], &mut [T]) + Sync,
) {
    let cols = framed.cols();
    work.pool.install(|| {
        rows.par_chunks_mut(BLOCK * stride).enumerate().for_each_init(
            Vec::new,
            |scratch, (block, out)| {
                let first = block * BLOCK;
                let count = out.len() / stride;
                let block = framed.block(first..first + count, scratch);
                for (row, out) in block.chunks_exact(cols).zip(out.chunks_exact_mut(stride)) {
                    write(row, out);
                }
                work.advance(count as u64);
            },
        );
    });
}

#[inline]
fn byte(x: f32, step: f32) -> i8 {
    (x / step).round_ties_even().clamp(-MOST, MOST) as i8
}

/// Writes a byte row with its bias.
fn write(row: &[f32], step: f32, out: &mut [i8]) {
    let (mut squares, mut sum) = (0_i32, 0_i32);
    for (out, &x) in out.iter_mut().zip(row) {
        let c = byte(x, step);
        *out = c;
        squares += i32::from(c) * i32::from(c);
        sum += i32::from(c);
    }
    let at = out.len() - BIAS;
    let bias = (squares / 2).wrapping_add(128 * sum);
    for (out, byte) in out[at..].iter_mut().zip(bias.to_le_bytes()) {
        *out = byte as i8;
    }
}

/// The step that changes a sample of the vectors least, and the mean of ½‖x − c‖².
pub(super) fn step(framed: &Framed<'_>) -> (f32, f64) {
    let (n, cols) = (framed.rows(), framed.cols());
    let mut numbers = Vec::with_capacity(n.min(SAMPLE) * cols);
    let mut scratch = Vec::new();
    let every = n.div_ceil(SAMPLE);
    for row in (0..n).step_by(every.max(1)) {
        numbers.extend_from_slice(framed.block(row..row + 1, &mut scratch));
    }
    let most = numbers.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    if most == 0.0 {
        return (1.0, 0.0);
    }
    let error = |step: f32| -> f64 {
        let off = |&x: &f32| f64::from(x - f32::from(byte(x, step)) * step).powi(2);
        numbers.iter().map(off).sum::<f64>()
    };
    // Fewer large numbers cut off, or all of them coarser.
    let steps = (0..12).map(|i| most / MOST * 0.75_f32.powi(i));
    let best = steps.map(|step| (error(step), step)).min_by(|a, b| a.0.total_cmp(&b.0));
    let (error, step) = best.unwrap_or((0.0, most / MOST));
    (step, 0.5 * error * cols as f64 / numbers.len() as f64)
}
