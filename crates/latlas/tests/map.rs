//! Layouts and their faithfulness against reference values, a naive twin and planted structure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use arrow_array::Array;
use latlas::geometry::Geometry;
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::map::{Faithfulness, FaithfulnessOptions, Pca, Solver, faithfulness, table};
use latlas::run::{Progress, Run, Silent, Step};
use latlas::space::{Dtype, Provenance, Row, Space};
use latlas::{Kind, Result};
use proptest::prelude::*;
use rand_xoshiro::rand_core::Rng;
use std::ops::ControlFlow;
use std::sync::Mutex;

/// The matrix of the reference values: whole numbers over whole numbers, the same in any language.
fn reference_matrix() -> Matrix {
    let value = |i: usize, j: usize| {
        (((i * i * 7 + j * j * 13 + i * j * 29 + i * (j + 3) * 5) % 101) as f64 - 50.0)
            / (j as f64 + 1.0)
    };
    let data = (0..60).flat_map(|i| (0..8).map(move |j| value(i, j) as f32)).collect();
    Matrix::new(60, 8, data).unwrap()
}

fn noise(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut random = latlas::run::stream(seed, &[]);
    let data = (0..rows * cols)
        .map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Matrix::new(rows, cols, data).unwrap()
}

fn measure(high: &Matrix, low: &Matrix, ks: &[usize]) -> Result<Faithfulness> {
    let options = FaithfulnessOptions { ks: ks.to_vec(), ..FaithfulnessOptions::default() };
    faithfulness(high, Geometry::Euclidean, low, &options, &Run::silent(1))
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{found}, not {expected}"
    );
}

/// Keeps the warnings of a run.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Progress for Warnings {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

/// scikit-learn 1.9.1: `p = PCA(3, svd_solver="full").fit(X)` over the reference matrix as float64.
#[test]
fn pca_agrees_with_scikit_learn() {
    let variance = [809.0860075137223, 205.45655913328187, 93.90805054721916];
    let ratio = [0.6552431821888679, 0.16639023337180092, 0.07605200102619417];
    let components = [
        [0.9948613992274211, -0.05264553806417333, -0.019662046090240973, -0.08199547052183674],
        [0.049332744174297664, 0.990749518713589, 0.03299509130099701, -0.02842781615041253],
        [0.025465959591179418, -0.03456970559886016, 0.9276058994546166, 0.13865331146096885],
    ];
    let first = [-46.966623709283844, -20.66512931148567, -4.71407290908128];
    let last = [-45.6087377713222, -25.997078915898037, -8.545708146456874];
    let sums = [1468.7249305239843, 715.5316409534529, 495.58341673172816];
    for solver in [Solver::Auto, Solver::Exact, Solver::Randomised] {
        let fit = Pca { dims: 3, solver, ..Pca::default() }
            .fit(&reference_matrix(), &Run::silent(1))
            .unwrap();
        // The exact solver tells all eight shares, which are the whole.
        let told = fit.scree.iter().sum::<f64>();
        assert_eq!(fit.scree.len(), if solver == Solver::Randomised { 3 } else { 8 });
        assert!(solver == Solver::Randomised || (told - 1.0).abs() < 1e-9, "{told}");
        for j in 0..3 {
            near(fit.explained_variance[j] / variance[j], 1.0, 1e-5);
            near(fit.explained_variance_ratio[j], ratio[j], 1e-5);
            near(fit.scree[j], ratio[j], 1e-5);
            near(f64::from(fit.coords.row(0)[j]) / first[j], 1.0, 1e-5);
            near(f64::from(fit.coords.row(59)[j]) / last[j], 1.0, 1e-5);
            near(
                fit.coords.iter_rows().map(|y| f64::from(y[j]).abs()).sum::<f64>() / sums[j],
                1.0,
                1e-5,
            );
            for (found, expected) in fit.components.row(j).iter().zip(components[j]) {
                near(f64::from(*found), expected, 1e-5);
            }
        }
    }
}

