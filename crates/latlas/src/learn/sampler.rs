//! Draws from a discrete distribution in constant time: the alias method (Walker 1977; Vose 1991), eight bytes a word.

use rand_xoshiro::rand_core::Rng;
use std::hint;

/// A fixed distribution over 0…n−1. Each slot is drawn evenly, and gives itself or its alias.
pub(in crate::learn) struct Sampler {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    /// The slot gives itself where 32 random bits are below this; `u32::MAX` counts as always.
    threshold: u32,
    alias: u32,
}

impl Sampler {
    /// The distribution proportional to `counts[i]^exponent`; words without a count are drawn never, unless all are.
    pub(in crate::learn) fn new(counts: &[u64], exponent: f64) -> Self {
        let weights: Vec<f64> =
            counts.iter().map(|&n| if n == 0 { 0.0 } else { (n as f64).powf(exponent) }).collect();
        let total: f64 = weights.iter().sum();
        let scale = weights.len() as f64 / total;
        let mut rest: Vec<f64> =
            weights.iter().map(|w| if total > 0.0 { w * scale } else { 1.0 }).collect();
        let mut slots: Vec<Slot> =
            (0..rest.len() as u32).map(|alias| Slot { threshold: u32::MAX, alias }).collect();

        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..rest.len()).partition(|&i| rest[i] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            slots[poor] =
                Slot { threshold: (rest[poor] * 4_294_967_296.0) as u32, alias: rich as u32 };
            rest[rich] -= 1.0 - rest[poor];
            if rest[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // What is left in either list is 1 but for rounding, and keeps itself.
        Sampler { slots }
    }

    /// One draw.
    #[inline]
    pub(in crate::learn) fn draw(&self, random: &mut impl Rng) -> u32 {
        let bits = random.next_u64();
        // The high half picks the slot (bias below n/2³²), the low half decides within it.
        let place = ((bits >> 32) * self.slots.len() as u64) >> 32;
        let slot = self.slots[place as usize];
        // Which of the two cannot be predicted: a branch would cost more than both.
        hint::select_unpredictable((bits as u32) < slot.threshold, place as u32, slot.alias)
    }
}

/// Draws from a [`Sampler`], made many at a time: the machine waits for their places in the table once, not for each.
pub(super) struct Draws {
    drawn: Vec<u32>,
    next: usize,
}

impl Draws {
    /// How many are made at a time.
    const MANY: usize = 256;

    /// None yet.
    pub(super) fn new() -> Self {
        Draws { drawn: Vec::new(), next: 0 }
    }

    /// The next one.
    #[inline]
    pub(super) fn next(&mut self, sampler: &Sampler, random: &mut impl Rng) -> u32 {
        if let Some(&drawn) = self.drawn.get(self.next) {
            self.next += 1;
            return drawn;
        }
        self.drawn.resize(Self::MANY, 0);
        self.drawn.iter_mut().for_each(|drawn| *drawn = sampler.draw(random));
        self.next = 1;
        self.drawn[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::stream;

    /// Zipf counts to the power 0.75, a million draws: χ² with 999 degrees of freedom exceeds 1143 in one of a
    /// thousand seeds (and this seed is fixed). Drawing by count itself, or evenly, gives χ² above 100,000.
    #[test]
    fn draws_follow_the_distribution() {
        let counts: Vec<u64> = (1..=1000).map(|rank| 1_000_000 / rank).collect();
        let sampler = Sampler::new(&counts, 0.75);
        let mut random = stream(3, &[1]);
        let mut seen = vec![0u32; counts.len()];
        let draws = 1_000_000;
        let mut many = Draws::new();
        for _ in 0..draws {
            seen[many.next(&sampler, &mut random) as usize] += 1;
        }
        let chi2 = |exponent: f64| -> f64 {
            let weights: Vec<f64> = counts.iter().map(|&n| (n as f64).powf(exponent)).collect();
            let total: f64 = weights.iter().sum();
            seen.iter()
                .zip(&weights)
                .map(|(&n, w)| {
                    let expected = w / total * f64::from(draws);
                    (f64::from(n) - expected).powi(2) / expected
                })
                .sum()
        };
        assert!(chi2(0.75) < 1143.0, "{}", chi2(0.75));
        assert!(chi2(1.0) > 100_000.0 && chi2(0.0) > 100_000.0);
    }

    /// The table itself, without chance: each word's share of all slots equals its probability.
    #[test]
    fn the_table_holds_the_distribution_exactly() {
        for counts in
            [vec![1u64, 1], vec![7], vec![1, 2, 3, 4, 0, 1_000_000], vec![0, 0, 0], vec![5; 1000]]
        {
            let sampler = Sampler::new(&counts, 1.0);
            let mut share = vec![0.0; counts.len()];
            for (i, slot) in sampler.slots.iter().enumerate() {
                let own = if slot.alias as usize == i {
                    1.0
                } else {
                    f64::from(slot.threshold) / 4_294_967_296.0
                };
                share[i] += own / counts.len() as f64;
                share[slot.alias as usize] += (1.0 - own) / counts.len() as f64;
            }
            let total: u64 = counts.iter().sum();
            for (share, &n) in share.iter().zip(&counts) {
                let expected =
                    if total == 0 { 1.0 / counts.len() as f64 } else { n as f64 / total as f64 };
                assert!(
                    (share - expected).abs() < 1e-8,
                    "{counts:?}: {share} instead of {expected}"
                );
            }
        }
    }
}
