//! From a chunk of text to what is trained on: subsampling, windows, noise words or paths in the tree.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;
use std::ops::Range;

use super::{Architecture, Loss, Negatives, Weighting, Word2Vec};
use crate::data::Vocabulary;
use crate::error::{Error, Result};
use crate::items::Sequences;
use crate::learn::huffman::Huffman;
use crate::learn::sampler::{Draws, Sampler};

/// The loss of one window in so many is measured: enough of them to know its mean to a thousandth, and too few to
/// cost time.
const MEASURED: u32 = 8;

/// What drawing windows needs to know of the corpus and the options; the same for all threads.
pub(super) struct Drawing {
    window: usize,
    reach: Reach,
    /// For each word: it is kept where 32 random bits are at or below this.
    keep: Vec<u32>,
    outputs: Outputs,
    /// Whether each context word has outputs of its own.
    apart: bool,
}

/// How far a window reaches.
enum Reach {
    /// Always to the end.
    Full,
    /// Evenly 1…window: a word at distance d is met with probability (window − d + 1)/window.
    Linear,
    /// At least d with probability 1/d.
    Harmonic,
}

/// What a centre word is predicted by.
enum Outputs {
    Noise { sampler: Sampler, negative: usize },
    Tree(Huffman),
}

/// What is trained on around one centre word.
#[derive(Default)]
pub(super) struct Window {
    /// Where the centre word stands in the chunk, as a share of the chunk.
    pub at: f32,
    /// Whether its loss counts.
    pub measured: bool,
    /// The context words.
    pub contexts: Vec<u32>,
    /// One group of outputs after the other: the centre word, then its noise; or the inner nodes of its path. A group
    /// for each context, or one for all.
    outputs: Vec<u32>,
    /// 1 or 0 for each output of a group; alike for all groups.
    labels: Vec<f32>,
    /// Where each group ends.
    ends: Vec<u32>,
}

/// The windows of one chunk, in order.
pub(super) struct Windows<'a> {
    drawing: &'a Drawing,
    ids: &'a [u32],
    random: Xoshiro256PlusPlus,
    noise: Draws,
    /// Where the next sequence starts in `ids`.
    next: usize,
    /// The kept words of the current sequence,
    kept: Vec<u32>,
    /// and where in `ids` each of them stands.
    places: Vec<u32>,
    centre: usize,
    /// Words read so far, kept or not.
    words: u64,
    /// Windows until the next one that is measured.
    unmeasured: u32,
}

/// The probability of keeping a word of relative frequency `f` under the threshold `t` (`sample`), at most 1: the
/// formula of the authors' program.
pub(in crate::learn) fn keep_probability(f: f64, t: f64) -> f64 {
    if t <= 0.0 || f <= 0.0 { 1.0 } else { (((f / t).sqrt() + 1.0) * t / f).min(1.0) }
}

impl Drawing {
    pub(super) fn new(options: &Word2Vec, words: &Vocabulary) -> Self {
        let total = words.tokens() as f64;
        let keep = |&n: &u64| {
            (keep_probability(n as f64 / total, options.sample) * f64::from(u32::MAX)) as u32
        };
        Drawing {
            window: options.window,
            reach: match (options.shrink_windows, options.window_weighting) {
                (false, _) => Reach::Full,
                (true, Weighting::Linear) => Reach::Linear,
                (true, Weighting::Harmonic) => Reach::Harmonic,
            },
            keep: words.counts.iter().map(keep).collect(),
            outputs: match options.loss {
                Loss::Ns => Outputs::Noise {
                    sampler: Sampler::for_chunks(&words.counts, options.ns_exponent),
                    negative: options.negative,
                },
                Loss::Hs => Outputs::Tree(Huffman::new(&words.counts)),
            },
            apart: options.architecture == Architecture::SkipGram
                && options.loss == Loss::Ns
                && options.negatives == Negatives::Independent,
        }
    }
}

