//! Quality on real data: `just accuracy`. Reads the folder named by `LATLAS_DATA`, `../shared/data` beside the
//! repository by default; where there is none, says so and passes.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stderr, reason = "figures are shown, and what is skipped is said")]

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use latlas::data::{CorpusOptions, Counts, ReaderOptions, Sources, Tokenizer};
use latlas::eval::Score;
use latlas::eval::words::{self, Options};
use latlas::geometry::{Geometry, Measure};
use latlas::index::{Exact, Hit, Query, doesnt_match, wmd};
use latlas::items::Items;
use latlas::learn::documents::OnUnknown;
use latlas::learn::{self, Doc2Vec, Doc2VecModel, DocumentCorpus, Glove, Learn, Svd};
use latlas::linalg::Matrix;
use latlas::map::{FaithfulnessOptions, Frozen, Layout, Settlement, Tsne, Umap, settle, table};
use latlas::space::{ItemBatch, Provenance, Registry, encode_all};
use latlas::{Run, Space};

fn data(file: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("LATLAS_DATA").map_or_else(beside, PathBuf::from).join(file);
    if !path.exists() {
        eprintln!(
            "skipped: {} does not exist; LATLAS_DATA names the folder of real data",
            path.display()
        );
        return None;
    }
    Some(path)
}

/// word2vec's binary format, read by the shortest means: "30000 50\n", then "word " and 50 f32 a word.
fn glove(path: &Path) -> Space {
    let bytes = std::fs::read(path).unwrap();
    let (header, mut rest) = bytes.split_at(bytes.iter().position(|&b| b == b'\n').unwrap() + 1);
    let header = std::str::from_utf8(header).unwrap();
    let sides: Vec<usize> = header.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..sides[0] {
        let space = rest.iter().position(|&b| b == b' ').unwrap();
        ids.push(std::str::from_utf8(&rest[..space]).unwrap().trim_start().to_owned());
        let (vector, after) = rest[space + 1..].split_at(4 * sides[1]);
        numbers.extend(vector.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())));
        rest = after;
    }
    let vectors = Matrix::new(sides[0], sides[1], numbers).unwrap();
    Space::builder("import", Items::from_ids(ids).unwrap())
        .field("main", Geometry::Cosine, vectors)
        .build()
        .unwrap()
}

/// The figures of gensim 4.4.0 on the same vectors: `evaluate_word_analogies(…, restrict_vocab=30000)` and
/// `evaluate_word_pairs(…, delimiter='\t')` with their defaults. Right and asked, section by section.
const GENSIM_ANALOGIES: [(&str, usize, usize); 15] = [
    ("", 7393, 14877),
    ("/capital-common-countries", 403, 506),
    ("/capital-world", 2006, 2715),
    ("/currency", 31, 236),
    ("/city-in-state", 354, 2203),
    ("/family", 259, 342),
    ("/gram1-adjective-to-adverb", 127, 870),
    ("/gram2-opposite", 45, 380),
    ("/gram3-comparative", 699, 1332),
    ("/gram4-superlative", 202, 600),
    ("/gram5-present-participle", 397, 930),
    ("/gram6-nationality-adjective", 1362, 1445),
    ("/gram7-past-tense", 586, 1560),
    ("/gram8-plural", 680, 1056),
    ("/gram9-plural-verbs", 242, 702),
];

/// The same questions by the formula of gensim's `most_similar_cosmul` in NumPy (its `evaluate_word_analogies`
/// ignores the argument that asks for it).
const COSMUL: [(&str, usize, usize); 15] = [
    ("", 6434, 14877),
    ("/capital-common-countries", 364, 506),
    ("/capital-world", 1718, 2715),
    ("/currency", 32, 236),
    ("/city-in-state", 241, 2203),
    ("/family", 259, 342),
    ("/gram1-adjective-to-adverb", 99, 870),
    ("/gram2-opposite", 33, 380),
    ("/gram3-comparative", 604, 1332),
    ("/gram4-superlative", 172, 600),
    ("/gram5-present-participle", 307, 930),
    ("/gram6-nationality-adjective", 1326, 1445),
    ("/gram7-past-tense", 494, 1560),
    ("/gram8-plural", 571, 1056),
    ("/gram9-plural-verbs", 214, 702),
];

