//! Tables of phrases as TSV: a header that names the columns `phrase`, `words` and, where known, `count`, `score` and
//! `pass`; then a phrase a line. `words` are separated by blanks. `docs/phrases.md` is the specification.

use std::io::{BufRead, Read, Write};
use std::path::Path;

use super::{Phrase, Phrases};
use crate::error::{Error, Result};
use crate::file;

/// No line of a table is longer: a binary file is refused before it fills the memory.
const LONGEST_LINE: u64 = 64 * 1024;

const HEADER: [&str; 5] = ["phrase", "words", "count", "score", "pass"];

impl Phrases {
    /// Reads a table. Errors name file and line.
    pub fn read(path: &Path) -> Result<Self> {
        let mut input = file::open_stream(path)?;
        let mut lines = Lines { input: &mut *input, path, number: 0, bytes: Vec::new() };
        let columns = columns(&mut lines)?;
        let mut phrases = Vec::new();
        while let Some(line) = lines.next()? {
            if !line.is_empty() {
                let phrase = columns.phrase(line);
                phrases.push(phrase.map_err(|why| lines.bad(&why))?);
            }
        }
        Phrases::new(phrases).map_err(|e| e.context(path.display()))
    }

    /// Writes the table, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let written = file::publish(path, |file| {
            let mut put = |line: &str| file.write_all(line.as_bytes()).map_err(|e| file.blame(&e));
            put(&format!("{}\n", HEADER.join("\t")))?;
            for Phrase { words, joined, pass, count, score } in self {
                let words = words.join(" ");
                put(&format!("{joined}\t{words}\t{count}\t{score}\t{pass}\n"))?;
            }
            Ok(())
        });
        written.map(drop)
    }
}

struct Lines<'a> {
    input: &'a mut dyn BufRead,
    path: &'a Path,
    number: u64,
    bytes: Vec<u8>,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<&str>> {
        self.bytes.clear();
        let mut input = (&mut *self.input).take(LONGEST_LINE);
        let read = input
            .read_until(b'\n', &mut self.bytes)
            .map_err(|e| file::read_error(self.path, &e))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if read as u64 == LONGEST_LINE && !self.bytes.ends_with(b"\n") {
            return Err(self.bad("longer than 64 KiB"));
        }
        let (path, number) = (self.path, self.number);
        let line = std::str::from_utf8(&self.bytes)
            .map_err(|_| bad(path, number, "not valid UTF-8").help("convert the file to UTF-8"))?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Ok(Some(if number == 1 { line.trim_start_matches('\u{feff}') } else { line }))
    }

    fn bad(&self, why: &str) -> Error {
        bad(self.path, self.number, why)
    }
}

fn bad(path: &Path, number: u64, why: &str) -> Error {
    Error::data(format!("{}, line {number}: {why}", path.display()))
}

/// Where each of `HEADER` stands in a line; phrase and words must be there.
struct Columns([Option<usize>; 5]);

fn columns(lines: &mut Lines) -> Result<Columns> {
    let path = lines.path;
    let header = lines.next()?.ok_or_else(|| {
        Error::data(format!("{} is empty", path.display()))
            .help("a table of phrases is written by: latlas learn phrases TEXT -o FILE")
    })?;
    let names: Vec<&str> = header.split('\t').map(str::trim).collect();
    let found = HEADER.map(|column| names.iter().position(|name| *name == column));
    if found[0].is_none() || found[1].is_none() {
        return Err(lines
            .bad("no header of the columns phrase and words, with TABs between")
            .help("a table of phrases is written by: latlas learn phrases TEXT -o FILE"));
    }
    Ok(Columns(found))
}

impl Columns {
    fn phrase(&self, line: &str) -> Result<Phrase, String> {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |column: usize| {
            self.0[column].map(|at| fields.get(at).map_or("", |field| field.trim()))
        };
        let number = |column: usize| field(column).filter(|text| !text.is_empty());
        let (joined, words) = (field(0).unwrap_or_default(), field(1).unwrap_or_default());
        if joined.is_empty() || words.is_empty() {
            return Err("no phrase and its words, with a TAB between".to_owned());
        }
        Ok(Phrase {
            words: words.split(' ').map(str::to_owned).collect(),
            joined: joined.to_owned(),
            count: parse(number(2), 0, HEADER[2])?,
            score: parse(number(3), f64::NAN, HEADER[3])?,
            pass: parse(number(4), 1, HEADER[4])?,
        })
    }
}

/// A number, or `none` where there is no text.
fn parse<T: std::str::FromStr>(text: Option<&str>, none: T, name: &str) -> Result<T, String> {
    let Some(text) = text else { return Ok(none) };
    text.parse().map_err(|_| format!("the {name} '{text}' is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Phrases> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.tsv");
        std::fs::write(&path, text).unwrap();
        Phrases::read(&path)
            .map_err(|e| Error::data(e.message().replace(&format!("{}", path.display()), "p.tsv")))
    }

    #[test]
    fn what_is_written_is_read() {
        let phrases =
            read(b"words\tphrase\tpass\r\nnew york\tnew_york\t1\r\n\nnew_york times\tnyt\t2")
                .unwrap();
        assert_eq!(phrases.apply(&["new", "york", "times"]), ["nyt"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("again.tsv");
        phrases.save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "phrase\twords\tcount\tscore\tpass\nnew_york\tnew york\t0\tNaN\t1\nnyt\tnew_york times\t0\tNaN\t2\n"
        );
        assert_eq!(Phrases::read(&path).unwrap(), phrases);
        assert_eq!(read(b"phrase\twords\n").unwrap().len(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line() {
        let message = |text: &[u8]| read(text).unwrap_err().to_string();
        assert_eq!(message(b""), "p.tsv is empty");
        let header = "no header of the columns phrase and words, with TABs between";
        assert_eq!(message(b"new york\n"), format!("p.tsv, line 1: {header}"));
        assert_eq!(
            message(b"phrase\twords\nnew_york\n"),
            "p.tsv, line 2: no phrase and its words, with a TAB between"
        );
        assert_eq!(
            message(b"phrase\twords\tpass\na_b\ta b\tx\n"),
            "p.tsv, line 2: the pass 'x' is no number"
        );
        assert_eq!(message(b"phrase\twords\na\ta\n"), "p.tsv: the phrase 'a' is a single word");
        assert_eq!(message(b"phrase\twords\n\xff\n"), "p.tsv, line 2: not valid UTF-8");
        assert_eq!(message(&b"x".repeat(70_000)), "p.tsv, line 1: longer than 64 KiB");
    }
}
