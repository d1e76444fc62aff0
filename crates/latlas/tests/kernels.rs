//! Laws of the kernels: every set that runs on this machine agrees with its scalar twin and with f64, over odd
//! lengths, unaligned slices, zeros, subnormals, NaN and infinities.
//!
//! Tolerance: a sum of n products in any order is within γ·Σ|aᵢbᵢ| of the true one, γ = (n + 2)·2⁻²⁴ (Higham 2002,
//! §3.1), plus what n underflows can lose.

use latlas::kernels::{Panels, Set};
use proptest::prelude::*;

/// Four times the widest lane width in use.
const LONGEST: usize = 4 * 8 + 8;

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -10.0_f32..10.0,
        1 => Just(0.0),
        1 => Just(-0.0),
        1 => Just(f32::MIN_POSITIVE / 8.0),
        1 => Just(-1e-42_f32),
        1 => -1e18_f32..1e18,
    ]
}

fn any_number() -> impl Strategy<Value = f32> {
    prop_oneof![
        12 => number(),
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY),
        1 => Just(f32::NEG_INFINITY),
    ]
}

/// Two vectors of one length, each to be read from an odd offset.
fn pair() -> impl Strategy<Value = (Vec<f32>, Vec<f32>, usize)> {
    (0..=LONGEST, 0..8_usize).prop_flat_map(|(n, offset)| {
        let vector = || prop::collection::vec(any_number(), n + offset);
        (vector(), vector(), Just(offset))
    })
}

/// Whether `got` is a possible f32 value of a sum whose exact terms these are.
fn is_sum(got: f32, terms: impl Iterator<Item = f64>) -> bool {
    let (mut sum, mut size, mut n) = (0.0, 0.0, 0.0);
    for term in terms {
        sum += term;
        size += term.abs();
        n += 1.0;
    }
    if sum.is_nan() || sum.is_infinite() {
        return f64::from(got).total_cmp(&sum).is_eq() || got.is_nan() && sum.is_nan();
    }
    // Squares of 1e18 stay below f32::MAX / LONGEST, so nothing here overflows.
    let tolerance = (n + 2.0) * (2.0_f64.powi(-24) * size + f64::from(f32::MIN_POSITIVE));
    (f64::from(got) - sum).abs() <= tolerance
}

fn products<'a>(a: &'a [f32], b: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y))
}

