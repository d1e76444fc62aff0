//! k-means against its definition: every row with the nearest centre, every centre the mean of its rows, planted
//! clusters found, and the same answer at any number of threads.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use latlas::linalg::{KMeans, KMeansOptions, Matrix, kmeans};
use latlas::{Kind, Run, Silent, run};
use rand_xoshiro::rand_core::Rng;

/// Uniform numbers in [−1, 1).
fn uniform(seed: u64) -> impl FnMut() -> f32 {
    let mut random = run::stream(seed, &[]);
    move || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// `k` clusters of `each` rows, row i belonging to cluster i mod k: corners far apart, rows within ±`spread` of them.
fn blobs(k: usize, each: usize, dim: usize, spread: f32) -> Matrix {
    let mut uniform = uniform(3);
    let corners: Vec<f32> = (0..k * dim).map(|_| 10.0 * uniform()).collect();
    let numbers = (0..k * each)
        .flat_map(|i| {
            let corner = &corners[i % k * dim..(i % k + 1) * dim];
            corner.iter().map(|x| x + spread * uniform()).collect::<Vec<_>>()
        })
        .collect();
    Matrix::new(k * each, dim, numbers).unwrap()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum()
}

/// Holds a result to the definition, by the shortest means. `exact`: whether centres must be means.
fn check(rows: &Matrix, found: &KMeans, exact: bool) {
    let (k, d) = (found.centers.rows(), rows.cols());
    let mut inertia = 0.0;
    let mut sums = vec![0.0_f64; k * d];
    let mut sizes = vec![0; k];
    for (row, &label) in rows.iter_rows().zip(&found.labels) {
        let own = distance(row, found.centers.row(label as usize));
        let least = found.centers.iter_rows().map(|c| distance(row, c)).fold(f64::MAX, f64::min);
        assert!(own.sqrt() <= least.sqrt() * (1.0 + 1e-4) + 1e-4, "{own} but {least}");
        inertia += own;
        sizes[label as usize] += 1;
        (0..d).for_each(|j| sums[label as usize * d + j] += f64::from(row[j]));
    }
    assert!(
        (found.inertia - inertia).abs() <= 1e-4 * inertia + 1e-9,
        "{} {inertia}",
        found.inertia
    );
    assert_eq!(found.sizes, sizes);
    for c in (0..k).filter(|_| exact) {
        for j in 0..d {
            let mean = sums[c * d + j] / sizes[c] as f64;
            let at = f64::from(found.centers.row(c)[j]);
            assert!((mean - at).abs() < 1e-4 * (1.0 + mean.abs()), "centre {c}: {at}, mean {mean}");
        }
    }
}

#[test]
fn planted_clusters_are_found_at_any_number_of_threads() {
    let rows = blobs(20, 300, 16, 1.0);
    let options = KMeansOptions { k: 20, restarts: 3, ..KMeansOptions::default() };
    let found = kmeans(&rows, &options, &Run::silent(1)).unwrap();
    check(&rows, &found, true);
    assert!(found.converged);
    let mut named = [None; 20];
    for (i, &label) in found.labels.iter().enumerate() {
        assert_eq!(*named[i % 20].get_or_insert(label), label, "row {i} is apart from its cluster");
    }
    let threads = Run { threads: 3, progress: &Silent, ..Run::silent(1) };
    assert_eq!(kmeans(&rows, &options, &threads).unwrap(), found);
    assert_ne!(kmeans(&rows, &options, &Run::silent(2)).unwrap().labels, found.labels);
}

/// Rows without clusters, where bounds are tight and many rows move, and more centres than fit one packed group.
#[test]
fn noise_is_cut_as_the_definition_says() {
    let mut uniform = uniform(5);
    let numbers = (0..9_000 * 7).map(|_| uniform()).collect();
    let rows = Matrix::new(9_000, 7, numbers).unwrap();
    for k in [1, 2, 17, 700] {
        let options = KMeansOptions { k, tolerance: 0.0, ..KMeansOptions::default() };
        let found = kmeans(&rows, &options, &Run::silent(1)).unwrap();
        assert!(found.converged, "{k}: {} iterations", found.iterations);
        check(&rows, &found, true);
        let early = KMeansOptions { max_iterations: 2, ..options };
        let early = kmeans(&rows, &early, &Run::silent(1)).unwrap();
        check(&rows, &early, false);
        assert!(k == 1 || (!early.converged && early.inertia > found.inertia), "{k}");
    }
}

/// Two hundred points xᵢ = (i·37 mod 101, i·61 mod 103, i·17 mod 97) and k = 6: the inertia that scikit-learn 1.9.1 gives
/// as `KMeans(6, n_init=200, tol=0, random_state=0).fit(x).inertia_`.
#[test]
fn many_starts_find_the_minimum_that_scikit_learn_finds() {
    const SKLEARN: f64 = 161_729.585_719_676_9;
    let numbers = (0..200).flat_map(|i| [i * 37 % 101, i * 61 % 103, i * 17 % 97]);
    let rows = Matrix::new(200, 3, numbers.map(|x| x as f32).collect()).unwrap();
    let options = KMeansOptions { k: 6, restarts: 200, tolerance: 0.0, ..KMeansOptions::default() };
    let found = kmeans(&rows, &options, &Run::silent(1)).unwrap();
    check(&rows, &found, true);
    assert!((found.inertia / SKLEARN - 1.0).abs() < 1e-6, "{}", found.inertia);
}

/// A common offset and a unit cost no digits, and clusters of directions do not see lengths.
#[test]
fn offsets_units_and_lengths_change_nothing() {
    let rows = blobs(6, 80, 5, 1.5);
    let options = KMeansOptions { k: 6, ..KMeansOptions::default() };
    let labels = kmeans(&rows, &options, &Run::silent(1)).unwrap().labels;
    for (offset, unit) in [(4096.0, 1.0), (0.0, 1e30), (0.0, 1e-30)] {
        let numbers = rows.as_slice().iter().map(|x| (x + offset) * unit).collect();
        let moved = Matrix::new(rows.rows(), rows.cols(), numbers).unwrap();
        assert_eq!(kmeans(&moved, &options, &Run::silent(1)).unwrap().labels, labels, "{offset}");
    }
    let spherical = KMeansOptions { spherical: true, ..options };
    let found = kmeans(&rows, &spherical, &Run::silent(1)).unwrap();
    for center in found.centers.iter_rows() {
        assert!((distance(center, &[0.0; 5]) - 1.0).abs() < 1e-5, "of length 1");
    }
    let numbers = rows.iter_rows().zip(1..).flat_map(|(row, i)| {
        let length = f32::from(1_u16 << (i % 8));
        row.iter().map(move |x| x * length)
    });
    let longer = Matrix::new(rows.rows(), rows.cols(), numbers.collect()).unwrap();
    assert_eq!(kmeans(&longer, &spherical, &Run::silent(1)).unwrap().labels, found.labels);
}

#[test]
fn rows_that_are_alike_leave_clusters_empty() {
    // Three different rows, five clusters.
    let numbers = (0..30).flat_map(|i| [(i % 3) as f32, 0.0]).collect();
    let rows = Matrix::new(30, 2, numbers).unwrap();
    let options = KMeansOptions { k: 5, ..KMeansOptions::default() };
    let found = kmeans(&rows, &options, &Run::silent(1)).unwrap();
    assert_eq!(found.inertia, 0.0);
    assert_eq!(found.sizes.iter().filter(|&&size| size == 10).count(), 3);
    let zeros = Matrix::zeros(4, 2);
    let options = KMeansOptions { k: 2, spherical: true, ..options };
    assert_eq!(kmeans(&zeros, &options, &Run::silent(1)).unwrap().sizes.iter().sum::<usize>(), 4);
}

#[test]
fn what_cannot_be_clustered_is_refused() {
    let rows = Matrix::zeros(3, 2);
    let fails = |rows: &Matrix, options: KMeansOptions| kmeans(rows, &options, &Run::silent(1));
    for k in [0, 4] {
        let error = fails(&rows, KMeansOptions { k, ..KMeansOptions::default() }).unwrap_err();
        assert_eq!(error.message(), format!("3 rows cannot make {k} clusters"));
    }
    let bad = KMeansOptions { k: 2, tolerance: f64::NAN, ..KMeansOptions::default() };
    assert_eq!(fails(&rows, bad).unwrap_err().kind(), Kind::Usage);
    let nan = Matrix::new(2, 1, vec![0.0, f32::NAN]).unwrap();
    let options = KMeansOptions { k: 1, ..KMeansOptions::default() };
    assert_eq!(fails(&nan, options).unwrap_err().message(), "row 2, component 1: not a number");
}