/// scikit-learn 1.9.1: `trustworthiness(X, Y, n_neighbors=k)`, the same with X and Y exchanged for continuity, with
/// `metric="cosine"`, and the overlap of two `NearestNeighbors`; Y = the first two columns of `p.transform(X)`.
#[test]
fn faithfulness_agrees_with_scikit_learn() {
    let high = reference_matrix();
    let low = Pca::default().fit(&high, &Run::silent(1)).unwrap().coords;
    let found = measure(&high, &low, &[10, 25]).unwrap();
    let expected = [
        (0.9729213483146067, 0.9797003745318352, 0.765),
        (0.9822121212121212, 0.9867575757575757, 0.9073333333333334),
    ];
    for (at, (trustworthiness, continuity, kept)) in found.at.iter().zip(expected) {
        near(at.trustworthiness.value, trustworthiness, 1e-12);
        near(at.continuity.value, continuity, 1e-12);
        near(at.neighbours_kept.value, kept, 1e-12);
        assert_eq!(at.trustworthiness.standard_error, 0.0);
    }
    let options = FaithfulnessOptions { ks: vec![10, 25], ..FaithfulnessOptions::default() };
    let cosine = faithfulness(&high, Geometry::Cosine, &low, &options, &Run::silent(1)).unwrap();
    near(cosine.at[0].trustworthiness.value, 0.9044569288389513, 1e-12);
    near(cosine.at[1].trustworthiness.value, 0.9118484848484849, 1e-12);
}

/// The definition, word for word, with full sorted lists; ties by row.
fn naive(high: &Matrix, low: &Matrix, k: usize) -> (f64, f64, f64) {
    let n = high.rows();
    let order = |m: &Matrix, i: usize| {
        let distance = |j: usize| -> f64 {
            m.row(i)
                .iter()
                .zip(m.row(j))
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                .sum()
        };
        let mut others: Vec<usize> = (0..n).filter(|&j| j != i).collect();
        others.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)).then(a.cmp(&b)));
        others
    };
    let (mut intruders, mut missing, mut kept) = (0, 0, 0);
    for i in 0..n {
        let (truth, map) = (order(high, i), order(low, i));
        for (rank, j) in truth.iter().enumerate() {
            let on_map = map.iter().position(|other| other == j).unwrap();
            intruders += if on_map < k && rank >= k { rank + 1 - k } else { 0 };
            missing += if rank < k && on_map >= k { on_map + 1 - k } else { 0 };
            kept += usize::from(rank < k && on_map < k);
        }
    }
    let scale = 2.0 / (n * k * (2 * n - 3 * k - 1)) as f64;
    (1.0 - scale * intruders as f64, 1.0 - scale * missing as f64, kept as f64 / (n * k) as f64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Small whole coordinates: many equal points and equal distances, all exact in f32.
    #[test]
    fn faithfulness_is_its_definition(
        (n, high, low, k) in (3_usize..40).prop_flat_map(|n| (
            Just(n),
            prop::collection::vec(-3_i8..=3, n * 3),
            prop::collection::vec(-2_i8..=2, n * 2),
            1..=(n - 1) / 2,
        ))
    ) {
        // Each point comes with its opposite, so that the mean is exactly 0 and equal distances stay equal.
        let mirror = |numbers: Vec<i8>, cols: usize| {
            let opposite: Vec<i8> = numbers.iter().map(|x| -x).collect();
            Matrix::new(2 * n, cols, numbers.into_iter().chain(opposite).map(f32::from).collect()).unwrap()
        };
        let (high, low) = (mirror(high, 3), mirror(low, 2));
        prop_assume!(high.as_slice().iter().any(|&x| x != 0.0) && low.as_slice().iter().any(|&x| x != 0.0));
        let found = measure(&high, &low, &[k]).unwrap();
        let (trustworthiness, continuity, kept) = naive(&high, &low, k);
        near(found.at[0].trustworthiness.value, trustworthiness, 1e-12);
        near(found.at[0].continuity.value, continuity, 1e-12);
        near(found.at[0].neighbours_kept.value, kept, 1e-12);
        let mean = found.points.iter().map(|p| p.trustworthiness).sum::<f64>() / (2 * n) as f64;
        near(mean, trustworthiness, 1e-12);
    }
}

