//! GloVe learns what was planted, the same whoever works on it, and whatever it is given never runs away.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests by the lint")]

use latlas::data::{About, Corpus, Counts, Vocabulary};
use latlas::items::{Relations, Sequences};
use latlas::learn::{Glove, Learn, Vectors};
use latlas::run::{Checkpoint, Progress, Run, Step, stream};
use latlas::{Kind, Space};
use rand_xoshiro::rand_core::Rng;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Numbers below n, one after the other.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut random = stream(seed, &[]);
    move |n| ((u64::from(random.next_u32()) * n as u64) >> 32) as usize
}

/// Sentences about one of 8 topics each, counted: words "t3-17" of the topic, and one in four of any topic (words that
/// never stand together are no links, and tell GloVe nothing).
fn topics(options: &Glove) -> Counts {
    let mut below = dice(1);
    let mut counts = vec![0; 160];
    let mut ids = Vec::new();
    for _ in 0..4000 {
        let topic = below(8);
        for _ in 0..12 {
            let word = if below(4) == 0 { below(160) } else { topic * 20 + below(20) };
            counts[word] += 1;
            ids.push(word as u32);
        }
        ids.push(Sequences::END);
    }
    let name = |word: usize| format!("t{}-{}", word / 20, word % 20);
    let corpus = Corpus {
        vocabulary: Vocabulary { words: (0..160).map(name).collect(), counts },
        sequences: Sequences::from_vec(ids).unwrap(),
        sources: Vec::new(),
        options: serde_json::Map::new(),
        fingerprint: 1,
    };
    let scratch = tempfile::tempdir().unwrap();
    Counts::of(&corpus, &options.counting(), scratch.path(), &Run::silent(1)).unwrap()
}

/// Counts of words "w0" … with these links.
fn counts(words: usize, links: Vec<(u32, u32, f64)>) -> Counts {
    Counts {
        vocabulary: Vocabulary {
            words: (0..words).map(|i| format!("w{i}")).collect(),
            counts: vec![1; words],
        },
        relations: Relations::from_links(words, words, links).unwrap(),
        about: About::default(),
    }
}

/// 48 words, each at the crossing of a role and a topic, whose links to 48 contexts are what a model of 5 dimensions
/// says: ln X = (role + topic)·c + b + b̃. How it was planted, and the counts.
fn crossings() -> (Vec<Vec<f64>>, Counts) {
    let mut below = dice(2);
    let mut number = || below(2001) as f64 / 1000.0 - 1.0;
    let mut rows = |n: usize| -> Vec<Vec<f64>> {
        (0..n).map(|_| (0..6).map(|_| number()).collect()).collect()
    };
    let (roles, topics, contexts) = (rows(4), rows(12), rows(48));
    let logs: Vec<Vec<f64>> = (0..48)
        .map(|i| {
            let (role, topic) = (&roles[i / 12], &topics[i % 12]);
            contexts
                .iter()
                .map(|c| {
                    let product: f64 = (0..5).map(|d| (role[d] + topic[d]) * c[d]).sum();
                    product + role[5] + topic[5] + 2.0 * c[5]
                })
                .collect()
        })
        .collect();
    let links = (0..48)
        .flat_map(|i| (0..48).map(move |j| (i, j)))
        .map(|(i, j)| (i as u32, j as u32, logs[i][j].exp()))
        .collect();
    (logs, counts(48, links))
}

