use super::*;
use crate::run::stream;
use rand_xoshiro::rand_core::Rng;

/// Rows of uniform numbers in [−½, ½), and the same numbers in f64.
fn random(rows: usize, dim: usize, name: u64) -> (RacingRows, Vec<Vec<f64>>) {
    let mut numbers = stream(7, &[name]);
    let mut racing = RacingRows::zeros(rows, dim).unwrap();
    let mut plain = Vec::new();
    for i in 0..rows {
        for x in racing.row_mut(i) {
            *x = (numbers.next_u32() >> 8) as f32 / 16_777_216.0 - 0.5;
        }
        plain.push(racing.row(i).iter().map(|&x| f64::from(x)).collect());
    }
    (racing, plain)
}

fn assert_close(numbers: &[f32], expected: &[f64], what: &str) {
    for (x, y) in numbers.iter().zip(expected) {
        assert!((f64::from(*x) - y).abs() < 1e-4, "{what}: {x} instead of {y}");
    }
}

fn assert_rows(racing: &mut RacingRows, plain: &[Vec<f64>]) {
    for (i, row) in plain.iter().enumerate() {
        assert_close(racing.row(i), row, &format!("row {i}"));
    }
}

#[test]
fn a_step_in_its_parts_equals_the_equations_in_f64() {
    for kernels in [Pooled::detect(), Pooled::scalar()] {
        for dim in [1, 7, 8, 9, 16, 63, 64, 65, 100, 300] {
            for count in [1, 2, 7, 8, 9, 21] {
                let (mut input, mut x) = random(9, dim, 1);
                let (mut output, mut o) = random(25, dim, 2);
                let chosen: Vec<u32> = (0..count).map(|k| (k * 7) % 25).collect();
                let observed = (count as usize).div_ceil(2);
                let rows = [4, 0, 8, 4];
                let mut pointers = Pointers::default();
                let (mut h, mut error) = (Hidden::new(dim), Hidden::new(dim));

                kernels.gather((&input, &rows), 0.25, &mut h, &mut pointers);
                let mean: Vec<f64> = (0..dim)
                    .map(|d| rows.iter().map(|&r| x[r as usize][d]).sum::<f64>() / 4.0)
                    .collect();
                assert_close(h.as_slice(), &mean, "mean");

                let rates = Rates { observed: 0.3, noise: 0.6 };
                let loss = kernels.logistic(&h, (&output, &chosen), observed, rates, &mut error);
                let (mut expected, mut moves) = (0.0, vec![0.0; dim]);
                for (place, group) in chosen.chunks(GROUP).enumerate() {
                    let dots: Vec<f64> = group
                        .iter()
                        .map(|&k| o[k as usize].iter().zip(&mean).map(|(o, h)| o * h).sum())
                        .collect();
                    for (k, (&row, dot)) in group.iter().zip(dots).enumerate() {
                        let is_observed = place * GROUP + k < observed;
                        let (label, alpha) = if is_observed { (1.0, 0.3) } else { (0.0, 0.6) };
                        let sigma = 1.0 / (1.0 + (-dot).exp());
                        expected -= if is_observed { sigma.ln() } else { 2.0 * (1.0 - sigma).ln() };
                        let g = alpha * (label - sigma);
                        for (d, o) in o[row as usize].iter_mut().enumerate() {
                            moves[d] += g * *o;
                            *o += g * mean[d];
                        }
                    }
                }
                assert!((f64::from(loss) - expected).abs() < 1e-4 * expected.max(1.0));
                assert_close(error.as_slice(), &moves, "error");
                assert_rows(&mut output, &o);

                kernels.spread(&error, 0.5, (&input, &rows), &mut pointers);
                for row in rows {
                    x[row as usize].iter_mut().zip(&moves).for_each(|(x, m)| *x += 0.5 * m);
                }
                assert_rows(&mut input, &x);
            }
        }
    }
}

#[test]
fn products_and_pulls_with_gradients_of_ones_own() {
    for kernels in [Pooled::detect(), Pooled::scalar()] {
        for (dim, count) in [(1, 1), (20, 3), (100, 17)] {
            let (mut output, mut o) = random(20, dim, 3);
            let (input, x) = random(1, dim, 4);
            let rows: Vec<u32> = (0..count).collect();
            let g: Vec<f32> = (0..count).map(|k| 0.1 * k as f32 - 0.3).collect();
            let (mut h, mut error) = (Hidden::new(dim), Hidden::new(dim));
            kernels.gather((&input, &[0]), 1.0, &mut h, &mut Pointers::default());
            let mut dots = vec![0.0; count as usize];
            kernels.dots(&h, (&output, &rows), &mut dots);
            let expected: Vec<f64> =
                o.iter().map(|o| o.iter().zip(&x[0]).map(|(o, x)| o * x).sum()).collect();
            assert_close(&dots, &expected, "products");
            kernels.pull(&h, (&output, &rows), &g, &mut error);
            let mut moves = vec![0.0; dim];
            for (row, &g) in o.iter_mut().zip(&g) {
                for (d, o) in row.iter_mut().enumerate() {
                    moves[d] += f64::from(g) * *o;
                    *o += f64::from(g) * x[0][d];
                }
            }
            assert_close(error.as_slice(), &moves, "error");
            assert_rows(&mut output, &o);
        }
    }
}

#[test]
fn a_row_that_does_not_exist_panics_and_reads_nothing() {
    let rows = RacingRows::zeros(2, 8).unwrap();
    let result = std::panic::catch_unwind(|| {
        Pooled::detect().gather((&rows, &[2]), 1.0, &mut Hidden::new(8), &mut Pointers::default());
    });
    assert!(result.is_err());
}
