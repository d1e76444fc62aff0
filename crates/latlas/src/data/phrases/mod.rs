//! Phrases: a table of word sequences that become one word each, and its use on a stream of words.
//!
//! A table has passes. Each reads what the one before has made, so that `new york` of the first may become
//! `new_york times` in the second. Within a pass the leftmost match wins and no word belongs to two, as in word2phrase
//! and gensim.

mod automaton;
mod file;
mod ids;

use std::sync::Arc;

use serde_json::{Value, json};

use super::lexicon::Lexicon;
use super::tokenize::token_hash;
use crate::error::{Error, Result};
use automaton::{Automaton, OTHER, State, feed};

pub(crate) use ids::join;

/// The most words in a phrase of one pass.
pub const LONGEST_PHRASE: usize = 16;

/// Words that become one.
#[derive(Debug, Clone, PartialEq)]
pub struct Phrase {
    /// The words as the pass meets them, two or more; words joined by an earlier pass among them.
    pub words: Vec<String>,
    /// The word that they become.
    pub joined: String,
    /// The pass, from 1.
    pub pass: u32,
    /// How often they stood together where they were learned; 0 if that is not known.
    pub count: u64,
    /// How much more often than by chance, by the measure they were learned with; NaN if that is not known.
    pub score: f64,
}

/// A table of phrases. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Phrases(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    phrases: Vec<Phrase>,
    /// All words and joined words of the table.
    lexicon: Lexicon,
    hashes: Vec<u32>,
    passes: Vec<Automaton>,
    fingerprint: u64,
}

impl Phrases {
    /// A table of these phrases, which are put in the order of their passes. A phrase that cannot be (of one word, with
    /// white space in a word) or that is never reached (it is there already, or a shorter one ends inside it) is an
    /// error that names it.
    pub fn new(mut phrases: Vec<Phrase>) -> Result<Self> {
        phrases.sort_by_key(|phrase| phrase.pass);
        let mut lexicon = Lexicon::new();
        let mut hashes = Vec::new();
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        let mut number = |word: &str| {
            hash.update(word.as_bytes());
            hash.update(b"\xff");
            let token = token_hash(word.as_bytes());
            let id = lexicon.count(word.as_bytes(), token)?;
            if id as usize == hashes.len() {
                hashes.push(token);
            }
            Ok::<u32, Error>(id)
        };
        let mut passes: Vec<Automaton> = Vec::new();
        let mut last = 0;
        for phrase in &phrases {
            check(phrase)?;
            if phrase.pass != last || passes.is_empty() {
                last = phrase.pass;
                passes.push(Automaton::new());
            }
            let words = phrase.words.iter().map(|word| number(word));
            let words = words.collect::<Result<Vec<u32>>>()?;
            let joined = number(&phrase.joined)?;
            if let Some(pass) = passes.last_mut() {
                pass.add(&words, joined).map_err(|why| {
                    Error::data(format!("the phrase '{}' {why}", phrase.words.join(" ")))
                        .help("leave one of them out, or put the longer one into a later pass")
                })?;
            }
        }
        let fingerprint = hash.digest();
        for pass in &mut passes {
            pass.close(hashes.len());
        }
        Ok(Phrases(Arc::new(Inner { phrases, lexicon, hashes, passes, fingerprint })))
    }

    /// The phrases, by pass.
    pub fn iter(&self) -> std::slice::Iter<'_, Phrase> {
        self.0.phrases.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.phrases.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.phrases.is_empty()
    }

    /// How many passes there are.
    pub fn passes(&self) -> usize {
        self.0.passes.len()
    }

    /// This table and, as passes after its own, another one.
    pub fn followed_by(&self, next: &Phrases) -> Result<Phrases> {
        let last = self.iter().map(|phrase| phrase.pass).max().unwrap_or(0);
        let mut phrases = self.0.phrases.clone();
        phrases.extend(next.iter().cloned().map(|mut phrase| {
            phrase.pass = phrase.pass.saturating_add(last);
            phrase
        }));
        Phrases::new(phrases)
    }

    /// The words of one document with its phrases joined.
    pub fn apply(&self, words: &[&str]) -> Vec<String> {
        let mut joiner = Joiner::new(self);
        let mut out = Vec::with_capacity(words.len());
        for word in words.iter().copied().chain([""]) {
            let taken =
                joiner.push(word.as_bytes(), token_hash(word.as_bytes()), &mut |token, _| {
                    out.push(String::from_utf8_lossy(token).into_owned());
                    Ok(())
                });
            debug_assert!(taken.is_ok());
        }
        out.pop(); // the empty word that ends the document
        out
    }

    /// What provenance says of the table.
    pub(super) fn describe(&self) -> Value {
        json!({ "phrases": self.len(), "passes": self.passes(), "xxh3": format!("{:016x}", self.0.fingerprint) })
    }
}

impl<'a> IntoIterator for &'a Phrases {
    type Item = &'a Phrase;
    type IntoIter = std::slice::Iter<'a, Phrase>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Phrases {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint && self.len() == other.len()
    }
}

impl Eq for Phrases {}

