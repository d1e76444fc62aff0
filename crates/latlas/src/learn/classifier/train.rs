//! What one chunk of texts does to the two matrices.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;
use std::ops::Range;

use super::features::Features;
use super::options::Classifier;
use crate::data::LabelledCorpus;
use crate::error::Result;
use crate::items::Sequences;
use crate::kernels::hogwild::RacingRows;
use crate::kernels::pooled::{Hidden, Pointers, Pooled, Rates};
use crate::learn::sampler::Sampler;
use crate::learn::training::{self, Schedule, Tally, Training};
use crate::run::Run;
use crate::space::fasttext::{Huffman, Loss};

/// The power of a label's count in the noise distribution.
const NOISE_EXPONENT: f64 = 0.5;

/// The two matrices.
pub(super) struct Model {
    /// The rows of words, then those of n-grams.
    pub(super) input: RacingRows,
    /// The rows of labels, or of the inner nodes of the tree.
    pub(super) output: RacingRows,
}

impl training::Model for Model {
    fn matrices(&mut self) -> Vec<&mut RacingRows> {
        vec![&mut self.input, &mut self.output]
    }
}

/// What all workers share, and none changes.
pub(super) struct Work<'a> {
    options: &'a Classifier,
    features: &'a Features,
    corpus: &'a LabelledCorpus,
    /// Where each text and its labels lie.
    texts: Vec<Range<usize>>,
    labels: Vec<Range<usize>>,
    /// The texts in the order in which they are read: a collection is often sorted by label.
    order: Vec<u32>,
    /// Its places are words.
    schedule: Schedule,
    /// For each chunk a part of `order`.
    chunks: Vec<Range<usize>>,
    outputs: Outputs,
    kernels: Pooled,
    run: &'a Run<'a>,
}

/// How a label is told from the others.
enum Outputs {
    Softmax,
    Each,
    Noise(Sampler),
    Tree(Huffman),
}

/// What one worker keeps from text to text.
pub(super) struct Scratch {
    h: Hidden,
    error: Hidden,
    pub(super) rows: Vec<u32>,
    run: Vec<u32>,
    outputs: Vec<u32>,
    scores: Vec<f32>,
    pointers: Pointers,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        options: &'a Classifier,
        corpus: &'a LabelledCorpus,
        features: &'a Features,
        kernels: Pooled,
        run: &'a Run<'a>,
    ) -> Result<Self> {
        let (texts, labels) = (ranges(&corpus.texts), ranges(&corpus.text_labels));
        let mut order: Vec<u32> = (0..texts.len() as u32).collect();
        let mut random = run.stream(&[1]);
        for last in (1..order.len()).rev() {
            order.swap(last, below(&mut random, last as u32 + 1) as usize);
        }
        let lengths = order.iter().map(|&text| texts[text as usize].len());
        let (schedule, chunks) =
            Schedule::of_lengths(lengths, options.epochs, (options.alpha, 0.0));
        let outputs = match options.loss {
            Loss::Softmax => Outputs::Softmax,
            Loss::Ova => Outputs::Each,
            Loss::Ns => Outputs::Noise(Sampler::new(&corpus.labels.counts, NOISE_EXPONENT)),
            Loss::Hs => Outputs::Tree(Huffman::new(&corpus.labels.counts)?),
        };
        Ok(Work {
            options,
            features,
            corpus,
            texts,
            labels,
            order,
            schedule,
            chunks,
            outputs,
            kernels,
            run,
        })
    }
}

