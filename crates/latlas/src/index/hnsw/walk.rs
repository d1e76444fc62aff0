//! The way through a layer: always on from the nearest node whose links have not been followed, until all that are kept
//! have been.

use std::cmp::Ordering;

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
    codes: &'a Codes,
    kernels: Scattered,
    asked: Asked,
    /// The rank of what is at no distance; ranks above it grow with the squared distance.
    zero: f32,
}

impl<'a> Asking<'a> {
    /// Asks for a point of the frame.
    pub(super) fn new(codes: &'a Codes, placed: &[f32]) -> Self {
        let (asked, zero) = (codes.asked(placed), codes.zero(placed));
        Asking { codes, kernels: Scattered::detect(), asked, zero }
    }

    /// These nodes and how far they are.
    pub(super) fn found(&self, nodes: &[u32]) -> Vec<Found> {
        let mut ranks = vec![0.0; nodes.len()];
        self.codes.ranks(&self.kernels, &self.asked, nodes, &mut ranks);
        ranks.into_iter().zip(nodes).map(|(rank, &node)| Found { rank, node }).collect()
    }
}

/// What a walk writes on, kept from one to the next.
#[derive(Default)]
pub(super) struct Scratch {
    /// A bit a place, one more that is always set, and which words of them are not zero.
    seen: Vec<u64>,
    touched: Vec<u32>,
    /// Places that are new, and their nodes where these are not the same, and ranks.
    places: Vec<u32>,
    nodes: Vec<u32>,
    ranks: Vec<f32>,
    /// Places that are not allowed, whose links stand in for them.
    others: Vec<u32>,
    /// Nearest first.
    pub(super) kept: Vec<Found>,
}

impl Scratch {
    /// Begins on a ground of so many places.
    fn clear(&mut self, places: usize) {
        for word in self.touched.drain(..) {
            self.seen[word as usize] = 0;
        }
        self.seen.resize(places / 64 + 1, 0);
        self.mark(places as u32);
        self.kept.clear();
    }

