//! The exact graph: every pair of points is compared once, for both of its points.
//!
//! Points stand in blocks; block I meets the blocks I, I+1, … halfway around the circle, so that every pair of blocks
//! meets once and every block has as much to do. A meeting multiplies the two blocks, finds the products that are of
//! interest to either side, and offers them to both sides' lists. Lists keep k + [`SLACK`] candidates in f32; then those
//! that rounding could hide ([`Points::window`]) are measured in f64. Points whose candidates do not reach past that
//! window (near-ties by the dozen) are compared with all others again, and all within the window are measured. So the
//! graph is a function of the points alone.

use rayon::prelude::*;

use super::lists::{Shared, entry};
use super::measured::{Measured, fill};
use super::points::Points;
use crate::error::Result;
use crate::kernels::LANES;
use crate::kernels::gram::{Gram, Line};
use crate::linalg::blocks::Work;
use crate::run::Run;

/// How many candidates more than asked for are kept.
pub(super) const SLACK: usize = 16;
/// Points in a block, whose lists share a lock: the products of two blocks and their lists fit a second-level cache.
const BLOCK: usize = 256;

/// The lists of the `k` nearest of every point, exactly: neighbours and distances, list after list.
pub(super) fn exact(points: &Points<'_>, k: usize, run: &Run) -> Result<(Vec<u32>, Vec<f32>)> {
    let (n, dim, gram) = (points.len(), points.dim(), Gram::detect());
    let blocks = n.div_ceil(BLOCK);
    let pairs = n as u64 * (n as u64 - 1) / 2;
    let work = Work::new(run, "comparing all pairs", pairs, "pairs")?;
    let (panels, halves) = points.panels(&gram, &work);
    let all = Side { panels: &panels, halves: &halves, dim };
    let sizes = (0..blocks).map(|block| size(block, n) as usize);
    let lists = Shared::new(sizes, (k + SLACK).min(n - 1));
    work.pool.install(|| {
        (0..blocks).into_par_iter().with_max_len(1).for_each_init(
            Meeting::default,
            |meeting, a| {
                for step in 0..=blocks / 2 {
                    // Halfway around an even circle two blocks would meet twice.
                    let twice = step * 2 == blocks && a >= step && step > 0;
                    if work.cancelled() || twice {
                        break;
                    }
                    let b = (a + step) % blocks;
                    meeting.meet(&gram, all.block(a), all.block(b), a, b, &lists);
                    let (own, other) = (size(a, n), size(b, n));
                    work.advance(if step == 0 { own * (own - 1) / 2 } else { own * other });
                }
            },
        );
    });
    work.finish()?;
    let measured = Measured { points, k };
    let (mut neighbours, mut distances, hard) = measured.of_all(lists, None, &halves, run)?;
    for ((point, _), nearest) in hard.iter().zip(measured.again(Some(&all), &hard, run)?) {
        let at = *point as usize * k;
        fill(&nearest, &mut neighbours[at..at + k], &mut distances[at..at + k]);
    }
    Ok((neighbours, distances))
}

/// How many points a block has.
fn size(block: usize, points: usize) -> u64 {
    (points - block * BLOCK).min(BLOCK) as u64
}

/// Points in panels, with ½‖x‖² of each.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    panels: &'a [f32],
    halves: &'a [f32],
    dim: usize,
}

impl<'a> Side<'a> {
    /// The points of the block-th [`BLOCK`].
    fn block(&self, block: usize) -> Side<'a> {
        let (from, to) = (block * BLOCK, self.halves.len().min((block + 1) * BLOCK));
        Side {
            panels: &self.panels[from * self.dim..to * self.dim],
            halves: &self.halves[from..to],
            dim: self.dim,
        }
    }

    /// How many places there are, those without a point included.
    fn len(&self) -> usize {
        self.halves.len()
    }
}

/// What a thread needs when two blocks meet.
#[derive(Default)]
struct Meeting {
    dots: Vec<f32>,
    bounds: [Vec<f32>; 2],
    hits: Vec<u32>,
    /// For either block, the place in it and what is offered to its list.
    offers: [Vec<(u32, u64)>; 2],
}

