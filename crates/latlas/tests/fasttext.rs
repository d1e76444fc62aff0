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

/// A number of a matrix is one of eleven.
fn number(row: usize, d: usize, (a, b): (usize, usize)) -> usize {
    (row * a + d * b) % 11
}

fn matrix(out: &mut Vec<u8>, rows: usize, by: (usize, usize)) {
    out.push(0);
    out.extend((rows as i64).to_le_bytes());
    out.extend(3_i64.to_le_bytes());
    for row in 0..rows {
        for d in 0..3 {
            out.extend((number(row, d, by) as f32 / 8.0 - 0.5).to_le_bytes());
        }
    }
}

/// The same matrix, quantised: one code for every two numbers, of which there are 121, and one for the third. With
/// norms, the numbers of every other row are half as large and its length is 2.
fn quantised(out: &mut Vec<u8>, rows: usize, norms: bool, by: (usize, usize)) {
    let head = |out: &mut Vec<u8>, numbers: [i32; 4]| {
        out.extend(numbers.map(i32::to_le_bytes).concat());
    };
    out.extend([1, u8::from(norms)]);
    out.extend((rows as i64).to_le_bytes());
    out.extend(3_i64.to_le_bytes());
    out.extend((2 * rows as i32).to_le_bytes());
    let long = |row: usize| norms && row % 2 == 1;
    for row in 0..rows {
        let [x, y, z] = [0, 1, 2].map(|d| number(row, d, by) as u8);
        let further = if long(row) { 121 } else { 0 };
        out.extend([11 * x + y + further, z + further]);
    }
    head(out, [3, 2, 2, 1]);
    let value = |code: usize, half: bool| (code as f32 / 8.0 - 0.5) * if half { 0.5 } else { 1.0 };
    for code in 0..256_usize {
        let (code, half) = (code % 121, code >= 121);
        out.extend([value(code / 11, half), value(code % 11, half)].map(f32::to_le_bytes).concat());
    }
    for code in 0..256_usize {
        out.extend(value(code % 121, code >= 121).to_le_bytes());
    }
    if norms {
        out.extend((0..rows).map(|row| u8::from(long(row))));
        head(out, [1, 1, 1, 1]);
        out.extend((0..256_u16).flat_map(|code| (1.0 + f32::from(code)).to_le_bytes()));
    }
}

/// How a model is compressed.
struct Compressed {
    norms: bool,
    output: bool,
    /// Buckets that have a row, and which.
    kept: Option<&'static [(i32, i32)]>,
}

/// A model of five words of dimension 3 with n-grams of 2 to 4 characters in 50 buckets; with labels and pairs of words
/// where `loss` is given.
fn model(loss: Option<i32>) -> Vec<u8> {
    compressed(loss, None)
}

