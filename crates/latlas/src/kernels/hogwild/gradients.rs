//! From products to gradients, for all kernels: written without branches, so that it becomes SIMD under the caller's
//! target features.

use super::super::logistic::{logistic, sigma};
use super::{INPUTS, OUTPUTS};

/// Numbers that are worked on together; room is kept for whole ones.
const LANES: usize = 16;
/// Room for the products of a whole window, and for the last store that reaches beyond it.
pub(super) const ROOM: usize = INPUTS * OUTPUTS + LANES;

/// `products[j]` ← α·(`labels[j]` − σ(`products[j]`)) for j below `used`; returns the loss, or 0 if not `measured`.
/// What stands behind `used` is changed and not counted.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it must take on the caller's target features")]
pub(super) fn gradients(
    products: &mut [f32],
    labels: &[f32],
    used: usize,
    alpha: f32,
    measured: bool,
) -> f32 {
    let mut losses = [0.0; LANES];
    let blocks = products.chunks_exact_mut(LANES).zip(labels.chunks_exact(LANES));
    for (block, (products, labels)) in blocks.take(used.div_ceil(LANES)).enumerate() {
        if measured {
            let left = used - block * LANES;
            for j in 0..LANES {
                let (sigma, loss) = logistic(products[j], labels[j]);
                products[j] = alpha * (labels[j] - sigma);
                losses[j] += if j < left { loss } else { 0.0 };
            }
        } else {
            for j in 0..LANES {
                products[j] = alpha * (labels[j] - sigma(products[j]));
            }
        }
    }
    losses.iter().sum()
}
