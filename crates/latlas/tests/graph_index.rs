//! The graph index: what it finds of the truth, filters, deletions, appended rows, copies, odd vectors, and its file.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;

use latlas::geometry::{Geometry, Measure};
use latlas::index::{Bitmap, Exact, Hit, Hnsw, HnswOptions, Index, Precision, Query};
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::space::Provenance;
use latlas::{Kind, Row, Run, Silent, Space, run};
use rand_xoshiro::rand_core::Rng;

/// A number of mean 0 and variance 1/3.
fn uniform(stream: &mut impl Rng) -> f32 {
    (stream.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Rows around so many centres, twice as far apart as a row is from its own.
fn clustered(seed: u64, rows: usize, dim: usize, centres: usize) -> Matrix {
    let mut stream = run::stream(seed, &[]);
    let centres: Vec<f32> = (0..centres * dim).map(|_| 2.0 * uniform(&mut stream)).collect();
    let mut matrix = Matrix::zeros(rows, dim);
    for i in 0..rows {
        let centre = stream.next_u64() as usize % (centres.len() / dim) * dim;
        for (j, x) in matrix.row_mut(i).iter_mut().enumerate() {
            *x = centres[centre + j] + uniform(&mut stream);
        }
    }
    matrix
}

/// The first rows, and the others.
fn parted(all: &Matrix, first: usize) -> (Arc<Matrix>, Matrix) {
    let (first, rest) = all.as_slice().split_at(first * all.cols());
    let matrix = |numbers: &[f32]| {
        Matrix::new(numbers.len() / all.cols(), all.cols(), numbers.to_vec()).unwrap()
    };
    (Arc::new(matrix(first)), matrix(rest))
}

#[test]
fn bits_find_nearly_all_of_the_nearest_among_wide_vectors() {
    let (vectors, points) = parted(&clustered(21, 5100, 300, 40), 5000);
    for measure in Measure::ALL {
        let exact = Exact::over(vectors.clone(), measure).unwrap();
        let run = Run::silent(7);
        let index = Hnsw::over(vectors.clone(), measure, &held(Precision::Bits), &run).unwrap();
        assert_eq!(index.precision(), Precision::Bits);
        let found = recall(&index, &exact, &points, &Query::nearest(10).with_effort(100));
        assert!(found > 0.95, "{measure}: {found}");
        // It is a matter of effort alone.
        let found = recall(&index, &exact, &points, &Query::nearest(10).with_effort(400));
        assert!(found > 0.99, "{measure}: {found}");
    }
}

fn held(precision: Precision) -> HnswOptions {
    HnswOptions { precision, ..HnswOptions::default() }
}

fn rows(hits: &[Hit]) -> Vec<Row> {
    hits.iter().map(|hit| hit.row).collect()
}

/// The share of what an exact index answers, over all these points.
fn recall(index: &dyn Index, exact: &Exact, points: &Matrix, q: &Query) -> f64 {
    let (mut found, mut all) = (0, 0);
    for point in points.iter_rows() {
        let truth = rows(&exact.search(point, q).unwrap());
        let answer = index.search(point, q).unwrap();
        assert!(answer.windows(2).all(|pair| pair[0].distance <= pair[1].distance));
        found += answer.iter().filter(|hit| truth.contains(&hit.row)).count();
        all += truth.len();
    }
    f64::from(found as u32) / f64::from(all as u32)
}

#[test]
fn nearly_all_of_the_nearest_are_found_by_every_measure_and_precision() {
    let (vectors, points) = parted(&clustered(1, 6100, 24, 30), 6000);
    // Others lie between the clusters: their neighbours are in several.
    let strangers = clustered(2, 100, 24, 30);
    for measure in Measure::ALL {
        let exact = Exact::over(vectors.clone(), measure).unwrap();
        for precision in [Precision::Full, Precision::Bytes] {
            let run = Run::silent(7);
            let index = Hnsw::over(vectors.clone(), measure, &held(precision), &run).unwrap();
            assert_eq!(index.precision(), precision);
            let found = recall(&index, &exact, &points, &Query::nearest(10).with_effort(100));
            assert!(found > 0.97, "{measure}, {precision:?}: {found}");
            let found = recall(&index, &exact, &strangers, &Query::nearest(10).with_effort(100));
            assert!(found > 0.93, "{measure}, {precision:?}, points from elsewhere: {found}");
            // Distances are those of every other index.
            let (own, true_one) = (
                index.search(points.row(0), &Query::nearest(1)).unwrap(),
                exact.search(points.row(0), &Query::nearest(1)).unwrap(),
            );
            assert_eq!(own, true_one);
        }
    }
}

#[test]
fn any_number_of_threads_builds_the_same_index() {
    let vectors = clustered(3, 3000, 10, 12);
    let written = |threads: usize| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.space");
        space(&vectors).save(&path).unwrap();
        let run = Run { seed: 5, threads, progress: &Silent, checkpoint: None };
        index(&path, None, &HnswOptions::default(), &run);
        let file = std::fs::read_dir(path.join("index")).unwrap().next().unwrap().unwrap();
        std::fs::read(file.path()).unwrap()
    };
    assert!(written(1) == written(3));
}

/// A space of these vectors, called by their numbers.
fn space(vectors: &Matrix) -> Space {
    let ids: Vec<String> = (0..vectors.rows()).map(|i| i.to_string()).collect();
    let items = Items::from_ids(&ids).unwrap();
    Space::builder("test", items)
        .field("main", Geometry::Euclidean, vectors.clone())
        .build()
        .unwrap()
}

fn step() -> Provenance {
    Provenance { action: "test".into(), ..Provenance::default() }
}

/// Builds and keeps the index of a space on disk.
fn index(path: &Path, measure: Option<Measure>, options: &HnswOptions, run: &Run<'_>) -> Space {
    let mut edit = Space::edit(path).unwrap();
    let index = Hnsw::build(edit.space(), "main", measure, options, run).unwrap();
    index.keep(&mut edit, "main", "main", options, &[], run).unwrap();
    edit.publish(step()).unwrap()
}

#[test]
fn a_filter_of_any_width_keeps_the_recall() {
    let (vectors, points) = parted(&clustered(4, 20_050, 16, 40), 20_000);
    let exact = Exact::over(vectors.clone(), Measure::Euclidean).unwrap();
    let index =
        Hnsw::over(vectors.clone(), Measure::Euclidean, &HnswOptions::default(), &Run::silent(1))
            .unwrap();
    for every in [1000, 100, 10, 2] {
        let rows = (0..vectors.rows() as u32).map(Row);
        // Spread over all clusters, and gathered in one.
        let mut stream = run::stream(every, &[]);
        let spread: Vec<Row> =
            rows.clone().filter(|_| stream.next_u64().is_multiple_of(every)).collect();
        let near = exact.search(points.row(0), &Query::nearest(20_000 / every as usize)).unwrap();
        for filter in [spread, near.iter().map(|hit| hit.row).collect()] {
            let filter = Arc::new(Bitmap::of(vectors.rows(), filter));
            let q = Query::nearest(10).within(filter.clone());
            let found = recall(&index, &exact, &points, &q);
            assert!(found > 0.95, "one of {every}: {found}");
            let allowed = index.search(points.row(1), &q).unwrap();
            assert!(allowed.iter().all(|hit| filter.contains(hit.row)));
        }
    }
}

#[test]
fn all_within_a_distance_are_found() {
    let (vectors, points) = parted(&clustered(16, 5020, 8, 10), 5000);
    let exact = Exact::over(vectors.clone(), Measure::Euclidean).unwrap();
    let index =
        Hnsw::over(vectors.clone(), Measure::Euclidean, &HnswOptions::default(), &Run::silent(1))
            .unwrap();
    let (mut found, mut all) = (0, 0);
    for point in points.iter_rows() {
        let near = exact.search(point, &Query::nearest(300)).unwrap();
        for (rank, hit) in near.iter().enumerate().step_by(70) {
            let q = Query::nearest(vectors.rows());
            let truth = exact.within(point, hit.distance, &q).unwrap();
            assert_eq!(truth.len(), rank + 1);
            found += index.within(point, hit.distance, &q).unwrap().len();
            all += truth.len();
            assert_eq!(
                exact.within(point, hit.distance, &Query::nearest(3)).unwrap().len(),
                3.min(rank + 1)
            );
        }
        assert!(exact.within(point, 0.0, &Query::nearest(9)).unwrap().is_empty());
    }
    assert!(found * 100 > all * 97, "{found} of {all}");
    assert_eq!(
        exact.within(points.row(0), f32::NAN, &Query::default()).unwrap_err().kind(),
        Kind::Usage
    );
}

#[test]
fn copies_are_all_found_and_hide_no_one() {
    // A thousand equal rows in the middle of others.
    let mut vectors = clustered(6, 4000, 8, 5);
    let copied = vectors.row(17).to_vec();
    for i in 0..1000 {
        vectors.row_mut(3000 + i).copy_from_slice(&copied);
    }
    let vectors = Arc::new(vectors);
    let exact = Exact::over(vectors.clone(), Measure::Euclidean).unwrap();
    let index =
        Hnsw::over(vectors.clone(), Measure::Euclidean, &HnswOptions::default(), &Run::silent(1))
            .unwrap();
    let q = Query::nearest(1001);
    assert_eq!(
        rows(&index.search(&copied, &q).unwrap()),
        rows(&exact.search(&copied, &q).unwrap())
    );
    let q = Query::nearest(5).excluding([Row(17)]);
    assert_eq!(index.search(&copied, &q).unwrap(), exact.search(&copied, &q).unwrap());
    for (i, row) in vectors.iter_rows().enumerate().take(3000) {
        let hits = index.search(row, &Query::nearest(1).with_effort(40)).unwrap();
        assert_eq!(hits[0].distance, 0.0, "row {i} is not found");
    }
}

#[test]
fn what_was_deleted_is_not_answered_and_what_was_added_is() {
    let vectors = clustered(8, 2500, 6, 9);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.space");
    let first = Matrix::new(2000, 6, vectors.as_slice()[..2000 * 6].to_vec()).unwrap();
    space(&first).save(&path).unwrap();
    let options = HnswOptions::default();
    let built = index(&path, None, &options, &Run::silent(1));
    assert_eq!(built.added_since(&built.indexes()[0]), 0);
    let mut edit = Space::edit(&path).unwrap();
    let gone: Vec<Row> = (0..2000).step_by(3).map(Row).collect();
    edit.delete(&gone).unwrap();
    let rest = vectors.as_slice()[2000 * 6..].to_vec();
    let ids: Vec<String> = (2000..2500).map(|i| i.to_string()).collect();
    let more = Space::builder("test", Items::from_ids(&ids).unwrap()).field(
        "main",
        Geometry::Euclidean,
        Matrix::new(500, 6, rest).unwrap(),
    );
    edit.append(&more.build().unwrap()).unwrap();
    let changed = edit.publish(step()).unwrap();
    assert_eq!(changed.added_since(&changed.indexes()[0]), 500);
    let (index, exact) =
        (Hnsw::open(&changed, "main").unwrap(), Exact::new(&changed, "main", None).unwrap());
    assert_eq!(index.len(), changed.count());
    let points = clustered(9, 60, 6, 9);
    let found = recall(&index, &exact, &points, &Query::nearest(10));
    assert!(found > 0.97, "{found}");
    for point in points.iter_rows() {
        let hits = index.search(point, &Query::nearest(30)).unwrap();
        assert!(hits.iter().all(|hit| changed.is_live(hit.row)));
    }
    // Where rows have moved, the index goes.
    let mut edit = Space::edit(&path).unwrap();
    edit.compact().unwrap();
    let moved = edit.publish(step()).unwrap();
    assert!(moved.indexes().is_empty());
    assert_eq!(Hnsw::open(&moved, "main").err().unwrap().kind(), Kind::Nothing);
}

#[test]
fn an_index_on_disk_answers_as_the_one_that_was_built() {
    let vectors = clustered(10, 1500, 12, 6);
    let dir = tempfile::tempdir().unwrap();
    for (i, (measure, precision)) in Measure::ALL
        .into_iter()
        .flat_map(|m| [Precision::Full, Precision::Bytes, Precision::Bits].map(|p| (m, p)))
        .enumerate()
    {
        let path = dir.path().join(format!("{i}.space"));
        space(&vectors).save(&path).unwrap();
        let (options, run) = (held(precision), Run::silent(3));
        let opened = index(&path, Some(measure), &options, &run);
        let built = Hnsw::build(&opened, "main", Some(measure), &options, &run).unwrap();
        let read = Hnsw::open(&opened, "main").unwrap();
        assert_eq!((read.measure(), read.precision()), (measure, precision));
        for point in clustered(11, 20, 12, 6).iter_rows() {
            let q = Query::nearest(7);
            assert_eq!(read.search(point, &q).unwrap(), built.search(point, &q).unwrap());
        }
        let report = latlas::space::check(&path, false).unwrap();
        assert!(report.is_sound() && report.leftovers.is_empty(), "{report:?}");
    }
}

#[test]
fn few_rows_zero_rows_and_zero_points_have_answers() {
    for n in [1, 2, 3, 5] {
        let vectors = Arc::new(clustered(12, n, 3, 1));
        for measure in Measure::ALL {
            let index =
                Hnsw::over(vectors.clone(), measure, &HnswOptions::default(), &Run::silent(1))
                    .unwrap();
            let exact = Exact::over(vectors.clone(), measure).unwrap();
            for point in [vectors.row(0), &[0.0; 3], &[1e20, 0.0, 0.0]] {
                let q = Query::nearest(4);
                assert_eq!(index.search(point, &q).unwrap(), exact.search(point, &q).unwrap());
            }
        }
    }
    // Zero vectors are at distance 1 from everything under the cosine, farther than half of the others.
    let mut vectors = clustered(13, 300, 4, 3);
    (0..20).for_each(|i| vectors.row_mut(i * 7).fill(0.0));
    let vectors = Arc::new(vectors);
    let index =
        Hnsw::over(vectors.clone(), Measure::Cosine, &HnswOptions::default(), &Run::silent(1))
            .unwrap();
    let exact = Exact::over(vectors.clone(), Measure::Cosine).unwrap();
    let all = Query::nearest(300);
    assert_eq!(
        rows(&index.search(vectors.row(1), &all).unwrap()),
        rows(&exact.search(vectors.row(1), &all).unwrap())
    );
    let error = index.search(&[f32::NAN, 0.0, 0.0, 0.0], &Query::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert_eq!(index.search(&[0.0; 3], &Query::default()).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn bytes_that_cannot_tell_neighbours_apart_are_not_taken() {
    // Two tight groups, so far from each other that both are one byte.
    let mut vectors = clustered(14, 1000, 6, 1);
    (0..500).for_each(|i| vectors.row_mut(i).iter_mut().for_each(|x| *x += 1e4));
    let vectors = Arc::new(vectors);
    let auto =
        Hnsw::over(vectors.clone(), Measure::Euclidean, &HnswOptions::default(), &Run::silent(1))
            .unwrap();
    assert_eq!(auto.precision(), Precision::Full);
    let exact = Exact::over(vectors.clone(), Measure::Euclidean).unwrap();
    let found = recall(&auto, &exact, &vectors, &Query::nearest(10));
    assert!(found > 0.99, "{found}");
}

#[test]
fn a_damaged_index_gives_answers_or_errors() {
    let vectors = clustered(15, 150, 3, 4);
    let memory = std::path::Path::new("/dev/shm");
    let dir =
        if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let path = dir.path().join("a.space");
    for precision in [Precision::Bytes, Precision::Bits] {
        space(&vectors).save(&path).unwrap();
        let options = HnswOptions { links: 6, candidates: 8, ..held(precision) };
        index(&path, None, &options, &Run::silent(1));
        damaged(&vectors, &path);
        std::fs::remove_dir_all(&path).unwrap();
    }
}

/// Changes every byte of the index of a space, and cuts it short.
fn damaged(vectors: &Matrix, path: &Path) {
    let file = std::fs::read_dir(path.join("index")).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read(&file).unwrap();
    let (mut answers, mut errors) = (0, 0);
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 1 << (place % 8);
        std::fs::write(&file, &bad).unwrap();
        let searched = Space::open(path).and_then(|space| {
            let index = Hnsw::open(&space, "main")?;
            let filter = Arc::new(Bitmap::of(150, (0..140).map(Row)));
            index.search(vectors.row(3), &Query::nearest(5).with_effort(20))?;
            index.search(vectors.row(9), &Query::nearest(200).within(filter))
        });
        match searched {
            Ok(_) => answers += 1,
            Err(_) => errors += 1,
        }
        if place % 7 == 0 {
            assert!(
                !latlas::space::check(path, false).unwrap().is_sound(),
                "byte {place} is not found"
            );
        }
    }
    assert!(answers > 1000 && errors > 100, "{answers} answers, {errors} errors");
    // Cut short: no space any more, and check says so.
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    assert!(Space::open(path).is_err() && !latlas::space::check(path, false).unwrap().is_sound());
    latlas::space::check(path, true).unwrap();
    assert!(Space::open(path).unwrap().indexes().is_empty());
}
