//! From a chunk of text to the pairs that are trained on: subsampling, dynamic windows, noise words.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;
use std::ops::Range;

use super::{Architecture, Word2Vec};
use crate::data::Vocabulary;
use crate::error::{Error, Result};
use crate::items::Sequences;
use crate::learn::sampler::Sampler;

/// What drawing pairs needs to know of the corpus and the options; the same for all threads.
pub(super) struct Drawing {
    architecture: Architecture,
    window: usize,
    negative: usize,
    /// For each word: it is kept where 32 random bits are at or below this.
    keep: Vec<u32>,
    noise: Sampler,
}

/// What is trained on around one centre word.
#[derive(Default)]
pub(super) struct Window {
    /// Where the centre word stands in the chunk, as a share of the chunk.
    pub at: f32,
    /// The context words.
    pub contexts: Vec<u32>,
    /// One group of outputs after the other: the centre word, then its noise. Skip-gram has a group for each
    /// context, CBOW one for all.
    outputs: Vec<u32>,
    /// Where each group ends.
    ends: Vec<u32>,
}

/// The windows of one chunk, in order.
pub(super) struct Windows<'a> {
    drawing: &'a Drawing,
    ids: &'a [u32],
    random: Xoshiro256PlusPlus,
    /// Where the next sequence starts in `ids`.
    next: usize,
    /// The kept words of the current sequence: (word, place in `ids`).
    kept: Vec<(u32, u32)>,
    centre: usize,
    /// Words read so far, kept or not.
    words: u64,
}

/// The probability of keeping a word of relative frequency `f` under the threshold `t` (`sample`), at most 1: the
/// formula of the authors' program.
pub(super) fn keep_probability(f: f64, t: f64) -> f64 {
    if t <= 0.0 || f <= 0.0 { 1.0 } else { (((f / t).sqrt() + 1.0) * t / f).min(1.0) }
}

impl Drawing {
    pub(super) fn new(options: &Word2Vec, words: &Vocabulary) -> Self {
        let total = words.tokens() as f64;
        let keep = |&n: &u64| {
            (keep_probability(n as f64 / total, options.sample) * f64::from(u32::MAX)) as u32
        };
        Drawing {
            architecture: options.architecture,
            window: options.window,
            negative: options.negative,
            keep: words.counts.iter().map(keep).collect(),
            noise: Sampler::new(&words.counts, options.ns_exponent),
        }
    }
}

impl Window {
    /// The groups of outputs, each with the context words that predict it.
    #[inline]
    pub(super) fn groups(&self) -> usize {
        self.ends.len()
    }

    /// Group `i`: the centre word and its noise.
    #[inline]
    pub(super) fn outputs(&self, i: usize) -> &[u32] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.outputs[start..self.ends[i] as usize]
    }
}

impl<'a> Windows<'a> {
    /// The windows of `chunk`, whose random stream is `random`.
    pub(super) fn new(
        drawing: &'a Drawing,
        text: &'a Sequences,
        chunk: Range<usize>,
        random: Xoshiro256PlusPlus,
    ) -> Self {
        Windows {
            drawing,
            ids: &text.as_slice()[chunk],
            random,
            next: 0,
            kept: Vec::new(),
            centre: 0,
            words: 0,
        }
    }

    /// Puts the next window with at least one context into `window`; `false` at the end of the chunk. An id without
    /// a word is an error.
    pub(super) fn next(&mut self, window: &mut Window) -> Result<bool> {
        loop {
            while self.centre >= self.kept.len() {
                if self.next >= self.ids.len() {
                    return Ok(false);
                }
                self.read_sequence()?;
            }
            let centre = self.centre;
            self.centre += 1;
            if self.kept.len() > 1 {
                self.fill(centre, window);
                return Ok(true);
            }
        }
    }

    /// Words read so far, kept or not.
    pub(super) fn words(&self) -> u64 {
        self.words
    }

    /// Subsamples the next sequence.
    fn read_sequence(&mut self) -> Result<()> {
        self.kept.clear();
        self.centre = 0;
        while let Some(&word) = self.ids.get(self.next) {
            let place = self.next as u32;
            self.next += 1;
            if word == Sequences::END {
                break;
            }
            self.words += 1;
            let Some(&keep) = self.drawing.keep.get(word as usize) else {
                let words = self.drawing.keep.len();
                return Err(Error::data(format!(
                    "encoded corpus: word number {word} in a vocabulary of {words}"
                )));
            };
            // Words that are always kept cost no random number.
            if keep == u32::MAX || self.random.next_u32() <= keep {
                self.kept.push((word, place));
            }
        }
        Ok(())
    }

