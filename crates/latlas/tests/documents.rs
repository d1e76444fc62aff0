//! Vectors of documents: closed forms by hand, planted topics found, new documents placed where they belong.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use arrow_array::Int64Array;
use latlas::data::{self, CorpusOptions, ReaderOptions, Sources, Texts, Tokenizer};
use latlas::geometry::Geometry;
use latlas::items::{Column, ColumnKind, Items};
use latlas::learn::documents::{Cutting, OnUnknown, settle};
use latlas::learn::{self, Doc2Vec, Doc2VecModel, DocumentCorpus, Learn, Loss, Means, MeansMethod};
use latlas::linalg::Matrix;
use latlas::space::{
    Encoder, ItemBatch, Modality, Model, Placement, Registry, VectorBatch, encode_all,
};

use latlas::{Progress, Row, Run, Space, Step};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use Placement::{Missing, Placed, Unknown};

const CUTTING: Cutting = Cutting { tokenizer: Tokenizer::Words, lowercase: true };

fn texts(dir: &Path, content: &str) -> Texts {
    let path = dir.join("texts.csv");
    std::fs::write(&path, content).unwrap();
    let sources = Sources::resolve(&[path.display().to_string()]).unwrap();
    data::texts(&sources, &ReaderOptions::default(), &Run::silent(1)).unwrap()
}

fn words(words: &[(&str, i64, [f32; 2])]) -> Space {
    let counts = Int64Array::from_iter_values(words.iter().map(|w| w.1));
    let items = Items::from_ids(words.iter().map(|w| w.0)).unwrap();
    let items = items.with_column(Column {
        name: "count".into(),
        kind: ColumnKind::Integer,
        values: Arc::new(counts),
    });
    let vectors = words.iter().flat_map(|w| w.2).collect();
    Space::builder("test", items.unwrap())
        .field("main", Geometry::Cosine, Matrix::new(words.len(), 2, vectors).unwrap())
        .build()
        .unwrap()
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    learn::register(&mut registry);
    registry
}

fn close(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn means_are_those_of_the_formulas() {
    let dir = tempfile::tempdir().unwrap();
    let words = words(&[("a", 60, [1.0, 0.0]), ("b", 30, [0.0, 1.0]), ("c", 10, [2.0, 2.0])]);
    let texts = texts(dir.path(), "id,text\nx,\"A b, b!\"\ny,c a\nz,nothing known\nw,\nv,c\n");
    let run = Run::silent(1);
    let fit = |means: Means| means.fit(&words, &texts, CUTTING, &registry(), &run).unwrap().texts;

    let mean = fit(Means { method: MeansMethod::Mean, ..Means::default() });
    assert!(close(mean.vectors().row(0), &[1.0 / 3.0, 2.0 / 3.0]), "{:?}", mean.vectors());
    assert!(close(mean.vectors().row(1), &[1.5, 1.0]));
    assert_eq!(mean.placements(), [Placed, Placed, Unknown, Missing, Placed]);

    // Four texts (the fifth has none): a stands in two of them, b in one, c in two.
    let tfidf = fit(Means { method: MeansMethod::Tfidf, ..Means::default() });
    let (two, one) = ((5.0_f32 / 3.0).ln() + 1.0, (5.0_f32 / 2.0).ln() + 1.0);
    let total = two + 2.0 * one;
    assert!(close(tfidf.vectors().row(0), &[two / total, 2.0 * one / total]));

    // a/(a + p) with a = 0.1: 1/7, 1/4 and 1/2.
    let plain = Means { a: 0.1, components: 0, ..Means::default() };
    let sif = fit(plain.clone());
    assert!(close(sif.vectors().row(0), &[1.0 / 21.0, 1.0 / 6.0]), "{:?}", sif.vectors());
    assert!(close(sif.vectors().row(1), &[4.0 / 7.0, 0.5]));

    // With the first common direction taken out every text is orthogonal to it, and the direction is the one that
    // explains most: the leading eigenvector of Σ x·xᵀ of the three texts.
    let without = fit(Means { components: 1, ..plain });
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for row in [0, 1, 4] {
        let [x, y] = sif.vectors().row(row) else { panic!() };
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
    }
    let angle = (2.0 * xy).atan2(xx - yy) / 2.0;
    let direction = [angle.cos(), angle.sin()];
    for row in [0, 1, 4] {
        let [x, y] = without.vectors().row(row) else { panic!() };
        assert!((x * direction[0] + y * direction[1]).abs() < 1e-5);
        let [p, q] = sif.vectors().row(row) else { panic!() };
        let across = q * direction[0] - p * direction[1];
        assert!(close(&[*x, *y], &[-across * direction[1], across * direction[0]]));
    }
}

#[test]
fn frequencies_are_counted_in_the_texts_where_the_words_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let items = Items::from_ids(["a", "b"]).unwrap();
    let words = Space::builder("import", items)
        .field("main", Geometry::Cosine, Matrix::new(2, 2, vec![1.0, 0.0, 0.0, 1.0]).unwrap())
        .build()
        .unwrap();
    let texts = texts(dir.path(), "text\na a a b\nb\n");
    let means = Means { a: 0.1, components: 0, ..Means::default() };
    let placed = means.fit(&words, &texts, CUTTING, &registry(), &Run::silent(1)).unwrap().texts;
    let [x, y] = placed.vectors().row(0) else { panic!() };
    // p = 3/5 and 2/5.
    assert!((x / y - 3.0 * (0.1 / 0.7) / (0.1 / 0.5)).abs() < 1e-5);
}

