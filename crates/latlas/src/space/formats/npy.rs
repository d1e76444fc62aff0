//! NumPy arrays (`.npy`, see `space::npy` for the format), the ids in a file beside them.

use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::ids;
use super::load::Loaded;
use super::options::ImportOptions;
use super::save::{Vectors, put};
use super::source::Source;
use crate::error::{Error, Result};
use crate::run::Run;
use crate::space::{Dtype, npy};

/// Reads an array of vectors; an array of one dimension is one vector.
pub(super) fn read(
    source: Source,
    path: Option<&Path>,
    options: &ImportOptions,
    run: &Run,
) -> Result<(Loaded, Vec<Value>)> {
    let name = source.name.clone();
    let (bytes, about) = source.whole()?;
    let named = |error: Error| match error.way_out() {
        Some(_) => error.context(&name),
        None => error
            .context(&name)
            .help("write it again with numpy.save(path, array), one row a vector"),
    };
    let header = npy::parse(&bytes).map_err(named)?;
    let matrix = npy::matrix(&bytes).map_err(named)?;
    if header.width() != Some(4) && header.width() != Some(2) || !header.dtype.contains('f') {
        run.progress.note(&format!("{name}: numbers of dtype '{}' are kept as f32", header.dtype));
    }
    let mut loaded = Loaded::new("row");
    let (ids, more) = ids::read(matrix.rows(), path, options, run)?;
    loaded.ids = ids;
    loaded.fields.push(("main".into(), matrix));
    if header.dtype.ends_with("f2") {
        loaded.dtype = Dtype::F16;
    }
    Ok((loaded, std::iter::once(about).chain(more).collect()))
}

pub(super) fn write(out: &mut dyn Write, vectors: &Vectors<'_>, run: &Run) -> Result<()> {
    put(out, &npy::header(vectors.dtype(), vectors.count(), vectors.dim()))?;
    vectors.numbers(out, run)
}
