//! CSV (RFC 4180 and its dialects) and TSV (no quoting: `\n`, `\t` and `\\` are escapes, other backslashes stand
//! for themselves).

use std::borrow::Cow;
use std::io::BufRead;
use std::path::Path;

use super::infer::is_number;
use super::records::{Bad, Cell, Guarded, MOST_COLUMNS, Record, read_line, tidy_names, too_long};
use crate::error::{Error, Result};
use crate::file::read_error;

/// How a CSV is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Between fields; an ASCII character.
    pub separator: u8,
    /// Around fields; an ASCII character, `None` if quotes mean nothing.
    pub quote: Option<u8>,
}

impl Dialect {
    fn reader<R: std::io::Read>(self, input: R) -> csv::Reader<R> {
        csv::ReaderBuilder::new()
            .delimiter(self.separator)
            .quoting(self.quote.is_some())
            .quote(self.quote.unwrap_or(b'"'))
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(64 << 10)
            .from_reader(input)
    }
}

/// Gives every row of a CSV. `header` says whether the first row names the columns; guessed if `None`.
pub fn visit_csv(
    input: impl BufRead,
    dialect: Dialect,
    header: Option<bool>,
    path: &Path,
    bad: &mut Bad,
    each: &mut dyn FnMut(Record<'_>) -> Result<()>,
) -> Result<()> {
    let mut reader = dialect.reader(Guarded::new(input));
    let mut row = csv::ByteRecord::new();
    let mut table = Columns { header, names: None };
    loop {
        reader.get_mut().grant();
        match reader.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(_) if reader.get_ref().exhausted() => {
                return Err(too_long(path, reader.position().line()));
            }
            Err(e) => {
                return Err(match e.into_kind() {
                    csv::ErrorKind::Io(e) => read_error(path, &e),
                    kind => Error::data(format!("{}: no CSV: {kind:?}", path.display())),
                });
            }
        }
        let line = row.position().map_or(0, csv::Position::line);
        table.row(
            row.len(),
            |i| String::from_utf8_lossy(row.get(i).unwrap_or_default()),
            line,
            path,
            bad,
            each,
        )?;
    }
}

/// Gives every row of a TSV.
pub fn visit_tsv(
    mut input: impl BufRead,
    header: Option<bool>,
    path: &Path,
    bad: &mut Bad,
    each: &mut dyn FnMut(Record<'_>) -> Result<()>,
) -> Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    let mut table = Columns { header, names: None };
    let mut fields: Vec<&[u8]>;
    while read_line(&mut input, &mut line, number + 1, path)? {
        number += 1;
        if line.is_empty() {
            continue;
        }
        fields = line.split(|&b| b == b'\t').collect();
        table.row(
            fields.len(),
            |i| unescape(String::from_utf8_lossy(fields.get(i).copied().unwrap_or_default())),
            number,
            path,
            bad,
            each,
        )?;
    }
    Ok(())
}

/// Names of columns, once known, and the check that every row fits them.
struct Columns {
    header: Option<bool>,
    names: Option<Vec<String>>,
}

impl Columns {
    fn row<'a>(
        &mut self,
        width: usize,
        field: impl Fn(usize) -> Cow<'a, str>,
        line: u64,
        path: &Path,
        bad: &mut Bad,
        each: &mut dyn FnMut(Record<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.names.is_none() && self.begin(width, &field, path)? {
            return Ok(());
        }
        let names = self.names.as_deref().unwrap_or_default();
        if width != names.len() {
            return bad.meet(Error::data(format!(
                "{}, line {line}: {width} {} instead of {}",
                path.display(),
                if width == 1 { "field" } else { "fields" },
                names.len()
            )));
        }
        let cells: Vec<Cell<'_>> = (0..width)
            .map(|i| {
                let text = field(i);
                if text.is_empty() { Cell::Missing } else { Cell::Bare(text) }
            })
            .collect();
        each(Record { line, names, cells: &cells })
    }

    /// Takes the first row for the names, or makes names up. Whether the row held names.
    fn begin<'a>(
        &mut self,
        width: usize,
        field: &impl Fn(usize) -> Cow<'a, str>,
        path: &Path,
    ) -> Result<bool> {
        if width > MOST_COLUMNS {
            return Err(Error::data(format!("{}: {width} columns are too many", path.display()))
                .help(format!("at most {MOST_COLUMNS}; is the separator right?")));
        }
        let first: Vec<String> = (0..width).map(|i| field(i).into_owned()).collect();
        let named = self.header.unwrap_or_else(|| names_columns(&first));
        self.names = Some(tidy_names(if named { first } else { vec![String::new(); width] }));
        Ok(named)
    }
}

