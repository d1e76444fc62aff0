//! The way through a layer: always on from the nearest node whose links have not been followed, until all that are kept
//! have been.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::codes::{Asked, Codes};
use crate::kernels::scattered::{Scattered, ahead};

/// What marks a place whose links have been followed; so nodes are fewer than this.
pub(super) const FOLLOWED: u32 = 1 << 31;

/// A node and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) rank: f32,
    pub(super) node: u32,
}

impl Eq for Found {}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then(self.node.cmp(&other.node))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One layer as it is walked.
pub(super) struct Ground<'a> {
    pub(super) width: usize,
    pub(super) links: &'a [u32],
    /// The node of each place; the same where `None`.
    pub(super) nodes: Option<&'a [u32]>,
}

impl Ground<'_> {
    /// The node of a place.
    #[inline]
    pub(super) fn node(&self, place: u32) -> u32 {
        self.nodes.map_or(place, |nodes| nodes[place as usize])
    }

    #[inline]
    fn links(&self, place: u32) -> &[u32] {
        self.links.get(place as usize * self.width..).map_or(&[], |links| &links[..self.width])
    }

    fn len(&self) -> usize {
        self.links.len() / self.width
    }
}

/// What is asked, of what.
pub(super) struct Asking<'a> {
    pub(super) codes: &'a Codes,
    pub(super) kernels: Scattered,
    pub(super) asked: Asked,
}

/// What a walk writes on, kept from one to the next.
#[derive(Default)]
pub(super) struct Scratch {
    /// A bit a place, and which words of them are not zero.
    seen: Vec<u64>,
    touched: Vec<u32>,
    /// Places that are new, their nodes and ranks.
    places: Vec<u32>,
    nodes: Vec<u32>,
    ranks: Vec<f32>,
    /// Nearest first.
    pub(super) kept: Vec<Found>,
    waiting: BinaryHeap<Reverse<Found>>,
}

impl Scratch {
    /// Begins on a ground of so many places.
    fn clear(&mut self, places: usize) {
        for word in self.touched.drain(..) {
            self.seen[word as usize] = 0;
        }
        self.seen.resize(places.div_ceil(64), 0);
        self.kept.clear();
        self.waiting.clear();
    }

    /// Marks a place; `false` if it was marked, or there is none.
    #[inline]
    fn mark(&mut self, place: u32) -> bool {
        let Some(word) = self.seen.get_mut(place as usize / 64) else { return false };
        let bit = 1 << (place % 64);
        if *word & bit != 0 {
            return false;
        }
        if *word == 0 {
            self.touched.push(place / 64);
        }
        *word |= bit;
        true
    }

    /// The links of a place that are new, and how far they are.
    #[inline]
    fn follow(&mut self, ground: &Ground<'_>, place: u32, asking: &Asking<'_>) {
        self.places.clear();
        self.nodes.clear();
        let most = ground.len() as u32;
        for &link in ground.links(place) {
            // A damaged file may name what does not exist.
            if link < most && self.mark(link) {
                let node = ground.node(link);
                asking.codes.prefetch(node);
                self.places.push(link);
                self.nodes.push(node);
            }
        }
        self.ranks.resize(self.nodes.len(), 0.0);
        asking.codes.ranks(&asking.kernels, &asking.asked, &self.nodes, &mut self.ranks);
    }

    /// Keeps a place if it is one of the nearest so many; where it stands then.
    #[inline]
    fn keep(&mut self, found: Found, most: usize) -> Option<usize> {
        if self.kept.len() == most {
            if self.kept[most - 1].rank <= found.rank {
                return None;
            }
            self.kept.pop();
        }
        let at = self.kept.partition_point(|kept| kept.rank <= found.rank);
        self.kept.insert(at, found);
        Some(at)
    }

    /// The nearest so many places of a ground, as far as they are found from these, into `kept`.
    pub(super) fn walk(
        &mut self,
        ground: &Ground<'_>,
        from: &[Found],
        most: usize,
        asking: &Asking<'_>,
    ) {
        self.clear(ground.len());
        for &found in from {
            if (found.node as usize) < ground.len() && self.mark(found.node) {
                self.keep(found, most);
            }
        }
        let mut next = 0;
        while next < self.kept.len() {
            let place = self.kept[next].node;
            self.kept[next].node |= FOLLOWED;
            self.follow(ground, place, asking);
            let mut first = next + 1;
            for i in 0..self.places.len() {
                let found = Found { rank: self.ranks[i], node: self.places[i] };
                if let Some(at) = self.keep(found, most) {
                    // It will be followed soon, if nothing nearer comes.
                    ahead(ground.links(found.node));
                    first = first.min(at);
                }
            }
            next = first;
            while self.kept.get(next).is_some_and(|found| found.node & FOLLOWED != 0) {
                next += 1;
            }
        }
        self.kept.iter_mut().for_each(|found| found.node &= !FOLLOWED);
    }

    /// As `walk`, but only places that are allowed are kept; the way leads through all.
    pub(super) fn walk_to(
        &mut self,
        ground: &Ground<'_>,
        from: &[Found],
        most: usize,
        asking: &Asking<'_>,
        allowed: impl Fn(u32) -> bool,
    ) {
        self.clear(ground.len());
        for &found in from {
            if (found.node as usize) < ground.len() && self.mark(found.node) {
                self.waiting.push(Reverse(found));
                if allowed(found.node) {
                    self.keep(found, most);
                }
            }
        }
        while let Some(Reverse(next)) = self.waiting.pop() {
            let bound = |kept: &[Found]| kept.get(most - 1).map_or(f32::INFINITY, |f| f.rank);
            if next.rank > bound(&self.kept) {
                break;
            }
            self.follow(ground, next.node, asking);
            for i in 0..self.places.len() {
                let found = Found { rank: self.ranks[i], node: self.places[i] };
                if found.rank <= bound(&self.kept) {
                    self.waiting.push(Reverse(found));
                    if allowed(found.node) {
                        self.keep(found, most);
                    }
                }
            }
        }
    }
}
