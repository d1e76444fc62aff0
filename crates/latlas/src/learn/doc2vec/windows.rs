//! From a chunk of documents to what is trained on: subsampling, windows, noise words or paths in the tree.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;
use std::ops::Range;

use super::Doc2Vec;
use crate::error::{Error, Result};
use crate::items::Sequences;
use crate::learn::huffman::Huffman;
use crate::learn::sampler::{Draws, Sampler};
use crate::learn::word2vec::{Loss, keep_probability};

/// The loss of one window in so many is measured.
const MEASURED: u32 = 8;

/// What drawing windows needs to know of words and options; the same for all threads, and for inference.
pub(super) struct Drawing {
    /// How far a window reaches; 0 where contexts are not asked for.
    window: usize,
    /// For each word: it is kept where 32 random bits are at or below this.
    keep: Vec<u32>,
    outputs: Outputs,
}

/// What a word is told from all others by.
enum Outputs {
    Noise { sampler: Sampler, negative: usize },
    Tree(Huffman),
}

impl Drawing {
    pub(super) fn new(options: &Doc2Vec, counts: &[u64]) -> Self {
        let total = counts.iter().sum::<u64>() as f64;
        let keep = |&n: &u64| {
            (keep_probability(n as f64 / total, options.sample) * f64::from(u32::MAX)) as u32
        };
        Drawing {
            window: if options.has_words() { options.window } else { 0 },
            keep: counts.iter().map(keep).collect(),
            outputs: match options.loss {
                Loss::Ns => Outputs::Noise {
                    sampler: Sampler::new(counts, options.ns_exponent),
                    negative: options.negative,
                },
                Loss::Hs => Outputs::Tree(Huffman::new(counts)),
            },
        }
    }

    /// Appends the words of a document that are kept this time to `kept`, each with its place.
    pub(super) fn thin(
        &self,
        words: &[u32],
        random: &mut Xoshiro256PlusPlus,
        kept: &mut Vec<(u32, u32)>,
    ) -> Result<()> {
        for (place, &word) in words.iter().enumerate() {
            let keep = self.keep.get(word as usize).copied().ok_or_else(|| {
                Error::data(format!(
                    "encoded corpus: word number {word} in a vocabulary of {}",
                    self.keep.len()
                ))
            })?;
            // Words that are always kept cost no random number.
            if keep == u32::MAX || random.next_u32() <= keep {
                kept.push((word, place as u32));
            }
        }
        Ok(())
    }

    /// Draws what is trained on at one word of a document.
    pub(super) fn fill(
        &self,
        kept: &[(u32, u32)],
        centre: usize,
        (random, draws): (&mut Xoshiro256PlusPlus, &mut Draws),
        window: &mut Window,
    ) {
        let word = kept[centre].0;
        window.contexts.clear();
        if self.window > 0 {
            let reach = 1 + ((u64::from(random.next_u32()) * self.window as u64) >> 32) as usize;
            let before = &kept[centre.saturating_sub(reach)..centre];
            let after = &kept[centre + 1..(centre + 1 + reach).min(kept.len())];
            window.contexts.extend(before.iter().chain(after).map(|&(context, _)| context));
        }
        window.outputs.clear();
        window.labels.clear();
        match &self.outputs {
            Outputs::Noise { sampler, negative } => {
                window.outputs.push(word);
                for _ in 0..*negative {
                    let other = draws.next(sampler, random);
                    if other != word {
                        window.outputs.push(other);
                    }
                }
                window.labels.resize(window.outputs.len(), 0.0);
                window.labels[0] = 1.0;
            }
            Outputs::Tree(tree) => {
                for (node, label) in tree.path(word) {
                    window.outputs.push(node);
                    window.labels.push(label);
                }
            }
        }
    }
}

/// What is trained on at one word.
#[derive(Default)]
pub(super) struct Window {
    /// The number of the document.
    pub document: u32,
    /// Where the word stands in the chunk, as a share of the chunk.
    pub at: f32,
    /// Whether its loss counts.
    pub measured: bool,
    /// The context words, if they are asked for.
    pub contexts: Vec<u32>,
    /// The word, then its noise; or the inner nodes of its path.
    pub outputs: Vec<u32>,
    /// For each of them 1 or 0.
    pub labels: Vec<f32>,
}