impl Window {
    /// The number of groups of outputs.
    #[inline]
    pub(super) fn groups(&self) -> usize {
        self.ends.len()
    }

    /// Group `i`: output rows and their labels.
    #[inline]
    pub(super) fn outputs(&self, i: usize) -> (&[u32], &[f32]) {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        let range = start..self.ends[i] as usize;
        (&self.outputs[range.clone()], &self.labels[..range.len()])
    }

    /// All output rows.
    #[inline]
    pub(super) fn all_outputs(&self) -> &[u32] {
        &self.outputs
    }
}

impl<'a> Windows<'a> {
    /// The windows of `chunk`, whose random stream is `random`, with noise from this part of the sampler.
    pub(super) fn new(
        drawing: &'a Drawing,
        text: &'a Sequences,
        chunk: Range<usize>,
        random: Xoshiro256PlusPlus,
        part: usize,
    ) -> Self {
        Windows {
            drawing,
            ids: &text.as_slice()[chunk],
            random,
            noise: Draws::new(part),
            next: 0,
            kept: Vec::new(),
            places: Vec::new(),
            centre: 0,
            words: 0,
            unmeasured: 0,
        }
    }

    /// Puts the next window with at least one context into `window`; `false` at the end of the chunk. An id without
    /// a word is an error.
    #[inline]
    pub(super) fn next(&mut self, window: &mut Window) -> Result<bool> {
        while self.centre >= self.kept.len() || self.kept.len() < 2 {
            if self.next >= self.ids.len() {
                return Ok(false);
            }
            self.read_sequence()?;
        }
        self.fill(self.centre, window);
        self.centre += 1;
        Ok(true)
    }

    /// The words that the window given last may have reached for the first time in its sequence.
    #[inline]
    pub(super) fn fresh(&self) -> &[u32] {
        let end = (self.centre + self.drawing.window).min(self.kept.len());
        let start = if self.centre <= 1 { 0 } else { self.centre + self.drawing.window - 1 };
        self.kept.get(start..end).unwrap_or(&[])
    }

    /// Words read so far, kept or not.
    pub(super) fn words(&self) -> u64 {
        self.words
    }

    /// Subsamples the next sequence.
    fn read_sequence(&mut self) -> Result<()> {
        self.centre = 0;
        let rest = &self.ids[self.next..];
        let length = rest.iter().position(|&id| id == Sequences::END).unwrap_or(rest.len());
        self.kept.resize(length, 0);
        self.places.resize(length, 0);
        let mut kept = 0;
        for (place, &word) in (self.next as u32..).zip(&rest[..length]) {
            let Some(&keep) = self.drawing.keep.get(word as usize) else {
                let words = self.drawing.keep.len();
                return Err(Error::data(format!(
                    "encoded corpus: word number {word} in a vocabulary of {words}"
                )));
            };
            // Whether a word is kept cannot be predicted: no branch, the next one takes its place.
            self.kept[kept] = word;
            self.places[kept] = place;
            kept += usize::from(self.random.next_u32() <= keep);
        }
        self.kept.truncate(kept);
        self.places.truncate(kept);
        self.words += length as u64;
        self.next += length + 1;
        Ok(())
    }

