//! t-SNE on planted structure, its failure cases, and the driver that runs it on a space.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use latlas::geometry::{Geometry, Measure};
use latlas::index::{Exact, Graph};
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::map::{
    FaithfulnessOptions, Layout, Points, Repulsion, Settled, Settlement, Tsne, settle,
};
use latlas::run::{Progress, Run, Silent, Step};
use latlas::space::Space;
use latlas::{Error, Kind, Result};
use rand_xoshiro::rand_core::Rng;
use serde_json::{Map, Value};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

fn noise(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut random = latlas::run::stream(seed, &[]);
    let data = (0..rows * cols)
        .map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Matrix::new(rows, cols, data).unwrap()
}

/// Groups of equal size, item i in group i % groups, their centres `apart` times as far as they are wide.
fn groups(rows: usize, cols: usize, groups: usize, apart: f32) -> Matrix {
    let (centres, mut data) = (noise(groups, cols, 1), noise(rows, cols, 2));
    for i in 0..rows {
        for (x, centre) in data.row_mut(i).iter_mut().zip(centres.row(i % groups)) {
            *x += apart * centre;
        }
    }
    data
}

fn space(data: Matrix, geometry: Geometry) -> Space {
    let ids: Vec<String> = (0..data.rows()).map(|i| format!("a{i}")).collect();
    let items = Items::from_ids(ids.iter().map(String::as_str)).unwrap();
    Space::builder("test", items).field("main", geometry, data).build().unwrap()
}

fn map(data: Matrix, geometry: Geometry, tsne: &Tsne) -> Result<Settled> {
    settle(&space(data, geometry), "main", tsne, &Settlement::default(), &Run::silent(7))
}

/// The share of items whose nearest on the map is of their own group.
fn together(coords: &Matrix, groups: usize) -> f64 {
    let index = Exact::over(coords.clone(), Measure::Euclidean).unwrap();
    let nearest = index.knn(1, 1).unwrap();
    let same =
        nearest.iter().enumerate().filter(|(i, hits)| hits[0].row.index() % groups == i % groups);
    same.count() as f64 / coords.rows() as f64
}

/// Few iterations: what is planted shows soon.
fn short() -> Tsne {
    Tsne { iterations: 250, early_iterations: 100, ..Tsne::default() }
}

#[test]
fn planted_groups_come_apart() {
    let data = groups(600, 20, 6, 1.2);
    let before =
        Matrix::new(600, 2, data.iter_rows().flat_map(|row| [row[0], row[1]]).collect()).unwrap();
    assert!(together(&before, 6) < 0.8);
    for (dims, repulsion) in [
        (2, Repulsion::Auto),
        (2, Repulsion::Tree),
        (2, Repulsion::Fft),
        (3, Repulsion::Exact),
        (3, Repulsion::Auto),
    ] {
        let tsne = Tsne { dims, repulsion, ..short() };
        let made = map(data.clone(), Geometry::Euclidean, &tsne).unwrap();
        assert!(made.finished && made.placement.coords.cols() == dims);
        let share = together(&made.placement.coords, 6);
        assert!(share > 0.93, "{share} for {repulsion:?} in {dims} dimensions");
    }
}

/// openTSNE, scikit-learn and FIt-SNE end within a few per cent of each other; so do the three ways of repulsion.
#[test]
fn every_kind_of_repulsion_comes_to_the_same_divergence() {
    let data = groups(2500, 10, 5, 0.7);
    let end = |repulsion: Repulsion| {
        let tsne = Tsne { repulsion, iterations: 400, early_iterations: 150, ..Tsne::default() };
        kl(&map(data.clone(), Geometry::Euclidean, &tsne).unwrap().placement.figures)
    };
    let (exact, tree, fft) = (end(Repulsion::Exact), end(Repulsion::Tree), end(Repulsion::Fft));
    assert!((tree / exact - 1.0).abs() < 0.02, "{tree} beside {exact}");
    assert!((fft / exact - 1.0).abs() < 0.02, "{fft} beside {exact}");
}

