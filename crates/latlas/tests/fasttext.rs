//! fastText's `.bin`: models made by hand here give the vectors and labels that the official program gives for the same
//! bytes, come out of a space as they went in, and harm no one when damaged.

use std::path::Path;

use latlas::learn::classifier::{Labeller, Room};
use latlas::space::fasttext::{FastTextModel, Finding, register};
use latlas::space::formats::{self, ExportOptions, Format, ImportOptions};
use latlas::space::{ItemBatch, Placement, Registry, encode_all};
use latlas::{Kind, Run, Space};

const WORDS: [(&str, i64); 5] =
    [("</s>", 9), ("cat", 7), ("cats", 5), ("\u{65e5}\u{672c}", 3), ("na\u{ef}ve", 2)];
const LABELS: [(&str, i64); 3] = [("__label__a", 6), ("__label__b", 4), ("__label__c", 3)];
const BUCKETS: i32 = 50;

/// The places of some numbers in a file.
const VERSION_AT: usize = 4;
const DIM_AT: usize = 8;
const LOSS_AT: usize = 32;
const BUCKETS_AT: usize = 40;
const WORDS_AT: usize = 68;
const PRUNED_AT: usize = 84;

fn matrix(out: &mut Vec<u8>, rows: usize, a: usize, b: usize) {
    out.push(0);
    out.extend((rows as i64).to_le_bytes());
    out.extend(3_i64.to_le_bytes());
    for row in 0..rows {
        for d in 0..3 {
            out.extend((((row * a + d * b) % 11) as f32 / 8.0 - 0.5).to_le_bytes());
        }
    }
}

/// A model of five words of dimension 3 with n-grams of 2 to 4 characters in 50 buckets; with labels and pairs of words
/// where `loss` is given.
fn model(loss: Option<i32>) -> Vec<u8> {
    let mut out = Vec::new();
    let (word_ngrams, task, labels) =
        if loss.is_some() { (2, 3, &LABELS[..]) } else { (1, 2, &[][..]) };
    let loss = loss.unwrap_or(2);
    for number in [793_712_314, 12, 3, 5, 5, 1, 5, word_ngrams, loss, task, BUCKETS, 2, 4, 100] {
        out.extend(number.to_le_bytes());
    }
    out.extend(1e-4_f64.to_le_bytes());
    for count in [WORDS.len() + labels.len(), WORDS.len(), labels.len()] {
        out.extend((count as i32).to_le_bytes());
    }
    out.extend(26_i64.to_le_bytes());
    out.extend((-1_i64).to_le_bytes());
    for (entries, kind) in [(&WORDS[..], 0), (labels, 1)] {
        for (name, count) in entries {
            out.extend(name.as_bytes());
            out.push(0);
            out.extend(count.to_le_bytes());
            out.push(kind);
        }
    }
    matrix(&mut out, WORDS.len() + BUCKETS as usize, 7, 3);
    matrix(&mut out, if labels.is_empty() { WORDS.len() } else { labels.len() }, 5, 2);
    out
}

fn read(bytes: Vec<u8>) -> latlas::Result<Space> {
    let options = ImportOptions::default();
    formats::read_bytes("a.bin", bytes, Format::FasttextBin, &options, &Run::silent(1))
}

/// `get_word_vector` of fasttext 0.9.2 (PyPI fasttext-wheel), and `wv[word]` of gensim 4.4.0 to 3e-8, on these bytes.
const VECTORS: [(&str, [f32; 3]); 7] = [
    ("cat", [0.287_5, -0.162_5, 0.075]),
    ("cats", [0.221_153_86, -0.038_461_54, 0.230_769_25]),
    ("\u{65e5}\u{672c}", [0.446_428_6, -0.160_714_3, 0.017_857_144]),
    ("na\u{ef}ve", [0.335_937_5, 0.109_375, -0.031_25]),
    // Not in the vocabulary.
    ("dogs", [0.218_75, -0.093_75, 0.166_666_67]),
    ("a", [-0.333_333_34, 0.041_666_668, 0.416_666_7]),
    ("\u{65e5}\u{672c}\u{8a9e}", [0.388_888_9, -0.152_777_78, 0.222_222_22]),
];

fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    assert!(found.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-6), "{what}: {found:?}");
}

#[test]
fn vectors_are_those_of_the_official_program() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.space");
    read(model(None)).unwrap().save(&path).unwrap();
    let space = Space::open(&path).unwrap();
    assert_eq!(space.count(), 5);
    let mut registry = Registry::new();
    register(&mut registry);
    let encoder = space.encoder(&registry).unwrap();
    let words = ItemBatch::of_words(VECTORS.iter().map(|v| v.0));
    let placed = encode_all(&*encoder, &words, &Run::silent(1)).unwrap();
    let model = FastTextModel::of(&space).unwrap().unwrap();
    let main = space.field("main").unwrap();
    for (row, (word, expected)) in VECTORS.iter().enumerate() {
        assert_near(placed.vectors().row(row), expected, word);
        let known = model.find(word, &mut Finding::default());
        assert_eq!(known, row < 4, "{word}");
        if let Some(item) = space.get(word) {
            let mut vector = [0.0; 3];
            main.read(item, &mut vector);
            assert_near(&vector, expected, word);
        }
    }
    let strange = encode_all(&*encoder, &ItemBatch::of_words(["</s>", ""]), &Run::silent(1));
    // The end of a line has a row, and the empty word the n-gram `<>`.
    assert_eq!(strange.unwrap().placements(), [Placement::Placed, Placement::Placed]);
}

/// A loss, how exactly its figures are known, and for each text the labels and their probabilities.
type Labelled = (i32, f32, [&'static str; 3], [[f32; 3]; 3]);

/// `model.f.predict(text + "\n", 3, 0.0, "strict")` of fasttext 0.9.2 on these bytes. Its logistic function is a table
/// of 512 steps between −8 and 8, each of them rounded down: all but softmax is known to 1/128 only.
#[test]
fn labels_are_those_of_the_official_program() {
    let texts = ["cat cats", "dogs na\u{ef}ve \u{65e5}\u{672c}", "zzz"];
    let expected: [Labelled; 4] = [
        (
            1,
            0.008,
            ["a", "c", "b"],
            [
                [0.477_039, 0.271_862, 0.251_129],
                [0.480_889, 0.278_981, 0.240_161],
                [0.486_164, 0.261_677, 0.252_189],
            ],
        ),
        (
            2,
            0.008,
            ["c", "b", "a"],
            [
                [0.531_219, 0.515_630, 0.476_590],
                [0.546_748, 0.515_630, 0.461_027],
                [0.515_630, 0.507_822, 0.484_390],
            ],
        ),
        (
            3,
            1e-4,
            ["c", "b", "a"],
            [
                [0.365_346, 0.344_451, 0.290_233],
                [0.389_814, 0.339_493, 0.270_723],
                [0.346_650, 0.341_761, 0.311_620],
            ],
        ),
        (
            4,
            0.008,
            ["c", "b", "a"],
            [
                [0.531_219, 0.515_630, 0.476_590],
                [0.546_748, 0.515_630, 0.461_027],
                [0.515_630, 0.507_822, 0.484_390],
            ],
        ),
    ];
    for (loss, tolerance, names, figures) in expected {
        let space = read(model(Some(loss))).unwrap();
        let labeller = Labeller::new(FastTextModel::of(&space).unwrap().unwrap()).unwrap();
        for (text, figures) in texts.iter().zip(figures) {
            let found = labeller.predict(text, 3, 0.0, &mut Room::default());
            for (((label, p), name), figure) in found.iter().zip(names).zip(figures) {
                assert_eq!(labeller.label(*label), name, "loss {loss}, '{text}': {found:?}");
                assert!((p - figure).abs() < tolerance, "loss {loss}, '{text}': {found:?}");
            }
        }
    }
    let words = read(model(None)).unwrap();
    let words = Labeller::new(FastTextModel::of(&words).unwrap().unwrap());
    assert_eq!(words.unwrap_err().kind(), Kind::Data);
}

fn write(space: &Space, path: &Path, format: Option<Format>) -> latlas::Result<()> {
    formats::write(space, path, format, &ExportOptions::default(), &Run::silent(1))
}

#[test]
fn what_was_read_is_written_byte_by_byte() {
    let dir = tempfile::tempdir().unwrap();
    for (name, loss) in [("a", None), ("b", Some(1)), ("c", Some(3))] {
        let mut bytes = model(loss);
        if name == "a" {
            // The rows of two buckets as those that no word ever touched are in a file of ours.
            let at = bytes.len() - (17 + 5 * 12) - 7 * 12;
            bytes[at..at + 24].fill(0);
        }
        let space = dir.path().join(format!("{name}.space"));
        read(bytes.clone()).unwrap().save(&space).unwrap();
        let (space, path) = (Space::open(&space).unwrap(), dir.path().join(format!("{name}.bin")));
        write(&space, &path, None).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        // The ending is shared with word2vec; what the file holds decides.
        let inputs = [path.to_str().unwrap().to_owned()];
        let again =
            formats::read(&inputs, None, &ImportOptions::default(), &Run::silent(1)).unwrap();
        assert!(FastTextModel::of(&again).unwrap().is_some());
        write(&space, &path, Some(Format::Word2vecBin)).unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(b"5 3\n"));
    }
}

#[test]
fn a_space_without_a_model_is_no_fasttext_file() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = ["2 2\ncat 1 0\ndog 0 1\n"].map(|text| text.as_bytes().to_vec());
    let options = ImportOptions::default();
    let [bytes] = inputs;
    let space =
        formats::read_bytes("a.vec", bytes, Format::Word2vec, &options, &Run::silent(1)).unwrap();
    let error = write(&space, &dir.path().join("a.bin"), Some(Format::FasttextBin)).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    write(&space, &dir.path().join("a.bin"), None).unwrap();
    assert!(std::fs::read(dir.path().join("a.bin")).unwrap().starts_with(b"2 2\n"));
}

