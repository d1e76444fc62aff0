//! The real training held against the equations: written out in f64, and at their optimum.

use super::train::Model;
use super::windows::{Drawing, Window, Windows};
use super::{Architecture, Loss, Negatives, Weighting, Word2Vec};
use crate::data::{Corpus, Vocabulary};
use crate::items::Sequences;
use crate::kernels::hogwild::Hogwild;
use crate::learn::training::Trained;
use crate::run::{Run, stream};
use rand_xoshiro::rand_core::Rng;

/// A corpus of these sequences over words 0…n−1, in that order whatever their counts.
pub(super) fn corpus(sequences: &[Vec<u32>]) -> Corpus {
    let mut ids = Vec::new();
    let mut counts = Vec::new();
    for sequence in sequences {
        for &word in sequence {
            if counts.len() <= word as usize {
                counts.resize(word as usize + 1, 0);
            }
            counts[word as usize] += 1;
        }
        ids.extend(sequence);
        ids.push(Sequences::END);
    }
    Corpus {
        vocabulary: Vocabulary {
            words: (0..counts.len()).map(|i| format!("w{i}")).collect(),
            counts,
        },
        sequences: Sequences::from_vec(ids).unwrap(),
        sources: Vec::new(),
        options: serde_json::Map::new(),
        fingerprint: 1,
    }
}

/// Sentences of 3 to 30 words; each word is drawn near the one before it, so that there is something to learn.
pub(super) fn sentences(count: usize, words: u32, seed: u64) -> Vec<Vec<u32>> {
    let mut random = stream(seed, &[]);
    let mut below = |n: u32| ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as u32;
    (0..count)
        .map(|_| {
            let mut word = below(words);
            (0..3 + below(28))
                .map(|_| {
                    word = (word + below(7)) % words;
                    if below(4) == 0 { below(3) } else { word }
                })
                .collect()
        })
        .collect()
}

/// Trains from the beginning to the end.
pub(super) fn trained(options: &Word2Vec, corpus: &Corpus, run: &Run<'_>) -> Trained<Model> {
    options.train(None, corpus, Hogwild::detect(), run).unwrap()
}

fn plain(rows: &mut crate::kernels::hogwild::RacingRows) -> Vec<Vec<f64>> {
    (0..rows.rows()).map(|i| rows.row(i).iter().map(|&x| f64::from(x)).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One step in f64.
struct Step<'a> {
    options: &'a Word2Vec,
    input: &'a mut Vec<Vec<f64>>,
    output: &'a mut Vec<Vec<f64>>,
    alpha: f64,
}

impl Step<'_> {
    /// Each context against all outputs, everything measured before anything moves; (loss, terms).
    fn each(&mut self, contexts: &[u32], outputs: &[u32], labels: &[f32]) -> (f64, f64) {
        let old: Vec<Vec<f64>> = outputs.iter().map(|&o| self.output[o as usize].clone()).collect();
        let measured: Vec<Vec<(f64, f64)>> =
            contexts.iter().map(|&c| self.measure(&self.input[c as usize], &old, labels)).collect();
        for (&c, measured) in contexts.iter().zip(&measured) {
            // A context that stands in the window twice has moved once when it is met again.
            let h = self.input[c as usize].clone();
            for ((&(g, _), old), &o) in measured.iter().zip(&old).zip(outputs) {
                for d in 0..h.len() {
                    self.input[c as usize][d] += g * old[d];
                    self.output[o as usize][d] += g * h[d];
                }
            }
        }
        let loss = measured.iter().flatten().map(|(_, loss)| loss).sum();
        (loss, (contexts.len() * outputs.len()) as f64)
    }

    /// The mean or the sum of all contexts; or one context with outputs of its own.
    fn sum(&mut self, contexts: &[u32], outputs: &[u32], labels: &[f32]) -> (f64, f64) {
        let share = 1.0 / contexts.len() as f64;
        let (into, back) = if self.options.cbow_mean { (share, 1.0) } else { (1.0, share) };
        let h: Vec<f64> = (0..self.options.dim)
            .map(|d| contexts.iter().map(|&c| into * self.input[c as usize][d]).sum())
            .collect();
        let old: Vec<Vec<f64>> = outputs.iter().map(|&o| self.output[o as usize].clone()).collect();
        let measured = self.measure(&h, &old, labels);
        for (&(g, _), &o) in measured.iter().zip(outputs) {
            // An output that stands there twice has moved once when it is met again.
            for (d, h) in h.iter().enumerate() {
                for &c in contexts {
                    self.input[c as usize][d] += back * g * self.output[o as usize][d];
                }
                self.output[o as usize][d] += g * h;
            }
        }
        (measured.iter().map(|(_, loss)| loss).sum(), outputs.len() as f64)
    }

    /// For each output (g, loss).
    fn measure(&self, h: &[f64], outputs: &[Vec<f64>], labels: &[f32]) -> Vec<(f64, f64)> {
        let pairs = outputs.iter().zip(labels);
        pairs
            .map(|(o, &label)| {
                let sigma = 1.0 / (1.0 + (-dot(h, o)).exp());
                let loss = -(if label == 1.0 { sigma } else { 1.0 - sigma }).ln();
                (self.alpha * (f64::from(label) - sigma), loss)
            })
            .collect()
    }
}

