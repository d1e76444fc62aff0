//! NN-descent: a neighbour of a neighbour is likely to be a neighbour (Dong, Charikar & Li, WWW 2011).
//!
//! From a start by random-projection trees, rounds are made in which every point introduces to each other the points that
//! are linked with it, in either direction: those of links that are new since the last round with each other and with
//! old ones. Whoever is nearer than the k-th so far becomes a neighbour. It ends when a round changes little.
//!
//! Where it differs, on purpose:
//! - Points that are introduced are copied side by side and compared as one product of matrices, some twenty times
//!   faster than pair by pair; so are the points of a leaf. Points are renumbered in the order of the first tree, so
//!   that those to be copied lie near each other.
//! - Which links take part in a round is drawn by hashing the pair and the round, and lists end with the least of what
//!   they are offered in any order: the graph is the same at any number of threads.
//! - At the end distances are measured in f64, and points whose list is too short are compared with all.

use std::sync::atomic::{AtomicU32, Ordering};

use rand_xoshiro::rand_core::Rng;
use rayon::prelude::*;

use super::NeighbourOptions;
use super::forest::{leaves, mixed, tree};
use super::join::{Join, SHARED, State};
use super::lists::{Shared, point_of};
use super::measured::{Measured, Scratch, fill};
use super::points::Points;
use super::prepared::{MOST_HELD, Prepared};
use crate::error::{Error, Result};
use crate::linalg::blocks::Work;
use crate::run::Run;

/// The name of the random stream: "descent".
const STREAM: u64 = 0x0064_6573_6365_6e74;
/// A link that was not there before the last round.
const NEW: u32 = 1 << 31;
/// The place of a link that is missing.
const NONE: u32 = u32::MAX;
/// Rounds that are usual; more of them make the end seem nearer than it is.
const USUAL_ROUNDS: usize = 3;
/// Points that a thread takes at a time.
const CHUNK: usize = 4 * SHARED;

/// The lists of nearly the k nearest of every point: neighbours and distances, list after list.
pub(super) fn descent(
    points: &Points<'_>,
    options: &NeighbourOptions,
    run: &Run,
) -> Result<(Vec<u32>, Vec<f32>)> {
    descent_holding(MOST_HELD, points, options, run)
}

/// With at most so many numbers copied.
fn descent_holding(
    most: usize,
    points: &Points<'_>,
    options: &NeighbourOptions,
    run: &Run,
) -> Result<(Vec<u32>, Vec<f32>)> {
    let (n, k) = (points.len(), options.k);
    if n >= NEW as usize {
        return Err(Error::data(format!("{n} points are more than descent can number")));
    }
    // A few more than asked for: a point's last neighbours lead on, too.
    let kept = (k + (k / 4).clamp(4, 16)).min(n - 1);
    let leaf = options.leaf.max(k + 1);
    let key = run.stream(&[STREAM]).next_u64();
    // Reading, trees, and as many rounds as are usual.
    let total = n * (1 + options.trees + options.rounds.min(USUAL_ROUNDS));
    let work = Work::new(run, "finding neighbours", total as u64, "points")?;
    let (rows, halves) = Prepared::new(points, most, key, &work);
    work.finish()?;
    let (sketch, wide) = rows.sketch(points.dim());
    let order = work.pool.install(|| tree(sketch, wide, leaf, mixed(key, 0)));
    let state = State::new(rows, &halves, points.dim(), &order, kept);
    drop(halves);
    plant(&state, options.trees, leaf, key, &work)?;

    let mut links = vec![NONE; n * kept];
    let mut changed = relink(&state, &mut links, &work);
    let enough = (options.tolerance * (n * kept) as f64) as u64;
    for round in 0..options.rounds {
        if changed <= enough {
            break;
        }
        let reverse = Reverse::new(n, kept, &links, &work);
        let key = mixed(key, 1000 + round as u64);
        introduce(&state, &mut links, &reverse, options.candidates, key, &work);
        work.finish()?;
        drop(reverse);
        let before = changed;
        changed = relink(&state, &mut links, &work);
        let left = rounds_left(changed, before, enough).min(options.rounds - round - 1);
        work.expect_more((n * left) as u64);
    }
    drop(links);
    finish(points, k, &state.lists, &order, run)
}

/// How many rounds are still to come, if changes go on to shrink as they last did.
fn rounds_left(changed: u64, before: u64, enough: u64) -> usize {
    if changed <= enough {
        return 0;
    }
    let shrinks = (changed as f64 / before.max(1) as f64).min(0.9);
    ((enough.max(1) as f64 / changed as f64).ln() / shrinks.ln()).ceil().clamp(1.0, 1000.0) as usize
}

