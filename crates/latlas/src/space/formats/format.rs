//! Which format a file is in: by its name, else by its first bytes.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fasttext;
use crate::error::{Error, Result};

/// A way to keep vectors in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// A Latlas space: a folder.
    Space,
    /// word2vec binary: "count dim", then name, space, little-endian f32.
    Word2vecBin,
    /// fastText's `.bin`: vectors and what places other words.
    FasttextBin,
    /// word2vec text, fastText's `.vec`: "count dim", then one vector a line.
    Word2vec,
    /// GloVe text: one vector a line, no header.
    Glove,
    /// NumPy array, ids in a file beside it.
    Npy,
    /// Tensors with names, ids in the metadata.
    Safetensors,
    /// A table with a vector column.
    Parquet,
    /// Arrow IPC file ("Feather version 2").
    Arrow,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values with a header; no quoting, `\t`, `\n` and `\\` are escapes.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// Embedding Projector: `vectors.tsv` and `metadata.tsv`.
    Projector,
}

/// All formats with their names, the first of each being the official one.
const NAMES: &[(Format, &[&str])] = &[
    (Format::Space, &["space"]),
    (Format::Word2vecBin, &["word2vec-bin", "bin"]),
    (Format::FasttextBin, &["fasttext", "fasttext-bin"]),
    (Format::Word2vec, &["word2vec", "word2vec-text", "w2v", "vec"]),
    (Format::Glove, &["glove"]),
    (Format::Npy, &["npy", "numpy"]),
    (Format::Safetensors, &["safetensors"]),
    (Format::Parquet, &["parquet"]),
    (Format::Arrow, &["arrow", "feather", "ipc"]),
    (Format::Csv, &["csv"]),
    (Format::Tsv, &["tsv"]),
    (Format::Jsonl, &["jsonl", "ndjson", "json"]),
    (Format::Projector, &["projector"]),
];

impl Format {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Format> {
        NAMES.iter().map(|(format, _)| *format)
    }

