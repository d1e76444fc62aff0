//! Outlier detection (Camacho-Collados & Navigli 2016): does a word that is not of the group lie outside it?
//!
//! For each outlier of a group of n words, the n + 1 words are put in the order of their mean cosine to the others
//! ([`belonging`]; the authors' compactness score gives the same order). The outlier position is its place from the
//! other end, n where it belongs least and 0 where it belongs most; ties count against it. Over all outliers:
//! - accuracy: the share at position n;
//! - OPP ("/opp"): the mean of position / n.
//!
//! The null is a space in which each of the n + 1 is as likely to stand anywhere: accuracy 1/(n + 1), OPP ½.

use std::path::Path;

use super::read::Group;
use super::{Lexicon, Options, none_usable, score};
use crate::error::Result;
use crate::eval::{Null, Score};
use crate::index::belonging;
use crate::space::{Row, Space};

pub(super) fn scores(
    space: &Space,
    path: &Path,
    groups: &[Group],
    options: &Options,
) -> Result<Vec<Score>> {
    let lexicon = Lexicon::new(space, None, options);
    let field = space.field("main")?;
    // Phrases may be spelled with blanks in the file and with '_' in the space.
    let find = |word: &String| -> Option<Row> {
        let place = lexicon.find(word).or_else(|| lexicon.find(&word.replace(' ', "_")))?;
        Some(lexicon.rows()[place as usize])
    };
    let total = groups.iter().map(|group| group.outliers.len()).sum();
    let (mut n, mut found, mut nearly) = (0, 0, 0.0);
    // Sums over the questions, for the null: expectations and variances.
    let (mut chance, mut chance_var, mut opp_var) = (0.0, 0.0, 0.0);
    for group in groups {
        let mut rows: Vec<Row> = group.words.iter().filter_map(find).collect();
        if rows.len() < 2 {
            continue;
        }
        let size = rows.len();
        for outlier in group.outliers.iter().filter_map(find) {
            rows.truncate(size);
            rows.push(outlier);
            let means = belonging(&field, &rows);
            let lower = means[..size].iter().filter(|&&mean| mean <= means[size]).count();
            let position = size - lower;
            n += 1;
            found += usize::from(position == size);
            nearly += position as f64 / size as f64;
            let p = 1.0 / (size + 1) as f64;
            chance += p;
            chance_var += p * (1.0 - p);
            // Of a position that is uniform on 0..=size, as a share of it.
            opp_var += (size as f64 + 2.0) / (12.0 * size as f64);
        }
    }
    if n == 0 {
        return Err(none_usable(path, "outliers", total, &lexicon));
    }
    let questions = n as f64;
    let accuracy = Null { value: chance / questions, sd: f64::sqrt(chance_var) / questions };
    let opp = Null { value: 0.5, sd: f64::sqrt(opp_var) / questions };
    Ok(vec![
        score(path, "", found as f64 / questions, n, total, accuracy),
        score(path, "opp", nearly / questions, n, total, opp),
    ])
}
