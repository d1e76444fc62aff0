//! The nearest seen so far.
//!
//! An entry is one u64, the distance in its upper half so that entries order by distance and then by number. What a list
//! ends with is the k least of all that was offered, whatever the order of offering: the reason why graphs do not
//! depend on threads.

use std::sync::Mutex;

use crate::kernels::LANES;

/// A distance and a point as one number that orders by both; the distance is no NaN.
#[inline]
pub(super) fn entry(distance: f32, point: u32) -> u64 {
    let bits = distance.to_bits();
    let ordered = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    u64::from(ordered) << 32 | u64::from(point)
}

/// The point of an entry.
#[inline]
pub(super) fn point_of(entry: u64) -> u32 {
    entry as u32
}

/// The distance of an entry.
#[inline]
pub(super) fn distance_of(entry: u64) -> f32 {
    let ordered = (entry >> 32) as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

/// The lists of some points: each has room for more than the k that count, and is cut back to them when it is full.
pub(super) struct Lists {
    k: usize,
    room: usize,
    entries: Vec<u64>,
    used: Vec<u32>,
    /// The largest entry that still counts; all do until there are k.
    worst: Vec<u64>,
    bounds: Vec<f32>,
}

impl Lists {
    /// Empty lists of the `k` ≥ 1 nearest.
    pub(super) fn new(points: usize, k: usize) -> Self {
        let room = k + k.clamp(16, 64);
        let mut bounds = vec![f32::INFINITY; points];
        bounds.resize(points.next_multiple_of(LANES), f32::NEG_INFINITY);
        Lists {
            k,
            room,
            entries: vec![0; points * room],
            used: vec![0; points],
            worst: vec![u64::MAX; points],
            bounds,
        }
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    /// For each point, the distance beyond which nothing is of interest; then −∞ up to a multiple of [`LANES`].
    pub(super) fn bounds(&self) -> &[f32] {
        &self.bounds
    }

    /// Offers an entry that has not been offered to this list before.
    #[inline]
    pub(super) fn offer(&mut self, list: usize, entry: u64) {
        if entry < self.worst[list] {
            let used = self.used[list] as usize;
            self.entries[list * self.room + used] = entry;
            self.used[list] += 1;
            if used + 1 == self.room {
                self.cut(list);
            }
        }
    }

    /// Keeps the k least.
    fn cut(&mut self, list: usize) {
        let entries = &mut self.entries[list * self.room..][..self.used[list] as usize];
        if entries.len() >= self.k {
            let (_, &mut last, _) = entries.select_nth_unstable(self.k - 1);
            // Whatever equals the last is the last itself, and has been offered.
            self.worst[list] = last;
            self.bounds[list] = distance_of(last);
            self.used[list] = self.k as u32;
        }
    }

    /// The k nearest of a point (fewer if fewer were offered), closest first, ties by number.
    pub(super) fn settle(&mut self, list: usize) -> &[u64] {
        self.cut(list);
        let entries = &mut self.entries[list * self.room..][..self.used[list] as usize];
        entries.sort_unstable();
        entries
    }
}

/// The lists of all points, those of consecutive points under one lock.
pub(super) struct Shared {
    locks: Vec<Mutex<Lists>>,
}

impl Shared {
    /// Empty lists of the `k` nearest, so many points a lock.
    pub(super) fn new(points: impl Iterator<Item = usize>, k: usize) -> Self {
        Shared { locks: points.map(|points| Mutex::new(Lists::new(points, k))).collect() }
    }

    /// What is done with the lists under a lock.
    pub(super) fn with<T>(&self, lock: usize, act: impl FnOnce(&mut Lists) -> T) -> T {
        // A panic elsewhere ends the computation, so what it left does not matter.
        let mut lists = self.locks[lock].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut lists)
    }

    /// All lists, and the place of the first one of each lock.
    pub(super) fn into_parts(self) -> Vec<(usize, Lists)> {
        let mut first = 0;
        let parts = self.locks.into_iter().map(|lock| {
            let lists = lock.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            let from = first;
            first += lists.len();
            (from, lists)
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_end_with_the_least_in_any_order(
            offers in prop::collection::vec((-3i8..3, 0..50_u32), 0..300), k in 1..40_usize,
        ) {
            let offers: Vec<u64> = offers.iter().map(|&(d, point)| entry(f32::from(d), point)).collect();
            let mut expected = offers.clone();
            expected.sort_unstable();
            expected.dedup();
            let mut once = Lists::new(2, k);
            let mut again = Lists::new(2, k);
            for &offer in expected.iter().rev() {
                once.offer(1, offer);
            }
            for &offer in &expected {
                again.offer(1, offer);
            }
            expected.truncate(k);
            prop_assert_eq!(once.settle(1), &expected[..]);
            prop_assert_eq!(again.settle(1), &expected[..]);
            prop_assert!(again.settle(0).is_empty());
            if expected.len() == k {
                prop_assert_eq!(again.bounds()[1], distance_of(expected[k - 1]));
            }
        }

        #[test]
        fn entries_order_as_distances(a in any::<f32>(), b in any::<f32>(), i: u32, j: u32) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            prop_assert_eq!(entry(a, i).cmp(&entry(b, j)), a.total_cmp(&b).then(i.cmp(&j)));
            prop_assert_eq!(distance_of(entry(a, i)).to_bits(), a.to_bits());
            prop_assert_eq!(point_of(entry(a, i)), i);
        }
    }
}
