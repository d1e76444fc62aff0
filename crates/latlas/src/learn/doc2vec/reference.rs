//! The real training held against the equations, written out in f64.

use super::train::Work;
use super::windows::{Drawing, Window, Windows};
use super::{Doc2Vec, Doc2VecModel, DocumentCorpus};
use crate::data::{Corpus, Vocabulary};
use crate::items::{Items, Sequences};
use crate::kernels::hogwild::{Hogwild, RacingRows};
use crate::learn::documents::OnUnknown;
use crate::learn::training::{self, Job};
use crate::learn::word2vec::Loss;
use crate::run::{Run, stream};
use rand_xoshiro::rand_core::Rng;

/// Documents of no, one or up to 39 words; each word is drawn near the document's number, so that there is something
/// to learn, and differs from the words around it, so that no window holds a word twice.
fn corpus(documents: u32, words: u32) -> DocumentCorpus {
    let mut random = stream(9, &[]);
    let mut below = |n: u32| ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as u32;
    let (mut ids, mut counts) = (Vec::new(), vec![0; words as usize]);
    for document in 0..documents {
        let mut word = document % words;
        for _ in 0..below(40) {
            word = (word + 1 + below(3)) % words;
            counts[word as usize] += 1;
            ids.push(word);
        }
        ids.push(Sequences::END);
    }
    let vocabulary = Vocabulary { words: (0..words).map(|i| format!("w{i}")).collect(), counts };
    let sequences = Sequences::from_vec(ids).unwrap();
    let options = [("tokenizer", "words".into()), ("lowercase", true.into())];
    let options = options.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let corpus = Corpus { vocabulary, sequences, sources: Vec::new(), options, fingerprint: 1 };
    let documents = Items::from_ids((0..documents).map(|i| i.to_string())).unwrap();
    DocumentCorpus { documents, corpus, missing: Vec::new(), on_unknown: OnUnknown::Skip }
}

fn plain(rows: &mut RacingRows) -> Vec<Vec<f64>> {
    (0..rows.rows()).map(|i| rows.row(i).iter().map(|&x| f64::from(x)).collect()).collect()
}

/// Input and output vectors, and the mean loss of the measured terms of each epoch.
type Plain = (Vec<Vec<f64>>, Vec<Vec<f64>>, Vec<f64>);

/// Equations to numbers, nothing clever.
fn in_f64(options: &Doc2Vec, data: &DocumentCorpus, run: &Run<'_>) -> Plain {
    let mut first = options.first_values(data, run).unwrap();
    let (mut input, mut output) = (plain(&mut first.input), plain(&mut first.output));
    let text = &data.corpus.sequences;
    let drawing = Drawing::new(options, &data.corpus.vocabulary.counts);
    let offset = input.len() - data.documents.len();
    let ids = text.as_slice().len() as f64;
    let mut losses = Vec::new();
    for epoch in 0..u64::from(options.epochs) {
        let (mut loss, mut terms) = (0.0, 0.0);
        let mut document = 0;
        for (chunk, range) in text.chunks(10_000).into_iter().enumerate() {
            let (start, length) = (range.start as f64, range.len() as f64);
            let ends = text.as_slice()[range.clone()].iter().filter(|&&id| id == Sequences::END);
            let (first, count) = (document, ends.count() as u32);
            document += count;
            let random = run.stream(&[epoch, chunk as u64]);
            let mut windows = Windows::new(&drawing, text, range, first, random);
            let mut window = Window::default();
            while windows.next(&mut window).unwrap() {
                let read = epoch as f64 + (start + f64::from(window.at) * length) / ids;
                let slope = options.end_alpha() - options.alpha;
                let alpha = options.alpha + slope * read / f64::from(options.epochs);
                let mut rows: Vec<usize> = window.contexts.iter().map(|&c| c as usize).collect();
                rows.push(offset + window.document as usize);
                // Each group of inputs that are added up to one h; skip-gram has one a row.
                let groups: Vec<Vec<usize>> = match options.model {
                    Doc2VecModel::PvDbow => rows.iter().map(|&row| vec![row]).collect(),
                    Doc2VecModel::PvDm => vec![rows],
                };
                let before = output.clone();
                for group in groups {
                    let n = group.len() as f64;
                    let (share, back) =
                        if options.dm_mean { (1.0 / n, 1.0) } else { (1.0, 1.0 / n) };
                    let h: Vec<f64> = (0..options.dim)
                        .map(|d| group.iter().map(|&row| input[row][d]).sum::<f64>() * share)
                        .collect();
                    let mut gradient = vec![0.0; options.dim];
                    for (&o, &label) in window.outputs.iter().zip(&window.labels) {
                        let o = o as usize;
                        let x: f64 = h.iter().zip(&before[o]).map(|(a, b)| a * b).sum();
                        let sigma = 1.0 / (1.0 + (-x).exp());
                        if window.measured {
                            loss -= if label > 0.5 { sigma.ln() } else { (1.0 - sigma).ln() };
                            terms += 1.0;
                        }
                        let g = alpha * (f64::from(label) - sigma);
                        for d in 0..options.dim {
                            // A noise word drawn twice has moved once when it is met again, but for whole windows.
                            let o = if options.dbow_words { before[o][d] } else { output[o][d] };
                            gradient[d] += g * o;
                        }
                        for d in 0..options.dim {
                            output[o][d] += g * h[d];
                        }
                    }
                    for row in group {
                        input[row].iter_mut().zip(&gradient).for_each(|(x, g)| *x += back * g);
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
    let data = corpus(700, 50);
    let run = Run::silent(5);
    let good =
        Doc2Vec { dim: 13, epochs: 2, window: 3, sample: 0.05, alpha: 0.05, ..Default::default() };
    for options in [
        good.clone(),
        Doc2Vec { dbow_words: true, ..good.clone() },
        Doc2Vec { model: Doc2VecModel::PvDm, ..good.clone() },
        Doc2Vec { model: Doc2VecModel::PvDm, dm_mean: false, ..good.clone() },
        Doc2Vec { loss: Loss::Hs, ..good.clone() },
        Doc2Vec { loss: Loss::Hs, dbow_words: true, ..good.clone() },
        Doc2Vec { loss: Loss::Hs, model: Doc2VecModel::PvDm, ..good },
    ] {
        let job = Job::new("doc2vec", options.epochs, &options, 1, &run).unwrap();
        let work = Work::new(&options, &data, Hogwild::detect(), &run);
        let first = || options.first_values(&data, &run);
        let mut real = training::train(&work, &job, first, &run).unwrap();
        let (input, output, losses) = in_f64(&options, &data, &run);
        for (tally, loss) in real.losses.iter().zip(&losses) {
            assert!((tally.mean() - loss).abs() < 1e-4 * loss, "{} not {loss}", tally.mean());
            assert_eq!(tally.units, data.corpus.vocabulary.tokens());
        }
        assert!(losses[1] < losses[0], "nothing was learned: {losses:?}");
        let mut worst: f64 = 0.0;
        for (real, expected) in [(&mut real.model.input, input), (&mut real.model.output, output)] {
            for (row, expected) in plain(real).iter().zip(&expected) {
                for (x, y) in row.iter().zip(expected) {
                    worst = worst.max((x - y).abs());
                }
            }
        }
        assert!(worst < 1e-4, "{options:?}: off by {worst}");
    }
}
