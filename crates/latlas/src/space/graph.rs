//! `graphs/NAME-NNNN.knn`: the nearest neighbours of all live items, kept for whoever needs them next.
//!
//! `docs/format.md` holds the bytes. This file knows only arrays; what they mean is for
//! [`index::Graph`](crate::index::Graph).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::manifest::FileAbout;
use crate::error::{Error, Result};
use crate::file::{Bytes, NewFile, SectionKind, SectionWriter, Sections};
use crate::geometry::Geometry;

/// What a file of neighbours is.
pub(super) const GRAPH: SectionKind =
    SectionKind { magic: b"latlasNN", name: "graph of neighbours", version: 1 };

/// What is known about a stored graph of neighbours without reading it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraphAbout {
    /// Its name: that of the vector field, unless told otherwise.
    pub name: String,
    /// The vector field whose neighbours these are.
    pub field: String,
    /// How distance was measured.
    pub geometry: Geometry,
    /// How many neighbours every item has.
    pub k: usize,
    /// The generation of the rows it was built on.
    pub generation: u64,
    /// How it was computed: method, options, recall.
    pub about: Map<String, Value>,
}

/// A stored graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredGraph {
    /// What it is.
    #[serde(flatten)]
    pub graph: GraphAbout,
    /// Where it is.
    pub file: FileAbout,
}

/// The lists of a stored graph: k neighbours of each live item in row order, closest first, and their distances.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct GraphLists {
    sections: Sections,
    k: usize,
}

impl GraphLists {
    /// Opens a file; its directory and the lengths of its lists are verified, not their bytes.
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        let sections = Sections::from_bytes(bytes, GRAPH)?;
        let wrong = |what: String| Error::data(format!("{}: {what}", GRAPH.name));
        let &[points, k] = sections.numbers::<u64>("shape")? else {
            return Err(wrong("its shape is not two numbers".into()));
        };
        let lists = points.checked_mul(k).and_then(|n| usize::try_from(n).ok());
        let neighbours = sections.numbers::<u32>("neighbours")?.len();
        let distances = sections.numbers::<f32>("distances")?.len();
        if lists != Some(neighbours) || lists != Some(distances) || (k == 0 && points > 0) {
            return Err(wrong(format!(
                "{neighbours} neighbours and {distances} distances are no {points} lists of {k}"
            )));
        }
        Ok(GraphLists { sections, k: k as usize })
    }

    /// How many neighbours each item has.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The neighbours, list after list: places among the live items.
    pub fn neighbours(&self) -> &[u32] {
        self.sections.numbers("neighbours").unwrap_or_default()
    }

    /// The distances, list after list.
    pub fn distances(&self) -> &[f32] {
        self.sections.numbers("distances").unwrap_or_default()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.neighbours().len().checked_div(self.k).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads every byte: checksums, and that the lists are what lists of neighbours are.
    pub fn check(&self) -> Result<()> {
        self.sections.check()?;
        check_lists(self.k, self.neighbours(), self.distances()).map_err(|e| e.context(GRAPH.name))
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> &Bytes {
        self.sections.bytes()
    }
}

/// Whether these are lists of k, one behind the other, of points 0…n−1. An error names the point whose neighbours do not
/// exist, hold the point itself or another twice, or whose distances are negative, not finite or not closest first.
pub(crate) fn check_lists(k: usize, neighbours: &[u32], distances: &[f32]) -> Result<()> {
    let n = neighbours.len().checked_div(k).unwrap_or(0);
    if neighbours.len() != distances.len() || n * k != neighbours.len() {
        return Err(Error::data(format!(
            "{} neighbours and {} distances are no lists of {k}",
            neighbours.len(),
            distances.len()
        )));
    }
    if k == 0 {
        return Ok(());
    }
    let mut seen = Vec::with_capacity(k);
    for (i, (list, distances)) in
        neighbours.chunks_exact(k).zip(distances.chunks_exact(k)).enumerate()
    {
        let wrong = |what: String| Err(Error::data(format!("neighbours of point {i}: {what}")));
        seen.clear();
        seen.extend_from_slice(list);
        seen.sort_unstable();
        if let Some(&other) = seen.iter().find(|&&j| j as usize >= n) {
            return wrong(format!("point {other} of {n}"));
        }
        if seen.binary_search(&(i as u32)).is_ok() {
            return wrong("itself".to_owned());
        }
        if let Some(twice) =
            seen.windows(2).find_map(|pair| (pair[0] == pair[1]).then_some(pair[0]))
        {
            return wrong(format!("point {twice} twice"));
        }
        if let Some(d) = distances.iter().find(|d| !d.is_finite() || **d < 0.0) {
            return wrong(format!("a distance of {d}"));
        }
        if distances.windows(2).any(|pair| pair[0] > pair[1]) {
            return wrong("not closest first".to_owned());
        }
    }
    Ok(())
}

/// Writes a file. The same lists give the same bytes.
pub(super) fn write(
    out: &mut NewFile,
    k: usize,
    neighbours: &[u32],
    distances: &[f32],
) -> Result<()> {
    let points = neighbours.len().checked_div(k).unwrap_or(0);
    let mut writer = SectionWriter::begin(out, GRAPH)?;
    writer.whole("shape", bytemuck::cast_slice(&[points as u64, k as u64]))?;
    writer.whole("neighbours", bytemuck::cast_slice(neighbours))?;
    writer.whole("distances", bytemuck::cast_slice(distances))?;
    writer.end()
}
