//! How much of a word's neighbourhood another seed would give again.
//!
//! Of two or more spaces, learned alike but for the seed (or the corpus, or the method), the k nearest neighbours N(w)
//! of a word w among the words that all spaces have are compared by Jaccard's index
//!
//! ```text
//! J(w) = |N₁(w) ∩ N₂(w)| / |N₁(w) ∪ N₂(w)|
//! ```
//!
//! averaged over all pairs of spaces and over words (Wendlandt, Kummerfeld & Mihalcea 2018; Antoniak & Mimno 2018).
//! Whatever difference between two spaces is no larger than that between two seeds says nothing. Frequent words are
//! more stable, so there is a figure for each band of frequency too: ranks 1–1,000, 1,001–10,000, and so on, as items
//! of the first space are ordered.
//!
//! The null is exact: two random sets of k among the other n − 1 words share X of them, X hypergeometric.

use serde::{Deserialize, Serialize};

use super::{Null, Score};
use crate::error::{Error, Result};
use crate::geometry::Measure;
use crate::index::{Exact, Query};
use crate::linalg::Matrix;
use crate::run::{Run, Step};
use crate::space::{Row, Space};

/// Which words are asked about, and how many neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The size of a neighbourhood. Larger: steadier figures of a coarser thing.
    pub k: usize,
    /// Only the first so many words that all spaces have take part, in questions and in answers; `None` takes all.
    pub restrict_vocab: Option<usize>,
    /// Of each band at most so many words are asked about, at equal distances of rank. More: steadier figures, in
    /// proportionally more time.
    pub sample: usize,
}

impl Default for Options {
    /// 10 neighbours among the first 100,000 words, 1,000 words of a band.
    fn default() -> Self {
        Options { k: 10, restrict_vocab: Some(100_000), sample: 1_000 }
    }
}

/// The mean Jaccard index of the k nearest neighbours by the field "main", under its geometry: "neighbours-10" over all
/// words, each band weighted by its words; then "neighbours-10/1-1000" and so on by band. The same at any number of
/// threads. Coverage is the share of the first space's words that all spaces have.
///
/// Errors: fewer than two spaces, k of 0, fewer than k + 2 words in common.
pub fn neighbours(spaces: &[Space], options: &Options, run: &Run) -> Result<Vec<Score>> {
    let [first, others @ ..] = spaces else {
        return Err(Error::usage("no space to compare").help("name two or more"));
    };
    if others.is_empty() || options.k == 0 || options.sample == 0 {
        return Err(Error::usage("stability needs two spaces, a neighbour and a word at least")
            .help("name two or more spaces that were learned with different seeds"));
    }
    let most = options.restrict_vocab.unwrap_or(usize::MAX);
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); spaces.len()];
    let mut asked_for = 0;
    for row in first.live() {
        if rows[0].len() == most {
            break;
        }
        asked_for += 1;
        let id = first.id(row);
        let found: Vec<Row> = others.iter().map_while(|space| space.get(id)).collect();
        if found.len() == others.len() {
            rows[0].push(row);
            rows[1..].iter_mut().zip(found).for_each(|(rows, row)| rows.push(row));
        }
    }
    let n = rows[0].len();
    if n < options.k + 2 {
        return Err(Error::nothing(format!("the spaces have {n} words in common"))
            .help("compare spaces of the same language, with ids spelled alike"));
    }
    let bands = bands(n, options.sample);
    let asked: Vec<usize> = bands.iter().flat_map(|band| band.asked.iter().copied()).collect();
    let mut lists = Vec::with_capacity(spaces.len());
    for (i, (space, rows)) in spaces.iter().zip(&rows).enumerate() {
        run.report(&Step {
            stage: "finding neighbours",
            done: i as u64,
            total: Some(spaces.len() as u64),
            unit: "spaces",
            detail: String::new(),
        })?;
        lists.push(nearest(space, rows, &asked, options.k, run)?);
    }
    // The mean over pairs of spaces, for each word asked about.
    let mut overlaps = vec![0.0; asked.len()];
    let pairs = lists.len() * (lists.len() - 1) / 2;
    for (i, a) in lists.iter().enumerate() {
        for b in &lists[i + 1..] {
            for (sum, (a, b)) in overlaps.iter_mut().zip(a.iter().zip(b)) {
                *sum += jaccard(a, b) / pairs as f64;
            }
        }
    }
    let name = format!("neighbours-{}", options.k);
    let coverage = n as f64 / asked_for as f64;
    let chance = chance(n as u64 - 1, options.k as u64);
    let score = |name: String, value: f64, n: usize| {
        let null = Null { value: chance.value, sd: chance.sd / (n as f64).sqrt() };
        Score { suite: "stability".to_owned(), name, value, n, coverage, null }
    };
    let mut scores = Vec::new();
    let (mut rest, mut whole) = (overlaps.as_slice(), 0.0);
    for band in &bands {
        let (here, after) = rest.split_at(band.asked.len());
        rest = after;
        let mean = here.iter().sum::<f64>() / here.len() as f64;
        whole += mean * (band.last + 1 - band.first) as f64 / n as f64;
        let ranks = format!("{name}/{}-{}", band.first + 1, band.last + 1);
        scores.push(score(ranks, mean, here.len()));
    }
    scores.insert(0, score(name, whole, asked.len()));
    Ok(scores)
}

