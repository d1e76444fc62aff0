//! Encoded text on disk: a corpus that outlives the program that read the text, and can be handed to another machine.

use std::path::Path;

use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::named::{self, About};
use super::{Corpus, Vocabulary};
use crate::error::{Error, Result};
use crate::file::{self, Bytes, SectionKind, SectionWriter, Sections};
use crate::items::Sequences;
use crate::run::{Run, Step};

/// Files of encoded text, see `docs/format.md`.
pub const CORPUS: SectionKind = SectionKind { magic: b"latlasCO", name: "corpus file", version: 1 };

/// Ids that are written, read or translated at once.
const BLOCK: usize = 1 << 18;

impl Corpus {
    /// Writes the corpus to a file, by way of a temporary one.
    pub fn save(&self, path: &Path, run: &Run<'_>) -> Result<()> {
        let about = About {
            sources: self.sources.clone(),
            options: self.options.clone(),
            counting: serde_json::Map::new(),
        };
        let ids = |each: &mut Ids<'_>| {
            let all = self.sequences.as_slice();
            for start in (0..all.len()).step_by(BLOCK) {
                let range = start..(start + BLOCK).min(all.len());
                each(all.get(range.clone()).unwrap_or_default())?;
                self.sequences.release(range.clone());
                advance("writing", range.end, all.len(), run)?;
            }
            Ok(())
        };
        write(path, &self.vocabulary, &about, ids)
    }

    /// Maps a corpus file. Every byte is verified, memory being let go of on the way.
    pub fn open(path: &Path) -> Result<Self> {
        let sections = Sections::open(path, CORPUS)?;
        Self::from_sections(&sections).map_err(|e| e.context(path.display()))
    }

    /// A corpus from the bytes of such a file.
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        Self::from_sections(&Sections::from_bytes(bytes, CORPUS)?)
    }

    fn from_sections(sections: &Sections) -> Result<Self> {
        sections.check()?;
        let (vocabulary, about) = named::read(sections)?;
        let sequences = Sequences::within(sections.bytes().clone(), sections.range("ids")?)?;
        let words = vocabulary.len();
        let ids = sequences.as_slice();
        for start in (0..ids.len()).step_by(BLOCK) {
            let range = start..(start + BLOCK).min(ids.len());
            let block = ids.get(range.clone()).unwrap_or_default();
            if let Some(id) = block.iter().find(|&&id| id as usize >= words && id != Sequences::END)
            {
                return Err(Error::data(format!(
                    "{}: id {id} is none of {words} words",
                    CORPUS.name
                )));
            }
            sequences.release(range);
        }
        let fingerprint = fingerprint(&vocabulary, sections.fingerprint("ids")?);
        let About { sources, options, .. } = about;
        Ok(Corpus { vocabulary, sequences, sources, options, fingerprint })
    }

    /// The corpus in the words of another vocabulary, in a file of the folder `scratch`, which must last as long as it does.
    /// Words that are not there are left out and take no place; counts are of this text.
    pub fn translated(&self, to: &Vocabulary, scratch: &Path, run: &Run<'_>) -> Result<Self> {
        let ids = ids_in(to, &self.vocabulary);
        let mut counts = vec![0; to.len()];
        for (&id, &count) in ids.iter().zip(&self.vocabulary.counts) {
            if let Some(sum) = counts.get_mut(id as usize) {
                *sum = count;
            }
        }
        let path = scratch.join("translated.ids");
        let mut out = super::scratch::Scratch::create(&path)?;
        translate(&self.sequences, &ids, run, &mut |block| {
            block.iter().try_for_each(|&id| out.put(id))
        })?;
        let hash = out.finish()?.xxh3;
        let vocabulary = Vocabulary { words: to.words.clone(), counts };
        let fingerprint = fingerprint(&vocabulary, hash);
        let sequences = Sequences::from_bytes(Bytes::map(&path)?)?;
        Ok(Corpus { vocabulary, sequences, fingerprint, ..self.clone() })
    }
}

/// Merges corpora into one file: the union of their words with counts added up, most frequent first, of which those below
/// `min_count` are left out; then the sequences of each. The bytes do not depend on the order of the parts: they are put in
/// the order of their fingerprints. With `words_only` no sequences are written: what is needed to count shards apart.
pub fn merge_corpora(
    parts: &[Corpus],
    path: &Path,
    min_count: u64,
    words_only: bool,
    run: &Run<'_>,
) -> Result<Vocabulary> {
    let mut parts: Vec<&Corpus> = parts.iter().collect();
    parts.sort_by_key(|part| part.fingerprint);
    let options = common("tokenised", parts.iter().map(|part| reading(&part.options)))?;
    let vocabulary = union(parts.iter().map(|part| &part.vocabulary), min_count);
    if vocabulary.len() < 2 {
        return Err(Error::data(format!(
            "the corpora have {} words that stand {min_count} times or more",
            vocabulary.len()
        ))
        .help("lower --min-count, or merge more text"));
    }
    let mut about = About { options, ..About::default() };
    about.options.insert("min_count".into(), min_count.into());
    about.sources = sources(parts.iter().map(|part| &part.sources));
    write(path, &vocabulary, &about, |each| {
        for part in parts.iter().filter(|_| !words_only) {
            translate(&part.sequences, &ids_in(&vocabulary, &part.vocabulary), run, each)?;
        }
        Ok(())
    })?;
    Ok(vocabulary)
}

