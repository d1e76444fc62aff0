//! Decompositions against each other and against matrices whose decomposition is known by construction.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use latlas::linalg::{
    Matrix, RandomizedOptions, TopSvd, column_moments, exact_svd, project, randomized_svd, scatter,
    svd, symmetric_eigen, thin_qr,
};
use latlas::{Kind, Run, Silent};
use rand_xoshiro::rand_core::Rng;

/// A matrix of uniform numbers in [−1, 1).
fn noise(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut random = latlas::run::stream(seed, &[]);
    let data = (0..rows * cols)
        .map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Matrix::new(rows, cols, data).unwrap()
}

/// a · b in f64.
fn times(a: &Matrix, b: &Matrix) -> Matrix {
    let mut out = Matrix::zeros(a.rows(), b.cols());
    for i in 0..a.rows() {
        let mut sums = vec![0.0; b.cols()];
        for (&x, row) in a.row(i).iter().zip(b.iter_rows()) {
            sums.iter_mut().zip(row).for_each(|(sum, &y)| *sum += f64::from(x) * f64::from(y));
        }
        out.row_mut(i).iter_mut().zip(sums).for_each(|(out, sum)| *out = sum as f32);
    }
    out
}

fn transposed(a: &Matrix) -> Matrix {
    Matrix::new(
        a.cols(),
        a.rows(),
        (0..a.cols() * a.rows()).map(|at| a.row(at % a.rows())[at / a.rows()]).collect(),
    )
    .unwrap()
}

fn assert_close(a: &Matrix, b: &Matrix, tolerance: f32) {
    assert_eq!((a.rows(), a.cols()), (b.rows(), b.cols()));
    for (x, y) in a.as_slice().iter().zip(b.as_slice()) {
        assert!((x - y).abs() <= tolerance, "{x} and {y}");
    }
}

fn assert_orthonormal_columns(q: &Matrix) {
    let mut identity = Matrix::zeros(q.cols(), q.cols());
    (0..q.cols()).for_each(|i| identity.row_mut(i)[i] = 1.0);
    assert_close(&times(&transposed(q), q), &identity, 1e-6);
}

/// rows × cols with these singular values: U·diag(s)·Vᵀ from the Q factors of two noise matrices.
fn with_spectrum(rows: usize, cols: usize, s: &[f64]) -> Matrix {
    let (u, _) = thin_qr(&noise(rows, s.len(), 1)).unwrap();
    let (mut v, _) = thin_qr(&noise(cols, s.len(), 2)).unwrap();
    for i in 0..cols {
        v.row_mut(i).iter_mut().zip(s).for_each(|(x, s)| *x *= *s as f32);
    }
    times(&u, &transposed(&v))
}

#[test]
fn decompositions_multiply_back_to_their_matrix() {
    for (rows, cols) in [(1, 1), (7, 3), (3, 7), (40, 40), (130, 17)] {
        let a = noise(rows, cols, 3);
        let (q, r) = thin_qr(&a).unwrap();
        assert_orthonormal_columns(&q);
        assert_close(&times(&q, &r), &a, 1e-5);
        assert!(
            (0..r.rows()).all(|i| r.row(i)[..i].iter().all(|&x| x == 0.0)),
            "R is upper triangular"
        );

        let svd = svd(&a).unwrap();
        assert_orthonormal_columns(&svd.u);
        assert_orthonormal_columns(&svd.v);
        assert!(svd.s.windows(2).all(|s| s[0] >= s[1]) && svd.s.iter().all(|&s| s >= 0.0));
        let mut us = svd.u.clone();
        (0..rows)
            .for_each(|i| us.row_mut(i).iter_mut().zip(&svd.s).for_each(|(x, s)| *x *= *s as f32));
        assert_close(&times(&us, &transposed(&svd.v)), &a, 1e-5);

        let gram = times(&transposed(&a), &a);
        let (values, vectors) = symmetric_eigen(&gram).unwrap();
        assert_orthonormal_columns(&vectors);
        for (value, s) in values.iter().zip(&svd.s) {
            assert!(
                (value.max(0.0) - s * s).abs() < 1e-4 * values[0],
                "{value} is no square of {s}"
            );
        }
    }
}

#[test]
fn scatter_is_the_sum_of_outer_products() {
    let a = noise(5000, 9, 4);
    let moments = column_moments(&a, &Run::silent(1)).unwrap();
    let s = scatter(&a, &moments.mean, &Run::silent(1)).unwrap();
    for i in 0..9 {
        for j in 0..9 {
            let direct: f64 = (a.iter_rows())
                .map(|x| (f64::from(x[i]) - moments.mean[i]) * (f64::from(x[j]) - moments.mean[j]))
                .sum();
            assert!((s[i * 9 + j] - direct).abs() < 1e-9);
        }
    }
    let trace: f64 = (0..9).map(|i| s[i * 10]).sum();
    assert!((trace - moments.squares).abs() < 1e-9 * trace);
}

/// The largest relative error of singular values, vectors and coordinates, up to sign.
fn difference(a: &Matrix, exact: &TopSvd, other: &TopSvd) -> f64 {
    let shift = vec![0.0; a.cols()];
    let run = Run::silent(1);
    let mut worst: f64 = 0.0;
    let (x, y) =
        (project(a, &shift, &exact.v, &run).unwrap(), project(a, &shift, &other.v, &run).unwrap());
    for j in 0..exact.s.len() {
        worst = worst.max((exact.s[j] - other.s[j]).abs() / exact.s[j]);
        let pairs = |p: &Matrix, q: &Matrix| -> Vec<(f64, f64)> {
            (0..p.rows()).map(|i| (f64::from(p.row(i)[j]), f64::from(q.row(i)[j]))).collect()
        };
        for pairs in [pairs(&transposed(&exact.v), &transposed(&other.v)), pairs(&x, &y)] {
            let norm = pairs.iter().map(|(p, _)| p * p).sum::<f64>().sqrt();
            let apart = |sign: f64| {
                pairs.iter().map(|(p, q)| (p - sign * q).powi(2)).sum::<f64>().sqrt() / norm
            };
            worst = worst.max(apart(1.0).min(apart(-1.0)));
        }
    }
    worst
}

