//! Word mover's distance (Kusner et al. 2015): how far the words of one text have to travel to become those of another.
//!
//! A text is a histogram d of its words, each with the share of its occurrences. With c(i, j) the Euclidean distance of
//! two words' vectors, WMD(d, d′) is the least Σ Tᵢⱼ c(i, j) over flows T ≥ 0 with Σⱼ Tᵢⱼ = dᵢ and Σᵢ Tᵢⱼ = d′ⱼ (their
//! eq. 1): exact, by [`transport`].
//!
//! Dropping either of the two conditions gives a lower bound in which each word goes to its nearest; RWMD is the larger
//! of the two (their §4). A search takes the bound of every document, and then exact distances in the order of their
//! bounds until the next bound is beyond the k-th distance: nothing is missed.
//!
//! Under a cosine geometry vectors are taken at length 1, as gensim's `wmdistance` does; the paper takes them as they
//! are, which a Euclidean geometry does.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::pool;
use crate::error::{Error, Result};
use crate::geometry::{Geometry, Measure};
use crate::linalg::{Matrix, transport};
use crate::space::{Row, Space};

/// Texts of more different words are refused: the time of exact transport grows with the cube.
const MOST_WORDS: usize = 4096;
/// Exact distances taken at a time.
const BATCH: usize = 32;

/// Documents to find the nearest of, as histograms of a space's words.
pub struct WordMover {
    space: Space,
    /// The different words of all documents, and their vectors as they are measured.
    rows: Vec<Row>,
    vectors: Matrix,
    bags: Vec<Bag>,
}

/// Words as places in a list, with how often each stands.
type Bag = Vec<(u32, u64)>;

/// The distance of two texts by the field "main"; words that the space does not know are left out. An error of kind
/// `Nothing` if it knows none of a text's.
pub fn wmd(space: &Space, a: &[&str], b: &[&str]) -> Result<f64> {
    let known = |words: &[&str]| words.iter().filter_map(|word| space.get(word)).collect();
    let mover = WordMover::new(space, &[known(b)])?;
    let found = mover.search(&known(a), 1, 1)?;
    found.first().map(|&(_, distance)| distance).ok_or_else(|| no_word("the second text"))
}

fn no_word(text: &str) -> Error {
    Error::nothing(format!("{text} has no word that the space knows"))
        .help("is the text in the space's language?")
}

impl WordMover {
    /// Of documents given by the rows of their words, in any order. A document of more than 4,096 different words is a
    /// usage error.
    pub fn new(space: &Space, documents: &[Vec<Row>]) -> Result<Self> {
        let mut rows: Vec<Row> = documents.iter().flatten().copied().collect();
        rows.sort_unstable();
        rows.dedup();
        let vectors = vectors(space, &rows)?;
        let place = |row: Row| rows.binary_search(&row).unwrap_or_default() as u32;
        let bags = documents.iter().zip(1..).map(|(document, number)| {
            bag(document.iter().map(|&row| place(row)))
                .map_err(|e| e.context(format!("document {number}")))
        });
        let bags = bags.collect::<Result<Vec<Bag>>>()?;
        Ok(WordMover { space: space.clone(), rows, vectors, bags })
    }

