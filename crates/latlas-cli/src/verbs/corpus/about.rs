//! What a file of encoded text or of counts holds, for `latlas info` and `latlas check`.

use std::path::Path;

use latlas::data::{Corpus, Counts};
use latlas::{Error, Result};
use serde_json::{Map, Value, json};

use super::Shard;
use crate::output::{bytes, counted};
use crate::verbs::info;

/// One such file, every byte of which agrees with its checksums.
pub(in crate::verbs) struct FileAbout {
    /// By name, for people.
    pub(in crate::verbs) lines: Vec<(&'static str, String)>,
    /// The same for programs.
    pub(in crate::verbs) object: Value,
    pub(in crate::verbs) bytes: u64,
}

impl FileAbout {
    /// Reads the whole file; nothing if it is neither.
    pub(in crate::verbs) fn of(path: &Path) -> Result<Option<Self>> {
        let Some(shard) = Shard::recognise(path) else { return Ok(None) };
        let size = std::fs::metadata(path).map_err(|e| Error::io("read", path, &e))?.len();
        let (mut lines, mut object, sources, options) = match shard {
            Shard::Corpus => {
                let corpus = Corpus::open(path)?;
                let (words, tokens) = (corpus.vocabulary.len(), corpus.vocabulary.tokens());
                let sequences = corpus.sequences.iter().count() as u64;
                let text =
                    format!("{} in {}", counted(tokens, "words"), counted(sequences, "sequences"));
                let lines = vec![
                    ("kind", "encoded text".to_owned()),
                    ("vocabulary", counted(words as u64, "words")),
                    ("text", text),
                ];
                let object = json!({
                    "kind": "corpus", "count": words, "tokens": tokens, "sequences": sequences,
                    "fingerprint": format!("{:016x}", corpus.fingerprint),
                });
                (lines, object, corpus.sources, corpus.options)
            }
            Shard::Counts => {
                let counts = Counts::open(path)?;
                let (words, tokens) = (counts.vocabulary.len(), counts.vocabulary.tokens());
                let links = counts.relations.links();
                let about = counts.about;
                let lines = vec![
                    ("kind", "counts of words beside words".to_owned()),
                    ("vocabulary", counted(words as u64, "words")),
                    ("text", counted(tokens, "words")),
                    ("counts", counted(links, "pairs")),
                    ("counted by", options_line(&about.counting)),
                ];
                let object = json!({
                    "kind": "counts", "count": words, "tokens": tokens, "links": links,
                    "counting": about.counting,
                });
                (lines, object, about.sources, about.options)
            }
        };
        let from: Vec<String> = sources.iter().filter_map(info::source).collect();
        lines.extend([
            ("words by", options_line(&options)),
            ("from", from.join("\n")),
            ("size", format!("{}, as its checksums say", bytes(size))),
        ]);
        if let Some(object) = object.as_object_mut() {
            object.extend([
                ("file".to_owned(), json!(path)),
                ("bytes".to_owned(), json!(size)),
                ("options".to_owned(), Value::Object(options)),
                ("sources".to_owned(), Value::Array(sources)),
            ]);
        }
        Ok(Some(FileAbout { lines, object, bytes: size }))
    }
}

/// "min_count 5, tokenizer words": what says nothing is left out.
fn options_line(options: &Map<String, Value>) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let said = options.iter().filter(|(_, value)| !value.is_null());
    said.map(|(name, value)| format!("{name} {}", word(value))).collect::<Vec<_>>().join(", ")
}
