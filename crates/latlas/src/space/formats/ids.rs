//! Ids kept beside the vectors, for formats that hold none: one a line (`x.npy`: `x.ids.txt`), or a JSON list.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::options::ImportOptions;
use super::save::{Vectors, put};
use super::source::Source;
use crate::error::{Error, Result};
use crate::run::Run;

/// `dir/x.npy.gz` → `dir/x.ids.txt`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let stem = plain.rsplit_once('.').map_or(plain, |(stem, _)| stem);
    path.with_file_name(format!("{stem}.ids.txt"))
}

/// The ids of `count` vectors: from the file given, or the one beside `vectors`, or none there (rows are then
/// numbered from 0). With them comes what was read.
pub(super) fn read(
    count: usize,
    vectors: Option<&Path>,
    options: &ImportOptions,
    run: &Run,
) -> Result<(Vec<String>, Option<Value>)> {
    let found = vectors.map(beside).filter(|path| path.is_file());
    let Some(path) = options.ids.clone().or_else(|| found.clone()) else {
        run.progress.note("ids: rows numbered from 0 (give others with --ids FILE)");
        return Ok(((0..count).map(|row| row.to_string()).collect(), None));
    };
    if options.ids.is_none() {
        run.progress.note(&format!("ids: from {}", path.display()));
    }
    let (ids, about) = list(Source::open(&path)?)?;
    if ids.len() != count {
        return Err(Error::data(format!(
            "{} holds {} ids for {count} vectors",
            path.display(),
            ids.len()
        ))
        .help("one id a line, in the order of the vectors"));
    }
    Ok((ids, Some(about)))
}

fn list(source: Source) -> Result<(Vec<String>, Value)> {
    let name = source.name.clone();
    let (bytes, about) = source.whole()?;
    let ids = if bytes.trim_ascii_start().starts_with(b"[") && name.contains(".json") {
        from_json(&bytes).map_err(|e| Error::data(format!("{name}: {e}")))?
    } else {
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].split(|&b| b == b'\n').count();
            Error::data(format!("{name}, line {line}: not valid UTF-8"))
                .help("write the ids as UTF-8, one a line")
        })?;
        text.strip_suffix('\n')
            .unwrap_or(text)
            .split('\n')
            .map(|l| l.strip_suffix('\r').unwrap_or(l).to_owned())
            .collect()
    };
    Ok((ids, about))
}

/// A JSON list of strings or whole numbers.
pub(super) fn from_json(bytes: &[u8]) -> Result<Vec<String>, String> {
    let values: Vec<Value> =
        serde_json::from_slice(bytes).map_err(|e| format!("ids are no JSON list: {e}"))?;
    values
        .into_iter()
        .enumerate()
        .map(|(i, value)| match value {
            Value::String(id) => Ok(id),
            Value::Number(n) if n.is_i64() || n.is_u64() => Ok(n.to_string()),
            other => Err(format!("id {} is {other}, neither text nor a whole number", i + 1)),
        })
        .collect()
}

/// Refuses ids that lines cannot hold.
pub(super) fn check_lines(vectors: &Vectors<'_>) -> Result<()> {
    for &row in &vectors.rows {
        let id = vectors.space.id(row);
        if id.contains('\n') || id.ends_with('\r') {
            return Err(Error::data(format!(
                "a list of ids cannot hold one with a line end, as of row {} ('{id}')",
                row.0
            ))
            .help("choose another format: parquet, csv or safetensors"));
        }
    }
    Ok(())
}

pub(super) fn write(out: &mut dyn Write, vectors: &Vectors<'_>) -> Result<()> {
    let mut text = Vec::new();
    for &row in &vectors.rows {
        text.extend_from_slice(vectors.space.id(row).as_bytes());
        text.push(b'\n');
        if text.len() > 1 << 16 {
            put(out, &text)?;
            text.clear();
        }
    }
    put(out, &text)
}
