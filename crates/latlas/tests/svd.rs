//! PPMI and SVD learn what was planted, exactly what a dense decomposition finds, and the same at any thread count.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests by the lint")]

use latlas::data::{About, Corpus, Counts, Vocabulary};
use latlas::items::Sequences;
use latlas::items::relations::{Cooccurrences, Ppmi, Relations};
use latlas::learn::{Learn, Svd};
use latlas::linalg::{Matrix, Operator, RandomizedOptions, operator_svd, svd};
use latlas::run::{Run, stream};
use latlas::{Kind, Space};
use rand_xoshiro::rand_core::Rng;

fn threads(threads: usize) -> Run<'static> {
    Run { threads, ..Run::silent(3) }
}

/// Sentences about one of 8 topics each: 20 words a topic, and one word in four out of 10 that belong to none.
fn topics(sentences: usize) -> Corpus {
    let mut random = stream(1, &[]);
    let mut below = move |n: u32| ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as u32;
    let mut ids = Vec::new();
    let mut counts = vec![0; 170];
    for _ in 0..sentences {
        let topic = below(8);
        for _ in 0..12 {
            let id = if below(4) == 0 { below(10) } else { 10 + topic * 20 + below(20) };
            counts[id as usize] += 1;
            ids.push(id);
        }
        ids.push(Sequences::END);
    }
    let words = (0..170)
        .map(
            |id| if id < 10 { format!("common-{id}") } else { format!("t{}-{id}", (id - 10) / 20) },
        )
        .collect();
    Corpus {
        vocabulary: Vocabulary { words, counts },
        sequences: Sequences::from_vec(ids).unwrap(),
        sources: Vec::new(),
        options: serde_json::Map::new(),
        fingerprint: 1,
    }
}

fn counts(corpus: &Corpus, window: usize) -> Counts {
    let dir = tempfile::tempdir().unwrap();
    let options = Cooccurrences { window, ..Default::default() };
    // Mapped files outlive their names where the system has inodes; elsewhere the folder stays.
    let folder = if cfg!(unix) { dir.path().to_owned() } else { dir.keep() };
    Counts::of(corpus, &options, &folder, &Run::silent(1)).unwrap()
}

fn vector(space: &Space, id: &str) -> Vec<f32> {
    let field = space.field("main").unwrap();
    let mut vector = vec![0.0; field.dim()];
    field.read(space.get(id).unwrap(), &mut vector);
    vector
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    latlas::kernels::cosine(a, b)
}

#[test]
fn words_of_one_topic_come_to_lie_together() {
    let counts = counts(&topics(3000), 5);
    for learner in [
        Svd { dim: 16, ..Default::default() },
        Svd { dim: 16, add_context: true, ..Default::default() },
        Svd { dim: 16, exponent: 0.0, shift: 1.5, ..Default::default() },
    ] {
        let space = learner.learn(&counts, &threads(2)).unwrap();
        let mut right = 0;
        for word in 10..170 {
            let id = &counts.vocabulary.words[word];
            let own = vector(&space, id);
            let nearest = (10..170)
                .filter(|&other| other != word)
                .max_by(|&a, &b| {
                    let near =
                        |o: usize| cosine(&own, &vector(&space, &counts.vocabulary.words[o]));
                    near(a).total_cmp(&near(b))
                })
                .unwrap();
            right += usize::from((nearest - 10) / 20 == (word - 10) / 20);
        }
        assert!(
            right >= 158,
            "{right} of 160 words have a nearest neighbour of their topic: {learner:?}"
        );
        let explained =
            space.metrics().get("explained").and_then(serde_json::Value::as_f64).unwrap();
        assert!((0.05..=1.0).contains(&explained), "{explained}");
    }
}

fn dense(relations: &Relations) -> Matrix {
    let mut matrix = Matrix::zeros(relations.sources(), relations.targets());
    for (source, target, weight) in relations.iter() {
        matrix.row_mut(source as usize)[target as usize] = weight as f32;
    }
    matrix
}

