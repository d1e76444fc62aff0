//! Bounded selection: the k smallest ranks of a stream.

use std::cmp::Ordering;

/// The k smallest ranks seen, each with the row it belongs to. Equal ranks are ordered by row, NaN comes last
/// whatever its sign, so the result does not depend on the order in which rows arrive. O(n + k log k · log n)
/// expected over a stream of n in random order.
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    /// A binary max-heap under `order`: the worst kept entry stands first.
    heap: Vec<(f32, u32)>,
}

impl TopK {
    /// Keeps `k` entries; 0 keeps none.
    pub fn new(k: usize) -> Self {
        TopK { k, heap: Vec::new() }
    }

    /// No entry with a rank above this can still get in: +∞ until k are kept. (NaN ranks get in only below k.)
    #[inline]
    pub fn bound(&self) -> f32 {
        match self.heap.first() {
            _ if self.k == 0 => f32::NEG_INFINITY,
            Some(&(worst, _)) if self.heap.len() == self.k && !worst.is_nan() => worst,
            _ => f32::INFINITY,
        }
    }

    /// Whether k entries are kept.
    pub fn is_full(&self) -> bool {
        self.heap.len() == self.k
    }

    /// Offers one entry.
    #[inline]
    pub fn push(&mut self, rank: f32, row: u32) {
        if self.heap.len() < self.k {
            self.heap.push((rank, row));
            self.rise(self.heap.len() - 1);
        } else if self.k > 0 && order((rank, row), self.heap[0]) == Ordering::Less {
            self.heap[0] = (rank, row);
            self.sink();
        }
    }

    /// Offers ranks of consecutive rows, the first being `first`; rows that `allowed` refuses are passed over.
    /// `allowed` is asked only about rows whose rank could get in.
    pub fn extend(&mut self, first: u32, ranks: &[f32], allowed: impl Fn(u32) -> bool) {
        const CHUNK: usize = 32;
        let mut row = first;
        for chunk in ranks.chunks(CHUNK) {
            // While filling up, and while a NaN is kept, every chunk has to be looked at.
            let open = !self.is_full() || self.heap.first().is_some_and(|worst| worst.0.is_nan());
            if open || super::any_within(chunk, self.bound()) {
                for (i, &rank) in chunk.iter().enumerate() {
                    let row = row + i as u32;
                    let enters = !self.is_full()
                        || self.k > 0 && order((rank, row), self.heap[0]) == Ordering::Less;
                    if enters && allowed(row) {
                        self.push(rank, row);
                    }
                }
            }
            row = row.wrapping_add(chunk.len() as u32);
        }
    }

    /// What was kept, smallest rank first.
    pub fn into_sorted(mut self) -> Vec<(f32, u32)> {
        self.heap.sort_unstable_by(|&a, &b| order(a, b));
        self.heap
    }

    fn rise(&mut self, mut i: usize) {
        while i > 0 {
            let parent = (i - 1) / 2;
            if order(self.heap[i], self.heap[parent]) != Ordering::Greater {
                break;
            }
            self.heap.swap(i, parent);
            i = parent;
        }
    }

    fn sink(&mut self) {
        let mut i = 0;
        loop {
            let (left, right) = (2 * i + 1, 2 * i + 2);
            let mut worst = i;
            for child in [left, right] {
                if child < self.heap.len()
                    && order(self.heap[child], self.heap[worst]) == Ordering::Greater
                {
                    worst = child;
                }
            }
            if worst == i {
                return;
            }
            self.heap.swap(i, worst);
            i = worst;
        }
    }
}

/// Smaller rank first, NaN last, then smaller row.
#[inline]
fn order(a: (f32, u32), b: (f32, u32)) -> Ordering {
    match a.0.partial_cmp(&b.0) {
        Some(Ordering::Equal) => a.1.cmp(&b.1),
        Some(other) => other,
        None => a.0.is_nan().cmp(&b.0.is_nan()).then(a.1.cmp(&b.1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rank() -> impl Strategy<Value = f32> {
        prop_oneof![
            4 => (-4i8..4).prop_map(f32::from), // many ties
            2 => any::<f32>(),
            1 => Just(f32::NAN),
            1 => Just(-f32::NAN),
            1 => Just(f32::INFINITY),
        ]
    }

    proptest! {
        #[test]
        fn it_keeps_what_sorting_everything_would_keep(
            ranks in prop::collection::vec(rank(), 0..300), k in 0usize..40, refused in 2u32..9, one_by_one: bool
        ) {
            let allowed = |row: u32| !row.is_multiple_of(refused);
            let mut all: Vec<_> =
                ranks.iter().zip(7u32..).map(|(&r, row)| (r, row)).filter(|e| allowed(e.1)).collect();
            all.sort_by(|&a, &b| order(a, b));
            all.truncate(k);
            let mut top = TopK::new(k);
            if one_by_one {
                for (row, &r) in (7u32..).zip(&ranks).collect::<Vec<_>>().into_iter().rev() {
                    if allowed(row) {
                        top.push(r, row);
                    }
                }
            } else {
                top.extend(7, &ranks, allowed);
            }
            let bits = |entries: Vec<(f32, u32)>| entries.iter().map(|e| (e.0.to_bits(), e.1)).collect::<Vec<_>>();
            prop_assert_eq!(bits(top.into_sorted()), bits(all));
        }
    }
}
