//! Graphs of nearest neighbours: exact ones are those of brute force, those by cells reach a recall, all of them are
//! the same at any number of threads, and what cannot be done is refused with a reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

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
fn cells_find_nearly_all_neighbours_and_the_same_at_any_number_of_threads() {
    for (rows, dim, k, geometry) in [
        (6000, 12, 15, Geometry::Euclidean),
        (4000, 40, 30, Geometry::Cosine),
        (3000, 6, 5, Geometry::Euclidean),
    ] {
        let points = mixture(rows as u64, rows, dim);
        let truth = Graph::of(&points, geometry, &exact(k), &with_threads(2)).unwrap();
        let one = Graph::of(&points, geometry, &cells(k), &with_threads(1)).unwrap();
        for threads in [2, 3] {
            let other = Graph::of(&points, geometry, &cells(k), &with_threads(threads)).unwrap();
            assert_eq!(one, other);
        }
        let found: usize = (0..rows)
            .map(|i| one.neighbours(i).iter().filter(|j| truth.neighbours(i).contains(j)).count())
            .sum();
        let share = found as f64 / (rows * k) as f64;
        assert!(share > 0.95, "{share} of {rows} × {dim}, k = {k}");
        let told = one.recall().unwrap();
        // 500 points that miss nothing have no error, and say no more than that fewer than 1 in 170 does (3 / n).
        assert!(
            (told.value - share).abs() <= 5.0 * told.standard_error + 3e-3,
            "{told:?}, {share}"
        );
        assert_eq!(told.sampled, 500);
        // What is found is measured as the exact graph measures it.
        for i in (0..rows).step_by(97) {
            for (&j, &distance) in one.neighbours(i).iter().zip(one.distances(i)) {
                let true_distance = geometry.measure().exact(points.row(i), points.row(j as usize));
                assert_eq!(distance, true_distance as f32);
            }
        }
        // A point's own cell alone misses some, and others under another seed.
        let near = NeighbourOptions { reach: 0.0, ..cells(k) };
        let planted = |seed| {
            let run = Run { seed, ..with_threads(2) };
            Graph::of(&points, geometry, &near, &run).unwrap()
        };
        let poor = planted(7);
        assert!(poor.recall().unwrap().value < told.value - 0.1, "{:?}", poor.recall());
        assert!(poor == planted(7) && poor != planted(8), "the seed decides");
    }
}

/// Points that look as far as the planes between cells allow miss next to nothing, those that look less far more.
#[test]
fn a_longer_reach_finds_more() {
    for (dim, geometry) in [(5, Geometry::Euclidean), (24, Geometry::Cosine)] {
        let points = mixture(11, 6000, dim);
        let recall = |reach: f64| {
            let options =
                NeighbourOptions { reach, compared: usize::MAX, recall_sample: 6000, ..cells(10) };
            Graph::of(&points, geometry, &options, &with_threads(2))
                .unwrap()
                .recall()
                .unwrap()
                .value
        };
        let found = [0.0, 0.1, 0.3, 1.0].map(recall);
        assert!(found.is_sorted() && found[0] < found[2] && found[3] > 0.999, "{found:?}");
    }
}

/// Wide points are compared by their fronts first, which must lose next to nothing: where few directions hold most of
/// them, where all are alike, and where there is but one point.
#[test]
fn wide_points_find_their_neighbours() {
    let (rows, dim, k) = (5000, 260, 10);
    let mut random = stream(3, &[]);
    let noise: Vec<f32> = (0..rows * dim).map(|_| uniform(&mut random)).collect();
    let few = mixture(8, rows, 12);
    let numbers = |mix: &dyn Fn(usize, usize) -> f32| {
        Matrix::new(rows, dim, (0..rows * dim).map(|at| mix(at / dim, at % dim)).collect()).unwrap()
    };
    let flat = numbers(&|i, j| 3.0 + noise[i * dim + j]);
    let steep =
        numbers(&|i, j| few.row(i)[j % 12] * (1.0 + (j / 12) as f32) + 0.05 * noise[i * dim + j]);
    for (name, points, least) in [("flat", &flat, 0.9), ("steep", &steep, 0.99)] {
        for geometry in GEOMETRIES {
            let options = NeighbourOptions { reach: 0.5, ..cells(k) };
            let one = Graph::of(points, geometry, &options, &with_threads(1)).unwrap();
            assert_eq!(one, Graph::of(points, geometry, &options, &with_threads(2)).unwrap());
            let recall = one.recall().unwrap();
            assert!(recall.value > least, "{name}, {geometry:?}: {recall:?}");
        }
    }
    let same = numbers(&|_, j| j as f32);
    let graph = Graph::of(&same, Geometry::Euclidean, &cells(k), &with_threads(2)).unwrap();
    assert!(distances_of(&graph).iter().all(|&d| d == 0.0));
}

