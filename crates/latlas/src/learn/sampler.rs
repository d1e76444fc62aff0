//! Draws from a discrete distribution in constant time: the alias method (Walker 1977; Vose 1991), eight bytes a word.
//!
//! A sampler may be made in parts, each of which draws from words of its own. Threads that draw from different parts do
//! not meet in the rows of what they drew, and such meetings are what Hogwild training on several threads waits for most.

use rand_xoshiro::rand_core::Rng;
use std::hint;

/// Noise is divided into so many parts (docs/decisions/004 has what more of them do),
const PARTS: usize = 2;
/// unless they would have fewer words.
const PART: usize = 1_000;

/// A fixed distribution over 0…n−1. Each slot is drawn evenly, and gives itself or its alias.
pub(in crate::learn) struct Sampler {
    /// A table for each part, one behind the other.
    slots: Vec<Slot>,
    parts: Parts,
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
        Self::in_parts(counts, exponent, 1)
    }

    /// The same for noise in training: chunks that may be at work at the same time draw from different parts. Those of a
    /// number and the next are such, so that epoch + chunk is the number to give: from epoch to epoch each chunk takes
    /// the next part.
    pub(in crate::learn) fn for_chunks(counts: &[u64], exponent: f64) -> Self {
        Self::in_parts(counts, exponent, PARTS.min(counts.len() / PART))
    }

    /// The same in so many parts, at least one. Where counts fall from word to word, as in a vocabulary, all parts are
    /// of nearly the same weight: draws from each in turn are as draws from the whole.
    fn in_parts(counts: &[u64], exponent: f64, parts: usize) -> Self {
        let weights: Vec<f64> =
            counts.iter().map(|&n| if n == 0 { 0.0 } else { (n as f64).powf(exponent) }).collect();
        let parts = Parts { words: counts.len(), parts: parts.clamp(1, counts.len().max(1)) };
        let mut slots = Vec::with_capacity(counts.len());
        for part in 0..parts.parts {
            let own = (0..parts.size(part)).map(|place| weights[parts.word(part, place)]);
            for (threshold, alias) in alias_table(own.collect()) {
                slots.push(Slot { threshold, alias: parts.word(part, alias) as u32 });
            }
        }
        Sampler { slots, parts }
    }

    /// One draw from a sampler of one part.
    #[inline]
    pub(in crate::learn) fn draw(&self, random: &mut impl Rng) -> u32 {
        self.draw_from(0, random)
    }

    /// One draw from a part; any number stands for one of them.
    #[inline]
    pub(in crate::learn) fn draw_from(&self, part: usize, random: &mut impl Rng) -> u32 {
        let part = part % self.parts.parts;
        let bits = random.next_u64();
        // The high half picks the slot (bias below n/2³²), the low half decides within it.
        let place = (((bits >> 32) * self.parts.size(part) as u64) >> 32) as usize;
        let slot = self.slots[self.parts.start(part) + place];
        let own = self.parts.word(part, place) as u32;
        // Which of the two cannot be predicted: a branch would cost more than both.
        hint::select_unpredictable((bits as u32) < slot.threshold, own, slot.alias)
    }
}

/// Words dealt out like cards: one to each part, then one to each in the opposite order, and so on; what does not fill a
/// round goes to the first ones.
#[derive(Clone, Copy)]
struct Parts {
    words: usize,
    parts: usize,
}

impl Parts {
    /// How many words a part has.
    #[inline]
    fn size(self, part: usize) -> usize {
        self.words / self.parts + usize::from(part < self.words % self.parts)
    }

    /// How many words the parts before it have.
    #[inline]
    fn start(self, part: usize) -> usize {
        self.words / self.parts * part + part.min(self.words % self.parts)
    }

    /// The word in this place of a part.
    #[inline]
    fn word(self, part: usize, place: usize) -> usize {
        let backwards = place % 2 == 1 && place < self.words / self.parts;
        place * self.parts + if backwards { self.parts - 1 - part } else { part }
    }
}

/// For weights in order: the threshold and the alias of each slot.
fn alias_table(weights: Vec<f64>) -> Vec<(u32, usize)> {
    let total: f64 = weights.iter().sum();
    let scale = weights.len() as f64 / total;
    let mut rest = weights;
    for weight in &mut rest {
        *weight = if total > 0.0 { *weight * scale } else { 1.0 };
    }
    let mut slots: Vec<(u32, usize)> = (0..rest.len()).map(|alias| (u32::MAX, alias)).collect();
    let (mut small, mut large): (Vec<usize>, Vec<usize>) =
        (0..rest.len()).partition(|&i| rest[i] < 1.0);
    while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
        slots[poor] = ((rest[poor] * 4_294_967_296.0) as u32, rich);
        rest[rich] -= 1.0 - rest[poor];
        if rest[rich] < 1.0 {
            large.pop();
            small.push(rich);
        }
    }
    // What is left in either list is 1 but for rounding, and keeps itself.
    slots
}

/// Draws from a [`Sampler`], made many at a time: the machine waits for their places in the table once, not for each.
pub(super) struct Draws {
    part: usize,
    drawn: Vec<u32>,
    next: usize,
}

impl Draws {
    /// How many are made at a time.
    const MANY: usize = 256;

    /// None yet, and all from this part.
    pub(super) fn new(part: usize) -> Self {
        Draws { part, drawn: Vec::new(), next: 0 }
    }

    /// The next one.
    #[inline]
    pub(super) fn next(&mut self, sampler: &Sampler, random: &mut impl Rng) -> u32 {
        if let Some(&drawn) = self.drawn.get(self.next) {
            self.next += 1;
            return drawn;
        }
        self.drawn.resize(Self::MANY, 0);
        self.drawn.iter_mut().for_each(|drawn| *drawn = sampler.draw_from(self.part, random));
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
        let mut many = Draws::new(0);
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

    #[test]
    fn parts_share_out_the_words_and_are_of_nearly_the_same_weight() {
        let counts: Vec<u64> = (1..=1003).map(|rank| 1_000_000 / rank).collect();
        for parts in [1, 2, 3, 8] {
            let sampler = Sampler::in_parts(&counts, 0.75, parts);
            let mut random = stream(3, &[parts as u64]);
            let mut all = Vec::new();
            let mut weights = Vec::new();
            for part in 0..parts {
                let own: Vec<usize> =
                    (0..sampler.parts.size(part)).map(|i| sampler.parts.word(part, i)).collect();
                weights.push(own.iter().map(|&i| (counts[i] as f64).powf(0.75)).sum::<f64>());
                for _ in 0..10_000 {
                    let drawn = sampler.draw_from(part, &mut random) as usize;
                    assert!(own.contains(&drawn), "{drawn} is not in part {part} of {parts}");
                }
                all.extend(own);
            }
            all.sort_unstable();
            assert_eq!(all, (0..1003).collect::<Vec<_>>());
            let mean = weights.iter().sum::<f64>() / parts as f64;
            assert!(weights.iter().all(|w| (w / mean - 1.0).abs() < 0.25), "{weights:?}");
        }
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
