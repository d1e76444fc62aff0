//! The real training held against the equations written out in f64, row by row and pair by pair, as the official program
//! goes about it.

use super::options::{FastText, Subwords};
use super::rows::WordRows;
use super::train::Model;
use super::windows::{Drawing, Window, Windows};
use crate::data::{Corpus, Vocabulary};
use crate::items::Sequences;
use crate::kernels::hogwild::RacingRows;
use crate::kernels::pooled::Pooled;
use crate::learn::Learn;
use crate::learn::training::CHUNK;
use crate::learn::word2vec::{Architecture, Loss, Negatives};
use crate::run::{Run, stream};
use crate::space::fasttext::{FastTextModel, Finding};
use rand_xoshiro::rand_core::Rng;

const WORDS: u32 = 40;
const WINDOW: usize = 2;

/// Sentences of words none of which comes again within reach of another window: then it makes no difference that rows
/// are moved once they are out of reach. No two words share an n-gram, and no word has one twice.
fn corpus(tokens: usize) -> Corpus {
    let mut random = stream(2, &[]);
    let mut below = |n: u32| ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as u32;
    let (mut ids, mut recent) = (Vec::new(), Vec::new());
    let mut counts = vec![0; WORDS as usize];
    let mut last = 0;
    for _ in 0..tokens {
        let mut word = (last + below(7)) % WORDS;
        while recent.iter().rev().take(4 * WINDOW + 4).any(|&other| other == word) {
            word = below(WORDS);
        }
        recent.push(word);
        ids.push(word);
        counts[word as usize] += 1;
        last = word;
        if below(15) == 0 && ids.len() > 1 && ids[ids.len() - 2] != Sequences::END {
            ids.push(Sequences::END);
        }
    }
    ids.push(Sequences::END);
    // Most frequent first, as the tree needs them.
    let mut order: Vec<u32> = (0..WORDS).collect();
    order.sort_by_key(|&word| std::cmp::Reverse(counts[word as usize]));
    let mut place = vec![0; WORDS as usize];
    order.iter().zip(0..).for_each(|(&word, rank)| place[word as usize] = rank);
    for id in ids.iter_mut().filter(|id| **id != Sequences::END) {
        *id = place[*id as usize];
    }
    let letters = |word: u32| {
        (0..3).map(|i| char::from_u32(0x4e00 + 3 * word + i).unwrap()).collect::<String>()
    };
    Corpus {
        vocabulary: Vocabulary {
            words: (0..WORDS).map(letters).collect(),
            counts: order.iter().map(|&word| counts[word as usize]).collect(),
        },
        sequences: Sequences::from_vec(ids).unwrap(),
        sources: Vec::new(),
        options: serde_json::Map::new(),
        fingerprint: 1,
    }
}

fn plain(rows: &mut RacingRows) -> Vec<Vec<f64>> {
    (0..rows.rows()).map(|i| rows.row(i).iter().map(|&x| f64::from(x)).collect()).collect()
}

