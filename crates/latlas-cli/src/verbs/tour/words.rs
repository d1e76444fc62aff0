//! Which words of a space are worth showing: frequent, meaningful, and each from another corner.
//!
//! Frequent words are mostly grammar. What tells content from grammar here is the length of a vector against those of
//! equally frequent words: words that stand everywhere are pulled in every direction and stay short (Schakel & Wilson,
//! "Measuring Word Significance using Distributed Representations of Words", arXiv 1508.02297).

use latlas::index::{Exact, Hit, Query};
use latlas::linalg::Matrix;
use latlas::{Result, Row, Space};

/// So many of the most frequent words are considered.
const FREQUENT: usize = 2500;
/// Of which the first are left out, at most this many and a fiftieth of all: in any language they are grammar.
const GRAMMAR: usize = 100;
/// A word's length is compared with those of this many words on either side by frequency.
const PEERS: usize = 40;

/// A word and its nearest neighbours.
pub(super) struct Neighbourhood {
    pub(super) word: String,
    pub(super) nearest: Vec<(String, f32)>,
}

/// So many words with so many neighbours each.
pub(super) fn choose(
    space: &Space,
    words: usize,
    neighbours: usize,
    threads: usize,
) -> Result<Vec<Neighbourhood>> {
    let field = space.field("main")?;
    let frequent: Vec<Row> = space.live().take(FREQUENT).collect();
    let vectors = field.gather(&frequent);
    let candidates: Vec<Row> = meaningful(space, &frequent, &vectors);
    let index = Exact::with_threads(space, "main", None, threads)?;
    // One more than asked for: each word finds itself first.
    let query = Query::nearest(neighbours + 1);
    let found = index.search_batch(&field.gather(&candidates), &query, threads)?;

    let mut all: Vec<(Row, Vec<Hit>, f32)> = Vec::new();
    for (&row, hits) in candidates.iter().zip(found) {
        let hits: Vec<Hit> =
            hits.into_iter().filter(|hit| hit.row != row).take(neighbours).collect();
        if hits.len() == neighbours && hits.iter().all(|hit| is_word(space.id(hit.row))) {
            let closeness = hits.iter().map(|hit| hit.similarity).sum::<f32>() / neighbours as f32;
            all.push((row, hits, closeness));
        }
    }
    // The tighter half: loose neighbourhoods say little. Of those, the most frequent words, none near another.
    let mut closeness: Vec<f32> = all.iter().map(|(_, _, c)| *c).collect();
    closeness.sort_by(f32::total_cmp);
    let median = closeness.get(closeness.len() / 2).copied().unwrap_or(0.0);
    let mut chosen: Vec<&(Row, Vec<Hit>, f32)> = Vec::new();
    for candidate in all.iter().filter(|(_, _, c)| *c >= median) {
        let seen = |row: Row| {
            chosen
                .iter()
                .any(|(taken, hits, _)| *taken == row || hits.iter().any(|hit| hit.row == row))
        };
        if !seen(candidate.0) && !candidate.1.iter().any(|hit| seen(hit.row)) {
            chosen.push(candidate);
            if chosen.len() == words {
                break;
            }
        }
    }
    let name = |row: Row| space.id(row).to_owned();
    Ok(chosen
        .into_iter()
        .map(|(row, hits, _)| Neighbourhood {
            word: name(*row),
            nearest: hits.iter().map(|hit| (name(hit.row), hit.similarity)).collect(),
        })
        .collect())
}

/// Those of the frequent words that are longer (as vectors) than three quarters of their peers.
fn meaningful(space: &Space, frequent: &[Row], vectors: &Matrix) -> Vec<Row> {
    let lengths: Vec<f32> =
        vectors.iter_rows().map(|v| v.iter().map(|x| x * x).sum::<f32>().sqrt()).collect();
    let grammar = GRAMMAR.min(space.count() / 50);
    let kept = (grammar..frequent.len()).filter(|&at| {
        let peers = &lengths[at.saturating_sub(PEERS)..(at + PEERS).min(lengths.len())];
        let shorter = peers.iter().filter(|&&length| length < lengths[at]).count();
        4 * shorter >= 3 * peers.len() && is_word(space.id(frequent[at]))
    });
    kept.map(|at| frequent[at]).collect()
}

/// Letters only, and enough of them to mean something.
fn is_word(id: &str) -> bool {
    id.chars().count() >= 4 && id.chars().all(char::is_alphabetic)
}
