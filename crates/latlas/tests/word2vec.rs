//! word2vec learns what was planted, and the same again.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests by the lint")]

use latlas::data::{Corpus, Vocabulary};
use latlas::items::Sequences;
use latlas::learn::{Architecture, Learn, Loss, Negatives, Weighting, Word2Vec};
use latlas::run::{Checkpoint, Progress, Run, Step, stream};
use latlas::{Kind, Result, Row, Space};
use rand_xoshiro::rand_core::Rng;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A corpus of sentences given as words; ids by frequency, ties by spelling, as the encoder gives them.
fn corpus(sentences: &[Vec<String>]) -> Corpus {
    let mut counts = std::collections::BTreeMap::<&str, u64>::new();
    for word in sentences.iter().flatten() {
        *counts.entry(word).or_default() += 1;
    }
    let mut words: Vec<(&str, u64)> = counts.into_iter().collect();
    words.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let id: std::collections::HashMap<&str, u32> =
        words.iter().enumerate().map(|(i, &(word, _))| (word, i as u32)).collect();
    let mut ids = Vec::new();
    for sentence in sentences {
        ids.extend(sentence.iter().map(|word| id[word.as_str()]));
        ids.push(Sequences::END);
    }
    Corpus {
        vocabulary: Vocabulary {
            words: words.iter().map(|w| w.0.to_owned()).collect(),
            counts: words.iter().map(|w| w.1).collect(),
        },
        sequences: Sequences::from_vec(ids).unwrap(),
        sources: Vec::new(),
        options: serde_json::Map::new(),
        fingerprint: 1,
    }
}

/// Numbers below n, one after the other.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut random = stream(seed, &[]);
    move |n| ((u64::from(random.next_u32()) * n as u64) >> 32) as usize
}

/// Sentences about one of 8 topics each: words "t3-17" of the topic, and one word in four that belongs to none.
fn topics() -> Corpus {
    let mut below = dice(1);
    let sentences: Vec<Vec<String>> = (0..4000)
        .map(|_| {
            let topic = below(8);
            let word = |_| match below(4) {
                0 => format!("common-{}", below(10)),
                _ => format!("t{topic}-{}", below(20)),
            };
            (0..12).map(word).collect()
        })
        .collect();
    corpus(&sentences)
}

/// Words "r2-t5" at the crossing of a role and a topic, among context words of that role and of that topic.
fn crossings() -> Corpus {
    let mut below = dice(2);
    let sentences: Vec<Vec<String>> = (0..12_000)
        .map(|_| {
            let (role, topic) = (below(4), below(12));
            let mut sentence: Vec<String> = (0..4)
                .map(|i| match i % 2 {
                    0 => format!("role{role}-{}", below(6)),
                    _ => format!("topic{topic}-{}", below(6)),
                })
                .collect();
            sentence.insert(1 + below(3), format!("r{role}-t{topic}"));
            sentence
        })
        .collect();
    corpus(&sentences)
}