/// Equations to numbers, nothing clever: (input, output, mean loss of each epoch).
fn in_f64(
    options: &FastText,
    corpus: &Corpus,
    rows: &WordRows,
    run: &Run<'_>,
) -> (Vec<Vec<f64>>, Vec<Vec<f64>>, Vec<f64>) {
    let Model { mut input, mut output } =
        options.first_values(rows.total(), WORDS as usize, run).unwrap();
    let (mut input, mut output) = (plain(&mut input), plain(&mut output));
    let drawing = Drawing::new(options, &corpus.vocabulary).unwrap();
    let ids = corpus.sequences.as_slice().len() as f64;
    let mut losses = Vec::new();
    for epoch in 0..u64::from(options.epochs) {
        let (mut loss, mut terms) = (0.0, 0.0);
        for (chunk, range) in corpus.sequences.chunks(CHUNK).into_iter().enumerate() {
            let (start, length) = (range.start as f64, range.len() as f64);
            let random = run.stream(&[epoch, chunk as u64]);
            let mut windows = Windows::new(&drawing, &corpus.sequences, range, random);
            let mut window = Window::default();
            while windows.next(&mut window).unwrap() {
                let read = epoch as f64 + (start + f64::from(window.at) * length) / ids;
                let slope = options.min_alpha - options.alpha;
                let alpha = options.alpha + slope * read / f64::from(options.epochs);
                let all: Vec<u32> =
                    window.pooled.iter().flat_map(|&(word, _)| rows.of(word)).copied().collect();
                for i in 0..window.groups() {
                    let mean = |d: usize| {
                        all.iter().map(|&r| input[r as usize][d]).sum::<f64>() / all.len() as f64
                    };
                    let h: Vec<f64> = (0..options.dim).map(mean).collect();
                    let (outputs, observed, weight) = window.group(i);
                    let mut gradient = vec![0.0; options.dim];
                    // The kernel measures eight outputs, then moves them.
                    for (first, outputs) in (0..).step_by(8).zip(outputs.chunks(8)) {
                        let products: Vec<f64> = outputs
                            .iter()
                            .map(|&o| output[o as usize].iter().zip(&h).map(|(o, h)| o * h).sum())
                            .collect();
                        for (k, (&o, x)) in (first..).zip(outputs.iter().zip(products)) {
                            let (label, weight) =
                                if k < observed { (1.0, 1.0) } else { (0.0, f64::from(weight)) };
                            let sigma = 1.0 / (1.0 + (-x).exp());
                            loss -=
                                weight * if label == 1.0 { sigma.ln() } else { (1.0 - sigma).ln() };
                            terms += 1.0;
                            let g = alpha * weight * (label - sigma);
                            for d in 0..options.dim {
                                gradient[d] += g * output[o as usize][d];
                                output[o as usize][d] += g * h[d];
                            }
                        }
                    }
                    for &row in &all {
                        input[row as usize].iter_mut().zip(&gradient).for_each(|(x, g)| *x += g);
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
    let corpus = corpus(3000);
    let run = Run::silent(5);
    for architecture in [Architecture::SkipGram, Architecture::Cbow] {
        for (loss, negatives) in [
            (Loss::Ns, Negatives::Independent),
            (Loss::Ns, Negatives::Shared),
            (Loss::Hs, Negatives::Shared),
        ] {
            let options = FastText {
                architecture,
                loss,
                negatives,
                dim: 13,
                epochs: 2,
                window: WINDOW,
                negative: 3,
                sample: 0.0,
                min_n: 1,
                max_n: 2,
                subwords: Subwords::Exact,
                ..FastText::default()
            };
            // Marks are in the n-grams of every word; without them words share none.
            let mut rows = WordRows::new(&options, &corpus.vocabulary).unwrap();
            rows.forget_marks();
            let mut real = options.train(&corpus, &rows, Pooled::detect(), &run).unwrap();
            let (input, output, losses) = in_f64(&options, &corpus, &rows, &run);
            let what = format!("{architecture:?} {loss:?} {negatives:?}");
            for (tally, loss) in real.losses.iter().zip(&losses) {
                assert!((tally.mean() - loss).abs() < 1e-5 * loss, "{what}: {}", tally.mean());
                assert_eq!(tally.units, corpus.vocabulary.tokens());
            }
            assert!(losses[1] < losses[0], "{what}: nothing was learned: {losses:?}");
            let model = &mut real.model;
            for (real, expected) in [(&mut model.input, input), (&mut model.output, output)] {
                for (row, expected) in plain(real).iter().zip(&expected) {
                    for (x, y) in row.iter().zip(expected) {
                        assert!((x - y).abs() < 1e-3, "{what}: {x} instead of {y}");
                    }
                }
            }
        }
    }
}

/// Words of two families, each with its own stem, in two kinds of sentences; then words of these stems that no sentence
/// has.
#[test]
fn a_word_never_met_lies_with_its_family() {
    let stems = ["garden", "kernel"];
    let endings = ["s", "er", "ing", "ed", "like", "less"];
    let mut random = stream(4, &[]);
    let mut below = |n: u32| ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as usize;
    let mut words: Vec<String> = Vec::new();
    for stem in stems {
        words.extend(endings.iter().map(|ending| format!("{stem}{ending}")));
    }
    let companions = [["soil", "leaf", "root"], ["loop", "byte", "code"]];
    words.extend(companions.iter().flatten().map(|word| (*word).to_owned()));
    let mut ids = Vec::new();
    let mut counts = vec![0_u64; words.len()];
    for _ in 0..4000 {
        let family = below(2);
        for place in 0..8 {
            let word =
                if place % 2 == 0 { family * 6 + below(6) } else { 12 + family * 3 + below(3) };
            counts[word] += 1;
            ids.push(word as u32);
        }
        ids.push(Sequences::END);
    }
    let corpus = Corpus {
        vocabulary: Vocabulary { words, counts },
        sequences: Sequences::from_vec(ids).unwrap(),
        sources: Vec::new(),
        options: serde_json::Map::new(),
        fingerprint: 1,
    };
    for subwords in [Subwords::Hashed, Subwords::Exact] {
        let options = FastText {
            subwords,
            dim: 16,
            sample: 0.0,
            buckets: 5000,
            epochs: 8,
            ..FastText::default()
        };
        let space = options.learn(&corpus, &Run::silent(1)).unwrap();
        let model = FastTextModel::of(&space).unwrap().unwrap();
        let mut finding = Finding::default();
        let mut vector = |word: &str| {
            assert!(!model.find(word, &mut finding), "{word} is known");
            let mut vector = vec![0.0; 16];
            model.mean(&finding, &mut vector);
            vector
        };
        let main = space.field("main").unwrap();
        for (stem, (own, other)) in stems.iter().zip([("soil", "byte"), ("byte", "soil")]) {
            let placed = vector(&format!("{stem}ish"));
            let near = |word: &str| {
                let mut vector = vec![0.0; 16];
                main.read(space.find(word).unwrap(), &mut vector);
                crate::kernels::cosine(&placed, &vector)
            };
            assert!(
                near(own) > near(other) + 0.3,
                "{subwords:?}: {stem}ish {} {}",
                near(own),
                near(other)
            );
        }
        // A word of the vocabulary has the mean of its rows, as it has in the space.
        let mut known = vec![0.0; 16];
        assert!(model.find("gardens", &mut finding));
        model.mean(&finding, &mut known);
        let mut item = vec![0.0; 16];
        main.read(space.find("gardens").unwrap(), &mut item);
        assert!(known.iter().zip(&item).all(|(x, y)| (x - y).abs() < 1e-6));
    }
}
