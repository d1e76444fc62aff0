use super::*;
use crate::run::stream;
use rand_xoshiro::rand_core::Rng;

const DESCENT: Descent = Descent { eta: 0.05, clip: 100.0, log_max: 2.3, alpha: 0.75 };

fn factors(rows: usize, dim: usize, side: Side) -> Factors {
    let mut numbers = stream(7, &[dim as u64, side.bias() as u64]);
    let scale = 1.0 / (dim as f32).sqrt();
    let mut number = || ((numbers.next_u32() >> 8) as f32 / 16_777_216.0 - 0.5) * scale;
    let mut factors = Factors::zeros(rows, dim, side).unwrap();
    for row in 0..rows {
        factors.vector_mut(row).fill_with(&mut number);
        *factors.bias_mut(row) = number();
    }
    factors
}

fn links(count: usize, rows: u32) -> Vec<Link> {
    let mut numbers = stream(8, &[]);
    let mut below = |n: u32| ((u64::from(numbers.next_u32()) * u64::from(n)) >> 32) as u32;
    let mut row = || below(rows) as u16;
    (0..count)
        .map(|i| Link { source: row(), target: row(), log: (i as f32 * 0.37) % 5.0 - 1.0 })
        .collect()
}

/// Vector, bias, and the sums of squares of both, of every row, in f64.
fn plain(factors: &mut Factors) -> Vec<[Vec<f64>; 2]> {
    let (dim, width, bias) = (factors.dim, factors.width(), factors.side.bias());
    let wide = |row: &[f32]| {
        let mut wide: Vec<f64> = row[2..2 + dim].iter().map(|&x| f64::from(x)).collect();
        wide.push(f64::from(row[bias]));
        wide
    };
    (0..factors.rows())
        .map(|row| {
            let row = factors.rows.row(row);
            [wide(&row[..width]), wide(&row[width..])]
        })
        .collect()
}

/// The equations of the head, in f64.
fn reference(
    u: &mut [[Vec<f64>; 2]],
    v: &mut [[Vec<f64>; 2]],
    links: &[Link],
    by: &Descent,
) -> f64 {
    let mut loss = 0.0;
    let (clip, eta) = (f64::from(by.clip), f64::from(by.eta));
    for link in links {
        let [x, h] = &mut u[link.source as usize];
        let [y, k] = &mut v[link.target as usize];
        let dim = x.len() - 1;
        let product: f64 = (0..dim).map(|i| x[i] * y[i]).sum();
        let log = f64::from(link.log);
        let d = product + x[dim] + y[dim] - log;
        let f = (f64::from(by.alpha) * (log - f64::from(by.log_max))).exp().min(1.0);
        loss += 0.5 * f * d * d;
        for i in 0..=dim {
            let (by_x, by_y) = if i == dim { (1.0, 1.0) } else { (x[i], y[i]) };
            let (g_x, g_y) = ((f * d * by_y).clamp(-clip, clip), (f * d * by_x).clamp(-clip, clip));
            // The authors' form: the sum begins at one, and η is in it; for biases η is 1.
            let eta = if i == dim { 1.0 } else { eta };
            x[i] -= eta * g_x / (1.0 + eta * eta * h[i]).sqrt();
            y[i] -= eta * g_y / (1.0 + eta * eta * k[i]).sqrt();
            h[i] += g_x * g_x;
            k[i] += g_y * g_y;
        }
    }
    loss
}

#[test]
fn steps_equal_the_equations_in_f64() {
    for kernels in Adagrad::all() {
        for dim in [1, 5, 6, 13, 14, 15, 30, 31, 50, 100, 300] {
            for descent in [DESCENT, Descent { eta: 0.2, clip: 0.1, ..DESCENT }] {
                let (mut u, mut v) = (factors(9, dim, Side::Source), factors(9, dim, Side::Target));
                let (mut x, mut y) = (plain(&mut u), plain(&mut v));
                let links = links(150, 9);
                let loss = kernels.step(&mut u, &mut v, &links, &descent);
                let expected = reference(&mut x, &mut y, &links, &descent);
                let name = kernels.name();
                assert!((loss - expected).abs() < 1e-4 * expected, "{name} {dim}: {loss}");
                for (real, expected) in [(plain(&mut u), x), (plain(&mut v), y)] {
                    for (a, b) in
                        real.iter().flatten().flatten().zip(expected.iter().flatten().flatten())
                    {
                        assert!((a - b).abs() < 2e-4 * b.abs().max(1.0), "{name} {dim}: {a} {b}");
                    }
                }
            }
        }
    }
}

#[test]
fn ones_and_padding_stay_what_they_are() {
    for kernels in Adagrad::all() {
        let (mut u, mut v) = (factors(3, 20, Side::Source), factors(3, 20, Side::Target));
        kernels.step(&mut u, &mut v, &links(50, 3), &DESCENT);
        for (factors, one) in [(&mut u, 1), (&mut v, 0)] {
            for row in 0..3 {
                let row = factors.rows.row(row);
                assert!(row.len() == 64 && row[one] == 1.0 && row[32 + one] == 0.0);
                assert!(row[22..32].iter().chain(&row[54..]).all(|&x| x == 0.0));
            }
        }
    }
}

#[test]
fn whatever_is_asked_no_number_overflows() {
    for kernels in Adagrad::all() {
        let (mut u, mut v) = (factors(2, 30, Side::Source), factors(2, 30, Side::Target));
        let descent = Descent { eta: 10.0, clip: 1e6, log_max: -700.0, alpha: 5.0 };
        let links: Vec<Link> = (0..20_000)
            .map(|i| Link {
                source: i % 2,
                target: i / 2 % 2,
                log: if i % 3 == 0 { 709.0 } else { -740.0 },
            })
            .collect();
        assert!(kernels.step(&mut u, &mut v, &links, &descent).is_finite());
        for number in plain(&mut u).iter().chain(&plain(&mut v)).flatten().flatten() {
            assert!(number.is_finite());
        }
    }
}

#[test]
fn a_sum_of_squares_keeps_what_is_far_below_one() {
    let (mut u, mut v) = (factors(1, 4, Side::Source), factors(1, 4, Side::Target));
    // f = e^-7.5: gradients of some 1e-4, with squares that 1 + x would lose.
    let links = [Link { source: 0, target: 0, log: -7.7 }; 100];
    Adagrad::detect().step(&mut u, &mut v, &links, &DESCENT);
    let sums = &u.rows.row(0)[16..22];
    assert!(sums[0] > 1e-6 && sums[2..].iter().all(|&sum| sum > 1e-9), "{sums:?}");
}

#[test]
#[should_panic(expected = "a link from 0 to 9 among 9 and 9 rows")]
fn a_row_that_does_not_exist_is_refused() {
    let (mut u, mut v) = (factors(9, 4, Side::Source), factors(9, 4, Side::Target));
    Adagrad::detect().step(&mut u, &mut v, &[Link { source: 0, target: 9, log: 0.0 }], &DESCENT);
}
