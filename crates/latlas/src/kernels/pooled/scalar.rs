//! The scalar twins.

use super::{BLOCK, GROUP};

/// # Safety
/// Every pointer points to `blocks` blocks; rows may race, `h` is the caller's own.
pub(super) unsafe fn gather(rows: &[*mut f32], scale: f32, h: *mut f32, blocks: usize) {
    for i in 0..blocks * BLOCK {
        // SAFETY: the caller's promise.
        let sum: f32 = rows.iter().map(|row| unsafe { row.add(i).read() }).sum();
        // SAFETY: the caller's promise.
        unsafe { h.add(i).write(scale * sum) };
    }
}

/// # Safety
/// As `gather`.
pub(super) unsafe fn spread(error: *const f32, scale: f32, rows: &[*mut f32], blocks: usize) {
    for row in rows {
        for i in 0..blocks * BLOCK {
            // SAFETY: the caller's promise.
            unsafe { row.add(i).write(row.add(i).read() + scale * error.add(i).read()) };
        }
    }
}

/// # Safety
/// As `gather`; there are at most `GROUP` rows.
pub(super) unsafe fn dots(h: *const f32, rows: &[*mut f32], out: &mut [f32; GROUP], blocks: usize) {
    for (dot, row) in out.iter_mut().zip(rows) {
        // SAFETY: the caller's promise.
        *dot = (0..blocks * BLOCK).map(|i| unsafe { h.add(i).read() * row.add(i).read() }).sum();
    }
}

/// # Safety
/// As `dots`; `error` is the caller's own.
pub(super) unsafe fn pull(
    h: *const f32,
    rows: &[*mut f32],
    g: &[f32; GROUP],
    error: *mut f32,
    blocks: usize,
) {
    for (&g, row) in g.iter().zip(rows) {
        for i in 0..blocks * BLOCK {
            // SAFETY: the caller's promise.
            unsafe {
                let o = row.add(i).read();
                error.add(i).write(error.add(i).read() + g * o);
                row.add(i).write(o + g * h.add(i).read());
            }
        }
    }
}
