//! The twins of the fast kernels.

use super::{BitQuery, CONSTANTS, bit_stride};

pub(super) fn squared(query: &[f32], rows: &[f32], nodes: &[u32], out: &mut [f32]) {
    let stride = query.len();
    for (&node, out) in nodes.iter().zip(out) {
        let row = &rows[node as usize * stride..][..stride];
        *out = query.iter().zip(row).map(|(q, x)| (q - x) * (q - x)).sum();
    }
}

pub(super) fn bytes(query: &[u8], rows: &[i8], nodes: &[u32], out: &mut [f32]) {
    let stride = query.len();
    for (&node, out) in nodes.iter().zip(out) {
        let row = &rows[node as usize * stride..][..stride];
        let product: i32 = query.iter().zip(row).map(|(&q, &c)| i32::from(q) * i32::from(c)).sum();
        *out = bias(row).wrapping_sub(product) as f32;
    }
}

pub(super) fn bits(query: &BitQuery, rows: &[u32], nodes: &[u32], out: &mut [f32]) {
    let stride = bit_stride(query.numbers.len());
    for (&node, out) in nodes.iter().zip(out) {
        let row = &rows[node as usize * stride..][..stride];
        let words = query.numbers.chunks(32).zip(&row[CONSTANTS..]);
        let set = words.map(|(numbers, &word)| {
            let set = numbers.iter().enumerate().filter(|(i, _)| word >> i & 1 == 1);
            set.map(|(_, &q)| i32::from(q)).sum::<i32>()
        });
        *out = query.rank(row, set.sum());
    }
}

/// The number in the last four bytes of a row.
#[inline]
pub(super) fn bias(row: &[i8]) -> i32 {
    match row {
        [.., a, b, c, d] => i32::from_le_bytes([*a as u8, *b as u8, *c as u8, *d as u8]),
        _ => 0,
    }
}