/// Consecutive ranks from `first` to `last`, and those that are asked about.
struct Band {
    first: usize,
    last: usize,
    asked: Vec<usize>,
}

/// The first thousand, up to ten thousand, up to a hundred thousand …
fn bands(n: usize, sample: usize) -> Vec<Band> {
    let mut bands = Vec::new();
    let (mut first, mut end) = (0, 1_000);
    while first < n {
        let size = n.min(end) - first;
        let count = size.min(sample);
        let asked = (0..count).map(|i| first + i * size / count).collect();
        bands.push(Band { first, last: first + size - 1, asked });
        (first, end) = (end, end.saturating_mul(10));
    }
    bands
}

/// The k nearest of each word asked about among these rows, sorted.
fn nearest(
    space: &Space,
    rows: &[Row],
    asked: &[usize],
    k: usize,
    run: &Run,
) -> Result<Vec<Vec<u32>>> {
    let field = space.field("main")?;
    let measure: Measure = field.about().geometry.measure();
    let vectors = field.gather(rows);
    let numbers = asked.iter().flat_map(|&at| vectors.row(at)).copied().collect();
    let points = Matrix::new(asked.len(), vectors.cols(), numbers)?;
    let index = Exact::over(vectors, measure)?;
    let hits = index.search_batch(&points, &Query::nearest(k + 1), run.threads)?;
    let list = |(hits, &own): (Vec<crate::index::Hit>, &usize)| {
        let others = hits.iter().map(|hit| hit.row.index() as u32).filter(|&at| at as usize != own);
        let mut others: Vec<u32> = others.take(k).collect();
        others.sort_unstable();
        others
    };
    Ok(hits.into_iter().zip(asked).map(list).collect())
}

/// |a ∩ b| / |a ∪ b| of two sorted sets.
fn jaccard(a: &[u32], b: &[u32]) -> f64 {
    let both = a.iter().filter(|x| b.binary_search(x).is_ok()).count();
    both as f64 / (a.len() + b.len() - both) as f64
}

/// Mean and standard deviation of Jaccard's index of two random sets of k among n.
fn chance(n: u64, k: u64) -> Null {
    // P(X = x) = C(k, x) C(n−k, k−x) / C(n, k), each from the one before.
    let [n, k] = [n, k].map(|x| x as f64);
    let first = (2.0 * k - n).max(0.0);
    let mut p = vec![1.0];
    let mut x = first;
    while x < k {
        let ratio = (k - x) * (k - x) / ((x + 1.0) * (n - 2.0 * k + x + 1.0));
        p.push(p.last().unwrap_or(&0.0) * ratio);
        x += 1.0;
    }
    let total: f64 = p.iter().sum();
    let moment = |power: i32| {
        let terms = p.iter().enumerate().map(|(i, p)| {
            let x = first + i as f64;
            p / total * (x / (2.0 * k - x)).powi(power)
        });
        terms.sum::<f64>()
    };
    let mean = moment(1);
    Null { value: mean, sd: (moment(2) - mean * mean).max(0.0).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_that_of_all_pairs_of_sets() {
        // All pairs of sets of 2 among 4, counted by hand: 6 equal (1), 24 share one (1/3), 6 share none (0).
        let mean = (6.0 + 24.0 / 3.0) / 36.0;
        let square = (6.0 + 24.0 / 9.0) / 36.0 - mean * mean;
        let null = chance(4, 2);
        assert!((null.value - mean).abs() < 1e-12 && (null.sd - f64::sqrt(square)).abs() < 1e-12);
        // Sets of 3 among 4 share two of four or are equal: 12 pairs of 1/2 and 4 of 1.
        assert!((chance(4, 3).value - (12.0 * 0.5 + 4.0) / 16.0).abs() < 1e-12);
    }

    #[test]
    fn bands_cover_all_ranks() {
        let found: Vec<_> =
            bands(12_345, 100).iter().map(|b| (b.first, b.last, b.asked.len())).collect();
        assert_eq!(found, [(0, 999, 100), (1_000, 9_999, 100), (10_000, 12_344, 100)]);
        let few = bands(7, 100);
        assert_eq!((few.len(), few[0].last, few[0].asked.len()), (1, 6, 7));
    }
}