fn squares<'a>(a: &'a [f32], b: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
    a.iter().zip(b).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sums_of_pairs_are_right((a, b, offset) in pair()) {
        let (a, b) = (&a[offset..], &b[offset..]);
        for set in Set::all() {
            prop_assert!(is_sum(set.dot(a, b), products(a, b)), "{} dot {}", set.name(), set.dot(a, b));
            prop_assert!(is_sum(set.squared_l2(a, b), squares(a, b)), "{} l2 {}", set.name(), set.squared_l2(a, b));
            // The cosine is made of three dot products, so it has three times their relative error where it is defined.
            let cosine = set.cosine(a, b);
            let (ab, aa, bb) = (products(a, b).sum::<f64>(), products(a, a).sum::<f64>(), products(b, b).sum::<f64>());
            if ab.is_nan() || aa.is_nan() || bb.is_nan() || aa.is_infinite() || bb.is_infinite() {
                prop_assert!(cosine.is_nan() || cosine.abs() <= 1.0);
            } else if aa > 1e-30 && bb > 1e-30 {
                let expected = ab / (aa * bb).sqrt();
                prop_assert!((f64::from(cosine) - expected).abs() <= 4.0 * (a.len() as f64 + 4.0) * 2.0_f64.powi(-24),
                    "{} cosine {cosine}, not {expected}", set.name());
            } else {
                prop_assert!(cosine.abs() <= 1.0, "{} cosine {cosine}", set.name());
            }
        }
    }

    #[test]
    fn updates_are_right((x, y, offset) in pair(), alpha in any_number(), beta in number()) {
        let (x, y) = (&x[offset..], &y[offset..]);
        for set in Set::all() {
            let (mut added, mut scaled) = (y.to_vec(), y.to_vec());
            set.axpy(alpha, x, &mut added);
            set.scaled_add(alpha, x, beta, &mut scaled);
            for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
                let product = f64::from(alpha) * f64::from(x);
                let terms = [product, f64::from(y)];
                prop_assert!(is_sum(added[i], terms.into_iter()), "{} axpy {}", set.name(), added[i]);
                let terms = [product, f64::from(beta) * f64::from(y)];
                prop_assert!(is_sum(scaled[i], terms.into_iter()), "{} scaled_add {}", set.name(), scaled[i]);
            }
        }
    }

    #[test]
    fn rows_and_panels_hold_the_pairs_of_their_rows(
        (dim, rows, queries, numbers, offset) in (1..=LONGEST, 0..40_usize, 1..14_usize, 0..8_usize).prop_flat_map(
            |(dim, rows, queries, offset)| {
                let numbers = prop::collection::vec(any_number(), dim * (rows + queries) + offset);
                (Just(dim), Just(rows), Just(queries), numbers, Just(offset))
            }
        )
    ) {
        let (queries_of, rows_of) = numbers[offset..].split_at(queries * dim);
        let mut panels = Panels::new();
        panels.pack(rows_of, dim, |_| 1.0);
        prop_assert_eq!((panels.rows(), panels.dim()), (rows, dim));
        let mut out = vec![7.0; rows];
        let mut tiles = vec![7.0; queries * panels.stride()];
        let mut by_twin = Panels::new();
        by_twin.pack_with(&Set::SCALAR, rows_of, dim, |_| 1.0);
        prop_assert_eq!(format!("{panels:?}"), format!("{by_twin:?}"), "packing moves numbers, it computes none");
        for set in Set::all() {
            for (name, l2) in [("dot", false), ("l2", true)] {
                if l2 { set.l2_panels(queries_of, &panels, &mut tiles) } else { set.dot_panels(queries_of, &panels, &mut tiles) }
                for (q, query) in queries_of.chunks_exact(dim).enumerate() {
                    if l2 { set.l2_rows(query, rows_of, &mut out) } else { set.dot_rows(query, rows_of, &mut out) }
                    for (r, row) in rows_of.chunks_exact(dim).enumerate() {
                        for (kind, got) in [("rows", out[r]), ("panels", tiles[q * panels.stride() + r])] {
                            let right = if l2 { is_sum(got, squares(query, row)) } else { is_sum(got, products(query, row)) };
                            prop_assert!(right, "{} {name}_{kind}: {got} for query {q}, row {r}", set.name());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn any_within_is_what_the_twin_says(values in prop::collection::vec(any_number(), 0..=LONGEST), bound in any_number()) {
        for set in Set::all() {
            prop_assert_eq!(set.any_within(&values, bound), Set::SCALAR.any_within(&values, bound), "{}", set.name());
        }
    }
}

/// Zero vectors have no direction, and a NaN is never hidden.
#[test]
fn cosine_of_nothing_is_nothing() {
    for set in Set::all() {
        assert_eq!(set.cosine(&[0.0; 9], &[1.0; 9]), 0.0, "{}", set.name());
        assert_eq!(set.cosine(&[], &[]), 0.0, "{}", set.name());
        assert!(set.cosine(&[0.0; 9], &[f32::NAN; 9]).is_nan(), "{}", set.name());
        assert!((set.cosine(&[0.1; 9], &[0.3; 9]) - 1.0).abs() < 1e-6, "{}", set.name());
    }
}

/// The pad of the last panel must not be answered, and a scale must reach its own row only.
#[test]
fn panels_scale_row_by_row() {
    let rows: Vec<f32> = (0..18 * 3).map(|i| i as f32).collect();
    let mut panels = Panels::new();
    panels.pack(&rows, 3, |r| r as f32);
    let mut out = vec![0.0; panels.stride()];
    for set in Set::all() {
        set.dot_panels(&[1.0, 1.0, 1.0], &panels, &mut out);
        for (r, &product) in out[..18].iter().enumerate() {
            assert_eq!(product, (r * (9 * r + 3)) as f32, "{} row {r}", set.name());
        }
    }
}

fn refuses(call: impl FnOnce() + std::panic::UnwindSafe) -> bool {
    std::panic::catch_unwind(call).is_err()
}

/// A wrong length is a panic that says so, in every kernel and set, never a read out of range.
#[test]
fn mismatched_lengths_are_refused() {
    std::panic::set_hook(Box::new(|_| {}));
    for set in Set::all() {
        assert!(refuses(|| _ = set.dot(&[1.0; 8], &[1.0; 9])));
        assert!(refuses(|| _ = set.squared_l2(&[1.0; 9], &[1.0; 8])));
        assert!(refuses(|| _ = set.cosine(&[1.0; 9], &[1.0; 8])));
        assert!(refuses(|| set.axpy(1.0, &[1.0; 8], &mut [1.0; 9])));
        assert!(refuses(|| set.scaled_add(1.0, &[1.0; 9], 1.0, &mut [1.0; 8])));
        assert!(refuses(|| set.dot_rows(&[1.0; 8], &[1.0; 17], &mut [0.0; 2])));
        assert!(refuses(|| set.l2_rows(&[1.0; 8], &[1.0; 16], &mut [0.0; 3])));
        let mut panels = Panels::new();
        panels.pack(&[1.0; 20], 5, |_| 1.0);
        assert!(refuses(|| set.dot_panels(&[1.0; 9], &panels, &mut [0.0; 32])));
        assert!(refuses(|| set.l2_panels(&[1.0; 10], &panels, &mut [0.0; 31])));
    }
    _ = std::panic::take_hook();
    assert!(refuses(|| Panels::new().pack(&[1.0; 7], 2, |_| 1.0)));
    assert!(refuses(|| Panels::new().pack(&[], 0, |_| 1.0)));
}

/// The set in force is one of those that were tested.
#[test]
fn the_set_in_force_is_among_those_of_this_machine() {
    let names: Vec<_> = Set::all().iter().map(Set::name).collect();
    assert_eq!(names[0], "scalar");
    assert!(names.contains(&latlas::kernels::set_name()));
}
