//! From files to a corpus: what is read is what a plain program would read, at any number of threads, from any
//! wrapping, and what cannot be read is an error that names it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use latlas::data::{
    Corpus, CorpusOptions, Documents, Format, OnBad, ReaderOptions, Sources, Tokenizer, Unit,
    documents, encode,
};
use latlas::file::fault::{Fault, arm, disarm};
use latlas::items::Sequences;
use latlas::{Error, Kind, Progress, Run, Step};
use proptest::prelude::*;

/// Remembers what it is told.
#[derive(Default)]
struct Ears {
    warnings: Mutex<Vec<String>>,
    notes: Mutex<Vec<String>>,
}

impl Progress for Ears {
    fn report(&self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn warn(&self, message: &str) {
        self.warnings.lock().unwrap().push(message.to_string());
    }
    fn note(&self, message: &str) {
        self.notes.lock().unwrap().push(message.to_string());
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Sources {
        std::fs::write(self.path(name), bytes).unwrap();
        Sources::file(self.path(name))
    }
}

fn all(
    options: &ReaderOptions,
    sources: &Sources,
    ears: &Ears,
) -> Result<Vec<(String, String)>, Error> {
    let run = Run { progress: ears, ..Run::silent(1) };
    let mut out: Vec<(String, String)> = Vec::new();
    let mut open = false;
    documents(sources, options, &run)?.visit(&mut |piece| {
        if !open {
            out.push((piece.id.as_text().into_owned(), String::new()));
        }
        out.last_mut().unwrap().1.push_str(piece.text);
        open = !piece.end;
        Ok(())
    })?;
    Ok(out)
}

fn read(options: &ReaderOptions, sources: &Sources) -> Result<Vec<(String, String)>, Error> {
    all(options, sources, &Ears::default())
}

fn texts(options: &ReaderOptions, sources: &Sources) -> Vec<String> {
    read(options, sources).unwrap().into_iter().map(|(_, text)| text).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Text of `lines` lines over a vocabulary with a long tail.
fn zipf(lines: u64, seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut text = String::new();
    for _ in 0..lines {
        for _ in 0..next() % 30 {
            let word = 1 + next() % 3000;
            write!(text, "w{} ", word * (next() % 3000) / 3000).unwrap();
        }
        text.push('\n');
    }
    text
}

fn learnable(
    place: &Place,
    sources: &Sources,
    options: &CorpusOptions,
    threads: usize,
) -> Result<Corpus, Error> {
    let reading = ReaderOptions::default();
    let run = Run { threads, ..Run::silent(1) };
    encode(
        documents(sources, &reading, &run)?,
        options,
        place.0.path(),
        Some(&place.path("dump.txt")),
        &run,
    )
}

#[test]
fn a_corpus_is_what_a_plain_program_makes_at_any_number_of_threads() {
    let place = Place::new();
    let text = zipf(20_000, 3);
    let sources = place.write("a.txt", &text);
    let options = CorpusOptions { min_count: 3, max_vocab: Some(900), ..CorpusOptions::default() };

    let mut counts = BTreeMap::<&str, u64>::new();
    text.split_whitespace().for_each(|word| *counts.entry(word).or_default() += 1);
    let mut vocabulary: Vec<(&str, u64)> = counts.into_iter().filter(|(_, n)| *n >= 3).collect();
    vocabulary.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    vocabulary.truncate(900);
    let ids: BTreeMap<&str, u32> =
        vocabulary.iter().zip(0..).map(|((word, _), id)| (*word, id)).collect();
    let mut expected = Vec::new();
    for line in text.lines() {
        let before = expected.len();
        expected.extend(line.split_whitespace().filter_map(|word| ids.get(word)));
        if expected.len() > before {
            expected.push(Sequences::END);
        }
    }

    let mut fingerprints = Vec::new();
    for threads in [1, 2, 3, 8] {
        let corpus = learnable(&place, &sources, &options, threads).unwrap();
        let words: Vec<(&str, u64)> = corpus
            .vocabulary
            .words
            .iter()
            .map(String::as_str)
            .zip(corpus.vocabulary.counts.iter().copied())
            .collect();
        assert_eq!(words, vocabulary);
        assert_eq!(corpus.sequences.as_slice(), expected, "{threads} threads");
        assert_eq!(corpus.sources[0]["bytes"], text.len());
        assert_eq!(corpus.options["min_count"], 3);
        fingerprints.push(corpus.fingerprint);
        // The dump is the sequences as words.
        let dump = std::fs::read_to_string(place.path("dump.txt")).unwrap();
        let dumped: Vec<Vec<u32>> =
            dump.lines().map(|line| line.split(' ').map(|w| ids[w]).collect()).collect();
        assert!(corpus.sequences.iter().map(<[u32]>::to_vec).eq(dumped));
    }
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 1);
    let other = CorpusOptions { max_vocab: Some(899), ..options };
    assert_ne!(learnable(&place, &sources, &other, 1).unwrap().fingerprint, fingerprints[0]);
    assert!(!place.path("words.ids").exists());
}

#[test]
fn long_documents_are_cut_after_ten_thousand_kept_words() {
    let place = Place::new();
    // One line, no line end, far longer than any buffer; every third word is too rare to keep.
    let mut line = String::new();
    for i in 0..60_000 {
        line += if i % 2 == 0 { "even " } else { "odd " };
        write!(line, "rare{i} ").unwrap();
    }
    let corpus =
        learnable(&place, &place.write("giant", &line), &CorpusOptions::default(), 2).unwrap();
    let lengths: Vec<usize> = corpus.sequences.iter().map(<[u32]>::len).collect();
    assert_eq!(lengths, [10_000; 6]);
    assert_eq!(std::fs::read_to_string(place.path("dump.txt")).unwrap().lines().count(), 6);
}

#[test]
fn the_same_text_comes_out_of_every_wrapping() {
    let place = Place::new();
    let rows = [
        ("7", "Tab\there, and \\n no line end"),
        ("8", "two\nlines \\ and \"quotes\""),
        ("9", "naïve, 東京"),
    ];
    let tsv: String = std::iter::once("id\ttext\n".to_string())
        .chain(rows.iter().map(|(id, text)| {
            format!(
                "{id}\t{}\n",
                text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
            )
        }))
        .collect();
    let csv: String = std::iter::once("id;text\r\n".to_string())
        .chain(rows.iter().map(|(id, text)| format!("{id};\"{}\"\r\n", text.replace('"', "\"\""))))
        .collect();
    let jsonl: String = rows
        .iter()
        .map(|(id, text)| serde_json::json!({"text": text, "id": id}).to_string() + "\n")
        .collect();
    let expected: Vec<(String, String)> =
        rows.iter().map(|(i, t)| ((*i).to_string(), (*t).to_string())).collect();
    for (name, content) in [("a.tsv", &tsv), ("a.csv", &csv), ("a.jsonl", &jsonl)] {
        let zst = zstd::encode_all(content.as_bytes(), 1).unwrap();
        let wrapped = [
            (name.to_string(), content.clone().into_bytes()),
            (format!("{name}.gz"), gz(content.as_bytes())),
            (format!("{name}.zst"), zst.clone()),
            (format!("unnamed-{}", name.replace('.', "-")), zst),
        ];
        for (name, bytes) in wrapped {
            let options = ReaderOptions { text: Some("text".into()), ..ReaderOptions::default() };
            assert_eq!(read(&options, &place.write(&name, bytes)).unwrap(), expected, "{name}");
        }
    }
    let by_number = ReaderOptions {
        text: Some("2".into()),
        id: Some("row".into()),
        ..ReaderOptions::default()
    };
    let numbered = read(&by_number, &place.write("b.tsv", &tsv)).unwrap();
    assert_eq!(numbered.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[test]
fn folders_give_their_files_as_documents() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    place.write("in/b.txt", "two\nlines");
    place.write("in/a.txt", "one\n\nmore");
    place.write("in/.c.txt", "hidden");
    let sources = Sources::resolve(&[place.path("in").to_str().unwrap()]).unwrap();
    let options = |unit| ReaderOptions { unit, ..ReaderOptions::default() };
    let names: Vec<String> =
        read(&options(Unit::File), &sources).unwrap().into_iter().map(|(id, _)| id).collect();
    assert!(names[0].ends_with("in/a.txt") && names[1].ends_with("in/b.txt") && names.len() == 2);
    assert_eq!(texts(&options(Unit::Line), &sources), ["one", "more", "two", "lines"]);
    assert_eq!(texts(&options(Unit::Paragraph), &sources), ["one", "more", "two\nlines"]);

    place.write("in/picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let sources = Sources::resolve(&[place.path("in").to_str().unwrap()]).unwrap();
    let error = read(&ReaderOptions::default(), &sources).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.message().contains("picture.png is no text but a PNG picture"), "{error}");
    let ears = Ears::default();
    let skip = ReaderOptions { on_bad: OnBad::Skip, ..ReaderOptions::default() };
    assert_eq!(all(&skip, &sources, &ears).unwrap().len(), 4);
    assert!(ears.warnings.lock().unwrap()[0].contains("picture.png"));
}

#[test]
fn encodings_are_obeyed_reported_and_suggested() {
    let place = Place::new();
    let turkish = "Değişmiş ışıklar, İzmir'in şarkısı\n".repeat(40);
    let latin = encoding_rs::WINDOWS_1254.encode(&turkish).0.into_owned();
    let sources = place.write("tr.txt", &latin);
    let error = read(&ReaderOptions::default(), &sources).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.way_out().unwrap().contains("--encoding windows-1254"), "{error:?}");
    let told = ReaderOptions { encoding: Some("windows-1254".into()), ..ReaderOptions::default() };
    assert_eq!(texts(&told, &sources).join("\n") + "\n", turkish);

    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(turkish.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        texts(&ReaderOptions::default(), &place.write("wide.txt", utf16)).join("\n") + "\n",
        turkish
    );

    let ears = Ears::default();
    let mut mostly = turkish.clone().into_bytes();
    mostly.extend(b"one \xff byte\n");
    place.write("a.txt", &mostly);
    place.write("b.txt", &mostly);
    let both = Sources::resolve(&[place.path("?.txt").to_str().unwrap()]).unwrap();
    let last = all(&ReaderOptions::default(), &both, &ears).unwrap().pop().unwrap().1;
    assert_eq!(last, "one \u{fffd} byte");
    let warnings = ears.warnings.lock().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("a.txt and 1 other file: 2 bytes are not valid in UTF-8"),
        "{warnings:?}"
    );

    let wrong = ReaderOptions { encoding: Some("utf-9".into()), ..ReaderOptions::default() };
    assert_eq!(read(&wrong, &sources).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn rows_of_the_wrong_width_are_named_or_listed() {
    let place = Place::new();
    let sources = place.write("a.csv", "id,text\n1,fine\n2,too,many\n\n3,good\n4\n");
    let error = read(&ReaderOptions::default(), &sources).unwrap_err();
    assert!(error.message().ends_with("a.csv, line 3: 3 fields instead of 2"), "{error}");
    assert!(error.way_out().unwrap().contains("--on-bad skip"));
    let ears = Ears::default();
    let skip = ReaderOptions { on_bad: OnBad::Skip, ..ReaderOptions::default() };
    assert_eq!(all(&skip, &sources, &ears).unwrap().len(), 2);
    let warning = &ears.warnings.lock().unwrap()[0];
    assert!(
        warning.contains("left out 2 rows")
            && warning.contains("line 3")
            && warning.contains("line 6"),
        "{warning}"
    );
    let notes = ears.notes.lock().unwrap().join("\n");
    assert!(notes.contains("as CSV separated by ',', header: id text"), "{notes}");

    let lost = ReaderOptions { text: Some("txet".into()), ..ReaderOptions::default() };
    let error = read(&lost, &sources).unwrap_err();
    assert_eq!((error.kind(), error.way_out()), (Kind::Usage, Some("did you mean 'text'?")));
}

#[test]
fn what_cannot_be_learned_from_says_why() {
    let place = Place::new();
    let said = |content: &str, options: &CorpusOptions| {
        let error = learnable(&place, &place.write("x.txt", content), options, 2).err().unwrap();
        assert!(error.way_out().is_some(), "{error}");
        assert_eq!(error.kind(), Kind::Data, "{error}");
        assert!(!place.path("dump.txt").exists());
        error.message().to_string()
    };
    let options = CorpusOptions { min_count: 1, ..CorpusOptions::default() };
    assert!(said("", &options).ends_with("x.txt: there is no text in it"));
    assert!(said(" \n\n", &options).ends_with("x.txt: there is no text in it"));
    assert!(said("... !!! ---\n", &options).ends_with("not one word in 1 documents"));
    assert!(said("one One ONE\n", &options).ends_with("the only word in it is 'one'"));
    let often = CorpusOptions { min_count: 100, ..CorpusOptions::default() };
    assert!(
        said("a b a\n", &often)
            .contains("no word stands 100 times; the most frequent, 'a', stands 2 times")
    );
    let twice = CorpusOptions { min_count: 2, ..CorpusOptions::default() };
    assert!(said("a b a\n", &twice).contains("only 'a' stands 2 times or more"));
    let missing = Sources::file(place.path("none.txt"));
    assert_eq!(learnable(&place, &missing, &options, 1).err().unwrap().kind(), Kind::Io);
    let one = CorpusOptions { max_vocab: Some(1), ..CorpusOptions::default() };
    assert_eq!(learnable(&place, &missing, &one, 1).err().unwrap().kind(), Kind::Usage);
}

#[test]
fn a_disk_that_fails_at_any_step_leaves_no_dump_behind() {
    let place = Place::new();
    let sources = place.write("a.txt", zipf(300, 9));
    let options = CorpusOptions { min_count: 1, ..CorpusOptions::default() };
    arm(u64::MAX, Fault::Kill);
    learnable(&place, &sources, &options, 1).unwrap();
    let steps = disarm();
    assert!(steps > 5, "{steps}");
    std::fs::remove_file(place.path("dump.txt")).unwrap();
    for n in 0..steps {
        arm(n, Fault::Fail(std::io::ErrorKind::StorageFull));
        let result = learnable(&place, &sources, &options, 1);
        disarm();
        let error = result.err().unwrap_or_else(|| panic!("step {n} failed unnoticed"));
        assert_eq!(error.kind(), Kind::Io, "{error}");
        let temporary = place.path("dump.txt.tmp");
        assert!(!temporary.exists(), "step {n} of {steps}: {error}");
        let _ = std::fs::remove_file(place.path("dump.txt"));
    }
    learnable(&place, &sources, &options, 1).unwrap();
}

#[test]
fn cancelling_stops_the_reading() {
    struct Stop;
    impl Progress for Stop {
        fn report(&self, _: &Step) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    let place = Place::new();
    let sources = place.write("a.txt", zipf(30_000, 5));
    for threads in [1, 3] {
        let run = Run { threads, progress: &Stop, ..Run::silent(1) };
        let reading = ReaderOptions::default();
        let documents = documents(&sources, &reading, &run).unwrap();
        let error =
            encode(documents, &CorpusOptions::default(), place.0.path(), None, &run).err().unwrap();
        assert_eq!(error.kind(), Kind::Interrupted);
    }
}

#[test]
fn documents_in_memory_are_documents() {
    let place = Place::new();
    let texts = ["the cat sat", "the dog sat"];
    let options =
        CorpusOptions { min_count: 1, tokenizer: Tokenizer::Letters, ..CorpusOptions::default() };
    let corpus = encode(&texts[..], &options, place.0.path(), None, &Run::silent(1)).unwrap();
    assert_eq!(corpus.vocabulary.words, ["sat", "the", "cat", "dog"]);
    assert_eq!(corpus.sequences.iter().collect::<Vec<_>>(), [[1, 2, 0], [1, 3, 0]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_files_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400), wrap in 0..3_usize) {
        let place = Place::new();
        let head: &[u8] = [&b""[..], b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"][wrap];
        let sources = place.write("x", [head, &bytes].concat());
        for format in [None, Some(Format::Csv), Some(Format::Tsv), Some(Format::Jsonl), Some(Format::Text)] {
            let options = ReaderOptions { format, on_bad: OnBad::Skip, ..ReaderOptions::default() };
            let _ = read(&options, &sources);
            let _ = latlas::data::table(&sources, &options, &Run::silent(1));
            let _ = latlas::data::schema(&sources, &options, &Run::silent(1));
        }
    }
}

#[test]
fn paths_as_given_stand_in_provenance() {
    let place = Place::new();
    let sources = place.write("a.txt", "some words here and some words there\n");
    let options = CorpusOptions { min_count: 1, ..CorpusOptions::default() };
    let corpus = learnable(&place, &sources, &options, 1).unwrap();
    let source = corpus.sources[0].as_object().unwrap();
    assert_eq!(source["path"].as_str().map(Path::new), Some(place.path("a.txt").as_path()));
    assert_eq!(source["xxh3"].as_str().unwrap().len(), 16);
}
