//! A file that has been opened, and what was guessed about it.

use std::fmt::Write as _;
use std::io::{BufRead, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use super::delimited::{guess_separator, separated_by_spaces};
use super::records::{Bad, Cell, Record, count};
use super::{
    Decoded, Dialect, Format, ReaderOptions, encoding, looks_like, visit_csv, visit_jsonl,
    visit_tsv,
};
use crate::error::{Error, Result};
use crate::file::{Digest, Stream, read_error};
use crate::run::Run;

/// How much of a file guesses are made from.
const HEAD: u64 = 64 << 10;
/// How many of its rows.
const ROWS: usize = 200;

/// Is given a row, and who tells how many bytes of the file have been read.
type RowVisitor<'a> = &'a mut dyn FnMut(Record<'_>, &dyn Fn() -> u64) -> Result<()>;

/// A file being read.
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) sniff: Sniff,
    dialect: Dialect,
    header: Option<bool>,
    reader: Decoded<Chain<Cursor<Vec<u8>>, Stream>>,
    tally: Box<dyn Fn() -> Digest>,
}

/// What the first rows of a table say.
#[derive(Debug, Clone, Default)]
pub(super) struct Sniff {
    pub(super) names: Vec<String>,
    /// The bytes of each column's values together.
    pub(super) lengths: Vec<usize>,
    pub(super) rows: Vec<Vec<Option<String>>>,
    /// Columns with values that the file marks as text.
    pub(super) quoted: std::collections::HashSet<usize>,
}

impl Sniff {
    /// Whether most names stand in their columns again: then the first row is one like the others.
    fn repeats_names(&self) -> bool {
        let again = |at: usize, name: &String| {
            let value = |row: &Vec<Option<String>>| {
                row.get(at).and_then(Option::as_deref).is_some_and(|v| v.trim() == name)
            };
            self.rows.iter().any(value)
        };
        let found = self.names.iter().enumerate().filter(|(at, name)| again(*at, name)).count();
        found > 0 && found * 2 >= self.names.len()
    }
}

/// What is said about a file before it is read: the stream, its first bytes, its format.
pub(super) struct Opened {
    pub(super) stream: Stream,
    pub(super) head: Vec<u8>,
    pub(super) format: Format,
}

/// Opens a file and tells its format.
pub(super) fn open(path: &Path, options: &ReaderOptions) -> Result<Opened> {
    let mut stream = Stream::open(path)?;
    let mut head = Vec::new();
    (&mut stream).take(HEAD).read_to_end(&mut head).map_err(|e| read_error(path, &e))?;
    let by_name = Format::by_name(path);
    // Whoever names a column of a .txt means that it is a table.
    let columns =
        options.text.is_some() || options.vector.is_some() || !options.features.is_empty();
    let format = match (options.format, by_name) {
        (Some(format), _) => format,
        (None, Some(format)) if !(format == Format::Text && columns) => format,
        (None, _) if options.separator.is_some() => Format::Csv,
        (None, _) => Format::by_content(&head),
    };
    Ok(Opened { stream, head, format })
}

impl Input {
    /// Goes on from an opened file of text.
    pub(super) fn new(path: &Path, opened: Opened, options: &ReaderOptions) -> Result<Self> {
        let Opened { stream, head, format } = opened;
        let asked = options.encoding.as_deref().map(encoding).transpose()?;
        let wide = asked.is_some_and(|e| e == encoding_rs::UTF_16LE || e == encoding_rs::UTF_16BE);
        if let Some(what) = looks_like(&head).filter(|_| !wide) {
            return Err(Error::data(format!("{} is no text but {what}", path.display()))
                .help("leave it out, or convert it to text first"));
        }
        let beginning = beginning(&head, asked);
        let dialect = dialect(options, &beginning)?;
        let tally = Box::new(stream.tally());
        let reader = Decoded::new(Cursor::new(head).chain(stream), asked);
        let mut input = Input {
            path: path.to_path_buf(),
            format,
            sniff: Sniff::default(),
            dialect,
            header: options.header,
            reader,
            tally,
        };
        input.sniff = input.sniff(&beginning);
        if input.header.is_none() && input.sniff.repeats_names() {
            input.header = Some(false);
            input.sniff = input.sniff(&beginning);
        }
        Ok(input)
    }

    /// The text itself, and who tells how much of the file has been read.
    pub(super) fn split(&mut self) -> (&dyn Fn() -> Digest, &mut impl BufRead) {
        (&self.tally, &mut self.reader)
    }

    /// Gives all rows, each with a teller of how much of the file has been read.
    pub(super) fn rows(&mut self, bad: &mut Bad, each: RowVisitor<'_>) -> Result<()> {
        let tally = &self.tally;
        let read = || tally().bytes;
        rows(
            &mut self.reader,
            self.format,
            self.dialect,
            self.header,
            &self.path,
            bad,
            &mut |row| each(row, &read),
        )
    }

    /// What has been read so far, as it lies on the disk.
    pub(super) fn digest(&self) -> Digest {
        (self.tally)()
    }