/// The windows of one chunk of documents, in order.
pub(super) struct Windows<'a> {
    drawing: &'a Drawing,
    ids: &'a [u32],
    random: Xoshiro256PlusPlus,
    draws: Draws,
    /// The document that is worked on, and where in `ids` it starts and the next one does.
    document: u32,
    start: usize,
    next: usize,
    /// Its kept words, each with its place in it.
    kept: Vec<(u32, u32)>,
    centre: usize,
    /// Words read so far, kept or not.
    words: u64,
    unmeasured: u32,
}

impl<'a> Windows<'a> {
    /// The windows of `chunk`, whose first document is number `first` and whose random stream is `random`.
    pub(super) fn new(
        drawing: &'a Drawing,
        text: &'a Sequences,
        chunk: Range<usize>,
        first: u32,
        random: Xoshiro256PlusPlus,
    ) -> Self {
        Windows {
            drawing,
            ids: &text.as_slice()[chunk],
            random,
            draws: Draws::new(0),
            document: first.wrapping_sub(1),
            start: 0,
            next: 0,
            kept: Vec::new(),
            centre: 0,
            words: 0,
            unmeasured: 0,
        }
    }

    /// Puts the next window into `window`; `false` at the end of the chunk. An id without a word is an error.
    pub(super) fn next(&mut self, window: &mut Window) -> Result<bool> {
        while self.centre >= self.kept.len() {
            if self.next >= self.ids.len() {
                return Ok(false);
            }
            self.document = self.document.wrapping_add(1);
            self.start = self.next;
            let rest = &self.ids[self.start..];
            let length = rest.iter().position(|&id| id == Sequences::END).unwrap_or(rest.len());
            self.next = self.start + length + 1;
            self.words += length as u64;
            self.kept.clear();
            self.centre = 0;
            self.drawing.thin(&rest[..length], &mut self.random, &mut self.kept)?;
        }
        let place = self.start + self.kept[self.centre].1 as usize;
        window.document = self.document;
        window.at = place as f32 / self.ids.len() as f32;
        window.measured = self.unmeasured == 0;
        self.unmeasured = if window.measured { MEASURED - 1 } else { self.unmeasured - 1 };
        let random = (&mut self.random, &mut self.draws);
        self.drawing.fill(&self.kept, self.centre, random, window);
        self.centre += 1;
        Ok(true)
    }

    /// Words read so far, kept or not.
    pub(super) fn words(&self) -> u64 {
        self.words
    }
}

#[cfg(test)]
mod tests {
    use super::super::Doc2VecModel;
    use super::*;
    use crate::run::stream;

    #[test]
    fn every_document_has_its_own_number_and_its_own_words() {
        let text =
            [3, 4, 5, Sequences::END, Sequences::END, 6, Sequences::END, 3, 3, Sequences::END];
        let text = Sequences::from_vec(text.to_vec()).unwrap();
        let options = Doc2Vec { model: Doc2VecModel::PvDm, sample: 0.0, ..Default::default() };
        let drawing = Drawing::new(&options, &[1; 7]);
        let mut windows = Windows::new(&drawing, &text, 0..10, 40, stream(1, &[]));
        let mut window = Window::default();
        let mut seen = Vec::new();
        while windows.next(&mut window).unwrap() {
            seen.push((window.document, window.outputs[0], window.contexts.clone()));
            assert!(window.outputs.len() <= 6 && !window.outputs[1..].contains(&window.outputs[0]));
            assert_eq!(window.labels.iter().sum::<f32>(), 1.0);
        }
        let centres: Vec<(u32, u32)> = seen.iter().map(|(d, w, _)| (*d, *w)).collect();
        assert_eq!(centres, [(40, 3), (40, 4), (40, 5), (42, 6), (43, 3), (43, 3)]);
        assert!(seen[3].2.is_empty(), "a word alone has no context, and is still learned from");
        assert_eq!(seen[4].2, [3]);
        assert_eq!(windows.words(), 6);
    }

    #[test]
    fn an_id_without_a_word_is_an_error() {
        let text = Sequences::from_vec(vec![0, 5, Sequences::END]).unwrap();
        let drawing = Drawing::new(&Doc2Vec::default(), &[3, 2]);
        let mut windows = Windows::new(&drawing, &text, 0..3, 0, stream(1, &[]));
        let error = windows.next(&mut Window::default()).unwrap_err();
        assert!(error.message().contains("word number 5"), "{error}");
    }
}