    #[inline]
    fn fill(&mut self, centre: usize, window: &mut Window) {
        let word = self.kept[centre];
        window.at = self.places[centre] as f32 / self.ids.len() as f32;
        window.measured = self.unmeasured == 0;
        self.unmeasured = if window.measured { MEASURED } else { self.unmeasured } - 1;
        let reach = self.reach();
        let before = &self.kept[centre.saturating_sub(reach)..centre];
        let after = &self.kept[centre + 1..(centre + 1 + reach).min(self.kept.len())];
        window.contexts.clear();
        window.contexts.extend(before.iter().chain(after).copied());

        match &self.drawing.outputs {
            Outputs::Noise { sampler, negative } => {
                let groups = if self.drawing.apart { window.contexts.len() } else { 1 };
                window.outputs.resize(groups * (1 + negative), 0);
                window.labels.resize(1 + negative, 0.0);
                window.labels[0] = 1.0;
                window.ends.clear();
                let mut end = 0;
                for _ in 0..groups {
                    window.outputs[end] = word;
                    end += 1;
                    for _ in 0..*negative {
                        // The centre word itself is overwritten by the next draw.
                        let other = self.noise.next(sampler, &mut self.random);
                        window.outputs[end] = other;
                        end += usize::from(other != word);
                    }
                    window.ends.push(end as u32);
                }
                window.outputs.truncate(end);
            }
            Outputs::Tree(tree) => {
                window.outputs.clear();
                window.labels.clear();
                for (node, label) in tree.path(word) {
                    window.outputs.push(node);
                    window.labels.push(label);
                }
                window.ends.clear();
                window.ends.push(window.outputs.len() as u32);
            }
        }
    }

