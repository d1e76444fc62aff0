//! The classifier on texts with planted labels, and held against gradients written out in f64.

use super::*;
use crate::data::{Cut, Labels, Tokenizer, Vocabulary};
use crate::items::Sequences;
use crate::run::stream;
use crate::space::fasttext::{FastTextModel, Loss};

const LOSSES: [Loss; 4] = [Loss::Softmax, Loss::Hs, Loss::Ns, Loss::Ova];

/// Texts of eight words out of 200; a quarter of the words of a text with label l of `labels` come from its own ten.
fn texts(count: usize, labels: u32, seed: u64) -> Vec<(Vec<u32>, u32)> {
    let mut random = stream(seed, &[]);
    let mut below = |n: u32| ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as u32;
    (0..count)
        .map(|_| {
            // Not all labels are as frequent.
            let label = below(labels).min(below(labels));
            let word = |own: bool, at: u32| if own { label * 10 + at % 10 } else { at };
            ((0..8).map(|_| word(below(4) == 0, below(200))).collect(), label)
        })
        .collect()
}

fn corpus(texts: &[(Vec<u32>, u32)]) -> LabelledCorpus {
    let mut counts = [[0_u64; 2]; 201];
    let (mut ids, mut labels) = (Vec::new(), Vec::new());
    for (words, label) in texts {
        for &word in words {
            counts[word as usize + 1][0] += 1;
            ids.push(word + 1);
        }
        counts[0][0] += 1;
        ids.extend([0, Sequences::END]);
        counts[*label as usize][1] += 1;
        labels.extend([*label, Sequences::END]);
    }
    let most = texts.iter().map(|t| t.1 as usize + 1).max().unwrap();
    let names = |n: usize, name: &dyn Fn(usize) -> String| (0..n).map(name).collect::<Vec<_>>();
    LabelledCorpus {
        words: Vocabulary {
            words: names(201, &|i| if i == 0 { "</s>".into() } else { format!("w{}", i - 1) }),
            counts: counts.iter().map(|c| c[0].max(1)).collect(),
        },
        labels: Vocabulary {
            words: names(most, &|i| format!("l{i}")),
            counts: counts[..most].iter().map(|c| c[1]).collect(),
        },
        texts: Sequences::from_vec(ids).unwrap(),
        text_labels: Sequences::from_vec(labels).unwrap(),
        cut: Cut { tokenizer: Tokenizer::Whitespace, lowercase: false },
        from: Labels::default(),
        sources: Vec::new(),
        fingerprint: 1,
    }
}

fn text(words: &[u32]) -> String {
    words.iter().map(|w| format!("w{w}")).collect::<Vec<_>>().join(" ")
}

fn labeller(options: &Classifier, corpus: &LabelledCorpus, run: &Run<'_>) -> Labeller {
    let space = options.learn(corpus, run).unwrap();
    Labeller::new(FastTextModel::of(&space).unwrap().unwrap()).unwrap()
}

fn accuracy(labeller: &Labeller, texts: &[(Vec<u32>, u32)]) -> f64 {
    let mut room = Room::default();
    let right = texts
        .iter()
        .filter(|(words, label)| labeller.predict(&text(words), 1, 0.0, &mut room)[0].0 == *label);
    right.count() as f64 / texts.len() as f64
}

#[test]
fn every_loss_finds_the_planted_labels_in_texts_it_has_not_seen() {
    let (learned, unseen) = (texts(4000, 5, 1), texts(500, 5, 2));
    let corpus = corpus(&learned);
    let commonest = unseen.iter().filter(|t| t.1 == 0).count() as f64 / unseen.len() as f64;
    for loss in LOSSES {
        let options = Classifier { loss, dim: 10, epochs: 10, ..Classifier::default() };
        for threads in [1, 2] {
            let run = Run { threads, ..Run::silent(3) };
            let found = accuracy(&labeller(&options, &corpus, &run), &unseen);
            assert!(found > 0.75 && commonest < 0.5, "{loss:?}: {found}, commonest {commonest}");
        }
    }
}

#[test]
fn word_order_is_seen_by_runs_of_words_alone() {
    let mut random = stream(5, &[]);
    let pairs: Vec<(Vec<u32>, u32)> = (0..2000)
        .map(|_| {
            let (a, b) = (random.next_u32() % 20, 20 + random.next_u32() % 20);
            let label = random.next_u32() % 2;
            (if label == 0 { vec![a, b] } else { vec![b, a] }, label)
        })
        .collect();
    let mut sorted = pairs.clone();
    // Labels are numbered by count.
    let ones = pairs.iter().filter(|p| p.1 == 1).count();
    if ones > 1000 {
        sorted.iter_mut().for_each(|p| p.1 = 1 - p.1);
    }
    let corpus = corpus(&sorted);
    let single = Classifier { dim: 8, epochs: 10, alpha: 0.5, ..Classifier::default() };
    let runs = Classifier { word_ngrams: 2, buckets: 10_000, ..single.clone() };
    let run = Run::silent(1);
    let (single, runs) = (labeller(&single, &corpus, &run), labeller(&runs, &corpus, &run));
    let found = (accuracy(&single, &sorted), accuracy(&runs, &sorted));
    assert!(found.0 < 0.6 && found.1 > 0.95, "{found:?}");
}