/// Spearman's ρ and the share of pairs with an unknown word, in percent.
const GENSIM_PAIRS: [(&str, f64, f64); 13] = [
    ("EN-MC-30", 0.7055403969379092, 13.333333333333334),
    ("EN-MEN-TR-3k", 0.6793377421960483, 11.4),
    ("EN-MTurk-287", 0.6258408544473789, 1.7421602787456445),
    ("EN-MTurk-771", 0.5586612834408171, 1.4267185473411155),
    ("EN-RG-65", 0.6484721675275894, 15.384615384615385),
    ("EN-RW-STANFORD", 0.43561834843309044, 79.74434611602753),
    ("EN-SIMLEX-999", 0.26974990381074054, 2.1021021021021022),
    ("EN-SimVerb-3500", 0.1355392131398174, 16.771428571428572),
    ("EN-VERB-143", 0.2503165754554898, 0.0),
    ("EN-WS-353-ALL", 0.538271182853815, 3.6827195467422094),
    ("EN-WS-353-REL", 0.4537403328612273, 1.984126984126984),
    ("EN-WS-353-SIM", 0.6536126105650426, 4.926108374384237),
    ("EN-YP-130", 0.4137007217787839, 19.230769230769234),
];

#[test]
#[ignore = "real data: just accuracy"]
fn word_evaluations_agree_with_gensim() {
    let (Some(vectors), Some(folder)) =
        (data("models/glove.6B.50d.top30k.bin"), data("eval-words"))
    else {
        return;
    };
    let space = glove(&vectors);
    let run = Run { threads: 2, ..Run::silent(1) };
    let options = Options { restrict_vocab: Some(30_000), ..Options::default() };
    let (_, scores) =
        words::evaluate(&space, &folder.join("questions-words.txt"), &options, &run).unwrap();
    for (method, expected) in [("", GENSIM_ANALOGIES), ("/3cosmul", COSMUL)] {
        for (section, right, asked) in expected {
            let name = format!("questions-words{method}{section}");
            let Score { value, n, .. } =
                scores.iter().find(|score| score.name == name).expect(&name);
            let ours = value * *n as f64;
            eprintln!("{name}: {ours:.0} of {n}, gensim {right} of {asked}");
            assert_eq!(*n, asked, "{name}");
            // Two answers may tie to the last bit of f32, and summing in another order then turns them round.
            assert!(
                (ours - right as f64).abs() <= 1.5,
                "{name}: {ours} right answers, gensim has {right}"
            );
        }
    }
    for (name, rho, unknown) in GENSIM_PAIRS {
        let path = folder.join(format!("{name}.txt"));
        let (_, scores) = words::evaluate(&space, &path, &Options::default(), &run).unwrap();
        eprintln!("{name}: {:.6}, gensim {rho:.6}", scores[0].value);
        assert!(
            (scores[0].value - rho).abs() < 1e-4,
            "{name}: {} but gensim {rho}",
            scores[0].value
        );
        assert!(
            ((1.0 - scores[0].coverage) * 100.0 - unknown).abs() < 1e-6,
            "{name}: {}",
            scores[0].coverage
        );
    }
}

/// gensim 4.4.0 on the same vectors: `doesnt_match(words.split())`.
const ODD: [(&str, &str); 6] = [
    ("breakfast cereal dinner lunch", "cereal"),
    ("france germany italy tokyo spain", "tokyo"),
    ("guitar violin trumpet hammer piano", "hammer"),
    ("january march tuesday october", "tuesday"),
    ("red green blue loud yellow", "loud"),
    ("cat dog horse car cow", "car"),
];