    /// How far the next window reaches to each side.
    #[inline]
    fn reach(&mut self) -> usize {
        let widest = self.drawing.window;
        match self.drawing.reach {
            Reach::Full => widest,
            Reach::Linear => {
                1 + ((u64::from(self.random.next_u32()) * widest as u64) >> 32) as usize
            }
            // The next f32 above is u in (0, 1]: 1/u ≥ d where u ≤ 1/d.
            Reach::Harmonic => {
                let u = ((self.random.next_u32() >> 8) + 1) as f32 / 16_777_216.0;
                ((1.0 / u) as usize).min(widest)
            }
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
        let mut windows =
            Windows::new(drawing, text, 0..text.as_slice().len(), stream(seed, &[]), 0);
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
        let mut windows =
            Windows::new(&drawing, &text, 0..text.as_slice().len(), stream(1, &[]), 0);
        windows.read_sequence().unwrap();
        for (word, count) in [(0, 36_000.0), (1, 4_000.0f64)] {
            let p = keep_probability(count / 40_000.0, 0.01);
            let kept = windows.kept.iter().filter(|&&w| w == word).count() as f64;
            // Five standard deviations of the binomial.
            assert!(
                (kept - p * count).abs() < 5.0 * (p * (1.0 - p) * count).sqrt(),
                "{word}: {kept} of {count}, p {p}"
            );
        }
    }

    /// A long sequence, one without pairs, an empty one, and one of two words.
    fn four_sequences() -> Sequences {
        let mut ids: Vec<u32> = (0..3000).collect();
        ids.push(Sequences::END);
        ids.extend([7, Sequences::END, Sequences::END, 1, 2, Sequences::END]);
        Sequences::from_vec(ids).unwrap()
    }

    /// How often each reach was met in the long sequence, away from its ends.
    fn reaches(options: &Word2Vec) -> Vec<i32> {
        let text = four_sequences();
        let found = all(&Drawing::new(options, &words(&vec![1; 3000])), &text, 5);
        // The sequence of one word has no pairs; the others have a window at every word.
        assert_eq!(found.len(), 3000 + 2);
        let mut reaches = vec![0; options.window + 1];
        for window in &found[5..2995] {
            let centre = window.outputs(0).0[0];
            let reach = window.contexts.len() as u32 / 2;
            let expected: Vec<u32> =
                (centre - reach..centre).chain(centre + 1..=centre + reach).collect();
            assert_eq!(window.contexts, expected);
            reaches[reach as usize] += 1;
        }
        assert_eq!(found[3000].contexts, [2]);
        assert_eq!(found[3001].contexts, [1]);
        reaches
    }

    #[test]
    fn windows_stay_within_their_sequence_and_reach_as_far_as_they_should() {
        let options = Word2Vec { sample: 0.0, window: 3, negative: 4, ..Default::default() };
        let linear = reaches(&options);
        assert!(linear[1..].iter().all(|n| (900..1100).contains(n)), "{linear:?}");
        // P(reach = 1) = 1 − ½, P(2) = ½ − ⅓, P(3) = ⅓.
        let harmonic =
            reaches(&Word2Vec { window_weighting: Weighting::Harmonic, ..options.clone() });
        for (n, p) in harmonic[1..].iter().zip([1.0 / 2.0, 1.0 / 6.0, 1.0 / 3.0]) {
            assert!((f64::from(*n) / 2990.0 - p).abs() < 0.04, "{harmonic:?}");
        }
        assert_eq!(reaches(&Word2Vec { shrink_windows: false, ..options }), [0, 0, 0, 2990]);
    }

    #[test]
    fn what_a_window_reaches_first_is_told_once() {
        let text = four_sequences();
        let options = Word2Vec { sample: 0.0, window: 4, ..Default::default() };
        let drawing = Drawing::new(&options, &words(&vec![1; 3000]));
        let mut windows =
            Windows::new(&drawing, &text, 0..text.as_slice().len(), stream(1, &[]), 0);
        let (mut window, mut fresh) = (Window::default(), Vec::new());
        while windows.next(&mut window).unwrap() {
            fresh.extend_from_slice(windows.fresh());
            assert!(window.contexts.iter().all(|word| fresh.contains(word)));
        }
        assert_eq!(fresh, (0..3000).chain([1, 2]).collect::<Vec<u32>>());
    }

    #[test]
    fn noise_is_never_the_centre_word_and_each_kind_has_its_groups() {
        let text = Sequences::from_vec(vec![0, 1, 0, 1, 2, 0, Sequences::END]).unwrap();
        let kinds = [
            (Architecture::Cbow, Negatives::Independent),
            (Architecture::SkipGram, Negatives::Shared),
            (Architecture::SkipGram, Negatives::Independent),
        ];
        for (architecture, negatives) in kinds {
            let options = Word2Vec {
                architecture,
                negatives,
                sample: 0.0,
                negative: 20,
                ..Default::default()
            };
            for window in all(&Drawing::new(&options, &words(&[3, 2, 1])), &text, 9) {
                let apart = kinds[2] == (architecture, negatives);
                assert_eq!(window.groups(), if apart { window.contexts.len() } else { 1 });
                for i in 0..window.groups() {
                    let (outputs, labels) = window.outputs(i);
                    let (centre, noise) = outputs.split_first().unwrap();
                    assert!(!noise.contains(centre) && noise.len() <= 20);
                    assert!(labels[0] == 1.0 && labels[1..].iter().all(|&label| label == 0.0));
                    assert_eq!(labels.len(), outputs.len());
                }
            }
        }
    }

    #[test]
    fn under_the_hierarchical_softmax_the_outputs_are_the_path_of_the_centre_word() {
        let text = Sequences::from_vec(vec![0, 1, 2, Sequences::END]).unwrap();
        let options = Word2Vec { loss: Loss::Hs, sample: 0.0, ..Default::default() };
        let found = all(&Drawing::new(&options, &words(&[3, 2, 1])), &text, 9);
        // 2 (bit 0) and 1 are merged first, as node 0; then 0 (bit 0) with them, as the root.
        let paths: Vec<_> = found.iter().map(|window| window.outputs(0)).collect();
        assert_eq!(paths[0], (&[1][..], &[1.0][..]));
        assert_eq!(paths[1], (&[0, 1][..], &[0.0, 0.0][..]));
        assert_eq!(paths[2], (&[0, 1][..], &[1.0, 0.0][..]));
        assert_eq!(found[0].groups(), 1);
    }

    #[test]
    fn an_id_without_a_word_is_an_error() {
        let text = Sequences::from_vec(vec![0, 5, Sequences::END]).unwrap();
        let drawing = Drawing::new(&Word2Vec::default(), &words(&[3, 2]));
        let mut windows = Windows::new(&drawing, &text, 0..3, stream(1, &[]), 0);
        assert!(
            windows.next(&mut Window::default()).unwrap_err().to_string().contains("word number 5")
        );
    }
}