impl Training for Work<'_> {
    type Model = Model;
    type Scratch = Scratch;
    const UNIT: &'static str = "words";
    const RATE: &'static str = "alpha";

    fn chunks(&self) -> u64 {
        self.schedule.chunks()
    }

    fn units(&self) -> u64 {
        self.schedule.places()
    }

    fn scratch(&self) -> Scratch {
        Scratch {
            h: Hidden::new(self.options.dim),
            error: Hidden::new(self.options.dim),
            rows: Vec::new(),
            run: Vec::new(),
            outputs: Vec::new(),
            scores: Vec::new(),
            pointers: Pointers::default(),
        }
    }

    fn rate(&self, epoch: u64, chunk: u64) -> f64 {
        self.schedule.alpha(epoch, chunk)
    }

    fn chunk(&self, model: &Model, epoch: u64, chunk: u64, scratch: &mut Scratch) -> Result<Tally> {
        let mut random = self.run.stream(&[2, epoch, chunk]);
        let mut tally = Tally::default();
        let before = self.schedule.range(chunk).start as u64;
        for &text in &self.order[self.chunks[chunk as usize].clone()] {
            let words = &self.corpus.texts.as_slice()[self.texts[text as usize].clone()];
            let labels = &self.corpus.text_labels.as_slice()[self.labels[text as usize].clone()];
            let alpha = self.schedule.alpha_at(epoch, before + tally.units) as f32;
            tally.units += words.len() as u64;
            self.features.of_text(words, &mut scratch.run, &mut scratch.rows);
            // A text of rare words alone.
            if scratch.rows.is_empty() {
                continue;
            }
            tally.loss += f64::from(self.step(labels, alpha, model, &mut random, scratch));
            tally.terms += 1;
        }
        Ok(tally)
    }
}

impl Work<'_> {
    /// Moves everything by the text whose rows are in `scratch`; its loss before.
    pub(super) fn step(
        &self,
        labels: &[u32],
        alpha: f32,
        model: &Model,
        random: &mut Xoshiro256PlusPlus,
        scratch: &mut Scratch,
    ) -> f32 {
        let Scratch { h, error, rows, outputs, scores, pointers, .. } = scratch;
        let share = 1.0 / rows.len() as f32;
        self.kernels.gather((&model.input, rows), share, h, pointers);
        error.clear();
        outputs.clear();
        // Of several labels one is taken by chance, but where each is told for itself.
        let label = match labels {
            [one] => *one,
            _ => labels[below(random, labels.len() as u32) as usize],
        };
        let count = self.corpus.labels.len() as u32;
        let mut observed = 1;
        match &self.outputs {
            Outputs::Softmax => {
                outputs.extend(0..count);
                scores.resize(count as usize, 0.0);
                let output = (&model.output, &outputs[..]);
                self.kernels.dots(h, output, scores);
                let loss = softmax(scores, label as usize);
                for (row, score) in scores.iter_mut().enumerate() {
                    let due = if row == label as usize { 1.0 } else { 0.0 };
                    *score = alpha * (due - *score);
                }
                self.kernels.pull(h, output, scores, error);
                self.kernels.spread(error, share, (&model.input, rows), pointers);
                return loss;
            }
            Outputs::Each => {
                outputs.extend(labels);
                observed = labels.len();
                outputs.extend((0..count).filter(|label| !labels.contains(label)));
            }
            Outputs::Noise(noise) => {
                outputs.push(label);
                for _ in 0..self.options.negative {
                    // There are two labels at least, and every one that is there has been counted.
                    let other = std::iter::repeat_with(|| noise.draw(random)).take(1000);
                    outputs.extend({ other }.find(|&other| other != label));
                }
            }
            Outputs::Tree(tree) => {
                let (path, seconds) = tree.path(label as usize);
                outputs.extend(path);
                observed = seconds;
            }
        }
        let rates = Rates { observed: alpha, noise: alpha };
        let loss = self.kernels.logistic(h, (&model.output, outputs), observed, rates, error);
        // Unlike the rows of a word, those of a text share the gradient of their mean.
        self.kernels.spread(error, share, (&model.input, rows), pointers);
        loss
    }
}

/// Turns products into probabilities; −ln of the one that is due.
fn softmax(scores: &mut [f32], due: usize) -> f32 {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = scores.iter().map(|x| (x - highest).exp()).sum();
    let loss = sum.ln() - (scores[due] - highest);
    for x in scores {
        *x = (*x - highest).exp() / sum;
    }
    loss
}

/// Even in 0…n−1.
fn below(random: &mut Xoshiro256PlusPlus, n: u32) -> u32 {
    ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as u32
}

/// Where each sequence lies, without its end.
fn ranges(sequences: &Sequences) -> Vec<Range<usize>> {
    let mut start = 0;
    sequences
        .iter()
        .map(|run| {
            let range = start..start + run.len();
            start = range.end + 1;
            range
        })
        .collect()
}