/// gensim 4.4.0 with POT: `wmdistance(a.split(), b.split())`. "greets" is unknown to both.
const MOVED: [(&str, &str, f64); 4] = [
    (
        "obama speaks to the media in illinois",
        "the president greets the press in chicago",
        0.5621979807310307,
    ),
    (
        "obama speaks to the media in illinois",
        "the band gave a concert in japan",
        0.7263731098931333,
    ),
    ("the cat sat on the mat", "a dog lay on the rug near the cat", 0.4791199169370417),
    (
        "stocks fell sharply on wall street today",
        "shares dropped in new york trading",
        0.6605840132272646,
    ),
];

#[test]
#[ignore = "real data: just accuracy"]
fn odd_words_and_movers_distances_agree_with_gensim() {
    let Some(vectors) = data("models/glove.6B.50d.top30k.bin") else { return };
    let space = glove(&vectors);
    for (words, odd) in ODD {
        let ids: Vec<&str> = words.split(' ').collect();
        let found = doesnt_match(&space, &ids).unwrap();
        eprintln!("{words}: {}", space.id(found[0].0));
        assert_eq!(space.id(found[0].0), odd);
    }
    for (a, b, expected) in MOVED {
        let (a, b): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
        let distance = wmd(&space, &a, &b).unwrap();
        eprintln!("{distance:.7}, gensim {expected:.7}");
        assert!((distance - expected).abs() < 1e-6, "{distance} {expected}");
    }
}

/// PPMI and SVD, and GloVe, on the same counts of 16 million words; the figures stand in `docs/svd.md` and `docs/glove.md`.
#[test]
#[ignore = "real data: just accuracy"]
fn svd_and_glove_of_wikipedia_are_strong_baselines() {
    let (Some(text), Some(folder)) = (data("text/enwiki100.tsv.zst"), data("eval-words")) else {
        return;
    };
    let run = Run { threads: 2, ..Run::silent(42) };
    let scratch = tempfile::tempdir().unwrap();
    let sources = Sources::resolve(&[text.to_str().unwrap().to_owned()]).unwrap();
    let reading = ReaderOptions::default();
    let documents = latlas::data::documents(&sources, &reading, &run).unwrap();
    let options = CorpusOptions { tokenizer: Tokenizer::Letters, ..Default::default() };
    let corpus = latlas::data::encode(documents, &options, scratch.path(), None, &run).unwrap();
    let learner = Svd::default();
    let counts = Counts::of(&corpus, &learner.counting(), scratch.path(), &run).unwrap();
    let svd = learner.learn_in(&counts, Some(scratch.path()), &run).unwrap();
    let options = Options { restrict_vocab: Some(30_000), ..Options::default() };
    let reaches = |name: &str, space: &Space, floor: [f64; 3]| {
        for (file, least) in
            ["questions-words", "EN-WS-353-ALL", "EN-MEN-TR-3k"].into_iter().zip(floor)
        {
            let path = folder.join(format!("{file}.txt"));
            let (_, scores) = words::evaluate(space, &path, &options, &run).unwrap();
            eprintln!("{name} {file}: {:.3}", scores[0].value);
            assert!(scores[0].value >= least, "{name} {file}: {}", scores[0].value);
        }
    };
    reaches("svd", &svd, [0.31, 0.59, 0.60]);
    // Fewer than the default epochs: they are enough to tell that it learns.
    let learner = Glove { epochs: 15, x_max: 10.0, ..Default::default() };
    reaches("glove", &learner.learn(&counts, &run).unwrap(), [0.35, 0.36, 0.44]);
}

/// A file of a zip archive, read by the shortest means: found in the directory at the end, deflated or as it is.
fn unzipped(archive: &[u8], wanted: &str) -> String {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([archive[at], archive[at + 1]]));
    let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
    let end = archive.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").unwrap();
    let mut at = u32_at(end + 16);
    for _ in 0..u16_at(end + 10) {
        let name = &archive[at + 46..at + 46 + u16_at(at + 28)];
        if name.ends_with(wanted.as_bytes()) {
            let local = u32_at(at + 42);
            let start = local + 30 + u16_at(local + 26) + u16_at(local + 28);
            let packed = &archive[start..start + u32_at(at + 20)];
            let mut bytes = packed.to_vec();
            if u16_at(at + 10) == 8 {
                bytes.clear();
                flate2::read::DeflateDecoder::new(packed).read_to_end(&mut bytes).unwrap();
            }
            // Latin-1.
            return bytes.into_iter().map(char::from).collect();
        }
        at += 46 + u16_at(at + 28) + u16_at(at + 30) + u16_at(at + 32);
    }
    panic!("no {wanted} in the archive");
}