/// So few points that every one meets every other.
#[test]
fn cells_of_few_points_is_exact() {
    for (rows, k) in [(2, 1), (3, 2), (40, 39), (100, 60), (120, 7)] {
        let points = planted(5, rows, 4);
        let graph = |options| Graph::of(&points, Geometry::Euclidean, &options, &with_threads(2));
        let mut found = graph(cells(k)).unwrap();
        let whole = found.recall().unwrap();
        assert_eq!((whole.value, whole.standard_error), (1.0, 0.0), "{rows}, {k}");
        found = Graph::new(k, numbers_of(&found), distances_of(&found)).unwrap();
        assert_eq!(found, graph(exact(k)).unwrap());
    }
}

/// Groups that nothing links, and points that look no farther than they must: lists are whole all the same.
#[test]
fn disconnected_groups_and_large_k_are_whole() {
    let mut points = mixture(9, 900, 3);
    for i in 0..900 {
        points.row_mut(i)[0] += 1e4 * (i % 9) as f32;
    }
    let options = NeighbourOptions { reach: 0.0, compared: 1, ..cells(20) };
    let graph = Graph::of(&points, Geometry::Euclidean, &options, &with_threads(2)).unwrap();
    assert!((0..900).all(|i| graph.neighbours(i).iter().all(|&j| j as usize % 9 == i % 9)));
    // More neighbours than a group has members: the nearest of other groups follow.
    let graph = Graph::of(&points, Geometry::Euclidean, &exact(150), &with_threads(2)).unwrap();
    assert!((0..900).all(|i| {
        let own = |j: &&u32| **j as usize % 9 == i % 9;
        graph.neighbours(i).iter().take_while(own).count() == 99
    }));
}

/// More neighbours than there are points in a cell.
#[test]
fn cells_find_many_neighbours() {
    let points = mixture(7, 4000, 8);
    let graph = Graph::of(&points, Geometry::Euclidean, &cells(400), &with_threads(2)).unwrap();
    assert!(graph.recall().unwrap().value > 0.95, "{:?}", graph.recall());
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

fn saved(dir: &std::path::Path, points: Matrix) -> Space {
    let items = Items::from_ids((0..points.rows()).map(|i| format!("p{i}"))).unwrap();
    let space =
        Space::builder("test", items).field("main", Geometry::Cosine, points).build().unwrap();
    space.save(dir).unwrap();
    Space::open(dir).unwrap()
}

#[test]
fn a_graph_is_kept_with_its_space_and_used_where_it_fits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.space");
    let points = mixture(6, 300, 6);
    let space = saved(&path, points.clone());
    let ears = Ears::default();
    let run = Run { progress: &ears, ..with_threads(1) };
    let graph = neighbours(&space, "main", &exact(12), &run).unwrap();
    assert_eq!(graph, searched(&points, Geometry::Cosine, 12));
    let step = || Provenance { action: "test".into(), ..Provenance::default() };
    let mut edit = Space::edit(&path).unwrap();
    keep_neighbours(&mut edit, "main", &graph, &exact(12), &run).unwrap();
    edit.publish(step()).unwrap();
    assert_eq!(ears.heard(), Vec::<String>::new());

    let space = Space::open(&path).unwrap();
    assert!(check(&path, false).unwrap().is_sound());
    assert_eq!((space.graphs()[0].k, space.graphs()[0].field.as_str()), (12, "main"));
    assert_eq!(neighbours(&space, "main", &exact(12), &run).unwrap(), graph);
    let fewer = neighbours(&space, "main", &NeighbourOptions::nearest(5), &run).unwrap();
    assert_eq!(fewer, searched(&points, Geometry::Cosine, 5));
    assert_eq!(ears.heard(), vec!["neighbours: those kept with the space (12 of each)"; 2]);
    // Not for more neighbours, nor for those that another method would find.
    let more = neighbours(&space, "main", &exact(13), &run).unwrap();
    assert_eq!((more.k(), ears.heard().len()), (13, 0));
    let found = neighbours(&space, "main", &cells(12), &run).unwrap();
    assert!(ears.heard()[0].starts_with("neighbours by cells: "));

    // One by cells is used again under the same seed and options, with its recall.
    let mut edit = Space::edit(&path).unwrap();
    keep_neighbours(&mut edit, "main", &found, &cells(12), &run).unwrap();
    let space = edit.publish(step()).unwrap();
    assert_eq!(space.graphs().len(), 1, "it takes the place of the one before");
    assert_eq!(neighbours(&space, "main", &cells(12), &run).unwrap(), found);
    assert_eq!(ears.heard().len(), 1);
    let other = Run { seed: 1, ..run.clone() };
    neighbours(&space, "main", &cells(12), &other).unwrap();
    assert!(ears.heard()[0].starts_with("neighbours by cells: "));

    // Columns leave it alone, deleted rows make it stale, and a compacted space keeps what is not.
    let mut edit = Space::edit(&path).unwrap();
    edit.delete(&[Row(3)]).unwrap();
    let space = edit.publish(step()).unwrap();
    assert_eq!(space.graph("main").unwrap_err().kind(), Kind::Nothing);
    let graph = neighbours(&space, "main", &exact(4), &run).unwrap();
    assert_eq!((graph.len(), ears.heard().len()), (299, 0));
    let mut edit = Space::edit(&path).unwrap();
    keep_neighbours(&mut edit, "main", &graph, &exact(4), &run).unwrap();
    edit.compact().unwrap();
    let space = edit.publish(step()).unwrap();
    assert_eq!(neighbours(&space, "main", &exact(4), &run).unwrap(), graph);
    assert_eq!(ears.heard().len(), 1);
    assert!(check(&path, false).unwrap().is_sound());
    let copy = dir.path().join("b.space");
    space.save(&copy).unwrap();
    let copy = Space::open(&copy).unwrap();
    assert_eq!(copy.graph("main").unwrap().neighbours(), numbers_of(&graph));
}

