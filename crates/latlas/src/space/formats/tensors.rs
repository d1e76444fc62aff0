//! safetensors: 2-D tensors of vectors, the ids in the header's metadata under "ids" as a JSON list.

use std::io::Write;
use std::path::Path;

use safetensors::{Dtype as Kind, SafeTensors};
use serde_json::{Map, Value, json};

use super::ids;
use super::load::Loaded;
use super::numbers::Width;
use super::options::ImportOptions;
use super::save::{Vectors, put};
use super::source::Source;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::Dtype;

/// The crate refuses longer headers, when reading.
const LONGEST_HEADER: usize = 100_000_000;

pub(super) fn read(
    source: Source,
    path: Option<&Path>,
    options: &ImportOptions,
    run: &Run,
) -> Result<(Loaded, Vec<Value>)> {
    let name = source.name.clone();
    let (bytes, about) = source.whole()?;
    let wrong = |e: safetensors::SafeTensorError| {
        Error::data(format!("{name}: {e}")).help("is the file a complete safetensors file?")
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(wrong)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(wrong)?;
    let metadata = header.metadata().clone().unwrap_or_default();

    let mut loaded = Loaded::new("row");
    let chosen = choose(&name, &tensors, options)?;
    let mut rows = 0;
    let mut halves = true;
    for tensor in chosen {
        let view = tensors.tensor(tensor).map_err(wrong)?;
        let Some(width) = width(view.dtype()) else {
            return Err(Error::data(format!(
                "{name}: tensor '{tensor}' holds {:?}, where f32, f16, bf16 or f64 is due",
                view.dtype()
            ))
            .help("in Python: tensor.to(torch.float32)"));
        };
        let [count, dim] = view.shape() else {
            return Err(Error::data(format!(
                "{name}: tensor '{tensor}' has shape {:?}, where [vectors, dim] is due",
                view.shape()
            )));
        };
        let mut numbers = Vec::with_capacity(view.data().len() / width.bytes());
        let rounded = width.decode(view.data(), &mut numbers);
        if rounded > 0 {
            run.progress.note(&format!(
                "{name}: {rounded} of {} numbers rounded from f64 to f32",
                numbers.len()
            ));
        }
        halves &= width == Width::F16;
        rows = *count;
        // The first is the space's "main", whatever the file calls it.
        let field = if loaded.fields.is_empty() { "main" } else { tensor };
        loaded.fields.push((field.to_owned(), Matrix::new(*count, *dim, numbers)?));
    }
    if halves {
        loaded.dtype = Dtype::F16;
    }
    loaded.geometry =
        metadata.get("geometry").and_then(|g| serde_json::from_value::<Geometry>(json!(g)).ok());
    let mut sources = vec![about];
    if let Some(list) = metadata.get("ids").filter(|_| options.ids.is_none()) {
        loaded.ids =
            ids::from_json(list.as_bytes()).map_err(|e| Error::data(format!("{name}: {e}")))?;
        if loaded.ids.len() != rows {
            let ids = loaded.ids.len();
            return Err(Error::data(format!(
                "{name}: its metadata holds {ids} ids for {rows} vectors"
            )));
        }
    } else {
        let (ids, more) = ids::read(rows, path, options, run)?;
        loaded.ids = ids;
        sources.extend(more);
    }
    Ok((loaded, sources))
}

fn width(kind: Kind) -> Option<Width> {
    match kind {
        Kind::F32 => Some(Width::F32),
        Kind::F16 => Some(Width::F16),
        Kind::BF16 => Some(Width::Bf16),
        Kind::F64 => Some(Width::F64),
        _ => None,
    }
}

/// The tensors to read, the main one first: the one named; else "main" and all of as many rows; else the only
/// one that is a matrix of floats.
fn choose<'a>(
    name: &str,
    tensors: &'a SafeTensors<'_>,
    options: &'a ImportOptions,
) -> Result<Vec<&'a str>> {
    let mut matrices: Vec<(&str, usize)> = tensors
        .iter()
        .filter(|(_, view)| view.shape().len() == 2 && width(view.dtype()).is_some())
        .map(|(tensor, view)| (tensor, view.shape()[0]))
        .collect();
    matrices.sort_unstable();
    let mut names: Vec<&str> = tensors.names();
    names.sort_unstable();
    if let Some(wanted) = &options.tensor {
        if names.contains(&wanted.as_str()) {
            return Ok(vec![wanted]);
        }
        let closest = names.iter().min_by_key(|n| strsim::damerau_levenshtein(n, wanted));
        return Err(Error::usage(format!("{name} holds no tensor '{wanted}'")).help(
            closest.map_or_else(|| "it holds none at all".into(), |n| format!("did you mean {n}?")),
        ));
    }
    if let Some((_, rows)) = matrices.iter().find(|(tensor, _)| *tensor == "main") {
        let others = matrices.iter().filter(|(tensor, count)| *tensor != "main" && count == rows);
        return Ok(std::iter::once("main").chain(others.map(|(tensor, _)| *tensor)).collect());
    }
    match matrices[..] {
        [(only, _)] => Ok(vec![only]),
        [] => Err(Error::data(format!(
            "{name}: none of its {} tensors is a matrix of floats",
            names.len()
        ))),
        _ => {
            let list: Vec<&str> = matrices.iter().map(|(tensor, _)| *tensor).take(8).collect();
            Err(Error::usage(format!(
                "{name} holds {} matrices: {}",
                matrices.len(),
                list.join(", ")
            ))
            .help(format!("choose one with --tensor {}", list[0])))
        }
    }
}

/// Writes fields of one space as tensors under their names.
pub(super) fn write(out: &mut dyn Write, fields: &[Vectors<'_>], run: &Run) -> Result<()> {
    let Some(first) = fields.first() else {
        return Err(Error::usage("there are no vectors to write"));
    };
    let ids: Vec<&str> = first.rows.iter().map(|&row| first.space.id(row)).collect();
    let geometry = json!(first.field.about().geometry);
    let mut header = Map::new();
    header.insert(
        "__metadata__".into(),
        json!({ "format": "latlas", "geometry": geometry, "ids": serde_json::to_string(&ids).unwrap_or_default() }),
    );
    let mut offset = 0_u64;
    for vectors in fields {
        let (kind, width) = match vectors.dtype() {
            Dtype::F32 => ("F32", 4),
            Dtype::F16 => ("F16", 2),
        };
        let end = offset + vectors.count() as u64 * vectors.dim() as u64 * width;
        let shape = [vectors.count(), vectors.dim()];
        header.insert(
            vectors.field.about().name.clone(),
            json!({ "dtype": kind, "shape": shape, "data_offsets": [offset, end] }),
        );
        offset = end;
    }
    let mut text =
        serde_json::to_vec(&header).map_err(|e| Error::data(format!("safetensors header: {e}")))?;
    text.resize(text.len().next_multiple_of(8), b' ');
    if text.len() > LONGEST_HEADER {
        return Err(Error::data(format!(
            "safetensors headers hold 100 MB; these ids take {} bytes",
            text.len()
        ))
        .help("choose npy (ids beside), parquet or arrow"));
    }
    put(out, &(text.len() as u64).to_le_bytes())?;
    put(out, &text)?;
    fields.iter().try_for_each(|vectors| vectors.numbers(out, run))
}
