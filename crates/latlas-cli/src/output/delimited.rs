//! Tables as files: CSV, TSV, or one JSON object a line.

use std::path::Path;

use latlas::{Error, Result};

/// How the rows of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimited {
    Csv,
    Tsv,
    Jsonl,
}

impl Delimited {
    /// By the ending of a path.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("csv") => Ok(Delimited::Csv),
            Some("tsv") => Ok(Delimited::Tsv),
            Some("jsonl" | "ndjson") => Ok(Delimited::Jsonl),
            _ => Err(Error::usage(format!("{}: its ending tells no format", path.display()))
                .help("write .csv, .tsv or .jsonl")),
        }
    }

    /// The line of names; none where each row names its values.
    pub(crate) fn head(self, names: impl Iterator<Item = String>) -> String {
        if self == Delimited::Jsonl { String::new() } else { self.row(names) }
    }

    /// A line of values, separated and where needed escaped.
    pub(crate) fn row(self, cells: impl Iterator<Item = String>) -> String {
        let tsv =
            |cell: String| cell.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
        let csv = |cell: String| {
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell
            }
        };
        let (separator, cells): (&str, Vec<String>) = match self {
            Delimited::Tsv => ("\t", cells.map(tsv).collect()),
            _ => (",", cells.map(csv).collect()),
        };
        cells.join(separator) + "\n"
    }
}
