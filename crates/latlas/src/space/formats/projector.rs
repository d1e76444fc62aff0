//! The Embedding Projector's pair: `vectors.tsv` (numbers between tabs, no header) and `metadata.tsv` (one column
//! of ids without a header, or several columns with one).
//!
//! Values are escaped as in our TSV, so that what we write reads back; the projector shows an escape as it stands.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::cells::{Style, field, value};
use super::flat::Flat;
use super::load::Loaded;
use super::numbers::print;
use super::options::ImportOptions;
use super::save::put;
use super::source::Source;
use super::{tables, text};
use crate::data::{self, Sources};
use crate::error::{Error, Result};
use crate::run::Run;

/// `vectors.tsv` → `metadata.tsv`, `en-tensors.tsv` → `en-metadata.tsv`, `x.tsv` → `x.metadata.tsv`.
pub(super) fn beside(vectors: &Path) -> PathBuf {
    let name = vectors.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let packed = &name[plain.len()..];
    let stem = plain.strip_suffix(".tsv").unwrap_or(plain);
    let stem = match stem.strip_suffix("vectors").or_else(|| stem.strip_suffix("tensors")) {
        Some(start) => format!("{start}metadata"),
        None => format!("{stem}.metadata"),
    };
    vectors.with_file_name(format!("{stem}.tsv{packed}"))
}

pub(super) fn read(
    source: &mut Source,
    metadata: Option<&Path>,
    options: &ImportOptions,
    run: &Run,
) -> Result<(Loaded, Vec<Value>)> {
    let vectors = text::read(source, text::Layout::Bare, None, run)?;
    let count = vectors.ids.len();
    let mut sources = vec![source.about()];
    let mut loaded = match metadata {
        None => {
            run.progress.note("ids: rows numbered from 0 (no metadata.tsv is there)");
            let mut numbered = Loaded::new("row");
            numbered.ids = (0..count).map(|row| row.to_string()).collect();
            numbered
        }
        Some(path) => {
            run.progress.note(&format!("ids: from {}", path.display()));
            let (loaded, read) = read_metadata(path, count, options, run)?;
            sources.extend(read);
            loaded
        }
    };
    if loaded.ids.len() != count {
        let path = metadata.unwrap_or(Path::new("")).display();
        return Err(Error::data(format!(
            "{path} has {} rows for {count} vectors",
            loaded.ids.len()
        ))
        .help("metadata of one column has no header, of several columns it has one"));
    }
    loaded.fields = vectors.fields;
    Ok((loaded, sources))
}

fn read_metadata(
    path: &Path,
    count: usize,
    options: &ImportOptions,
    run: &Run,
) -> Result<(Loaded, Vec<Value>)> {
    let mut source = Source::open(path)?;
    let several = source.head()?.iter().take_while(|&&b| b != b'\n').any(|&b| b == b'\t');
    if several {
        let sources = Sources::file(path);
        let mut reader = options.reader.clone();
        reader.format = Some(data::Format::Tsv);
        reader.header = Some(true);
        // These are columns of the vectors' file, if anything.
        (reader.vector, reader.features) = (None, Vec::new());
        if reader.id.is_none() {
            let columns = data::schema(&sources, &reader, run)?.columns;
            if !columns.iter().any(|column| column.name == "id") {
                reader.id = columns.first().map(|column| column.name.clone());
            }
        }
        let (loaded, table) = tables::items(&sources, reader, options.on_duplicate, run)?;
        return Ok((loaded, table.sources));
    }
    let name = source.name.clone();
    let (bytes, about) = source.whole()?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Error::data(format!("{name}: not valid UTF-8")).help("write the ids as UTF-8, one a line")
    })?;
    let mut loaded = Loaded::new("row");
    loaded.ids = text.strip_suffix('\n').unwrap_or(text).split('\n').map(unescape).collect();
    if loaded.ids.len() == count + 1 {
        run.progress.note(&format!("{name}: its first line is taken for a header"));
        loaded.ids.remove(0);
    }
    Ok((loaded, vec![about]))
}

fn unescape(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('\\') | None => text.push('\\'),
            Some(other) => text.extend(['\\', other]),
        }
    }
    text
}

pub(super) fn write_vectors(out: &mut dyn Write, flat: &Flat<'_>, run: &Run) -> Result<()> {
    flat.vectors.lines(out, run, |_, _, vector, line| {
        for (place, &number) in vector.iter().enumerate() {
            if place > 0 {
                line.push(b'\t');
            }
            print(number, line);
        }
        line.push(b'\n');
    })
}

pub(super) fn write_metadata(out: &mut dyn Write, flat: &Flat<'_>) -> Result<()> {
    let columns = flat.items.columns();
    let mut text = Vec::new();
    if !columns.is_empty() {
        text.extend_from_slice(b"id");
        for column in columns {
            text.push(b'\t');
            field(&column.name, Style::Tsv, &mut text);
        }
        text.push(b'\n');
    }
    for (row, id) in flat.items.ids().iter().enumerate() {
        field(id.unwrap_or_default(), Style::Tsv, &mut text);
        for column in columns {
            text.push(b'\t');
            value(column, row, Style::Tsv, &mut text);
        }
        text.push(b'\n');
        if text.len() > 1 << 16 {
            put(out, &text)?;
            text.clear();
        }
    }
    put(out, &text)
}
