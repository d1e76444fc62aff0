//! What every method has to do: give the known cases of failure a map or an error that says the way out, and the same
//! bits in every run, at any number of threads.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use latlas::geometry::Geometry;
use latlas::index::{FieldRows, Graph, NeighbourOptions};
use latlas::items::Items;
use latlas::linalg::{Matrix, RowSource};
use latlas::map::clusters::{Cluster, Hdbscan, KMeans, Leiden, clusters};
use latlas::map::{
    FaithfulnessOptions, Init, Layout, Pacmap, Pca, Placement, Points, Repulsion, Settlement,
    Solver, Supervised, Target, Tsne, Umap, settle, table,
};
use latlas::run::{Run, Silent};
use latlas::space::Space;
use latlas::{Kind, Result};
use rand_xoshiro::rand_core::Rng;
use serde::Serialize;

fn noise(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut random = latlas::run::stream(seed, &[]);
    let data = (0..rows * cols)
        .map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Matrix::new(rows, cols, data).unwrap()
}

/// Noise with something done to each row.
fn changed(rows: usize, cols: usize, mut change: impl FnMut(usize, &mut [f32])) -> Matrix {
    let mut data = noise(rows, cols, 1);
    (0..rows).for_each(|i| change(i, data.row_mut(i)));
    data
}

fn space(data: Matrix, geometry: Geometry) -> Space {
    let items = Items::from_ids((0..data.rows()).map(|i| format!("a{i}"))).unwrap();
    Space::builder("test", items).field("main", geometry, data).build().unwrap()
}

fn with_threads(threads: usize) -> Run<'static> {
    Run { seed: 7, threads, progress: &Silent, checkpoint: None }
}

/// A method of a size: a perplexity, or so many neighbours.
type OfSize<'a> = Box<dyn Fn(f64) -> Method + 'a>;
type Method = (&'static str, Box<dyn Fn(&Space, &Run) -> Result<Placement>>);

/// A method that settles, as it is run on a space.
fn settles<M: Layout + Serialize + 'static>(name: &'static str, method: M) -> Method {
    let lay = move |space: &Space, run: &Run| {
        Ok(settle(space, "main", &method, &Settlement::default(), run)?.placement)
    };
    (name, Box::new(lay))
}

fn pca(name: &'static str, method: Pca) -> Method {
    (name, Box::new(move |space, run| method.layout(space, "main", run)))
}

/// All methods, all their ways, few steps of each.
fn methods(dims: usize, perplexity: f64) -> Vec<Method> {
    let tsne = Tsne {
        dims,
        perplexity: vec![perplexity],
        iterations: 60,
        early_iterations: 30,
        ..Tsne::default()
    };
    let umap = Umap { dims, epochs: Some(40), ..Umap::default() };
    let mut methods = vec![
        pca("pca", Pca { dims, solver: Solver::Exact, ..Pca::default() }),
        pca("pca, randomised", Pca { dims, solver: Solver::Randomised, ..Pca::default() }),
        settles("tsne, exact", Tsne { repulsion: Repulsion::Exact, ..tsne.clone() }),
        settles("tsne, tree", Tsne { repulsion: Repulsion::Tree, ..tsne.clone() }),
        settles("umap", umap.clone()),
        settles("umap, spectral", Umap { init: Init::Spectral, ..umap.clone() }),
        settles("densmap", Umap { dens_lambda: 2.0, ..umap }),
        settles("pacmap", Pacmap { dims, iterations: 45, ..Pacmap::default() }),
    ];
    if dims == 2 {
        methods.push(settles("tsne, fft", Tsne { repulsion: Repulsion::Fft, ..tsne }));
    }
    methods
}

/// Data on which one program or another hangs, crashes or gives nothing but NaN.
fn odd() -> Vec<(&'static str, Space)> {
    let copies = changed(1800, 5, |i, row| {
        if i < 1500 {
            row.fill((i % 3) as f32);
        }
    });
    let constant = changed(200, 6, |_, row| row[..4].fill(4.0));
    let apart = changed(240, 4, |i, row| row[0] += (i % 3) as f32 * 1e6);
    let zeros = changed(210, 4, |i, row| {
        if i % 3 == 0 {
            row.fill(0.0);
        }
    });
    let outlier = changed(200, 3, |i, row| row.fill(if i == 0 { 100.0 } else { 1.0 }));
    let huge = changed(150, 3, |_, row| row.iter_mut().for_each(|x| *x *= 1e15));
    vec![
        ("copies by the thousand", space(copies, Geometry::Euclidean)),
        ("constant columns", space(constant, Geometry::Euclidean)),
        ("groups that nothing links", space(apart, Geometry::Euclidean)),
        ("zero vectors under the cosine", space(zeros, Geometry::Cosine)),
        ("all but one the same", space(outlier, Geometry::Euclidean)),
        ("huge numbers", space(huge, Geometry::Euclidean)),
    ]
}

