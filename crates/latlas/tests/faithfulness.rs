//! What is far and what is torn: triplets, rank correlation, missing and false neighbours, against word-for-word twins.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use latlas::geometry::Geometry;
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::map::{
    Faithfulness, FaithfulnessOptions, Pca, faithfulness, neighbours_of, table, torn,
};
use latlas::run::{Run, Silent};
use latlas::space::{Provenance, Space};
use latlas::{Kind, run};
use rand_xoshiro::rand_core::Rng;

fn noise(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut random = run::stream(seed, &[]);
    let data = (0..rows * cols)
        .map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Matrix::new(rows, cols, data).unwrap()
}

/// Whole numbers of few values, each point with its opposite, so that the mean is 0 and equal distances stay equal.
fn lattice(rows: usize, cols: usize, values: u64, seed: u64) -> Matrix {
    let mut random = run::stream(seed, &[]);
    let half: Vec<f32> = (0..rows / 2 * cols)
        .map(|_| (random.next_u64() % values) as f32 - ((values - 1) / 2) as f32)
        .collect();
    Matrix::new(rows / 2 * 2, cols, half.iter().copied().chain(half.iter().map(|x| -x)).collect())
        .unwrap()
}

fn measure(high: &Matrix, low: &Matrix, options: &FaithfulnessOptions, run: &Run) -> Faithfulness {
    faithfulness(high, Geometry::Euclidean, low, options, run).unwrap()
}

fn squared(m: &Matrix, i: usize, j: usize) -> f64 {
    m.row(i).iter().zip(m.row(j)).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

/// The definitions over all triplets and all pairs.
fn naive(high: &Matrix, low: &Matrix) -> (f64, f64) {
    let n = high.rows();
    let (mut ordered, mut kept) = (0.0, 0.0);
    for i in 0..n {
        for j in (0..n).filter(|&j| j != i) {
            for l in (0..j).filter(|&l| l != i) {
                let truth = squared(high, i, j).total_cmp(&squared(high, i, l));
                let map = squared(low, i, j).total_cmp(&squared(low, i, l));
                if truth.is_ne() {
                    ordered += 1.0;
                    kept += if map.is_eq() { 0.5 } else { f64::from(u8::from(map == truth)) };
                }
            }
        }
    }
    let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
    let ranks = |m: &Matrix| -> Vec<f64> {
        let d: Vec<f64> = pairs.iter().map(|&(i, j)| squared(m, i, j)).collect();
        // One more than those below, and half of the others that are equal.
        let rank = |x: &f64| {
            let below = d.iter().filter(|y| *y < x).count() as f64;
            let equal = d.iter().filter(|y| *y == x).count() as f64;
            below + f64::midpoint(equal, 1.0)
        };
        d.iter().map(rank).collect()
    };
    let (a, b) = (ranks(high), ranks(low));
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(&a), mean(&b));
    let sum = |x: &[f64], mx: f64, y: &[f64], my: f64| {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>()
    };
    let rho = sum(&a, ma, &b, mb) / (sum(&a, ma, &a, ma) * sum(&b, mb, &b, mb)).sqrt();
    (kept / ordered, rho)
}

#[test]
fn figures_at_large_are_their_definitions() {
    for seed in 0..8 {
        let (high, low) = (lattice(24, 3, 5, seed), lattice(24, 2, 4, seed + 100));
        let found = measure(&high, &low, &FaithfulnessOptions::default(), &Run::silent(seed));
        let (triplets, rho) = naive(&high, &low);
        let large = found.at_large;
        assert!((large.triplets.value - triplets).abs() < 1e-12, "{large:?} {triplets}");
        assert!((large.spearman.value - rho).abs() < 1e-12, "{large:?} {rho}");
        // Everything was looked at.
        assert_eq!((large.triplets.standard_error, large.spearman.standard_error), (0.0, 0.0));
    }
}