    /// The name that `--format` takes.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(format, _)| *format == self).map_or("", |(_, names)| names[0])
    }

    /// Whether it is a table, whose vectors are one of its columns.
    pub fn is_table(self) -> bool {
        matches!(self, Format::Parquet | Format::Arrow | Format::Csv | Format::Tsv | Format::Jsonl)
    }

    /// The format a file of this name is usually in; `.gz` and `.zst` behind the extension are looked through.
    /// `None` where the name leaves it open (`.txt`, or an extension nobody knows).
    pub fn of_name(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        let (stem, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "space" => Format::Space,
            "bin" => Format::Word2vecBin,
            "vec" | "w2v" => Format::Word2vec,
            "npy" => Format::Npy,
            "safetensors" => Format::Safetensors,
            "parquet" | "pq" => Format::Parquet,
            "arrow" | "feather" | "ipc" => Format::Arrow,
            "csv" => Format::Csv,
            "tsv" if stem.ends_with("vectors") || stem.ends_with("tensors") => Format::Projector,
            "tsv" | "tab" => Format::Tsv,
            "jsonl" | "ndjson" => Format::Jsonl,
            "glove" => Format::Glove,
            "txt" if stem.starts_with("glove") => Format::Glove,
            _ => return None,
        })
    }

    /// The format that plain (decompressed) content of a file most likely is in, by its first bytes. Reads `head`
    /// alone, which should hold the first lines of a text: 64 KiB serve well.
    pub fn of_content(head: &[u8]) -> Option<Format> {
        if fasttext::is_model(head) {
            return Some(Format::FasttextBin);
        }
        if head.starts_with(b"\x93NUMPY") {
            return Some(Format::Npy);
        }
        if head.starts_with(b"PAR1") {
            return Some(Format::Parquet);
        }
        if head.starts_with(b"ARROW1") {
            return Some(Format::Arrow);
        }
        if head.len() > 9 && head[8] == b'{' && head[4..8] == [0; 4] {
            return Some(Format::Safetensors);
        }
        let end = head.iter().position(|&b| b == b'\n')?;
        let (first, rest) = (std::str::from_utf8(&head[..end]).ok()?.trim_end(), &head[end + 1..]);
        if first.starts_with('{') {
            return Some(Format::Jsonl);
        }
        let words: Vec<&str> = first.split([' ', '\t']).filter(|w| !w.is_empty()).collect();
        if let [count, dim] = words[..]
            && count.parse::<u64>().is_ok()
            && dim.parse::<u64>().is_ok()
        {
            let line = rest.split(|&b| b == b'\n').next().unwrap_or_default();
            let text = !line.iter().any(|&b| b < 0x20 && b != b'\t' && b != b'\r')
                && std::str::from_utf8(line).is_ok();
            return Some(if text { Format::Word2vec } else { Format::Word2vecBin });
        }
        let number = |w: &&str| w.trim().parse::<f32>().is_ok();
        let tabbed: Vec<&str> = first.split('\t').collect();
        if tabbed.len() > 1 {
            let numbers = tabbed.iter().filter(|w| number(w)).count();
            return Some(match tabbed.len() - numbers {
                0 => Format::Projector,
                1 if numbers > 1 && !number(&tabbed[0]) => Format::Glove,
                _ => Format::Tsv,
            });
        }
        if words.len() > 2 && words[1..].iter().all(number) {
            return Some(Format::Glove);
        }
        first.contains(',').then_some(Format::Csv)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wanted = text.to_lowercase();
        if let Some((format, _)) = NAMES.iter().find(|(_, names)| names.contains(&wanted.as_str()))
        {
            return Ok(*format);
        }
        let closest = NAMES
            .iter()
            .flat_map(|(_, names)| names.iter())
            .min_by_key(|name| strsim::damerau_levenshtein(name, &wanted))
            .filter(|name| strsim::damerau_levenshtein(name, &wanted) <= 2);
        let error = Error::usage(format!("'{text}' is no format"));
        Err(match closest {
            Some(name) => error.help(format!("did you mean {name}?")),
            None => error.help(format!(
                "formats: {}",
                Format::all().map(Format::name).collect::<Vec<_>>().join(", ")
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_bytes_tell_the_format() {
        for (name, format) in [
            ("a.bin", Some(Format::Word2vecBin)),
            ("wiki.en.VEC.gz", Some(Format::Word2vec)),
            ("glove.6B.50d.txt", Some(Format::Glove)),
            ("a.txt", None),
            ("vectors.tsv", Some(Format::Projector)),
            ("labels.tsv.zst", Some(Format::Tsv)),
            ("folder", None),
        ] {
            assert_eq!(Format::of_name(Path::new(name)), format, "{name}");
        }
        for (head, format) in [
            (&b"2 3\ncat 1 2 3\n"[..], Some(Format::Word2vec)),
            (b"2 3\ncat \x00\x00\x80\x3f\x00", Some(Format::Word2vecBin)),
            (b"cat 1 -2e-3 3\n", Some(Format::Glove)),
            (b"1\t2\t3\n", Some(Format::Projector)),
            (b"id\tv0\tv1\n", Some(Format::Tsv)),
            (b"id,v0,v1\n", Some(Format::Csv)),
            (b"{\"id\":\"a\"}\n", Some(Format::Jsonl)),
            (b"\x10\0\0\0\0\0\0\0{}", Some(Format::Safetensors)),
            (b"\xba\x16\x4f\x2f\x0c\0\0\0", Some(Format::FasttextBin)),
            (b"\xff\xfe\n", None),
            (b"", None),
        ] {
            assert_eq!(Format::of_content(head), format, "{head:?}");
        }
    }

    #[test]
    fn every_name_is_read_back() {
        for format in Format::all() {
            assert_eq!(format.name().parse::<Format>().unwrap(), format);
        }
        assert_eq!(
            "safetensor".parse::<Format>().unwrap_err().way_out(),
            Some("did you mean safetensors?")
        );
    }
}
