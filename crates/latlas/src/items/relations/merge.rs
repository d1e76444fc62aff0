//! Sums of relations, row by row.

use std::path::Path;

use xxhash_rust::xxh3::Xxh3Default;

use super::accumulate::Accumulator;
use super::draft::{self, Draft, Rows, Sink};
use super::ordered::in_order;
use super::{Relations, Shape};
use crate::error::{Error, Result};
use crate::file::SectionWriter;
use crate::run::{Run, Step};

/// Links that a task should have at most, one row apart.
const TASK: u64 = 1 << 18;
/// No row.
const NONE: u32 = u32::MAX;

/// One of several relations that are added up.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// The links.
    pub relations: &'a Relations,
    /// What each of its sources is called in the sum, where that is not what it is called here: all different.
    pub sources: Option<&'a [u32]>,
    /// The same for its targets.
    pub targets: Option<&'a [u32]>,
}

/// Adds relations up: the weight of a link is the sum of its weights in all parts. The bytes of the result do not depend
/// on the order of the parts: sums are exact where all parts count in the same unit, and otherwise taken in an order
/// that the parts' content says. `scratch` is where the result lies, and must last as long as it does; without, memory.
pub fn merge(
    parts: &[Part<'_>],
    sources: usize,
    targets: usize,
    scratch: Option<&Path>,
    run: &Run<'_>,
) -> Result<Relations> {
    let (parts, shape) = prepare(parts, sources, targets)?;
    let scratch = scratch.map(|folder| (folder, "merged.rel"));
    draft::make(shape, scratch, |sink| add_up(&parts, shape, TASK, sink, run))
}

/// Adds relations up into a section file that has begun, see [`merge`].
pub fn merge_into(
    parts: &[Part<'_>],
    sources: usize,
    targets: usize,
    writer: &mut SectionWriter<'_>,
    scratch: &Path,
    run: &Run<'_>,
) -> Result<()> {
    let (parts, shape) = prepare(parts, sources, targets)?;
    let mut draft = Draft::begin(writer, shape, scratch.join("links.weights"))?;
    add_up(&parts, shape, TASK, &mut draft, run)?;
    draft.end()
}

fn prepare<'a>(
    parts: &[Part<'a>],
    sources: usize,
    targets: usize,
) -> Result<(Vec<Addends<'a>>, Shape)> {
    let mut shape = Shape::new(sources, targets)?;
    let unit = parts.first().and_then(|part| part.relations.unit());
    let same = unit.filter(|_| parts.iter().all(|part| part.relations.unit() == unit));
    shape.unit = same.unwrap_or(0);
    let mut addends = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        let Part { relations, sources: rows, targets: columns } = *part;
        let fits = |names: Option<&[u32]>, own: usize, all: usize| match names {
            None => own <= all,
            Some(names) => names.len() == own && names.iter().all(|&name| (name as usize) < all),
        };
        let wrong = |what: &str| Err(Error::data(format!("part {} of the sum: {what}", i + 1)));
        if !fits(rows, relations.sources(), sources) || !fits(columns, relations.targets(), targets)
        {
            return wrong("its rows or columns have no place there");
        }
        let mut own = None;
        if let Some(rows) = rows {
            let mut of = vec![NONE; sources];
            for (row, &name) in rows.iter().enumerate() {
                if std::mem::replace(&mut of[name as usize], row as u32) != NONE {
                    return wrong("two of its rows are one there");
                }
            }
            own = Some(of);
        }
        addends.push(Addends { relations, rows: own, columns, bits: false });
    }
    if same.is_none() {
        addends.sort_by_cached_key(Addends::fingerprint);
    }
    Ok((addends, shape))
}

/// A part as it is added: its row for each row of the sum.
pub(super) struct Addends<'a> {
    relations: &'a Relations,
    rows: Option<Vec<u32>>,
    columns: Option<&'a [u32]>,
    /// Whether the weights are whole numbers bit by bit, see `count`.
    bits: bool,
}

impl<'a> Addends<'a> {
    pub(super) fn bits(relations: &'a Relations) -> Self {
        Addends { relations, rows: None, columns: None, bits: true }
    }

    fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let own = self.rows.as_ref().map_or(row as u32, |rows| rows[row]);
        self.relations.row(own)
    }

    fn add<T>(&self, row: usize, sums: &mut Accumulator<T>, value: impl Fn(f64) -> T)
    where
        T: Copy + Default + std::ops::AddAssign,
    {
        let (targets, weights) = self.row(row);
        for (&target, &weight) in targets.iter().zip(weights) {
            let target = self.columns.map_or(target, |columns| columns[target as usize]);
            sums.add(target, value(weight));
        }
    }

    /// A number that differs when what is added does.
    fn fingerprint(&self) -> (u64, u64) {
        let mut hash = Xxh3Default::new();
        self.relations.each_row(|_, targets, weights| {
            hash.update(bytemuck::cast_slice(targets));
            hash.update(bytemuck::cast_slice(weights));
        });
        hash.update(bytemuck::cast_slice(self.relations.offsets()));
        hash.update(bytemuck::cast_slice(self.rows.as_deref().unwrap_or_default()));
        hash.update(bytemuck::cast_slice(self.columns.unwrap_or_default()));
        (self.relations.links(), hash.digest())
    }
}

/// Gives the rows of the sum to `sink`, at most `room` links of the parts at once for each task, one row apart.
pub(super) fn add_up(
    parts: &[Addends<'_>],
    shape: Shape,
    room: u64,
    sink: &mut dyn Sink,
    run: &Run<'_>,
) -> Result<()> {
    let tasks = tasks(parts, shape.sources as usize, room.min(TASK));
    let columns = shape.targets as usize;
    let total: u64 = parts.iter().map(|part| part.relations.links()).sum();
    let mut done = 0;
    let take = |task: usize, rows: Rows| {
        sink.take(&rows)?;
        let (range, links): (_, u64) = (&tasks[task].0, tasks[task].1);
        // Rows in the parts' own order are not needed again.
        for part in parts.iter().filter(|part| part.rows.is_none()) {
            part.relations.release(range.clone());
        }
        done += links;
        let detail = String::new();
        run.report(&Step { stage: "merging", done, total: Some(total), unit: "links", detail })
    };
    if shape.unit > 0 {
        // Whole numbers: exact in any order. 128 bits hold more of them than there are.
        let unit = shape.unit as f64;
        let whole = |weight: f64| (weight * unit).round().max(0.0) as u128;
        let work = |sums: &mut Accumulator<u128>, task: usize| {
            rows(
                tasks[task].0.clone(),
                sums,
                |row, sums| {
                    for part in parts {
                        if part.bits {
                            part.add(row, sums, |weight| u128::from(weight.to_bits()));
                        } else {
                            part.add(row, sums, whole);
                        }
                    }
                },
                |sum| sum as f64 / unit,
            )
        };
        in_order(tasks.len(), run.threads, || Accumulator::new(columns), work, take)
    } else {
        let work = |sums: &mut Accumulator<f64>, task: usize| {
            rows(
                tasks[task].0.clone(),
                sums,
                |row, sums| {
                    for part in parts {
                        part.add(row, sums, |weight| weight);
                    }
                },
                |sum| sum,
            )
        };
        in_order(tasks.len(), run.threads, || Accumulator::new(columns), work, take)
    }
}

fn rows<T: Copy + Default + std::ops::AddAssign>(
    range: std::ops::Range<usize>,
    sums: &mut Accumulator<T>,
    add: impl Fn(usize, &mut Accumulator<T>),
    finish: impl Fn(T) -> f64,
) -> Rows {
    let mut rows = Rows::default();
    for row in range {
        add(row, sums);
        let begun = rows.targets.len();
        sums.drain(|target, sum| rows.push(target, finish(sum)));
        rows.end_row(begun);
    }
    rows
}

/// Ranges of rows and how many links their parts have, at most `room` unless one row has more.
fn tasks(parts: &[Addends<'_>], sources: usize, room: u64) -> Vec<(std::ops::Range<usize>, u64)> {
    let mut tasks = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for row in 0..sources {
        let links: u64 = parts.iter().map(|part| part.row(row).0.len() as u64).sum();
        if row > start && sum + links + 1 > room {
            tasks.push((start..row, sum));
            (start, sum) = (row, 0);
        }
        sum += links + 1;
    }
    if start < sources {
        tasks.push((start..sources, sum));
    }
    tasks
}