/// Whether a first row looks like names rather than values: it does unless one of its fields is a number. Years
/// in rising order are names all the same ("country, 1990, 1991").
pub(super) fn names_columns(first: &[String]) -> bool {
    let numbers: Vec<&str> = first.iter().map(|f| f.trim()).filter(|f| is_number(f)).collect();
    if numbers.is_empty() {
        return first.iter().any(|f| !f.trim().is_empty());
    }
    let years: Vec<u32> = numbers
        .iter()
        .filter_map(|f| f.parse().ok())
        .filter(|year| (1000..3000).contains(year))
        .collect();
    years.len() == numbers.len() && years.len() >= 2 && years.is_sorted_by(|a, b| a < b)
}

/// The separator among , ; | and tab that cuts the beginning of a file into rows of one width, two fields or
/// more; of several the one that makes the most. `None` if none does.
pub(super) fn guess_separator(head: &str, quote: Option<u8>) -> Option<u8> {
    // The last line may be cut off.
    let whole = head.rfind('\n').map_or(head, |at| head.get(..=at).unwrap_or(head));
    let width = |separator: u8| {
        let mut widths = Dialect { separator, quote }
            .reader(whole.as_bytes())
            .into_byte_records()
            .take(50)
            .map_while(|row| row.ok().map(|row| row.len()));
        let first = widths.next()?;
        (first >= 2 && widths.all(|width| width == first)).then_some(first)
    };
    b",;|\t"
        .iter()
        .rev()
        .filter_map(|&s| width(s).map(|w| (w, s)))
        .max_by_key(|(w, _)| *w)
        .map(|(_, s)| s)
}

/// Whether lines hold equally many words, two or more, and all but the first a number: a table of numbers, which
/// prose and names are not.
pub(super) fn separated_by_spaces(head: &str) -> bool {
    let whole = head.rfind('\n').map_or(head, |at| head.get(..at).unwrap_or(head));
    let mut lines = whole.lines().take(50);
    let width = lines.next().map_or(0, |line| line.split(' ').count());
    let mut rows = 0;
    width >= 2
        && lines.all(|line| {
            rows += 1;
            line.split(' ').count() == width && line.split(' ').any(is_number)
        })
        && rows > 0
}

fn unescape(field: Cow<'_, str>) -> Cow<'_, str> {
    if !field.contains('\\') {
        return field;
    }
    let mut out = String::with_capacity(field.len());
    let mut parts = field.split('\\');
    out.push_str(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        if let Some(rest) = part.strip_prefix('n') {
            out.push('\n');
            out.push_str(rest);
        } else if let Some(rest) = part.strip_prefix('t') {
            out.push('\t');
            out.push_str(rest);
        } else if part.is_empty() {
            // Two backslashes, or one at the very end.
            out.push('\\');
            out.push_str(parts.next().unwrap_or_default());
        } else {
            out.push('\\');
            out.push_str(part);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ReaderOptions;
    use proptest::prelude::*;

    #[test]
    fn escapes_of_tsv() {
        let plain = |text: &str| unescape(Cow::Borrowed(text)).into_owned();
        assert_eq!(plain(r"a\nb\tc\\d"), "a\nb\tc\\d");
        assert_eq!(plain(r"C:\dir\x \\n \\\n end\"), "C:\\dir\\x \\n \\\n end\\");
    }

    proptest! {
        #[test]
        fn escaping_is_undone(text in "[ant\\\\\n\t]{0,20}") {
            let escaped = text.replace('\\', r"\\").replace('\n', r"\n").replace('\t', r"\t");
            prop_assert_eq!(unescape(Cow::Borrowed(&escaped)).into_owned(), text);
        }

        #[test]
        fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), skip: bool) {
            let options = ReaderOptions {
                on_bad: if skip { super::super::OnBad::Skip } else { super::super::OnBad::Stop },
                ..ReaderOptions::default()
            };
            let dialect = Dialect { separator: b',', quote: Some(b'"') };
            let path = Path::new("x");
            let _ = visit_csv(&bytes[..], dialect, None, path, &mut Bad::new(&options), &mut |_| Ok(()));
            let _ = visit_tsv(&bytes[..], None, path, &mut Bad::new(&options), &mut |_| Ok(()));
        }
    }

    #[test]
    fn headers_and_separators_are_guessed() {
        let row = |text: &str| text.split(',').map(str::to_string).collect::<Vec<_>>();
        assert!(names_columns(&row("id,title,text")));
        assert!(names_columns(&row("country,1990,1991,1992")));
        assert!(!names_columns(&row("6,148,72,35,0,33.6,0.627,50,1")));
        assert!(!names_columns(&row("Ada,1815")));
        assert_eq!(guess_separator("a;b;c\n1,5;2;3\n", Some(b'"')), Some(b';'));
        assert_eq!(guess_separator("a,b\n\"x;y\",2\n", Some(b'"')), Some(b','));
        assert!(separated_by_spaces("Chins Situps\n5 162\n2 110\n"));
        assert!(!separated_by_spaces("full name\nAda Lovelace\nAlan Turing\n"));
        assert_eq!(guess_separator("Some prose, you see.\nAnd more of it.\n", Some(b'"')), None);
    }
}
