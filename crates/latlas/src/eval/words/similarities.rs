//! Word pairs: Spearman's ρ between cosines and judgements.

use std::collections::HashMap;
use std::path::Path;

use super::read::Pair;
use super::{Lexicon, Options, none_usable, score};
use crate::error::{Error, Result};
use crate::eval::{Null, Score};
use crate::geometry::Measure;
use crate::learn;
use crate::space::{ItemBatch, Modality, Placement, Registry, Space, VectorBatch};

pub(super) fn scores(
    space: &Space,
    path: &Path,
    pairs: &[Pair],
    options: &Options,
) -> Result<Vec<Score>> {
    let lexicon = Lexicon::new(space, None, options);
    let field = space.field("main")?;
    let strangers = if options.place_unknown { strangers(space, &lexicon, pairs)? } else { None };
    let (mut a, mut b) = (vec![0.0; field.dim()], vec![0.0; field.dim()]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let place = |word: &str, vector: &mut [f32]| {
        if let Some(place) = lexicon.find(word) {
            field.read(lexicon.rows()[place as usize], vector);
            return true;
        }
        let placed = strangers.as_ref().and_then(|strangers| strangers.get(word));
        placed.inspect(|placed| vector.copy_from_slice(placed)).is_some()
    };
    for Pair { words: [first, second], score } in pairs {
        if place(first, &mut a) && place(second, &mut b) {
            ours.push(-Measure::Cosine.exact(&a, &b));
            theirs.push(*score);
        }
    }
    if ours.is_empty() {
        return Err(none_usable(path, "pairs", pairs.len(), &lexicon));
    }
    let rho = spearman(&ours, &theirs).ok_or_else(|| {
        Error::nothing(format!(
            "{}: the {} pairs that could be asked have no rank correlation, as one side is all equal",
            path.display(),
            ours.len()
        ))
        .help("ask about more pairs")
    })?;
    // Of independent rankings, exact where there are no ties (Kendall & Gibbons, Rank Correlation Methods, §5.15).
    let null = Null { value: 0.0, sd: 1.0 / (ours.len() as f64 - 1.0).sqrt() };
    Ok(vec![score(path, "", rho, ours.len(), pairs.len(), null)])
}

/// The vectors of words that do not take part, by the space's own encoder; `None` where it has none for words.
fn strangers(
    space: &Space,
    lexicon: &Lexicon,
    pairs: &[Pair],
) -> Result<Option<HashMap<String, Vec<f32>>>> {
    if space.model().is_none() {
        return Ok(None);
    }
    let mut registry = Registry::new();
    learn::register(&mut registry);
    let encoder = space.encoder(&registry)?;
    if !encoder.accepts().contains(&Modality::Word) {
        return Ok(None);
    }
    let words = pairs.iter().flat_map(|pair| &pair.words);
    let unknown: Vec<&str> =
        words.map(String::as_str).filter(|word| lexicon.find(word).is_none()).collect();
    let mut batch = VectorBatch::new(unknown.len(), encoder.dim());
    encoder.encode(&ItemBatch::of_words(unknown.iter().copied()), &mut batch)?;
    let rows = unknown.iter().zip(batch.vectors().iter_rows()).zip(batch.placements());
    let placed = rows.filter(|(_, placement)| **placement == Placement::Placed);
    Ok(Some(placed.map(|((word, vector), _)| ((*word).to_owned(), vector.to_vec())).collect()))
}

/// Spearman's rank correlation: Pearson's of the ranks, ties having the mean of their ranks. `None` where either
/// side is constant (or there are fewer than two values). Panics if the lengths differ.
pub(super) fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), y.len());
    let (x, y) = (ranks(x), ranks(y));
    let mean = f64::midpoint(x.len() as f64, 1.0);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        let (x, y) = (x - mean, y - mean);
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// Ranks from 1, ties sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = start as f64 + f64::midpoint(tied.len() as f64, 1.0);
        for &i in tied {
            ranks[i] = mean;
        }
        start += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spearman_gives_ties_their_mean_rank() {
        // scipy.stats.spearmanr([1, 2, 2, 3, 5], [2, 1, 4, 4, 9]) = 0.7631578947368421
        let rho = spearman(&[1.0, 2.0, 2.0, 3.0, 5.0], &[2.0, 1.0, 4.0, 4.0, 9.0]).unwrap();
        assert!((rho - 0.7631578947368421).abs() < 1e-12, "{rho}");
        assert_eq!(spearman(&[1.0, 1.0], &[2.0, 3.0]), None);
        assert_eq!(spearman(&[1.0], &[2.0]), None);
    }
}
