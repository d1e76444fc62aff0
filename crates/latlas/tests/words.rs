//! Word evaluation on planted spaces: what must be solved is solved, what cannot be asked is counted, and the figures
//! do not depend on threads.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;
use std::path::PathBuf;

use latlas::eval::words::{self, Method, Options};
use latlas::eval::{Null, Score};
use latlas::geometry::Geometry;
use latlas::items::Items;
use latlas::linalg::Matrix;
use latlas::run::Silent;
use latlas::{Kind, Run, Space, run};
use rand_xoshiro::rand_core::Rng;

const PAIRS: usize = 30;
const DIM: usize = 40;

/// Words w0…, each with a partner p0… that lies one fixed offset away; then words of noise. Every third partner is
/// planted without the offset, so its analogies must fail.
fn planted() -> Space {
    let mut stream = run::stream(7, &[]);
    let mut uniform = || (stream.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0;
    let mut numbers: Vec<f32> = (0..PAIRS * DIM).map(|_| uniform()).collect();
    let offset: Vec<f32> = (0..DIM).map(|_| uniform()).collect();
    let mut ids: Vec<String> = (0..PAIRS).map(|i| format!("w{i}")).collect();
    for i in 0..PAIRS {
        ids.push(format!("p{i}"));
        for j in 0..DIM {
            let x = if i % 3 == 0 { uniform() } else { numbers[i * DIM + j] + offset[j] };
            numbers.push(x);
        }
    }
    // A copy of w1 in capitals: another spelling of a question word is no answer.
    ids.push("W1".into());
    numbers.extend_from_within(DIM..2 * DIM);
    for i in 0..2000 {
        ids.push(format!("noise{i}"));
        numbers.extend((0..DIM).map(|_| uniform()));
    }
    let vectors = Matrix::new(ids.len(), DIM, numbers).unwrap();
    Space::builder("test", Items::from_ids(ids).unwrap())
        .field("main", Geometry::Cosine, vectors)
        .build()
        .unwrap()
}

fn write(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn value<'a>(scores: &'a [Score], name: &str) -> &'a Score {
    scores
        .iter()
        .find(|score| score.name == name)
        .unwrap_or_else(|| panic!("no {name} in {scores:?}"))
}

/// All pairs (i, j) under two headings: one of words whose offsets hold, one that mixes in those whose do not.
fn questions() -> String {
    let mut text = String::from(": good\n");
    let holds = |i: &usize| !i.is_multiple_of(3);
    for i in (0..PAIRS).filter(holds) {
        for j in (0..PAIRS).filter(holds).filter(|&j| j != i) {
            _ = writeln!(text, "w{i} P{i} W{j} p{j}");
        }
    }
    text += ": gram-broken\n";
    for j in (0..PAIRS).filter(|j| j % 3 == 0) {
        _ = writeln!(text, "w1 p1 w{j} p{j}");
    }
    text + ": gram-unknown\nw1 p1 w2 nosuchword\n"
}

#[test]
fn planted_analogies_are_solved_and_broken_ones_are_not() {
    let (_folder, path) = write("planted.txt", &questions());
    let space = planted();
    let scores = words::analogies(&space, &path, &Options::default(), &Run::silent(1)).unwrap();
    let good = 20 * 19;
    for (name, n, least, most) in [
        ("planted/good", good, 0.99, 1.0),
        ("planted/semantic", good, 0.99, 1.0),
        ("planted/gram-broken", 10, 0.0, 0.2),
        ("planted/3cosmul/good", good, 0.95, 1.0),
        ("planted/3cosmul/gram-broken", 10, 0.0, 0.2),
    ] {
        let score = value(&scores, name);
        assert_eq!((score.n, score.suite.as_str()), (n, "words"), "{name}");
        assert!((least..=most).contains(&score.value), "{name}: {}", score.value);
    }
    let total = value(&scores, "planted");
    assert_eq!(total.n, good + 10);
    assert!(
        (total.coverage - (good + 10) as f64 / (good + 11) as f64).abs() < 1e-12,
        "the unknown word is counted"
    );
    let (semantic, syntactic) =
        (value(&scores, "planted/semantic"), value(&scores, "planted/syntactic"));
    let right = semantic.value * semantic.n as f64 + syntactic.value * syntactic.n as f64;
    assert!((total.value * total.n as f64 - right).abs() < 1e-9, "the parts add up");
    assert!(
        !scores.iter().any(|score| score.name == "planted/gram-unknown"),
        "no question of it could be asked"
    );

    let threads = Run { threads: 3, progress: &Silent, ..Run::silent(1) };
    assert_eq!(words::analogies(&space, &path, &Options::default(), &threads).unwrap(), scores);
    assert_eq!(
        words::evaluate(&space, &path, &Options::default(), &threads).unwrap(),
        (words::Kind::Analogies, scores)
    );
}