/// The share of points for which most of the neighbours are of their own kind, even or odd; where half are, a half.
fn voted(neighbours: &[Vec<Hit>]) -> f64 {
    let right = neighbours.iter().enumerate().map(|(i, hits)| {
        let own = hits.iter().filter(|hit| hit.row.index() % 2 == i % 2).count();
        match (2 * own).cmp(&hits.len()) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        }
    });
    right.sum::<f64>() / neighbours.len() as f64
}

/// Paragraph vectors of 8,000 sentences, subjective and objective in turn, and the places of 2,000 others, judged by their
/// ten nearest neighbours among the 8,000. gensim 4.4.0, one worker, seed 1: 0.797 and 0.817 for dm=0, 0.871 and 0.844 for
/// dm=1. More figures stand in `docs/documents.md`.
#[test]
#[ignore = "real data: just accuracy"]
fn paragraph_vectors_tell_subjective_from_objective_sentences() {
    const LEARNED: usize = 8_000;
    let Some(archive) = data("classify/subjectivity.zip") else { return };
    let archive = std::fs::read(archive).unwrap();
    let plots = unzipped(&archive, "plot.tok.gt9.5000");
    let quotes = unzipped(&archive, "quote.tok.gt9.5000");
    let lines: Vec<&str> =
        plots.lines().zip(quotes.lines()).flat_map(|(plot, quote)| [plot, quote]).collect();
    assert_eq!(lines.len(), 10_000);
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for line in &lines[..LEARNED] {
        writeln!(text, "{line}").unwrap();
    }
    let path = dir.path().join("sentences.txt");
    std::fs::write(&path, text).unwrap();
    let run = Run { threads: 2, ..Run::silent(42) };
    let sources = Sources::resolve(&[path.to_str().unwrap().to_owned()]).unwrap();
    let texts = latlas::data::texts(&sources, &ReaderOptions::default(), &run).unwrap();
    let options = CorpusOptions { min_count: 2, ..Default::default() };
    let corpus = latlas::data::encode_whole(&texts, &options, dir.path(), None, &run).unwrap();
    let missing = texts.missing();
    let documents = texts.items;
    let data = DocumentCorpus { documents, corpus, missing, on_unknown: OnUnknown::Keep };
    let mut registry = Registry::new();
    learn::register(&mut registry);
    for (model, least, least_new) in
        [(Doc2VecModel::PvDbow, 0.79, 0.79), (Doc2VecModel::PvDm, 0.86, 0.82)]
    {
        let space = Doc2Vec { model, ..Default::default() }.learn(&data, &run).unwrap();
        assert_eq!(space.count(), LEARNED);
        let index = Exact::new(&space, "main", None).unwrap();
        let neighbours = index.knn(10, 2).unwrap();
        let neighbours: Vec<Vec<Hit>> = neighbours.iter().map(<[Hit]>::to_vec).collect();
        let learned = voted(&neighbours);
        let encoder = space.encoder(&registry).unwrap();
        let others = ItemBatch::of_texts(lines[LEARNED..].iter().map(|&line| Some(line)));
        let placed = encode_all(&*encoder, &others, &run).unwrap();
        let neighbours = index.search_batch(placed.vectors(), &Query::nearest(10), 2).unwrap();
        let new = voted(&neighbours);
        eprintln!("{model:?}: {learned:.3}, new ones {new:.3}");
        assert!(learned >= least && new >= least_new, "{model:?}: {learned}, new ones {new}");
    }
}

