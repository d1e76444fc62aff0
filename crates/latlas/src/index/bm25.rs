//! Search by words: which texts hold the words of a query, the rarer the better (BM25).
//!
//! Robertson & Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009, with the weight of a word kept above
//! zero as search engines have it: ln(1 + (N − n + ½)/(n + ½)) of N texts, n of which hold it.

use std::collections::HashMap;

use arrow_array::{Array, StringArray};

use super::query::Query;
use crate::data::{Tokenizer, Tokens};
use crate::error::{Error, Result};
use crate::items::ColumnKind;
use crate::space::{Row, Space};

/// How soon more of the same word counts for little, and how much longer texts are held to more of it.
const K1: f64 = 1.2;
const B: f64 = 0.75;
/// Reciprocal ranks: how little the first places stand out.
const SMOOTH: f64 = 60.0;

/// An item that holds words of a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The row found.
    pub row: Row,
    /// How well it fits, larger being better; of use for comparing within one answer only.
    pub score: f64,
}

/// Which words stand in which of a space's texts, and how often.
pub struct WordIndex {
    /// The words, and the place of each in `starts`.
    words: HashMap<Box<str>, u32>,
    /// The texts of word i are `postings[starts[i]..starts[i + 1]]`: their number and how often it stands there.
    starts: Vec<usize>,
    postings: Vec<(u32, u32)>,
    /// Row and number of words of each text.
    rows: Vec<Row>,
    lengths: Vec<u32>,
    /// Words of a text, in the mean.
    mean: f64,
}

impl WordIndex {
    /// The columns of a space that hold text.
    pub fn columns(space: &Space) -> Vec<&str> {
        let text = |column: &&(String, ColumnKind)| column.1 == ColumnKind::Text;
        space.columns().iter().filter(text).map(|column| column.0.as_str()).collect()
    }

    /// The words of these columns of all live items, lower-cased, as [`Tokenizer::Words`] cuts them. Reads the columns; takes
    /// about as much memory as they do. A usage error if there is none, or one holds no text.
    pub fn new(space: &Space, columns: &[&str]) -> Result<Self> {
        let items = space.items(Some(columns))?;
        let mut texts = Vec::new();
        for column in items.columns() {
            let text = column.values.as_any().downcast_ref::<StringArray>();
            texts.push(text.ok_or_else(|| {
                Error::usage(format!("column '{}' is no text", column.name))
                    .help("name columns of text; 'latlas info' shows their kinds")
            })?);
        }
        if texts.is_empty() {
            return Err(Error::usage("this space has no column of text to look for words in"));
        }
        let rows: Vec<Row> = space.live().collect();
        let mut words: HashMap<Box<str>, u32> = HashMap::new();
        let mut counts: Vec<(u32, u32, u32)> = Vec::new();
        let mut lengths = Vec::with_capacity(rows.len());
        let (mut tokens, mut own) = (Tokens::default(), Vec::new());
        for text in 0..rows.len() {
            tokens.clear();
            for column in texts.iter().filter(|column| column.is_valid(text)) {
                Tokenizer::Words.tokens(true, column.value(text), &mut tokens);
            }
            own.clear();
            for word in tokens.iter() {
                let next = words.len() as u32;
                own.push(match words.get(word) {
                    Some(&known) => known,
                    None => *words.entry(word.into()).or_insert(next),
                });
            }
            lengths.push(own.len() as u32);
            own.sort_unstable();
            counts.extend(
                own.chunk_by(|a, b| a == b).map(|same| (same[0], text as u32, same.len() as u32)),
            );
        }
        let mut starts = vec![0; words.len() + 1];
        for &(word, ..) in &counts {
            starts[word as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut free = starts.clone();
        let mut postings = vec![(0, 0); counts.len()];
        for (word, text, count) in counts {
            postings[free[word as usize]] = (text, count);
            free[word as usize] += 1;
        }
        let all: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
        let mean = (all as f64 / rows.len().max(1) as f64).max(1.0);
        Ok(WordIndex { words, starts, postings, rows, lengths, mean })
    }

    /// Which texts hold a word, and how often.
    fn holding(&self, word: &str) -> &[(u32, u32)] {
        let Some(&word) = self.words.get(word) else { return &[] };
        &self.postings[self.starts[word as usize]..self.starts[word as usize + 1]]
    }

    /// The `q.k` items that fit the words of a text best, the best first, ties by row; those alone that hold one of them.
    pub fn search(&self, text: &str, q: &Query) -> Vec<Match> {
        self.search_as_of(text, q, self)
    }

    /// As `search`, with words being as rare and texts as long as in another index: answers of both can be put together.
    pub fn search_as_of(&self, text: &str, q: &Query, of: &WordIndex) -> Vec<Match> {
        let mut tokens = Tokens::default();
        Tokenizer::Words.tokens(true, text, &mut tokens);
        let mut asked: Vec<&str> = tokens.iter().collect();
        asked.sort_unstable();
        let mut scores: HashMap<u32, f64> = HashMap::new();
        for same in asked.chunk_by(|a, b| a == b) {
            let postings = self.holding(same[0]);
            let (all, holding) = (of.rows.len() as f64, of.holding(same[0]).len() as f64);
            let weight = same.len() as f64 * (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln();
            for &(text, count) in postings {
                let count = f64::from(count);
                let length = f64::from(self.lengths[text as usize]) / of.mean;
                let share = count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length));
                *scores.entry(text).or_default() += weight * share;
            }
        }
        let found =
            scores.into_iter().map(|(text, score)| Match { row: self.rows[text as usize], score });
        best(found.filter(|found| q.allows(found.row)).collect(), q.k)
    }
}

/// The k best, ties by row.
pub(super) fn best(mut all: Vec<Match>, k: usize) -> Vec<Match> {
    let order = |a: &Match, b: &Match| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row));
    if k < all.len() {
        all.select_nth_unstable_by(k, order);
        all.truncate(k);
    }
    all.sort_unstable_by(order);
    all
}