fn unit(space: &Space, id: &str) -> Vec<f32> {
    let field = space.field("main").unwrap();
    let mut vector = vec![0.0; field.dim()];
    field.read(space.find(id).unwrap(), &mut vector);
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
    vector.iter().map(|x| x / norm).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The share of topic words whose nearest word is of the same topic.
fn purity(space: &Space) -> f64 {
    let words: Vec<(String, Vec<f32>)> = space
        .live()
        .map(|row| space.id(row).to_owned())
        .filter(|id| id.starts_with('t'))
        .map(|id| (id.clone(), unit(space, &id)))
        .collect();
    let pure = words.iter().filter(|(id, vector)| {
        let others = words.iter().filter(|(other, _)| other != id);
        let nearest =
            others.max_by(|a, b| dot(&a.1, vector).total_cmp(&dot(&b.1, vector))).unwrap();
        nearest.0[..2] == id[..2]
    });
    pure.count() as f64 / words.len() as f64
}

/// The share of r0-tX : r1-tX :: r0-tY : ? answered with r1-tY among all crossings (3CosAdd).
fn analogies(space: &Space) -> f64 {
    let vector = |role: usize, topic: usize| unit(space, &format!("r{role}-t{topic}"));
    let (mut right, mut asked) = (0, 0);
    for x in 0..12 {
        for y in (0..12).filter(|&y| y != x) {
            let (a, b, c) = (vector(0, x), vector(1, x), vector(0, y));
            let point: Vec<f32> = (0..a.len()).map(|i| b[i] - a[i] + c[i]).collect();
            let given = [(0, x), (1, x), (0, y)];
            let candidates = (0..4).flat_map(|role| (0..12).map(move |topic| (role, topic)));
            let answer = candidates
                .filter(|candidate| !given.contains(candidate))
                .max_by(|&(r, t), &(s, u)| {
                    dot(&vector(r, t), &point).total_cmp(&dot(&vector(s, u), &point))
                })
                .unwrap();
            asked += 1;
            right += usize::from(answer == (1, y));
        }
    }
    f64::from(right as u32) / f64::from(asked)
}

fn options(architecture: Architecture) -> Word2Vec {
    // Both corpora have few words, all of them frequent: no subsampling, and a rate that moves them.
    Word2Vec {
        architecture,
        dim: 24,
        epochs: 4,
        sample: 0.0,
        alpha: Some(0.05),
        ..Default::default()
    }
}

/// What an untrained space scores, so that the scores below mean something.
fn untrained(corpus: &Corpus) -> Space {
    let options = Word2Vec {
        alpha: Some(1e-9),
        min_alpha: Some(0.0),
        epochs: 1,
        ..options(Architecture::SkipGram)
    };
    options.learn(corpus, &Run::silent(3)).unwrap()
}

#[test]
fn topics_become_neighbourhoods() {
    let corpus = topics();
    assert!(purity(&untrained(&corpus)) < 0.4);
    for (architecture, threads) in
        [(Architecture::SkipGram, 1), (Architecture::SkipGram, 2), (Architecture::Cbow, 2)]
    {
        let space =
            options(architecture).learn(&corpus, &Run { threads, ..Run::silent(3) }).unwrap();
        let purity = purity(&space);
        assert!(purity > 0.97, "{architecture:?} on {threads} threads: {purity}");
        let loss = space.metrics()["loss"].as_array().unwrap();
        assert_eq!(loss.len(), 4);
        assert!(loss[3].as_f64().unwrap() < loss[0].as_f64().unwrap(), "{loss:?}");
    }
}

#[test]
fn every_option_learns_what_was_planted() {
    let corpus = topics();
    let (skip_gram, cbow) = (options(Architecture::SkipGram), options(Architecture::Cbow));
    for options in [
        Word2Vec { negatives: Negatives::Independent, ..skip_gram.clone() },
        Word2Vec { negative: 14, ..skip_gram.clone() },
        Word2Vec { loss: Loss::Hs, ..skip_gram.clone() },
        Word2Vec { shrink_windows: false, window: 9, ..skip_gram.clone() },
        Word2Vec { window_weighting: Weighting::Harmonic, ..skip_gram.clone() },
        Word2Vec { ns_exponent: 0.0, ..skip_gram },
        Word2Vec { cbow_mean: false, ..cbow.clone() },
        Word2Vec { loss: Loss::Hs, ..cbow },
    ] {
        let space = options.learn(&corpus, &Run::silent(3)).unwrap();
        let purity = purity(&space);
        assert!(purity > 0.97, "{purity}: {options:?}");
    }
}

#[test]
fn crossings_become_analogies() {
    let corpus = crossings();
    assert!(analogies(&untrained(&corpus)) < 0.2);
    for architecture in [Architecture::SkipGram, Architecture::Cbow] {
        let space = options(architecture).learn(&corpus, &Run::silent(3)).unwrap();
        let right = analogies(&space);
        assert!(right > 0.9, "{architecture:?}: {right}");
    }
}

fn bits(space: &Space) -> Vec<u32> {
    let field = space.field("main").unwrap();
    let mut vector = vec![0.0; field.dim()];
    let mut all = Vec::new();
    for row in 0..space.rows() as u32 {
        field.read(Row(row), &mut vector);
        all.extend(vector.iter().map(|x| x.to_bits()));
    }
    all
}

#[test]
fn one_thread_and_a_seed_give_the_same_bytes() {
    let corpus = topics();
    for architecture in [Architecture::SkipGram, Architecture::Cbow] {
        let options = Word2Vec { epochs: 1, ..options(architecture) };
        let first = options.learn(&corpus, &Run::silent(8)).unwrap();
        assert_eq!(bits(&first), bits(&options.learn(&corpus, &Run::silent(8)).unwrap()));
        assert_ne!(bits(&first), bits(&options.learn(&corpus, &Run::silent(9)).unwrap()));
    }
}

#[test]
fn a_deterministic_training_gives_the_same_bytes_on_any_number_of_threads() {
    let corpus = topics();
    let options = Word2Vec { epochs: 1, deterministic: true, ..options(Architecture::SkipGram) };
    let one = options.learn(&corpus, &Run::silent(8)).unwrap();
    let three = options.learn(&corpus, &Run { threads: 3, ..Run::silent(8) }).unwrap();
    assert_eq!(bits(&one), bits(&three));
    assert_eq!(one.metrics(), three.metrics());
}

/// An output vector scores the words that its own word is met with: those of its topic.
#[test]
fn output_vectors_are_kept_on_demand() {
    let corpus = topics();
    let options = Word2Vec { keep_output: true, ..options(Architecture::SkipGram) };
    let space = options.learn(&corpus, &Run::silent(3)).unwrap();
    let output = space.field("output").unwrap();
    assert_eq!((output.dim(), output.rows()), (options.dim, space.rows()));
    let (mut same, mut other) = (Vec::new(), Vec::new());
    let mut o = vec![0.0; options.dim];
    for a in 0..8 {
        output.read(space.find(&format!("t{a}-0")).unwrap(), &mut o);
        for b in 0..8 {
            let product = dot(&unit(&space, &format!("t{b}-1")), &o);
            if a == b { same.push(product) } else { other.push(product) }
        }
    }
    let lowest = same.iter().copied().fold(f32::MAX, f32::min);
    let highest = other.iter().copied().fold(f32::MIN, f32::max);
    assert!(lowest > highest, "{same:?} {other:?}");

    let none = Word2Vec { keep_output: false, epochs: 1, ..options.clone() };
    assert!(none.learn(&corpus, &Run::silent(3)).unwrap().field("output").is_err());
    let error =
        Word2Vec { loss: Loss::Hs, ..options }.learn(&corpus, &Run::silent(3)).err().unwrap();
    assert_eq!(error.kind(), Kind::Usage);
}

fn vector(space: &Space, field: &str, id: &str) -> Vec<f32> {
    let field = space.field(field).unwrap();
    let mut vector = vec![0.0; field.dim()];
    field.read(space.find(id).unwrap(), &mut vector);
    vector
}

fn counts(space: &Space) -> std::collections::BTreeMap<String, i64> {
    let items = space.items(Some(&["count"])).unwrap();
    let counts = items.columns()[0].values.clone();
    let counts = counts.as_any().downcast_ref::<arrow_array::Int64Array>().unwrap().clone();
    items.ids().iter().zip(&counts).map(|(id, n)| (id.unwrap().to_owned(), n.unwrap())).collect()
}

#[test]
fn a_training_goes_on_from_a_space_with_new_text_and_new_words() {
    let first = topics();
    let options = Word2Vec { keep_output: true, ..options(Architecture::SkipGram) };
    let before = options.learn(&first, &Run::silent(3)).unwrap();
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
    let second = corpus(&sentences);
    let after = options
        .clone()
        .continuing(before.clone())
        .unwrap()
        .learn(&second, &Run::silent(4))
        .unwrap();

    // What the new text does not have is what it was, to the bit.
    for field in ["main", "output"] {
        for id in ["t5-3", "common-4"] {
            assert_eq!(vector(&after, field, id), vector(&before, field, id));
        }
        assert_ne!(vector(&after, field, "t1-3"), vector(&before, field, "t1-3"));
    }
    // New words have found their topics, though the old ones were not learned anew.
    let mut nearest = Vec::new();
    for topic in 0..4 {
        for i in 0..5 {
            let new = unit(&after, &format!("t{topic}-new{i}"));
            let cosine = |t: usize| dot(&new, &unit(&after, &format!("t{t}-7")));
            nearest.push((0..4).max_by(|&a, &b| cosine(a).total_cmp(&cosine(b))).unwrap() == topic);
        }
    }
    assert!(nearest.iter().all(|&right| right), "{nearest:?}");
    // Vectors went on from where they were: they are still close to it. Trained anew, they are somewhere else.
    let anew = options.learn(&second, &Run::silent(4)).unwrap();
    let stayed = |space: &Space| dot(&unit(space, "t1-3"), &unit(&before, "t1-3"));
    assert!(stayed(&after) > 0.8 && stayed(&anew) < 0.6, "{} {}", stayed(&after), stayed(&anew));

    // Counts of both, most frequent first.
    let (was, is) = (counts(&before), counts(&after));
    for (word, &n) in second.vocabulary.words.iter().zip(&second.vocabulary.counts) {
        assert_eq!(is[word], was.get(word).copied().unwrap_or(0) + n as i64, "{word}");
    }
    assert_eq!(is["t5-3"], was["t5-3"]);
    assert_eq!(is.len(), before.rows() + 20);
    let items = after.items(None).unwrap();
    let order: Vec<i64> = items.ids().iter().map(|id| is[id.unwrap()]).collect();
    assert!(order.is_sorted_by(|a, b| a >= b));
    assert_eq!(after.provenance().len(), 2);

    let error = Word2Vec { dim: 25, ..options }.continuing(before).err().unwrap();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.message().contains("vectors of 24 numbers, not 25"), "{error}");
}