#[test]
fn a_copy_is_perfect_and_a_random_layout_gets_the_null() {
    let high = noise(600, 2, 1);
    let copy = measure(&high, &high, &[10, 30]).unwrap();
    for at in &copy.at {
        let figures = (at.trustworthiness.value, at.continuity.value, at.neighbours_kept.value);
        assert_eq!(figures, (1.0, 1.0, 1.0));
    }
    let other = measure(&noise(600, 5, 2), &noise(600, 2, 3), &[10, 30]).unwrap();
    for at in &other.at {
        near(at.trustworthiness.value, at.null.trustworthiness, 0.02);
        near(at.continuity.value, at.null.continuity, 0.02);
        near(at.neighbours_kept.value, at.null.neighbours_kept, 0.005);
        assert!((at.null.neighbours_kept - at.k as f64 / 599.0).abs() < 1e-15);
    }
}

#[test]
fn a_sample_estimates_the_whole_and_does_not_depend_on_threads() {
    let high = noise(2500, 4, 5);
    let low = Pca::default().fit(&high, &Run::silent(1)).unwrap().coords;
    let whole = measure(&high, &low, &[10, 30]).unwrap();
    let options =
        FaithfulnessOptions { all_up_to: 1000, sample: 400, ..FaithfulnessOptions::default() };
    let sampled = |threads: usize, seed: u64| {
        let run = Run { seed, threads, progress: &Silent, checkpoint: None };
        faithfulness(&high, Geometry::Euclidean, &low, &options, &run).unwrap()
    };
    let part = sampled(1, 8);
    assert_eq!((part.items, part.sampled, part.points.len()), (2500, 400, 400));
    assert!(part.points.windows(2).all(|p| p[0].row < p[1].row));
    for (part, whole) in part.at.iter().zip(&whole.at) {
        for (a, b) in [
            (part.trustworthiness, whole.trustworthiness),
            (part.continuity, whole.continuity),
            (part.neighbours_kept, whole.neighbours_kept),
        ] {
            assert!(
                a.standard_error > 0.0 && (a.value - b.value).abs() < 4.0 * a.standard_error,
                "{a:?} {b:?}"
            );
        }
    }
    // A sampled point has the figures that it has in the whole: it was measured against all others.
    assert!(part.points.iter().all(|p| whole.points[p.row] == *p));
    assert_eq!(part, sampled(3, 8));
    assert_ne!(part.points, sampled(1, 9).points);
}

#[test]
fn a_plane_in_fifty_dimensions_is_found() {
    let (plane, axes, blur) = (noise(2000, 2, 1), noise(2, 50, 2), noise(2000, 50, 3));
    let mut high = Matrix::zeros(2000, 50);
    for i in 0..2000 {
        for j in 0..50 {
            let on_plane = plane.row(i)[0] * axes.row(0)[j] + plane.row(i)[1] * axes.row(1)[j];
            high.row_mut(i)[j] = 1000.0 + on_plane + 1e-3 * blur.row(i)[j];
        }
    }
    let fit = Pca::default().fit(&high, &Run::silent(1)).unwrap();
    assert!(fit.explained_variance_ratio.iter().sum::<f64>() > 0.9999);
    let found = measure(&high, &fit.coords, &[10]).unwrap();
    assert!(found.at[0].trustworthiness.value > 0.999 && found.at[0].neighbours_kept.value > 0.95);
    let uncentred = Pca { center: false, ..Pca::default() }.fit(&high, &Run::silent(1)).unwrap();
    assert!(uncentred.explained_variance_ratio[0] > 0.99 && uncentred.mean == vec![0.0; 50]);
    // Tight groups far apart keep their order: distances within are 10⁻⁵ of the radius.
    let far = Matrix::new(
        600,
        2,
        (0..600).flat_map(|i| [(i % 3) as f32 * 1e4, (i / 3) as f32 * 0.1]).collect(),
    )
    .unwrap();
    assert_eq!(measure(&far, &far, &[10]).unwrap().at[0].neighbours_kept.value, 1.0);
}