/// Compares the points of every leaf of every tree.
fn plant(state: &State<'_>, trees: usize, leaf: usize, key: u64, work: &Work) -> Result<()> {
    let n = state.len();
    let leaves = leaves(n, leaf);
    for i in 0..trees {
        let order: Vec<u32> = if i == 0 {
            (0..n as u32).collect() // as the points have been renumbered
        } else {
            let (sketch, wide) = state.sketch();
            work.pool.install(|| tree(sketch, wide, leaf, mixed(key, i as u64)))
        };
        work.pool.install(|| {
            leaves.par_iter().for_each_init(Join::default, |join, leaf| {
                if !work.cancelled() {
                    join.members.clear();
                    join.members.extend_from_slice(&order[leaf.clone()]);
                    join.introduce(state, leaf.len());
                    work.advance(leaf.len() as u64);
                }
            });
        });
        work.finish()?;
    }
    Ok(())
}

/// Takes the links of all points from their lists, those flagged that are new; says how many these are.
fn relink(state: &State<'_>, links: &mut [u32], work: &Work) -> u64 {
    let kept = links.len() / state.len();
    work.pool.install(|| {
        let blocks = links.par_chunks_mut(SHARED * kept).enumerate();
        let changed = blocks.map(|(block, links)| {
            state.lists.with(block, |lists| {
                let mut changed = 0_u64;
                let mut before = Vec::with_capacity(kept);
                for (i, links) in links.chunks_exact_mut(kept).enumerate() {
                    before.clear();
                    before.extend_from_slice(links);
                    links.fill(NONE);
                    // What is left of the links before are the first of them, in order.
                    let mut old = before.iter().peekable();
                    for (link, &entry) in links.iter_mut().zip(lists.settle(i)) {
                        let point = point_of(entry);
                        let same = old.next_if(|&&old| old & !NEW == point && old != NONE);
                        *link = if let Some(&old) = same {
                            old
                        } else {
                            changed += 1;
                            point | NEW
                        };
                    }
                }
                changed
            })
        });
        changed.sum()
    })
}

/// The links of all points the other way around.
struct Reverse {
    starts: Vec<usize>,
    /// The points from which links come, flagged as the links are, in no fixed order.
    sources: Vec<AtomicU32>,
}

