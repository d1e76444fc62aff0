//! A search: few rows are measured one by one; else the way leads from the top down, and what it finds is measured.

use std::sync::PoisonError;

use super::super::exact::measured;
use super::super::query::{Hit, Index, Query, check_point};
use super::codes::Codes;
use super::walk::{Asking, Found, Ground, Scratch};
use super::{Hnsw, Inner};
use crate::error::Result;
use crate::space::Row;

/// Places that are kept on the way down: at least so many, and this share of the effort. Where what is near lies in several
/// crowds, they are what leads into each of them.
const ABREAST: (usize, usize) = (8, 2);
/// On the way down, links are followed of what is within this factor of the nearest one's squared distance: whoever is near has few to
/// follow, whoever asks from afar, and has everything about as far, many.
const WITHIN: f32 = 1.5;
/// What is measured beyond what is asked for: this many, and with bytes twice as many as asked for.
const BEYOND: usize = 8;
/// As many rows as this times the effort are measured in the time that finding the nearest takes.
const FEW: usize = 32;
/// So many let through within two links of a node are enough to find a way along them.
const NEAR: f64 = 8.0;
/// Where those let through are less than this share of what chance would give among the nearest, they lie elsewhere.
const APART: f64 = 0.5;
/// And so many times the effort is made.
const AFAR: usize = 4;
/// Nodes that are looked at for places to begin with, at most.
const LOOKED: usize = 8192;

impl Inner {
    fn scratch(&self) -> Scratch {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().unwrap_or_default()
    }

