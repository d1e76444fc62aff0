//! Names for clusters: words that set their texts apart, or the members at their middle.
//!
//! **Words** are ranked by class-based tf-idf (Grootendorst, *BERTopic*, 2022): all texts of a cluster count as one, and
//!
//! ```text
//! W(t, c) = tf(t, c) · log(1 + A / f(t))
//! ```
//!
//! with tf(t, c) the share of word t among the words of cluster c, f(t) how often it stands in all texts, A the mean number
//! of words of a cluster. Texts of items in no cluster are one more cluster, which gets no name.
//!
//! Where it differs, on purpose: a word has to stand in two texts of the cluster at least (one, in a cluster of one), and to
//! be twice as frequent there as over all. Without the second, what is frequent everywhere ("the", "und", "的") leads many
//! lists, unless a list of stop words of the right language is at hand.

use std::collections::HashMap;

use super::{Clusters, NONE};
use crate::data::{Tokenizer, Tokens};
use crate::geometry::Geometry;
use crate::linalg::Matrix;

/// How many times as frequent a word must be in a cluster as over all.
const LIFT: f64 = 2.0;

/// How often a word stands in a cluster, and in how many of its texts.
#[derive(Default, Clone, Copy)]
struct Count {
    times: u64,
    texts: u32,
    /// The text that counted last, from 1.
    last: u32,
}

/// A name for each cluster: its `words` first words by class-based tf-idf, lower-cased, joined by commas. The text of point i
/// is `texts[i]`, `None` where there is none. Empty where no word sets a cluster apart; ties go by the alphabet.
pub fn by_words(clusters: &Clusters, texts: &[Option<&str>], words: usize) -> Vec<String> {
    let classes = clusters.len() + 1;
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut counts: Vec<HashMap<u32, Count>> = vec![HashMap::new(); classes];
    let mut tokens = Tokens::default();
    for (text, (&label, point)) in texts.iter().zip(clusters.labels.iter().zip(1..)) {
        let Some(text) = text else { continue };
        tokens.clear();
        Tokenizer::Words.tokens(true, text, &mut tokens);
        let class = &mut counts[if label == NONE { classes - 1 } else { label as usize }];
        for token in tokens.iter().filter(|token| is_word(token)) {
            let known = numbers.get(token).copied();
            let number = known.unwrap_or_else(|| {
                let number = numbers.len() as u32;
                numbers.insert(token.to_owned(), number);
                number
            });
            let count = class.entry(number).or_default();
            count.times += 1;
            if count.last != point {
                (count.last, count.texts) = (point, count.texts + 1);
            }
        }
    }
    let mut all = vec![0_u64; numbers.len()];
    for (&number, count) in counts.iter().flatten() {
        all[number as usize] += count.times;
    }
    let total = all.iter().sum::<u64>() as f64;
    let named = counts.iter().filter(|class| !class.is_empty()).count();
    let mean = total / named.max(1) as f64;
    let mut spelled = vec![""; numbers.len()];
    for (word, &number) in &numbers {
        spelled[number as usize] = word;
    }
    let name = |(class, &size): (&HashMap<u32, Count>, &usize)| {
        let own = class.values().map(|count| count.times).sum::<u64>() as f64;
        let least = if size > 1 { 2 } else { 1 };
        let mut ranked: Vec<(f64, &str)> = class
            .iter()
            .filter(|(_, count)| count.texts >= least)
            .filter_map(|(&number, count)| {
                let (share, everywhere) = (count.times as f64 / own, all[number as usize] as f64);
                let apart = clusters.len() == 1 || share >= LIFT * everywhere / total;
                apart.then(|| (share * (1.0 + mean / everywhere).ln(), spelled[number as usize]))
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        ranked.iter().take(words).map(|&(_, word)| word).collect::<Vec<_>>().join(", ")
    };
    distinct(counts.iter().zip(&clusters.sizes).map(name).collect())
}

/// A name for each cluster: its `members` most central items, by distance to the mean of the cluster (of the vectors scaled
/// to length 1, under the cosine), those that belong to it most firmly first among equals, then by point.
pub fn by_members<S: AsRef<str>>(
    clusters: &Clusters,
    vectors: &Matrix,
    geometry: Geometry,
    ids: &[S],
    members: usize,
) -> Vec<String> {
    let measure = geometry.measure();
    let name = |points: Vec<u32>| {
        let row = |point: u32| vectors.row(point as usize);
        let mut mean = vec![0.0_f64; vectors.cols()];
        for &point in &points {
            let norm = row(point).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let scale = if geometry == Geometry::Cosine && norm > 0.0 { 1.0 / norm } else { 1.0 };
            let part = scale / points.len() as f64;
            mean.iter_mut().zip(row(point)).for_each(|(mean, &x)| *mean += f64::from(x) * part);
        }
        let mean: Vec<f32> = mean.into_iter().map(|x| x as f32).collect();
        let mut ranked: Vec<(f64, f32, u32)> = points
            .iter()
            .map(|&point| {
                (measure.exact(row(point), &mean), -clusters.strength[point as usize], point)
            })
            .collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let first = ranked.iter().take(members).map(|&(.., point)| ids[point as usize].as_ref());
        first.collect::<Vec<_>>().join(", ")
    };
    distinct(clusters.members().into_iter().map(name).collect())
}

/// Whether a token may name something: it has a letter, and is no single letter of an alphabet.
fn is_word(token: &str) -> bool {
    token.chars().any(char::is_alphabetic) && (token.chars().count() > 1 || !token.is_ascii())
}

/// Names that stand twice get a number, from the second on.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let number = |name: String| {
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        if *times == 1 || name.is_empty() { name } else { format!("{name} ({times})") }
    };
    names.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    /// Three clusters and one item in none; "of" is everywhere.
    #[test]
    fn words_that_set_apart_are_the_name() {
        let texts = [
            "The river of the lake, a river",
            "river and lake of fish",
            "the drum of the choir",
            "a drum, a choir, a drum of gold",
            "only of the sea",
            "nothing of the kind",
        ]
        .map(Some);
        let labels = [0, 0, 1, 1, 2, NONE];
        let clusters = Clusters::new("test", &labels, vec![1.0; 6], Map::new());
        let names = by_words(&clusters, &texts, 2);
        assert_eq!(names, ["river, lake", "drum, choir", "only, sea"]);
        let blank: Vec<Option<&str>> = vec![None; 6];
        assert_eq!(by_words(&clusters, &blank, 2), ["", "", ""]);
    }

    #[test]
    fn the_middle_of_a_cluster_names_it() {
        let rows = [[0.0, 0.0], [1.0, 0.1], [2.0, 0.0], [9.0, 9.0], [9.0, 9.0]];
        let vectors = Matrix::new(5, 2, rows.concat()).unwrap();
        let clusters = Clusters::new("test", &[0, 0, 0, 1, 1], vec![1.0; 5], Map::new());
        let ids = ["a", "b", "c", "d", "e"];
        let names = by_members(&clusters, &vectors, Geometry::Euclidean, &ids, 2);
        assert_eq!(names, ["b, a", "d, e"]);
        assert_eq!(distinct(vec!["x".into(), "y".into(), "x".into()]), ["x", "y", "x (2)"]);
    }
}
