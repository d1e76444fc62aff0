//! The scalar twins. Eight numbers at a time, in arrays that a compiler may keep in whatever registers there are.

use super::gradients::{ROOM, gradients, repeated};
use super::{BLOCK, GROUP, OUTPUTS, Shape, Window};

type Block = [f32; BLOCK];

/// # Safety
/// Every pointer points to `shape.blocks` blocks; rows may race, `error` is the caller's own. There is a label for
/// each output.
pub(super) unsafe fn step(
    h: *const f32,
    error: *mut f32,
    outputs: &[*mut f32],
    labels: &[f32],
    shape: Shape,
) -> f32 {
    let mut loss = 0.0;
    // SAFETY: the caller's promise; `i < shape.blocks` throughout.
    unsafe {
        for i in 0..shape.blocks {
            write(error, i, [0.0; BLOCK]);
        }
        for (outputs, labels) in outputs.chunks(GROUP).zip(labels.chunks(GROUP)) {
            let mut room = [0.0; GROUP];
            let g = &mut room[..outputs.len()];
            for (dot, &o) in g.iter_mut().zip(outputs) {
                *dot = product(h, o, shape);
            }
            loss += gradients(g, labels, shape.alpha, shape.measured);
            for (&g, &o) in room.iter().zip(outputs) {
                for i in 0..shape.blocks {
                    let old = read(o, i);
                    write(error, i, fused(g, old, read(error, i)));
                    write(o, i, fused(g, read(h, i), old));
                }
            }
        }
    }
    loss
}

/// # Safety
/// Every pointer of `window` points to `shape.blocks` blocks; rows may race.
pub(super) unsafe fn window(window: &Window<'_>, shape: Shape) -> f32 {
    let Window { inputs, outputs, labels, .. } = *window;
    let mut g = [0.0; ROOM];
    let mut wanted = [0.0; ROOM];
    repeated(labels, inputs.len(), &mut wanted);
    let g = &mut g[..inputs.len() * outputs.len()];
    // SAFETY: the caller's promise; `d < shape.blocks` throughout.
    unsafe {
        for (i, &x) in inputs.iter().enumerate() {
            for (k, &o) in outputs.iter().enumerate() {
                g[i * outputs.len() + k] = product(x, o, shape);
            }
        }
        let loss = gradients(g, &wanted, shape.alpha, shape.measured);
        for d in 0..shape.blocks {
            let (mut old, mut moved) = ([[0.0; BLOCK]; OUTPUTS], [[0.0; BLOCK]; OUTPUTS]);
            for (old, &o) in old.iter_mut().zip(outputs) {
                *old = read(o, d);
            }
            for (&x, g) in inputs.iter().zip(g.chunks(outputs.len())) {
                let before = read(x, d);
                let mut after = before;
                for ((&g, &old), moved) in g.iter().zip(&old).zip(&mut moved) {
                    after = fused(g, old, after);
                    *moved = fused(g, before, *moved);
                }
                write(x, d, after);
            }
            // Read again: a row that stands here twice has moved by now.
            for (&moved, &o) in moved.iter().zip(outputs) {
                write(o, d, fused(1.0, moved, read(o, d)));
            }
        }
        loss
    }
}

/// # Safety
/// As `step`; `h` is the caller's own.
pub(super) unsafe fn gather(rows: &[*mut f32], weight: f32, h: *mut f32, blocks: usize) {
    for i in 0..blocks {
        // SAFETY: the caller's promise.
        let sum =
            rows.iter().fold([0.0; BLOCK], |sum, &row| fused(1.0, unsafe { read(row, i) }, sum));
        // SAFETY: the caller's promise.
        unsafe { write(h, i, fused(weight, sum, [0.0; BLOCK])) };
    }
}

/// # Safety
/// As `step`.
pub(super) unsafe fn spread(error: *const f32, weight: f32, rows: &[*mut f32], blocks: usize) {
    for i in 0..blocks {
        for &row in rows {
            // SAFETY: the caller's promise.
            unsafe { write(row, i, fused(weight, read(error, i), read(row, i))) };
        }
    }
}

/// x·y.
///
/// # Safety
/// Both point to `shape.blocks` blocks.
unsafe fn product(x: *const f32, y: *const f32, shape: Shape) -> f32 {
    let mut sums = [0.0; BLOCK];
    for i in 0..shape.blocks {
        // SAFETY: the caller's promise.
        let (x, y) = unsafe { (read(x, i), read(y, i)) };
        for j in 0..BLOCK {
            sums[j] += x[j] * y[j];
        }
    }
    sums.iter().sum()
}

/// a·x + y.
fn fused(a: f32, x: Block, y: Block) -> Block {
    std::array::from_fn(|j| a * x[j] + y[j])
}

/// # Safety
/// `row` points to more than `block` blocks.
unsafe fn read(row: *const f32, block: usize) -> Block {
    // SAFETY: the caller's promise.
    unsafe { row.add(block * BLOCK).cast::<Block>().read() }
}

/// # Safety
/// As `read`.
unsafe fn write(row: *mut f32, block: usize, numbers: Block) {
    // SAFETY: the caller's promise.
    unsafe { row.add(block * BLOCK).cast::<Block>().write(numbers) }
}