/// Gives every word the vector (0, its length).
struct Lengths;

impl Encoder for Lengths {
    fn accepts(&self) -> &[Modality] {
        &[Modality::Word]
    }
    fn dim(&self) -> usize {
        2
    }
    fn encode(&self, items: &ItemBatch<'_>, out: &mut VectorBatch) -> latlas::Result<()> {
        for row in 0..items.len() {
            if let Some(word) = items.get(row, Modality::Word) {
                out.place(row)[1] = word.len() as f32;
            }
        }
        Ok(())
    }
}

#[test]
fn words_that_are_not_in_the_space_come_from_its_encoder_and_stay_with_the_documents() {
    let dir = tempfile::tempdir().unwrap();
    let model = Model::builder("lengths", 1, serde_json::json!({})).build().unwrap();
    let words = Space::builder("test", Items::from_ids(["ab"]).unwrap())
        .field("main", Geometry::Cosine, Matrix::new(1, 2, vec![4.0, 0.0]).unwrap())
        .model(model)
        .build()
        .unwrap();
    let mut registry = registry();
    registry.register("lengths", 1, |_, _| Ok(Arc::new(Lengths)));
    let texts = texts(dir.path(), "text\nab wxyz\nwxyz\n");
    let means = Means { method: MeansMethod::Mean, ..Means::default() };
    let run = Run::silent(1);
    let fitted = means.fit(&words, &texts, CUTTING, &registry, &run).unwrap();
    assert_eq!(fitted.texts.vectors().as_slice(), [2.0, 2.0, 0.0, 4.0]);
    // Saved and opened again.
    let path = dir.path().join("docs.space");
    Space::builder("means", texts.items.clone())
        .field("main", Geometry::Cosine, fitted.texts.vectors().clone())
        .model(fitted.model)
        .build()
        .unwrap()
        .save(&path)
        .unwrap();
    let encoder = Space::open(&path).unwrap().encoder(&registry).unwrap();
    let batch = ItemBatch::of_texts([Some("wxyz AB"), Some("?")]);
    let placed = encode_all(&*encoder, &batch, &run).unwrap();
    assert_eq!(placed.vectors().row(0), [2.0, 2.0]);
    assert_eq!(placed.placements()[1], Placement::Unknown);
}

/// A small deterministic generator (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % n
    }
}

const TOPICS: usize = 4;

/// A text about one topic: a third of its words are of 30 words of the topic, the others stand everywhere.
fn about(topic: usize, dice: &mut Dice) -> String {
    let word = |dice: &mut Dice| match dice.below(3) {
        0 => format!("topic{topic}word{}", dice.below(30)),
        _ => format!("common{}", dice.below(20)),
    };
    (0..15 + dice.below(20)).map(|_| word(dice)).collect::<Vec<_>>().join(" ")
}

