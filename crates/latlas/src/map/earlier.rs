//! Going on from a map that was made earlier, of these items or of others: where items of the same ids stood.

use std::collections::HashMap;

use rand_xoshiro::rand_core::Rng;
use serde_json::{Value, json};

use super::Placement;
use super::placement::positions;
use crate::error::{Error, Result};
use crate::index::Graph;
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::Space;

/// The name of the random stream: "earlier".
const STREAM: u64 = 0x0065_6172_6c69_6572;
/// How far items without a place of their own are put off, as a share of the map's size: two may have the same neighbours.
const JITTER: f64 = 1e-3;

/// Where items stood on an earlier map, by id.
#[derive(Debug, Clone)]
pub struct Earlier {
    name: String,
    places: HashMap<String, u32>,
    coords: Matrix,
}

/// Where the items of a space begin, after an earlier map.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) coords: Matrix,
    /// Which items have their place from the map.
    pub(super) known: Vec<bool>,
}

impl Earlier {
    /// A stored map, the newest if no name is given; stale ones serve as well.
    pub fn of(space: &Space, map: Option<&str>) -> Result<Self> {
        let (about, table) = space.earlier_map(map)?;
        let coords = positions(&about.name, &table)?;
        let ids = table.ids().iter().flatten().map(str::to_owned);
        Self::new(about.name, ids, coords)
    }

    /// A layout of a space.
    pub fn from_layout(name: &str, space: &Space, layout: &Placement) -> Result<Self> {
        let ids = layout.rows.iter().map(|&row| space.id(row).to_owned());
        Self::new(name.to_owned(), ids, layout.coords.clone())
    }

