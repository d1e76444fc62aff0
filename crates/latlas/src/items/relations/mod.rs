//! Sparse, weighted links from sources to targets: co-occurrences of words, clicks, citations, baskets.
//!
//! Relations are a sparse matrix in compressed rows (CSR): for each source its targets in ascending order, each with
//! an f64 weight. They lie in memory or in a mapped file, are never changed, and are cheap to clone.
//!
//! | file | what |
//! |---|---|
//! | `count` | co-occurrences in [`Sequences`](super::Sequences), within a budget of memory |
//! | `merge` | sums of several relations, row by row; the order of the parts does not show |
//! | `null` | what is left when chance is taken off: PPMI, tf-idf |
//! | `product` | products with dense matrices, for decompositions |
//!
//! All results are the same bytes at any thread count. `docs/relations.md` is the page of the methods, and
//! `docs/format.md` the file's.

mod accumulate;
mod count;
mod draft;
mod file;
mod merge;
mod null;
mod ordered;
mod product;

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::file::Bytes;

pub use count::{Cooccurrences, Weighting};
pub use file::{RELATIONS, Shape};
pub use merge::{Part, merge, merge_into};
pub use null::{Ppmi, tf_idf};

/// Weighted links from `sources` to `targets`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Relations {
    shape: Shape,
    links: Links,
}

/// Where the three arrays of compressed rows are. `offsets[i]..offsets[i + 1]` are the places of row i in the others.
#[derive(Debug, Clone)]
enum Links {
    Owned(Arc<Owned>),
    /// Checked on entry: whole numbers of values, aligned, sorted, in range.
    Mapped {
        bytes: Bytes,
        offsets: Range<usize>,
        targets: Range<usize>,
        weights: Range<usize>,
    },
}

#[derive(Debug)]
struct Owned {
    offsets: Vec<u64>,
    targets: Vec<u32>,
    weights: Vec<f64>,
}