/// Document `i` is about topic i mod 4; the last has no text, the one before no known word.
fn planted(dir: &Path, documents: usize) -> DocumentCorpus {
    let mut dice = Dice(77);
    let mut table = "id,text\n".to_owned();
    for i in 0..documents {
        let _ = writeln!(table, "d{i},{}", about(i % TOPICS, &mut dice));
    }
    table += "strange,hapax\nempty,\n";
    let texts = texts(dir, &table);
    let options = CorpusOptions { min_count: 2, ..CorpusOptions::default() };
    let corpus = data::encode_whole(&texts, &options, dir, None, &Run::silent(1)).unwrap();
    let missing = texts.missing();
    DocumentCorpus { documents: texts.items, corpus, missing, on_unknown: OnUnknown::Skip }
}

fn topic(space: &Space, row: Row) -> usize {
    space.id(row)[1..].parse::<usize>().unwrap() % TOPICS
}

/// The topic of the document closest to a point, another than `but`.
fn nearest(space: &Space, point: &[f32], but: Option<Row>) -> usize {
    let main = space.field("main").unwrap();
    let mut vector = vec![0.0; main.dim()];
    let rows = space.live().filter(|&row| Some(row) != but);
    let likeness = rows.map(|row| {
        main.read(row, &mut vector);
        (latlas::kernels::cosine(point, &vector), row)
    });
    topic(space, likeness.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1)
}

#[test]
fn paragraph_vectors_find_planted_topics_and_place_new_documents() {
    let dir = tempfile::tempdir().unwrap();
    let data = planted(dir.path(), 240);
    let run = Run::silent(3);
    let good = Doc2Vec { dim: 20, epochs: 40, sample: 0.0, ..Default::default() };
    for (name, learner) in [
        ("dbow", good.clone()),
        ("words", Doc2Vec { dbow_words: true, ..good.clone() }),
        ("softmax", Doc2Vec { loss: Loss::Hs, ..good.clone() }),
        ("dm", Doc2Vec { model: Doc2VecModel::PvDm, alpha: 0.05, ..good }),
    ] {
        let learned = learner.learn(&data, &run).unwrap();
        assert_eq!(learned.count(), 240, "two documents have no place");
        let path = dir.path().join(format!("{name}.space"));
        learned.save(&path).unwrap();
        let space = Space::open(&path).unwrap();
        let main = space.field("main").unwrap();
        let mut vector = vec![0.0; main.dim()];
        let right = space.live().filter(|&row| {
            main.read(row, &mut vector);
            nearest(&space, &vector, Some(row)) == topic(&space, row)
        });
        let right = right.count();
        assert!(right >= 228, "{name}: {right} of 240 documents lie beside one of their topic");

        // New documents, placed after reopening.
        let encoder = space.encoder(&registry()).unwrap();
        let mut dice = Dice(5);
        let new: Vec<String> = (0..40).map(|i| about(i % TOPICS, &mut dice)).collect();
        let batch = ItemBatch::of_texts(new.iter().map(|text| Some(text.as_str())));
        let placed = encode_all(&*encoder, &batch, &run).unwrap();
        let right =
            (0..40).filter(|&i| nearest(&space, placed.vectors().row(i), None) == i % TOPICS);
        let right = right.count();
        assert!(right >= 37, "{name}: {right} of 40 new documents lie beside one of their topic");
        // A text has one place, whatever stands beside it and whoever works on it.
        let alone = ItemBatch::of_texts([None, Some(new[7].as_str()), Some("??")]);
        let again = encode_all(&*encoder, &alone, &Run { threads: 3, ..run.clone() }).unwrap();
        assert_eq!(again.vectors().row(1), placed.vectors().row(7));
        assert_eq!(again.placements(), [Missing, Placed, Unknown]);
        // Same seed, one thread: same bytes.
        if name == "dbow" {
            let twice = learner.learn(&data, &run).unwrap();
            let rows: Vec<Row> = twice.live().collect();
            assert_eq!(twice.field("main").unwrap().gather(&rows), main.gather(&rows));
        }
    }
}