    fn fill(&mut self, centre: usize, window: &mut Window) {
        let Drawing { architecture, window: widest, negative, noise, .. } = self.drawing;
        let (word, place) = self.kept[centre];
        window.at = place as f32 / self.ids.len() as f32;
        window.contexts.clear();
        window.outputs.clear();
        window.ends.clear();
        let reach = 1 + ((u64::from(self.random.next_u32()) * *widest as u64) >> 32) as usize;
        let before = &self.kept[centre.saturating_sub(reach)..centre];
        let after = &self.kept[centre + 1..(centre + 1 + reach).min(self.kept.len())];
        window.contexts.extend(before.iter().chain(after).map(|&(context, _)| context));
        let groups = match architecture {
            Architecture::SkipGram => window.contexts.len(),
            Architecture::Cbow => 1,
        };
        for _ in 0..groups {
            window.outputs.push(word);
            for _ in 0..*negative {
                let other = noise.draw(&mut self.random);
                if other != word {
                    window.outputs.push(other);
                }
            }
            window.ends.push(window.outputs.len() as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::stream;

    fn words(counts: &[u64]) -> Vocabulary {
        Vocabulary {
            words: (0..counts.len()).map(|i| format!("w{i}")).collect(),
            counts: counts.to_vec(),
        }
    }

    fn all(drawing: &Drawing, text: &Sequences, seed: u64) -> Vec<Window> {
        let mut windows = Windows::new(drawing, text, 0..text.as_slice().len(), stream(seed, &[]));
        let mut found = Vec::new();
        loop {
            let mut window = Window::default();
            if !windows.next(&mut window).unwrap() {
                return found;
            }
            found.push(window);
        }
    }

    /// Values by hand: at f = t it is 2, cut to 1; at f = 4t (2+1)/4; at f = 100t (10+1)/100.
    #[test]
    fn keep_probabilities_are_those_of_the_formula() {
        assert_eq!(keep_probability(1e-3, 1e-3), 1.0);
        assert!((keep_probability(4e-3, 1e-3) - 0.75).abs() < 1e-12);
        assert!((keep_probability(0.1, 1e-3) - 0.11).abs() < 1e-12);
        assert_eq!(keep_probability(0.5, 0.0), 1.0);
    }

    #[test]
    fn words_are_kept_as_often_as_the_formula_says() {
        let n = 40_000;
        let mut ids: Vec<u32> = (0..n).map(|i| u32::from(i % 10 == 0)).collect();
        ids.push(Sequences::END);
        let text = Sequences::from_vec(ids).unwrap();
        let options = Word2Vec { sample: 0.01, window: 1, negative: 1, ..Default::default() };
        let drawing = Drawing::new(&options, &words(&[36_000, 4_000]));
        let mut windows = Windows::new(&drawing, &text, 0..text.as_slice().len(), stream(1, &[]));
        windows.read_sequence().unwrap();
        for (word, count) in [(0, 36_000.0), (1, 4_000.0f64)] {
            let p = keep_probability(count / 40_000.0, 0.01);
            let kept = windows.kept.iter().filter(|&&(w, _)| w == word).count() as f64;
            // Five standard deviations of the binomial.
            assert!(
                (kept - p * count).abs() < 5.0 * (p * (1.0 - p) * count).sqrt(),
                "{word}: {kept} of {count}, p {p}"
            );
        }
    }

    #[test]
    fn windows_stay_within_their_sequence_and_shrink_evenly() {
        let mut ids: Vec<u32> = (0..3000).collect();
        ids.push(Sequences::END);
        ids.extend([7, Sequences::END, Sequences::END, 1, 2, Sequences::END]);
        let text = Sequences::from_vec(ids).unwrap();
        let options = Word2Vec { sample: 0.0, window: 3, negative: 4, ..Default::default() };
        let drawing = Drawing::new(&options, &words(&vec![1; 3000]));
        let found = all(&drawing, &text, 5);
        // The sequence of one word has no pairs; the others have a window at every word.
        assert_eq!(found.len(), 3000 + 2);
        let mut reaches = [0; 4];
        for window in &found[3..2997] {
            let centre = window.outputs(0)[0];
            let reach = window.contexts.len() as u32 / 2;
            let expected: Vec<u32> =
                (centre - reach..centre).chain(centre + 1..=centre + reach).collect();
            assert_eq!(window.contexts, expected);
            assert_eq!(window.groups(), window.contexts.len());
            reaches[reach as usize] += 1;
        }
        for reach in 1..=3 {
            assert!((900..1100).contains(&reaches[reach]), "{reaches:?}");
        }
        assert_eq!(found[3000].contexts, [2]);
        assert_eq!(found[3001].contexts, [1]);
    }

    #[test]
    fn noise_is_never_the_centre_word_and_cbow_has_one_group() {
        let mut ids = vec![0, 1, 0, 1, 2, 0];
        ids.push(Sequences::END);
        let text = Sequences::from_vec(ids).unwrap();
        for architecture in [Architecture::SkipGram, Architecture::Cbow] {
            let options =
                Word2Vec { architecture, sample: 0.0, negative: 20, ..Default::default() };
            for window in all(&Drawing::new(&options, &words(&[3, 2, 1])), &text, 9) {
                let groups =
                    if architecture == Architecture::Cbow { 1 } else { window.contexts.len() };
                assert_eq!(window.groups(), groups);
                for i in 0..groups {
                    let (centre, noise) = window.outputs(i).split_first().unwrap();
                    assert!(!noise.contains(centre) && noise.len() <= 20);
                }
            }
        }
    }

    #[test]
    fn an_id_without_a_word_is_an_error() {
        let text = Sequences::from_vec(vec![0, 5, Sequences::END]).unwrap();
        let drawing = Drawing::new(&Word2Vec::default(), &words(&[3, 2]));
        let mut windows = Windows::new(&drawing, &text, 0..3, stream(1, &[]));
        assert!(
            windows.next(&mut Window::default()).unwrap_err().to_string().contains("word number 5")
        );
    }
}
