//! Foreign formats at the edge: each file here reads one format into a [`Space`] and writes a Space as it.
//!
//! [`read`] and [`write`] are the doors. The format is the one given, or guessed from the file's name and then from
//! its first bytes; a guess is noted. What each format holds and loses is written down in `docs/formats.md`.
//!
//! Numbers survive in both directions bit by bit: binary formats copy them, text formats print the shortest digits
//! that read back as the same number.

mod arrow;
mod cells;
mod fasttext;
mod flat;
mod format;
mod ids;
mod load;
mod npy;
mod numbers;
mod options;
mod projector;
mod save;
mod source;
mod tables;
mod tensors;
mod text;
mod word2vec;

use std::path::Path;

pub use format::Format;
pub use options::{ExportOptions, ImportOptions, OnDuplicate};

use self::cells::Style;
use self::flat::Flat;
use self::save::{Names, Vectors};
use self::source::Source;
use self::text::Layout;
use super::fasttext::FastTextModel;
use super::{SaveOptions, Space};
use crate::data::Sources;
use crate::error::{Error, Result};
use crate::run::Run;

/// Reads vectors of a foreign format, or a space, into a space in memory.
///
/// `inputs` are paths, "-" for standard input, or patterns. Formats of vectors take one file (npy and the projector
/// may take the file of ids beside it as a second one); tables may take many, which are read one after the other.
pub fn read(
    inputs: &[String],
    format: Option<Format>,
    options: &ImportOptions,
    run: &Run,
) -> Result<Space> {
    let [first, ..] = inputs else { return Err(Error::usage("no input is named")) };
    if Path::new(first).join("space.json").is_file() && matches!(format, None | Some(Format::Space))
    {
        if options.store.is_some() {
            return Err(Error::usage(format!("{first} is a space, and stays as it is stored"))
                .help("store it otherwise by way of a file: latlas convert SPACE x.parquet"));
        }
        return Space::open(Path::new(first));
    }
    let sources = Sources::resolve(inputs)?;
    let [path, more @ ..] = sources.paths() else { return Err(Error::usage("no input is named")) };
    let format = match format.or_else(|| Format::of_name(path)) {
        // Two formats share the ending `.bin`.
        Some(Format::Word2vecBin) if format.is_none() && path != Path::new("-") => {
            bin_format(Source::open(path)?)?
        }
        Some(format) => format,
        None if path == Path::new("-") => {
            return Err(Error::usage("standard input has no name that tells its format")
                .help("name it with --from"));
        }
        None => {
            let mut source = Source::open(path)?;
            let format = Format::of_content(source.head()?).ok_or_else(|| {
                source
                    .error("its name and first bytes do not tell its format")
                    .help("name it with --from")
            })?;
            run.progress.note(&format!("{first}: read as {format} (name another with --from)"));
            format
        }
    };
    if format.is_table() {
        let (loaded, read) = tables::read(&sources, format, options, run)?;
        return loaded.finish(first, format.name(), read, options, run);
    }
    let mut options = options.clone();
    match more {
        [] => {}
        [beside]
            if matches!(format, Format::Npy | Format::Safetensors | Format::Projector)
                && options.ids.is_none() =>
        {
            options.ids = Some(beside.clone());
        }
        [second, ..] => {
            return Err(Error::usage(format!(
                "{format} is read from one file, and '{}' is another",
                second.display()
            )));
        }
    }
    read_source(Source::open(path)?, Some(path), format, &options, run)
}

/// Which of the formats that are called `.bin` a file is in.
fn bin_format(mut source: Source) -> Result<Format> {
    Ok(match Format::of_content(source.head()?) {
        Some(Format::FasttextBin) => Format::FasttextBin,
        _ => Format::Word2vecBin,
    })
}

/// Reads a file that is in memory: what an upload or a fuzzer has. `name` stands for its path in messages.
pub fn read_bytes(
    name: &str,
    bytes: Vec<u8>,
    format: Format,
    options: &ImportOptions,
    run: &Run,
) -> Result<Space> {
    read_source(Source::of_bytes(name, bytes)?, None, format, options, run)
}

fn read_source(
    mut source: Source,
    path: Option<&Path>,
    format: Format,
    options: &ImportOptions,
    run: &Run,
) -> Result<Space> {
    let name = source.name.clone();
    let encoding = options.reader.encoding.as_deref();
    let (loaded, sources) = match format {
        Format::Word2vecBin => (word2vec::read(&mut source, encoding, run)?, vec![source.about()]),
        Format::FasttextBin => (fasttext::read(&mut source, encoding, run)?, vec![source.about()]),
        Format::Word2vec => {
            (text::read(&mut source, Layout::Header, encoding, run)?, vec![source.about()])
        }
        Format::Glove => {
            (text::read(&mut source, Layout::Named, encoding, run)?, vec![source.about()])
        }
        Format::Npy => npy::read(source, path, options, run)?,
        Format::Safetensors => tensors::read(source, path, options, run)?,
        Format::Projector => {
            let found = path.map(projector::beside).filter(|path| path.is_file());
            let metadata = options.ids.clone().or(found);
            projector::read(&mut source, metadata.as_deref(), options, run)?
        }
        Format::Space => {
            return Err(Error::data(format!(
                "{name}: no space (a folder with space.json) is there"
            )));
        }
        Format::Parquet | Format::Arrow | Format::Csv | Format::Tsv | Format::Jsonl => {
            return Err(Error::usage(format!("{format} is read from files")));
        }
    };
    loaded.finish(&name, format.name(), sources, options, run)
}