#[test]
fn a_damaged_graph_is_told_of_and_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.space");
    let space = saved(&path, mixture(6, 100, 3));
    let ears = Ears::default();
    let run = Run { progress: &ears, ..with_threads(1) };
    let graph = neighbours(&space, "main", &exact(6), &run).unwrap();
    let mut edit = Space::edit(&path).unwrap();
    keep_neighbours(&mut edit, "main", &graph, &exact(6), &run).unwrap();
    edit.publish(Provenance::default()).unwrap();
    let file = std::fs::read_dir(path.join("graphs")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let space = Space::open(&path).unwrap();
    assert_eq!(neighbours(&space, "main", &exact(6), &run).unwrap(), graph);
    let heard = ears.heard();
    assert!(heard[0].contains("damaged") && heard[0].contains("looked for again"), "{heard:?}");
    let report = check(&path, false).unwrap();
    assert!(report.problems[0].file.starts_with("graphs/main-"), "{report:?}");
    assert!(check(&path, true).unwrap().is_sound());
    assert!(Space::open(&path).unwrap().graphs().is_empty());
    assert!(!file.exists());
}

/// A zip archive of one stored or deflated file after the other, as `numpy.savez` writes them.
fn zip(files: &[(&str, Vec<u8>)], deflated: bool) -> Vec<u8> {
    use std::io::Write;
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut packer =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(content).unwrap();
        let packed = if deflated { packer.finish().unwrap() } else { content.clone() };
        let mut head = vec![20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0, 0];
        head.extend(crc.sum().to_le_bytes());
        head.extend((packed.len() as u32).to_le_bytes());
        head.extend((content.len() as u32).to_le_bytes());
        head.extend((name.len() as u16).to_le_bytes());
        head.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&head);
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.bytes());
        out.extend(b"PK\x03\x04");
        out.extend(head);
        out.extend(name.bytes());
        out.extend(packed);
    }
    let start = out.len() as u32;
    let count = files.len() as u16;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A `.npy` file of these numbers.
fn npy(dtype: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(numbers);
    bytes
}

