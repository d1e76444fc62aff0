//! The equations, number by number.

use super::{BIAS_START, Tile};

/// # Safety
/// As [`Tile`] says, and nobody else uses the rows.
pub(super) unsafe fn tile(tile: &Tile<'_>) -> f64 {
    let width = tile.width;
    let (clip, start) = (tile.descent.clip, tile.descent.start());
    let mut loss = 0.0;
    for link in tile.links {
        // SAFETY: the caller's promise; the two rows are of different matrices.
        let (u, v) = unsafe {
            let at = |rows: *mut f32, row: u16| {
                std::slice::from_raw_parts_mut(rows.add(usize::from(row) * 2 * width), 2 * width)
            };
            (at(tile.sources, link.source), at(tile.targets, link.target))
        };
        let (u, squares_u) = u.split_at_mut(width);
        let (v, squares_v) = v.split_at_mut(width);
        let product: f32 = u.iter().zip(&*v).map(|(u, v)| u * v).sum();
        let d = product - link.log;
        let e = tile.descent.weight(link.log) * d;
        loss += 0.5 * f64::from(e) * f64::from(d);
        let both = u.iter_mut().zip(squares_u).zip(v.iter_mut().zip(squares_v));
        for (i, ((u, square_u), (v, square_v))) in both.enumerate() {
            // The ones beside the biases stay what they are.
            let g_u = if i == 1 { 0.0 } else { (e * *v).clamp(-clip, clip) };
            let g_v = if i == 0 { 0.0 } else { (e * *u).clamp(-clip, clip) };
            let start = if i < 2 { BIAS_START } else { start };
            *u -= g_u / (start + *square_u).sqrt();
            *v -= g_v / (start + *square_v).sqrt();
            *square_u += g_u * g_u;
            *square_v += g_v * g_v;
        }
    }
    loss
}