fn vector(space: &Space, field: &str, word: usize) -> Vec<f64> {
    let field = space.field(field).unwrap();
    let mut vector = vec![0.0; field.dim()];
    field.read(space.live().nth(word).unwrap(), &mut vector);
    vector.iter().map(|&x| f64::from(x)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The share of topic words whose nearest word is of the same topic.
fn purity(space: &Space) -> f64 {
    let all: Vec<Vec<f64>> = (0..160).map(|word| vector(space, "main", word)).collect();
    let pure = (0..160).filter(|&word| {
        let near = |&a: &usize, &b: &usize| {
            cosine(&all[a], &all[word]).total_cmp(&cosine(&all[b], &all[word]))
        };
        (0..160).filter(|&other| other != word).max_by(near).unwrap() / 20 == word / 20
    });
    pure.count() as f64 / 160.0
}

fn losses(space: &Space) -> Vec<f64> {
    space.metrics()["loss"].as_array().unwrap().iter().map(|loss| loss.as_f64().unwrap()).collect()
}

#[test]
fn topics_become_neighbourhoods() {
    let options = Glove { dim: 24, epochs: 25, x_max: 10.0, ..Default::default() };
    let counts = topics(&options);
    let learn = |options: &Glove| options.learn(&counts, &Run::silent(3)).unwrap();
    assert!(purity(&learn(&Glove { epochs: 1, eta: 1e-6, ..options.clone() })) < 0.4);
    for vectors in [Vectors::Sum, Vectors::Word, Vectors::Both] {
        let space = learn(&Glove { vectors, ..options.clone() });
        assert!(purity(&space) > 0.95, "{vectors:?}: {}", purity(&space));
        let losses = losses(&space);
        assert!(losses.len() == 25 && losses[24] < losses[0] / 5.0, "{losses:?}");
    }
}

/// The minimum is known: it is zero, and there every product with its biases is ln X.
#[test]
fn a_planted_model_is_found_and_its_crossings_are_analogies() {
    let (logs, counts) = crossings();
    let options = Glove {
        dim: 5,
        epochs: 400,
        x_max: 0.1,
        eta: 0.2,
        vectors: Vectors::Word,
        keep_context: true,
        ..Default::default()
    };
    let space = options.learn(&counts, &Run::silent(3)).unwrap();
    let last = *losses(&space).last().unwrap();
    assert!(last < 1e-3 && last < losses(&space)[0] / 1000.0, "{last}");
    let items = space.items(Some(&["bias", "output_bias"])).unwrap();
    let bias = |column: usize, word: usize| {
        let column = items.columns()[column].values.clone();
        column.as_any().downcast_ref::<arrow_array::Float64Array>().unwrap().value(word)
    };
    let (w, context): (Vec<_>, Vec<_>) =
        (0..48).map(|word| (vector(&space, "main", word), vector(&space, "output", word))).unzip();
    for i in 0..48 {
        for j in 0..48 {
            let found = dot(&w[i], &context[j]) + bias(0, i) + bias(1, j);
            assert!((found - logs[i][j]).abs() < 0.4, "{i} {j}: {found}, not {}", logs[i][j]);
        }
    }
    let (mut right, mut asked) = (0, 0);
    for (x, y) in (0..12).flat_map(|x| (0..12).map(move |y| (x, y))).filter(|(x, y)| x != y) {
        // Word 12·r + t is at the crossing of role r and topic t.
        let point: Vec<f64> = (0..5).map(|d| w[12 + x][d] - w[x][d] + w[y][d]).collect();
        let others = (0..48).filter(|word| ![x, y, 12 + x].contains(word));
        let near = |&a: &usize, &b: &usize| cosine(&w[a], &point).total_cmp(&cosine(&w[b], &point));
        asked += 1;
        right += usize::from(others.max_by(near).unwrap() == 12 + y);
    }
    assert!(right * 100 >= asked * 95, "{right} of {asked}");
}

#[test]
fn no_number_is_ever_lost() {
    let weights = [f64::MIN_POSITIVE, 1e-30, 1.0, 1e30, f64::MAX];
    let link = |i: u32, j: u32| (i, j, weights[((3 * i + j) % 5) as usize]);
    let counts = counts(9, (0..9).flat_map(|i| (0..9).map(move |j| link(i, j))).collect());
    for (eta, grad_clip, x_max) in
        [(10.0, 1e6, 1e-30), (10.0, 100.0, 100.0), (1e-6, 1e-9, 1e30), (0.05, 100.0, 100.0)]
    {
        for alpha in [0.0, 0.75, 5.0] {
            let options =
                Glove { dim: 20, epochs: 30, eta, grad_clip, x_max, alpha, ..Default::default() };
            // A space refuses what is not finite.
            let space = options.learn(&counts, &Run::silent(1)).unwrap();
            assert!(losses(&space).iter().all(|loss| loss.is_finite()));
        }
    }
}

/// Cancels at the n-th report of the training.
struct Cancel(AtomicU32);

impl Progress for Cancel {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        let last = step.stage == "training" && self.0.fetch_sub(1, Ordering::Relaxed) == 1;
        if last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads_with_and_without_a_break() {
    let options = Glove { dim: 20, epochs: 6, ..Default::default() };
    let counts = topics(&options);
    let bits = |space: &Space| -> Vec<u64> {
        let numbers = (0..160).flat_map(|word| vector(space, "main", word));
        numbers.chain(losses(space)).map(f64::to_bits).collect()
    };
    let learn = |seed, threads| {
        bits(&options.learn(&counts, &Run { threads, ..Run::silent(seed) }).unwrap())
    };
    let whole = learn(8, 1);
    assert!(learn(8, 2) == whole && learn(8, 7) == whole && learn(9, 1) != whole);

    let dir = tempfile::tempdir().unwrap();
    let go_on = |resume, reports, threads| {
        let cancel = Cancel(AtomicU32::new(reports));
        let dir = dir.path().join("place");
        let checkpoint = Some(Checkpoint { dir, every: Duration::ZERO, resume });
        options.learn(&counts, &Run { progress: &cancel, checkpoint, threads, ..Run::silent(8) })
    };
    // Each is cancelled at its first report, with more or less done; the last one is let go.
    assert_eq!(go_on(false, 1, 2).err().unwrap().kind(), Kind::Interrupted);
    for threads in 1..4 {
        let cut = go_on(true, 1, threads);
        assert!(cut.is_ok() || cut.err().unwrap().kind() == Kind::Interrupted);
    }
    assert!(bits(&go_on(true, 0, 3).unwrap()) == whole);
}