    /// The `k` nearest documents: their places in the list and their distances, closest first, ties by place.
    /// Documents without words are at no distance and never found. The same at any number of threads.
    pub fn search(&self, query: &[Row], k: usize, threads: usize) -> Result<Vec<(usize, f64)>> {
        if query.is_empty() {
            return Err(no_word("the text"));
        }
        let mut rows = query.to_vec();
        rows.sort_unstable();
        rows.dedup();
        let place = |row: Row| rows.binary_search(&row).unwrap_or_default() as u32;
        let asked = bag(query.iter().map(|&row| place(row)))?;
        let vectors = vectors(&self.space, &rows)?;
        let pool = pool(threads)?;
        // The distance of each word of the documents to each of the query.
        let width = rows.len();
        let mut table = vec![0.0; self.rows.len() * width];
        pool.install(|| {
            table.par_chunks_mut(width).enumerate().for_each(|(w, out)| {
                for (q, out) in out.iter_mut().enumerate() {
                    *out = Measure::Euclidean.exact(vectors.row(q), self.vectors.row(w));
                }
            });
        });
        let distances = |word: u32| &table[word as usize * width..(word as usize + 1) * width];
        let mut order: Vec<(usize, f64)> = pool.install(|| {
            let bound = |(at, bag): (usize, &Bag)| {
                (!bag.is_empty()).then(|| (at, relaxed(&asked, bag, &distances)))
            };
            self.bags.par_iter().enumerate().filter_map(bound).collect()
        });
        order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));

        let mut best: Vec<(usize, f64)> = Vec::new();
        for batch in order.chunks(BATCH) {
            let last = best.get(k.wrapping_sub(1)).map_or(f64::INFINITY, |best| best.1);
            // Both are sums of the same numbers in another order.
            let near = batch.iter().take_while(|(_, bound)| *bound <= last + 1e-9 * last);
            let near: Vec<usize> = near.map(|&(at, _)| at).collect();
            if near.is_empty() || k == 0 {
                break;
            }
            let measured: Vec<Result<(usize, f64)>> = pool.install(|| {
                let exact = |&at: &usize| Ok((at, exact(&asked, &self.bags[at], &distances)?));
                near.par_iter().map(exact).collect()
            });
            best.extend(measured.into_iter().collect::<Result<Vec<_>>>()?);
            best.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            best.truncate(k);
        }
        Ok(best)
    }
}

/// The vectors of these rows, of length 1 under cosine.
fn vectors(space: &Space, rows: &[Row]) -> Result<Matrix> {
    let field = space.field("main")?;
    let mut vectors = field.gather(rows);
    if field.about().geometry == Geometry::Cosine {
        for i in 0..rows.len() {
            let row = vectors.row_mut(i);
            let norm = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            if norm > 0.0 {
                for x in row {
                    *x = (f64::from(*x) / norm) as f32;
                }
            }
        }
    }
    Ok(vectors)
}

fn bag(words: impl Iterator<Item = u32>) -> Result<Bag> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_insert(0) += 1;
    }
    if counts.len() > MOST_WORDS {
        return Err(Error::usage(format!(
            "a text of {} different words is too long",
            counts.len()
        ))
        .help("word mover's distance is for short texts: cut it into paragraphs"));
    }
    Ok(counts.into_iter().collect())
}

fn total(bag: &Bag) -> u64 {
    bag.iter().map(|&(_, count)| count).sum()
}

/// The larger of the two bounds in which each word goes to its nearest. `distances` are those of a word of the document
/// to the words of the query.
fn relaxed<'t>(query: &Bag, bag: &Bag, distances: &impl Fn(u32) -> &'t [f64]) -> f64 {
    let mut nearest = vec![f64::INFINITY; query.len()];
    let mut to_query = 0.0;
    for &(word, count) in bag {
        let mut least = f64::INFINITY;
        for (nearest, &distance) in nearest.iter_mut().zip(distances(word)) {
            least = least.min(distance);
            *nearest = nearest.min(distance);
        }
        to_query += least * count as f64;
    }
    let to_document: f64 =
        query.iter().zip(nearest).map(|(&(_, count), nearest)| nearest * count as f64).sum();
    (to_query / total(bag) as f64).max(to_document / total(query) as f64)
}

/// The distance itself. Shares are made whole numbers by multiplying with both totals.
fn exact<'t>(query: &Bag, bag: &Bag, distances: &impl Fn(u32) -> &'t [f64]) -> Result<f64> {
    let (asked, held) = (total(query), total(bag));
    let supply: Vec<u64> = bag.iter().map(|&(_, count)| count * asked).collect();
    let demand: Vec<u64> = query.iter().map(|&(_, count)| count * held).collect();
    let costs: Vec<f64> = bag.iter().flat_map(|&(word, _)| distances(word)).copied().collect();
    Ok(transport(&supply, &demand, &costs)?.cost / (asked as f64 * held as f64))
}