/// Equations to numbers, nothing clever: (input, output, mean loss of each epoch).
fn in_f64(
    options: &Word2Vec,
    corpus: &Corpus,
    run: &Run<'_>,
) -> (Vec<Vec<f64>>, Vec<Vec<f64>>, Vec<f64>) {
    let Model { mut input, mut output } =
        options.first_values(None, &corpus.vocabulary, run).unwrap();
    let (mut input, mut output) = (plain(&mut input), plain(&mut output));
    let drawing = Drawing::new(options, &corpus.vocabulary);
    let ids = corpus.sequences.as_slice().len() as f64;
    let mut losses = Vec::new();
    for epoch in 0..u64::from(options.epochs) {
        let (mut loss, mut terms) = (0.0, 0.0);
        for (chunk, range) in corpus.sequences.chunks(10_000).into_iter().enumerate() {
            let length = range.len() as f64;
            let start = range.start as f64;
            let mut windows = Windows::new(
                &drawing,
                &corpus.sequences,
                range,
                run.stream(&[epoch, chunk as u64]),
                0,
            );
            let mut window = Window::default();
            while windows.next(&mut window).unwrap() {
                let read = epoch as f64 + (start + f64::from(window.at) * length) / ids;
                let slope = options.end_alpha() - options.start_alpha();
                let alpha = options.start_alpha() + slope * read / f64::from(options.epochs);
                let mut step = Step { options, input: &mut input, output: &mut output, alpha };
                for i in 0..window.groups() {
                    let (rows, labels) = window.outputs(i);
                    let seen = match options.architecture {
                        Architecture::Cbow => step.sum(&window.contexts, rows, labels),
                        Architecture::SkipGram if window.groups() > 1 => {
                            step.sum(&window.contexts[i..=i], rows, labels)
                        }
                        Architecture::SkipGram => step.each(&window.contexts, rows, labels),
                    };
                    if window.measured {
                        loss += seen.0;
                        terms += seen.1;
                    }
                }
            }
        }
        losses.push(loss / terms);
    }
    (input, output, losses)
}