/// Links at random whose rows and columns differ in weight, so that the leading singular values are apart.
fn links(sources: u32, targets: u32, count: usize, seed: u64) -> Relations {
    let mut random = stream(seed, &[]);
    let links = (0..count)
        .map(|_| {
            let (s, t) = (random.next_u32() % sources, random.next_u32() % targets);
            let weight = f64::from(random.next_u32() >> 8) / f64::from(1 << 24);
            (s, t, weight * 4.0 / (1.0 + f64::from(s * t % 17)))
        })
        .collect();
    Relations::from_links(sources as usize, targets as usize, links).unwrap()
}

#[test]
fn products_are_those_of_the_dense_matrix() {
    let relations = links(300, 4500, 20_000, 2);
    let matrix = dense(&relations);
    let mut random = stream(9, &[]);
    let mut block = |rows: usize| {
        let numbers =
            (0..rows * 7).map(|_| (random.next_u32() >> 8) as f32 / 16_777_216.0).collect();
        Matrix::new(rows, 7, numbers).unwrap()
    };
    let (x, y) = (block(4500), block(300));
    let once = relations.times(&x, &threads(1)).unwrap();
    let turned = relations.transposed_times(&y, &threads(1)).unwrap();
    for row in 0..300 {
        for j in 0..7 {
            let sum: f32 = (0..4500).map(|c| matrix.row(row)[c] * x.row(c)[j]).sum();
            assert!((once.row(row)[j] - sum).abs() < 1e-3);
        }
    }
    for column in 0..4500 {
        for j in 0..7 {
            let sum: f32 = (0..300).map(|r| matrix.row(r)[column] * y.row(r)[j]).sum();
            assert!((turned.row(column)[j] - sum).abs() < 1e-4);
        }
    }
    for count in [2, 5] {
        assert_eq!(relations.times(&x, &threads(count)).unwrap(), once);
        assert_eq!(relations.transposed_times(&y, &threads(count)).unwrap(), turned);
    }
}

#[test]
fn singular_vectors_are_those_of_the_dense_decomposition() {
    for (sources, targets) in [(120, 90), (60, 200)] {
        let relations = links(sources, targets, 3000, 4);
        let exact = svd(&dense(&relations)).unwrap();
        let options = RandomizedOptions { most_passes: 400, tolerance: 1e-6, oversample: 10 };
        let rank = 8;
        let found = operator_svd(&relations, rank, &options, &threads(2)).unwrap();
        assert!(found.error < 1e-5, "residual {} after {} passes", found.error, found.passes);
        for j in 0..rank {
            let (s, next) = (exact.s[j], exact.s[j + 1]);
            assert!((found.s[j] - s).abs() < 1e-5 * exact.s[0], "value {j}: {} {s}", found.s[j]);
            let above = if j > 0 { exact.s[j - 1] - s } else { f64::INFINITY };
            if above.min(s - next) < 0.01 * s {
                continue; // of two equal values any two directions do
            }
            for (side, exact) in [(&found.u, &exact.u), (&found.v, &exact.v)] {
                let same: f64 = side
                    .iter_rows()
                    .zip(exact.iter_rows())
                    .map(|(a, b)| f64::from(a[j]) * f64::from(b[j]))
                    .sum();
                let off = (1.0 - same.abs()).max(0.0);
                assert!(off < 1e-6, "vector {j} is off by {off}");
                let sign = same.signum() as f32;
                for (a, b) in side.iter_rows().zip(exact.iter_rows()) {
                    assert!((a[j] - sign * b[j]).abs() < 1e-4, "vector {j}: {} {}", a[j], b[j]);
                }
            }
        }
        assert_eq!(operator_svd(&relations, rank, &options, &threads(1)).unwrap(), found);
    }
}