#[test]
fn a_copy_keeps_all_orders_and_random_places_keep_half() {
    let high = noise(900, 2, 1);
    let (options, run) = (FaithfulnessOptions::default(), Run::silent(1));
    let copy = measure(&high, &high, &options, &run);
    assert_eq!(copy.at_large.triplets.value, 1.0);
    assert!((copy.at_large.spearman.value - 1.0).abs() < 1e-12);
    assert_eq!((copy.at[0].missing.value, copy.at[0].false_neighbours.value), (0.0, 0.0));
    assert!(copy.points.iter().all(|p| (p.missing, p.false_neighbours) == (0, 0)));
    let other = measure(&noise(900, 5, 2), &noise(900, 2, 3), &options, &run);
    assert!((other.at_large.triplets.value - 0.5).abs() < 0.01, "{:?}", other.at_large);
    assert!(other.at_large.spearman.value.abs() < 0.01, "{:?}", other.at_large);
    for at in &other.at {
        assert_eq!(at.reach, 3 * at.k);
        assert!((at.null.missing - (899 - at.reach) as f64 / 899.0).abs() < 1e-15);
        for share in [at.missing.value, at.false_neighbours.value] {
            assert!((share - at.null.missing).abs() < 0.01, "{share} of {}", at.null.missing);
        }
    }
    // Where all is equal there is no order to keep.
    let none = measure(&Matrix::zeros(9, 2), &noise(9, 2, 1), &options, &run).at_large;
    assert!(none.triplets.value.is_nan() && none.spearman.value.is_nan());
}

/// Errors cover what is drawn: estimates from few triplets and pairs lie about the whole as they say.
#[test]
fn what_is_drawn_estimates_the_whole_and_does_not_depend_on_threads() {
    let high = noise(60, 4, 5);
    let low = Pca::default().fit(&high, &Run::silent(1)).unwrap().coords;
    let (triplets, rho) = naive(&high, &low);
    let options = FaithfulnessOptions { triplets: 1200, pairs: 600, ..Default::default() };
    let mut beyond = 0;
    for seed in 0..100 {
        let found = measure(&high, &low, &options, &Run::silent(seed)).at_large;
        for (estimate, whole) in [(found.triplets, triplets), (found.spearman, rho)] {
            assert!(estimate.standard_error > 0.005 && estimate.standard_error < 0.05);
            beyond += usize::from((estimate.value - whole).abs() > 2.0 * estimate.standard_error);
        }
    }
    assert!(beyond < 25, "{beyond} of 200 are more than two standard errors off");
    let threads = Run { threads: 3, progress: &Silent, ..Run::silent(7) };
    assert_eq!(
        measure(&high, &low, &options, &threads),
        measure(&high, &low, &options, &Run::silent(7))
    );
}

/// Missing and false neighbours from full sorted lists; ties by row.
/// scikit-learn 1.9.1: `trustworthiness(X, Y, n_neighbors=k)`, and with X and Y exchanged, for 5,000 points from Knuth's
/// generator, which is the same in any language.
#[test]
fn five_thousand_points_agree_with_scikit_learn() {
    let mut state = 1_u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let (mut high, mut low) = (Vec::new(), Vec::new());
    for i in 0..5000 {
        let mut x: [f64; 8] = std::array::from_fn(|_| uniform());
        x[i % 8] += 1.0;
        high.extend(x.map(|x| x as f32));
        low.extend([(x[0] + 0.5 * x[2]) as f32, (x[1] - 0.25 * x[3]) as f32]);
    }
    let high = Matrix::new(5000, 8, high).unwrap();
    let low = Matrix::new(5000, 2, low).unwrap();
    let options = FaithfulnessOptions { ks: vec![10, 30], ..FaithfulnessOptions::default() };
    let run = Run { threads: 2, ..Run::silent(1) };
    let found = measure(&high, &low, &options, &run);
    let expected = [
        (0.689_482_263_015_347_5, 0.907_085_240_244_758_8),
        (0.691_201_058_969_96, 0.879_826_814_680_257),
    ];
    for (at, (trustworthiness, continuity)) in found.at.iter().zip(expected) {
        assert!((at.trustworthiness.value - trustworthiness).abs() < 1e-6, "{at:?}");
        assert!((at.continuity.value - continuity).abs() < 1e-6, "{at:?}");
    }
}