/// Writes the live items of a space in a foreign format (or as a space) at `path`.
///
/// A writer that is killed leaves at `path` what was there before, or nothing.
pub fn write(
    space: &Space,
    path: &Path,
    format: Option<Format>,
    options: &ExportOptions,
    run: &Run,
) -> Result<()> {
    let model = FastTextModel::of(space)?;
    let format = match format.or_else(|| Format::of_name(path)) {
        // Two formats share the ending `.bin`; the one that loses nothing is taken.
        Some(Format::Word2vecBin) if format.is_none() && model.is_some() => {
            run.progress.note(&format!(
                "{}: written as a fastText model (vectors alone: --to word2vec-bin)",
                path.display()
            ));
            Format::FasttextBin
        }
        Some(format) => format,
        None if path.extension().is_none() => Format::Space,
        None if path.extension().is_some_and(|e| e == "txt") => {
            run.progress.note(&format!(
                "{}: written as word2vec text (name another format with --to)",
                path.display()
            ));
            Format::Word2vec
        }
        None => {
            return Err(Error::usage(format!(
                "the name {} does not tell a format",
                path.display()
            ))
            .help("name it with --to"));
        }
    };
    if format == Format::Space {
        return space.save_with(path, &SaveOptions { portable: options.portable });
    }
    if format == Format::FasttextBin {
        let model = model.ok_or_else(|| {
            Error::data("a fastText file holds a fastText model, and this space has none")
                .help("write the vectors alone: word2vec-bin, or another format")
        })?;
        if space.count() != model.words().rows() {
            run.progress.warn(&format!(
                "the model's {} words are written, not the space's {} items",
                model.words().rows(),
                space.count()
            ));
        }
        return save::publish(path, |out| fasttext::write(out, &model, run));
    }
    let field = options.field.as_deref().unwrap_or("main");
    let vectors = Vectors::new(space, field)?;
    if space.fields().len() > 1 && options.field.is_none() && format != Format::Safetensors {
        let others: Vec<&str> =
            space.fields().iter().map(|f| f.name.as_str()).filter(|n| *n != field).collect();
        run.progress.note(&format!(
            "{format} holds one field: {field} is written, {} left out",
            others.join(", ")
        ));
    }
    match format {
        Format::Word2vecBin | Format::Word2vec | Format::Glove => {
            let names = Names::check(&vectors, options, format.name())?;
            save::publish(path, |out| match format {
                Format::Word2vecBin => word2vec::write(out, &vectors, &names, run),
                _ => text::write(out, &vectors, format == Format::Word2vec, &names, run),
            })
        }
        Format::Npy => {
            ids::check_lines(&vectors)?;
            let beside = ids::beside(path);
            run.progress.note(&format!("ids: in {}", beside.display()));
            save::publish_pair(
                &beside,
                |out| ids::write(out, &vectors),
                path,
                |out| npy::write(out, &vectors, run),
            )
        }
        Format::Safetensors => {
            let fields = match &options.field {
                Some(_) => vec![vectors],
                None => space
                    .fields()
                    .iter()
                    .map(|f| Vectors::new(space, &f.name))
                    .collect::<Result<_>>()?,
            };
            save::publish(path, |out| tensors::write(out, &fields, run))
        }
        Format::Projector => {
            let flat = Flat::new(vectors, run)?;
            let beside = projector::beside(path);
            run.progress.note(&format!("ids: in {}", beside.display()));
            save::publish_pair(
                &beside,
                |out| projector::write_metadata(out, &flat),
                path,
                |out| projector::write_vectors(out, &flat, run),
            )
        }
        Format::Parquet | Format::Arrow | Format::Csv | Format::Tsv | Format::Jsonl => {
            write_table(&Flat::new(vectors, run)?, path, format, options, run)
        }
        Format::Space | Format::FasttextBin => Ok(()), // written above
    }
}

fn write_table(
    flat: &Flat<'_>,
    path: &Path,
    format: Format,
    options: &ExportOptions,
    run: &Run,
) -> Result<()> {
    save::publish(path, |out| match format {
        Format::Parquet => arrow::write_parquet(out, flat, options, run),
        Format::Arrow => arrow::write_arrow(out, flat, options, run),
        Format::Csv => cells::write(out, flat, Style::Csv, options, run),
        Format::Tsv => cells::write(out, flat, Style::Tsv, options, run),
        _ => cells::write(out, flat, Style::Jsonl, options, run),
    })?;
    let padded = || flat.items.ids().iter().flatten().filter(|id| id.trim() != *id).count();
    if matches!(format, Format::Csv | Format::Tsv) && padded() > 0 {
        run.progress.warn(&format!(
            "{} ids begin or end with white space, which readers of {format} drop",
            padded()
        ));
    }
    let flags = flat.flags();
    if !matches!(format, Format::Parquet | Format::Arrow) && !flags.is_empty() {
        run.progress.note(&format!("{format} holds no kinds; to read the same ones back: {flags}"));
    }
    Ok(())
}

/// A pool of the run's threads, for the parts that are parallel.
fn pool(run: &Run) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(run.threads.max(1)).build().map_err(|e| {
        Error::new(crate::error::Kind::Io, format!("cannot start {} threads: {e}", run.threads))
    })
}
