//! One bit a component: the signs of a vector that was turned at random (Gao & Long, RaBitQ: Quantizing high-dimensional
//! vectors with a theoretical error bound for approximate nearest neighbor search, SIGMOD 2024).
//!
//! With x turned into y = Px, its signs s, and a query q turned into p, ⟨q, x⟩ is taken to be ‖x‖²·⟨s, p⟩ / Σ|yᵢ|: right
//! where q points to x, and on average over all turns; it is off by about ‖q‖·‖x‖·√(π/2 − 1)/√B with B bits.
//!
//! P is four rounds of signs at random, the Walsh–Hadamard transform of the first or the last 2ᵏ components, and sums and
//! differences of the two halves where 2ᵏ are not all of them: in B·log B steps as good as a turn drawn from all.

use rand_xoshiro::rand_core::Rng;

use crate::file::Array;
use crate::kernels::scattered::{BitQuery, SIGNS, bit_stride};
use crate::run::Run;

/// The name of the random stream: "turn".
const STREAM: u64 = 0x7475_726e;
/// Rounds of a turn.
const ROUNDS: usize = 4;

/// A turn of space at random that is cheap to make.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    /// A bit for each component and round.
    signs: Array<u64>,
}

impl Turn {
    /// A turn for vectors of so many components.
    pub(super) fn new(cols: usize, run: &Run) -> Self {
        let mut random = run.stream(&[STREAM]);
        let words = ROUNDS * cols.div_ceil(SIGNS);
        Turn { signs: (0..words).map(|_| random.next_u64()).collect::<Vec<_>>().into() }
    }

    /// The turn of these signs; `None` if they are not those of a turn for so many components.
    pub(super) fn of(signs: Array<u64>, cols: usize) -> Option<Self> {
        (signs.len() == ROUNDS * cols.div_ceil(SIGNS)).then_some(Turn { signs })
    }

    pub(super) fn signs(&self) -> &[u64] {
        &self.signs
    }

    /// Components of what was turned: those of a vector, and zeros to a multiple of 64.
    pub(super) fn cols(&self) -> usize {
        self.signs.len() / ROUNDS * SIGNS
    }

    /// `out` ← the vector turned.
    pub(super) fn apply(&self, vector: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(vector);
        out.resize(self.cols(), 0.0);
        let n = out.len();
        let most = 1 << n.ilog2();
        for (round, signs) in self.signs.chunks_exact(n / SIGNS).enumerate() {
            for (numbers, signs) in out.chunks_exact_mut(SIGNS).zip(signs) {
                for (i, x) in numbers.iter_mut().enumerate() {
                    *x = f32::from_bits(x.to_bits() ^ ((signs >> i & 1) as u32) << 31);
                }
            }
            let first = if round % 2 == 0 { 0 } else { n - most };
            hadamard(&mut out[first..first + most]);
            if most < n {
                let (low, high) = out.split_at_mut(n / 2);
                butterflies(low, high);
                scale(out, std::f32::consts::FRAC_1_SQRT_2);
            }
        }
    }
}

/// The Walsh–Hadamard transform of 2ᵏ numbers, made orthogonal.
fn hadamard(x: &mut [f32]) {
    let n = x.len();
    let mut half = 1;
    while half < n {
        for pair in x.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            butterflies(low, high);
        }
        half *= 2;
    }
    scale(x, 1.0 / (n as f32).sqrt());
}

#[inline]
fn butterflies(low: &mut [f32], high: &mut [f32]) {
    for (a, b) in low.iter_mut().zip(high) {
        (*a, *b) = (*a + *b, *a - *b);
    }
}

fn scale(x: &mut [f32], by: f32) {
    for x in x {
        *x *= by;
    }
}

/// Writes the bit row of a vector.
pub(super) fn write(turn: &Turn, vector: &[f32], out: &mut [u32]) {
    let mut turned = Vec::with_capacity(turn.cols());
    turn.apply(vector, &mut turned);
    let (mut squares, mut sum) = (0.0_f64, 0.0_f64);
    for &y in &turned {
        squares += f64::from(y) * f64::from(y);
        sum += f64::from(y).abs();
    }
    let factor = if sum > 0.0 { squares / sum } else { 0.0 };
    let (constants, signs) = out.split_at_mut(2);
    constants[0] = ((0.5 * squares) as f32).to_bits();
    constants[1] = (factor as f32).to_bits();
    for (numbers, word) in turned.chunks(32).zip(signs) {
        let bit = |(i, y): (usize, &f32)| u32::from(*y >= 0.0) << i;
        *word = numbers.iter().enumerate().map(bit).fold(0, |word, bit| word | bit);
    }
}

/// A query as bit rows are compared with it.
pub(super) fn asked(turn: &Turn, placed: &[f32]) -> BitQuery {
    let mut turned = Vec::with_capacity(turn.cols());
    turn.apply(placed, &mut turned);
    BitQuery::new(&turned)
}

/// Words of a row of vectors of so many components.
pub(super) fn stride(cols: usize) -> usize {
    bit_stride(cols.next_multiple_of(SIGNS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::scattered::Scattered;

    fn random(stream: u64, n: usize) -> Vec<f32> {
        let mut random = crate::run::stream(stream, &[]);
        (0..n).map(|_| random.next_u32() as f32 / u32::MAX as f32 - 0.5).collect()
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    #[test]
    fn a_turn_keeps_products_and_spreads_what_is_in_one_component() {
        for cols in [3, 64, 100, 784, 1000, 1536] {
            let turn = Turn::new(cols, &Run::silent(3));
            let (a, b) = (random(1, cols), random(2, cols));
            let (mut x, mut y) = (Vec::new(), Vec::new());
            turn.apply(&a, &mut x);
            turn.apply(&b, &mut y);
            assert!((dot(&a, &b) - dot(&x, &y)).abs() < 1e-4, "{cols}");
            for i in [0, cols / 2, cols - 1] {
                let mut one = vec![0.0; cols];
                one[i] = 1.0;
                turn.apply(&one, &mut x);
                let most = x.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                assert!(most < 6.0 / (x.len() as f32).sqrt(), "{cols}, {i}: {most}");
            }
        }
    }

    /// The error of the product has the mean and the size that theory gives it.
    #[test]
    fn products_are_right_on_average() {
        let cols = 256;
        let (mut sum, mut squares, times) = (0.0, 0.0, 400);
        for i in 0..times {
            let turn = Turn::new(cols, &Run::silent(i));
            let (q, x) = (random(1000 + i, cols), random(2000 + i, cols));
            let mut row = vec![0; stride(cols)];
            write(&turn, &x, &mut row);
            let mut rank = [0.0];
            Scattered::detect().bits(&asked(&turn, &q), &row, &[0], &mut rank);
            let estimate = 0.5 * dot(&x, &x) - f64::from(rank[0]);
            let off = (estimate - dot(&q, &x)) / (dot(&q, &q) * dot(&x, &x)).sqrt();
            sum += off;
            squares += off * off;
        }
        let n = times as f64;
        let expected = (std::f64::consts::FRAC_PI_2 - 1.0).sqrt() / (cols as f64).sqrt();
        assert!((sum / n).abs() < 4.0 * expected / n.sqrt(), "{}", sum / n);
        assert!((squares / n).sqrt() < 1.15 * expected, "{} {expected}", (squares / n).sqrt());
    }
}
