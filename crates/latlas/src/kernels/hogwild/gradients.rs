//! From products to gradients: the scalar twin, and the room that all kernels keep for them.

use super::super::logistic::{logistic, sigma};
use super::{BLOCK, INPUTS, OUTPUTS};

/// Numbers in the widest register; products are worked on by whole registers.
const WIDE: usize = 16;
/// Room for the products of a whole window, and for the last store that reaches beyond it.
pub(super) const ROOM: usize = INPUTS * OUTPUTS + WIDE;

/// `products[j]` ← α·(`labels[j]` − σ(`products[j]`)); returns the loss, or 0 if not `measured`.
pub(super) fn gradients(products: &mut [f32], labels: &[f32], alpha: f32, measured: bool) -> f32 {
    let mut sum = 0.0;
    for (product, &label) in products.iter_mut().zip(labels) {
        let s = if measured {
            let (s, loss) = logistic(*product, label);
            sum += loss;
            s
        } else {
            sigma(*product)
        };
        *product = alpha * (label - s);
    }
    sum
}

/// `labels` again and again, `times`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it must take on the caller's target features")]
pub(super) fn repeated(labels: &[f32], times: usize, out: &mut [f32; ROOM]) {
    // Whole blocks, of which the next one overwrites what is too much.
    let mut block = [0.0; BLOCK];
    block[..labels.len()].copy_from_slice(labels);
    for i in 0..times {
        out[i * labels.len()..][..BLOCK].copy_from_slice(&block);
    }
}
