//! Relations on disk: a section file of three arrays, used in place.

use std::path::Path;

use super::{Links, Relations};
use crate::error::{Error, Result};
use crate::file::{self, Bytes, SectionKind, SectionWriter, Sections};

/// Files of relations, see `docs/format.md`.
pub const RELATIONS: SectionKind =
    SectionKind { magic: b"latlasRL", name: "relations file", version: 1 };

/// The shape of relations, as it stands in the section "shape".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many rows, at most 4,294,967,295.
    pub sources: u64,
    /// How many columns, at most 4,294,967,295.
    pub targets: u64,
    /// How many links.
    pub links: u64,
    /// n, where every weight is a whole multiple of 1/n rounded once to f64; 0 where weights are any numbers.
    pub unit: u64,
}

impl Shape {
    pub(super) fn new(sources: usize, targets: usize) -> Result<Self> {
        let (sources, targets) = (sources as u64, targets as u64);
        let shape = Shape { sources, targets, links: 0, unit: 0 };
        let most = u64::from(u32::MAX);
        if sources > most || targets > most {
            return Err(Error::data(format!(
                "relations of {sources} sources and {targets} targets: there can be {most} of each"
            )));
        }
        Ok(shape)
    }

    pub(super) fn numbers(self) -> [u64; 4] {
        [self.sources, self.targets, self.links, self.unit]
    }
}

impl Relations {
    /// Maps a file of relations. Everything in it is verified, its memory being let go of on the way: afterwards
    /// every row is what was written. Sections beside the links are ignored.
    pub fn open(path: &Path) -> Result<Self> {
        let sections = Sections::open(path, RELATIONS)?;
        Self::from_sections(&sections).map_err(|e| e.context(path.display()))
    }

    /// Relations from the bytes of such a file.
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        Self::from_sections(&Sections::from_bytes(bytes, RELATIONS)?)
    }

    /// Relations in an open section file, every byte of which is verified.
    pub fn from_sections(sections: &Sections) -> Result<Self> {
        sections.check()?;
        let relations = Self::trusted(sections)?;
        relations.verify()?;
        Ok(relations)
    }

    /// Relations in a file that this process has just written, or whose content is verified next.
    pub(super) fn trusted(sections: &Sections) -> Result<Self> {
        let wrong = |what: &str| Err(Error::data(format!("{}: {what}", sections.kind())));
        let &[sources, targets, links, unit] = sections.numbers::<u64>("shape")? else {
            return wrong("its section 'shape' is not one shape");
        };
        let shape = Shape { sources, targets, links, unit };
        let (offsets, targets, weights) = (
            sections.numbers::<u64>("offsets")?,
            sections.numbers::<u32>("targets")?,
            sections.numbers::<f64>("weights")?,
        );
        let most = u64::from(u32::MAX);
        if sources > most || shape.targets > most || offsets.len() as u64 != sources + 1 {
            return wrong("its offsets do not fit its shape");
        }
        if targets.len() as u64 != links || weights.len() as u64 != links {
            return wrong("its links do not fit its shape");
        }
        let links = Links::Mapped {
            bytes: sections.bytes().clone(),
            offsets: sections.range("offsets")?,
            targets: sections.range("targets")?,
            weights: sections.range("weights")?,
        };
        Ok(Relations { shape, links })
    }

    /// That every row lies where rows can, its targets ascend and exist, and its weights are finite.
    fn verify(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::data(format!("{}: {what}", RELATIONS.name)));
        let offsets = self.offsets();
        let ordered = offsets.first() == Some(&0)
            && offsets.last() == Some(&self.links())
            && offsets.is_sorted();
        if !ordered {
            return wrong("its offsets do not span its links".into());
        }
        // Of counts as many as 128 bits can add up from more files than there will be.
        let unit = self.shape.unit as f64;
        let range = if unit > 0.0 { 0.0..=2_f64.powi(100) / unit } else { f64::MIN..=f64::MAX };
        let mut found = None;
        self.each_row(|source, targets, weights| {
            let rising = targets.windows(2).all(|pair| pair[0] < pair[1]);
            let there = targets.last().is_none_or(|&last| (last as usize) < self.targets());
            if !rising || !there {
                found.get_or_insert((source, "target"));
            }
            if !weights.iter().all(|weight| range.contains(weight)) {
                found.get_or_insert((source, "weight"));
            }
        });
        if let Some((source, what)) = found {
            return wrong(format!("a {what} of row {source} is out of order or range"));
        }
        Ok(())
    }

    /// Writes the relations to a file, by way of a temporary one.
    pub fn save(&self, path: &Path) -> Result<()> {
        file::publish(path, |file| {
            let mut writer = SectionWriter::begin(file, RELATIONS)?;
            self.write(&mut writer)?;
            writer.end()
        })
        .map(drop)
    }

    /// Writes the sections of the relations to a section file that has begun.
    pub fn write(&self, writer: &mut SectionWriter<'_>) -> Result<()> {
        let (offsets, targets, weights) = self.arrays();
        writer.whole("targets", bytemuck::cast_slice(targets))?;
        writer.whole("weights", bytemuck::cast_slice(weights))?;
        writer.whole("offsets", bytemuck::cast_slice(offsets))?;
        writer.whole("shape", bytemuck::cast_slice(&self.shape.numbers()))
    }
}
