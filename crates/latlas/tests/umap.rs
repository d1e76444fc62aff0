//! UMAP against planted structure and known failure cases: the same bits on any number of threads.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use latlas::geometry::{Geometry, Measure};
use latlas::index::{Exact, Graph};
use latlas::linalg::Matrix;
use latlas::map::{
    FaithfulnessOptions, Init, Layout, Points, Supervised, Target, Umap, faithfulness,
};
use latlas::run::{Progress, Run, Silent, Step};
use latlas::{Kind, Result};
use rand_xoshiro::rand_core::Rng;
use std::ops::ControlFlow;
use std::sync::Mutex;

fn run(threads: usize) -> Run<'static> {
    Run { seed: 42, threads, progress: &Silent, checkpoint: None }
}

/// `each` points around each of `clusters` centres in `dim` dimensions; centres are √(2·dim) apart, points `spread` wide.
fn planted(clusters: usize, each: usize, dim: usize, spread: f64) -> Matrix {
    let mut random = latlas::run::stream(11, &[]);
    let mut normal = || {
        let mut uniform = || (random.next_u32() as f64 + 0.5) / 4_294_967_296.0;
        (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
    };
    let centres: Vec<f64> = (0..clusters * dim).map(|_| normal()).collect();
    let mut data = Vec::with_capacity(clusters * each * dim);
    for i in 0..clusters * each {
        let centre = &centres[i % clusters * dim..][..dim];
        data.extend(centre.iter().map(|x| (x + spread * normal()) as f32));
    }
    Matrix::new(clusters * each, dim, data).unwrap()
}

fn neighbours(vectors: &Matrix, measure: Measure, k: usize) -> Graph {
    let index = Exact::over(vectors.clone(), measure).unwrap();
    Graph::from(&index.knn(k, 2).unwrap())
}

fn lay(method: &dyn Layout, vectors: &Matrix, threads: usize) -> Result<Matrix> {
    let graph = neighbours(vectors, Measure::Euclidean, method.neighbours(vectors.rows()));
    settle(method, vectors, &graph, None, &run(threads))
}

fn settle(
    method: &dyn Layout,
    vectors: &Matrix,
    graph: &Graph,
    start: Option<&Matrix>,
    run: &Run<'_>,
) -> Result<Matrix> {
    let points = Points { vectors, geometry: Geometry::Euclidean, graph, start };
    let mut settling = method.begin(points, run)?;
    let mut steps = 0;
    while settling.step(run)? {
        steps += 1;
    }
    let (done, all) = settling.steps();
    assert!(done == all && (all == 0 || steps + 1 == all));
    assert!(!settling.step(run)?, "nothing is left to do");
    assert!(settling.coords().as_slice().iter().all(|x| x.is_finite()));
    Ok(settling.coords().clone())
}

/// The share of each point's nearest on the map that belong to its cluster.
fn purity(map: &Matrix, clusters: usize) -> f64 {
    let graph = neighbours(map, Measure::Euclidean, 5);
    let own = |i: usize| {
        graph.neighbours(i).iter().filter(|&&j| j as usize % clusters == i % clusters).count()
    };
    (0..map.rows()).map(own).sum::<usize>() as f64 / (5 * map.rows()) as f64
}

#[test]
fn planted_clusters_come_apart_and_neighbourhoods_are_kept() {
    let vectors = planted(6, 150, 20, 0.5);
    for init in [Init::Pca, Init::Spectral, Init::Random] {
        let map = lay(&Umap { init, ..Umap::default() }, &vectors, 2).unwrap();
        assert!(purity(&map, 6) > 0.99, "{init:?}: {}", purity(&map, 6));
        let options = FaithfulnessOptions { ks: vec![10], ..FaithfulnessOptions::default() };
        let found = faithfulness(&vectors, Geometry::Euclidean, &map, &options, &run(2)).unwrap();
        let trust = found.at[0].trustworthiness.value;
        assert!(trust > 0.9, "{init:?}: {trust}");
    }
}

/// Points on a closed curve that is twisted through ten dimensions stay a closed curve.
#[test]
fn a_ring_stays_whole() {
    let n = 400;
    let data = (0..n).flat_map(|i| {
        let angle = std::f32::consts::TAU * i as f32 / n as f32;
        (1..=5).flat_map(move |k| {
            let k = k as f32;
            [(k * angle).cos() / k, (k * angle).sin() / k]
        })
    });
    let vectors = Matrix::new(n, 10, data.collect()).unwrap();
    let map = lay(&Umap { min_dist: 0.5, ..Umap::default() }, &vectors, 1).unwrap();
    let mut steps: Vec<f32> = (0..n)
        .map(|i| {
            let (a, b) = (map.row(i), map.row((i + 1) % n));
            (a[0] - b[0]).hypot(a[1] - b[1])
        })
        .collect();
    steps.sort_by(f32::total_cmp);
    let width = map.iter_rows().map(|y| y[0]).fold(f32::MIN, f32::max)
        - map.iter_rows().map(|y| y[0]).fold(f32::MAX, f32::min);
    assert!(steps[n * 9 / 10] < width / 10.0, "{} of {width}", steps[n * 9 / 10]);
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_in_every_run() {
    let vectors = planted(4, 700, 10, 0.5);
    for method in [
        Umap { epochs: Some(30), ..Umap::default() },
        Umap { epochs: Some(20), dims: 3, init: Init::Spectral, ..Umap::default() },
        Umap { epochs: Some(20), negative_sample_rate: 17, init: Init::Random, ..Umap::default() },
    ] {
        let one = lay(&method, &vectors, 1).unwrap();
        assert_eq!(one, lay(&method, &vectors, 2).unwrap());
        assert_eq!(one, lay(&method, &vectors, 3).unwrap());
        assert_eq!(one, lay(&method, &vectors, 2).unwrap());
        let graph = neighbours(&vectors, Measure::Euclidean, method.neighbours(2800));
        let other = Run { seed: 43, ..run(2) };
        assert_ne!(one, settle(&method, &vectors, &graph, None, &other).unwrap());
    }
}

#[test]
fn one_two_or_three_points_have_a_map() {
    for n in 1..=5 {
        for init in [Init::Pca, Init::Spectral, Init::Random] {
            let vectors = Matrix::new(n, 2, (0..2 * n).map(|i| (i * i) as f32).collect()).unwrap();
            let map = lay(&Umap { init, ..Umap::default() }, &vectors, 2).unwrap();
            assert_eq!((map.rows(), map.cols()), (n, 2));
        }
    }
    let empty = Matrix::zeros(0, 2);
    let graph = Graph::new(0, Vec::new(), Vec::new()).unwrap();
    let error = settle(&Umap::default(), &empty, &graph, None, &run(1)).unwrap_err();
    assert_eq!(error.to_string(), "there is no point to lay out");
}

#[test]
fn more_neighbours_than_points_are_refused() {
    let vectors = planted(1, 8, 3, 1.0);
    let graph = neighbours(&vectors, Measure::Euclidean, 7);
    let method = Umap { neighbours: Some(15), ..Umap::default() };
    let error = settle(&method, &vectors, &graph, None, &run(1)).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(error.to_string(), "neighbours 15: there are only 8 points");
    assert_eq!(error.way_out(), Some("neighbours may be at most 8 here"));
    // As the default they mean all there are.
    lay(&Umap::default(), &vectors, 1).unwrap();
    let thin = neighbours(&vectors, Measure::Euclidean, 3);
    let error = settle(&Umap::default(), &vectors, &thin, None, &run(1)).unwrap_err();
    assert_eq!(error.to_string(), "a graph of 3 neighbours a point, where 7 are wanted");
    let other = neighbours(&planted(1, 9, 3, 1.0), Measure::Euclidean, 8);
    assert!(settle(&Umap::default(), &vectors, &other, None, &run(1)).is_err());
}

/// 3000 times the same point and 500 others: the same ones have no neighbours but each other.
#[test]
fn duplicates_by_the_thousand_are_laid_out() {
    let mut data = planted(2, 250, 8, 0.4).into_vec();
    data.extend((0..3000).flat_map(|_| [3.0_f32; 8]));
    let vectors = Matrix::new(3500, 8, data).unwrap();
    let method = Umap { epochs: Some(60), ..Umap::default() };
    let one = lay(&method, &vectors, 1).unwrap();
    assert_eq!(one, lay(&method, &vectors, 2).unwrap());
    let all_same = Matrix::new(2000, 4, vec![0.25; 8000]).unwrap();
    let map = lay(&method, &all_same, 2).unwrap();
    assert!(map.row(0) != map.row(1));
    // A constant column, and vectors on a line, are no trouble either.
    let line = Matrix::new(300, 2, (0..300).flat_map(|i| [i as f32, 7.0]).collect()).unwrap();
    let map = lay(&method, &line, 1).unwrap();
    assert!(map.iter_rows().any(|y| (y[1] - map.row(0)[1]).abs() > 1.0), "it leaves its line");
}

#[test]
fn zero_vectors_under_the_cosine_have_a_place() {
    let mut vectors = planted(3, 60, 6, 0.3);
    for i in (0..180).step_by(20) {
        vectors.row_mut(i).fill(0.0);
    }
    let graph = neighbours(&vectors, Measure::Cosine, 14);
    for i in 0..vectors.rows() {
        let row = vectors.row_mut(i);
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            for x in row {
                *x /= norm;
            }
        }
    }
    let points =
        Points { vectors: &vectors, geometry: Geometry::Cosine, graph: &graph, start: None };
    let method = Umap::default();
    let mut settling = method.begin(points, &run(1)).unwrap();
    while settling.step(&run(1)).unwrap() {}
    assert!(settling.coords().as_slice().iter().all(|x| x.is_finite()));
}

/// Two clusters without a link between them, and a point that has no neighbour near enough.
#[test]
fn a_graph_may_have_parts_and_points_alone() {
    struct Warnings(Mutex<Vec<String>>);
    impl Progress for Warnings {
        fn report(&self, _: &Step) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
        fn warn(&self, message: &str) {
            self.0.lock().unwrap().push(message.to_owned());
        }
    }
    let mut data = planted(2, 100, 5, 0.05).into_vec();
    data.extend([1000.0; 5]);
    let vectors = Matrix::new(201, 5, data).unwrap();
    let graph = neighbours(&vectors, Measure::Euclidean, 14);
    for init in [Init::Spectral, Init::Pca] {
        let told = Warnings(Mutex::new(Vec::new()));
        let run = Run { seed: 42, threads: 2, progress: &told, checkpoint: None };
        let method = Umap { disconnection_distance: Some(20.0), init, ..Umap::default() };
        let map = settle(&method, &vectors, &graph, None, &run).unwrap();
        let told = told.0.into_inner().unwrap();
        assert_eq!(told, ["1 of 201 points have no neighbour left, and stay where they begin"]);
        let two = Matrix::new(200, 2, map.as_slice()[..400].to_vec()).unwrap();
        assert_eq!(purity(&two, 2), 1.0);
    }
}

#[test]
fn a_given_start_is_where_points_begin() {
    let vectors = planted(3, 50, 5, 0.3);
    let graph = neighbours(&vectors, Measure::Euclidean, 14);
    let method = Umap { epochs: Some(1), learning_rate: 1e-6, ..Umap::default() };
    let start = Matrix::new(150, 2, (0..300).map(|i| i as f32 / 7.0).collect()).unwrap();
    let map = settle(&method, &vectors, &graph, Some(&start), &run(1)).unwrap();
    for (a, b) in map.as_slice().iter().zip(start.as_slice()) {
        assert!((a - b).abs() < 1e-3);
    }
    let error = settle(&method, &vectors, &graph, Some(&Matrix::zeros(3, 2)), &run(1)).unwrap_err();
    assert_eq!(error.to_string(), "a start of 3 × 2 for 150 points in 2 dimensions");
}

/// One cloud, whose halves only labels (of some points) or numbers tell apart.
#[test]
fn targets_lead_the_map() {
    let vectors = planted(1, 600, 4, 1.0);
    let labels: Vec<Option<u32>> =
        (0..600).map(|i| (i % 10 != 0 || i % 20 == 0).then_some(i % 2)).collect();
    let numbers: Vec<f64> =
        (0..600).map(|i| f64::from(i % 2) * 100.0 + f64::from(i) * 0.01).collect();
    let method = Umap { epochs: Some(200), target_weight: 0.8, ..Umap::default() };
    let without = purity(&lay(&method, &vectors, 2).unwrap(), 2);
    assert!((0.4..0.6).contains(&without), "{without}");
    for target in [Target::Categories(&labels), Target::Numbers(&numbers)] {
        let method = Supervised { method: method.clone(), target };
        let map = lay(&method, &vectors, 2).unwrap();
        assert_eq!(map, lay(&method, &vectors, 1).unwrap());
        let with = purity(&map, 2);
        assert!(with > 0.9, "{with} with {target:?}");
    }
}

/// Five clusters, each three times as wide as the one before: densMAP keeps their order of width, UMAP does not.
#[test]
fn densities_are_kept_where_asked_for() {
    let mut random = latlas::run::stream(13, &[]);
    let mut uniform = || f64::from(random.next_u32()) / 4_294_967_296.0 - 0.5;
    let data = (0..750).flat_map(|i| {
        let (cluster, width) = (i % 5, 3.0_f64.powi(i % 5));
        let mut point = [0.0; 8].map(|_: f64| (width * uniform()) as f32);
        point[cluster as usize] += 400.0;
        point
    });
    let vectors = Matrix::new(750, 8, data.collect()).unwrap();
    let graph = neighbours(&vectors, Measure::Euclidean, 29);
    let slopes = [0.0, 2.0].map(|dens_lambda| {
        let method = Umap { neighbours: Some(30), dens_lambda, ..Umap::default() };
        let map = settle(&method, &vectors, &graph, None, &run(2)).unwrap();
        if dens_lambda > 0.0 {
            assert_eq!(map, settle(&method, &vectors, &graph, None, &run(1)).unwrap());
        }
        let near = neighbours(&map, Measure::Euclidean, 10);
        let radius = |cluster: usize| {
            let all = (cluster..750).step_by(5).map(|i| f64::from(near.distances(i)[9]));
            (all.sum::<f64>() / 150.0).ln()
        };
        radius(4) - radius(0)
    });
    assert!(slopes[1] > slopes[0] + 0.5, "{slopes:?}");
}