    /// How the file is read, in words.
    pub(super) fn describe(&self) -> String {
        let mut text = format!("as {}", self.format.describe());
        if self.format == Format::Csv {
            let separator = match self.dialect.separator {
                b'\t' => "tabs".to_string(),
                b' ' => "spaces".to_string(),
                other => format!("'{}'", char::from(other)),
            };
            let _ = write!(text, " separated by {separator}");
        }
        if self.format != Format::Text && !self.sniff.names.is_empty() {
            let named = self.sniff.names.first().is_some_and(|name| name != "column_1");
            let shown: Vec<&str> = self.sniff.names.iter().take(10).map(String::as_str).collect();
            let more = self.sniff.names.len() - shown.len();
            let label = match self.format {
                Format::Jsonl => "keys",
                _ if named => "header",
                _ => "no header; columns",
            };
            let _ = write!(text, ", {label}: {}", shown.join(" "));
            if more > 0 {
                let _ = write!(text, " … ({more} more)");
            }
        }
        text
    }

    /// After the end: too many invalid bytes are an error, few are added up.
    pub(super) fn check(&self, invalid: &mut Invalid) -> Result<()> {
        self.reader.check(&self.path)?;
        if self.reader.invalid() > 0 {
            invalid.bytes += self.reader.invalid();
            invalid.files += 1;
            invalid.first.get_or_insert_with(|| (self.path.clone(), self.reader.encoding()));
        }
        Ok(())
    }

    fn sniff(&self, beginning: &str) -> Sniff {
        let mut sniff = Sniff::default();
        if self.format == Format::Text {
            return sniff;
        }
        // What is wrong here will be met again when the file is read.
        let options = ReaderOptions { on_bad: super::OnBad::Skip, ..ReaderOptions::default() };
        let mut bad = Bad::new(&options);
        let _ = rows(
            beginning.as_bytes(),
            self.format,
            self.dialect,
            self.header,
            &self.path,
            &mut bad,
            &mut |row| {
                if sniff.rows.len() == ROWS {
                    return Err(Error::nothing("enough"));
                }
                sniff.names = row.names.to_vec();
                sniff.lengths.resize(sniff.names.len(), 0);
                for (at, (length, cell)) in sniff.lengths.iter_mut().zip(row.cells).enumerate() {
                    *length += cell.text().map_or(0, str::len);
                    if matches!(cell, Cell::Text(_)) {
                        sniff.quoted.insert(at);
                    }
                }
                sniff
                    .rows
                    .push(row.cells.iter().map(|cell| cell.text().map(str::to_string)).collect());
                Ok(())
            },
        );
        sniff
    }
}

fn rows(
    reader: impl BufRead,
    format: Format,
    dialect: Dialect,
    header: Option<bool>,
    path: &Path,
    bad: &mut Bad,
    each: &mut dyn FnMut(Record<'_>) -> Result<()>,
) -> Result<()> {
    match format {
        Format::Csv => visit_csv(reader, dialect, header, path, bad, each),
        Format::Tsv => visit_tsv(reader, header, path, bad, each),
        Format::Jsonl => visit_jsonl(reader, path, bad, each),
        Format::Text | Format::Parquet | Format::Arrow => Ok(()),
    }
}

/// The decoded head of a file, up to its last whole line.
fn beginning(head: &[u8], asked: Option<&'static encoding_rs::Encoding>) -> String {
    let mut text = String::new();
    // Reading from memory, and decoding what is left over, cannot fail.
    let _ = Decoded::new(head, asked).read_to_string(&mut text);
    if head.len() as u64 == HEAD
        && let Some(at) = text.rfind('\n')
    {
        text.truncate(at + 1);
    }
    text
}

fn dialect(options: &ReaderOptions, beginning: &str) -> Result<Dialect> {
    let ascii = |what: &str, c: char| {
        u8::try_from(c).ok().filter(u8::is_ascii).ok_or_else(|| {
            Error::usage(format!("the {what} '{c}' is no ASCII character"))
                .help("separate fields by , ; | or a tab")
        })
    };
    let quote = match options.quote.as_deref() {
        None => Some(b'"'),
        Some("none" | "") => None,
        Some(text) => {
            let mut letters = text.chars();
            match (letters.next(), letters.next()) {
                (Some(c), None) => Some(ascii("quote", c)?),
                _ => {
                    return Err(Error::usage(format!(
                        "--quote '{text}' is no single character or 'none'"
                    )));
                }
            }
        }
    };
    let separator = match options.separator {
        Some(c) => ascii("separator", c)?,
        None => guess_separator(beginning, quote)
            .or_else(|| separated_by_spaces(beginning).then_some(b' '))
            .unwrap_or(b','),
    };
    Ok(Dialect { separator, quote })
}

/// Bytes that were invalid in their encoding, over all files.
#[derive(Debug, Default)]
pub(super) struct Invalid {
    bytes: u64,
    files: u64,
    first: Option<(PathBuf, &'static str)>,
}

impl Invalid {
    /// Tells of them once.
    pub(super) fn tell(&self, run: &Run) {
        if let Some((path, encoding)) = &self.first {
            let others = match self.files {
                1 => String::new(),
                n => format!(" and {}", count(n - 1, "other file")),
            };
            run.progress.warn(&format!(
                "{}{others}: {} not valid in {encoding}, replaced by \u{fffd}",
                path.display(),
                if self.bytes == 1 {
                    "1 byte is".to_string()
                } else {
                    format!("{} bytes are", self.bytes)
                }
            ));
        }
    }
}
