//! From candidates in f32 to neighbours in f64: what is near enough to count is measured, ordered by the distance shown and
//! then by number.

use std::sync::Mutex;

use rayon::prelude::*;

use super::lists::{Lists, Shared, distance_of, entry, point_of};
use super::pairs::{Close, SLACK, Side, against_all};
use super::points::Points;
use crate::error::Result;
use crate::linalg::blocks::Work;
use crate::run::Run;

/// Points that are compared with all others together.
const GROUP: usize = 256;
/// Of these all near-ties are kept, which may be all others.
const FEW: usize = 64;

/// A neighbour: its distance and its number.
pub(super) type Near = (f32, u32);
/// A point whose candidates did not suffice, and how far (in D) all others have to be looked for.
pub(super) type Hard = (u32, f32);

/// What is measured, and how many neighbours are wanted.
pub(super) struct Measured<'a> {
    pub(super) points: &'a Points<'a>,
    pub(super) k: usize,
}

impl Measured<'_> {
    /// The neighbours and distances of all points from lists of more than k candidates each, list after list. The
    /// candidates of all points that stand in their own order (no `order` of them is given) are all that may be near:
    /// points are named whose candidates do not suffice to know. Otherwise those with fewer than k are named.
    pub(super) fn of_all(
        &self,
        lists: Shared,
        order: Option<&[u32]>,
        halves: &[f32],
        run: &Run,
    ) -> Result<(Vec<u32>, Vec<f32>, Vec<Hard>)> {
        let (n, k) = (self.points.len(), self.k);
        let work = Work::new(run, "measuring neighbours", n as u64, "points")?;
        let parts = lists.into_parts();
        let found: Vec<(usize, Vec<Near>, Vec<Hard>)> = work.pool.install(|| {
            let each = parts.into_par_iter().with_max_len(1);
            let found = each.map_init(Scratch::default, |scratch, (first, mut lists)| {
                let (mut found, mut hard) = (Vec::with_capacity(lists.len() * k), Vec::new());
                for list in 0..lists.len() {
                    if work.cancelled() {
                        break;
                    }
                    let place = first + list;
                    let point = order.map_or(place as u32, |order| order[place]);
                    let candidates = lists.settle(list);
                    match self.nearest(point, candidates, halves[place], order.is_none(), scratch) {
                        Ok(near) => found.extend(near),
                        Err(window) => {
                            found.resize(found.len() + k, (0.0, 0));
                            hard.push((point, window));
                        }
                    }
                }
                work.advance(lists.len() as u64);
                (first, found, hard)
            });
            found.collect()
        });
        work.finish()?;
        let (mut neighbours, mut distances) = (vec![0; n * k], vec![0.0; n * k]);
        let mut all_hard = Vec::new();
        for (first, found, hard) in found {
            for (place, near) in (first..).zip(found.chunks_exact(k)) {
                let at = order.map_or(place, |order| order[place] as usize) * k;
                fill(near, &mut neighbours[at..at + k], &mut distances[at..at + k]);
            }
            all_hard.extend(hard);
        }
        Ok((neighbours, distances, all_hard))
    }

    /// The k nearest of some points, exactly, in the order of `members`.
    pub(super) fn of_some(&self, members: &[u32], run: &Run) -> Result<Vec<Vec<Near>>> {
        let (n, k) = (self.points.len(), self.k);
        let total = n as u64 * members.len() as u64;
        let work = Work::new(run, "comparing points", total, "pairs")?;
        let mut found = Vec::with_capacity(members.len());
        let mut hard = Vec::new();
        let mut scratch = Scratch::default();
        for members in members.chunks(GROUP) {
            let lists = Mutex::new(Lists::new(members.len(), (k + SLACK).min(n - 1)));
            let bounds = |out: &mut Vec<f32>| {
                out.clear();
                out.extend_from_slice(held(&lists).bounds());
            };
            let take = |found: &[Close]| {
                let mut lists = held(&lists);
                for &(list, other, distance) in found {
                    lists.offer(list as usize, entry(distance, other));
                }
            };
            against_all(self.points, None, members, &work, &bounds, &take);
            work.finish()?;
            let mut lists = held(&lists);
            for (i, &member) in members.iter().enumerate() {
                let half = self.points.half(member, &mut scratch.rows);
                match self.nearest(member, lists.settle(i), half, true, &mut scratch) {
                    Ok(near) => found.push(near),
                    Err(window) => {
                        hard.push((found.len(), (member, window)));
                        found.push(Vec::new());
                    }
                }
            }
        }
        let (slots, hard): (Vec<usize>, Vec<Hard>) = hard.into_iter().unzip();
        for (slot, near) in slots.into_iter().zip(self.again(None, &hard, run)?) {
            found[slot] = near;
        }
        Ok(found)
    }

    /// The k nearest of points whose candidates did not suffice, in the order of `hard`.
    pub(super) fn again(
        &self,
        all: Option<&Side<'_>>,
        hard: &[Hard],
        run: &Run,
    ) -> Result<Vec<Vec<Near>>> {
        if hard.is_empty() {
            return Ok(Vec::new());
        }
        let total = hard.len() as u64 * self.points.len() as u64;
        let work = Work::new(run, "comparing near-ties", total, "pairs")?;
        let mut found = Vec::with_capacity(hard.len());
        for hard in hard.chunks(FEW) {
            let members: Vec<u32> = hard.iter().map(|&(point, _)| point).collect();
            let windows: Vec<f32> = hard.iter().map(|&(_, window)| window).collect();
            let within = Mutex::new(vec![Vec::new(); hard.len()]);
            let bounds = |out: &mut Vec<f32>| out.clone_from(&windows);
            let take = |found: &[Close]| {
                let mut within = held(&within);
                for &(i, other, _) in found {
                    within[i as usize].push(other);
                }
            };
            against_all(self.points, all, &members, &work, &bounds, &take);
            work.finish()?;
            let within = within.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            let near: Vec<Vec<Near>> = work.pool.install(|| {
                let each = members.par_iter().zip(within).map_init(
                    Scratch::default,
                    |scratch, (&member, mut others): (&u32, Vec<u32>)| {
                        others.sort_unstable();
                        self.measure(member, &others, true, scratch)
                    },
                );
                each.collect()
            });
            found.extend(near);
        }
        Ok(found)
    }

    /// The k nearest of a point out of its candidates in order; or, if there are fewer, or `all` that are as near are
    /// wanted and others may be, how far to look for them.
    fn nearest(
        &self,
        point: u32,
        candidates: &[u64],
        half: f32,
        all: bool,
        scratch: &mut Scratch,
    ) -> std::result::Result<Vec<Near>, f32> {
        let Some(&kth) = candidates.get(self.k - 1) else { return Err(f32::INFINITY) };
        let window = self.points.window(distance_of(kth), half);
        let within = candidates.partition_point(|&candidate| distance_of(candidate) <= window);
        if all && within == candidates.len() && within < self.points.len() - 1 {
            return Err(window);
        }
        let mut others = std::mem::take(&mut scratch.others);
        others.clear();
        others.extend(candidates[..within].iter().map(|&candidate| point_of(candidate)));
        let near = self.measure(point, &others, false, scratch);
        scratch.others = others;
        Ok(near)
    }

    /// The k nearest of these; `rising` says that they stand in order of their numbers.
    pub(super) fn measure(
        &self,
        point: u32,
        others: &[u32],
        rising: bool,
        scratch: &mut Scratch,
    ) -> Vec<Near> {
        let own = point as usize;
        scratch.own.clear();
        scratch.own.extend_from_slice(self.points.source.block(own..own + 1, &mut scratch.rows));
        let mut near: Vec<Near> = Vec::with_capacity(others.len().min(4 * self.k));
        let mut copies = 0;
        for (i, &other) in others.iter().enumerate() {
            if let Some(&next) = others.get(i + 1) {
                self.points.source.prefetch(next as usize);
            }
            let exact = self.points.exact(&scratch.own, other, &mut scratch.rows);
            // Some distance has to be shown, even where f32 has none so large; and no −0.
            near.push(((exact as f32).clamp(0.0, f32::MAX) + 0.0, other));
            copies += usize::from(exact == 0.0);
            if rising && copies == self.k {
                break; // k copies of the point: none that follows comes before them
            }
        }
        let order = |a: &Near, b: &Near| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if near.len() > self.k {
            near.select_nth_unstable_by(self.k, order);
            near.truncate(self.k);
        }
        near.sort_unstable_by(order);
        near
    }
}

/// What measuring needs beside.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) rows: Vec<f32>,
    own: Vec<f32>,
    others: Vec<u32>,
}

/// Writes neighbours to where they belong.
pub(super) fn fill(near: &[Near], neighbours: &mut [u32], distances: &mut [f32]) {
    for ((&(distance, other), neighbour), shown) in near.iter().zip(neighbours).zip(distances) {
        (*neighbour, *shown) = (other, distance);
    }
}

/// What a lock holds: a panic elsewhere ends the computation, so what it left does not matter.
fn held<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
