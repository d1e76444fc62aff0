//! The laws of an index, over every one of them: what it answers is what brute force in f64 would, closest first,
//! ties by row, live rows only; what it cannot answer is refused with a reason. A new index is one more line in
//! `every_index`.

use std::sync::Arc;

use latlas::geometry::{Geometry, Measure};
use latlas::index::{Bitmap, Exact, Hit, Index, Query};
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::space::{Dtype, Provenance};
use latlas::{Kind, Row, Space, run};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use rand_xoshiro::rand_core::Rng;

/// A number in [−1, 1).
fn uniform(stream: &mut impl Rng) -> f32 {
    (stream.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Rows to search: random, with duplicates, near duplicates, multiples, zero rows, and rows that f32 cannot square.
fn planted(seed: u64, rows: usize, dim: usize) -> Matrix {
    let mut stream = run::stream(seed, &[]);
    let mut matrix = Matrix::zeros(rows, dim);
    for i in 0..rows {
        let kind = stream.next_u64() % 16;
        let like = (stream.next_u64() as usize) % (i + 1);
        let source = matrix.row(like).to_vec();
        for (j, x) in matrix.row_mut(i).iter_mut().enumerate() {
            *x = match kind {
                0 => source[j],
                1 => source[j] * 3.0,
                2 => source[j] + 1e-6 * uniform(&mut stream),
                3 => 0.0,
                4 => 1e-30 * uniform(&mut stream),
                5 => 1e25 * uniform(&mut stream),
                _ => uniform(&mut stream),
            };
        }
    }
    matrix
}

/// The distances of all rows that may be answered, in f64 and in order.
fn oracle(
    matrix: &Matrix,
    measure: Measure,
    point: &[f32],
    allowed: impl Fn(Row) -> bool,
) -> Vec<(f64, Row)> {
    let rows = (0..matrix.rows() as u32).map(Row).filter(|&row| allowed(row));
    let mut all: Vec<_> =
        rows.map(|row| (measure.exact(point, matrix.row(row.index())), row)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all
}

fn holds(
    matrix: &Matrix,
    measure: Measure,
    point: &[f32],
    q: &Query,
    hits: &[Hit],
    live: impl Fn(Row) -> bool,
) -> Result<(), TestCaseError> {
    let best = oracle(matrix, measure, point, |row| live(row) && q.allows(row));
    prop_assert_eq!(hits.len(), q.k.min(best.len()));
    for (rank, hit) in hits.iter().enumerate() {
        prop_assert!(
            live(hit.row) && q.allows(hit.row),
            "row {} is out of the question",
            hit.row.0
        );
        let exact = measure.exact(point, matrix.row(hit.row.index()));
        // Distances are shown in f32; the dot product's may be negative.
        let bound = best[rank].0 + 1e-6 * best[rank].0.abs() + 1e-37;
        prop_assert!(
            exact <= bound,
            "{measure}: place {rank} is row {} at {exact}, not {:?}",
            hit.row.0,
            best[rank]
        );
        prop_assert_eq!(hit.distance, exact as f32);
        prop_assert_eq!(hit.similarity, measure.similarity(exact) as f32);
    }
    for pair in hits.windows(2) {
        let order =
            pair[0].distance.total_cmp(&pair[1].distance).then(pair[0].row.cmp(&pair[1].row));
        prop_assert!(
            order.is_lt() || pair[0].distance.is_infinite(),
            "{:?} before {:?}",
            pair[0],
            pair[1]
        );
    }
    Ok(())
}

fn every_index(matrix: &Arc<Matrix>, measure: Measure) -> Vec<(&'static str, Box<dyn Index>)> {
    vec![("exact", Box::new(Exact::over(Arc::clone(matrix), measure).expect("few rows")))]
}

fn a_measure() -> impl Strategy<Value = Measure> {
    prop::sample::select(Measure::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn answers_are_those_of_brute_force(
        seed: u64, rows in 1..400_usize, dim in 1..20_usize, k in prop_oneof![0..30_usize, Just(usize::MAX)],
        measure in a_measure(), filter in prop::option::of(1..40_u32), exclude in prop::collection::vec(0..400_u32, 0..4),
    ) {
        let matrix = Arc::new(planted(seed, rows, dim));
        let mut q = Query::nearest(k).excluding(exclude.into_iter().map(Row));
        if let Some(every) = filter {
            q = q.within(Arc::new(Bitmap::of(rows, (0..rows as u32).filter(|row| row % every == 0).map(Row))));
        }
        for (name, index) in every_index(&matrix, measure) {
            prop_assert_eq!((index.dim(), index.len()), (dim, rows), "{}", name);
            for point in [matrix.row(rows / 2), planted(seed ^ 1, 1, dim).row(0), &vec![0.0; dim]] {
                holds(&matrix, measure, point, &q, &index.search(point, &q).unwrap(), |_| true)?;
            }
        }
    }

    /// One by one, in a batch, and at any number of threads: the same bits.
    #[test]
    fn a_batch_is_its_queries(seed: u64, rows in 1..300_usize, dim in 1..20_usize, points in 0..120_usize, measure in a_measure()) {
        let index = Exact::over(planted(seed, rows, dim), measure).unwrap();
        let points = planted(seed ^ 2, points, dim);
        let q = Query::nearest(7).excluding([Row(3)]);
        let one_by_one: Vec<_> = points.iter_rows().map(|point| index.search(point, &q).unwrap()).collect();
        for threads in [1, 3] {
            prop_assert_eq!(&index.search_batch(&points, &q, threads).unwrap(), &one_by_one);
        }
    }

    #[test]
    fn all_pairs_are_the_queries_of_all_rows(seed: u64, rows in 0..250_usize, dim in 1..20_usize, measure in a_measure()) {
        let matrix = planted(seed, rows, dim);
        let index = Exact::over(matrix.clone(), measure).unwrap();
        let neighbours = index.knn(5, 2).unwrap();
        prop_assert_eq!(&neighbours, &index.knn(5, 1).unwrap());
        prop_assert_eq!((neighbours.len(), neighbours.k()), (rows, 5.min(rows.saturating_sub(1))));
        for (i, hits) in neighbours.iter().enumerate() {
            let q = Query::nearest(5).excluding([Row(i as u32)]);
            prop_assert_eq!(hits, &index.search(matrix.row(i), &q).unwrap()[..]);
        }
    }
}

#[test]
fn what_cannot_be_asked_is_refused_by_name() {
    let matrix = Arc::new(planted(1, 50, 4));
    for (name, index) in every_index(&matrix, Measure::Cosine) {
        let refused = |point: &[f32]| index.search(point, &Query::default()).unwrap_err();
        let error = refused(&[1.0; 3]);
        assert_eq!(
            error.to_string(),
            "the point asked about has 3 numbers, the vectors here have 4",
            "{name}"
        );
        assert_eq!(error.kind(), Kind::Usage);
        let error = refused(&[0.0, 1.0, f32::NAN, 0.0]);
        assert_eq!(
            (error.to_string().as_str(), error.kind()),
            ("number 3 of the point asked about is NaN", Kind::Data)
        );
        assert_eq!(
            refused(&[0.0, f32::NEG_INFINITY, 0.0, 0.0]).to_string(),
            "number 2 of the point asked about is infinite"
        );
    }
    let index = Exact::over(matrix, Measure::Dot).unwrap();
    let mut points = Matrix::zeros(2, 4);
    points.row_mut(1)[0] = f32::NAN;
    let error = index.search_batch(&points, &Query::default(), 1).unwrap_err();
    assert_eq!(error.to_string(), "point 2: number 1 of the point asked about is NaN");
}

/// Should NaN have got past the door, it ranks last, by any measure; infinite distances come before it.
#[test]
fn rows_of_nan_rank_last() {
    for measure in Measure::ALL {
        let mut matrix = planted(5, 40, 6);
        matrix.row_mut(7)[2] = f32::NAN;
        matrix.row_mut(9)[0] = -f32::NAN;
        let index = Exact::over(matrix, measure).unwrap();
        for hits in [
            index.search(&[0.5; 6], &Query::nearest(40)).unwrap(),
            index
                .search_batch(&Matrix::new(5, 6, vec![0.5; 30]).unwrap(), &Query::nearest(40), 1)
                .unwrap()
                .remove(4),
        ] {
            let last: Vec<u32> = hits[38..].iter().map(|hit| hit.row.0).collect();
            assert_eq!(last, [7, 9], "{measure}");
            assert!(hits[..38].iter().all(|hit| !hit.distance.is_nan()), "{measure}");
        }
    }
}

/// A zero vector under cosine has distance 1 to everything, as query and as row.
#[test]
fn zero_vectors_under_cosine() {
    let index = Exact::over(
        Matrix::new(3, 2, vec![0.0, 0.0, 1.0, 0.0, -1.0, 0.0]).unwrap(),
        Measure::Cosine,
    )
    .unwrap();
    let found = |point: &[f32]| -> Vec<(u32, f32)> {
        index
            .search(point, &Query::nearest(3))
            .unwrap()
            .iter()
            .map(|hit| (hit.row.0, hit.distance))
            .collect()
    };
    assert_eq!(found(&[0.0, 0.0]), [(0, 1.0), (1, 1.0), (2, 1.0)]);
    assert_eq!(found(&[2.0, 0.0]), [(1, 0.0), (0, 1.0), (2, 2.0)]);
}

#[test]
fn nothing_is_found_in_nothing() {
    let index = Exact::over(Matrix::zeros(0, 3), Measure::Euclidean).unwrap();
    assert!(index.is_empty());
    assert_eq!(index.search(&[1.0; 3], &Query::default()).unwrap(), []);
    assert!(index.knn(3, 1).unwrap().is_empty());
}

/// A space of three segments with deleted rows, stored as f32 or f16: what is found is what brute force finds in
/// its live rows as stored.
#[test]
fn spaces_answer_with_their_live_rows() {
    for dtype in [Dtype::F32, Dtype::F16] {
        for (geometry, dim) in [(Geometry::Cosine, 9), (Geometry::Euclidean, 3)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.space");
            let part = |name: &str, seed: u64, rows: usize| {
                let mut vectors = planted(seed, rows, dim);
                // What f16 can hold: it ends at 65504.
                vectors.as_mut_slice().iter_mut().for_each(|x| *x = x.clamp(-6e4, 6e4));
                let items = Items::from_ids((0..rows).map(|i| format!("{name}{i}"))).unwrap();
                Space::builder("test", items)
                    .field("main", geometry, vectors)
                    .dtype(dtype)
                    .build()
                    .unwrap()
            };
            part("a", 1, 300).save(&path).unwrap();
            let mut edit = Space::edit(&path).unwrap();
            edit.append(&part("b", 2, 40)).unwrap();
            edit.append(&part("c", 3, 1)).unwrap();
            edit.publish(Provenance::default()).unwrap();
            let mut edit = Space::edit(&path).unwrap();
            let gone: Vec<Row> =
                (0..341).filter(|i| i % 7 == 2 || (100..200).contains(i)).map(Row).collect();
            edit.delete(&gone).unwrap();
            edit.publish(Provenance::default()).unwrap();

            let space = Space::open(&path).unwrap();
            let field = space.field("main").unwrap();
            let all: Vec<Row> = (0..341).map(Row).collect();
            let stored = field.gather(&all);
            let index = Exact::with_threads(&space, "main", None, 2).unwrap();
            assert_eq!((index.len(), index.measure()), (341 - gone.len(), geometry.measure()));
            let live = |row: Row| space.is_live(row);
            let filter = Arc::new(Bitmap::of(341, (0..341).filter(|i| i % 3 == 0).map(Row)));
            for q in [
                Query::nearest(12),
                Query::nearest(500).excluding([Row(5)]),
                Query::nearest(3).within(filter),
            ] {
                for point in [0, 150, 310, 340] {
                    let point = stored.row(point);
                    let hits = index.search(point, &q).unwrap();
                    holds(&stored, index.measure(), point, &q, &hits, live).unwrap();
                }
                let batch = index.search_batch(&stored, &q, 2).unwrap();
                assert_eq!(batch[33], index.search(stored.row(33), &q).unwrap());
            }
            let neighbours = index.knn(4, 2).unwrap();
            assert_eq!(neighbours.rows(), space.live().collect::<Vec<_>>());
            let (row, hits) = (neighbours.rows()[50], neighbours.of(50));
            let q = Query::nearest(4).excluding([row]);
            assert_eq!(hits, index.search(stored.row(row.index()), &q).unwrap());
        }
    }
    let space = Space::builder("test", Items::from_ids(["a"]).unwrap());
    let space = space.field("main", Geometry::Cosine, Matrix::zeros(1, 2)).build().unwrap();
    assert_eq!(Exact::new(&space, "man", None).err().unwrap().kind(), Kind::Usage);
}
