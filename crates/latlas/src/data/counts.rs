//! Co-occurrence counts with the words they are of: what GloVe and SVD learn from, on disk or merged from many.

use std::path::Path;

use serde_json::{Map, Value};

use super::encoded::{common, ids_in, reading, sources, union};
use super::named::{self, About};
use super::{Corpus, Vocabulary};
use crate::error::{Error, Result};
use crate::file::{self, Bytes, SectionWriter, Sections};
use crate::items::Relations;
use crate::items::relations::{Cooccurrences, Part, RELATIONS, merge_into};
use crate::run::Run;

/// Co-occurrences of words. Cheap to clone but for the words.
#[derive(Clone)]
pub struct Counts {
    /// The words: the sources and the targets of the relations.
    pub vocabulary: Vocabulary,
    /// How often, and how near, each stands beside each.
    pub relations: Relations,
    /// What was read, and how.
    pub about: About,
}

impl Counts {
    /// Counts a corpus, into a file of the folder `scratch`, which must last as long as the counts do.
    pub fn of(
        corpus: &Corpus,
        options: &Cooccurrences,
        scratch: &Path,
        run: &Run<'_>,
    ) -> Result<Self> {
        let vocabulary = corpus.vocabulary.clone();
        let relations = options.count(&corpus.sequences, vocabulary.len(), scratch, run)?;
        Ok(Counts { vocabulary, relations, about: about(corpus, options) })
    }

    /// Counts a corpus into a file, by way of a temporary one. `scratch` is a folder for what comes and goes meanwhile.
    pub fn write(
        corpus: &Corpus,
        options: &Cooccurrences,
        path: &Path,
        scratch: &Path,
        run: &Run<'_>,
    ) -> Result<()> {
        let vocabulary = &corpus.vocabulary;
        publish(path, vocabulary, &about(corpus, options), |writer| {
            options.count_into(&corpus.sequences, vocabulary.len(), writer, scratch, run)
        })
    }

    /// Merges counts into one file: the union of the words with their counts added up, most frequent first, and the sum
    /// of the co-occurrences. The bytes do not depend on the order of the parts. Parts that were read or counted in
    /// different ways are refused.
    pub fn merge(parts: &[Counts], path: &Path, scratch: &Path, run: &Run<'_>) -> Result<()> {
        let options = common("tokenised", parts.iter().map(|part| reading(&part.about.options)))?;
        let counting = common("counted", parts.iter().map(|part| part.about.counting.clone()))?;
        let sources = sources(parts.iter().map(|part| &part.about.sources));
        let vocabulary = union(parts.iter().map(|part| &part.vocabulary), 0);
        let ids: Vec<Vec<u32>> =
            parts.iter().map(|part| ids_in(&vocabulary, &part.vocabulary)).collect();
        let parts: Vec<Part<'_>> = parts
            .iter()
            .zip(&ids)
            .map(|(part, ids)| Part {
                relations: &part.relations,
                sources: Some(ids),
                targets: Some(ids),
            })
            .collect();
        let words = vocabulary.len();
        publish(path, &vocabulary, &About { sources, options, counting }, |writer| {
            merge_into(&parts, words, words, writer, scratch, run)
        })
    }

    /// Maps a file of counts. Every byte is verified, memory being let go of on the way.
    pub fn open(path: &Path) -> Result<Self> {
        let sections = Sections::open(path, RELATIONS)?;
        Self::from_sections(&sections).map_err(|e| e.context(path.display()))
    }

    /// Counts from the bytes of such a file.
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        Self::from_sections(&Sections::from_bytes(bytes, RELATIONS)?)
    }

    fn from_sections(sections: &Sections) -> Result<Self> {
        if !sections.has("words") {
            return Err(Error::data(format!("{}: it names no words", RELATIONS.name))
                .help("make it with 'latlas corpus count'"));
        }
        let relations = Relations::from_sections(sections)?;
        let (vocabulary, about) = named::read(sections)?;
        let words = vocabulary.len();
        if relations.sources() != words || relations.targets() != words {
            return Err(Error::data(format!(
                "{}: its {words} words do not fit its links",
                RELATIONS.name
            )));
        }
        Ok(Counts { vocabulary, relations, about })
    }
}

fn about(corpus: &Corpus, options: &Cooccurrences) -> About {
    let mut counting = match serde_json::to_value(options) {
        Ok(Value::Object(counting)) => counting,
        _ => Map::new(),
    };
    counting.remove("memory"); // it does not show in the result
    About { sources: corpus.sources.clone(), options: corpus.options.clone(), counting }
}

fn publish(
    path: &Path,
    vocabulary: &Vocabulary,
    about: &About,
    links: impl FnOnce(&mut SectionWriter<'_>) -> Result<()>,
) -> Result<()> {
    file::publish(path, |file| {
        let mut writer = SectionWriter::begin(file, RELATIONS)?;
        named::write(vocabulary, about, &mut writer)?;
        links(&mut writer)?;
        writer.end()
    })
    .map(drop)
}