impl Reverse {
    fn new(n: usize, kept: usize, links: &[u32], work: &Work) -> Self {
        let counts: Vec<AtomicU32> = (0..n).map(|_| AtomicU32::new(0)).collect();
        let target = |&&link: &&u32| link != NONE;
        work.pool.install(|| {
            links.par_chunks(CHUNK * kept).for_each(|links| {
                for link in links.iter().filter(target) {
                    counts[(link & !NEW) as usize].fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        let mut starts = Vec::with_capacity(n + 1);
        let mut total = 0;
        for count in &counts {
            starts.push(total);
            // From here on it counts down the places that are free.
            total += count.load(Ordering::Relaxed) as usize;
        }
        starts.push(total);
        let sources: Vec<AtomicU32> = (0..total).map(|_| AtomicU32::new(0)).collect();
        work.pool.install(|| {
            links.par_chunks(CHUNK * kept).enumerate().for_each(|(chunk, links)| {
                for (i, links) in links.chunks_exact(kept).enumerate() {
                    let source = (chunk * CHUNK + i) as u32;
                    for link in links.iter().filter(target) {
                        let target = (link & !NEW) as usize;
                        let free = counts[target].fetch_sub(1, Ordering::Relaxed) as usize;
                        let place = starts[target] + free - 1;
                        sources[place].store(source | link & NEW, Ordering::Relaxed);
                    }
                }
            });
        });
        Reverse { starts, sources }
    }

    /// The links to a point.
    fn of(&self, point: usize) -> impl Iterator<Item = u32> {
        let range = self.starts[point]..self.starts[point + 1];
        self.sources[range].iter().map(|source| source.load(Ordering::Relaxed))
    }
}

/// One round: every point introduces to each other up to `most` points of new and of old links. Links that took part are
/// new no more.
fn introduce(
    state: &State<'_>,
    links: &mut [u32],
    reverse: &Reverse,
    most: usize,
    key: u64,
    work: &Work,
) {
    let kept = links.len() / state.len();
    work.pool.install(|| {
        links.par_chunks_mut(CHUNK * kept).enumerate().for_each_init(
            Default::default,
            |(join, news, olds): &mut (Join, Vec<u64>, Vec<u64>), (chunk, links)| {
                if work.cancelled() {
                    return;
                }
                for (i, links) in links.chunks_exact_mut(kept).enumerate() {
                    let point = chunk * CHUNK + i;
                    let key = mixed(key, point as u64);
                    news.clear();
                    olds.clear();
                    let own = links.iter().copied().filter(|&link| link != NONE);
                    for link in own.chain(reverse.of(point)) {
                        let other = link & !NEW;
                        let drawn = mixed(key, u64::from(other)) << 32 | u64::from(other);
                        let links = if link & NEW == 0 { &mut *olds } else { &mut *news };
                        links.push(drawn);
                    }
                    draw(news, most);
                    draw(olds, most);
                    if news.is_empty() {
                        continue;
                    }
                    join.members.clear();
                    join.members.extend(news.iter().chain(&*olds).map(|&drawn| point_of(drawn)));
                    let drawn = &join.members[..news.len()];
                    for link in
                        links.iter_mut().filter(|&&mut link| link & NEW != 0 && link != NONE)
                    {
                        if drawn.contains(&(*link & !NEW)) {
                            *link &= !NEW;
                        }
                    }
                    join.introduce(state, news.len());
                }
                work.advance((links.len() / kept) as u64);
            },
        );
    });
}

/// The `most` least of them, each once.
fn draw(drawn: &mut Vec<u64>, most: usize) {
    drawn.sort_unstable();
    drawn.dedup();
    drawn.truncate(most);
}

/// The k nearest of each list, measured; `order` holds the points' own numbers.
fn finish(
    points: &Points<'_>,
    k: usize,
    lists: &Shared,
    order: &[u32],
    run: &Run,
) -> Result<(Vec<u32>, Vec<f32>)> {
    let n = order.len();
    let mut places = vec![0_u32; n];
    for (place, &point) in order.iter().enumerate() {
        places[point as usize] = place as u32;
    }
    let measured = Measured { points, k };
    let (mut neighbours, mut distances) = (vec![0; n * k], vec![0.0; n * k]);
    let work = Work::new(run, "measuring neighbours", n as u64, "points")?;
    let short: Vec<Vec<u32>> = work.pool.install(|| {
        neighbours
            .par_chunks_mut(CHUNK * k)
            .zip(distances.par_chunks_mut(CHUNK * k))
            .enumerate()
            .map_init(
                Default::default,
                |(scratch, others): &mut (Scratch, Vec<u32>), (chunk, (neighbours, distances))| {
                    let mut short = Vec::new();
                    if work.cancelled() {
                        return short;
                    }
                    let count = neighbours.len() / k;
                    let slots = neighbours.chunks_exact_mut(k).zip(distances.chunks_exact_mut(k));
                    for (i, (neighbours, distances)) in slots.enumerate() {
                        let point = (chunk * CHUNK + i) as u32;
                        let place = places[point as usize] as usize;
                        others.clear();
                        lists.with(place / SHARED, |lists| {
                            let near = lists.settle(place % SHARED).iter();
                            others.extend(near.map(|&near| order[point_of(near) as usize]));
                        });
                        if others.len() < k {
                            short.push(point);
                        } else {
                            let near = measured.measure(point, others, false, scratch);
                            fill(&near, neighbours, distances);
                        }
                    }
                    work.advance(count as u64);
                    short
                },
            )
            .collect()
    });
    work.finish()?;
    let short = short.concat();
    if !short.is_empty() {
        for (&point, near) in short.iter().zip(measured.of_some(&short, run)?) {
            let at = point as usize * k;
            fill(&near, &mut neighbours[at..at + k], &mut distances[at..at + k]);
        }
    }
    Ok((neighbours, distances))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Geometry;
    use crate::index::Graph;
    use crate::linalg::Matrix;

    /// Points that are read each time they are wanted have the neighbours that copied ones have, but for a few.
    #[test]
    fn points_need_not_be_held() {
        let mut random = crate::run::stream(2, &[]);
        let mut number = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        let (n, dim) = (3000, 80);
        let centres: Vec<f32> = (0..12 * dim).map(|_| 3.0 * number()).collect();
        let data = (0..n * dim).map(|i| 100.0 + centres[i / dim % 12 * dim + i % dim] + number());
        let vectors = Matrix::new(n, dim, data.collect()).unwrap();
        for geometry in [Geometry::Euclidean, Geometry::Cosine] {
            let options = NeighbourOptions { recall_sample: 0, ..NeighbourOptions::nearest(10) };
            let found = |most: usize, threads: usize| {
                let run = Run { threads, ..Run::silent(4) };
                let points = Points::new(&vectors, geometry, &run).unwrap();
                let (neighbours, distances) =
                    descent_holding(most, &points, &options, &run).unwrap();
                Graph::new(10, neighbours, distances).unwrap()
            };
            let read = found(0, 1);
            assert_eq!(read, found(0, 2));
            for graph in [&read, &found(usize::MAX, 2)] {
                let recall = graph.measured(&vectors, geometry, n, &Run::silent(1)).unwrap();
                assert!(recall.value > 0.97, "{geometry:?}: {recall:?}");
            }
        }
    }

    #[test]
    fn rounds_to_come_follow_from_how_changes_shrink() {
        assert_eq!(rounds_left(100, 1000, 100), 0);
        assert_eq!(rounds_left(1000, 10_000, 10), 2);
        assert_eq!(rounds_left(1000, 10_000, 9), 3);
        assert!(rounds_left(1000, 900, 10) > 5);
    }
}