#[test]
fn a_zero_vector_is_equally_far_from_everything_under_the_cosine() {
    // Rows 0..20 on a quarter circle, row 20 zero: by ties its nearest are the first rows, and nobody's nearest
    // is the zero row while others are closer than a right angle.
    let mut data: Vec<f32> = (0..20)
        .flat_map(|i| {
            [(i as f32 * 0.08).cos() * (i + 1) as f32, (i as f32 * 0.08).sin() * (i + 1) as f32]
        })
        .collect();
    data.extend([0.0, 0.0]);
    let high = Matrix::new(21, 2, data).unwrap();
    let mut low: Vec<f32> = (0..20).flat_map(|i| [i as f32, 0.0]).collect();
    low.extend([-1.0, 0.0]);
    let low = Matrix::new(21, 2, low).unwrap();
    let options = FaithfulnessOptions { ks: vec![5], ..FaithfulnessOptions::default() };
    let found = faithfulness(&high, Geometry::Cosine, &low, &options, &Run::silent(1)).unwrap();
    assert_eq!(found.points[20].neighbours_kept, 1.0);
    assert_eq!(found.points[10].neighbours_kept, 1.0);
}

#[test]
fn bad_input_is_named() {
    let run = Run::silent(1);
    let error = |matrix: &Matrix, pca: Pca| pca.fit(matrix, &run).unwrap_err();
    let two = error(&noise(2, 5, 1), Pca::default());
    assert_eq!(
        (two.kind(), two.to_string().as_str()),
        (Kind::Data, "a map needs at least 3 items, here are 2")
    );
    let equal = Matrix::new(4, 2, [0.1, 0.2].repeat(4)).unwrap();
    let equal = error(&equal, Pca::default());
    assert_eq!(equal.to_string(), "all 4 vectors are equal: there is nothing to lay out");
    let dims = error(&noise(9, 2, 1), Pca { dims: 3, ..Pca::default() });
    assert_eq!(
        (dims.kind(), dims.to_string().as_str()),
        (Kind::Usage, "3 dimensions asked of vectors with 2")
    );
    assert_eq!(error(&noise(9, 2, 1), Pca { dims: 0, ..Pca::default() }).kind(), Kind::Usage);
    let mut hole = noise(9, 4, 1);
    hole.row_mut(3)[1] = f32::NAN;
    assert_eq!(error(&hole, Pca::default()).to_string(), "row 4, component 2: not a number");
    assert_eq!(measure(&hole, &noise(9, 2, 1), &[2]).unwrap_err().kind(), Kind::Data);
    assert_eq!(measure(&noise(9, 4, 1), &noise(8, 2, 1), &[2]).unwrap_err().kind(), Kind::Data);
    assert_eq!(measure(&noise(9, 4, 1), &noise(9, 2, 1), &[]).unwrap_err().kind(), Kind::Usage);
    assert_eq!(measure(&noise(9, 4, 1), &noise(9, 2, 1), &[0]).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn extreme_numbers_give_an_answer() {
    let mut huge = noise(50, 3, 1);
    huge.as_mut_slice().iter_mut().for_each(|x| *x *= 1e38);
    let fit = Pca::default().fit(&huge, &Run::silent(1)).unwrap();
    assert!(fit.explained_variance_ratio.iter().all(|share| (0.0..=1.0).contains(share)));
    assert!(measure(&huge, &huge, &[5]).unwrap().at[0].neighbours_kept.value == 1.0);
    let mut tiny = noise(50, 3, 1);
    tiny.as_mut_slice().iter_mut().for_each(|x| *x *= 1e-38);
    assert!(measure(&tiny, &tiny, &[5]).unwrap().at[0].neighbours_kept.value == 1.0);
}

#[test]
fn what_a_reader_should_know_is_said() {
    let warnings = Warnings::default();
    let run = Run { seed: 1, threads: 1, progress: &warnings, checkpoint: None };
    // Few items: the sizes are lowered, and that is said.
    let few = noise(9, 4, 1);
    let options = FaithfulnessOptions::default();
    let found = faithfulness(&few, Geometry::Euclidean, &noise(9, 2, 2), &options, &run).unwrap();
    assert_eq!(found.at.iter().map(|at| (at.asked, at.k)).collect::<Vec<_>>(), [(10, 4), (30, 4)]);
    assert_eq!(found.to_json()["lowered"], serde_json::json!({"10": 4, "30": 4}));
    // A line has no second direction.
    let line = Matrix::new(5, 2, vec![0.0, 0.0, 1.0, 2.0, 2.0, 4.0, 3.0, 6.0, -1.0, -2.0]).unwrap();
    Pca::default().fit(&line, &run).unwrap();
    // One pass over noise does not find its components.
    let solver = Solver::Randomised;
    Pca { solver, oversample: 0, power_iterations: 1, ..Pca::default() }
        .fit(&noise(500, 40, 1), &run)
        .unwrap();
    let said = warnings.0.into_inner().unwrap();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].contains("9 items are too few for the 10 and 30 nearest"), "{}", said[0]);
    assert!(said[1].contains("vary along 1 direction only"), "{}", said[1]);
    assert!(said[2].contains("have not converged after 1 passes"), "{}", said[2]);
}

