use super::*;
use crate::run::stream;
use rand_xoshiro::rand_core::Rng;

type Plain = Vec<Vec<f64>>;

/// Rows of uniform numbers in [−½, ½), and the same numbers in f64.
fn random(rows: usize, dim: usize, name: u64) -> (RacingRows, Plain) {
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

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// (α·(label − σ), loss) of a product.
fn gradient(product: f64, label: f32, alpha: f64) -> (f64, f64) {
    let sigma = 1.0 / (1.0 + (-product).exp());
    let label = f64::from(label);
    (alpha * (label - sigma), -(if label == 1.0 { sigma } else { 1.0 - sigma }).ln())
}

/// `step_one` as the equations have it, in f64: the loss, and what h moves by.
fn one(
    h: &[f64],
    outputs: &mut Plain,
    rows: &[u32],
    labels: &[f32],
    alpha: f64,
) -> (f64, Vec<f64>) {
    let (mut loss, mut error) = (0.0, vec![0.0; h.len()]);
    for (rows, labels) in rows.chunks(GROUP).zip(labels.chunks(GROUP)) {
        let products: Vec<f64> = rows.iter().map(|&k| product(&outputs[k as usize], h)).collect();
        for ((&row, &label), x) in rows.iter().zip(labels).zip(products) {
            let (g, term) = gradient(x, label, alpha);
            loss += term;
            for (i, o) in outputs[row as usize].iter_mut().enumerate() {
                error[i] += g * *o;
                *o += g * h[i];
            }
        }
    }
    (loss, error)
}

/// `step_window` as the equations have it, in f64.
fn window(
    (inputs, rows): (&mut Plain, &[u32]),
    (outputs, chosen): (&mut Plain, &[u32]),
    labels: &[f32],
    alpha: f64,
) -> f64 {
    let mut loss = 0.0;
    let (wide, high) = (part(rows.len(), INPUTS), part(chosen.len(), OUTPUTS));
    for (chosen, labels) in chosen.chunks(high).zip(labels.chunks(high)) {
        for rows in rows.chunks(wide) {
            let old: Plain = chosen.iter().map(|&k| outputs[k as usize].clone()).collect();
            let gradients: Vec<Vec<(f64, f64)>> = rows
                .iter()
                .map(|&i| {
                    let pairs = old.iter().zip(labels);
                    pairs
                        .map(|(o, &y)| gradient(product(&inputs[i as usize], o), y, alpha))
                        .collect()
                })
                .collect();
            for (&i, gradients) in rows.iter().zip(gradients) {
                let before = inputs[i as usize].clone();
                for ((&(g, term), old), &k) in gradients.iter().zip(&old).zip(chosen) {
                    loss += term;
                    for d in 0..before.len() {
                        inputs[i as usize][d] += g * old[d];
                        outputs[k as usize][d] += g * before[d];
                    }
                }
            }
        }
    }
    loss
}

fn assert_close(racing: &mut RacingRows, plain: &Plain, what: &str) {
    for (i, row) in plain.iter().enumerate() {
        for (x, y) in racing.row(i).iter().zip(row) {
            assert!((f64::from(*x) - y).abs() < 2e-5, "{what}: row {i}: {x} instead of {y}");
        }
    }
}

fn assert_loss(loss: f32, expected: f64, what: &str) {
    assert!((f64::from(loss) - expected).abs() < 1e-4 * expected, "{what}: {loss}, not {expected}");
}

const RATE: Rate = Rate { alpha: 0.3, measured: true };
const DIMS: [usize; 11] = [1, 2, 7, 8, 9, 15, 16, 17, 50, 100, 300];

/// Labels that are not all alike.
fn labels(count: usize) -> Vec<f32> {
    (0..count).map(|k| f32::from(u8::from(k % 3 == 0))).collect()
}

#[test]
fn steps_of_one_hidden_vector_equal_the_equations_in_f64() {
    for kernels in Hogwild::all() {
        for dim in DIMS {
            for count in [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 21] {
                let (mut input, mut h) = random(5, dim, 1);
                let (mut output, mut o) = random(25, dim, 2);
                let rows: Vec<u32> = (0..count).map(|k| (k * 7) % 25).collect();
                let labels = labels(rows.len());
                let targets = Targets { matrix: &output, rows: &rows, labels: &labels };
                let mut scratch = Scratch::new(dim);
                let what = format!("{} dim {dim}, {count} outputs", kernels.name());

                let loss = kernels.step_one((&input, 3), targets, RATE, &mut scratch);
                let (expected, error) = one(&h[3], &mut o, &rows, &labels, 0.3);
                h[3].iter_mut().zip(error).for_each(|(h, e)| *h += e);
                assert_loss(loss, expected, &what);

                let several = [4, 0, 1];
                let loss = kernels.step_mean((&input, &several), targets, RATE, &mut scratch);
                let mean: Vec<f64> =
                    (0..dim).map(|i| (h[4][i] + h[0][i] + h[1][i]) / 3.0).collect();
                let (expected, error) = one(&mean, &mut o, &rows, &labels, 0.3);
                for row in several {
                    h[row as usize].iter_mut().zip(&error).for_each(|(h, e)| *h += e);
                }
                assert_loss(loss, expected, &what);

                let inputs = (&input, &[2, 1][..]);
                let loss = kernels.step_sum(inputs, (1.0, 0.5), targets, RATE, &mut scratch);
                let sum: Vec<f64> = (0..dim).map(|i| h[2][i] + h[1][i]).collect();
                let (expected, error) = one(&sum, &mut o, &rows, &labels, 0.3);
                for row in [2, 1] {
                    h[row].iter_mut().zip(&error).for_each(|(h, e)| *h += e / 2.0);
                }
                assert_loss(loss, expected, &what);

                assert_close(&mut input, &h, &what);
                assert_close(&mut output, &o, &what);
            }
        }
    }
}

/// Every number of inputs and outputs that has code of its own, parts of both, and rows that stand there twice.
#[test]
fn steps_of_a_window_equal_the_equations_in_f64() {
    for kernels in Hogwild::all() {
        for dim in DIMS {
            for wide in [1, 2, 3, 4, 5, 6, 7, 8, 10, 16, 17, 40] {
                for high in [1, 2, 3, 4, 5, 6, 7, 13] {
                    let (mut input, mut h) = random(45, dim, 1);
                    let (mut output, mut o) = random(25, dim, 2);
                    let mut inputs: Vec<u32> = (0..wide).map(|i| (i * 11) % 45).collect();
                    let mut rows: Vec<u32> = (0..high).map(|k| (k * 7) % 25).collect();
                    if wide > 3 && high > 3 {
                        inputs[3] = inputs[1];
                        rows[3] = rows[2];
                    }
                    let labels = labels(rows.len());
                    let targets = Targets { matrix: &output, rows: &rows, labels: &labels };
                    let what = format!("{} dim {dim}, {wide} × {high}", kernels.name());

                    let alpha = 0.05;
                    let rate = Rate { alpha, measured: true };
                    let mut ahead = Ahead::default();
                    ahead.push(&input, 44);
                    let loss = kernels.step_window((&input, &inputs), targets, rate, &ahead);
                    let alpha = f64::from(alpha);
                    let expected = window((&mut h, &inputs), (&mut o, &rows), &labels, alpha);
                    assert_loss(loss, expected, &what);
                    assert_close(&mut input, &h, &what);
                    assert_close(&mut output, &o, &what);
                }
            }
        }
    }
}

#[test]
fn what_is_not_measured_moves_all_the_same() {
    for kernels in Hogwild::all() {
        let moved = |measured| {
            let ((mut input, _), (mut output, _)) = (random(9, 20, 1), random(9, 20, 2));
            let rows: Vec<u32> = (0..6).collect();
            let targets = Targets { matrix: &output, rows: &rows, labels: &labels(6) };
            let rate = Rate { measured, ..RATE };
            let loss = kernels.step_window((&input, &[4, 8]), targets, rate, &Ahead::default())
                + kernels.step_one((&input, 1), targets, rate, &mut Scratch::new(20));
            let row = |i: usize| i % 9;
            let numbers: Vec<f32> = (0..18)
                .flat_map(|i| if i < 9 { input.row(row(i)) } else { output.row(row(i)) }.to_vec())
                .collect();
            (loss, numbers)
        };
        let ((loss, with), (none, without)) = (moved(true), moved(false));
        assert!(loss > 0.0 && none == 0.0);
        assert_eq!(with, without);
    }
}

#[test]
fn what_lies_behind_the_dimension_stays_zero() {
    for kernels in Hogwild::all() {
        let ((input, _), (output, _)) = (random(2, 9, 1), random(9, 9, 2));
        let rows: Vec<u32> = (0..9).collect();
        let targets = Targets { matrix: &output, rows: &rows, labels: &labels(9) };
        kernels.step_one((&input, 1), targets, RATE, &mut Scratch::new(9));
        kernels.step_window((&input, &[0, 1]), targets, RATE, &Ahead::default());
        for rows in [&input, &output] {
            for row in 0..rows.rows() as u32 {
                for i in 9..rows.stride {
                    // SAFETY: within the stride of a row, and nobody writes.
                    assert_eq!(unsafe { rows.at(row).add(i).read() }, 0.0);
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "row 9 of 9")]
fn a_row_that_does_not_exist_is_refused() {
    let rows = RacingRows::zeros(9, 4).unwrap();
    let targets = Targets { matrix: &rows, rows: &[1, 9], labels: &[1.0, 0.0] };
    Hogwild::detect().step_one((&rows, 0), targets, RATE, &mut Scratch::new(4));
}

#[test]
#[should_panic(expected = "1 labels for 2 rows")]
fn a_label_that_is_missing_is_refused() {
    let rows = RacingRows::zeros(9, 4).unwrap();
    let targets = Targets { matrix: &rows, rows: &[1, 8], labels: &[1.0] };
    Hogwild::detect().step_window((&rows, &[0]), targets, RATE, &Ahead::default());
}