fn kl(figures: &Map<String, Value>) -> f64 {
    figures["kl"].as_f64().unwrap()
}

#[test]
fn the_divergence_falls_and_a_slow_fall_ends_it() {
    let (data, run) = (groups(900, 10, 3, 1.0), Run::silent(1));
    let index = Exact::over(data.clone(), Measure::Euclidean).unwrap();
    let graph = Graph::from(&index.knn(90, 1).unwrap());
    let points =
        Points { vectors: &data, geometry: Geometry::Euclidean, graph: &graph, start: None };
    let tsne = Tsne { iterations: 500, early_iterations: 100, ..Tsne::default() };
    let mut settling = tsne.begin(points, &run).unwrap();
    let mut last = kl(&settling.figures(&run).unwrap());
    for _ in 0..5 {
        for _ in 0..99 {
            assert!(settling.step(&run).unwrap());
        }
        settling.step(&run).unwrap();
        let now = kl(&settling.figures(&run).unwrap());
        assert!(now < last, "{now} after {last}");
        last = now;
    }
    assert!(!settling.step(&run).unwrap());
    assert_eq!(settling.steps(), (500, 500));

    let tsne = Tsne { min_improvement: 0.02, iterations: 5000, ..tsne.clone() };
    let mut settling = tsne.begin(points, &run).unwrap();
    while settling.step(&run).unwrap() {}
    let (done, total) = settling.steps();
    assert!((150..1000).contains(&done) && done % 50 == 0 && total == 5000, "{done}");
    assert!(kl(&settling.figures(&run).unwrap()) < last * 1.2);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let data = groups(700, 8, 4, 1.0);
    let space = space(data, Geometry::Cosine);
    let made = |threads: usize, seed: u64| {
        let run = Run { seed, threads, progress: &Silent, checkpoint: None };
        let tsne = Tsne { iterations: 60, early_iterations: 30, ..Tsne::default() };
        let with = Settlement { pca: Some(5), ..Settlement::default() };
        settle(&space, "main", &tsne, &with, &run).unwrap().placement
    };
    let first = made(1, 5);
    for threads in [1, 2, 3] {
        let again = made(threads, 5);
        assert_eq!((&again.coords, &again.figures), (&first.coords, &first.figures));
    }
    assert_ne!(made(1, 6).coords, first.coords);
}

#[test]
fn what_was_done_is_said() {
    let made = map(groups(80, 6, 2, 1.0), Geometry::Cosine, &short()).unwrap().placement;
    assert_eq!((made.method, made.rows.len()), ("tsne", 80));
    assert_eq!(made.params["unit_length"], true);
    assert_eq!(made.params["perplexity"], serde_json::json!([30.0]));
    assert_eq!(made.params["pca"], Value::Null);
    assert_eq!(made.figures["z"], "exact");
    assert_eq!(made.figures["repulsion"], "exact");
    assert_eq!((&made.figures["steps"], &made.figures["neighbours"]), (&250.into(), &79.into()));
    let found = made
        .faithfulness(
            &space(groups(80, 6, 2, 1.0), Geometry::Cosine),
            &FaithfulnessOptions { ks: vec![10], ..FaithfulnessOptions::default() },
            &Run::silent(1),
        )
        .unwrap();
    assert!(found.at[0].neighbours_kept.value > 2.0 * found.at[0].null.neighbours_kept);
}

#[test]
fn duplicates_by_the_thousand_settle() {
    let distinct = noise(3, 4, 3);
    let data: Vec<f32> = (0..2400).flat_map(|i| distinct.row(i % 3).to_vec()).collect();
    let data = Matrix::new(2400, 4, data).unwrap();
    let made = map(data, Geometry::Euclidean, &short()).unwrap();
    let coords = &made.placement.coords;
    assert!(coords.as_slice().iter().all(|x| x.is_finite()));
    assert!(together(coords, 3) > 0.99);
}

