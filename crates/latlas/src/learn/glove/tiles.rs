//! Links sorted into tiles, in memory or in a scratch file, and the order in which an epoch goes through them.

use rand_xoshiro::rand_core::Rng;
use std::io::Write;
use xxhash_rust::xxh3::xxh3_64;

use super::blocks::Blocks;
use crate::data::Counts;
use crate::error::{Error, Result};
use crate::file::{self, Bytes, NewFile};
use crate::items::Relations;
use crate::kernels::adagrad::Link;
use crate::run::{Run, Step};

/// Bytes of links that are kept in memory; more go to a scratch file, where the run has a folder for it.
const IN_MEMORY: u64 = 64 << 20;
const LINK: usize = size_of::<Link>();
/// Bytes that a system maps at once where a page of a file is missing.
const AROUND: usize = 64 << 10;
/// Links of a file that are passed over before their memory is let go.
const PASSED: u64 = 1 << 18;

/// All links, tile after tile.
pub(super) struct Tiles {
    pub blocks: Blocks,
    /// Where each tile ends among the links; tiles lie by block of sources, then by block of targets.
    ends: Vec<u64>,
    links: Bytes,
    /// A number that differs when the links do.
    pub fingerprint: u64,
}

impl Tiles {
    /// Sorts the links of some counts into tiles for vectors of this dimension. Links of weight 0 are left out; a
    /// negative weight is an error.
    pub(super) fn sort(counts: &Counts, dim: usize, run: &Run<'_>) -> Result<Self> {
        Self::sort_within(counts, dim, IN_MEMORY, run)
    }

    pub(super) fn sort_within(
        counts: &Counts,
        dim: usize,
        memory: u64,
        run: &Run<'_>,
    ) -> Result<Self> {
        let relations = &counts.relations;
        let blocks = Blocks::new(relations.offsets(), relations.targets(), dim);
        let large = relations.links().saturating_mul(LINK as u64) > memory;
        let mut store = match &run.checkpoint {
            Some(place) if large => Store::file(&place.dir)?,
            _ => Store::Memory(Vec::new()),
        };
        let mut ends = Vec::with_capacity(blocks.count * blocks.count);
        let mut sorted = Vec::new();
        let mut done = 0;
        for block in 0..blocks.count {
            run.report(&Step {
                stage: "sorting",
                done,
                total: Some(relations.links()),
                unit: "links",
                detail: String::new(),
            })?;
            done += sort_block(counts, &blocks, block, &mut sorted, &mut ends)?;
            store.put(bytemuck::cast_slice(&sorted))?;
        }
        let (links, fingerprint) = store.finish()?;
        Ok(Tiles { blocks, ends, links, fingerprint })
    }

    /// All links.
    pub(super) fn count(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Whether they are a file's.
    #[cfg(test)]
    pub(super) fn is_mapped(&self) -> bool {
        self.links.is_mapped()
    }

    /// The links of a tile, by source and target.
    pub(super) fn links(&self, source: usize, target: usize) -> &[Link] {
        bytemuck::cast_slice(&self.links[self.bytes(source, target)])
    }

    /// Lets the memory of a tile go, where it is a file's; for else the whole file would come to count as this
    /// program's memory. With it goes what the system has mapped around it.
    pub(super) fn release(&self, source: usize, target: usize) {
        let bytes = self.bytes(source, target);
        let end = bytes.end.next_multiple_of(AROUND);
        self.links.release(bytes.start / AROUND * AROUND..end);
    }

    fn bytes(&self, source: usize, target: usize) -> std::ops::Range<usize> {
        let tile = source * self.blocks.count + target;
        let start = if tile == 0 { 0 } else { self.ends[tile - 1] };
        start as usize * LINK..self.ends[tile] as usize * LINK
    }
}

/// Sorts the links of one block of sources by block of targets, into `sorted`, and adds where its tiles end. How many
/// links there were.
fn sort_block(
    counts: &Counts,
    blocks: &Blocks,
    block: usize,
    sorted: &mut Vec<Link>,
    ends: &mut Vec<u64>,
) -> Result<u64> {
    let relations = &counts.relations;
    let mut passed = Passed { relations, from: 0 };
    // Where the next link of each tile goes: first how many there are, then where they begin.
    let mut next = vec![0_usize; blocks.count];
    for range in &blocks.sources[block] {
        for source in range.clone() {
            let (targets, weights) = relations.row(source);
            for (&target, &weight) in targets.iter().zip(weights) {
                if weight < 0.0 {
                    return Err(negative(counts, source, target, weight));
                }
                next[blocks.target(target).0] += usize::from(weight > 0.0);
            }
        }
        passed.to(range.end);
    }
    passed.all();
    let before = ends.last().copied().unwrap_or(0);
    let mut sum = 0;
    for place in &mut next {
        sum += *place;
        ends.push(before + sum as u64);
        *place = sum - *place;
    }
    sorted.clear();
    sorted.resize(sum, Link { source: 0, target: 0, log: 0.0 });
    let mut row = 0;
    for range in &blocks.sources[block] {
        for source in range.clone() {
            let (targets, weights) = relations.row(source);
            for (&target, &weight) in targets.iter().zip(weights) {
                if weight > 0.0 {
                    let (tile, target) = blocks.target(target);
                    sorted[next[tile]] = Link { source: row, target, log: log(weight) };
                    next[tile] += 1;
                }
            }
            row = row.wrapping_add(1); // behind the last of 2^16 rows comes none
        }
        passed.to(range.end);
    }
    passed.all();
    Ok(sum as u64)
}

/// What has been read of mapped relations, in order, and not yet been let go.
struct Passed<'a> {
    relations: &'a Relations,
    from: u32,
}

