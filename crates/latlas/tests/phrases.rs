//! Phrases on planted text: what was planted is found, frequent but independent neighbours are not, and scores are those
//! of gensim.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use latlas::data::{Corpus, CorpusOptions, Phrases, Tokenizer, encode};
use latlas::learn::{Scoring, Word2Phrase};
use latlas::run::Silent;
use latlas::{Kind, Run};

/// 4,000 lines of twelve draws: "new york", "new york times", "bank of america", "the", "of", "new", or one of 71 words.
fn text() -> Vec<String> {
    let mut state = 1_u32;
    let mut line = || {
        let words = (0..12).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match (state >> 16) % 100 {
                0..6 => "new york".to_owned(),
                6..8 => "new york times".to_owned(),
                8..11 => "bank of america".to_owned(),
                11..20 => "the".to_owned(),
                20..26 => "of".to_owned(),
                26..29 => "new".to_owned(),
                other => format!("w{}", other - 29),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    (0..4_000).map(|_| line()).collect()
}

fn corpus(
    text: &[String],
    min_count: u64,
    phrases: Option<Phrases>,
) -> (tempfile::TempDir, Corpus) {
    let folder = tempfile::tempdir().unwrap();
    let options = CorpusOptions {
        tokenizer: Tokenizer::Whitespace,
        min_count,
        phrases,
        ..CorpusOptions::default()
    };
    let corpus = encode(text, &options, folder.path(), None, &Run::silent(1)).unwrap();
    (folder, corpus)
}

/// By gensim 4.4.0 on the same lines, `Phrases(lines, min_count=5, threshold=t, scoring=s, connector_words={"of",
/// "the"})` and again on the lines it gives, `export_phrases()`. Its default score has another N (the size of its
/// table), so `s` is the same formula with `corpus_word_count`, threshold 5; then s="npmi", threshold 0.3.
const DEFAULT: [(&str, u32, u64, f64); 4] = [
    ("bank of america", 1, 1468, 37.78910675704772),
    ("york times", 1, 941, 14.620604579624855),
    ("new york", 1, 3787, 10.653604152836513),
    ("new_york times", 2, 941, 12.854753677986132),
];
const NPMI: [(&str, u32, u64, f64); 4] = [
    ("bank of america", 1, 1468, 1.0),
    ("new york", 1, 3787, 0.8807408023547175),
    ("york times", 1, 941, 0.6587410423629032),
    ("new_york times", 2, 941, 0.6476244996595341),
];

fn learner(scoring: Scoring, threshold: f64) -> Word2Phrase {
    Word2Phrase {
        passes: 2,
        scoring,
        threshold: Some(threshold),
        connectors: vec!["of".into(), "the".into()],
        ..Word2Phrase::default()
    }
}

#[test]
fn planted_phrases_and_no_others_are_found_with_gensims_scores() {
    let text = text();
    let (folder, corpus) = corpus(&text, 1, None);
    assert_eq!(corpus.vocabulary.tokens(), 55_664);
    for (scoring, threshold, expected) in
        [(Scoring::Default, 5.0, DEFAULT), (Scoring::Npmi, 0.3, NPMI)]
    {
        let found =
            learner(scoring, threshold).learn(&corpus, folder.path(), &Run::silent(1)).unwrap();
        assert_eq!(found.len(), expected.len());
        for (phrase, (words, pass, count, score)) in found.iter().zip(expected) {
            let got = (phrase.words.join(" "), phrase.pass, phrase.count);
            assert_eq!(got, (words.to_owned(), pass, count));
            assert_eq!(phrase.joined, words.replace(' ', "_"));
            assert!((phrase.score - score).abs() < 1e-9, "{words}: {} {score}", phrase.score);
        }
        // The same at any number of threads and in little memory.
        let small = Word2Phrase { memory: 1, ..learner(scoring, threshold) };
        let run = Run { threads: 3, progress: &Silent, ..Run::silent(1) };
        let again = small.learn(&corpus, folder.path(), &run).unwrap();
        assert!(again.iter().eq(found.iter()));
    }
}

#[test]
fn a_corpus_is_encoded_with_its_phrases_joined() {
    let text = text();
    let (folder, plain) = corpus(&text, 1, None);
    let phrases =
        learner(Scoring::Default, 5.0).learn(&plain, folder.path(), &Run::silent(1)).unwrap();
    let path = folder.path().join("phrases.tsv");
    phrases.save(&path).unwrap();
    let phrases = Phrases::read(&path).unwrap();
    let (_folder, joined) = corpus(&text, 5, Some(phrases.clone()));
    // gensim's text after both passes has as many words, and this first line.
    assert_eq!(joined.vocabulary.tokens(), 48_000);
    let first: Vec<&str> = joined
        .sequences
        .iter()
        .next()
        .unwrap()
        .iter()
        .map(|&id| joined.vocabulary.words[id as usize].as_str())
        .collect();
    assert_eq!(first.join(" "), "w67 new_york w17 w66 the the w45 w21 w51 w64 the w51");
    let count = |word: &str| {
        let at = joined.vocabulary.words.iter().position(|w| w == word);
        at.map_or(0, |at| joined.vocabulary.counts[at])
    };
    assert_eq!((count("new_york_times"), count("bank_of_america")), (941, 1468));
    assert_eq!(count("york"), 0);
    assert_eq!(joined.options["phrases"]["phrases"], 4);
    assert_ne!(joined.fingerprint, plain.fingerprint);
    // A document in several pieces, on several threads, and long enough for many blocks.
    let long = [vec!["new york times"; 200_000].join(" ")];
    let options = CorpusOptions { phrases: Some(phrases), ..CorpusOptions::default() };
    let run = Run { threads: 3, progress: &Silent, ..Run::silent(1) };
    let folder = tempfile::tempdir().unwrap();
    let error = encode(&long[..], &options, folder.path(), None, &run).map(drop).unwrap_err();
    assert!(error.message().contains("the only word in it is 'new_york_times'"), "{error}");
}

#[test]
fn options_out_of_range_are_refused() {
    let good = learner(Scoring::Npmi, 0.3);
    for bad in [
        Word2Phrase { passes: 0, ..good.clone() },
        Word2Phrase { min_count: 0, ..good.clone() },
        Word2Phrase { threshold: Some(-2.0), ..good.clone() },
        Word2Phrase { threshold: Some(-0.5), scoring: Scoring::Default, ..good.clone() },
        Word2Phrase { delimiter: " ".into(), ..good.clone() },
        Word2Phrase { connectors: vec!["x".into(); 256], ..good.clone() },
        Word2Phrase { memory: 0, ..good },
    ] {
        assert_eq!(bad.check().unwrap_err().kind(), Kind::Usage, "{bad:?}");
    }
}
