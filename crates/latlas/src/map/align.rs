//! Layouts that can be compared: one turned onto another, and how far shared items are then apart.

use serde::Serialize;

use super::{Earlier, Placement};
use crate::error::{Error, Result};
use crate::linalg::{Matrix, procrustes};
use crate::space::Space;

/// How far the items that two maps share stand from where they stood.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moved {
    /// How many they are.
    pub shared: usize,
    /// The median of their distances, over the size of the earlier map: the root mean square distance of the shared items from their
    /// middle.
    pub median: f64,
    /// The root mean square of these distances, likewise. With its items in random places a map moves by √2, less what turning
    /// it takes away.
    pub rms: f64,
}

/// Turns (and mirrors, and shifts) a layout so that shared items come closest to where they stood, in the sum of squared
/// distances; `scale` lets it change its size, too. Says how far they are apart then. Needs more shared ids than the map has
/// dimensions.
pub fn align(
    layout: &mut Placement,
    space: &Space,
    earlier: &Earlier,
    scale: bool,
) -> Result<Moved> {
    let dims = layout.coords.cols();
    if dims != earlier.dims() {
        return Err(Error::data(format!(
            "a map of {dims} dimensions cannot be laid on map '{}' of {}",
            earlier.name(),
            earlier.dims()
        ))
        .help(format!("make both of the same: --dims {}", earlier.dims())));
    }
    let ids = layout.rows.iter().map(|&row| space.id(row));
    let shared: Vec<(usize, &[f32])> =
        ids.enumerate().filter_map(|(i, id)| Some((i, earlier.get(id)?))).collect();
    if shared.is_empty() {
        return Err(earlier.strangers());
    }
    if shared.len() <= dims {
        return Err(Error::data(format!(
            "only {} of the items stand on map '{}': too few to turn a map by",
            shared.len(),
            earlier.name()
        ))
        .help("items are matched by id: give both spaces the same ids (--id COLUMN)"));
    }
    let gather = |rows: Vec<f32>| Matrix::new(shared.len(), dims, rows);
    let from = gather(shared.iter().flat_map(|&(i, _)| layout.coords.row(i)).copied().collect())?;
    let to = gather(shared.iter().flat_map(|&(_, place)| place).copied().collect())?;
    let motion = procrustes(&from, &to, scale)?;
    for i in 0..layout.coords.rows() {
        motion.apply(layout.coords.row_mut(i));
    }
    let apart = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a - b).powi(2)).sum()
    };
    let mut squares: Vec<f64> =
        shared.iter().map(|&(i, place)| apart(layout.coords.row(i), place)).collect();
    squares.sort_by(f64::total_cmp);
    let n = shared.len() as f64;
    let mut middle = vec![0.0; dims];
    for place in to.iter_rows() {
        middle.iter_mut().zip(place).for_each(|(sum, &y)| *sum += f64::from(y) / n);
    }
    let off = |place: &[f32]| -> f64 {
        place.iter().zip(&middle).map(|(&y, middle)| (f64::from(y) - middle).powi(2)).sum()
    };
    let size = (to.iter_rows().map(off).sum::<f64>() / n).sqrt();
    let size = if size > 0.0 { size } else { 1.0 };
    Ok(Moved {
        shared: shared.len(),
        median: squares[squares.len() / 2].sqrt() / size,
        rms: (squares.iter().sum::<f64>() / n).sqrt() / size,
    })
}
