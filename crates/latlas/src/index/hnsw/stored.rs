//! An index as a section file. `docs/format.md` holds the bytes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bits::Turn;
use super::codes::Codes;
use super::frame::Frame;
use super::layers::{Built, Upper};
use super::options::Precision;
use crate::error::{Error, Result};
use crate::file::{Array, SectionWriter, Sections};
pub(super) use crate::space::INDEX;

/// Layers of a file, at most: each holds a small share of the one below.
const MOST_LAYERS: usize = 16;

/// What stands beside the arrays.
#[derive(Serialize, Deserialize)]
struct Shape {
    frame: Frame,
    precision: Precision,
    step: f32,
    width: usize,
    /// The links of a node in each layer above.
    upper: Vec<usize>,
}

/// Writes the sections of an index. The same index gives the same bytes.
pub(super) fn write(built: &Built, out: &mut SectionWriter<'_>) -> Result<()> {
    let step = match built.codes {
        Codes::Bytes { step, .. } => step,
        _ => 1.0,
    };
    let upper = built.upper.iter().map(|layer| layer.width).collect();
    let (frame, precision) = (built.frame.clone(), built.codes.precision());
    let shape = Shape { frame, precision, step, width: built.width, upper };
    let shape = serde_json::to_vec(&shape).map_err(|e| Error::data(e.to_string()))?;
    out.whole("shape", &shape)?;
    out.whole("mean", bytemuck::cast_slice(&built.frame.mean))?;
    out.whole("starts", bytemuck::cast_slice(&built.starts))?;
    out.whole("rows", bytemuck::cast_slice(&built.rows))?;
    out.whole("links", bytemuck::cast_slice(&built.links))?;
    for (i, layer) in built.upper.iter().enumerate() {
        out.whole(&format!("nodes-{}", i + 1), bytemuck::cast_slice(&layer.nodes))?;
        out.whole(&format!("links-{}", i + 1), bytemuck::cast_slice(&layer.links))?;
    }
    out.whole("top", bytemuck::cast_slice(&built.top))?;
    if let Codes::Bits { turn, .. } = &built.codes {
        out.whole("signs", bytemuck::cast_slice(turn.signs()))?;
    }
    match &built.codes {
        Codes::Full { rows, .. } => out.whole("codes", bytemuck::cast_slice(rows)),
        Codes::Bytes { rows, .. } => out.whole("codes", bytemuck::cast_slice(rows)),
        Codes::Bits { rows, .. } => out.whole("codes", bytemuck::cast_slice(rows)),
    }
}

/// The index in a file, used where it lies. The lengths of its arrays are verified, and the numbers of its upper layers; what a
/// search meets of the others is verified there.
pub(super) fn read(sections: &Sections) -> Result<Built> {
    let wrong = |what: &str| Error::data(format!("{}: {what}", sections.kind()));
    let shape: Shape = serde_json::from_slice(sections.numbers::<u8>("shape")?)
        .map_err(|e| wrong(&format!("its shape: {e}")))?;
    let Shape { mut frame, precision, step, width, upper } = shape;
    let array = |name: &str| Array::<u32>::mapped(sections.bytes(), sections.range(name)?);
    let (starts, rows, links, top) =
        (array("starts")?, array("rows")?, array("links")?, array("top")?);
    let n = starts.len().checked_sub(1).ok_or_else(|| wrong("it has no nodes"))?;
    frame.mean = sections.numbers::<f32>("mean")?.to_vec();
    // Frames have a component more, at most; shapes of this size are refused before they are multiplied.
    let sizes = [frame.dim, width, upper.len()].iter().all(|&size| size < 1 << 24);
    if !sizes || frame.mean.len() != frame.cols() || frame.dim == 0 {
        return Err(wrong("its mean is not of its dimension"));
    }
    if width == 0 || links.len() != n * width || !step.is_normal() {
        return Err(wrong("its links do not fit its nodes"));
    }
    let stride = Codes::stride(frame.cols(), precision);
    let codes = sections.range("codes")?;
    let codes = match precision {
        Precision::Bytes => {
            Codes::Bytes { stride, step, rows: Array::mapped(sections.bytes(), codes)? }
        }
        Precision::Bits => {
            let signs = Array::mapped(sections.bytes(), sections.range("signs")?)?;
            let turn = Turn::of(signs, frame.cols());
            let turn = turn.ok_or_else(|| wrong("its signs are not of its dimension"))?;
            Codes::Bits { stride, turn, rows: Array::mapped(sections.bytes(), codes)? }
        }
        _ => Codes::Full { stride, rows: Array::mapped(sections.bytes(), codes)? },
    };
    if codes.len() != n {
        return Err(wrong("its codes do not fit its nodes"));
    }
    if upper.len() > MOST_LAYERS {
        return Err(wrong("it has too many layers"));
    }
    let rising = |nodes: &[u32]| {
        nodes.windows(2).all(|pair| pair[0] < pair[1])
            && nodes.last().is_none_or(|&last| (last as usize) < n)
    };
    let mut layers = Vec::with_capacity(upper.len());
    for (i, &width) in upper.iter().enumerate() {
        let (nodes, links) =
            (array(&format!("nodes-{}", i + 1))?, array(&format!("links-{}", i + 1))?);
        if width == 0 || Some(links.len()) != nodes.len().checked_mul(width) || !rising(&nodes) {
            return Err(wrong("a layer of it is damaged"));
        }
        layers.push(Upper { nodes, width, links });
    }
    if !rising(&top) {
        return Err(wrong("the nodes it begins with are damaged"));
    }
    Ok(Built { frame, codes, starts, rows, width, links, upper: layers, top })
}

/// What is told of an index beside its file.
pub(super) fn about(
    options: &impl Serialize,
    seed: u64,
    precision: Precision,
) -> Map<String, Value> {
    let mut about = Map::new();
    about.insert("options".to_owned(), serde_json::to_value(options).unwrap_or_default());
    about.insert("seed".to_owned(), seed.into());
    about.insert("precision".to_owned(), serde_json::to_value(precision).unwrap_or_default());
    about
}
