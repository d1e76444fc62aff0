//! Encoded text and counts as files: whole, in shards, merged, damaged.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests by the lint")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use latlas::data::{self, Corpus, CorpusOptions, Counts, Tokenizer, merge_corpora};
use latlas::file::Bytes;
use latlas::items::Sequences;
use latlas::items::relations::{Cooccurrences, Weighting};
use latlas::run::{Progress, Run, Step, stream};
use latlas::{Kind, Result};
use rand_xoshiro::rand_core::Rng;

/// Sentences of words with a frequency that falls with their number.
fn sentences(count: usize, seed: u64) -> Vec<String> {
    let mut random = stream(seed, &[]);
    (0..count)
        .map(|_| {
            let length = random.next_u32() % 30;
            let word = |random: &mut dyn FnMut() -> u32| (random() % 300).min(random() % 300);
            let words: Vec<String> =
                (0..length).map(|_| format!("w{}", word(&mut || random.next_u32()))).collect();
            words.join(" ")
        })
        .collect()
}

fn encoded(text: &[String], min_count: u64, dir: &Path) -> Corpus {
    std::fs::create_dir_all(dir).unwrap();
    let options =
        CorpusOptions { tokenizer: Tokenizer::Whitespace, min_count, ..Default::default() };
    data::encode(text, &options, dir, None, &Run::silent(1)).unwrap()
}

fn same(a: &Corpus, b: &Corpus) {
    assert_eq!(a.vocabulary, b.vocabulary);
    assert_eq!(a.sequences.as_slice(), b.sequences.as_slice());
    assert_eq!((&a.sources, &a.options), (&b.sources, &b.options));
}

/// Where the parts of a text lie, each encoded on its own.
fn shards(text: &[String], dir: &Path) -> Vec<PathBuf> {
    let shard = |(i, part): (usize, &[String])| {
        let path = dir.join(format!("part-{i}.corpus"));
        encoded(part, 1, &dir.join(format!("encoding-{i}"))).save(&path, &Run::silent(1)).unwrap();
        path
    };
    text.chunks(text.len().div_ceil(5)).enumerate().map(shard).collect()
}

fn open(paths: &[PathBuf]) -> Vec<Corpus> {
    paths.iter().map(|path| Corpus::open(path).unwrap()).collect()
}

#[test]
fn a_corpus_is_what_was_saved_and_damage_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let corpus = encoded(&sentences(200, 1), 2, dir.path());
    let path = dir.path().join("a.corpus");
    corpus.save(&path, &Run::silent(1)).unwrap();
    same(&Corpus::open(&path).unwrap(), &corpus);

    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        // Padding between sections holds nothing; all else is noticed.
        if let Ok(read) = Corpus::from_bytes(Bytes::from(bytes)) {
            same(&read, &corpus);
        }
        let cut = Corpus::from_bytes(Bytes::from(good[..at].to_vec()));
        assert_eq!(cut.err().map(|e| e.kind()), Some(Kind::Data), "cut at {at}");
    }
    let error = Counts::open(&path).err().unwrap();
    assert!(error.message().ends_with("relations file: it does not begin as one"), "{error}");
}

#[test]
fn merged_corpora_do_not_show_the_order_of_their_parts() {
    let dir = tempfile::tempdir().unwrap();
    let text = sentences(400, 2);
    let mut parts = open(&shards(&text, dir.path()));
    let merge = |parts: &[Corpus], name: &str, min_count, words_only| {
        let path = dir.path().join(name);
        merge_corpora(parts, &path, min_count, words_only, &Run::silent(1)).unwrap();
        std::fs::read(path).unwrap()
    };
    let first = merge(&parts, "one.corpus", 5, false);
    parts.rotate_left(3);
    parts.swap(0, 1);
    assert_eq!(merge(&parts, "two.corpus", 5, false), first);

    let merged = Corpus::open(&dir.path().join("one.corpus")).unwrap();
    let whole = encoded(&text, 5, &dir.path().join("whole"));
    assert_eq!(merged.vocabulary, whole.vocabulary);
    let mut found: Vec<&[u32]> = merged.sequences.iter().collect();
    let mut expected: Vec<&[u32]> = whole.sequences.iter().collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);

    merge(&parts, "words.corpus", 5, true);
    let words = Corpus::open(&dir.path().join("words.corpus")).unwrap();
    assert_eq!(words.vocabulary, whole.vocabulary);
    assert!(words.sequences.as_slice().is_empty());
}

