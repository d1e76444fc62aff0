//! How sure clusters are, and how they are grouped.

use latlas::geometry::Geometry;
use latlas::map::clusters::{
    Cluster, Hdbscan, KMeans, Leiden, StabilityOptions, levels, stability,
};
use latlas::{Kind, Run, Silent};

use super::{find, matrix, mixture, uniform};

#[test]
fn planted_clusters_are_stable_and_cuts_through_noise_are_not() {
    let (rows, _) = mixture(5, 80, 0, 6, 2);
    let mut uniform = uniform(9);
    let noise = matrix(4, (0..400 * 4).map(|_| uniform()).collect());
    let options = StabilityOptions { resamples: 10, ..StabilityOptions::default() };
    let methods: [Box<dyn Cluster>; 3] = [
        Box::new(Hdbscan::default()),
        Box::new(Leiden::default()),
        Box::new(KMeans { k: 5, ..KMeans::default() }),
    ];
    for method in methods {
        let found = find(&*method, &rows);
        let of = |run: &Run| {
            stability(&*method, &rows, Geometry::Euclidean, &found, &options, run).unwrap()
        };
        let steady = of(&Run::silent(1));
        assert_eq!((steady.jaccard.len(), steady.resamples), (found.len(), 10));
        for (&jaccard, &null) in steady.jaccard.iter().zip(&steady.null) {
            // One of Leiden's five is not whole in every half: its mean is .87.
            let floor = if method.method() == "leiden" { 0.85 } else { 0.95 };
            assert!(jaccard > floor && null < 0.3, "{}: {jaccard} {null}", method.method());
        }
        let threads = Run { threads: 2, progress: &Silent, ..Run::silent(1) };
        assert_eq!(of(&threads), steady);
    }
    let method = KMeans { k: 5, ..KMeans::default() };
    let found = find(&method, &noise);
    let cut = stability(&method, &noise, Geometry::Euclidean, &found, &options, &Run::silent(1));
    let mean = cut.unwrap().jaccard.iter().sum::<f64>() / 5.0;
    assert!(mean < 0.75, "noise is as stable as {mean}");
    for options in [
        StabilityOptions { resamples: 0, share: 0.5 },
        StabilityOptions { resamples: 5, share: 1.0 },
    ] {
        let run = Run::silent(1);
        let refused = stability(&method, &noise, Geometry::Euclidean, &found, &options, &run);
        assert_eq!(refused.unwrap_err().kind(), Kind::Usage);
    }
}

/// Halves of a few points hold fewer than the clusters asked for: no more are looked for in them.
#[test]
fn few_points_have_a_stability_too() {
    for n in [2, 3, 5, 9] {
        let rows = matrix(1, (0..n).map(|i| (i * i) as f32).collect());
        let methods: [Box<dyn Cluster>; 3] = [
            Box::new(Hdbscan::default()),
            Box::new(Leiden::default()),
            Box::new(KMeans { k: n, ..KMeans::default() }),
        ];
        for method in methods {
            let found = find(&*method, &rows);
            let options = StabilityOptions::default();
            let run = Run::silent(1);
            let steady =
                stability(&*method, &rows, Geometry::Euclidean, &found, &options, &run).unwrap();
            assert_eq!(steady.jaccard.len(), found.len());
            assert!(steady.jaccard.iter().all(|j| j.is_nan() || (0.0..=1.0).contains(j)));
        }
    }
}

/// Three regions of four clusters each: the level above has the regions.
#[test]
fn levels_are_nested_and_find_regions() {
    let mut uniform = uniform(5);
    let mut numbers = Vec::new();
    for i in 0..12 * 40 {
        let (region, cluster) = (i % 12 / 4, i % 4);
        let corner = [[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]][region];
        let offset = [[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0]][cluster];
        numbers.extend((0..2).map(|j| corner[j] + offset[j] + uniform()));
    }
    let rows = matrix(2, numbers);
    let found = find(&Hdbscan::default(), &rows);
    assert_eq!(found.len(), 12);
    let above = levels(&found, &rows, &Run::silent(1)).unwrap();
    assert_eq!(above.len(), 1);
    let regions = found.grouped(&above[0]);
    assert_eq!(regions.sizes.len(), 3);
    for (i, &label) in regions.labels.iter().enumerate() {
        assert_eq!(label, regions.labels[i % 12 / 4 * 4], "row {i}");
    }
    // Three levels above 130, each within the next.
    let many = find(&KMeans { k: 130, restarts: 1, ..KMeans::default() }, &rows);
    let above = levels(&many, &rows, &Run::silent(1)).unwrap();
    let counts: Vec<usize> = above.iter().map(|level| many.grouped(level).len()).collect();
    assert_eq!(counts, [33, 9, 3]);
    for pair in above.windows(2) {
        let mut within = std::collections::HashMap::new();
        for (fine, coarse) in pair[0].iter().zip(&pair[1]) {
            assert_eq!(within.entry(fine).or_insert(coarse), &coarse);
        }
    }
    assert!(levels(&find(&KMeans::default(), &rows), &rows, &Run::silent(1)).unwrap().is_empty());
}
