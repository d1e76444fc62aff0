//! How sources and targets are shared out among blocks.
//!
//! A tile is the links from one block of sources to one block of targets. Blocks are small enough that the rows of a
//! tile stay in a core's own cache while it is worked on, and have about as many links each, so that tiles take about
//! as long. All of it depends on the links and the dimension alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::kernels::adagrad::Factors;

/// Bytes of rows in a block: two blocks fit the second-level cache of a core.
const BLOCK_BYTES: usize = 400 << 10;
/// The fewest blocks, so that many threads have work, and the most, so that tiles can be counted.
const FEWEST: usize = 16;
const MOST: usize = 512;
/// Links of a tile, on average at least: less would be all bookkeeping.
const TILE: u64 = 256;
/// Consecutive sources are dealt out together up to so many links or rows, so that a file is read in whole pages.
const DEAL_LINKS: u64 = 2048;
const DEAL_ROWS: usize = 128;
/// Rows of a block, at most; they are numbered in 16 bits.
const ROWS: usize = 1 << 16;
/// What a row weighs beside its links, when blocks are evened out.
const ROW_LOAD: u64 = 16;

/// Where the rows of both sides are.
pub(super) struct Blocks {
    /// Blocks of each side.
    pub count: usize,
    /// For each block its sources, in order.
    pub sources: Vec<Vec<Range<u32>>>,
    /// Targets in all.
    targets: usize,
}

impl Blocks {
    /// Blocks for as many sources as `offsets` has gaps, each the number of a source's links, and vectors of this
    /// dimension.
    pub(super) fn new(offsets: &[u64], targets: usize, dim: usize) -> Self {
        let sources = offsets.len().saturating_sub(1);
        let links = offsets.last().copied().unwrap_or(0);
        let rows = sources.max(targets);
        let fit = (BLOCK_BYTES / Factors::row_bytes(dim)).max(1);
        let count = rows.div_ceil(fit).clamp(FEWEST, MOST).min((links / TILE).isqrt() as usize);
        // A quarter of what 16 bits allow, so that blocks of uneven numbers of rows have room.
        let count = count.max(rows.div_ceil(ROWS / 4)).max(1);
        Blocks { count, sources: deal(offsets, count), targets }
    }

    /// The number of sources in a block.
    pub(super) fn sources_in(&self, block: usize) -> usize {
        self.sources[block].iter().map(ExactSizeIterator::len).sum()
    }

    /// The number of targets in a block.
    pub(super) fn targets_in(&self, block: usize) -> usize {
        (self.targets + self.count - 1 - block) / self.count
    }

    /// The block of a target and its row there: every n-th target is in one block.
    pub(super) fn target(&self, target: u32) -> (usize, u16) {
        let count = self.count as u32;
        ((target % count) as usize, (target / count) as u16)
    }

    /// Sources by number: the block of each and its row there.
    pub(super) fn source_places(&self) -> Vec<(u16, u16)> {
        let all = self.sources.iter().flatten().map(|range| range.end).max().unwrap_or(0);
        let mut places = vec![(0, 0); all as usize];
        for (block, ranges) in self.sources.iter().enumerate() {
            for (row, source) in ranges.iter().cloned().flatten().enumerate() {
                places[source as usize] = (block as u16, row as u16);
            }
        }
        places
    }
}

/// Deals consecutive sources to the block that has least so far.
fn deal(offsets: &[u64], blocks: usize) -> Vec<Vec<Range<u32>>> {
    let sources = offsets.len().saturating_sub(1);
    let mut dealt = vec![Vec::new(); blocks];
    let mut rows = vec![0; blocks];
    let mut least: BinaryHeap<_> = (0..blocks).map(|block| Reverse((0, block))).collect();
    let mut start = 0;
    while start < sources {
        let mut end = start + 1;
        while end < sources
            && end - start < DEAL_ROWS
            && offsets[end + 1] - offsets[start] <= DEAL_LINKS
        {
            end += 1;
        }
        // Full blocks have gone; there is room in the others for more than all.
        let Some(Reverse((load, block))) = least.pop() else { break };
        dealt[block].push(start as u32..end as u32);
        rows[block] += end - start;
        if rows[block] + DEAL_ROWS <= ROWS {
            let more = offsets[end] - offsets[start] + (end - start) as u64 * ROW_LOAD;
            least.push(Reverse((load + more, block)));
        }
        start = end;
    }
    dealt
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offsets of rows whose lengths fall as word frequencies do, then of rows without any link.
    fn offsets(words: u64, empty: u64) -> Vec<u64> {
        let lengths = (0..words).map(|i| words / (i + 1) + 3).chain((0..empty).map(|_| 0));
        std::iter::once(0)
            .chain(lengths.scan(0, |sum, length| {
                *sum += length;
                Some(*sum)
            }))
            .collect()
    }

    #[test]
    fn every_row_has_one_place_and_blocks_are_even() {
        for (words, empty, dim) in [(30_000, 0, 100), (30_000, 200_000, 300), (500, 1, 20)] {
            let offsets = offsets(words, empty);
            let all = (words + empty) as usize;
            let blocks = Blocks::new(&offsets, all, dim);
            let mut seen = vec![Vec::new(); blocks.count];
            for (block, row) in blocks.source_places() {
                seen[block as usize].push(row);
            }
            for (block, mut rows) in seen.into_iter().enumerate() {
                rows.sort_unstable();
                assert!(rows.iter().copied().eq((0..rows.len()).map(|row| row as u16)));
                assert_eq!(rows.len(), blocks.sources_in(block));
            }
            let mut targets = vec![0; blocks.count];
            for target in 0..all as u32 {
                let (block, row) = blocks.target(target);
                assert!((row as usize) < blocks.targets_in(block));
                targets[block] += 1;
            }
            assert!((0..blocks.count).all(|block| targets[block] == blocks.targets_in(block)));
            if words > 1000 {
                let links = |block: usize| {
                    let of = |r: &Range<u32>| offsets[r.end as usize] - offsets[r.start as usize];
                    blocks.sources[block].iter().map(of).sum::<u64>()
                };
                let all: Vec<u64> = (0..blocks.count).map(links).collect();
                let mean = offsets.last().unwrap() / blocks.count as u64;
                // The first word alone has more than a share.
                let most = mean.max(words + 3) * 13 / 10;
                assert!(blocks.count > 16 && all.iter().all(|&n| n < most), "{all:?}");
            }
        }
    }

    #[test]
    fn few_links_make_few_tiles_and_many_rows_many_blocks() {
        assert_eq!(Blocks::new(&[0, 2, 4], 2, 100).count, 1);
        assert_eq!(Blocks::new(&[0], 0, 100).count, 1);
        let many = Blocks::new(&vec![0; 20_000_001], 20_000_000, 10);
        assert!((0..many.count).all(|b| many.sources_in(b) <= ROWS && many.targets_in(b) <= ROWS));
        let dealt: usize = (0..many.count).map(|block| many.sources_in(block)).sum();
        assert_eq!(dealt, 20_000_000);
    }
}
