//! The neighbours of one item in truth and on a stored map, by name: what it kept, what it lost, what it was only put
//! beside.

use super::local::reach;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::linalg::{Matrix, RowSource};
use crate::map::FieldRows;
use crate::map::distances::{Buffers, Distances, FlatDistances, nearest, ranks};
use crate::map::placement::positions;
use crate::run::Run;
use crate::space::{Row, Space};

/// The neighbours of one point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighboursOf {
    /// How many neighbours were looked at; fewer than asked for where there are too few items.
    pub k: usize,
    /// The rank beyond which one is missing or false.
    pub reach: usize,
    /// The k nearest in truth, closest first.
    pub in_truth: Vec<Ranked>,
    /// The k nearest on the map, closest first.
    pub on_map: Vec<Ranked>,
}

/// A neighbour and its ranks, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// Which point of the layout.
    pub point: usize,
    /// Its rank by distance in truth.
    pub in_truth: usize,
    /// Its rank by distance on the map.
    pub on_map: usize,
}

impl NeighboursOf {
    /// Those among the k nearest in truth and on the map.
    pub fn kept(&self) -> impl Iterator<Item = &Ranked> {
        self.in_truth.iter().filter(|other| other.on_map <= self.k)
    }

    /// Those among the k nearest in truth that are beyond `reach` on the map.
    pub fn missing(&self) -> impl Iterator<Item = &Ranked> {
        self.in_truth.iter().filter(|other| other.on_map > self.reach)
    }

    /// Those among the k nearest on the map that are beyond `reach` in truth.
    pub fn false_neighbours(&self) -> impl Iterator<Item = &Ranked> {
        self.on_map.iter().filter(|other| other.in_truth > self.reach)
    }
}

/// The neighbours of one point of the layout `low` of the rows of `high`: those that [`faithfulness`](super::faithfulness)
/// counts. A usage error if there is no such point, or k is 0; k is lowered below half the number of points.
pub fn neighbours_of(
    high: &dyn RowSource,
    geometry: Geometry,
    low: &Matrix,
    point: usize,
    k: usize,
    run: &Run,
) -> Result<NeighboursOf> {
    let n = low.rows();
    if high.rows() != n || n < 3 {
        return Err(Error::data(format!(
            "a layout of {n} positions for {} vectors: neighbours are compared among 3 at least",
            high.rows()
        )));
    }
    if point >= n || k == 0 {
        return Err(Error::usage(format!("{k} neighbours of point {} of {n}", point + 1)));
    }
    let k = k.min((n - 1) / 2);
    let (mut truth, mut map) = (Vec::new(), Vec::new());
    Distances::new(high, geometry, run)?.from(&[point], &mut Buffers::default(), &mut truth);
    FlatDistances::new(low, run).map_err(|e| e.context("the layout"))?.from(point, &mut map);
    let (near_truth, near_map) = (nearest(&truth, k), nearest(&map, k));
    let ranked = |near: &[u32]| {
        let (in_truth, on_map) = (ranks(&truth, near, &near_truth), ranks(&map, near, &near_map));
        near.iter()
            .zip(in_truth.into_iter().zip(on_map))
            .map(|(&point, (in_truth, on_map))| Ranked {
                point: point as usize,
                in_truth: in_truth as usize,
                on_map: on_map as usize,
            })
            .collect()
    };
    Ok(NeighboursOf {
        k,
        reach: reach(n, k),
        in_truth: ranked(&near_truth),
        on_map: ranked(&near_map),
    })
}

/// What a stored map did to the neighbourhood of one item, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Those that are close in truth and on the map, closest in truth first.
    pub kept: Vec<String>,
    /// Those that are close in truth and far on the map, closest in truth first.
    pub missing: Vec<String>,
    /// Those that are close on the map and far in truth, closest on the map first.
    pub false_neighbours: Vec<String>,
}

/// What a map of a space (`None`: its newest) did to the k nearest of an item. Errors: an unknown id or map, and a map of
/// items that are not those of the space any more.
pub fn torn(space: &Space, map: Option<&str>, id: &str, k: usize, run: &Run) -> Result<Torn> {
    let row = space.find(id)?;
    let (about, table) = space.map(map)?;
    let stale = || {
        Error::data(format!("map '{}' is not of the items that are there now", about.name))
            .help("make it anew: latlas map SPACE")
    };
    let rows = table.ids().iter().map(|id| space.get(id.unwrap_or_default()));
    let rows: Vec<Row> = rows.collect::<Option<_>>().ok_or_else(stale)?;
    let point = rows.iter().position(|&other| other == row).ok_or_else(stale)?;
    let low = positions(&about.name, &table)?;
    let field = about.about.get("field").and_then(|field| field.as_str()).unwrap_or("main");
    let high = FieldRows::some(space, field, rows)?;
    let found = neighbours_of(&high, high.geometry(), &low, point, k, run)?;
    let rows = high.into_rows();
    let ids = |others: &mut dyn Iterator<Item = &Ranked>| {
        others.map(|other| space.id(rows[other.point]).to_owned()).collect()
    };
    Ok(Torn {
        kept: ids(&mut found.kept()),
        missing: ids(&mut found.missing()),
        false_neighbours: ids(&mut found.false_neighbours()),
    })
}
