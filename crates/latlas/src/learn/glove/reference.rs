//! The real training held against the equations written out in f64, and against itself: threads, checkpoints, files.

use super::tiles::{Order, Tiles};
use super::train::{Model, own};
use super::{Glove, Vectors};
use crate::data::{About, Counts, Vocabulary};
use crate::error::Kind;
use crate::items::Relations;
use crate::kernels::adagrad::{Adagrad, Factors};
use crate::learn::Learn;
use crate::linalg::Matrix;
use crate::run::{Checkpoint, Progress, Run, Step, stream};
use crate::space::Space;
use rand_xoshiro::rand_core::Rng;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// Counts of `words` words in which word i stands more often the smaller i is, and with a tenth of all others.
fn counts(words: u32, seed: u64) -> Counts {
    let mut random = stream(seed, &[]);
    let mut below = |n: u32| ((u64::from(random.next_u32()) * u64::from(n)) >> 32) as u32;
    let mut links = Vec::new();
    for i in 0..words {
        for j in 0..words {
            if below(10) == 0 {
                links.push((i, j, 0.1 + f64::from(below(3000)) / f64::from(10 + i + j)));
            }
        }
    }
    of(words, links)
}

fn of(words: u32, links: Vec<(u32, u32, f64)>) -> Counts {
    Counts {
        vocabulary: Vocabulary {
            words: (0..words).map(|i| format!("w{i}")).collect(),
            counts: (0..u64::from(words)).map(|i| 1000 / (i + 1)).collect(),
        },
        relations: Relations::from_links(words as usize, words as usize, links).unwrap(),
        about: About::default(),
    }
}

fn options() -> Glove {
    Glove { dim: 9, epochs: 3, x_max: 10.0, ..Default::default() }
}

/// Vector and bias of each word, then of each context, in f64.
fn plain(tiles: &Tiles, model: &mut Model, words: u32) -> Vec<Vec<f64>> {
    let wide = |factors: &mut Factors, row: usize| -> Vec<f64> {
        let bias = *factors.bias_mut(row);
        factors.vector_mut(row).iter().chain([&bias]).map(|&x| f64::from(x)).collect()
    };
    let places = tiles.blocks.source_places();
    let mut rows = Vec::new();
    for (block, row) in &places[..words as usize] {
        rows.push(wide(own(&mut model.sources[*block as usize]), *row as usize));
    }
    for word in 0..words {
        let (block, row) = tiles.blocks.target(word);
        rows.push(wide(own(&mut model.targets[block]), row as usize));
    }
    rows
}

/// The equations, nothing clever: rows as `plain` has them, and the mean loss of each epoch.
fn in_f64(options: &Glove, counts: &Counts, run: &Run<'_>) -> (Vec<Vec<f64>>, Vec<f64>) {
    let words = counts.vocabulary.len();
    let tiles = Tiles::sort(counts, options.dim, run).unwrap();
    let mut first = options.first_values(&tiles, run).unwrap();
    let mut rows = plain(&tiles, &mut first, words as u32);
    let mut squares = vec![vec![1.0_f64; options.dim + 1]; 2 * words];
    let blocks = tiles.blocks.count;
    let members = |block: usize, of: &dyn Fn(u32) -> usize| -> Vec<u32> {
        (0..words as u32).filter(|&word| of(word) == block).collect()
    };
    let places = tiles.blocks.source_places();
    let mut losses = Vec::new();
    for epoch in 0..u64::from(options.epochs) {
        let order = Order::new(blocks, epoch, run);
        let (mut loss, mut links) = (0.0, 0.0);
        for tile in 0..(blocks * blocks) as u64 {
            let (block, other) = order.tile(tile);
            let targets = members(other, &|word| tiles.blocks.target(word).0);
            for source in members(block, &|word| places[word as usize].0 as usize) {
                let (all, weights) = counts.relations.row(source);
                for (target, &x) in all.iter().zip(weights).filter(|(t, _)| targets.contains(t)) {
                    let (i, j) = (source as usize, words + *target as usize);
                    let dot: f64 = (0..options.dim).map(|d| rows[i][d] * rows[j][d]).sum();
                    let diff = dot + rows[i][options.dim] + rows[j][options.dim] - x.ln();
                    let f = (x / options.x_max).powf(options.alpha).min(1.0);
                    (loss, links) = (loss + 0.5 * f * diff * diff, links + 1.0);
                    for d in 0..=options.dim {
                        let (by_i, by_j) =
                            if d == options.dim { (1.0, 1.0) } else { (rows[j][d], rows[i][d]) };
                        for (row, by) in [(i, by_i), (j, by_j)] {
                            let clip = options.grad_clip;
                            let eta = if d == options.dim { 1.0 } else { options.eta };
                            let step = eta * (f * diff * by).clamp(-clip, clip);
                            rows[row][d] -= step / squares[row][d].sqrt();
                            squares[row][d] += step * step;
                        }
                    }
                }
            }
        }
        losses.push(loss / links);
    }
    (rows, losses)
}

