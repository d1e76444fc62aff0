//! Introducing points to each other: all are compared at once, and who is near is offered to the lists of both.

use std::sync::atomic::{AtomicU32, Ordering};

use super::lists::{Shared, entry};
use super::prepared::Prepared;
use crate::kernels::LANES;
use crate::kernels::gram::{Gram, Line};

/// Points whose lists share a lock.
pub(super) const SHARED: usize = 64;

/// Points in the order of a tree, and the nearest of each so far.
pub(super) struct State<'a> {
    gram: Gram,
    dim: usize,
    rows: Prepared<'a>,
    halves: Vec<f32>,
    /// The bits of each point's distance beyond which nothing is of interest, to be read without its lock. It only falls, so
    /// what it keeps away would not have stayed in the list.
    bounds: Vec<AtomicU32>,
    pub(super) lists: Shared,
}

impl<'a> State<'a> {
    /// The prepared points in this order, with empty lists of `kept`.
    pub(super) fn new(
        rows: Prepared<'a>,
        halves: &[f32],
        dim: usize,
        order: &[u32],
        kept: usize,
    ) -> Self {
        let open = || AtomicU32::new(f32::INFINITY.to_bits());
        State {
            gram: Gram::detect(),
            dim,
            rows: rows.ordered(dim, order),
            halves: order.iter().map(|&point| halves[point as usize]).collect(),
            bounds: order.iter().map(|_| open()).collect(),
            lists: Shared::new(order.len(), kept, SHARED),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.halves.len()
    }

    /// What trees grow on: rows, and how many numbers each has.
    pub(super) fn sketch(&self) -> (&[f32], usize) {
        self.rows.sketch(self.dim)
    }

    fn bound(&self, point: u32) -> f32 {
        f32::from_bits(self.bounds[point as usize].load(Ordering::Relaxed))
    }

    /// Offers other points to a point's list.
    fn offer(&self, point: u32, others: impl Iterator<Item = u64>) {
        let (block, list) = (point as usize / SHARED, point as usize % SHARED);
        self.lists.with(block, |lists| {
            others.for_each(|entry| lists.offer_again(&self.gram, list, entry));
            let bound = lists.bounds()[list];
            self.bounds[point as usize].store(bound.to_bits(), Ordering::Relaxed);
        });
    }
}

/// The points that are introduced, and what a thread needs for that.
#[derive(Default)]
pub(super) struct Join {
    pub(super) members: Vec<u32>,
    scratch: Vec<f32>,
    rows: Vec<f32>,
    panels: Vec<f32>,
    halves: Vec<f32>,
    bounds: Vec<f32>,
    dots: Vec<f32>,
    hits: Vec<u32>,
    near: Vec<(u32, f32)>,
}

impl Join {
    /// Introduces the first `news` members to all that stand behind them.
    pub(super) fn introduce(&mut self, state: &State<'_>, news: usize) {
        let (dim, places) = (state.dim, self.members.len().next_multiple_of(LANES));
        self.rows.clear();
        self.halves.clear();
        self.bounds.clear();
        for &member in &self.members {
            let at = member as usize;
            state.rows.append(member, dim, &mut self.scratch, &mut self.rows);
            self.halves.push(state.halves[at]);
            self.bounds.push(state.bound(member));
        }
        self.halves.resize(places, f32::NAN);
        self.bounds.resize(places, f32::NEG_INFINITY);
        self.panels.resize(places * dim, 0.0);
        self.hits.resize(places, 0);
        state.gram.pack(&self.rows, dim, &mut self.panels);
        for first in (0..news).step_by(LANES) {
            let width = places - first;
            let behind = &self.panels[first * dim..];
            self.dots.resize(LANES * width, 0.0);
            state.gram.products(&behind[..LANES * dim], behind, dim, &mut self.dots);
            for i in first..news.min(first + LANES) {
                self.line(state, i, first, width);
            }
        }
    }

    /// One member with those behind it, the products of its panel being there.
    fn line(&mut self, state: &State<'_>, i: usize, first: usize, width: usize) {
        let line = Line {
            dots: &self.dots[(i - first) * width..][..width],
            own: self.halves[i],
            bound: self.bounds[i],
            halves: &self.halves[first..],
            bounds: &self.bounds[first..],
        };
        let own = self.members[i];
        let count = state.gram.close(&line, &mut self.hits);
        self.near.clear();
        for &hit in &self.hits[..count] {
            let (j, distance) = (first + hit as usize, line.distance(hit as usize));
            let other = self.members[j];
            // Among new and among old links a point may stand once each.
            if j > i && other != own {
                if distance <= self.bounds[j] {
                    state.offer(other, std::iter::once(entry(distance, own)));
                }
                if distance <= self.bounds[i] {
                    self.near.push((other, distance));
                }
            }
        }
        if !self.near.is_empty() {
            state.offer(own, self.near.iter().map(|&(other, distance)| entry(distance, other)));
        }
    }
}