#[test]
fn damaged_files_are_told_in_one_line() {
    let patched = |at: usize, bytes: &[u8]| {
        let mut file = model(None);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let int = |n: i32| n.to_le_bytes();
    for (file, said) in [
        (patched(0, &int(7)), "does not begin as a fastText model"),
        (patched(VERSION_AT, &int(11)), "version 11; version 12 is read"),
        (patched(DIM_AT, &int(0)), "its dimension is 0"),
        (patched(DIM_AT, &int(-3)), "its dimension is -3"),
        (patched(DIM_AT, &int(300)), "its input matrix is 55 × 3, where 55 × 300 is due"),
        (patched(LOSS_AT, &int(9)), "its loss is 9"),
        (patched(BUCKETS_AT, &int(0)), "0 buckets"),
        (patched(BUCKETS_AT, &int(2_000_000_000)), "where 2000000005 × 3 is due"),
        (patched(WORDS_AT, &int(2_000_000_000)), "2000000000 words"),
        (patched(PRUNED_AT, &5_i64.to_le_bytes()), "pruned"),
        (Vec::new(), "is empty"),
        ([model(None), vec![0]].concat(), "more follows"),
    ] {
        let error = read(file).expect_err(said);
        assert_eq!(error.kind(), Kind::Data);
        assert!(
            error.message().contains(said) && error.message().starts_with("a.bin: "),
            "{error}"
        );
    }
    // Both say so, that the file is long enough and that it is not.
    let mut lying = model(None);
    lying[BUCKETS_AT..BUCKETS_AT + 4].copy_from_slice(&int(2_000_000_000));
    let rows = lying.len() - (17 + 5 * 12) - (17 + 55 * 12) + 1;
    lying[rows..rows + 8].copy_from_slice(&2_000_000_005_i64.to_le_bytes());
    assert!(read(lying).unwrap_err().message().contains("ends within the input matrix"));
    let labels = {
        let mut file = model(Some(3));
        file[36..40].copy_from_slice(&int(2));
        file
    };
    assert!(read(labels).unwrap_err().message().contains("3 labels"));
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for whole in [model(None), model(Some(1))] {
        for length in 0..whole.len() {
            let error = read(whole[..length].to_vec()).expect_err("it was cut");
            assert!(error.kind() == Kind::Data && error.message().lines().count() == 1, "{error}");
        }
    }
}