/// With so few words left, partners beyond them are neither asked about nor answered.
#[test]
fn restricting_the_vocabulary_restricts_questions_and_answers() {
    let (_folder, path) = write("planted.txt", ": s\nw1 p1 w2 p2\nw1 p1 w29 p29\n");
    let options = Options {
        restrict_vocab: Some(PAIRS + 3),
        methods: vec![Method::CosAdd],
        ..Options::default()
    };
    let scores = words::analogies(&planted(), &path, &options, &Run::silent(1)).unwrap();
    let total = value(&scores, "planted");
    assert_eq!((total.n, total.coverage, total.value), (1, 0.5, 1.0));
    let options = Options { restrict_vocab: Some(3), ..options };
    let error = words::analogies(&planted(), &path, &options, &Run::silent(1)).unwrap_err();
    assert_eq!(error.kind(), Kind::Nothing);
    assert!(error.message().contains("none of its 2 questions"), "{error}");
    // Case counts when it is said to.
    let (_folder, path) = write("case.txt", "W1 P1 W2 P2\n");
    let options = Options { case_insensitive: false, ..Options::default() };
    assert_eq!(
        words::analogies(&planted(), &path, &options, &Run::silent(1)).unwrap_err().kind(),
        Kind::Nothing
    );
}

#[test]
fn similarities_rank_as_cosines_do() {
    let ids = ["north", "northish", "east", "south", "nowhere"];
    let vectors = vec![0.0, 1.0, 0.1, 2.0, 3.0, 0.0, 0.0, -1.0, 0.0, 0.0];
    let vectors = Matrix::new(5, 2, vectors).unwrap();
    let space = Space::builder("test", Items::from_ids(ids).unwrap());
    let space = space.field("main", Geometry::Euclidean, vectors).build().unwrap();
    let (_folder, path) = write(
        "pairs.tsv",
        "a\tb\tscore\nNorth\tnorthish\t9\nnorth\teast\t5\nnorth\tsouth\t1\nnorth\tmars\t3\n",
    );
    let scores = words::similarities(&space, &path, &Options::default(), &Run::silent(1)).unwrap();
    assert_eq!(
        scores,
        [Score {
            suite: "words".into(),
            name: "pairs".into(),
            value: 1.0,
            n: 3,
            coverage: 0.75,
            null: Null { value: 0.0, sd: 1.0 / 2.0_f64.sqrt() }
        }]
    );
    let (_folder, path) = write("pairs.tsv", "north northish 1\nnorth east 5\nnorth south 9\n");
    let (kind, scores) =
        words::evaluate(&space, &path, &Options::default(), &Run::silent(1)).unwrap();
    assert_eq!((kind, scores[0].value), (words::Kind::Pairs, -1.0));

    for (text, kind) in
        [("x y 1\nz u 2\n", Kind::Nothing), ("north south 1\n", Kind::Nothing), ("", Kind::Data)]
    {
        let (_folder, path) = write("bad.txt", text);
        let error =
            words::similarities(&space, &path, &Options::default(), &Run::silent(1)).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert!(error.message().contains("bad.txt"), "{error}");
    }
    let (_folder, path) = write("bad.txt", ": s\na b c d\n");
    let error =
        words::similarities(&space, &path, &Options::default(), &Run::silent(1)).unwrap_err();
    assert!(error.message().contains("holds analogies"), "{error}");
    let missing = words::similarities(
        &space,
        &path.with_extension("no"),
        &Options::default(),
        &Run::silent(1),
    );
    assert_eq!(missing.unwrap_err().kind(), Kind::Io);
}
