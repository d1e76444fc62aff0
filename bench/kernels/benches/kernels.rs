//! Every kernel in every set of this machine: `cargo bench -p bench-kernels`.
//!
//! Under each kernel, 0 is the scalar twin and 1 the set in force (`LATLAS_KERNELS=scalar` makes them one).
//! Items are multiply-adds, so the items/s of different kernels compare with each other and with the machine's peak.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use latlas::kernels::hogwild::{Ahead, Hogwild, RacingRows, Rate, Scratch, Targets};
use latlas::kernels::{Panels, Set, TopK};

fn main() {
    divan::main();
}

const DIMS: [usize; 3] = [100, 300, 768];

/// Numbers that repeat with no short period.
fn numbers(n: usize) -> Vec<f32> {
    (0..n as u32)
        .map(|i| (i.wrapping_mul(2654435761) >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect()
}

/// The sets by name; "best" is the one in force.
fn set(name: &str) -> Set {
    if name == "scalar" { Set::SCALAR } else { *Set::active() }
}

#[divan::bench(args = DIMS, consts = [0, 1])]
fn dot<const SET: usize>(bencher: Bencher, dim: usize) {
    pair(bencher, dim, SET, Set::dot);
}

#[divan::bench(args = DIMS, consts = [0, 1])]
fn squared_l2<const SET: usize>(bencher: Bencher, dim: usize) {
    pair(bencher, dim, SET, Set::squared_l2);
}

#[divan::bench(args = DIMS, consts = [0, 1])]
fn cosine<const SET: usize>(bencher: Bencher, dim: usize) {
    pair(bencher, dim, SET, Set::cosine);
}

const NAMES: [&str; 2] = ["scalar", "best"];

fn pair(bencher: Bencher, dim: usize, which: usize, kernel: fn(&Set, &[f32], &[f32]) -> f32) {
    let (set, a, b) = (set(NAMES[which]), numbers(dim), numbers(dim));
    bencher
        .counter(ItemsCount::new(dim))
        .bench_local(|| kernel(&set, black_box(&a), black_box(&b)));
}

#[divan::bench(args = DIMS, consts = [0, 1])]
fn axpy<const SET: usize>(bencher: Bencher, dim: usize) {
    let (set, x, mut y) = (set(NAMES[SET]), numbers(dim), numbers(dim));
    bencher
        .counter(ItemsCount::new(dim))
        .bench_local(|| set.axpy(black_box(1e-9), black_box(&x), black_box(&mut y)));
}

/// One query against 10,000 rows: out of cache for all but the smallest.
#[divan::bench(args = DIMS, consts = [0, 1])]
fn dot_rows<const SET: usize>(bencher: Bencher, dim: usize) {
    let (set, query, rows, mut out) =
        (set(NAMES[SET]), numbers(dim), numbers(dim * 10_000), vec![0.0; 10_000]);
    bencher
        .counter(BytesCount::of_slice(&rows))
        .bench_local(|| set.dot_rows(black_box(&query), black_box(&rows), black_box(&mut out)));
}

/// 96 queries against 256 rows, as a batch search does, packing included.
#[divan::bench(args = DIMS, consts = [0, 1])]
fn dot_panels<const SET: usize>(bencher: Bencher, dim: usize) {
    let (set, queries, rows, mut out) =
        (set(NAMES[SET]), numbers(dim * 96), numbers(dim * 256), vec![0.0; 96 * 256]);
    let mut panels = Panels::new();
    bencher.counter(ItemsCount::new(96 * 256 * dim)).bench_local(|| {
        panels.pack_with(&set, black_box(&rows), dim, |_| 1.0);
        set.dot_panels(black_box(&queries), &panels, black_box(&mut out));
    });
}

/// A step of word2vec on rows in cache: six contexts with six outputs of their own, one after the other.
#[divan::bench(args = DIMS, consts = [0, 1])]
fn six_steps<const SET: usize>(bencher: Bencher, dim: usize) {
    let mut scratch = Scratch::new(dim);
    hogwild(bencher, SET, dim, |kernels, input, targets, rate| {
        for row in 0..6 {
            kernels.step_one((input, row), targets, rate, &mut scratch);
        }
    });
}

/// The same with shared outputs, as one step.
#[divan::bench(args = DIMS, consts = [0, 1])]
fn one_window<const SET: usize>(bencher: Bencher, dim: usize) {
    let ahead = Ahead::default();
    hogwild(bencher, SET, dim, |kernels, input, targets, rate| {
        kernels.step_window((input, &[0, 1, 2, 3, 4, 5]), targets, rate, &ahead);
    });
}

/// Products and two moves: three multiply-adds for each pair and number.
fn hogwild(
    bencher: Bencher,
    which: usize,
    dim: usize,
    mut step: impl FnMut(&Hogwild, &RacingRows, Targets<'_>, Rate),
) {
    let kernels = if NAMES[which] == "scalar" { Hogwild::scalar() } else { Hogwild::detect() };
    let rows = || RacingRows::zeros(6, dim).expect("memory for six rows");
    let (mut input, output) = (rows(), rows());
    for row in 0..6 {
        input.row_mut(row).copy_from_slice(&numbers(dim));
    }
    let labels = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let targets = Targets { matrix: &output, rows: &[0, 1, 2, 3, 4, 5], labels: &labels };
    let rate = Rate { alpha: 1e-3, measured: false };
    bencher
        .counter(ItemsCount::new(3 * 36 * dim))
        .bench_local(|| step(&kernels, black_box(&input), black_box(targets), black_box(rate)));
}

/// The ten smallest of 100,000.
#[divan::bench]
fn top_10(bencher: Bencher) {
    let ranks = numbers(100_000);
    bencher.counter(ItemsCount::new(ranks.len())).bench_local(|| {
        let mut top = TopK::new(10);
        top.extend(0, black_box(&ranks), |_| true);
        top.into_sorted()
    });
}