/// Takes ids, a block at a time.
type Ids<'a> = dyn FnMut(&[u32]) -> Result<()> + 'a;

fn write(
    path: &Path,
    vocabulary: &Vocabulary,
    about: &About,
    ids: impl FnOnce(&mut Ids<'_>) -> Result<()>,
) -> Result<()> {
    file::publish(path, |file| {
        let mut writer = SectionWriter::begin(file, CORPUS)?;
        named::write(vocabulary, about, &mut writer)?;
        writer.section("ids")?;
        ids(&mut |block| writer.write(bytemuck::cast_slice(block)))?;
        writer.end()
    })
    .map(drop)
}

/// Gives the sequences with other ids; `END` among them leaves a word out.
fn translate(sequences: &Sequences, ids: &[u32], run: &Run<'_>, each: &mut Ids<'_>) -> Result<()> {
    let all = sequences.as_slice();
    let mut out = Vec::with_capacity(BLOCK + 1);
    let mut length = 0; // of the sequence being written
    for start in (0..all.len()).step_by(BLOCK) {
        let range = start..(start + BLOCK).min(all.len());
        for &id in all.get(range.clone()).unwrap_or_default() {
            let new = ids.get(id as usize).copied().unwrap_or(Sequences::END);
            if new != Sequences::END {
                out.push(new);
                length += 1;
            } else if id == Sequences::END && length > 0 {
                out.push(Sequences::END);
                length = 0;
            }
        }
        each(&out)?;
        out.clear();
        sequences.release(range.clone());
        advance("translating", range.end, all.len(), run)?;
    }
    Ok(())
}

fn advance(stage: &'static str, done: usize, total: usize, run: &Run<'_>) -> Result<()> {
    let detail = String::new();
    run.report(&Step { stage, done: done as u64, total: Some(total as u64), unit: "words", detail })
}

/// What each word of one vocabulary is in another; `END` where it is not there.
pub(super) fn ids_in(all: &Vocabulary, own: &Vocabulary) -> Vec<u32> {
    let places: std::collections::HashMap<&str, u32> =
        all.words.iter().map(String::as_str).zip(0..).collect();
    let place = |word: &String| places.get(word.as_str()).copied();
    own.words.iter().map(|word| place(word).unwrap_or(Sequences::END)).collect()
}

/// The words of several vocabularies, counts added up, most frequent first, ties by spelling.
pub(super) fn union<'a>(
    vocabularies: impl Iterator<Item = &'a Vocabulary>,
    min_count: u64,
) -> Vocabulary {
    let mut counts = std::collections::BTreeMap::<&str, u64>::new();
    for vocabulary in vocabularies {
        for (word, &count) in vocabulary.words.iter().zip(&vocabulary.counts) {
            let sum = counts.entry(word).or_insert(0);
            *sum = sum.saturating_add(count);
        }
    }
    let mut words: Vec<(&str, u64)> =
        counts.into_iter().filter(|(_, count)| *count >= min_count).collect();
    words.sort_by_key(|&(_, count)| std::cmp::Reverse(count)); // stable, and spelling was in order
    Vocabulary {
        words: words.iter().map(|(word, _)| (*word).to_owned()).collect(),
        counts: words.iter().map(|(_, count)| *count).collect(),
    }
}

/// What all parts must have done alike.
pub(super) fn common(
    done: &str,
    mut parts: impl Iterator<Item = serde_json::Map<String, Value>>,
) -> Result<serde_json::Map<String, Value>> {
    let first = parts.next().unwrap_or_default();
    for other in parts {
        if other != first {
            let json = |map| Value::Object(map).to_string();
            return Err(Error::data(format!(
                "the parts were not {done} alike: {} and {}",
                json(first),
                json(other)
            ))
            .help("make them again with the same options"));
        }
    }
    Ok(first)
}

/// The options that say how words are found, without how many are kept.
pub(super) fn reading(options: &serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
    let cuts = ["min_count", "max_vocab"];
    options
        .iter()
        .filter(|(name, _)| !cuts.contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

/// All sources, in the order of their JSON.
pub(super) fn sources<'a>(parts: impl Iterator<Item = &'a Vec<Value>>) -> Vec<Value> {
    let mut all: Vec<Value> = parts.flatten().cloned().collect();
    all.sort_by_cached_key(Value::to_string);
    all
}

/// A number that differs when the words, their counts or the ids do; `ids` is their xxh3.
pub(super) fn fingerprint(vocabulary: &Vocabulary, ids: u64) -> u64 {
    let mut hash = Xxh3::new();
    for (word, count) in vocabulary.words.iter().zip(&vocabulary.counts) {
        hash.update(word.as_bytes());
        hash.update(b"\n");
        hash.update(&count.to_le_bytes());
    }
    hash.update(&ids.to_le_bytes());
    hash.digest()
}
