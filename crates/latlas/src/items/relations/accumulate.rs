//! One row being summed: a number for each target, and marks of those that were touched.

use std::ops::AddAssign;

/// Sums by target, given back in ascending order in time proportional to the targets touched.
pub(super) struct Accumulator<T> {
    sums: Vec<T>,
    /// A bit for each target that was touched.
    marks: Vec<u64>,
    /// A bit for each word of `marks` that is not zero.
    groups: Vec<u64>,
}

impl<T: Copy + Default + AddAssign> Accumulator<T> {
    pub(super) fn new(targets: usize) -> Self {
        Accumulator {
            sums: vec![T::default(); targets],
            marks: vec![0; targets.div_ceil(64)],
            groups: vec![0; targets.div_ceil(64 * 64)],
        }
    }

    /// Adds to a target, which must exist.
    #[inline]
    pub(super) fn add(&mut self, target: u32, amount: T) {
        let at = target as usize;
        self.sums[at] += amount;
        let marks = &mut self.marks[at / 64];
        if *marks >> (at % 64) & 1 == 0 {
            *marks |= 1 << (at % 64);
            self.groups[at / 4096] |= 1 << (at / 64 % 64);
        }
    }

    /// Gives every target that was touched and its sum, in ascending order, and forgets them.
    #[inline]
    pub(super) fn drain(&mut self, mut each: impl FnMut(u32, T)) {
        for (group, words) in self.groups.iter_mut().enumerate() {
            while *words != 0 {
                let word = group * 64 + words.trailing_zeros() as usize;
                *words &= *words - 1;
                let mut marks = std::mem::take(&mut self.marks[word]);
                while marks != 0 {
                    let at = word * 64 + marks.trailing_zeros() as usize;
                    marks &= marks - 1;
                    each(at as u32, std::mem::take(&mut self.sums[at]));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn sums_are_those_of_a_map(rows in prop::collection::vec(prop::collection::vec((0..9000_u32, 1..9_u64), 0..300), 1..5)) {
            let mut row = Accumulator::new(9000);
            for links in rows {
                let mut expected = BTreeMap::new();
                for (target, amount) in links {
                    row.add(target, amount);
                    *expected.entry(target).or_insert(0) += amount;
                }
                let mut found = Vec::new();
                row.drain(|target, sum| found.push((target, sum)));
                prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