#[test]
fn training_equals_the_equations_in_f64() {
    let corpus = corpus(&sentences(1500, 30, 2));
    let run = Run::silent(5);
    let base =
        Word2Vec { dim: 13, epochs: 2, sample: 0.02, alpha: Some(0.05), ..Default::default() };
    let cbow = Word2Vec { architecture: Architecture::Cbow, ..base.clone() };
    let kinds = [
        base.clone(),
        Word2Vec { negatives: Negatives::Independent, ..base.clone() },
        Word2Vec { loss: Loss::Hs, ..base.clone() },
        Word2Vec { shrink_windows: false, window: 3, ..base.clone() },
        Word2Vec { window_weighting: Weighting::Harmonic, ..base.clone() },
        cbow.clone(),
        Word2Vec { cbow_mean: false, alpha: Some(0.01), ..cbow.clone() },
        Word2Vec { loss: Loss::Hs, ..cbow },
    ];
    for options in kinds {
        let mut real = trained(&options, &corpus, &run);
        let (input, output, losses) = in_f64(&options, &corpus, &run);
        for (tally, loss) in real.losses.iter().zip(&losses) {
            let mean = tally.mean();
            assert!((mean - loss).abs() < 1e-5 * loss, "{mean} instead of {loss}: {options:?}");
            assert_eq!(tally.units, corpus.vocabulary.tokens());
        }
        assert!(losses[1] < losses[0], "nothing was learned: {losses:?} {options:?}");
        for (real, expected) in [(&mut real.model.input, input), (&mut real.model.output, output)] {
            for (row, expected) in plain(real).iter().zip(&expected) {
                for (x, y) in row.iter().zip(expected) {
                    assert!((x - y).abs() < 1e-3, "{x} instead of {y}: {options:?}");
                }
            }
        }
    }
}

/// Output vectors begin at zero, so that without a learning rate every term is ln 2, whatever was drawn.
#[test]
fn before_anything_is_learned_each_term_is_ln_2() {
    let corpus = corpus(&sentences(300, 40, 2));
    let options =
        Word2Vec { alpha: Some(1e-9), min_alpha: Some(0.0), epochs: 1, ..Default::default() };
    let losses = trained(&options, &corpus, &Run::silent(1)).losses;
    assert!((losses[0].mean() - std::f64::consts::LN_2).abs() < 3e-6, "{}", losses[0].mean());
}

/// With as many dimensions as words the minimum is known (Levy & Goldberg 2014): every product o·h is the logarithm
/// of observed over noise. Of n(c) windows of c, n(c,w) have w; w is drawn as noise k·P(w) times in each of the
/// others. The products lie all over −3…2, so that an answer of zero, or of another k, fails by far.
#[test]
fn products_converge_to_the_shifted_mutual_information() {
    let words = 8;
    let mut random = stream(3, &[]);
    let mut below = |n: u32| ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as u32;
    let weights: Vec<u32> = (0..words * words).map(|_| 2 + below(30)).collect();
    let total: u32 = weights.iter().sum();
    let pairs: Vec<Vec<u32>> = (0..60_000)
        .map(|_| {
            let mut rest = below(total);
            let cell = weights
                .iter()
                .position(|&w| {
                    rest < w || {
                        rest -= w;
                        false
                    }
                })
                .unwrap() as u32;
            vec![cell / words, cell % words]
        })
        .collect();
    let n = words as usize;
    let mut seen = vec![vec![0.0f64; n]; n];
    for pair in &pairs {
        seen[pair[0] as usize][pair[1] as usize] += 1.0;
        seen[pair[1] as usize][pair[0] as usize] += 1.0;
    }
    let corpus = corpus(&pairs);
    let options = Word2Vec {
        dim: 16,
        epochs: 8,
        window: 1,
        negative: 3,
        sample: 0.0,
        alpha: Some(0.1),
        min_alpha: Some(1e-4), // to stand still at the end
        ns_exponent: 1.0,
        ..Default::default()
    };
    let mut real = trained(&options, &corpus, &Run::silent(4));
    let (input, output) = (plain(&mut real.model.input), plain(&mut real.model.output));
    let tokens = corpus.vocabulary.tokens() as f64;
    let mut worst: f64 = 0.0;
    for c in 0..n {
        let windows: f64 = seen[c].iter().sum();
        for w in 0..n {
            let noise = 3.0 * corpus.vocabulary.counts[w] as f64 / tokens * (windows - seen[c][w]);
            worst = worst.max((dot(&input[c], &output[w]) - (seen[c][w] / noise).ln()).abs());
        }
    }
    assert!(worst < 0.15, "a product is off by {worst}");
}