/// Several answers to one question as one: each gives an item 1/(60 + rank), and the sum orders (Cormack, Clarke & Büttcher,
/// Reciprocal Rank Fusion, SIGIR 2009). Ranks count from 1; what an answer does not hold gets nothing from it.
pub fn fused(answers: &[Vec<Row>], k: usize) -> Vec<Match> {
    let mut scores: HashMap<Row, f64> = HashMap::new();
    for answer in answers {
        for (rank, &row) in (1_u32..).zip(answer) {
            *scores.entry(row).or_default() += 1.0 / (SMOOTH + f64::from(rank));
        }
    }
    best(scores.into_iter().map(|(row, score)| Match { row, score }).collect(), k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Geometry;
    use crate::items::{Column, Items};
    use crate::linalg::Matrix;
    use std::sync::Arc;

    fn space(texts: &[Option<&str>]) -> Space {
        let ids: Vec<String> = (0..texts.len()).map(|i| format!("t{i}")).collect();
        let values = Arc::new(StringArray::from(texts.to_vec()));
        let column = Column { name: "text".into(), kind: ColumnKind::Text, values };
        let items = Items::from_ids(&ids).unwrap().with_column(column).unwrap();
        let vectors = Matrix::new(texts.len(), 1, vec![1.0; texts.len()]).unwrap();
        Space::builder("test", items).field("main", Geometry::Cosine, vectors).build().unwrap()
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        let space = space(&[Some("Red fish, blue fish."), Some("red"), None, Some("two birds")]);
        assert_eq!(WordIndex::columns(&space), ["text"]);
        let index = WordIndex::new(&space, &["text"]).unwrap();
        let found = index.search("RED fish", &Query::nearest(10));
        // By hand: N = 4, mean length 7/4; "red" in 2 texts, "fish" in 1.
        let (red, fish) = ((1.0_f64 + 2.5 / 2.5).ln(), (1.0_f64 + 3.5 / 1.5).ln());
        let share =
            |count: f64, length: f64| count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / 1.75));
        let first = red * share(1.0, 4.0) + fish * share(2.0, 4.0);
        let second = red * share(1.0, 1.0);
        assert_eq!(found.iter().map(|f| f.row).collect::<Vec<_>>(), [Row(0), Row(1)]);
        assert!((found[0].score - first).abs() < 1e-12 && (found[1].score - second).abs() < 1e-12);
        assert!(index.search("nothing like it", &Query::default()).is_empty());
        assert_eq!(index.search("red", &Query::nearest(5).excluding([Row(1)])).len(), 1);
        assert_eq!(index.search("red", &Query::nearest(1))[0].row, Row(1));
    }

    #[test]
    fn what_stands_high_in_both_answers_comes_first() {
        let rows = |numbers: &[u32]| numbers.iter().map(|&n| Row(n)).collect::<Vec<_>>();
        let found = fused(&[rows(&[1, 2, 3]), rows(&[4, 2, 5])], 3);
        assert_eq!(found.iter().map(|f| f.row.0).collect::<Vec<_>>(), [2, 1, 4]);
        assert!((found[0].score - 2.0 / 62.0).abs() < 1e-15);
    }
}