impl Relations {
    /// Relations of these links, in any order; what stands twice is added up. A place outside the shape and a weight
    /// that is not finite are errors.
    ///
    /// ```
    /// use latlas::items::Relations;
    /// let links = vec![(1, 0, 2.0), (0, 2, 1.0), (1, 0, 0.5)];
    /// let relations = Relations::from_links(2, 3, links)?;
    /// assert_eq!(relations.row(1), (&[0][..], &[2.5][..]));
    /// # Ok::<(), latlas::Error>(())
    /// ```
    pub fn from_links(
        sources: usize,
        targets: usize,
        mut links: Vec<(u32, u32, f64)>,
    ) -> Result<Self> {
        let shape = Shape::new(sources, targets)?;
        let outside = |&&(s, t, w): &&(u32, u32, f64)| {
            s as usize >= sources || t as usize >= targets || !w.is_finite()
        };
        if let Some((s, t, w)) = links.iter().find(outside) {
            return Err(Error::data(format!(
                "a link from {s} to {t} of weight {w} has no place among {sources} sources and {targets} targets"
            )));
        }
        // By weight too, so that sums do not depend on the order in which links were given.
        links.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        let mut owned = Owned {
            offsets: Vec::with_capacity(sources + 1),
            targets: Vec::with_capacity(links.len()),
            weights: Vec::with_capacity(links.len()),
        };
        owned.offsets.push(0);
        for same in links.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (source, target, _) = same[0];
            owned.offsets.resize(source as usize + 1, owned.targets.len() as u64);
            owned.targets.push(target);
            owned.weights.push(same.iter().map(|link| link.2).sum());
        }
        owned.offsets.resize(sources + 1, owned.targets.len() as u64);
        if let Some(at) = owned.weights.iter().position(|w| !w.is_finite()) {
            return Err(Error::data(format!("the weights of link {at} sum to an infinity")));
        }
        Ok(Self::owned(shape, owned))
    }

    fn owned(shape: Shape, owned: Owned) -> Self {
        let shape = Shape { links: owned.targets.len() as u64, ..shape };
        Relations { shape, links: Links::Owned(Arc::new(owned)) }
    }

    /// How many sources there are: rows, with and without links.
    pub fn sources(&self) -> usize {
        self.shape.sources as usize
    }

    /// How many targets there are: columns.
    pub fn targets(&self) -> usize {
        self.shape.targets as usize
    }

    /// How many links there are.
    pub fn links(&self) -> u64 {
        self.shape.links
    }

    /// The n for which every weight is a whole multiple of 1/n, where there is one (see [`Shape::unit`]): sums of
    /// such weights are exact.
    pub fn unit(&self) -> Option<u64> {
        Some(self.shape.unit).filter(|&unit| unit > 0)
    }

    /// The links of a source: its targets in ascending order, and their weights. Empty beyond the last source.
    pub fn row(&self, source: u32) -> (&[u32], &[f64]) {
        let (offsets, targets, weights) = self.arrays();
        let at = source as usize;
        let (Some(&start), Some(&end)) = (offsets.get(at), offsets.get(at + 1)) else {
            return (&[], &[]);
        };
        let range = start as usize..end as usize;
        (&targets[range.clone()], &weights[range])
    }

    /// All links, by source and target.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, f64)> {
        (0..self.shape.sources as u32).flat_map(|source| {
            let (targets, weights) = self.row(source);
            targets.iter().zip(weights).map(move |(&target, &weight)| (source, target, weight))
        })
    }

    /// Gives every source's links, in order; the memory of what was given is let go of on the way.
    pub fn each_row(&self, mut each: impl FnMut(u32, &[u32], &[f64])) {
        const LINKS: usize = 1 << 18;
        let (mut start, mut links) = (0, 0);
        for source in 0..self.shape.sources as u32 {
            let (targets, weights) = self.row(source);
            each(source, targets, weights);
            links += targets.len();
            if links >= LINKS {
                self.release(start..source as usize + 1);
                (start, links) = (source as usize + 1, 0);
            }
        }
    }

    /// The weights of each source, and of each target, added up in the order of the links.
    pub fn sums(&self) -> (Vec<f64>, Vec<f64>) {
        let mut sources = Vec::with_capacity(self.sources());
        let mut columns = vec![0.0; self.targets()];
        self.each_row(|_, targets, weights| {
            sources.push(weights.iter().sum());
            for (&target, weight) in targets.iter().zip(weights) {
                columns[target as usize] += weight;
            }
        });
        (sources, columns)
    }

    /// Where each row begins among the links, and the number of links at the end: `sources() + 1` numbers.
    pub fn offsets(&self) -> &[u64] {
        self.arrays().0
    }

    /// Lets the memory of some sources' links go where they are mapped; reading them again reads the file.
    pub fn release(&self, sources: Range<usize>) {
        if let Links::Mapped { bytes, targets, weights, .. } = &self.links {
            let offsets = self.offsets();
            let end = sources.end.min(self.sources());
            let start = sources.start.min(end);
            let (from, to) = (offsets[start] as usize, offsets[end] as usize);
            bytes.release(targets.start + from * 4..targets.start + to * 4);
            bytes.release(weights.start + from * 8..weights.start + to * 8);
        }
    }

    fn arrays(&self) -> (&[u64], &[u32], &[f64]) {
        match &self.links {
            Links::Owned(owned) => (&owned.offsets, &owned.targets, &owned.weights),
            Links::Mapped { bytes, offsets, targets, weights } => (
                bytemuck::cast_slice(&bytes[offsets.clone()]),
                bytemuck::cast_slice(&bytes[targets.clone()]),
                bytemuck::cast_slice(&bytes[weights.clone()]),
            ),
        }
    }
}

/// The same shape, unit and links, wherever they lie.
impl PartialEq for Relations {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.arrays() == other.arrays()
    }
}

#[cfg(test)]
mod tests;