impl Meeting {
    fn meet(
        &mut self,
        gram: &Gram,
        a: Side<'_>,
        b: Side<'_>,
        block_a: usize,
        block_b: usize,
        lists: &Shared,
    ) {
        let (first_a, first_b) = ((block_a * BLOCK) as u32, (block_b * BLOCK) as u32);
        self.dots.resize(a.len() * b.len(), 0.0);
        gram.products(a.panels, b.panels, a.dim, &mut self.dots);
        // Bounds as they are now: others may lower them meanwhile, which the lists will see to.
        for (bounds, (block, side)) in self.bounds.iter_mut().zip([(block_a, a), (block_b, b)]) {
            bounds.clear();
            lists.with(block, |lists| bounds.extend_from_slice(lists.bounds()));
            bounds.resize(side.len(), f32::NEG_INFINITY); // places without a point
        }
        self.hits.resize(b.len(), 0);
        let [offers_a, offers_b] = &mut self.offers;
        offers_a.clear();
        offers_b.clear();
        for (i, dots) in self.dots.chunks_exact(b.len()).enumerate() {
            if a.halves[i].is_nan() {
                break; // no points any more
            }
            // Within one block every pair stands twice; the later half of each row is looked at.
            let from = if block_a == block_b { i / LANES * LANES } else { 0 };
            let bound = self.bounds[0][i];
            let bounds = &self.bounds[1][from..];
            let halves = &b.halves[from..];
            let line = Line { dots: &dots[from..], own: a.halves[i], bound, halves, bounds };
            let count = gram.close(&line, &mut self.hits);
            for &hit in &self.hits[..count] {
                let j = from as u32 + hit;
                if block_a == block_b && j as usize <= i {
                    continue;
                }
                let distance = line.distance(hit as usize);
                if distance <= bound {
                    offers_a.push((i as u32, entry(distance, first_b + j)));
                }
                if distance <= bounds[hit as usize] {
                    offers_b.push((j, entry(distance, first_a + i as u32)));
                }
            }
        }
        for (block, offers) in [(block_a, offers_a), (block_b, offers_b)] {
            lists.with(block, |lists| {
                for &(place, entry) in &*offers {
                    lists.offer(place as usize, entry);
                }
            });
        }
    }
}

/// The place of a point among some, another point, and D between them.
pub(super) type Close = (u32, u32, f32);

/// Compares some points with all others: `take` gets what is close, every D up to the bound of the member, itself left
/// out, in no fixed order; `bounds` is asked again before each block.
pub(super) fn against_all(
    points: &Points<'_>,
    all: Option<&Side<'_>>,
    members: &[u32],
    work: &Work,
    bounds: &(dyn Fn(&mut Vec<f32>) + Sync),
    take: &(dyn Fn(&[Close]) + Sync),
) {
    let (n, dim, gram) = (points.len(), points.dim(), Gram::detect());
    let places = members.len().next_multiple_of(LANES);
    let (mut rows, mut halves) = (vec![0.0; members.len() * dim], vec![f32::NAN; places]);
    let mut scratch = Vec::new();
    for (i, &member) in members.iter().enumerate() {
        let member = member as usize;
        let (row, half) = (&mut rows[i * dim..(i + 1) * dim], &mut halves[i..=i]);
        points.write(member..member + 1, &mut scratch, row, half);
    }
    let mut panels = vec![0.0; places * dim];
    gram.pack(&rows, dim, &mut panels);
    work.pool.install(|| {
        (0..n.div_ceil(BLOCK)).into_par_iter().for_each_init(Against::default, |own, block| {
            if work.cancelled() {
                return;
            }
            let range = block * BLOCK..n.min((block + 1) * BLOCK);
            let count = range.len() as u64;
            let width = range.len().next_multiple_of(LANES);
            let first = range.start as u32;
            let there = if let Some(all) = all {
                all.block(block)
            } else {
                own.rows.resize(range.len() * dim, 0.0);
                own.panels.resize(width * dim, 0.0);
                own.halves.clear();
                own.halves.resize(width, f32::NAN);
                let count = range.len();
                points.write(range, &mut own.scratch, &mut own.rows, &mut own.halves[..count]);
                gram.pack(&own.rows, dim, &mut own.panels);
                Side { panels: &own.panels, halves: &own.halves, dim }
            };
            own.dots.resize(places * width, 0.0);
            gram.products(&panels, there.panels, dim, &mut own.dots);
            bounds(&mut own.bounds);
            own.none.resize(width, f32::NEG_INFINITY);
            own.hits.resize(width, 0);
            own.found.clear();
            for (i, (&member, dots)) in members.iter().zip(own.dots.chunks_exact(width)).enumerate()
            {
                let line = Line {
                    dots,
                    own: halves[i],
                    bound: own.bounds[i],
                    halves: there.halves,
                    bounds: &own.none,
                };
                let hits = gram.close(&line, &mut own.hits);
                for &hit in &own.hits[..hits] {
                    let other = first + hit;
                    if other != member {
                        own.found.push((i as u32, other, line.distance(hit as usize)));
                    }
                }
            }
            take(&own.found);
            work.advance(count * members.len() as u64);
        });
    });
}

/// What a thread needs to compare some points with a block of others.
#[derive(Default)]
struct Against {
    scratch: Vec<f32>,
    rows: Vec<f32>,
    panels: Vec<f32>,
    halves: Vec<f32>,
    dots: Vec<f32>,
    bounds: Vec<f32>,
    none: Vec<f32>,
    hits: Vec<u32>,
    found: Vec<Close>,
}
