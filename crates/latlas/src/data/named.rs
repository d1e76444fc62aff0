//! Words and what is known of a text, as sections of a file.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Vocabulary;
use crate::error::{Error, Result};
use crate::file::{SectionWriter, Sections};

/// Where a text came from and how it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// What was read: paths as given, bytes, xxh3 of the content; in a fixed order.
    pub sources: Vec<Value>,
    /// How the text was tokenised and the vocabulary cut.
    pub options: Map<String, Value>,
    /// How it was counted; empty where it was not.
    pub counting: Map<String, Value>,
}

impl About {
    fn json(&self) -> Value {
        serde_json::json!({ "sources": self.sources, "options": self.options, "counting": self.counting })
    }
}

/// Writes the sections "words", "word-ends", "word-counts" and "about".
pub(super) fn write(
    vocabulary: &Vocabulary,
    about: &About,
    writer: &mut SectionWriter<'_>,
) -> Result<()> {
    let mut ends = Vec::with_capacity(vocabulary.len());
    let mut end = 0;
    writer.section("words")?;
    for word in &vocabulary.words {
        writer.write(word.as_bytes())?;
        end += word.len() as u64;
        ends.push(end);
    }
    writer.whole("word-ends", bytemuck::cast_slice(&ends))?;
    writer.whole("word-counts", bytemuck::cast_slice(&vocabulary.counts))?;
    writer.whole("about", about.json().to_string().as_bytes())
}

/// Reads them. Sections must have been checked against their checksums; the content is verified here.
pub(super) fn read(sections: &Sections) -> Result<(Vocabulary, About)> {
    let wrong = |what: String| Err(Error::data(format!("{}: {what}", sections.kind())));
    let text = sections.numbers::<u8>("words")?;
    let ends = sections.numbers::<u64>("word-ends")?;
    let counts = sections.numbers::<u64>("word-counts")?;
    if ends.len() != counts.len() || ends.len() >= u32::MAX as usize {
        return wrong(format!("it has {} words and {} counts", ends.len(), counts.len()));
    }
    let total = counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count));
    if total.is_none() || ends.last().copied().unwrap_or(0) != text.len() as u64 {
        return wrong("its words do not fit their counts and ends".into());
    }
    let mut words = Vec::with_capacity(ends.len());
    let mut start = 0;
    for &end in ends {
        let word = text.get(start as usize..end as usize).and_then(|w| std::str::from_utf8(w).ok());
        let Some(word) = word.filter(|word| !word.is_empty()) else {
            return wrong(format!("word {} is none", words.len()));
        };
        words.push(word.to_owned());
        start = end;
    }
    let distinct: HashSet<&str> = words.iter().map(String::as_str).collect();
    if distinct.len() < words.len() {
        return wrong("a word of it stands twice".into());
    }
    let about = about(sections.numbers::<u8>("about")?).ok_or_else(|| {
        Error::data(format!("{}: what it says of itself is damaged", sections.kind()))
    })?;
    Ok((Vocabulary { words, counts: counts.to_vec() }, about))
}

fn about(json: &[u8]) -> Option<About> {
    let Value::Object(mut about) = serde_json::from_slice(json).ok()? else { return None };
    let mut take = |name: &str| about.remove(name);
    let (Value::Array(sources), Value::Object(options), Value::Object(counting)) =
        (take("sources")?, take("options")?, take("counting")?)
    else {
        return None;
    };
    Some(About { sources, options, counting })
}