/// A space of two segments of 400 and 300 items, the second added later.
fn stored_space(dir: &std::path::Path, geometry: Geometry, dtype: Dtype) -> Space {
    let part = |name: &str, rows: usize, seed: u64| {
        let items = Items::from_ids((0..rows).map(|i| format!("{name}{i}"))).unwrap();
        let mut vectors = noise(rows, 6, seed);
        (0..rows).for_each(|i| vectors.row_mut(i)[0] += 2.0 * (i % 2) as f32);
        Space::builder("test", items).field("main", geometry, vectors).dtype(dtype).build().unwrap()
    };
    part("a", 400, 1).save(dir).unwrap();
    let mut edit = Space::edit(dir).unwrap();
    edit.append(&part("b", 300, 2)).unwrap();
    edit.publish(Provenance::default()).unwrap()
}

#[test]
fn a_space_is_laid_out_measured_and_stored() {
    let run = Run::silent(3);
    for (geometry, dtype) in [
        (Geometry::Euclidean, Dtype::F32),
        (Geometry::Cosine, Dtype::F32),
        (Geometry::Euclidean, Dtype::F16),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("s.space");
        let space = stored_space(&dir, geometry, dtype);
        // The blocks of the mapped file give what a copy in memory gives, bit for bit.
        let rows: Vec<Row> = space.live().collect();
        let mut copy = space.field("main").unwrap().gather(&rows);
        if geometry == Geometry::Cosine {
            for i in 0..copy.rows() {
                let norm = copy.row(i).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
                copy.row_mut(i).iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
            }
        }
        let layout = Pca::default().layout(&space, "main", &run).unwrap();
        let fit = Pca::default().fit(&copy, &run).unwrap();
        assert_eq!((&layout.coords, &layout.rows, layout.explained.len()), (&fit.coords, &rows, 2));
        assert_eq!(layout.params["unit_length"], geometry == Geometry::Cosine);

        // With some rows deleted, the live ones are laid out, and what is measured is measured among them.
        let mut edit = Space::edit(&dir).unwrap();
        edit.delete(&rows.iter().copied().filter(|row| row.0 % 3 == 0).collect::<Vec<_>>())
            .unwrap();
        let space = edit.publish(Provenance::default()).unwrap();
        let layout = Pca { dims: 3, ..Pca::default() }.layout(&space, "main", &run).unwrap();
        assert_eq!(layout.coords.rows(), space.count());
        let options =
            FaithfulnessOptions { all_up_to: 100, sample: 50, ..FaithfulnessOptions::default() };
        let found = layout.faithfulness(&space, &options, &run).unwrap();
        let (items, about) = table(&space, &layout, &found).unwrap();
        assert_eq!(items.ids().value(0), "a1");
        let names: Vec<&str> = items.columns().iter().map(|c| c.name.as_str()).collect();
        assert_eq!(
            names,
            ["x", "y", "z", "neighbours_kept", "trustworthiness", "missing", "false_neighbours"]
        );
        assert_eq!(
            items.column("neighbours_kept").unwrap().values.null_count(),
            space.count() - 50
        );
        for key in ["trustworthiness", "continuity", "neighbours_kept_10", "neighbours_kept_30"] {
            for figures in [
                &about["faithfulness"],
                &about["faithfulness"]["null"],
                &about["faithfulness"]["standard_error"],
            ] {
                assert!(figures[key].as_f64().is_some_and(f64::is_finite), "{key} in {figures}");
            }
        }
        assert_eq!((about["method"].as_str(), about["dims"].as_u64()), (Some("pca"), Some(3)));
        assert_eq!(about["explained_variance"].as_array().unwrap().len(), 3);
        assert_eq!(about["loadings"].as_array().unwrap().len(), 3);
        assert!(about["scree"].as_array().unwrap().len() >= 3);

        let mut edit = Space::edit(&dir).unwrap();
        edit.set_map("pca", &items, about.clone()).unwrap();
        edit.publish(Provenance::default()).unwrap();
        let (stored, again) = Space::open(&dir).unwrap().map(None).unwrap();
        assert_eq!(stored.about, about);
        assert_eq!(
            again.column("y").unwrap().values.as_ref(),
            items.column("y").unwrap().values.as_ref()
        );
    }
}