    /// Marks a place of the ground; `false` if it was marked.
    #[inline]
    fn mark(&mut self, place: u32) -> bool {
        let (word, bit) = (&mut self.seen[place as usize / 64], 1 << (place % 64));
        if *word == 0 {
            self.touched.push(place / 64);
        }
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Gathers the links of a place that are new.
    #[inline]
    fn gather(&mut self, ground: &Ground<'_>, place: u32, asking: &Asking<'_>) {
        let (links, none) = (ground.links(place), ground.len() as u32);
        let (mut new, mut touched) = (0, self.touched.len());
        self.places.resize(links.len(), 0);
        self.touched.resize(touched + links.len(), 0);
        // Which are new is as good as random to the machine: so nothing here is done only if they are.
        for &link in links {
            // A damaged file may name what does not exist.
            let link = link.min(none);
            let (word, bit) = (&mut self.seen[link as usize / 64], 1 << (link % 64));
            self.places[new] = link;
            new += usize::from(*word & bit == 0);
            self.touched[touched] = link / 64;
            touched += usize::from(*word == 0);
            *word |= bit;
        }
        self.places.truncate(new);
        self.touched.truncate(touched);
        for &place in &self.places {
            asking.codes.prefetch(ground.node(place));
        }
    }

    /// Gathers those that are allowed and new; where less than half are allowed, also such that the others are linked to, until as
    /// many allowed ones were met as a place has links.
    fn gather_among(
        &mut self,
        ground: &Ground<'_>,
        place: u32,
        asking: &Asking<'_>,
        allowed: &impl Fn(u32) -> bool,
    ) {
        self.places.clear();
        let most = ground.len() as u32;
        let mut met = 0;
        let mut others = std::mem::take(&mut self.others);
        others.clear();
        for &link in ground.links(place).iter().filter(|&&link| link < most) {
            if !allowed(link) {
                others.push(link);
                continue;
            }
            met += 1;
            if self.mark(link) {
                self.push(ground, link, asking);
            }
        }
        if 2 * met < ground.width {
            for &other in &others {
                ahead(ground.links(other));
            }
            for &other in &others {
                // Those left for want of room may be met again.
                if met >= ground.width {
                    break;
                }
                if !self.mark(other) {
                    continue;
                }
                for &link in ground.links(other).iter().filter(|&&link| link < most) {
                    if allowed(link) {
                        met += 1;
                        if self.mark(link) {
                            self.push(ground, link, asking);
                        }
                    }
                }
            }
        }
        self.others = others;
    }

    #[inline]
    fn push(&mut self, ground: &Ground<'_>, place: u32, asking: &Asking<'_>) {
        asking.codes.prefetch(ground.node(place));
        self.places.push(place);
    }

    /// Measures what was gathered, and keeps what is nearer than those kept; the first place among them that changed.
    #[inline]
    fn keep_gathered(&mut self, ground: &Ground<'_>, most: usize, asking: &Asking<'_>) -> usize {
        let nodes = match ground.nodes {
            None => &self.places,
            Some(nodes) => {
                self.nodes.clear();
                self.nodes.extend(self.places.iter().map(|&place| nodes[place as usize]));
                &self.nodes
            }
        };
        self.ranks.resize(nodes.len(), 0.0);
        asking.codes.ranks(&asking.kernels, &asking.asked, nodes, &mut self.ranks);
        let mut first = usize::MAX;
        for i in 0..self.places.len() {
            let found = Found { rank: self.ranks[i], node: self.places[i] };
            if let Some(at) = self.keep(found, most) {
                // It will be followed soon, if nothing nearer comes.
                ahead(ground.links(found.node));
                first = first.min(at);
            }
        }
        first
    }

    /// The first from here on whose links have not been followed, marked as if they had been, unless it is farther than the nearest
    /// by more than this factor of the squared distance.
    #[inline]
    fn next(&mut self, from: usize, within: f32, asking: &Asking<'_>) -> Option<(usize, u32)> {
        // Rough ranks may lie below zero.
        let nearest = (self.kept.first()?.rank - asking.zero).max(0.0);
        let kept = self.kept.get_mut(from..)?;
        let ahead = kept.iter().position(|found| found.node & FOLLOWED == 0)?;
        let Found { rank, node: place } = kept[ahead];
        // Never where any distance is allowed: ∞·0 is no number.
        if rank - asking.zero > within * nearest {
            return None;
        }
        kept[ahead].node |= FOLLOWED;
        Some((from + ahead, place))
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

    /// The nearest so many places of a ground, as far as they are found from these along links of such as are within this factor of
    /// the nearest one's squared distance, into `kept`.
    pub(super) fn walk(
        &mut self,
        ground: &Ground<'_>,
        from: &[Found],
        most: usize,
        within: f32,
        asking: &Asking<'_>,
    ) {
        self.clear(ground.len());
        for &found in from {
            if (found.node as usize) < ground.len() && self.mark(found.node) {
                self.keep(found, most);
            }
        }
        let mut from = 0;
        while let Some((at, place)) = self.next(from, within, asking) {
            self.gather(ground, place, asking);
            from = self.keep_gathered(ground, most, asking).min(at + 1);
        }
        self.kept.iter_mut().for_each(|found| found.node &= !FOLLOWED);
    }

    /// As `walk`, but only along places that are allowed: where one is not, those that it is linked to stand in for it (Patel et
    /// al., ACORN: performant and predicate-agnostic search over vector embeddings and structured data, SIGMOD 2024).
    pub(super) fn walk_among(
        &mut self,
        ground: &Ground<'_>,
        from: &[Found],
        most: usize,
        asking: &Asking<'_>,
        allowed: &impl Fn(u32) -> bool,
    ) {
        self.clear(ground.len());
        for &found in from.iter().filter(|found| (found.node as usize) < ground.len()) {
            if !allowed(found.node) {
                self.gather_among(ground, found.node, asking, allowed);
                self.keep_gathered(ground, most, asking);
            } else if self.mark(found.node) {
                self.keep(found, most);
            }
        }
        let mut from = 0;
        while let Some((at, place)) = self.next(from, f32::INFINITY, asking) {
            self.gather_among(ground, place, asking, allowed);
            from = self.keep_gathered(ground, most, asking).min(at + 1);
        }
        self.kept.iter_mut().for_each(|found| found.node &= !FOLLOWED);
    }
}