impl Passed<'_> {
    /// Everything before this source has been passed.
    fn to(&mut self, source: u32) {
        let at = |source: u32| self.relations.offsets()[source as usize];
        if at(source) - at(self.from) > PASSED {
            self.relations.release(self.from as usize..source as usize);
            self.from = source;
        }
    }

    fn all(&mut self) {
        self.relations.release(self.from as usize..self.relations.sources());
        self.from = 0;
    }
}

/// ln x, to the precision that a link has room for. Within the range of f32 its logarithm is as good and much faster.
fn log(x: f64) -> f32 {
    let narrow = x as f32;
    if narrow.is_normal() { narrow.ln() } else { x.ln() as f32 }
}

fn negative(counts: &Counts, source: u32, target: u32, weight: f64) -> Error {
    let word = |id: u32| counts.vocabulary.words.get(id as usize).map_or("?", String::as_str);
    Error::data(format!(
        "the link from '{}' to '{}' has weight {weight}, which has no logarithm",
        word(source),
        word(target)
    ))
    .help("GloVe learns from counts; weights must not be negative")
}

/// Where links go while they are sorted.
enum Store {
    Memory(Vec<u8>),
    File(Box<NewFile>),
}

impl Store {
    fn file(folder: &std::path::Path) -> Result<Self> {
        file::create_dir(folder)?;
        let path = folder.join("glove.links");
        if path.exists() {
            file::remove(&path)?;
        }
        Ok(Store::File(Box::new(NewFile::create(&path)?)))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Store::Memory(memory) => {
                memory.extend_from_slice(bytes);
                Ok(())
            }
            Store::File(file) => file.write_all(bytes).map_err(|e| file.blame(&e)),
        }
    }

    fn finish(self) -> Result<(Bytes, u64)> {
        match self {
            Store::Memory(memory) => {
                let hash = xxh3_64(&memory);
                Ok((Bytes::from(memory), hash))
            }
            Store::File(file) => {
                let path = file.path().to_owned();
                let hash = file.finish_scratch()?.xxh3;
                let bytes = Bytes::map(&path)?;
                // Where a mapped file may go from its folder, nothing is left behind by a kill; elsewhere the folder
                // is swept with the checkpoints.
                let _ = std::fs::remove_file(&path);
                Ok((bytes, hash))
            }
        }
    }
}

/// The order of one epoch. Its tiles are in as many rounds as there are blocks; in each round every block of sources
/// meets another block of targets, so that no two tiles of a round touch the same row and it does not matter who works
/// on which, nor when (Gemulla, Nijkamp, Haas & Sismanis, KDD 2011).
pub(super) struct Order {
    sources: Vec<u16>,
    targets: Vec<u16>,
    shifts: Vec<u16>,
}

impl Order {
    /// The order of an epoch, at random.
    pub(super) fn new(blocks: usize, epoch: u64, run: &Run<'_>) -> Self {
        let mut random = run.stream(&[1, epoch]);
        let mut shuffled = || {
            let mut all: Vec<u16> = (0..blocks).map(|block| block as u16).collect();
            for i in (1..blocks).rev() {
                all.swap(i, ((u64::from(random.next_u32()) * (i as u64 + 1)) >> 32) as usize);
            }
            all
        };
        Order { sources: shuffled(), targets: shuffled(), shifts: shuffled() }
    }

    /// The blocks of sources and targets of the n-th tile.
    pub(super) fn tile(&self, n: u64) -> (usize, usize) {
        let blocks = self.sources.len();
        let (round, place) = (n as usize / blocks, n as usize % blocks);
        let target = (place + self.shifts[round] as usize) % blocks;
        (self.sources[place] as usize, self.targets[target] as usize)
    }
}
