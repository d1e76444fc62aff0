//! Tables with vectors (CSV, TSV, JSON Lines, Parquet, Arrow), read through `data::table`.

use std::borrow::Cow;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use serde_json::Value;

use super::format::Format;
use super::load::Loaded;
use super::options::{ImportOptions, OnDuplicate};
use crate::data::{self, Hold, OnBad, ReaderOptions, Sources, Table};
use crate::error::{Error, Result};
use crate::items::ColumnKind;
use crate::run::Run;
use crate::space::Dtype;

/// What `data::table` calls a column `id` whose values are not unique.
const REPEATED_ID: &str = "id_in_file";

pub(super) fn read(
    sources: &Sources,
    format: Format,
    options: &ImportOptions,
    run: &Run,
) -> Result<(Loaded, Vec<Value>)> {
    let mut reader = options.reader.clone();
    reader.format = reader.format.or(match format {
        Format::Parquet => Some(data::Format::Parquet),
        Format::Arrow => Some(data::Format::Arrow),
        Format::Csv => Some(data::Format::Csv),
        Format::Tsv => Some(data::Format::Tsv),
        Format::Jsonl => Some(data::Format::Jsonl),
        _ => None,
    });
    reader.hold = match options.store {
        None => Hold::AsStored,
        Some(Dtype::F16) => Hold::Half,
        Some(Dtype::F32) => Hold::Single,
    };
    if options.skip_bad {
        reader.on_bad = OnBad::Skip;
    }
    let (mut loaded, mut table) = items(sources, reader.clone(), options.on_duplicate, run)?;
    // Fewer than three columns, or a list of one, are not guessed to be a vector; those that we wrote are known by name.
    let ours = ["vector", "vector_0"].into_iter().find(|name| table.items.column(name).is_some());
    let none = table.vectors.is_none() && table.half_vectors.is_none();
    if let (true, None, true, Some(ours)) = (none, &reader.vector, reader.features.is_empty(), ours)
        && !reads_stdin(sources)
    {
        reader.vector = Some(if ours == "vector" { ours.into() } else { "vector_*".into() });
        (loaded, table) = items(sources, reader, options.on_duplicate, run)?;
    }
    let name = sources.paths().first().map_or_else(String::new, |path| path.display().to_string());
    if let Some(halves) = table.half_vectors.take() {
        loaded.halves = Some(halves);
    } else if let Some(vectors) = table.vectors.take() {
        loaded.fields.push(("main".into(), vectors));
    } else {
        return Err(Error::data(format!("{name}: no column holds vectors"))
            .help("name it with --vector COL, one per dimension with --vector 'emb_*', or plain numbers with --features"));
    }
    if table.halves {
        loaded.dtype = Dtype::F16;
    }
    if let Some(about) =
        table.about.as_deref().and_then(|about| serde_json::from_str::<Value>(about).ok())
    {
        loaded.geometry = serde_json::from_value(about["geometry"].clone()).ok();
        loaded.provenance = serde_json::from_value(about["provenance"].clone()).unwrap_or_default();
    }
    Ok((loaded, table.sources))
}

/// The ids and columns of a table, repeated ids still repeated unless they must not be.
///
/// A table with repeated ids is refused by the reader where the column was asked for, and numbered where it was
/// guessed. Vectors under numbers instead of their names would help no one, so that is refused here too.
pub(super) fn items(
    sources: &Sources,
    mut reader: ReaderOptions,
    on_duplicate: OnDuplicate,
    run: &Run,
) -> Result<(Loaded, Table)> {
    let asked = reader.id.clone().filter(|id| id != "path" && id != "row");
    if on_duplicate == OnDuplicate::Stop || asked.is_none() {
        let table = data::table(sources, &reader, run)?;
        let repeated =
            asked.is_none() && reader.id.is_none() && table.items.column(REPEATED_ID).is_some();
        if !repeated {
            return Ok((loaded(&table, None)?, table));
        }
    }
    // Again, with the ids as a plain column of text and the rows numbered.
    let column = asked.unwrap_or_else(|| "id".into());
    let name = if column == "id" { REPEATED_ID.to_owned() } else { column.clone() };
    reader.id = Some("row".into());
    reader.types.insert(name.clone(), ColumnKind::Text);
    if !reader.keep.is_empty() && !reader.keep.contains(&column) {
        reader.keep.push(column.clone());
    }
    if reads_stdin(sources) {
        return Err(Error::usage("ids repeat, and standard input cannot be read twice")
            .help("write it to a file first"));
    }
    let table = data::table(sources, &reader, run)?;
    Ok((loaded(&table, Some(&name))?, table))
}

/// Which cannot be read twice.
fn reads_stdin(sources: &Sources) -> bool {
    sources.paths().iter().any(|path| path.as_os_str() == "-")
}

/// With the ids in the column `ids`, or those of the table.
fn loaded(table: &Table, ids: Option<&str>) -> Result<Loaded> {
    let mut loaded = Loaded::new("row");
    let values = match ids {
        None => Cow::Borrowed(table.items.ids()),
        Some(name) => {
            let column =
                table.items.column(name).and_then(|column| column.values.as_string_opt::<i32>());
            let column =
                column.ok_or_else(|| Error::data(format!("there is no column '{name}' of ids")))?;
            if let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
                return Err(Error::data(format!("row {} has no id", row + 1)));
            }
            Cow::Owned(column.clone())
        }
    };
    loaded.ids = values.iter().map(|id| id.unwrap_or_default().to_owned()).collect();
    loaded.columns = table
        .items
        .columns()
        .iter()
        .filter(|column| Some(column.name.as_str()) != ids)
        .cloned()
        .collect();
    Ok(loaded)
}
