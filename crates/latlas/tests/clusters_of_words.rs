//! Categories, outliers and stability on planted spaces: what was planted is found, what was not stays at its null.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;

use latlas::eval::Score;
use latlas::eval::stability;
use latlas::eval::words::{self, Kind, Options};
use latlas::geometry::Geometry;
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::run::Silent;
use latlas::{Run, Space, run};
use rand_xoshiro::rand_core::Rng;

const KINDS: usize = 6;
const EACH: usize = 15;

/// Words c0-0 … c5-14: direction of their kind, plus `noise` times a random one.
fn planted(seed: u64, noise: f32) -> Space {
    let mut kinds = run::stream(1, &[]);
    let mut random = run::stream(seed, &[]);
    let uniform = |bits: u64| (bits >> 40) as f32 / (1 << 23) as f32 - 1.0;
    let centers: Vec<f32> = (0..KINDS * 20).map(|_| uniform(kinds.next_u64())).collect();
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    for kind in 0..KINDS {
        for i in 0..EACH {
            ids.push(format!("c{kind}-{i}"));
            let center = &centers[kind * 20..(kind + 1) * 20];
            numbers.extend(center.iter().map(|x| x + noise * uniform(random.next_u64())));
        }
    }
    let vectors = Matrix::new(ids.len(), 20, numbers).unwrap();
    let items = Items::from_ids(ids).unwrap();
    Space::builder("test", items).field("main", Geometry::Cosine, vectors).build().unwrap()
}

fn write(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn value<'a>(scores: &'a [Score], name: &str) -> &'a Score {
    scores.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no {name} in {scores:?}"))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn categories() -> String {
    let line = |i| format!("c{}-{}\tkind{}", i / EACH, i % EACH, i / EACH);
    lines((0..KINDS * EACH).map(line)) + "nosuchword\tkind0\n"
}

#[test]
fn planted_categories_are_clusters_and_shuffled_ones_are_not() {
    let (_folder, path) = write("kinds.tsv", &categories());
    let options = Options::default();
    let run = Run::silent(1);
    let scores = words::categories(&planted(2, 0.5), &path, &options, &run).unwrap();
    for name in ["kinds", "kinds/normalised", "kinds/nmi"] {
        let score = value(&scores, name);
        assert!((score.value - 1.0).abs() < 1e-9, "{score:?}");
        assert_eq!((score.n, score.coverage), (90, 90.0 / 91.0));
        assert!(score.null.value < 0.4 && score.null.sd > 0.0 && score.null.sd < 0.05, "{score:?}");
    }
    let threads = Run { threads: 3, progress: &Silent, ..Run::silent(1) };
    let again = words::evaluate(&planted(2, 0.5), &path, &options, &threads).unwrap();
    assert_eq!(again, (Kind::Categories, scores));

    // So much noise that kinds are gone: the figures are those of chance.
    let scores = words::categories(&planted(2, 1e4), &path, &options, &run).unwrap();
    for name in ["kinds", "kinds/normalised", "kinds/nmi"] {
        let score = value(&scores, name);
        let away = (score.value - score.null.value).abs() / score.null.sd;
        assert!(away < 4.0, "{score:?}");
    }
    let (_folder, path) = write("few.tsv", "c0-0 a\nc1-0 b\nx y\n");
    let error = words::categories(&planted(2, 0.5), &path, &options, &run).unwrap_err();
    assert!(error.message().contains("too few to cluster"), "{error}");
    let error = words::outliers(&planted(2, 0.5), &path, &options, &run).unwrap_err();
    assert!(error.message().ends_with("few.tsv holds categories, not outliers"), "{error}");
}

#[test]
fn planted_outliers_are_found_in_files_and_folders() {
    let group = |kind: usize| {
        let words = lines((0..8).map(|i| format!("C{kind}-{i}")));
        let outliers = lines((1..9).map(|i| format!("c{}-{i}", (kind + i) % KINDS)));
        format!("{words}\n{outliers}nosuchword\n")
    };
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("8-8-8");
    std::fs::create_dir(&set).unwrap();
    for kind in 0..KINDS {
        std::fs::write(set.join(format!("kind{kind}.txt")), group(kind)).unwrap();
    }
    let (options, run) = (Options::default(), Run::silent(1));
    let scores = words::outliers(&planted(2, 0.5), &set, &options, &run).unwrap();
    // Of the eight, those at distance 6 in kinds are of the kind itself: no outliers, found by chance only.
    let accuracy = value(&scores, "8-8-8");
    assert_eq!((accuracy.n, accuracy.coverage), (48, 48.0 / 54.0));
    assert!((42.0 / 48.0..1.0).contains(&accuracy.value), "{accuracy:?}");
    assert!((accuracy.null.value - 1.0 / 9.0).abs() < 1e-12);
    assert!((accuracy.null.sd - (8.0 / 81.0 / 48.0_f64).sqrt()).abs() < 1e-12);
    let opp = value(&scores, "8-8-8/opp");
    assert!(opp.value >= accuracy.value && opp.value < 1.0, "{opp:?}");
    assert!((opp.null.value - 0.5).abs() < 1e-12);

    let all = lines((0..KINDS).map(|kind| format!(": kind{kind}\n{}", group(kind))));
    let (_folder, path) = write("8-8-8.txt", &all);
    assert_eq!(words::outliers(&planted(2, 0.5), &path, &options, &run).unwrap(), scores);
    // A space of noise finds them as often as chance does.
    let scores = words::outliers(&planted(3, 1e4), &path, &options, &run).unwrap();
    for score in scores {
        assert!((score.value - score.null.value).abs() < 4.0 * score.null.sd, "{score:?}");
    }
}

#[test]
fn neighbours_are_as_stable_as_they_were_planted() {
    let options = stability::Options { k: 5, ..stability::Options::default() };
    let run = Run::silent(1);
    let asked = |spaces: &[Space]| stability::neighbours(spaces, &options, &run).unwrap();
    let same = asked(&[planted(2, 0.5), planted(2, 0.5)]);
    assert_eq!(same.len(), 2);
    assert_eq!(same[1].name, "neighbours-5/1-90");
    assert_eq!((same[0].name.as_str(), same[0].n, same[0].coverage), ("neighbours-5", 90, 1.0));
    assert!((same[0].value - 1.0).abs() < 1e-12);
    // Unrelated spaces: the null, of which the mean over 90 words is four sd off once in many thousand.
    let apart = &asked(&[planted(2, 1e4), planted(3, 1e4)])[0];
    assert!((apart.value - apart.null.value).abs() < 4.0 * apart.null.sd, "{apart:?}");
    // Kinds in common, places within them not: about the null of 5 among the 14 of a kind.
    let kinds = &asked(&[planted(2, 0.5), planted(3, 0.5), planted(4, 0.5)])[0];
    assert!((0.15..0.35).contains(&kinds.value), "{kinds:?}");
    let threads = Run { threads: 3, progress: &Silent, ..Run::silent(1) };
    let spaces = [planted(2, 0.5), planted(3, 0.5), planted(4, 0.5)];
    assert_eq!(&stability::neighbours(&spaces, &options, &threads).unwrap()[0], kinds);

    let alone = stability::neighbours(&spaces[..1], &options, &run).unwrap_err();
    assert_eq!(alone.kind(), latlas::Kind::Usage);
    let many = stability::Options { k: 89, ..options };
    let error = stability::neighbours(&spaces, &many, &run).unwrap_err();
    assert_eq!(error.message(), "the spaces have 90 words in common");
}