#[test]
fn odd_data_gets_a_map() {
    // Constant columns; one dimension; groups so far apart that no neighbour leads from one to another; zero vectors.
    let mut constant = groups(150, 5, 2, 1.0);
    (0..150).for_each(|i| constant.row_mut(i)[..3].fill(4.0));
    let line = noise(100, 1, 4);
    let far = groups(600, 3, 2, 1e6);
    let mut zeros = groups(200, 4, 2, 1.0);
    (0..200).step_by(3).for_each(|i| zeros.row_mut(i).fill(0.0));
    let mut huge = noise(120, 3, 5);
    huge.as_mut_slice().iter_mut().for_each(|x| *x *= 1e15);
    for (data, geometry) in [
        (constant, Geometry::Euclidean),
        (line, Geometry::Euclidean),
        (far, Geometry::Euclidean),
        (zeros, Geometry::Cosine),
        (huge, Geometry::Euclidean),
    ] {
        let made = map(data, geometry, &short()).unwrap().placement;
        assert!(made.coords.as_slice().iter().all(|x| x.is_finite()));
        assert!(kl(&made.figures).is_finite());
    }
    let three = Tsne { perplexity: vec![1.5], ..short() };
    let made = map(noise(3, 2, 6), Geometry::Euclidean, &three).unwrap().placement;
    assert!(made.coords.as_slice().iter().all(|x| x.is_finite()));
}

fn refused(data: Matrix, tsne: &Tsne) -> (Kind, String, String) {
    let error: Error = map(data, Geometry::Euclidean, tsne).unwrap_err();
    (error.kind(), error.to_string(), error.way_out().unwrap_or_default().to_owned())
}

#[test]
fn what_does_not_fit_is_refused_with_what_does() {
    let tsne = Tsne::default();
    let perplexity = |perplexity: f64| Tsne { perplexity: vec![perplexity], ..Tsne::default() };
    let (kind, message, help) = refused(noise(20, 3, 1), &tsne);
    assert_eq!((kind, message.as_str()), (Kind::Usage, "a perplexity of 30 does not fit 20 items"));
    assert_eq!(help, "at most 18 does; 6 is sensible");
    assert!(
        map(
            noise(20, 3, 1),
            Geometry::Euclidean,
            &Tsne { iterations: 3, early_iterations: 0, ..perplexity(18.0) }
        )
        .is_ok()
    );
    for (items, message) in [
        (1, "a map needs at least 3 items, here is 1"),
        (2, "a map needs at least 3 items, here are 2"),
    ] {
        let (kind, found, _) = refused(noise(items, 3, 1), &tsne);
        assert_eq!((kind, found.as_str()), (Kind::Data, message));
    }
    let equal = Matrix::new(50, 2, [0.1, 0.2].repeat(50)).unwrap();
    assert_eq!(refused(equal, &tsne).1, "all 50 vectors are equal: there is nothing to lay out");
    for wrong in [
        perplexity(0.5),
        perplexity(f64::NAN),
        Tsne { perplexity: Vec::new(), ..Tsne::default() },
        Tsne { dims: 4, ..Tsne::default() },
        Tsne { iterations: 0, ..Tsne::default() },
        Tsne { early_iterations: 800, ..Tsne::default() },
        Tsne { exaggeration: 0.5, ..Tsne::default() },
        Tsne { momentum: 1.0, ..Tsne::default() },
        Tsne { learning_rate: Some(0.0), ..Tsne::default() },
        Tsne { learning_rate: Some(f64::NAN), ..Tsne::default() },
        Tsne { theta: 1.5, ..Tsne::default() },
        Tsne { spacing: 0.0, ..Tsne::default() },
        Tsne { dims: 3, repulsion: Repulsion::Fft, ..Tsne::default() },
    ] {
        assert_eq!(refused(noise(100, 3, 1), &wrong).0, Kind::Usage, "{wrong:?}");
    }
    let apart = Tsne { learning_rate: Some(1e36), max_step: 0.0, ..Tsne::default() };
    let (kind, message, _) = refused(noise(200, 3, 1), &apart);
    assert!(
        kind == Kind::Usage && message.starts_with("the map flew apart in iteration "),
        "{message}"
    );
    let with = Settlement { pca: Some(4), ..Settlement::default() };
    let error = settle(
        &space(noise(100, 3, 1), Geometry::Euclidean),
        "main",
        &tsne,
        &with,
        &Run::silent(1),
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "4 principal components asked of vectors with 3 dimensions");
}

