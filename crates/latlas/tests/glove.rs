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

/// Counts of sentences of 12 words, the first words of the vocabulary the most frequent.
fn counted(sentences: &[Vec<String>], options: &Glove) -> Counts {
    let mut counts = std::collections::BTreeMap::<&str, u64>::new();
    for word in sentences.iter().flatten() {
        *counts.entry(word).or_default() += 1;
    }
    let mut words: Vec<(&str, u64)> = counts.into_iter().collect();
    words.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    let ids: std::collections::HashMap<&str, u32> =
        words.iter().map(|&(word, _)| word).zip(0..).collect();
    let ids = sentences.iter().flat_map(|sentence| {
        sentence.iter().map(|word| ids[word.as_str()]).chain([Sequences::END])
    });
    let corpus = Corpus {
        sequences: Sequences::from_vec(ids.collect()).unwrap(),
        vocabulary: Vocabulary {
            words: words.iter().map(|(word, _)| (*word).to_owned()).collect(),
            counts: words.iter().map(|(_, n)| *n).collect(),
        },
        sources: Vec::new(),
        options: serde_json::Map::new(),
        fingerprint: 2,
    };
    let scratch = tempfile::tempdir().unwrap();
    Counts::of(&corpus, &options.counting(), scratch.path(), &Run::silent(1)).unwrap()
}

fn named(space: &Space, field: &str, id: &str) -> Vec<f64> {
    let field = space.field(field).unwrap();
    let mut vector = vec![0.0; field.dim()];
    field.read(space.get(id).unwrap(), &mut vector);
    vector.iter().map(|&x| f64::from(x)).collect()
}

fn counts_of(space: &Space) -> std::collections::HashMap<String, i64> {
    let items = space.items(Some(&["count"])).unwrap();
    let column = items.columns()[0].values.clone();
    let counts = column.as_any().downcast_ref::<arrow_array::Int64Array>().unwrap();
    items.ids().iter().zip(counts).map(|(id, n)| (id.unwrap().to_owned(), n.unwrap())).collect()
}

#[test]
fn a_training_goes_on_from_a_space_with_new_counts_and_new_words() {
    let options = Glove { dim: 24, epochs: 25, x_max: 10.0, ..Default::default() };
    let first = topics(&options);
    // The new text has topics 0 to 3 only, and in each of them words that nobody has met.
    let mut below = dice(9);
    let sentences: Vec<Vec<String>> = (0..1500)
        .map(|_| {
            let topic = below(4);
            let word = |_| match below(3) {
                0 => format!("t{topic}-new{}", below(5)),
                _ => format!("t{topic}-{}", below(20)),
            };
            (0..12).map(word).collect()
        })
        .collect();
    let second = counted(&sentences, &options);
    for (vectors, keep_context) in
        [(Vectors::Sum, false), (Vectors::Sum, true), (Vectors::Word, true), (Vectors::Both, false)]
    {
        let options = Glove { vectors, keep_context, ..options.clone() };
        let before = options.learn(&first, &Run::silent(3)).unwrap();
        let go_on = |threads| {
            let run = Run { threads, ..Run::silent(4) };
            options.clone().continuing(before.clone()).unwrap().learn(&second, &run).unwrap()
        };
        let after = go_on(1);
        for field in after.fields() {
            // What the new text does not have is what it was, to the bit.
            let kept = |space| named(space, &field.name, "t5-3");
            assert_eq!(kept(&after), kept(&before), "{vectors:?} {}", field.name);
            let moved = |space| named(space, &field.name, "t1-3");
            assert_ne!(moved(&after), moved(&before), "{vectors:?} {}", field.name);
            assert_eq!(moved(&after), named(&go_on(3), &field.name, "t1-3"), "any threads");
        }
        // New words have found their topics, and old ones are still close to where they were.
        let mut right = 0;
        for topic in 0..4 {
            for i in 0..5 {
                let new = named(&after, "main", &format!("t{topic}-new{i}"));
                let near = |t: usize| cosine(&new, &named(&after, "main", &format!("t{t}-7")));
                let best = (0..4).max_by(|&a, &b| near(a).total_cmp(&near(b))).unwrap();
                right += usize::from(best == topic);
            }
        }
        assert!(right >= 19, "{vectors:?} {right} of 20");
        let anew = options.learn(&second, &Run::silent(4)).unwrap();
        let stayed = |space| cosine(&named(space, "main", "t1-3"), &named(&before, "main", "t1-3"));
        assert!(stayed(&after) > stayed(&anew) + 0.2, "{} {}", stayed(&after), stayed(&anew));

        // Counts of both, most frequent first.
        let (was, is) = (counts_of(&before), counts_of(&after));
        for (word, &n) in second.vocabulary.words.iter().zip(&second.vocabulary.counts) {
            assert_eq!(is[word], was.get(word).copied().unwrap_or(0) + n as i64, "{word}");
        }
        assert_eq!((is["t5-3"], is.len()), (was["t5-3"], before.rows() + 20));
        let items = after.items(None).unwrap();
        assert!(items.ids().iter().is_sorted_by_key(|id| std::cmp::Reverse(is[id.unwrap()])));
        assert_eq!(after.provenance().len(), 2);

        let wrong = Glove { dim: 25, ..options }.continuing(before).err().unwrap();
        assert_eq!(wrong.kind(), Kind::Usage);
        assert!(wrong.message().contains("vectors of 24 numbers, not 25"), "{wrong}");
    }
}

/// With everything kept, an epoch after n of them costs what the epoch after n costs in one training: the orders of
/// tiles alone differ. Without, biases and squares begin anew, and it shows.
#[test]
fn with_context_and_squares_kept_a_training_goes_on_where_it_ended() {
    let options = Glove {
        dim: 24,
        epochs: 15,
        x_max: 10.0,
        vectors: Vectors::Word,
        keep_context: true,
        keep_gradsq: true,
        ..Default::default()
    };
    let counts = topics(&options);
    let whole =
        losses(&Glove { epochs: 16, ..options.clone() }.learn(&counts, &Run::silent(3)).unwrap());
    let after = |options: &Glove| {
        let before = options.learn(&counts, &Run::silent(3)).unwrap();
        let learner = Glove { epochs: 1, ..options.clone() }.continuing(before).unwrap();
        losses(&learner.learn(&counts, &Run::silent(4)).unwrap())[0]
    };
    let (expected, all) = (whole[15], after(&options));
    assert!((all / expected - 1.0).abs() < 0.05, "{all} {expected}");
    let plain = Glove { keep_gradsq: false, keep_context: false, vectors: Vectors::Sum, ..options };
    assert!(after(&plain) > 1.3 * expected, "{} {expected}", after(&plain));
}

#[test]
fn a_space_with_numbers_beyond_all_measure_is_refused() {
    let items = latlas::items::Items::from_ids(["a", "b"]).unwrap();
    let main = latlas::linalg::Matrix::new(2, 2, vec![1.0, 2.0, 3e30, 4.0]).unwrap();
    let space = Space::builder("import", items)
        .field("main", latlas::geometry::Geometry::Cosine, main)
        .build()
        .unwrap();
    let learner = Glove { dim: 2, ..Default::default() }.continuing(space).unwrap();
    let links = counts(2, vec![(0, 1, 1.0), (1, 0, 1.0)]);
    let error = learner.learn(&links, &Run::silent(1)).err().unwrap();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.message().contains("'b'"), "{error}");
}
