//! Relations in the making: rows come in order, and go to memory or to a file without being held.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Owned, RELATIONS, Relations, Shape};
use crate::error::Result;
use crate::file::{self, Bytes, NewFile, SectionWriter, Sections};

/// Bytes that are copied at once.
const BLOCK: usize = 1 << 20;

/// Consecutive rows: how many links each has, and all their targets and weights.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) lengths: Vec<u32>,
    pub(super) targets: Vec<u32>,
    pub(super) weights: Vec<f64>,
}

impl Rows {
    pub(super) fn push(&mut self, target: u32, weight: f64) {
        self.targets.push(target);
        self.weights.push(weight);
    }

    /// Ends a row, which has got everything since the one before.
    pub(super) fn end_row(&mut self, begun: usize) {
        self.lengths.push((self.targets.len() - begun) as u32);
    }
}

/// Takes rows in order.
pub(super) trait Sink {
    fn take(&mut self, rows: &Rows) -> Result<()>;
}

/// Relations written to a file. Targets go there as they come; weights, whose place depends on how many targets there
/// will be, wait in a scratch file.
pub(super) struct Draft<'w, 'f> {
    writer: &'w mut SectionWriter<'f>,
    weights: NewFile,
    scratch: PathBuf,
    offsets: Vec<u64>,
    shape: Shape,
}

impl<'w, 'f> Draft<'w, 'f> {
    /// Begins relations of this shape (whose number of links does not count yet) in a section file that has begun.
    /// `scratch` names a file that comes and goes.
    pub(super) fn begin(
        writer: &'w mut SectionWriter<'f>,
        shape: Shape,
        scratch: PathBuf,
    ) -> Result<Self> {
        if scratch.exists() {
            file::remove(&scratch)?;
        }
        let weights = NewFile::create(&scratch)?;
        writer.section("targets")?;
        let mut offsets = Vec::with_capacity(shape.sources as usize + 1);
        offsets.push(0);
        Ok(Draft { writer, weights, scratch, offsets, shape })
    }

    /// Writes what is left. Rows that did not come are empty.
    pub(super) fn end(self) -> Result<()> {
        let Draft { writer, weights, scratch, mut offsets, mut shape } = self;
        weights.finish_scratch()?;
        let bytes = Bytes::map(&scratch)?;
        writer.section("weights")?;
        for start in (0..bytes.len()).step_by(BLOCK) {
            let block = start..(start + BLOCK).min(bytes.len());
            writer.write(&bytes[block.clone()])?;
            bytes.release(block);
        }
        drop(bytes);
        file::remove(&scratch)?;
        shape.links = offsets.last().copied().unwrap_or(0);
        offsets.resize(shape.sources as usize + 1, shape.links);
        writer.whole("offsets", bytemuck::cast_slice(&offsets))?;
        writer.whole("shape", bytemuck::cast_slice(&shape.numbers()))
    }
}

impl Sink for Draft<'_, '_> {
    fn take(&mut self, rows: &Rows) -> Result<()> {
        extend(&mut self.offsets, &rows.lengths);
        self.writer.write(bytemuck::cast_slice(&rows.targets))?;
        let weights = bytemuck::cast_slice(&rows.weights);
        self.weights.write_all(weights).map_err(|e| self.weights.blame(&e))
    }
}

/// Relations kept in memory.
impl Sink for Owned {
    fn take(&mut self, rows: &Rows) -> Result<()> {
        extend(&mut self.offsets, &rows.lengths);
        self.targets.extend_from_slice(&rows.targets);
        self.weights.extend_from_slice(&rows.weights);
        Ok(())
    }
}

fn extend(offsets: &mut Vec<u64>, lengths: &[u32]) {
    let mut end = offsets.last().copied().unwrap_or(0);
    offsets.extend(lengths.iter().map(|&length| {
        end += u64::from(length);
        end
    }));
}

/// Makes relations in a scratch file of the folder, which must last as long as they do, or in memory.
pub(super) fn make(
    shape: Shape,
    scratch: Option<(&Path, &str)>,
    rows: impl FnOnce(&mut dyn Sink) -> Result<()>,
) -> Result<Relations> {
    let Some((folder, name)) = scratch else {
        let mut owned = Owned { offsets: vec![0], targets: Vec::new(), weights: Vec::new() };
        rows(&mut owned)?;
        let links = owned.targets.len() as u64;
        owned.offsets.resize(shape.sources as usize + 1, links);
        return Ok(Relations::owned(shape, owned));
    };
    let path = folder.join(name);
    if path.exists() {
        file::remove(&path)?;
    }
    let mut file = NewFile::create(&path)?;
    let mut writer = SectionWriter::begin(&mut file, RELATIONS)?;
    let mut draft = Draft::begin(&mut writer, shape, folder.join(format!("{name}.weights")))?;
    rows(&mut draft)?;
    draft.end()?;
    writer.end()?;
    file.finish_scratch()?;
    Relations::trusted(&Sections::open(&path, RELATIONS)?)
}
