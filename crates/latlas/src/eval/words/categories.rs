//! Categorisation: do words of one category lie together?
//!
//! The words are clustered by spherical k-means with as many clusters as there are categories (the best of ten starts),
//! and clusters are compared with categories (Baroni, Dinu & Kruszewski 2014; Manning, Raghavan & Schütze 2008, §16.3).
//! With nᵢⱼ words of category j in cluster i, of n:
//! - purity = 1/n Σᵢ maxⱼ nᵢⱼ;
//! - normalised purity = (purity − E) / (1 − E), E being the purity expected if labels fell at random;
//! - NMI = I(clusters; categories) / ½ (H(clusters) + H(categories)), as in scikit-learn.
//!
//! The null shuffles the categories of the words a hundred times, the clusters staying as they are.

use std::path::Path;

use rand_xoshiro::rand_core::Rng;

use super::read::Category;
use super::{Lexicon, Options, score};
use crate::error::{Error, Result};
use crate::eval::{Null, Score};
use crate::linalg::{KMeansOptions, kmeans};
use crate::run::Run;
use crate::space::Space;

/// Starts of k-means; shuffles of the null.
const RESTARTS: usize = 10;
const SHUFFLES: u64 = 100;
/// The name of the random streams of the shuffles: "shuffle".
const STREAM: u64 = 0x0073_6875_6666_6c65;

pub(super) fn scores(
    space: &Space,
    path: &Path,
    categories: &[Category],
    options: &Options,
    run: &Run,
) -> Result<Vec<Score>> {
    let lexicon = Lexicon::new(space, None, options);
    let (mut rows, mut truth, mut k) = (Vec::new(), Vec::new(), 0);
    for category in categories {
        let found: Vec<_> = category.words.iter().filter_map(|word| lexicon.find(word)).collect();
        if found.is_empty() {
            run.progress.note(&format!(
                "{}: no word of '{}' takes part",
                path.display(),
                category.name
            ));
            continue;
        }
        truth.extend(found.iter().map(|_| k as u32));
        rows.extend(found.iter().map(|&place| lexicon.rows()[place as usize]));
        k += 1;
    }
    let n = rows.len();
    let total: usize = categories.iter().map(|category| category.words.len()).sum();
    if k < 2 || n <= k {
        return Err(Error::nothing(format!(
            "{}: {n} of its {total} words take part, in {k} of its {} categories: too few to cluster",
            path.display(),
            categories.len()
        ))
        .help("is the file of the space's language, and spelled as its ids are?"));
    }
    let vectors = space.field("main")?.gather(&rows);
    let how = KMeansOptions { k, spherical: true, restarts: RESTARTS, ..KMeansOptions::default() };
    let clusters = kmeans(&vectors, &how, run)?.labels;

    let (mut purities, mut informations) = (Vec::new(), Vec::new());
    for i in 0..SHUFFLES {
        let mut shuffled = truth.clone();
        let mut random = run.stream(&[STREAM, i]);
        for last in (1..n).rev() {
            let at = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
            shuffled.swap(last, at as usize);
        }
        let table = Contingency::new(&clusters, &shuffled, k);
        purities.push(table.purity());
        informations.push(table.nmi());
    }
    let table = Contingency::new(&clusters, &truth, k);
    let (purity, null) = (table.purity(), Null::of(&purities));
    let rest = 1.0 - null.value;
    let normalised = if rest > 0.0 { (purity - null.value) / rest } else { 0.0 };
    let beyond = Null { value: 0.0, sd: if rest > 0.0 { null.sd / rest } else { 0.0 } };
    Ok(vec![
        score(path, "", purity, n, total, null),
        score(path, "normalised", normalised, n, total, beyond),
        score(path, "nmi", table.nmi(), n, total, Null::of(&informations)),
    ])
}

/// How many items each cluster shares with each category.
struct Contingency {
    counts: Vec<f64>,
    k: usize,
    n: f64,
}

impl Contingency {
    fn new(clusters: &[u32], categories: &[u32], k: usize) -> Self {
        let mut counts = vec![0.0; k * k];
        for (&i, &j) in clusters.iter().zip(categories) {
            counts[i as usize * k + j as usize] += 1.0;
        }
        Contingency { counts, k, n: clusters.len() as f64 }
    }

    fn purity(&self) -> f64 {
        let clusters = self.counts.chunks_exact(self.k);
        clusters.map(|row| row.iter().copied().fold(0.0, f64::max)).sum::<f64>() / self.n
    }

    fn nmi(&self) -> f64 {
        let rows: Vec<f64> = self.counts.chunks_exact(self.k).map(|row| row.iter().sum()).collect();
        let cols: Vec<f64> =
            (0..self.k).map(|j| self.counts.iter().skip(j).step_by(self.k).sum()).collect();
        let entropy = |sums: &[f64]| {
            let shares = sums.iter().filter(|&&x| x > 0.0).map(|x| x / self.n);
            -shares.map(|p| p * p.ln()).sum::<f64>()
        };
        let mut information = 0.0;
        for (at, &count) in self.counts.iter().enumerate().filter(|&(_, &count)| count > 0.0) {
            let independent = rows[at / self.k] * cols[at % self.k] / self.n;
            information += count / self.n * (count / independent).ln();
        }
        let mean = f64::midpoint(entropy(&rows), entropy(&cols));
        if mean > 0.0 { information / mean } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purity_and_information_are_those_of_scikit_learn() {
        let clusters = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2];
        let categories = [0, 0, 1, 1, 1, 1, 2, 2, 0, 2];
        let table = Contingency::new(&clusters, &categories, 3);
        assert!((table.purity() - 0.8).abs() < 1e-12);
        // sklearn.metrics.normalized_mutual_info_score(categories, clusters), scikit-learn 1.9.1
        assert!((table.nmi() - 0.618_065_646_292_154_3).abs() < 1e-12, "{}", table.nmi());
        let same = Contingency::new(&clusters, &clusters, 3);
        assert!((same.purity() - 1.0).abs() < 1e-12 && (same.nmi() - 1.0).abs() < 1e-12);
    }
}