#[test]
fn missing_and_false_neighbours_are_those_out_of_reach() {
    let (high, low, k) = (lattice(60, 3, 7, 1), lattice(60, 2, 9, 2), 6);
    let options = FaithfulnessOptions { ks: vec![k], ..Default::default() };
    let found = measure(&high, &low, &options, &Run::silent(1));
    let order = |m: &Matrix, i: usize| {
        let mut others: Vec<usize> = (0..60).filter(|&j| j != i).collect();
        others.sort_by(|&a, &b| squared(m, i, a).total_cmp(&squared(m, i, b)).then(a.cmp(&b)));
        others
    };
    for i in 0..60 {
        let (truth, map) = (order(&high, i), order(&low, i));
        let far = |near: &[usize], all: &[usize]| -> Vec<usize> {
            near[..k].iter().filter(|j| !all[..3 * k].contains(j)).copied().collect()
        };
        let (missing, strange) = (far(&truth, &map), far(&map, &truth));
        let point = &found.points[i];
        assert_eq!(
            (point.missing, point.false_neighbours),
            (missing.len() as u32, strange.len() as u32)
        );
        let one = neighbours_of(&high, Geometry::Euclidean, &low, i, k, &Run::silent(1)).unwrap();
        assert_eq!(one.missing().map(|other| other.point).collect::<Vec<_>>(), missing);
        assert_eq!(one.false_neighbours().map(|other| other.point).collect::<Vec<_>>(), strange);
        assert_eq!(one.kept().count() as f64 / k as f64, point.neighbours_kept);
        assert!(one.in_truth.iter().enumerate().all(|(at, other)| other.in_truth == at + 1));
        assert!(one.on_map.iter().enumerate().all(|(at, other)| other.on_map == at + 1));
    }
}

#[test]
fn a_stored_map_says_what_it_tore() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("s.space");
    let items = Items::from_ids((0..80).map(|i| format!("i{i}"))).unwrap();
    let space = Space::builder("test", items)
        .field("main", Geometry::Euclidean, noise(80, 6, 1))
        .build()
        .unwrap();
    space.save(&dir).unwrap();
    let run = Run::silent(1);
    let mut edit = Space::edit(&dir).unwrap();
    let layout = Pca::default().layout(edit.space(), "main", &run).unwrap();
    let found = layout.faithfulness(edit.space(), &FaithfulnessOptions::default(), &run).unwrap();
    let (items, about) = table(edit.space(), &layout, &found).unwrap();
    edit.set_map("pca", &items, about).unwrap();
    let space = edit.publish(Provenance::default()).unwrap();
    let counts =
        |name: &str| items.column(name).unwrap().values.as_primitive::<Int64Type>().clone();
    let (missing, strange) = (counts("missing"), counts("false_neighbours"));
    assert!(missing.values().iter().sum::<i64>() > 0 && missing.null_count() == 0);
    for i in [0, 17, 79] {
        let one = torn(&space, None, &format!("i{i}"), 10, &run).unwrap();
        assert_eq!(one.missing.len() as i64, missing.value(i));
        assert_eq!(one.false_neighbours.len() as i64, strange.value(i));
        assert!(one.kept.iter().all(|id| !one.missing.contains(id)));
    }
    assert_eq!(torn(&space, None, "i80", 10, &run).unwrap_err().kind(), Kind::Nothing);
    assert_eq!(torn(&space, None, "i8", 0, &run).unwrap_err().kind(), Kind::Usage);
    let mut edit = Space::edit(&dir).unwrap();
    edit.delete(&[space.find("i3").unwrap()]).unwrap();
    let space = edit.publish(Provenance::default()).unwrap();
    let error = torn(&space, None, "i8", 10, &run).unwrap_err();
    assert!(error.message().contains("was built before items were added or deleted"), "{error}");
}