#[test]
fn training_equals_the_equations_in_f64() {
    let counts = counts(300, 1);
    for options in [
        options(),
        Glove { eta: 0.2, grad_clip: 0.3, alpha: 0.5, ..options() },
        Glove { dim: 40, x_max: 100.0, ..options() },
    ] {
        let run = Run { threads: 2, ..Run::silent(5) };
        let tiles = Tiles::sort(&counts, options.dim, &run).unwrap();
        assert!(tiles.blocks.count > 3, "one tile would not show an order");
        let mut real =
            options.train(None, &counts.vocabulary, &tiles, Adagrad::detect(), &run).unwrap();
        let (rows, losses) = in_f64(&options, &counts, &run);
        for (tally, loss) in real.losses.iter().zip(&losses) {
            assert!((tally.mean() - loss).abs() < 1e-4 * loss, "{} not {loss}", tally.mean());
            assert_eq!((tally.terms, tally.units), (counts.relations.links(), tally.terms));
        }
        assert!(losses[2] < 0.9 * losses[0], "nothing was learned: {losses:?}");
        for (real, expected) in plain(&tiles, &mut real.model, 300).iter().zip(&rows) {
            for (x, y) in real.iter().zip(expected) {
                assert!((x - y).abs() < 1e-3, "{x} instead of {y}");
            }
        }
    }
}

fn vectors(space: &Space, field: &str) -> Matrix {
    space.field(field).unwrap().gather(&space.live().collect::<Vec<_>>())
}

fn bytes(space: &Space) -> Vec<u32> {
    vectors(space, "main").as_slice().iter().map(|x| x.to_bits()).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let counts = counts(300, 2);
    let learn = |threads| options().learn(&counts, &Run { threads, ..Run::silent(5) }).unwrap();
    let one = learn(1);
    for threads in [2, 5] {
        let many = learn(threads);
        assert_eq!(bytes(&many), bytes(&one));
        assert_eq!(many.metrics(), one.metrics());
    }
    let other = options().learn(&counts, &Run::silent(6)).unwrap();
    assert_ne!(bytes(&other), bytes(&one));
}

/// Cancels when this many links are done; remembers warnings.
struct Watcher {
    cancel_at: u64,
    warnings: Mutex<Vec<String>>,
}

impl Progress for Watcher {
    fn report(&self, step: &Step) -> ControlFlow<()> {
        let reached = step.stage == "training" && step.done >= self.cancel_at;
        if reached { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
    fn warn(&self, message: &str) {
        self.warnings.lock().unwrap().push(message.to_owned());
    }
}

fn kept<'a>(dir: &Path, resume: bool, threads: usize, watcher: &'a Watcher) -> Run<'a> {
    let checkpoint = Checkpoint { dir: dir.to_owned(), every: Duration::ZERO, resume };
    Run { checkpoint: Some(checkpoint), progress: watcher, threads, ..Run::silent(5) }
}