#[test]
fn the_space_holds_words_by_frequency_with_their_counts() {
    let corpus = topics();
    let options = Word2Vec { epochs: 1, ..options(Architecture::SkipGram) };
    let space = options.learn(&corpus, &Run::silent(8)).unwrap();
    assert_eq!(space.count(), corpus.vocabulary.len());
    assert_eq!(space.id(Row(0)), corpus.vocabulary.words[0]);
    let items = space.items(Some(&["count"])).unwrap();
    let counts = items.columns()[0].values.clone();
    let counts = counts.as_any().downcast_ref::<arrow_array::Int64Array>().unwrap();
    assert!(counts.values().iter().zip(&corpus.vocabulary.counts).all(|(&a, &b)| a as u64 == b));
    let provenance = &space.provenance()[0];
    assert_eq!(provenance.options["alpha"], 0.05);
    assert_eq!(provenance.seed, Some(8));
}

/// Cancels at the n-th report.
struct Cancel(AtomicU32);

impl Progress for Cancel {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[test]
fn a_cancelled_training_goes_on_to_the_same_bytes() {
    let corpus = crossings();
    let dir = tempfile::tempdir().unwrap();
    let place = |resume| {
        Some(Checkpoint { dir: dir.path().join("place"), every: Duration::from_millis(5), resume })
    };
    let options = Word2Vec { epochs: 8, ..options(Architecture::SkipGram) };
    let whole = options.learn(&corpus, &Run::silent(8)).unwrap();

    let learn = |resume: bool, reports: u32| -> Result<Space> {
        let cancel = Cancel(AtomicU32::new(reports));
        options
            .learn(&corpus, &Run { progress: &cancel, checkpoint: place(resume), ..Run::silent(8) })
    };
    assert_eq!(learn(false, 3).err().unwrap().kind(), Kind::Interrupted);
    assert_eq!(learn(true, 4).err().unwrap().kind(), Kind::Interrupted);
    assert_eq!(bits(&learn(true, 0).unwrap()), bits(&whole));
}

#[test]
fn a_corpus_without_neighbours_is_an_error_that_says_so() {
    let word = |name: &str| vec![name.to_owned()];
    let lonely = corpus(&[word("a"), word("b"), word("a")]);
    let error = Word2Vec::default().learn(&lonely, &Run::silent(1)).err().unwrap();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.message().contains("nothing to learn from"), "{error}");
    let single = corpus(&[vec!["a".to_owned(), "a".to_owned()]]);
    assert_eq!(
        Word2Vec::default().learn(&single, &Run::silent(1)).err().unwrap().kind(),
        Kind::Data
    );
    let error =
        Word2Vec { dim: 0, ..Default::default() }.learn(&topics(), &Run::silent(1)).err().unwrap();
    assert_eq!(error.kind(), Kind::Usage);
}