fn longs(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn doubles(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[test]
fn ready_graphs_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let expected =
        Graph::new(2, vec![1, 2, 0, 2, 1, 0], vec![0.5, 1.0, 0.5, 0.75, 0.75, 1.0]).unwrap();
    let run = with_threads(1);
    // The point itself stands first, as many libraries have it.
    let indices = npy("<i8", "3, 3", &longs(&[0, 1, 2, 1, 0, 2, 2, 1, 0]));
    let distances = npy("<f8", "3, 3", &doubles(&[0.0, 0.5, 1.0, 0.0, 0.5, 0.75, 0.0, 0.75, 1.0]));
    // A sparse matrix holds a row's columns in their own order.
    let matrix = [
        ("indices.npy", npy("<i4", "6,", &[1, 2, 0, 2, 0, 1].map(i32::to_le_bytes).concat())),
        ("indptr.npy", npy("<i4", "4,", &[0, 2, 4, 6].map(i32::to_le_bytes).concat())),
        ("format.npy", npy("|S3", "", b"csr")),
        ("shape.npy", npy("<i8", "2,", &longs(&[3, 3]))),
        ("data.npy", npy("<f8", "6,", &doubles(&[0.5, 1.0, 0.5, 0.75, 1.0, 0.75]))),
    ];
    for deflated in [false, true] {
        let path = dir.path().join("a.npz");
        let dense = [("indices.npy", indices.clone()), ("distances.npy", distances.clone())];
        for files in [&dense[..], &matrix[..]] {
            let bytes = zip(files, deflated);
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(Graph::read(&path, 3, &run).unwrap(), expected);
            for place in 0..bytes.len() {
                let mut broken = bytes.clone();
                broken[place] ^= 1;
                let read = |bytes: &[u8]| Graph::from_npz(bytes, &Run::silent(1)).ok();
                let _ = (read(&broken), read(&bytes[..place]));
            }
        }
        let error = Graph::read(&path, 4, &run).unwrap_err();
        assert!(error.message().contains("a graph of 3 points, for 4 items"), "{error}");
    }
    let path = dir.path().join("a.csv");
    std::fs::write(
        &path,
        "source,target,distance\n2,1,0.75\n0,2,1\n0,1,0.5\n2,0,1\n1,0,0.5\n1,2,0.75\n1,1,0\n",
    )
    .unwrap();
    assert_eq!(Graph::read(&path, 3, &run).unwrap(), expected);
    // Longer lists are cut to the shortest.
    let ears = Ears::default();
    let run = Run { progress: &ears, ..with_threads(1) };
    std::fs::write(&path, "source,target,distance\n0,1,0.5\n0,2,1\n1,0,0.5\n2,0,1\n").unwrap();
    let graph = Graph::read(&path, 3, &run).unwrap();
    assert_eq!((graph.k(), graph.neighbours(0)), (1, &[1][..]));
    assert!(ears.heard().iter().any(|said| said.contains("the nearest 1 of each are kept")));
}

#[test]
fn ready_graphs_that_are_none_are_refused() {
    let run = with_threads(1);
    let refused = |indices: &[i64], distances: &[f64], says: &str| {
        let bytes = zip(
            &[
                ("indices.npy", npy("<i8", "2, 2", &longs(indices))),
                ("distances.npy", npy("<f8", "2, 2", &doubles(distances))),
            ],
            false,
        );
        let error: Result<Graph> = Graph::from_npz(&bytes, &run);
        let error = error.unwrap_err();
        assert!(error.message().contains(says), "{error}");
        assert_eq!(error.kind(), Kind::Data);
    };
    refused(&[0, -1, 1, 0], &[0.0, 1.0, 0.0, 1.0], "neighbours of point 0: point -1");
    refused(&[0, 2, 1, 0], &[0.0, 1.0, 0.0, 1.0], "point 2 of 2");
    refused(&[0, 1, 1, 0], &[0.0, f64::NAN, 0.0, 1.0], "a distance of NaN");
    refused(&[0, 1, 1, 0], &[0.0, -1.0, 0.0, 1.0], "a distance of -1");
    refused(&[1, 1, 0, 0], &[1.0, 1.0, 1.0, 1.0], "twice");
    refused(&[0, 0, 1, 1], &[0.0, 1.0, 0.0, 1.0], "neighbours of point 0: none");
    let other = zip(&[("x.npy", npy("<i8", "1,", &longs(&[1])))], true);
    let error = Graph::from_npz(&other, &run).unwrap_err();
    assert!(error.message().contains("without an array 'indices'"), "{error}");
    assert!(Graph::from_npz(b"PK", &run).is_err());
}