/// Remembers warnings.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Progress for Warnings {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

#[test]
fn a_document_without_a_text_is_told_from_one_without_a_known_word() {
    let dir = tempfile::tempdir().unwrap();
    let mut data = planted(dir.path(), 40);
    let learner = Doc2Vec { dim: 4, epochs: 1, ..Default::default() };
    let heard = Warnings::default();
    learner.learn(&data, &Run { progress: &heard, ..Run::silent(1) }).unwrap();
    assert_eq!(
        *heard.0.lock().unwrap(),
        [
            "1 document without a known word, left out: strange",
            "1 document without a text, left out: empty"
        ]
    );
    data.on_unknown = OnUnknown::Stop;
    let error = learner.learn(&data, &Run::silent(1)).unwrap_err();
    assert_eq!(error.message(), "document 'strange' holds no known word");
}

#[test]
fn smooth_inverse_frequency_sees_topics_that_a_plain_mean_drowns() {
    // Words that stand everywhere point one way and are long; words of a topic are short and point its own way.
    let dir = tempfile::tempdir().unwrap();
    let data = planted(dir.path(), 200);
    let vocabulary = &data.corpus.vocabulary;
    let dim = TOPICS + 2;
    let mut dice = Dice(3);
    let mut noise = || (dice.below(1000) as f32 / 1000.0 - 0.5) * 0.8;
    let mut vectors = Matrix::zeros(vocabulary.len(), dim);
    for (row, word) in vocabulary.words.iter().enumerate() {
        let vector = vectors.row_mut(row);
        vector.fill_with(&mut noise);
        if let Some(rest) = word.strip_prefix("topic") {
            vector[rest[..1].parse::<usize>().unwrap()] += 0.5;
        } else {
            for x in &mut *vector {
                *x *= 3.0;
            }
            vector[TOPICS] += 3.0;
        }
    }
    let counts = vocabulary.counts.iter().map(|&n| n as i64);
    let items = Items::from_ids(&vocabulary.words).unwrap().with_column(Column {
        name: "count".into(),
        kind: ColumnKind::Integer,
        values: Arc::new(Int64Array::from_iter_values(counts)),
    });
    let words = Space::builder("test", items.unwrap())
        .field("main", Geometry::Cosine, vectors)
        .build()
        .unwrap();
    let mut dice = Dice(77);
    let mut table = "id,text\n".to_owned();
    for i in 0..200 {
        let _ = writeln!(table, "d{i},{}", about(i % TOPICS, &mut dice));
    }
    let texts = texts(dir.path(), &table);
    let right = |method| {
        let means = Means { method, ..Means::default() };
        let run = Run::silent(1);
        let fitted = means.fit(&words, &texts, CUTTING, &registry(), &run).unwrap();
        let (items, vectors, _) = settle(&texts.items, fitted.texts, OnUnknown::Stop).unwrap();
        let space = Space::builder("means", items)
            .field("main", Geometry::Cosine, vectors.clone())
            .model(fitted.model)
            .build()
            .unwrap();
        // What is placed anew comes to the same place.
        let encoder = space.encoder(&registry()).unwrap();
        let again = encode_all(&*encoder, &ItemBatch::of_texts(texts.iter()), &run).unwrap();
        assert!(close(again.vectors().as_slice(), vectors.as_slice()));
        let threads = Run { threads: 3, ..run };
        let fitted = means.fit(&words, &texts, CUTTING, &registry(), &threads).unwrap();
        assert_eq!(fitted.texts.vectors(), &vectors, "the same with any number of threads");
        space
            .live()
            .filter(|&r| nearest(&space, vectors.row(r.index()), Some(r)) == topic(&space, r))
            .count()
    };
    let (mean, sif) = (right(MeansMethod::Mean), right(MeansMethod::Sif));
    assert!(sif >= 180 && mean <= 140, "sif {sif}, mean {mean} of 200");
}