#[test]
fn a_resumed_training_gives_the_bytes_of_an_uninterrupted_one() {
    let counts = counts(300, 2);
    let whole = options().learn(&counts, &Run::silent(5)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cancelling = Watcher { cancel_at: 1, warnings: Mutex::default() };
    let error = options().learn(&counts, &kept(dir.path(), false, 2, &cancelling)).err().unwrap();
    assert_eq!(error.kind(), Kind::Interrupted);

    let watcher = Watcher { cancel_at: u64::MAX, warnings: Mutex::default() };
    let resumed = options().learn(&counts, &kept(dir.path(), true, 3, &watcher)).unwrap();
    assert!(watcher.warnings.lock().unwrap().is_empty());
    assert_eq!(resumed.run_facts()["resumed"], true);
    assert_eq!(bytes(&resumed), bytes(&whole));
    assert_eq!(resumed.metrics(), whole.metrics());
}

#[test]
fn links_in_a_file_are_those_in_memory() {
    let counts = counts(100, 3);
    let dir = tempfile::tempdir().unwrap();
    let watcher = Watcher { cancel_at: u64::MAX, warnings: Mutex::default() };
    let run = kept(dir.path(), false, 1, &watcher);
    let memory = Tiles::sort(&counts, 9, &run).unwrap();
    let file = Tiles::sort_within(&counts, 9, 100, &run).unwrap();
    assert!(file.is_mapped() && !memory.is_mapped());
    assert_eq!((file.fingerprint, file.count()), (memory.fingerprint, counts.relations.links()));
    let mut seen = 0;
    for source in 0..memory.blocks.count {
        for target in 0..memory.blocks.count {
            assert_eq!(file.links(source, target), memory.links(source, target));
            file.release(source, target);
            seen += file.links(source, target).len() as u64;
        }
    }
    assert_eq!(seen, counts.relations.links());
    // Where a mapped file can lose its name it has.
    if cfg!(unix) {
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn logarithms_of_any_weight_are_finite_and_no_training_runs_away() {
    let weights = [5e-324, 1e-300, 1e-30, 0.3, 1.0, 7.0, 1e30, 1e300, f64::MAX];
    let links = |n: u32| {
        (0..n).flat_map(move |i| (0..n).map(move |j| (i, j, weights[((i * 7 + j) % 9) as usize])))
    };
    for kernels in Adagrad::all() {
        let wild = Glove { eta: 10.0, grad_clip: 1e6, alpha: 0.1, epochs: 20, ..options() };
        let counts = of(12, links(12).collect());
        let tiles = Tiles::sort(&counts, 9, &Run::silent(1)).unwrap();
        let mut trained =
            wild.train(None, &counts.vocabulary, &tiles, kernels, &Run::silent(1)).unwrap();
        assert!(trained.losses.iter().all(|tally| tally.loss.is_finite()));
        let rows = plain(&tiles, &mut trained.model, 12);
        assert!(rows.iter().flatten().all(|x| x.is_finite()));
    }
}

#[test]
fn vectors_are_given_out_as_asked() {
    let counts = counts(60, 4);
    let run = Run::silent(5);
    let learn = |vectors, keep_context| {
        Glove { vectors, keep_context, ..options() }.learn(&counts, &run).unwrap()
    };
    let (sum, word) = (learn(Vectors::Sum, true), learn(Vectors::Word, false));
    let both = learn(Vectors::Both, false);
    let has = |space: &Space, name: &str| space.columns().iter().any(|(column, _)| column == name);
    assert!(word.field("output").is_err() && !has(&word, "bias"));
    assert!(has(&sum, "bias") && has(&sum, "output_bias"));
    let (w, context) = (vectors(&word, "main"), vectors(&sum, "output"));
    let (sum, both) = (vectors(&sum, "main"), vectors(&both, "main"));
    for row in 0..60 {
        assert_eq!(both.row(row), [w.row(row), context.row(row)].concat());
        let added: Vec<f32> = w.row(row).iter().zip(context.row(row)).map(|(a, b)| a + b).collect();
        assert_eq!(sum.row(row), added);
    }
}

#[test]
fn what_cannot_be_learned_from_is_told() {
    let said = |counts: &Counts| options().learn(counts, &Run::silent(1)).unwrap_err();
    assert!(said(&of(1, vec![])).message().starts_with("a vocabulary of 1 words"));
    assert!(said(&of(3, vec![])).message().starts_with("no two words stand together"));
    assert!(said(&of(3, vec![(0, 1, 0.0)])).message().starts_with("no two words stand together"));
    let error = said(&of(3, vec![(0, 1, 1.0), (1, 2, -2.0)]));
    assert_eq!(error.message(), "the link from 'w1' to 'w2' has weight -2, which has no logarithm");
    let mut odd = of(3, vec![(0, 1, 1.0)]);
    odd.vocabulary.words.pop();
    assert!(said(&odd).message().contains("do not fit"));
}