#[test]
fn randomised_equals_exact_to_a_ten_thousandth() {
    let d = 320;
    // Geometric with gaps of 1 % in the eigenvalues, the hardest the bound speaks of; slow power laws; a plateau of
    // noise right under the signal; few directions only; and a steep spectrum.
    let one_percent: Vec<f64> = (0..d).map(|i| 0.99_f64.powi(i).sqrt()).collect();
    let power: Vec<f64> = (0..d).map(|i| f64::from(i + 1).powf(-0.5)).collect();
    let plateau: Vec<f64> = (0..d)
        .map(|i| if i < 3 { 1.05 - 0.01 * f64::from(i) } else { 1.0 - 1e-4 * f64::from(i) })
        .collect();
    let few: Vec<f64> = vec![5.0, 3.0, 2.0, 1.0];
    let steep: Vec<f64> = (0..20).map(|i| 0.3_f64.powi(i)).collect();
    for (name, s) in [
        ("1 %", one_percent),
        ("power", power),
        ("plateau", plateau),
        ("few", few),
        ("steep", steep),
    ] {
        let a = with_spectrum(400, d as usize, &s);
        let shift = vec![0.0; a.cols()];
        let exact = exact_svd(&a, &shift, 3, &Run::silent(1)).unwrap();
        for (found, planted) in exact.s.iter().zip(&s) {
            assert!((found - planted).abs() < 1e-5 * planted, "{name}: {found} for {planted}");
        }
        let found =
            randomized_svd(&a, &shift, 3, &RandomizedOptions::default(), &Run::silent(7)).unwrap();
        assert!(found.error <= 1e-5, "{name}: {} after {} passes", found.error, found.passes);
        let off = difference(&a, &exact, &found);
        assert!(off < 1e-4, "{name}: off by {off} after {} passes", found.passes);
    }
}

#[test]
fn restarting_a_narrow_basis_loses_nothing() {
    // Blocks of 50 fill a basis of 256 after five passes.
    let s: Vec<f64> = (0..340).map(|i| 0.99_f64.powi(i).sqrt()).collect();
    let a = with_spectrum(350, 500, &s);
    let shift = vec![0.0; a.cols()];
    let options = RandomizedOptions { oversample: 30, most_passes: 200, tolerance: 1e-8 };
    let found = randomized_svd(&a, &shift, 20, &options, &Run::silent(7)).unwrap();
    assert!(
        found.error <= 1e-8 && found.passes > 6,
        "{} after {} passes",
        found.error,
        found.passes
    );
    assert!(difference(&a, &exact_svd(&a, &shift, 20, &Run::silent(1)).unwrap(), &found) < 1e-4);
}

#[test]
fn too_few_passes_are_admitted() {
    let s: Vec<f64> = (0..300).map(|i| 0.99_f64.powi(i).sqrt()).collect();
    let a = with_spectrum(600, 300, &s);
    let options = RandomizedOptions { oversample: 0, most_passes: 2, tolerance: 1e-5 };
    let found = randomized_svd(&a, &vec![0.0; 300], 2, &options, &Run::silent(7)).unwrap();
    assert!(found.error > 1e-3 && found.passes == 2);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let a = noise(20_000, 24, 5);
    let results = [1, 2, 5].map(|threads| {
        let run = Run { seed: 9, threads, progress: &Silent, checkpoint: None };
        let moments = column_moments(&a, &run).unwrap();
        let exact = exact_svd(&a, &moments.mean, 3, &run).unwrap();
        let random =
            randomized_svd(&a, &moments.mean, 3, &RandomizedOptions::default(), &run).unwrap();
        (project(&a, &moments.mean, &exact.v, &run).unwrap(), moments, exact, random)
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn wide_and_tall_agree() {
    let a = with_spectrum(30, 200, &[4.0, 2.0, 1.0]);
    let run = Run::silent(1);
    let exact = exact_svd(&a, &[0.0; 200], 5, &run).unwrap();
    assert_orthonormal_columns(&transposed(&exact.v));
    assert!(exact.s[3] < 1e-5 && exact.s[4] < 1e-5);
    // The same singular values from the other side.
    let turned = exact_svd(&transposed(&a), &[0.0; 30], 5, &run).unwrap();
    for (x, y) in exact.s.iter().zip(&turned.s) {
        assert!((x - y).abs() < 1e-6);
    }
}

#[test]
fn bad_input_is_refused() {
    let run = Run::silent(1);
    assert_eq!(svd(&Matrix::zeros(0, 3)).unwrap_err().kind(), Kind::Data);
    let mut a = noise(4, 3, 6);
    assert_eq!(exact_svd(&a, &[0.0; 3], 4, &run).unwrap_err().kind(), Kind::Usage);
    assert_eq!(exact_svd(&a, &[0.0; 2], 2, &run).unwrap_err().kind(), Kind::Data);
    assert_eq!(symmetric_eigen(&a).unwrap_err().kind(), Kind::Data);
    a.row_mut(1)[2] = f32::INFINITY;
    assert_eq!(svd(&a).unwrap_err().to_string(), "row 2, column 3: not finite");
    assert_eq!(
        column_moments(&a, &run).unwrap_err().to_string(),
        "row 2, component 3: an infinity"
    );
}
