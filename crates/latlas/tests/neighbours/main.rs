//! Graphs of nearest neighbours: exact ones are those of brute force, those by cells reach a recall, all of them are
//! the same at any number of threads, and what cannot be done is refused with a reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod cells;
mod kept;
mod ready;

use std::ops::ControlFlow;
use std::sync::Mutex;

use latlas::geometry::Geometry;
use latlas::index::{Exact, Graph, NeighbourMethod, NeighbourOptions, keep_neighbours, neighbours};
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::run::{Progress, Run, Silent, Step, stream};
use latlas::space::{Provenance, Row, Space, check};
use latlas::{Kind, Result};
use proptest::prelude::*;
use rand_xoshiro::rand_core::Rng;

const GEOMETRIES: [Geometry; 2] = [Geometry::Euclidean, Geometry::Cosine];

fn with_threads(threads: usize) -> Run<'static> {
    Run { seed: 7, threads, progress: &Silent, checkpoint: None }
}

/// A number in [−1, 1).
fn uniform(random: &mut impl Rng) -> f32 {
    (random.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Points in groups, with copies, near copies, multiples and zeros among them, far from the origin.
fn planted(seed: u64, rows: usize, dim: usize) -> Matrix {
    let mut random = stream(seed, &[]);
    let centres: Vec<f32> = (0..5 * dim).map(|_| 3.0 * uniform(&mut random)).collect();
    let mut matrix = Matrix::zeros(rows, dim);
    for i in 0..rows {
        let kind = random.next_u64() % 12;
        let source = matrix.row((random.next_u64() as usize) % (i + 1)).to_vec();
        let centre = (random.next_u64() % 5) as usize * dim;
        for (j, x) in matrix.row_mut(i).iter_mut().enumerate() {
            *x = match kind {
                0 => source[j],
                1 => source[j] + 1e-6 * uniform(&mut random),
                2 => source[j] * 2.0,
                3 => 0.0,
                _ => 10.0 + centres[centre + j] + 0.5 * uniform(&mut random),
            };
        }
    }
    matrix
}

/// A mixture of groups that hang together.
fn mixture(seed: u64, rows: usize, dim: usize) -> Matrix {
    let mut random = stream(seed, &[1]);
    let centres: Vec<f32> = (0..20 * dim).map(|_| uniform(&mut random)).collect();
    let mut numbers = Vec::with_capacity(rows * dim);
    for _ in 0..rows {
        let centre = (random.next_u64() % 20) as usize * dim;
        numbers.extend((0..dim).map(|j| centres[centre + j] + 0.7 * uniform(&mut random)));
    }
    Matrix::new(rows, dim, numbers).unwrap()
}

fn exact(k: usize) -> NeighbourOptions {
    NeighbourOptions { method: NeighbourMethod::Exact, ..NeighbourOptions::nearest(k) }
}

fn cells(k: usize) -> NeighbourOptions {
    NeighbourOptions { method: NeighbourMethod::Cells, ..NeighbourOptions::nearest(k) }
}

/// What the exact index answers for every row, whose own laws are in `tests/index.rs`.
fn searched(points: &Matrix, geometry: Geometry, k: usize) -> Graph {
    Graph::from(&Exact::over(points.clone(), geometry.measure()).unwrap().knn(k, 2).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn exact_graphs_are_those_of_brute_force(seed: u64, rows in 2..200_usize, dim in 1..24_usize, k in 1..12_usize) {
        let points = planted(seed, rows, dim);
        let k = k.min(rows - 1);
        for geometry in GEOMETRIES {
            let graph = Graph::of(&points, geometry, &exact(k), &with_threads(2)).unwrap();
            for i in 0..rows {
                let mut all: Vec<(f32, u32)> = (0..rows).filter(|&j| j != i).map(|j| {
                    (geometry.measure().exact(points.row(i), points.row(j)) as f32, j as u32)
                }).collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let (distances, numbers): (Vec<f32>, Vec<u32>) = all[..k].iter().copied().unzip();
                prop_assert_eq!(graph.neighbours(i), &numbers[..], "{:?}, point {}", geometry, i);
                prop_assert_eq!(graph.distances(i), &distances[..]);
            }
            prop_assert!(Graph::new(k, numbers_of(&graph), distances_of(&graph)).is_ok());
        }
    }
}

fn numbers_of(graph: &Graph) -> Vec<u32> {
    (0..graph.len()).flat_map(|i| graph.neighbours(i)).copied().collect()
}

fn distances_of(graph: &Graph) -> Vec<f32> {
    (0..graph.len()).flat_map(|i| graph.distances(i)).copied().collect()
}

/// Numbers of points that end within a panel, at one, and at even and odd numbers of blocks.
#[test]
fn exact_graphs_of_many_blocks_are_whole_at_any_number_of_threads() {
    for (rows, dim) in [(256, 7), (500, 3), (769, 150), (1024, 9), (1300, 20)] {
        let points = planted(rows as u64, rows, dim);
        for geometry in GEOMETRIES {
            let one = Graph::of(&points, geometry, &exact(15), &with_threads(1)).unwrap();
            assert_eq!(one, searched(&points, geometry, 15), "{rows} × {dim}, {geometry:?}");
            for threads in [2, 3] {
                let other = Graph::of(&points, geometry, &exact(15), &with_threads(threads));
                assert_eq!(one, other.unwrap());
            }
        }
    }
}

/// Nearest are the copies of lowest number.
#[test]
fn copies_by_the_thousand_are_ordered_by_number() {
    let (rows, k) = (3000, 12);
    let numbers = (0..rows).flat_map(|i| [(i % 3) as f32, 5.0, -1.0]).collect();
    let points = Matrix::new(rows, 3, numbers).unwrap();
    let graph = Graph::of(&points, Geometry::Euclidean, &exact(k), &with_threads(2)).unwrap();
    for i in 0..rows {
        let copies = (0..rows).filter(|&j| j % 3 == i % 3 && j != i).take(k);
        assert_eq!(graph.neighbours(i), copies.map(|j| j as u32).collect::<Vec<_>>());
        assert!(graph.distances(i).iter().all(|&d| d == 0.0));
    }
    // By cells any of the copies will do, but copies they are.
    let graph = Graph::of(&points, Geometry::Euclidean, &cells(k), &with_threads(2)).unwrap();
    let near = (0..rows).filter(|&i| graph.distances(i)[k - 1] == 0.0).count();
    assert!(near as f64 > 0.95 * rows as f64, "{near} of {rows}");
    // All of them one point, and nothing else.
    let points = Matrix::new(1000, 2, vec![0.25; 2000]).unwrap();
    for (geometry, options) in [(Geometry::Cosine, exact(5)), (Geometry::Euclidean, cells(5))] {
        let graph = Graph::of(&points, geometry, &options, &with_threads(2)).unwrap();
        assert!(distances_of(&graph).iter().all(|&d| d == 0.0));
    }
}

#[test]
fn zero_vectors_are_at_distance_1_under_the_cosine() {
    let mut points = mixture(3, 400, 5);
    for i in [0, 17, 399] {
        points.row_mut(i).fill(0.0);
    }
    for options in [exact(8), cells(8)] {
        let graph = Graph::of(&points, Geometry::Cosine, &options, &with_threads(1)).unwrap();
        assert!(graph.distances(17).iter().all(|&d| d <= 1.0));
        for i in 0..400 {
            for (&j, &distance) in graph.neighbours(i).iter().zip(graph.distances(i)) {
                if [0, 17, 399].contains(&j) || [0, 17, 399].contains(&i) {
                    assert_eq!(distance, 1.0);
                }
            }
        }
    }
}

#[test]
fn the_recall_of_a_graph_is_what_it_holds() {
    let points = mixture(2, 600, 8);
    let run = with_threads(2);
    let truth = Graph::of(&points, Geometry::Euclidean, &exact(10), &run).unwrap();
    let measured =
        |graph: &Graph, sample| graph.measured(&points, Geometry::Euclidean, sample, &run).unwrap();
    assert_eq!(measured(&truth, 600).value, 1.0);
    // The tenth neighbour of every other point is taken for the farthest point.
    let (mut numbers, distances) = (numbers_of(&truth), distances_of(&truth));
    for i in (0..600).step_by(2) {
        let far = |j: &usize| latlas::kernels::squared_l2(points.row(i), points.row(*j));
        let farthest = (0..600).max_by(|a, b| far(a).total_cmp(&far(b))).unwrap();
        numbers[i * 10 + 9] = farthest as u32;
    }
    let broken = Graph::new(10, numbers, distances).unwrap();
    let whole = measured(&broken, 600);
    assert!((whole.value - 0.95).abs() < 1e-12 && whole.standard_error == 0.0, "{whole:?}");
    let part = measured(&broken, 200);
    assert!((part.value - 0.95).abs() < 5.0 * part.standard_error, "{part:?}");
    assert!(part.standard_error > 0.002 && part.standard_error < 0.005, "{part:?}");
    let error = broken.measured(&points, Geometry::Euclidean, 1, &run).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let refused = |points: &Matrix, options: &NeighbourOptions| {
        Graph::of(points, Geometry::Cosine, options, &with_threads(1)).unwrap_err()
    };
    let points = mixture(1, 30, 4);
    let error = refused(&points, &exact(30));
    assert_eq!(error.to_string(), "30 neighbours asked of 30 points, itself left out");
    assert_eq!((error.kind(), error.way_out()), (Kind::Usage, Some("ask for k = 1 to 29")));
    assert_eq!(refused(&points, &cells(0)).kind(), Kind::Usage);
    let error = refused(&Matrix::zeros(40_000, 1), &exact(30_000));
    assert_eq!(
        error.to_string(),
        "30000 neighbours of each of 40000 points are more than a graph holds"
    );
    assert!(error.way_out().unwrap().starts_with("at most 26843 do"), "{error}");
    let one = Matrix::new(1, 2, vec![1.0, 2.0]).unwrap();
    assert_eq!(
        refused(&one, &exact(1)).to_string(),
        "neighbours are looked for among at least 2 points, here is 1"
    );
    let mut bad = points.clone();
    bad.row_mut(11)[2] = f32::NAN;
    for options in [exact(3), cells(3)] {
        let error = refused(&bad, &options);
        assert_eq!(error.to_string(), "row 12, component 3: not a number");
        assert_eq!(error.kind(), Kind::Data);
    }
    for options in [
        NeighbourOptions { reach: 1.5, ..cells(3) },
        NeighbourOptions { reach: f64::NAN, ..cells(3) },
        NeighbourOptions { compared: 0, ..cells(3) },
    ] {
        assert_eq!(refused(&points, &options).kind(), Kind::Usage);
    }
}

/// Cancels at a report of the stage.
struct Cancel(&'static str);

impl Progress for Cancel {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        if step.stage == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn every_stage_can_be_cancelled() {
    let points = mixture(4, 2000, 4);
    for (stage, options) in [
        ("averaging", exact(5)),
        ("comparing all pairs", exact(5)),
        ("measuring neighbours", exact(5)),
        ("finding neighbours", cells(5)),
        ("measuring neighbours", cells(5)),
        ("comparing points", cells(5)),
    ] {
        let run = Run { progress: &Cancel(stage), ..with_threads(2) };
        let error = Graph::of(&points, Geometry::Euclidean, &options, &run).unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted, "{stage}");
    }
}

/// Keeps what is said.
#[derive(Default)]
struct Ears(Mutex<Vec<String>>);

impl Progress for Ears {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(format!("warning: {message}"));
    }
    fn note(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

impl Ears {
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