/// The recipe for a cluster: encode shards, merge their words, count shards in these words, merge the counts.
#[test]
fn counts_of_shards_are_the_counts_of_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let text = sentences(600, 3);
    let options = Cooccurrences { window: 10, ..Default::default() };
    let run = Run::silent(1);
    let whole =
        Counts::of(&encoded(&text, 5, &dir.path().join("whole")), &options, dir.path(), &run)
            .unwrap();

    let parts = open(&shards(&text, dir.path()));
    let all = dir.path().join("all.corpus");
    let words = merge_corpora(&parts, &all, 5, true, &run).unwrap();
    let mut counted: Vec<Counts> = parts
        .iter()
        .enumerate()
        .map(|(i, part)| {
            let part = part.translated(&words, dir.path(), &run).unwrap();
            let path = dir.path().join(format!("part-{i}.rel"));
            Counts::write(&part, &options, &path, dir.path(), &run).unwrap();
            Counts::open(&path).unwrap()
        })
        .collect();
    let merge = |counted: &[Counts], name: &str, threads| {
        let path = dir.path().join(name);
        Counts::merge(counted, &path, dir.path(), &Run { threads, ..Run::silent(1) }).unwrap();
        (std::fs::read(&path).unwrap(), Counts::open(&path).unwrap())
    };
    let (bytes, merged) = merge(&counted, "all.rel", 1);
    assert_eq!(merged.vocabulary, whole.vocabulary);
    assert_eq!(merged.relations, whole.relations);
    counted.rotate_left(2);
    counted.swap(0, 3);
    assert_eq!(merge(&counted, "turned.rel", 3).0, bytes);

    // Words that only some shards have: merged by spelling.
    let apart: Vec<Counts> = parts
        .iter()
        .map(|part| {
            let folder = tempfile::tempdir_in(&dir).unwrap().keep();
            Counts::of(part, &options, &folder, &run).unwrap()
        })
        .collect();
    let (_, union) = merge(&apart, "union.rel", 2);
    let all = encoded(&text, 1, &dir.path().join("all"));
    let folder = tempfile::tempdir_in(&dir).unwrap().keep();
    let all = Counts::of(&all, &options, &folder, &run).unwrap();
    assert_eq!(union.vocabulary, all.vocabulary);
    assert_eq!(union.relations, all.relations);
}

#[test]
fn what_was_counted_differently_is_not_merged() {
    let dir = tempfile::tempdir().unwrap();
    let corpus = encoded(&sentences(100, 4), 1, dir.path());
    let count = |window, name: &str| {
        let options = Cooccurrences { window, weighting: Weighting::Flat, ..Default::default() };
        let path = dir.path().join(name);
        Counts::write(&corpus, &options, &path, dir.path(), &Run::silent(1)).unwrap();
        Counts::open(&path).unwrap()
    };
    let parts = [count(3, "three.rel"), count(4, "four.rel")];
    let target = dir.path().join("both.rel");
    let error = Counts::merge(&parts, &target, dir.path(), &Run::silent(1)).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.message().starts_with("the parts were not counted alike: "), "{error}");
    assert!(!target.exists(), "half of a result");
}

/// Remembers the most files of runs that there were at once.
struct Runs(PathBuf, AtomicUsize);

impl Progress for Runs {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        if step.stage == "merging" {
            let names = std::fs::read_dir(&self.0).unwrap();
            let runs = names.filter(|name| {
                name.as_ref().unwrap().file_name().to_string_lossy().starts_with("run-")
            });
            self.1.fetch_max(runs.count(), Ordering::Relaxed);
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn ten_runs_within_64_megabytes_merge_to_the_counts_of_one() {
    // A large vocabulary, of which few words are used, leaves little of the memory to the text.
    let (words, used, places) = (1_700_000, 700, 18_600_000);
    let mut random = stream(5, &[]);
    let mut ids: Vec<u32> = (0..places)
        .map(|_| {
            let number = random.next_u32();
            if number.is_multiple_of(19) { Sequences::END } else { (number >> 8) % used }
        })
        .collect();
    ids.push(Sequences::END);
    let text = Sequences::from_vec(ids).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let count = |memory, name: &str| -> Result<_> {
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let seen = Runs(folder.clone(), AtomicUsize::new(0));
        let run = Run { threads: 1, progress: &seen, ..Run::silent(1) };
        let options = Cooccurrences {
            window: 2,
            weighting: Weighting::Harmonic,
            memory,
            ..Default::default()
        };
        let relations = options.count(&text, words, &folder, &run)?;
        Ok((relations, seen.1.into_inner()))
    };
    let (whole, none) = count(1 << 30, "whole").unwrap();
    let (merged, runs) = count(64 << 20, "runs").unwrap();
    assert_eq!(none, 0);
    assert!(runs >= 10, "{runs} runs");
    assert!(whole.links() > 480_000);
    assert_eq!(merged, whole);
}