    fn put_back(&self, scratch: Scratch) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }

    fn allows(&self, row: Row, q: &Query) -> bool {
        self.live.as_ref().is_none_or(|live| live.contains(row)) && q.allows(row)
    }

    /// The rows of a node. What a damaged file says of rows that are not there is passed over.
    fn rows(&self, node: u32) -> impl Iterator<Item = Row> {
        let end = |at: usize| self.built.starts.get(at).map_or(0, |&end| end as usize);
        let range = end(node as usize)..end(node as usize + 1);
        let rows = self.built.rows.get(range).unwrap_or_default();
        rows.iter().map(|&row| Row(row)).filter(|row| row.index() < self.source.rows())
    }

    /// All rows that a query lets through, if so few that measuring them is less than finding the nearest.
    fn few(&self, q: &Query, effort: usize) -> Option<Vec<Row>> {
        if q.filter.is_none() && self.live.is_none() {
            return None;
        }
        // Where links of links lead to hardly anyone that is let through, there is no way.
        let within_reach = self.share(q) * (self.built.width * self.built.width) as f64;
        if self.let_through(q) > FEW * effort && within_reach >= NEAR {
            return None;
        }
        let rows: Box<dyn Iterator<Item = Row>> = match (&q.filter, &self.live) {
            (Some(filter), _) => Box::new(filter.iter()),
            (None, Some(live)) => Box::new(live.iter()),
            (None, None) => Box::new(std::iter::empty()),
        };
        Some(rows.filter(|row| row.index() < self.source.rows() && self.allows(*row, q)).collect())
    }

    /// Nodes near a point of the frame, nearest first, into the scratch's `kept`.
    fn find(&self, placed: &[f32], q: &Query, effort: usize, scratch: &mut Scratch) {
        let built = &self.built;
        let asking = Asking::new(&built.codes, placed);
        let abreast = ABREAST.0.max(effort / ABREAST.1);
        let mut from = asking.found(&built.top);
        from.sort_unstable();
        from.truncate(abreast);
        for layer in built.upper.iter().rev() {
            let nodes = &*layer.nodes;
            let ground = Ground { width: layer.width, links: &layer.links, nodes: Some(nodes) };
            // Places of this layer are not those of the one above.
            for found in &mut from {
                found.node = nodes.binary_search(&found.node).unwrap_or(0) as u32;
            }
            scratch.walk(&ground, &from, abreast, WITHIN, &asking);
            from.clear();
            from.extend(
                scratch.kept.iter().map(|found| Found { node: ground.node(found.node), ..*found }),
            );
        }
        let ground = Ground { width: built.width, links: &built.links, nodes: None };
        if q.filter.is_none() && self.live.is_none() {
            return scratch.walk(&ground, &from, effort, f32::INFINITY, &asking);
        }
        let single = built.rows.len() + 1 == built.starts.len();
        let allowed = |node: u32| {
            if single {
                // Most often no vectors are equal: then there is no need to look where a node's rows are.
                return self.allows(Row(built.rows[node as usize]), q);
            }
            self.rows(node).any(|row| self.allows(row, q))
        };
        let expected = self.share(q) * from.len() as f64;
        let found = from.iter().filter(|found| allowed(found.node)).count();
        let mut effort = effort;
        if (found as f64) < APART * expected {
            // What is let through lies elsewhere: the way begins there, and has to be wider, since no link was made for whoever asks
            // from afar.
            effort *= AFAR;
            from.extend(self.nearest_of_few(&asking, abreast, &allowed));
        }
        scratch.walk_among(&ground, &from, effort, &asking, &allowed);
    }

    /// The nearest so many that are allowed, of the nodes of the lowest layer that is not too large to look at each.
    fn nearest_of_few(
        &self,
        asking: &Asking<'_>,
        most: usize,
        allowed: &impl Fn(u32) -> bool,
    ) -> Vec<Found> {
        let built = &self.built;
        let layers = built.upper.iter().map(|layer| &*layer.nodes).chain([&*built.top]);
        let few = layers.into_iter().find(|nodes| nodes.len() <= LOOKED).unwrap_or_default();
        let nodes: Vec<u32> = few.iter().copied().filter(|&node| allowed(node)).collect();
        let mut nearest = asking.found(&nodes);
        nearest.sort_unstable();
        nearest.truncate(most);
        nearest
    }

    /// The share of the rows of the space that a query lets through.
    fn share(&self, q: &Query) -> f64 {
        self.let_through(q) as f64 / self.source.rows().max(1) as f64
    }

    /// How many rows of the space a query lets through.
    fn let_through(&self, q: &Query) -> usize {
        q.filter.as_ref().map_or(self.count, |filter| filter.count())
    }

    /// Of the nodes that were found, rows enough to hold the k nearest.
    fn candidates(&self, q: &Query, scratch: &Scratch) -> Vec<Row> {
        let wanted = match self.built.codes {
            Codes::Full { .. } => q.k + BEYOND,
            Codes::Bytes { .. } => 2 * q.k + BEYOND,
            // The order of bits is rough: more effort is to find more.
            Codes::Bits { .. } => scratch.kept.len(),
        };
        let mut rows = Vec::with_capacity(wanted + q.k);
        for found in &scratch.kept {
            if rows.len() >= wanted {
                break;
            }
            rows.extend(self.rows(found.node).filter(|&row| self.allows(row, q)).take(q.k));
        }
        rows
    }
}

impl Index for Hnsw {
    fn dim(&self) -> usize {
        self.0.source.dim()
    }

    fn len(&self) -> usize {
        self.0.count
    }

    fn search(&self, point: &[f32], q: &Query) -> Result<Vec<Hit>> {
        let inner = &*self.0;
        check_point(point, self.dim())?;
        if q.k == 0 || inner.count == 0 {
            return Ok(Vec::new());
        }
        let effort = q.effort.unwrap_or(inner.effort).max(q.k + q.exclude.len());
        let measure = self.measure();
        if let Some(rows) = inner.few(q, effort) {
            return Ok(measured(&inner.source, measure, point, rows, q.k));
        }
        let mut placed = vec![0.0; inner.built.frame.cols()];
        if !inner.built.frame.ask(point, &mut placed) {
            // Everything is as far from it: the first rows are as good as any.
            let rows = (0..inner.source.rows() as u32).map(Row).filter(|&row| inner.allows(row, q));
            return Ok(measured(&inner.source, measure, point, rows.take(q.k).collect(), q.k));
        }
        let mut scratch = inner.scratch();
        inner.find(&placed, q, effort, &mut scratch);
        let mut rows = inner.candidates(q, &scratch);
        inner.put_back(scratch);
        let tail = (inner.covered as u32..inner.source.rows() as u32).map(Row);
        rows.extend(tail.filter(|&row| inner.allows(row, q)));
        Ok(measured(&inner.source, measure, point, rows, q.k))
    }
}