#[test]
fn odd_data_gets_a_map_that_can_be_measured_and_stored() {
    let run = with_threads(2);
    for (what, space) in odd() {
        for (name, lay) in methods(2, 20.0) {
            let placement = lay(&space, &run).unwrap_or_else(|e| panic!("{name}, {what}: {e}"));
            let finite = placement.coords.as_slice().iter().all(|x| x.is_finite());
            assert!(finite && placement.coords.rows() == space.count(), "{name}, {what}");
            let found =
                placement.faithfulness(&space, &FaithfulnessOptions::default(), &run).unwrap();
            for at in &found.at {
                for figure in [&at.trustworthiness, &at.continuity, &at.neighbours_kept] {
                    assert!((0.0..=1.0).contains(&figure.value), "{name}, {what}: {figure:?}");
                }
            }
            let (items, _) = table(&space, &placement, &found).unwrap();
            assert_eq!(items.len(), space.count(), "{name}, {what}");
        }
    }
}

#[test]
fn odd_data_has_clusters_or_none() {
    let run = with_threads(2);
    let methods: [Box<dyn Cluster>; 4] = [
        Box::new(Hdbscan::default()),
        Box::new(Hdbscan { exact_up_to: 10, ..Hdbscan::default() }),
        Box::new(Leiden::default()),
        Box::new(KMeans { k: 3, ..KMeans::default() }),
    ];
    for (what, space) in odd() {
        let rows = FieldRows::live(&space, "main").unwrap().as_measured();
        let (geometry, mut scratch) = (rows.geometry(), Vec::new());
        let numbers = rows.block(0..rows.rows(), &mut scratch).to_vec();
        let vectors = Matrix::new(rows.rows(), rows.cols(), numbers).unwrap();
        for method in &methods {
            let found = clusters(&**method, &vectors, geometry, &run).unwrap();
            let name = method.method();
            assert_eq!(found.labels.len(), space.count(), "{name}, {what}");
            assert!(found.strength.iter().all(|s| (0.0..=1.0).contains(s)), "{name}, {what}");
        }
    }
}

#[test]
fn one_point_and_two_are_refused_alike_and_three_have_a_map() {
    for n in 0..7 {
        let few = space(noise(n, 3, 2), Geometry::Euclidean);
        for (name, lay) in methods(2, 1.5) {
            let made = lay(&few, &with_threads(2));
            if n >= 3 {
                let made = made.unwrap_or_else(|e| panic!("{name} of {n}: {e}"));
                assert_eq!((made.coords.rows(), made.coords.cols()), (n, 2), "{name}");
                assert!(made.coords.as_slice().iter().all(|x| x.is_finite()), "{name} of {n}");
                continue;
            }
            let error = made.unwrap_err();
            let are = if n == 1 { "is" } else { "are" };
            assert_eq!(error.kind(), Kind::Data, "{name}");
            let message = format!("a map needs at least 3 items, here {are} {n}");
            assert_eq!(error.to_string(), message, "{name}");
        }
    }
}

/// What is named as the largest that does fit does, and one more does not.
#[test]
fn what_does_not_fit_is_refused_with_the_largest_that_does() {
    let run = with_threads(1);
    for n in [3, 4, 5, 10, 31] {
        let few = space(noise(n, 3, 3), Geometry::Euclidean);
        let tsne = |perplexity: f64| Tsne {
            perplexity: vec![perplexity],
            iterations: 5,
            early_iterations: 2,
            ..Tsne::default()
        };
        let umap =
            |k: f64| Umap { neighbours: Some(k as usize), epochs: Some(5), ..Umap::default() };
        let pacmap =
            |k: f64| Pacmap { neighbours: Some(k as usize), iterations: 9, ..Pacmap::default() };
        let all: [(OfSize, &str); 3] = [
            (Box::new(|size| settles("tsne", tsne(size))), "at most "),
            (Box::new(|size| settles("umap", umap(size))), "neighbours may be at most "),
            (Box::new(|size| settles("pacmap", pacmap(size))), "neighbours may be at most "),
        ];
        for (make, says) in all {
            let refused = |size: f64| {
                let error = make(size).1(&few, &run).unwrap_err();
                assert_eq!(error.kind(), Kind::Usage, "{error}");
                error.way_out().unwrap().to_owned()
            };
            let way_out = refused(40.0);
            let most = way_out.strip_prefix(says).unwrap().split(' ').next().unwrap();
            let most: f64 = most.parse().unwrap();
            assert_eq!(refused(most + 1.0), way_out);
            make(most).1(&few, &run).unwrap();
        }
    }
    // The defaults of UMAP and PaCMAP mean as many as there are; t-SNE's perplexity is named.
    let few = space(noise(12, 3, 3), Geometry::Euclidean);
    assert!(settles("umap", Umap::default()).1(&few, &run).is_ok());
    assert!(settles("pacmap", Pacmap::default()).1(&few, &run).is_ok());
    let error = settles("tsne", Tsne::default()).1(&few, &run).unwrap_err();
    assert_eq!(error.to_string(), "a perplexity of 30 does not fit 12 items");
    let flat = settles("tsne", Tsne { dims: 4, ..Tsne::default() }).1(&few, &run).unwrap_err();
    assert_eq!(flat.kind(), Kind::Usage);
}