#[test]
fn probabilities_are_what_the_loss_says() {
    let corpus = corpus(&texts(600, 4, 7));
    for loss in LOSSES {
        let options = Classifier { loss, dim: 6, epochs: 3, ..Classifier::default() };
        let labeller = labeller(&options, &corpus, &Run::silent(1));
        let all = labeller.predict("w1 w2 w30", 10, 0.0, &mut Room::default());
        assert!(all.len() == 4 && all.is_sorted_by(|a, b| a.1 >= b.1), "{all:?}");
        let sum: f32 = all.iter().map(|l| l.1).sum();
        if matches!(loss, Loss::Softmax | Loss::Hs) {
            assert!((sum - 1.0).abs() < 1e-5, "{loss:?}: {sum}");
        }
        let two = labeller.predict("w1 w2 w30", 2, 0.0, &mut Room::default());
        assert_eq!(two, all[..2]);
        let sure = labeller.predict("w1 w2 w30", 10, all[1].1, &mut Room::default());
        assert_eq!(sure, all[..2]);
    }
}

/// One text, one step: every row moves down the gradient of its loss, which is measured here by finite differences of
/// the equations in f64.
#[test]
fn a_step_goes_down_the_gradient() {
    let learned = vec![(vec![3, 7, 7], 1), (vec![1], 0), (vec![2], 0), (vec![4], 2)];
    let corpus = corpus(&learned);
    let run = Run::silent(11);
    for loss in [Loss::Softmax, Loss::Hs, Loss::Ova] {
        let alpha = 1e-3;
        let options = Classifier { loss, dim: 3, epochs: 1, alpha, ..Classifier::default() };
        let features = Features::new(&options, &corpus).unwrap();
        let work = Work::new(&options, &corpus, &features, Pooled::detect(), &run).unwrap();
        let mut model = options.first_values(features.total(), 3, &run).unwrap();
        let mut random = stream(1, &[]);
        for row in 0..3 {
            for x in model.output.row_mut(row) {
                *x = (random.next_u32() >> 8) as f32 / 16_777_216.0 - 0.5;
            }
        }
        let plain = |rows: &mut RacingRows| -> Vec<Vec<f64>> {
            (0..rows.rows()).map(|i| rows.row(i).iter().map(|&x| x.into()).collect()).collect()
        };
        let (input, output) = (plain(&mut model.input), plain(&mut model.output));
        let rows = [4_usize, 8, 8, 0];
        let tree = crate::space::fasttext::Huffman::new(&corpus.labels.counts).unwrap();
        let equation = |input: &[Vec<f64>], output: &[Vec<f64>]| -> f64 {
            let h: Vec<f64> =
                (0..3).map(|d| rows.iter().map(|&r| input[r][d]).sum::<f64>() / 4.0).collect();
            let dot = |o: &[f64]| o.iter().zip(&h).map(|(o, h)| o * h).sum::<f64>();
            let term = |x: f64| (1.0 + (-x).exp()).ln();
            match loss {
                Loss::Softmax => {
                    let sum: f64 = output.iter().map(|o| dot(o).exp()).sum();
                    sum.ln() - dot(&output[1])
                }
                Loss::Ova => {
                    let sign = |l: usize| if l == 1 { 1.0 } else { -1.0 };
                    (0..3).map(|l| term(sign(l) * dot(&output[l]))).sum()
                }
                _ => {
                    let (path, seconds) = tree.path(1);
                    let sign = |i: usize| if i < seconds { 1.0 } else { -1.0 };
                    let terms = path.iter().enumerate();
                    terms.map(|(i, &node)| term(sign(i) * dot(&output[node as usize]))).sum()
                }
            }
        };
        let mut scratch = training::Training::scratch(&work);
        let words = [4, 8, 8, 0];
        features.of_text(&words, &mut Vec::new(), &mut scratch.rows);
        let told = work.step(&[1], alpha as f32, &model, &mut stream(2, &[]), &mut scratch);
        assert!((f64::from(told) - equation(&input, &output)).abs() < 1e-5, "{loss:?}");
        let (moved_in, moved_out) = (plain(&mut model.input), plain(&mut model.output));
        let e = 1e-5;
        for (row, d) in (0..9).flat_map(|row| (0..3).map(move |d| (row, d))) {
            let mut near = input.clone();
            near[row][d] += e;
            let slope = (equation(&near, &output) - equation(&input, &output)) / e;
            let moved = (moved_in[row][d] - input[row][d]) / alpha;
            assert!((moved + slope).abs() < 2e-3, "{loss:?} input {row} {d}: {moved} for {slope}");
        }
        for (row, d) in (0..3).flat_map(|row| (0..3).map(move |d| (row, d))) {
            let mut near = output.clone();
            near[row][d] += e;
            let slope = (equation(&input, &near) - equation(&input, &output)) / e;
            let moved = (moved_out[row][d] - output[row][d]) / alpha;
            assert!((moved + slope).abs() < 2e-3, "{loss:?} output {row} {d}: {moved} for {slope}");
        }
    }
}

#[test]
fn one_thread_and_one_seed_give_the_same_bytes() {
    let corpus = corpus(&texts(500, 3, 4));
    let options = Classifier { dim: 5, word_ngrams: 2, buckets: 1000, ..Classifier::default() };
    let space = |seed| options.learn(&corpus, &Run::silent(seed)).unwrap();
    let input = |seed| {
        let model = FastTextModel::of(&space(seed)).unwrap().unwrap();
        model.input().to_vec()
    };
    assert_eq!(input(1), input(1));
    assert_ne!(input(1), input(2));
}