/// The 10,000 images of MNIST's test set, a row each, and what they show.
fn digits() -> Option<(Matrix, Vec<u8>)> {
    let unpacked = |file: &str, header: usize| -> Option<Vec<u8>> {
        let packed = std::fs::read(data(file)?).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        Some(bytes.split_off(header))
    };
    let labels = unpacked("images-mnist/t10k-labels-idx1-ubyte.gz", 8)?;
    let images = unpacked("images-mnist/t10k-images-idx3-ubyte.gz", 16)?;
    let images = images.into_iter().map(f32::from).collect();
    Some((Matrix::new(labels.len(), 784, images).unwrap(), labels))
}

/// Of 1,000 digits, those that most of their ten nearest among 9,000 others on the map agree with: placed on the map of these
/// 9,000, or laid out together with them.
#[test]
#[ignore = "real data: just accuracy"]
fn added_digits_stand_as_well_as_those_laid_out_together() {
    const MAPPED: usize = 9_000;
    let Some((images, labels)) = digits() else { return };
    let run = Run { threads: 2, ..Run::silent(42) };
    let space = |rows: std::ops::Range<usize>| {
        let numbers = images.as_slice()[rows.start * 784..rows.end * 784].to_vec();
        let vectors = Matrix::new(rows.len(), 784, numbers).unwrap();
        let items = Items::from_ids(rows.map(|i| i.to_string())).unwrap();
        Space::builder("test", items).field("main", Geometry::Euclidean, vectors).build().unwrap()
    };
    let right = |map: &Matrix, others: &Matrix| {
        let index = Exact::over(map.clone(), Measure::Euclidean).unwrap();
        let hits = index.search_batch(others, &Query::nearest(10), 2).unwrap();
        let voted = hits.iter().zip(&labels[MAPPED..]).filter(|(hits, label)| {
            let mut votes = [0; 10];
            hits.iter().for_each(|hit| votes[usize::from(labels[hit.row.index()])] += 1);
            votes.iter().all(|&other| other <= votes[usize::from(**label)])
        });
        voted.count() as f64 / others.rows() as f64
    };
    let part = |map: &Matrix, rows: std::ops::Range<usize>| {
        let numbers = &map.as_slice()[rows.start * 2..rows.end * 2];
        Matrix::new(rows.len(), 2, numbers.to_vec()).unwrap()
    };
    let (mapped, all) = (space(0..MAPPED), space(0..labels.len()));
    let (umap, tsne) = (Umap::default(), Tsne::default());
    for by in ["umap", "tsne"] {
        let lay = |space: &Space| {
            let with = Settlement::default();
            let settled = if by == "umap" {
                settle(space, "main", &umap, &with, &run)
            } else {
                settle(space, "main", &tsne, &with, &run)
            };
            settled.unwrap().placement
        };
        let layout = lay(&mapped);
        assert_eq!(layout.method, if by == "umap" { umap.method() } else { tsne.method() });
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("digits.space");
        mapped.save(&path).unwrap();
        let options = FaithfulnessOptions { all_up_to: 500, sample: 500, ..Default::default() };
        let faithfulness = layout.faithfulness(&mapped, &options, &run).unwrap();
        let (items, about) = table(&mapped, &layout, &faithfulness).unwrap();
        let mut edit = Space::edit(&path).unwrap();
        edit.set_map(by, &items, about).unwrap();
        let stored = edit.publish(Provenance::default()).unwrap();
        let frozen = Frozen::of(&stored, None).unwrap();
        let vectors = images.as_slice()[MAPPED * 784..].to_vec();
        let vectors = Matrix::new(labels.len() - MAPPED, 784, vectors).unwrap();
        let placed = frozen.place(&vectors, &run).unwrap();
        let together = lay(&all).coords;
        let (placed, together) = (
            right(&layout.coords, &placed.coords),
            right(&part(&together, 0..MAPPED), &part(&together, MAPPED..labels.len())),
        );
        eprintln!("{by}: {placed:.3} placed, {together:.3} laid out together");
        assert!(placed > together - 0.02, "{by}: {placed}, together {together}");
    }
}
