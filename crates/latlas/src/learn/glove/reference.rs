//! The real training held against the equations written out in f64, and against itself: threads, checkpoints, files.

use super::tiles::{Order, Tiles};
use super::train::{Model, own};
use super::{Glove, Vectors};
use crate::data::{About, Counts, Vocabulary};
use crate::error::Kind;
use crate::items::Relations;
use crate::kernels::adagrad::Adagrad;
use crate::learn::Learn;
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

/// Vectors and bias of each word, then of each context, in f64.
fn plain(tiles: &Tiles, model: &mut Model, words: u32) -> Vec<Vec<f64>> {
    let mut rows = Vec::new();
    let places = tiles.blocks.source_places();
    for word in 0..words {
        let (block, row) = places[word as usize];
        rows.push((own(&mut model.sources[block as usize]), row));
    }
    let mut plain: Vec<Vec<f64>> = Vec::new();
    let wide = |factors: &mut crate::kernels::adagrad::Factors, row: usize| {
        let mut wide: Vec<f64> =
            factors.vector_mut(row).iter().map(|&x| f64::from(x)).collect();
        wide.push(f64::from(*factors.bias_mut(row)));
        wide
    };
    drop(rows);
    for word in 0..words {
        let (block, row) = places[word as usize];
        plain.push(wide(own(&mut model.sources[block as usize]), row as usize));
    }
    for word in 0..words {
        let (block, row) = tiles.blocks.target(word);
        plain.push(wide(own(&mut model.targets[block]), row as usize));
    }
    plain
}