fn check(phrase: &Phrase) -> Result<()> {
    let whole = |word: &str| {
        !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    let why = if phrase.words.len() < 2 {
        "is a single word"
    } else if phrase.words.len() > LONGEST_PHRASE {
        "has too many words for one pass"
    } else if phrase.pass == 0 {
        "belongs to pass 0; passes count from 1"
    } else if !phrase.words.iter().all(|word| whole(word)) || !whole(&phrase.joined) {
        "has an empty word, or white space in one"
    } else {
        return Ok(());
    };
    Err(Error::data(format!("the phrase '{}' {why}", phrase.words.join(" "))))
}

/// Joins the phrases of a stream of words. It holds back the words that may still become part of a phrase.
pub(super) struct Joiner {
    phrases: Phrases,
    states: Vec<State>,
    ready: Vec<u32>,
}

impl Joiner {
    pub(super) fn new(phrases: &Phrases) -> Self {
        let states = phrases.0.passes.iter().map(|_| State::default()).collect();
        Joiner { phrases: phrases.clone(), states, ready: Vec::new() }
    }

    /// Takes the next word with its hash (an empty one ends a document, and lets all words go that were held back)
    /// and gives the words that are settled.
    pub(super) fn push(
        &mut self,
        token: &[u8],
        hash: u32,
        emit: &mut dyn FnMut(&[u8], u32) -> Result<()>,
    ) -> Result<()> {
        let inner = &*self.phrases.0;
        let id = inner.lexicon.find(token, hash).unwrap_or(OTHER);
        self.ready.clear();
        feed(&inner.passes, &mut self.states, id, &mut self.ready);
        for &id in &self.ready {
            // No word that is not in the table is ever held back, so it is the one at hand.
            match inner.hashes.get(id as usize) {
                Some(&hash) => emit(inner.lexicon.word(id), hash)?,
                None => emit(token, hash)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(phrases: &[(u32, &str)]) -> Result<Phrases> {
        let phrase = |&(pass, words): &(u32, &str)| Phrase {
            words: words.split(' ').map(str::to_owned).collect(),
            joined: words.replace(' ', "_"),
            pass,
            count: 1,
            score: 1.0,
        };
        Phrases::new(phrases.iter().map(phrase).collect())
    }

    fn apply(phrases: &Phrases, text: &str) -> String {
        phrases.apply(&text.split(' ').collect::<Vec<_>>()).join(" ")
    }

    #[test]
    fn passes_build_on_each_other() {
        let phrases =
            table(&[(2, "new_york times"), (1, "new york"), (1, "bank of america")]).unwrap();
        assert_eq!((phrases.len(), phrases.passes()), (3, 2));
        assert_eq!(
            apply(&phrases, "the new york times and the bank of new york"),
            "the new_york_times and the bank of new_york"
        );
        assert_eq!(apply(&phrases, "bank of bank of america new"), "bank of bank_of_america new");
        assert_eq!(apply(&phrases, "new new york york"), "new new_york york");
        assert_eq!(apply(&phrases, "nothing here"), "nothing here");
    }

    #[test]
    fn a_failed_beginning_may_hold_another_one() {
        let phrases = table(&[(1, "a b c"), (1, "b d")]).unwrap();
        assert_eq!(apply(&phrases, "a b d a b c b"), "a b_d a_b_c b");
    }

    #[test]
    fn phrases_that_cannot_be_are_named() {
        let message = |phrases: &[(u32, &str)]| table(phrases).unwrap_err().to_string();
        assert_eq!(message(&[(1, "alone")]), "the phrase 'alone' is a single word");
        assert_eq!(
            message(&[(0, "a b")]),
            "the phrase 'a b' belongs to pass 0; passes count from 1"
        );
        assert_eq!(
            message(&[(1, "a  b")]),
            "the phrase 'a  b' has an empty word, or white space in one"
        );
        assert_eq!(message(&[(1, "a b"), (1, "a b")]), "the phrase 'a b' is there twice");
        let hidden = "is never reached: a shorter one of the same pass ends inside it";
        assert_eq!(message(&[(1, "a b"), (1, "a b c")]), format!("the phrase 'a b c' {hidden}"));
        let hides = "ends inside a longer one of the same pass";
        assert_eq!(message(&[(1, "a b c"), (1, "a b")]), format!("the phrase 'a b' {hides}"));
    }

    /// Leftmost match, pass by pass, by the shortest means.
    fn plainly(phrases: &Phrases, words: &[String]) -> Vec<String> {
        let mut words = words.to_vec();
        for pass in 1..=2 {
            let mut out = Vec::new();
            let mut i = 0;
            while i < words.len() {
                let here = phrases
                    .iter()
                    .find(|phrase| phrase.pass == pass && words[i..].starts_with(&phrase.words));
                out.push(here.map_or_else(|| words[i].clone(), |phrase| phrase.joined.clone()));
                i += here.map_or(1, |phrase| phrase.words.len());
            }
            words = out;
        }
        words
    }

    proptest! {
        #[test]
        fn streams_are_joined_as_the_definition_says(
            pairs in proptest::collection::vec((1..=2_u32, "[a-d]( [a-d]){1,2}"), 0..8),
            text in "[a-e]( [a-e]){0,30}",
        ) {
            let pairs: Vec<(u32, &str)> = pairs.iter().map(|(pass, words)| (*pass, words.as_str())).collect();
            if let Ok(phrases) = table(&pairs) {
                let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
                let given: Vec<&str> = words.iter().map(String::as_str).collect();
                prop_assert_eq!(phrases.apply(&given), plainly(&phrases, &words));
            }
        }
    }
}
