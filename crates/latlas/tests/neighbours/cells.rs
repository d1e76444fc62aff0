//! By cells: nearly all neighbours, the same at any number of threads, whatever the points.

use super::*;

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