#[test]
fn a_matrix_of_low_rank_has_zero_directions_and_no_nan() {
    let relations =
        Relations::from_links(40, 30, vec![(3, 4, 2.0), (5, 6, 1.0), (5, 4, 1.0)]).unwrap();
    let options = RandomizedOptions::default();
    let found = operator_svd(&relations, 6, &options, &Run::silent(1)).unwrap();
    // Of [[2, 0], [1, 1]]: σ² = 3 ± √5.
    for (s, expected) in found.s.iter().zip([3.0 + 5_f64.sqrt(), 3.0 - 5_f64.sqrt()]) {
        assert!((s * s - expected).abs() < 1e-5, "{s}");
    }
    assert!(found.s[2..].iter().all(|s| s.abs() < 1e-3), "{:?}", found.s);
    let numbers = found.u.as_slice().iter().chain(found.v.as_slice());
    assert!(numbers.into_iter().all(|x| x.is_finite()));
    for rank in [0, 31] {
        let refused = operator_svd(&relations, rank, &options, &Run::silent(1));
        assert_eq!(refused.unwrap_err().kind(), Kind::Usage);
    }
}

/// U·S^½ of the dense PPMI matrix, up to the sign of each direction.
#[test]
fn vectors_are_those_of_a_dense_decomposition() {
    let counts = counts(&topics(400), 3);
    let learner = Svd { dim: 8, passes: 1000, smoothing: 0.75, ..Default::default() };
    let space = learner.learn(&counts, &threads(2)).unwrap();
    let ppmi = Ppmi { shift: 1.0, smoothing: 0.75 };
    let ppmi = ppmi.apply(&counts.relations, None, &Run::silent(1)).unwrap();
    let exact = svd(&dense(&ppmi)).unwrap();
    // The seven directions of eight topics are close to each other in size: compared are products of vectors, which
    // do not depend on how directions within the space are chosen, by the space of the first eight.
    let ours: Vec<Vec<f32>> =
        counts.vocabulary.words.iter().map(|word| vector(&space, word)).collect();
    let theirs: Vec<Vec<f64>> = exact
        .u
        .iter_rows()
        .map(|row| (0..8).map(|j| f64::from(row[j]) * exact.s[j].sqrt()).collect())
        .collect();
    assert!(exact.s[7] > 1.3 * exact.s[8], "the ninth direction is apart: {:?}", &exact.s[..10]);
    let scale: f64 = theirs[20].iter().map(|x| x * x).sum();
    for a in (0..170).step_by(7) {
        for b in 0..170 {
            let our: f64 = ours[a].iter().zip(&ours[b]).map(|(x, y)| f64::from(x * y)).sum();
            let their: f64 = theirs[a].iter().zip(&theirs[b]).map(|(x, y)| x * y).sum();
            assert!((our - their).abs() < 2e-3 * scale, "{a} {b}: {our} {their}");
        }
    }
}

#[test]
fn threads_do_not_show() {
    let counts = counts(&topics(500), 5);
    let learner = Svd { dim: 12, ..Default::default() };
    let bytes = |threads_: usize| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.space");
        learner.learn(&counts, &threads(threads_)).unwrap().save(&path).unwrap();
        std::fs::read(path.join("main-0001.npy")).unwrap()
    };
    let one = bytes(1);
    assert_eq!(bytes(2), one);
    assert_eq!(bytes(5), one);
}

#[test]
fn what_cannot_be_learned_is_said() {
    let corpus = topics(50);
    let counts = counts(&corpus, 5);
    let fail =
        |learner: Svd, counts: &Counts| learner.learn(counts, &Run::silent(1)).err().unwrap();
    assert_eq!(fail(Svd { dim: 171, ..Default::default() }, &counts).kind(), Kind::Usage);
    let alone = Counts {
        vocabulary: corpus.vocabulary.clone(),
        relations: Relations::from_links(170, 170, vec![]).unwrap(),
        about: About::default(),
    };
    let error = fail(Svd { dim: 5, ..Default::default() }, &alone);
    assert_eq!(error.message(), "no two words stand next to each other more often than by chance");
}