#[test]
fn a_graph_and_a_start_have_to_fit() {
    let (data, run) = (noise(600, 3, 1), Run::silent(1));
    let index = Exact::over(data.clone(), Measure::Euclidean).unwrap();
    let graph = |k: usize| Graph::from(&index.knn(k, 1).unwrap());
    let tsne =
        Tsne { perplexity: vec![10.0], iterations: 2, early_iterations: 1, ..Tsne::default() };
    let space = space(data.clone(), Geometry::Euclidean);
    let made = |graph: &Graph, start: Option<&Matrix>| {
        let with = Settlement { graph: Some(graph), start, ..Settlement::default() };
        settle(&space, "main", &tsne, &with, &run)
    };
    // More neighbours than wanted change nothing, nor does it matter who found them.
    let expected = map(data, Geometry::Euclidean, &tsne).unwrap().placement.coords;
    assert_ne!(made(&graph(40), None).unwrap().placement.coords, Matrix::zeros(600, 2));
    let seeded = settle(&space, "main", &tsne, &Settlement::default(), &Run::silent(7)).unwrap();
    assert_eq!(seeded.placement.coords, expected);
    let few = made(&graph(20), None).unwrap_err();
    assert_eq!(
        (few.kind(), few.way_out()),
        (Kind::Usage, Some("its neighbours suffice for a perplexity of 6"))
    );
    let other = Graph::new(1, vec![1, 0], vec![1.0, 1.0]).unwrap();
    assert_eq!(made(&other, None).unwrap_err().to_string(), "a graph of 2 points for 600 vectors");
    assert_eq!(made(&graph(30), Some(&Matrix::zeros(600, 3))).unwrap_err().kind(), Kind::Data);
    let mut start = noise(600, 2, 9);
    assert!(made(&graph(30), Some(&start)).is_ok());
    start.row_mut(5)[0] = f32::INFINITY;
    assert_eq!(made(&graph(30), Some(&start)).unwrap_err().kind(), Kind::Data);
}

/// Cancels at the so-manieth report of a stage.
struct Impatient {
    stage: &'static str,
    patience: u64,
    reports: AtomicU64,
}

impl Progress for Impatient {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        let counted = step.stage == self.stage
            && self.reports.fetch_add(1, Ordering::Relaxed) >= self.patience;
        if counted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn a_layout_that_is_cancelled_keeps_its_positions() {
    let space = space(groups(600, 6, 3, 1.0), Geometry::Euclidean);
    let made = |stage: &'static str, patience: u64| {
        let progress = Impatient { stage, patience, reports: AtomicU64::new(0) };
        let run = Run { seed: 1, threads: 1, progress: &progress, checkpoint: None };
        settle(&space, "main", &Tsne::default(), &Settlement::default(), &run)
    };
    let part = made("settling", 20).unwrap();
    assert!(!part.finished);
    assert_eq!(part.placement.figures["unfinished"], "20 of 750 steps");
    assert!(kl(&part.placement.figures) > 0.0);
    let tsne = Tsne { iterations: 250, early_iterations: 250, ..Tsne::default() };
    let whole = settle(
        &space,
        "main",
        &Tsne { iterations: 20, early_iterations: 20, ..tsne },
        &Settlement::default(),
        &Run::silent(1),
    )
    .unwrap();
    assert_eq!(whole.placement.coords, part.placement.coords);
    // Before the first step there is nothing to keep.
    assert_eq!(made("settling", 0).unwrap_err().kind(), Kind::Interrupted);
    assert_eq!(made("weighing neighbours", 0).unwrap_err().kind(), Kind::Interrupted);
}