#[test]
fn a_stale_or_flat_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("s.space");
    let (run, options) = (Run::silent(3), FaithfulnessOptions::default());
    let space = stored_space(&dir, Geometry::Cosine, Dtype::F32);
    let layout = Pca { dims: 1, ..Pca::default() }.layout(&space, "main", &run).unwrap();
    let found = layout.faithfulness(&space, &options, &run).unwrap();
    assert_eq!(table(&space, &layout, &found).unwrap_err().kind(), Kind::Usage);
    let mut edit = Space::edit(&dir).unwrap();
    edit.delete(&[Row(5)]).unwrap();
    let changed = edit.publish(Provenance::default()).unwrap();
    let stale = layout.faithfulness(&changed, &options, &run).unwrap_err();
    assert_eq!(stale.to_string(), "row 6 is not in the space any more");
    assert_eq!(Pca::default().layout(&space, "mian", &run).unwrap_err().kind(), Kind::Usage);
    let ray = Matrix::new(5, 2, (1..=5).flat_map(|i| [i as f32 * 0.3, i as f32 * 0.7]).collect())
        .unwrap();
    let items = Items::from_ids(["a", "b", "c", "d", "e"]).unwrap();
    let ray = Space::builder("test", items).field("main", Geometry::Cosine, ray).build().unwrap();
    let error = Pca::default().layout(&ray, "main", &run).unwrap_err();
    assert_eq!(error.to_string(), "all 5 vectors point the same way: there is nothing to lay out");
}
