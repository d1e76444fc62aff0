//! Which of these does not belong?
//!
//! Of n items, each has a mean cosine with the n − 1 others; the odd one is that with the lowest. Leaving it out leaves
//! the most compact set: of all sets of n − 1 it has the highest mean cosine between two members (Camacho-Collados &
//! Navigli 2016, eq. 1), since Σ over pairs without i is Σ over all pairs − the sum of i's. gensim's `doesnt_match` puts
//! items in the same order: it takes the cosine with the mean of all unit vectors, n times of which is i's sum and 1.

use crate::error::{Error, Result};
use crate::space::{Field, Row, Space};

/// The items of these ids with their mean cosine to the others, the one that belongs least first, ties as given.
/// Needs at least three. An unknown id is an error that names the closest ones.
pub fn doesnt_match(space: &Space, ids: &[&str]) -> Result<Vec<(Row, f64)>> {
    if ids.len() < 3 {
        return Err(Error::usage(format!("{} items have no odd one", ids.len()))
            .help("name at least three"));
    }
    let rows = ids.iter().map(|id| space.find(id)).collect::<Result<Vec<Row>>>()?;
    let means = belonging(&space.field("main")?, &rows);
    let mut found: Vec<(Row, f64)> = rows.into_iter().zip(means).collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    Ok(found)
}

/// The mean cosine of each of these rows to the others; a zero vector's is 0. O(n·d).
pub fn belonging(field: &Field, rows: &[Row]) -> Vec<f64> {
    let mut vector = vec![0.0; field.dim()];
    let mut unit = |row: Row| -> Vec<f64> {
        field.read(row, &mut vector);
        let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        vector.iter().map(|&x| f64::from(x) * scale).collect()
    };
    let mut total = vec![0.0; field.dim()];
    for &row in rows {
        total.iter_mut().zip(unit(row)).for_each(|(sum, x)| *sum += x);
    }
    let others = rows.len().saturating_sub(1).max(1) as f64;
    rows.iter()
        .map(|&row| {
            let x = unit(row);
            x.iter().zip(&total).map(|(x, sum)| x * (sum - x)).sum::<f64>() / others
        })
        .collect()
}