fn compressed(loss: Option<i32>, how: Option<&Compressed>) -> Vec<u8> {
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
    let kept = how.and_then(|how| how.kept);
    out.extend(26_i64.to_le_bytes());
    out.extend(kept.map_or(-1, |kept| kept.len() as i64).to_le_bytes());
    for (entries, kind) in [(&WORDS[..], 0), (labels, 1)] {
        for (name, count) in entries {
            out.extend(name.as_bytes());
            out.push(0);
            out.extend(count.to_le_bytes());
            out.push(kind);
        }
    }
    for (bucket, row) in kept.unwrap_or_default() {
        out.extend([bucket.to_le_bytes(), row.to_le_bytes()].concat());
    }
    let inputs = WORDS.len() + kept.map_or(BUCKETS as usize, <[_]>::len);
    let outputs = if labels.is_empty() { WORDS.len() } else { labels.len() };
    match how {
        None => matrix(&mut out, inputs, (7, 3)),
        Some(how) => quantised(&mut out, inputs, how.norms, (7, 3)),
    }
    match how {
        Some(how) if how.output => quantised(&mut out, outputs, how.norms, (5, 2)),
        _ => matrix(&mut out, outputs, (5, 2)),
    }
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

/// Codes stand for the very numbers of the plain model.
#[test]
fn a_quantised_model_is_the_plain_one() {
    for (norms, output) in [(false, false), (true, false), (true, true)] {
        let how = Compressed { norms, output, kept: None };
        for loss in [None, Some(3)] {
            let (plain, small) =
                (read(model(loss)).unwrap(), read(compressed(loss, Some(&how))).unwrap());
            let [plain, small] =
                [&plain, &small].map(|space| FastTextModel::of(space).unwrap().unwrap());
            assert_eq!(plain.config(), small.config());
            assert_eq!((plain.input(), plain.output()), (small.input(), small.output()));
        }
    }
}

/// Buckets that are kept, in the order in which a hash table has them.
const KEPT: [(i32, i32); 6] = [(31, 2), (8, 0), (17, 5), (44, 1), (2, 4), (25, 3)];

/// `get_word_vector` and `f.predict(text + "\n", 3, 0.0, "strict")` of fasttext 0.9.3 on these bytes.
const PRUNED_VECTORS: [(&str, [f32; 3]); 7] = [
    ("cat", [0.25, 0.625, -0.375]),
    ("cats", [0.0, 0.375, 0.291_666_7]),
    ("\u{65e5}\u{672c}", [0.375, 0.062_5, 0.437_5]),
    ("na\u{ef}ve", [0.25, 0.625, -0.375]),
    ("dogs", [0.083_333_336, 0.0, 0.375]),
    ("a", [0.0, 0.0, 0.0]),
    ("\u{65e5}\u{672c}\u{8a9e}", [-0.125, 0.25, -0.062_5]),
];
const PRUNED_LABELS: [(&str, [(&str, f32); 3]); 3] = [
    ("cat cats", [("b", 0.419_369), ("a", 0.300_047), ("c", 0.280_613)]),
    ("dogs na\u{ef}ve \u{65e5}\u{672c}", [("b", 0.389_702), ("c", 0.318_778), ("a", 0.291_550)]),
    ("zzz", [("b", 0.368_489), ("a", 0.340_798), ("c", 0.290_743)]),
];

#[test]
fn a_pruned_model_leaves_out_what_it_has_not_kept() {
    let how = Compressed { norms: true, output: true, kept: Some(&KEPT) };
    let space = read(compressed(Some(3), Some(&how))).unwrap();
    let model = FastTextModel::of(&space).unwrap().unwrap();
    let mut finding = Finding::default();
    for (word, expected) in PRUNED_VECTORS {
        let mut vector = [0.0; 3];
        model.find(word, &mut finding);
        model.mean(&finding, &mut vector);
        assert_near(&vector, &expected, word);
        if let Some(item) = space.get(word) {
            space.field("main").unwrap().read(item, &mut vector);
            assert_near(&vector, &expected, word);
        }
    }
    let labeller = Labeller::new(model).unwrap();
    for (text, figures) in PRUNED_LABELS {
        let found = labeller.predict(text, 3, 0.0, &mut Room::default());
        let found: Vec<_> = found.iter().map(|&(label, p)| (labeller.label(label), p)).collect();
        for ((label, p), (name, figure)) in found.iter().zip(figures) {
            assert!(*label == name && (p - figure).abs() < 1e-4, "'{text}': {found:?}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let error = write(&space, &dir.path().join("a.bin"), Some(Format::FasttextBin)).unwrap_err();
    assert!(error.kind() == Kind::Data && error.message().contains("pruned"), "{error}");
}

#[test]
fn damaged_quantised_files_are_told_in_one_line() {
    let how = |kept| Compressed { norms: true, output: false, kept: Some(kept) };
    let good = compressed(Some(3), Some(&how(&KEPT)));
    let rows = WORDS.len() + KEPT.len();
    // The input matrix: flags, sides, number of codes, codes, head of the centroids.
    let output = 17 + 3 * 12;
    let input = good.len() - output - (22 + 3 * rows + 2 * 16 + 256 * 4 * 4);
    let pieces = input + 22 + 2 * rows;
    let patched = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let int = |n: i32| n.to_le_bytes();
    for (file, said) in [
        (patched(input, &[0]), "its input matrix is not quantised"),
        (patched(input + 2, &int(12)), "its input matrix is 12 × 3, where 11 × 3 is due"),
        (patched(input + 18, &int(21)), "has 21 codes for 11 rows"),
        (patched(input + 18, &int(-22)), "has -22 codes for 11 rows"),
        (patched(input + 18, &int(11)), "its input matrix"),
        (patched(pieces + 8, &int(0)), "stands for 0 numbers"),
        (patched(pieces + 8, &int(i32::MAX)), "stands for 2147483647 numbers"),
        (patched(pieces + 4, &int(3)), "do not add up to dimension 3"),
        (compressed(Some(3), Some(&how(&[(1, 0), (1, 1)]))), "do not each have one row"),
        (compressed(Some(3), Some(&how(&[(1, 1), (2, 1)]))), "do not each have one row"),
        (compressed(Some(3), Some(&how(&[(50, 0)]))), "do not each have one row"),
        (patched(PRUNED_AT, &51_i64.to_le_bytes()), "51 buckets are kept of 50"),
    ] {
        let error = read(file).expect_err(said);
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.message().contains(said) && error.message().lines().count() == 1, "{error}");
    }
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
        (patched(PRUNED_AT, &0_i64.to_le_bytes()), "pruned, and its input matrix is not"),
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
    let how = Compressed { norms: true, output: true, kept: Some(&KEPT) };
    for whole in [model(None), model(Some(1)), compressed(Some(3), Some(&how))] {
        for length in 0..whole.len() {
            let error = read(whole[..length].to_vec()).expect_err("it was cut");
            assert!(error.kind() == Kind::Data && error.message().lines().count() == 1, "{error}");
        }
    }
}