/// A space never holds one; whoever hands vectors over another way is told the row.
#[test]
fn a_number_that_is_none_is_refused_by_its_row() {
    let (mut hole, run) = (noise(60, 4, 4), with_threads(2));
    hole.row_mut(41)[2] = f32::NAN;
    let items = Items::from_ids((0..60).map(|i| format!("a{i}"))).unwrap();
    let built = Space::builder("test", items).field("main", Geometry::Euclidean, hole.clone());
    let error = built.build().unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("42"), "{error}");

    let options = NeighbourOptions::nearest(59);
    let named = "row 42, component 3: not a number";
    let error = Graph::of(&hole, Geometry::Euclidean, &options, &run).unwrap_err();
    assert_eq!(error.to_string(), named);
    assert_eq!(Pca::default().fit(&hole, &run).unwrap_err().to_string(), named);
    let graph = Graph::of(&noise(60, 4, 4), Geometry::Euclidean, &options, &run).unwrap();
    let methods: [Box<dyn Layout>; 3] = [
        Box::new(Tsne { perplexity: vec![4.0], ..Tsne::default() }),
        Box::new(Umap::default()),
        Box::new(Pacmap { neighbours: Some(5), ..Pacmap::default() }),
    ];
    for method in methods {
        let geometry = Geometry::Euclidean;
        let points = Points { vectors: &hole, geometry, graph: &graph, start: None };
        let Err(error) = method.begin(points, &run) else {
            panic!("{} began with a NaN", method.method());
        };
        assert_eq!(error.to_string(), named, "{}", method.method());
    }
}

#[test]
fn three_runs_on_one_and_two_threads_give_the_same_bits() {
    let groups = |i: usize, row: &mut [f32]| row[0] += 2.0 * (i % 4) as f32;
    let space = space(changed(700, 6, groups), Geometry::Euclidean);
    for dims in [2, 3] {
        for (name, lay) in methods(dims, 15.0) {
            let [first, two, again] =
                [1, 2, 2].map(|threads| lay(&space, &with_threads(threads)).unwrap());
            assert_eq!((first.coords.rows(), first.coords.cols()), (700, dims));
            assert_eq!(first.coords, two.coords, "{name} on two threads");
            assert_eq!(first.coords, again.coords, "{name} once more");
            assert_eq!(first.figures, two.figures, "{name}: what it says");
            let found = |threads: usize| {
                let options = FaithfulnessOptions::default();
                first.faithfulness(&space, &options, &with_threads(threads)).unwrap()
            };
            assert_eq!(found(1), found(2), "{name}: its faithfulness");
        }
    }
}

/// Supervised by categories, some unknown, and by numbers; with densities too.
#[test]
fn a_led_map_has_the_same_bits_too() {
    let vectors = changed(500, 5, |i, row| row[0] += (i % 3) as f32);
    let options = NeighbourOptions::nearest(14);
    let graph = Graph::of(&vectors, Geometry::Euclidean, &options, &with_threads(2)).unwrap();
    let labels: Vec<Option<u32>> = (0..500).map(|i| (i % 7 != 0).then_some(i % 3)).collect();
    let numbers: Vec<f64> = (0..500).map(|i| f64::from(i % 50)).collect();
    for target in [Target::Categories(&labels), Target::Numbers(&numbers)] {
        for (dims, dens_lambda) in [(2, 0.0), (3, 0.0), (2, 2.0)] {
            let method = Umap { dims, dens_lambda, epochs: Some(30), ..Umap::default() };
            let method = Supervised { method, target };
            let [first, two, again] = [1, 2, 2].map(|threads| {
                let run = with_threads(threads);
                let (vectors, geometry) = (&vectors as &dyn RowSource, Geometry::Euclidean);
                let points = Points { vectors, geometry, graph: &graph, start: None };
                let mut settling = method.begin(points, &run).unwrap();
                while settling.step(&run).unwrap() {}
                settling.coords().clone()
            });
            assert!(first == two && first == again, "{target:?}, {dims}, {dens_lambda}");
        }
    }
}
