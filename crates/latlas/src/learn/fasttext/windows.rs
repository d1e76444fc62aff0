//! From a chunk of text to what is trained on: subsampling, dynamic windows, noise words or paths of the tree.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;
use std::ops::Range;

use super::options::FastText;
use crate::data::Vocabulary;
use crate::error::{Error, Result};
use crate::items::Sequences;
use crate::learn::sampler::{Draws, Sampler};
use crate::learn::word2vec::{Architecture, Loss, Negatives, keep_probability};
use crate::space::fasttext::Huffman;

/// How many noise words stand in for those of a window's pairs, in multiples of `negative`, where they are shared.
const SHARED: usize = 4;

/// What drawing windows needs to know of the corpus and the options; the same for all threads.
pub(super) struct Drawing {
    architecture: Architecture,
    window: usize,
    /// For each word: it is kept where 32 random bits are at or below this.
    keep: Vec<u32>,
    outputs: Outputs,
}

/// What a word that is to be predicted is told from.
enum Outputs {
    /// So many noise words for each pair.
    Noise {
        sampler: Sampler,
        negative: usize,
    },
    /// So many noise words for a window of however many pairs.
    SharedNoise {
        sampler: Sampler,
        negative: usize,
    },
    Tree(Huffman),
}

/// What is trained on around one centre word.
#[derive(Default)]
pub(super) struct Window {
    /// Where the centre word stands in the chunk, as a share of the chunk.
    pub(super) at: f32,
    /// The words whose rows are pooled, each with its number among the kept words of the chunk: skip-gram the centre
    /// word, CBOW those around.
    pub(super) pooled: Vec<(u32, usize)>,
    /// Output rows, group after group.
    outputs: Vec<u32>,
    groups: Vec<Group>,
}

/// Outputs that are measured together.
#[derive(Clone, Copy)]
struct Group {
    /// Where it ends.
    end: u32,
    /// How many of its outputs, the first ones, have label 1.
    observed: u32,
    /// For how many draws each of the others stands.
    weight: f32,
}

/// The windows of one chunk, in order.
pub(super) struct Windows<'a> {
    drawing: &'a Drawing,
    ids: &'a [u32],
    random: Xoshiro256PlusPlus,
    noise: Draws,
    /// Where the next sequence starts in `ids`.
    next: usize,
    /// The kept words of the current sequence: (word, place in `ids`).
    kept: Vec<(u32, u32)>,
    centre: usize,
    /// Kept words of the sequences before.
    before: usize,
    /// Words read so far, kept or not.
    words: u64,
}

impl Drawing {
    pub(super) fn new(options: &FastText, words: &Vocabulary) -> Result<Self> {
        let total = words.tokens() as f64;
        let keep = |&n: &u64| {
            (keep_probability(n as f64 / total, options.sample) * f64::from(u32::MAX)) as u32
        };
        let noise = || Sampler::new(&words.counts, options.ns_exponent);
        let (architecture, negative) = (options.architecture, options.negative);
        let outputs = match (options.loss, options.negatives, architecture) {
            (Loss::Hs, ..) => Outputs::Tree(Huffman::new(&words.counts)?),
            (Loss::Ns, Negatives::Shared, Architecture::SkipGram) => {
                Outputs::SharedNoise { sampler: noise(), negative: negative * SHARED }
            }
            (Loss::Ns, ..) => Outputs::Noise { sampler: noise(), negative },
        };
        Ok(Drawing {
            architecture,
            window: options.window,
            keep: words.counts.iter().map(keep).collect(),
            outputs,
        })
    }
}

impl Window {
    /// The number of groups of outputs.
    #[inline]
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Group `i`: its output rows, how many of them (the first) are observed, and the weight of the others.
    #[inline]
    pub(super) fn group(&self, i: usize) -> (&[u32], usize, f32) {
        let start = if i == 0 { 0 } else { self.groups[i - 1].end as usize };
        let Group { end, observed, weight } = self.groups[i];
        (&self.outputs[start..end as usize], observed as usize, weight)
    }

    /// All output rows.
    #[inline]
    pub(super) fn outputs(&self) -> &[u32] {
        &self.outputs
    }

    fn close(&mut self, observed: usize, weight: f32) {
        let end = self.outputs.len() as u32;
        self.groups.push(Group { end, observed: observed as u32, weight });
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
            noise: Draws::new(0),
            next: 0,
            kept: Vec::new(),
            centre: 0,
            before: 0,
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
        self.before += self.kept.len();
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
        let Drawing { architecture, window: widest, outputs, .. } = self.drawing;
        let (word, place) = self.kept[centre];
        window.at = place as f32 / self.ids.len() as f32;
        window.pooled.clear();
        window.outputs.clear();
        window.groups.clear();
        let reach = 1 + ((u64::from(self.random.next_u32()) * *widest as u64) >> 32) as usize;
        let around = (centre.saturating_sub(reach)..centre)
            .chain(centre + 1..(centre + 1 + reach).min(self.kept.len()));
        let contexts = around.map(|i| (self.kept[i].0, self.before + i));
        match architecture {
            Architecture::SkipGram => {
                window.pooled.push((word, self.before + centre));
                match outputs {
                    Outputs::Noise { sampler, negative } => {
                        for (context, _) in contexts {
                            let draw = || self.noise.next(sampler, &mut self.random);
                            pair(context, *negative, draw, window);
                        }
                    }
                    Outputs::SharedNoise { sampler, negative } => {
                        window.outputs.extend(contexts.map(|(context, _)| context));
                        let draw = || self.noise.next(sampler, &mut self.random);
                        shared(*negative, draw, window);
                    }
                    Outputs::Tree(tree) => {
                        for (context, _) in contexts {
                            path(context, tree, window);
                        }
                    }
                }
            }
            Architecture::Cbow => {
                window.pooled.extend(contexts);
                match outputs {
                    Outputs::Noise { sampler, negative }
                    | Outputs::SharedNoise { sampler, negative } => {
                        let draw = || self.noise.next(sampler, &mut self.random);
                        pair(word, *negative, draw, window);
                    }
                    Outputs::Tree(tree) => path(word, tree, window),
                }
            }
        }
    }
}

/// A word and its own noise; noise equal to the word is left out.
fn pair(word: u32, negative: usize, mut draw: impl FnMut() -> u32, window: &mut Window) {
    window.outputs.push(word);
    for _ in 0..negative {
        let other = draw();
        if other != word {
            window.outputs.push(other);
        }
    }
    window.close(1, 1.0);
}

/// Noise for the observed words that are in `window`, weighted so as to count as much as if each had its own.
fn shared(negative: usize, mut draw: impl FnMut() -> u32, window: &mut Window) {
    let observed = window.outputs.len();
    for _ in 0..negative {
        let other = draw();
        if !window.outputs[..observed].contains(&other) {
            window.outputs.push(other);
        }
    }
    window.close(observed, observed as f32 / SHARED as f32);
}

fn path(word: u32, tree: &Huffman, window: &mut Window) {
    let (nodes, observed) = tree.path(word as usize);
    window.outputs.extend(nodes);
    window.close(observed, 1.0);
}