    fn new(name: String, ids: impl Iterator<Item = String>, coords: Matrix) -> Result<Self> {
        if coords.as_slice().iter().any(|x| !x.is_finite()) {
            return Err(Error::data(format!("map '{name}' has a position that is not finite"))
                .help("make the map again"));
        }
        Ok(Earlier { name, places: ids.zip(0..).collect(), coords })
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Calls it otherwise.
    #[must_use]
    pub fn called(self, name: impl Into<String>) -> Self {
        Earlier { name: name.into(), ..self }
    }

    /// Its dimensions.
    pub fn dims(&self) -> usize {
        self.coords.cols()
    }

    /// Where an item stood.
    pub fn get(&self, id: &str) -> Option<&[f32]> {
        Some(self.coords.row(*self.places.get(id)? as usize))
    }

    /// Where the live items of a space begin: at their own place, or else at the mean of their neighbours that have one, nearest
    /// to a known place first; those that no chain of neighbours leads to one, in the middle of all. An error where no id is known.
    pub(super) fn start(&self, space: &Space, graph: &Graph, run: &Run<'_>) -> Result<Start> {
        let (n, dims) = (space.count(), self.dims());
        let mut start = Start { coords: Matrix::zeros(n, dims), known: vec![false; n] };
        for (i, row) in space.live().enumerate() {
            if let Some(place) = self.get(space.id(row)) {
                start.coords.row_mut(i).copy_from_slice(place);
                start.known[i] = true;
            }
        }
        if !start.known.contains(&true) {
            return Err(self.strangers());
        }
        let (mean, size) = middle(&start);
        let mut random = run.stream(&[STREAM]);
        let mut draw = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        let mut put = |place: &mut [f32], at: &[f64]| {
            for (y, &at) in place.iter_mut().zip(at) {
                *y = (at + JITTER * size * f64::from(draw())) as f32;
            }
        };
        let mut has = start.known.clone();
        let mut left: Vec<usize> = (0..n).filter(|&i| !has[i]).collect();
        while !left.is_empty() {
            // All of a round look at those of the rounds before.
            let found: Vec<(usize, Option<Vec<f64>>)> =
                left.iter().map(|&i| (i, mean_of_known(i, graph, &start.coords, &has))).collect();
            let before = left.len();
            left = found.iter().filter(|(_, at)| at.is_none()).map(|&(i, _)| i).collect();
            if left.len() == before {
                left.drain(..).for_each(|i| put(start.coords.row_mut(i), &mean));
            }
            for (i, at) in found.iter().filter_map(|(i, at)| Some((*i, at.as_ref()?))) {
                put(start.coords.row_mut(i), at);
                has[i] = true;
            }
        }
        Ok(start)
    }

    /// No id in common.
    pub(super) fn strangers(&self) -> Error {
        Error::data(format!("none of the items stands on map '{}'", self.name))
            .help("items are matched by id: give both spaces the same ids (--id COLUMN)")
    }

    /// What a map says it began from.
    pub(super) fn to_json(&self, start: &Start) -> Value {
        let known = start.known.iter().filter(|&&known| known).count();
        json!({ "map": self.name, "known": known, "items": start.known.len() })
    }
}

/// The mean of the neighbours that have a place, if any has.
fn mean_of_known(point: usize, graph: &Graph, coords: &Matrix, has: &[bool]) -> Option<Vec<f64>> {
    if graph.is_empty() {
        return None;
    }
    let (mut sum, mut count) = (vec![0.0; coords.cols()], 0);
    for &j in graph.neighbours(point).iter().filter(|&&j| has[j as usize]) {
        sum.iter_mut().zip(coords.row(j as usize)).for_each(|(sum, &y)| *sum += f64::from(y));
        count += 1;
    }
    (count > 0).then(|| sum.into_iter().map(|sum| sum / f64::from(count)).collect())
}

/// The mean of the known places, and the root mean square of their distances from it.
fn middle(start: &Start) -> (Vec<f64>, f64) {
    let known = || start.coords.iter_rows().zip(&start.known).filter(|(_, known)| **known);
    let count = known().count() as f64;
    let mut mean = vec![0.0; start.coords.cols()];
    for (place, _) in known() {
        mean.iter_mut().zip(place).for_each(|(mean, &y)| *mean += f64::from(y) / count);
    }
    let off = |place: &[f32]| -> f64 {
        place.iter().zip(&mean).map(|(&y, mean)| (f64::from(y) - mean).powi(2)).sum()
    };
    let squares: f64 = known().map(|(place, _)| off(place)).sum();
    (mean, (squares / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Geometry;
    use crate::items::Items;

    fn space(ids: &[&str]) -> Space {
        let numbers = (0..ids.len()).map(|i| i as f32).collect();
        let vectors = Matrix::new(ids.len(), 1, numbers).unwrap();
        let items = Items::from_ids(ids).unwrap();
        let builder = Space::builder("test", items);
        builder.field("main", Geometry::Euclidean, vectors).build().unwrap()
    }

    #[test]
    fn items_begin_where_they_stood_or_by_their_neighbours() {
        let ids = ["a", "b"].map(str::to_owned).into_iter();
        let coords = Matrix::new(2, 2, vec![1.0, 2.0, 5.0, 6.0]).unwrap();
        let earlier = Earlier::new("old".to_owned(), ids, coords).unwrap();
        // c is beside a and b; d beside c alone; e and f know only each other.
        let graph = Graph::new(2, vec![2, 1, 2, 0, 0, 1, 2, 4, 5, 3, 4, 3], vec![1.0; 12]);
        let graph = graph.unwrap();
        let start = earlier.start(&space(&["a", "b", "c", "d", "e", "f"]), &graph, &Run::silent(1));
        let start = start.unwrap();
        assert_eq!(start.known, [true, true, false, false, false, false]);
        assert_eq!((start.coords.row(0), start.coords.row(1)), (&[1.0, 2.0][..], &[5.0, 6.0][..]));
        for i in 2..6 {
            let place = start.coords.row(i);
            assert!((place[0] - 3.0).hypot(place[1] - 4.0) < 0.02, "{i}: {place:?}");
        }
        assert_ne!(start.coords.row(2), start.coords.row(3));
        let error = earlier.start(&space(&["x", "y", "z"]), &graph, &Run::silent(1)).unwrap_err();
        assert_eq!(error.to_string(), "none of the items stands on map 'old'");
    }
}
