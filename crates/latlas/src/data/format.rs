//! What kind of file a file is: by its name, else by how it begins.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delimited::guess_separator;
use crate::error::Error;

/// The formats that readers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Plain text.
    Text,
    /// Fields with quotes where needed (RFC 4180), any separator.
    Csv,
    /// Fields between tabs, without quotes.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, file or stream (Feather V2 is the former).
    Arrow,
}

impl Format {
    /// The format that a name promises; compression endings are passed over.
    pub fn by_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = [".gz", ".gzip", ".zst", ".zstd"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "txt" | "text" | "md" | "markdown" | "rst" | "tex" | "log" => Some(Format::Text),
            "csv" => Some(Format::Csv),
            "tsv" | "tab" => Some(Format::Tsv),
            "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
            "parquet" | "pq" => Some(Format::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Format::Arrow),
            _ => None,
        }
    }

    /// The format that a beginning looks like. `head` is decompressed.
    pub fn by_content(head: &[u8]) -> Self {
        if head.starts_with(b"PAR1") {
            return Format::Parquet;
        }
        // A stream begins with the mark of a message (continuation, then its length).
        if head.starts_with(b"ARROW1\0\0")
            || (head.starts_with(&[0xff; 4]) && head.get(7) == Some(&0))
        {
            return Format::Arrow;
        }
        let text = String::from_utf8_lossy(head);
        let text = text.trim_start_matches('\u{feff}');
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).take(50).collect();
        if lines.first().is_some_and(|line| {
            let line = line.trim_start();
            line.starts_with("{\"") || line.starts_with("{ \"")
        }) {
            return Format::Jsonl;
        }
        // The last line may be cut off; of a single line nothing can be said.
        let whole = lines.get(..lines.len().saturating_sub(1).max(1)).unwrap_or_default();
        let tabs = |line: &&str| line.bytes().filter(|&b| b == b'\t').count();
        if lines.len() > 1
            && whole.first().is_some_and(|first| {
                tabs(first) > 0 && whole.iter().all(|l| tabs(l) == tabs(first))
            })
        {
            return Format::Tsv;
        }
        if lines.len() > 2 && guess_separator(text, Some(b'"')).is_some() {
            Format::Csv
        } else {
            Format::Text
        }
    }

    /// As a note says it.
    pub fn describe(self) -> &'static str {
        match self {
            Format::Text => "plain text",
            Format::Csv => "CSV",
            Format::Tsv => "tab-separated",
            Format::Jsonl => "JSON Lines",
            Format::Parquet => "Parquet",
            Format::Arrow => "Arrow IPC",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Text => "text",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        })
    }
}

impl FromStr for Format {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self, Error> {
        [Format::Text, Format::Csv, Format::Tsv, Format::Jsonl, Format::Parquet, Format::Arrow]
            .into_iter()
            .find(|format| format.to_string() == name)
            .ok_or_else(|| {
                Error::usage(format!("no format of input is called '{name}'"))
                    .help("one of text, csv, tsv, jsonl, parquet, arrow")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_are_recognised() {
        assert_eq!(Format::by_name(Path::new("a/B.TSV.zst")), Some(Format::Tsv));
        assert_eq!(Format::by_name(Path::new("text8")), None);
        assert_eq!(Format::by_content(b"a\tb\n1\t2\n3\t4\n5"), Format::Tsv);
        assert_eq!(Format::by_content(b"a,b\n1,2\n3,4\n"), Format::Csv);
        assert_eq!(Format::by_content(b"{\"a\":1}\n"), Format::Jsonl);
        assert_eq!(
            Format::by_content(b"Well, this is\nprose, is it not,\nafter all"),
            Format::Text
        );
        assert_eq!(Format::by_content(b""), Format::Text);
        assert_eq!("tsv".parse::<Format>().unwrap(), Format::Tsv);
    }
}
