//! PaCMAP against planted structure and known failure cases: the same bits on any number of threads.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use latlas::Result;
use latlas::geometry::{Geometry, Measure};
use latlas::index::{Exact, Graph};
use latlas::linalg::Matrix;
use latlas::map::{FaithfulnessOptions, Layout, Pacmap, Points, faithfulness};
use latlas::run::{Run, Silent};
use rand_xoshiro::rand_core::Rng;

fn run(threads: usize) -> Run<'static> {
    Run { seed: 42, threads, progress: &Silent, checkpoint: None }
}

/// `each` points around each centre, as wide as `spread` in a cube.
fn around(centres: &[Vec<f32>], each: usize, spread: f32) -> Matrix {
    let mut random = latlas::run::stream(12, &[]);
    let mut data = Vec::new();
    for i in 0..centres.len() * each {
        for x in &centres[i % centres.len()] {
            data.push(x + spread * ((random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0));
        }
    }
    Matrix::new(centres.len() * each, centres[0].len(), data).unwrap()
}

/// Centres along the axes, `apart` from the origin.
fn axes(clusters: usize, apart: f32) -> Vec<Vec<f32>> {
    (0..clusters).map(|c| (0..10).map(|j| if j == c { apart } else { 0.0 }).collect()).collect()
}

fn graph(vectors: &Matrix, k: usize) -> Graph {
    let index = Exact::over(vectors.clone(), Measure::Euclidean).unwrap();
    Graph::from(&index.knn(k, 2).unwrap())
}

fn lay(
    method: &Pacmap,
    vectors: &Matrix,
    start: Option<&Matrix>,
    threads: usize,
) -> Result<Matrix> {
    let graph = graph(vectors, method.neighbours(vectors.rows()));
    let points = Points { vectors, geometry: Geometry::Euclidean, graph: &graph, start };
    let run = run(threads);
    let mut settling = method.begin(points, &run)?;
    while settling.step(&run)? {}
    let (done, all) = settling.steps();
    assert_eq!(done, all);
    assert!(settling.coords().as_slice().iter().all(|x| x.is_finite()));
    let figures = settling.figures(&run)?;
    assert_eq!(figures["iterations"].as_u64(), Some(done));
    Ok(settling.coords().clone())
}

#[test]
fn clusters_come_apart_and_neighbourhoods_are_kept() {
    let vectors = around(&axes(6, 4.0), 120, 0.7);
    let map = lay(&Pacmap::default(), &vectors, None, 2).unwrap();
    let near = graph(&map, 5);
    let own = |i: usize| near.neighbours(i).iter().filter(|&&j| j as usize % 6 == i % 6).count();
    let purity = (0..720).map(own).sum::<usize>() as f64 / 3600.0;
    assert!(purity > 0.99, "{purity}");
    let options = FaithfulnessOptions { ks: vec![10], ..FaithfulnessOptions::default() };
    let found = faithfulness(&vectors, Geometry::Euclidean, &map, &options, &run(2)).unwrap();
    assert!(found.at[0].trustworthiness.value > 0.9, "{:?}", found.at[0]);
}

/// Five clusters in a row, unevenly spaced: what is far stays far on the map.
#[test]
fn the_large_picture_is_kept() {
    let at = [0.0, 10.0, 25.0, 45.0, 70.0];
    let centres: Vec<Vec<f32>> = at.iter().map(|&x| vec![x, 0.3 * x, 0.0, 1.0]).collect();
    let map = lay(&Pacmap::default(), &around(&centres, 100, 1.0), None, 2).unwrap();
    let centre = |c: usize| {
        let rows = (c..500).step_by(5).map(|i| map.row(i));
        let sum = rows.fold([0.0, 0.0], |sum, y| [sum[0] + y[0] / 100.0, sum[1] + y[1] / 100.0]);
        (sum[0], sum[1])
    };
    let apart = |a: usize, b: usize| {
        let (a, b) = (centre(a), centre(b));
        (a.0 - b.0).hypot(a.1 - b.1)
    };
    let pairs: Vec<(f32, f32)> = (0..5)
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .map(|(a, b)| ((at[a] - at[b]).abs(), apart(a, b)))
        .collect();
    assert!(pairs.iter().all(|pair| pair.1 <= apart(0, 4)), "the ends stay the ends: {pairs:?}");
    let mean = |of: &dyn Fn(&(f32, f32)) -> f32| pairs.iter().map(of).sum::<f32>() / 10.0;
    let (x, y) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
    let together = mean(&|pair| (pair.0 - x) * (pair.1 - y));
    let own = mean(&|pair| (pair.0 - x).powi(2)) * mean(&|pair| (pair.1 - y).powi(2));
    // Distances between centres on the map follow those in truth.
    assert!(together / own.sqrt() > 0.7, "{} of {pairs:?}", together / own.sqrt());
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_in_every_run() {
    let vectors = around(&axes(5, 3.0), 260, 1.0);
    for method in [
        Pacmap { iterations: 60, ..Pacmap::default() },
        Pacmap { iterations: 30, dims: 3, ..Pacmap::default() },
    ] {
        let one = lay(&method, &vectors, None, 1).unwrap();
        assert_eq!(one, lay(&method, &vectors, None, 2).unwrap());
        assert_eq!(one, lay(&method, &vectors, None, 3).unwrap());
        assert_eq!(one, lay(&method, &vectors, None, 2).unwrap());
    }
}

#[test]
fn few_points_and_equal_ones_have_a_map() {
    for n in 1..=9 {
        let vectors = Matrix::new(n, 2, (0..2 * n).map(|i| (i * i) as f32).collect()).unwrap();
        assert_eq!(lay(&Pacmap::default(), &vectors, None, 2).unwrap().rows(), n);
    }
    let method = Pacmap { iterations: 45, ..Pacmap::default() };
    let same = Matrix::new(2000, 3, vec![0.5; 6000]).unwrap();
    let map = lay(&method, &same, None, 2).unwrap();
    assert_eq!(map, lay(&method, &same, None, 1).unwrap());
    let line = Matrix::new(300, 2, (0..300).flat_map(|i| [i as f32, 7.0]).collect()).unwrap();
    lay(&method, &line, None, 1).unwrap();
}

#[test]
fn what_does_not_fit_is_refused() {
    let vectors = around(&axes(2, 3.0), 10, 1.0);
    let refused = |method: Pacmap, start: Option<&Matrix>| {
        lay(&method, &vectors, start, 1).unwrap_err().to_string()
    };
    let many = Pacmap { neighbours: Some(20), ..Pacmap::default() };
    assert_eq!(refused(many, None), "neighbours 20: there are only 20 points");
    let start = Matrix::zeros(20, 3);
    assert_eq!(
        refused(Pacmap::default(), Some(&start)),
        "a start of 20 × 3 for 20 points in 2 dimensions"
    );
    let thin = graph(&vectors, 4);
    let points =
        Points { vectors: &vectors, geometry: Geometry::Euclidean, graph: &thin, start: None };
    let method = Pacmap::default();
    let error = method.begin(points, &run(1)).err().unwrap();
    assert_eq!(error.to_string(), "a graph of 4 neighbours a point, where 19 are wanted");
}
