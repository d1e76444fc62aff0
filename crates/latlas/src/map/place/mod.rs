//! New points on a map that stays as it is.
//!
//! ```text
//! Space with a map ──Frozen::of──▶ Frozen ──place──▶ Placed ──alone / grown──▶ (Items, JSON) ──▶ Edit::set_map
//! ```
//!
//! Mapped points do not move, and a new one is placed from its own vector alone: by its nearest mapped points, by what the method
//! makes of them ([`Place`]), and by random numbers named by a hash of the vector. So a point stands in the same place, to the
//! bit, whatever comes with it, in whatever order, on any number of threads; equal vectors stand in one place. The pages of the methods say what each
//! minimises, and `docs/placing.md` the whole.

mod lowest;
mod near;
mod projection;
mod stored;

use std::collections::HashMap;

use arrow_array::{Array, BooleanArray};
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::placement::positions as stored_positions;
use super::{Pacmap, Pca, Tsne, Umap};
use crate::error::{Error, Result};
use crate::geometry::{Geometry, Measure};
use crate::index::{Exact, Query};
use crate::items::Items;
use crate::linalg::blocks::Work;
use crate::linalg::{Matrix, RowSource};
use crate::run::Run;
use crate::space::{Row, Space};

pub(super) use lowest::{Slope, lowest, median};
use near::Near;
pub use stored::Grown;

/// Of so many nearest mapped points it is asked how many are near on the map.
const KEPT: usize = 10;
/// What hashes are of: "place".
const STREAM: u64 = 0x0070_6c61_6365;
/// Points that are looked up together.
const CHUNK: usize = 1024;

/// A point that is to be placed, and what is known of it.
pub(super) struct Newcomer<'a> {
    /// Its vector, as the metric sees it: of unit length under the cosine.
    pub(super) vector: &'a [f32],
    /// The nearest mapped points, closest first, as many as [`Place::neighbours`] says, or all, and at least one.
    pub(super) neighbours: &'a [u32],
    /// Their distances.
    pub(super) distances: &'a [f32],
    /// What random numbers are named by: a hash of the vector, and the seed.
    pub(super) key: u64,
}

/// What places points on a map.
pub(super) trait Place: Sync {
    /// How many of the nearest mapped points it wants to know.
    fn neighbours(&self) -> usize;

    /// Writes where a point stands, 2 or 3 numbers.
    fn place(&self, new: &Newcomer<'_>, out: &mut [f32]);
}

/// A map of a space that points are placed on: the positions of the items that were laid out and are still there.
pub struct Frozen {
    space: Space,
    name: String,
    about: Map<String, Value>,
    method: Method,
    field: String,
    fresh: bool,
    rows: Vec<Row>,
    coords: Matrix,
    gained: Vec<Row>,
    gone: usize,
}

/// How the map was made.
enum Method {
    Pca(Pca),
    Tsne(Tsne),
    Umap(Umap),
    Pacmap(Pacmap),
}

/// Where new points stand, and how far each may be believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// One position a point.
    pub coords: Matrix,
    /// What is known of each.
    pub points: Vec<PlacedPoint>,
    /// How many mapped points `neighbours_kept` is about: 10, or all.
    pub k: usize,
    /// The median distance of a mapped point from its own nearest.
    pub typical: f64,
}

/// How far a placed point may be believed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacedPoint {
    /// The share of its k nearest mapped points that are among the k nearest on the map.
    pub neighbours_kept: f64,
    /// The distance to the nearest mapped point.
    pub nearest: f64,
    /// The share of mapped points that are nearer to their own nearest than this one, ties counted half. Even in [0, 1] for points
    /// like the mapped ones; near 1 the map knows nothing like it.
    pub novelty: f64,
}

impl Frozen {
    /// A map of a space, the newest if no name is given; stale ones serve, as far as their items are still there. Items that came after
    /// it, or were placed on it, are [`gained`](Frozen::gained). Errors: no such map, one that was placed itself, one
    /// of a method that places no points.
    pub fn of(space: &Space, name: Option<&str>) -> Result<Self> {
        let (map, table) = space.earlier_map(name)?;
        let about = map.about.as_object().cloned().unwrap_or_default();
        if let Some(into) = about.get("into") {
            let of = |key: &str| into.get(key).and_then(Value::as_str).unwrap_or("another space");
            return Err(Error::data(format!(
                "map '{}' was placed on map '{}' of {}: nothing is placed on it in turn",
                map.name,
                of("map"),
                of("space")
            ))
            .help(format!("place on that: latlas map {} --add NEW", of("space"))));
        }
        let all = stored_positions(&map.name, &table)?;
        if all.as_slice().iter().any(|x| !x.is_finite()) {
            return Err(Error::data(format!(
                "map '{}' has a position that is not finite",
                map.name
            ))
            .help("make the map again"));
        }
        let fresh = space.is_fresh(&map);
        let laid_out = laid_out(&table);
        let (mut rows, mut gained, mut coords) = (Vec::new(), Vec::new(), Vec::new());
        for row in space.live() {
            // An id that came again may have been laid out with another vector.
            let known = laid_out.get(space.id(row)).filter(|_| fresh || !space.came_again(row));
            if let Some(&at) = known {
                rows.push(row);
                coords.extend_from_slice(all.row(at));
            } else {
                gained.push(row);
            }
        }
        if rows.len() < 3 {
            return Err(Error::data(format!(
                "only {} of the items that map '{}' laid out are left: too few to place others by",
                rows.len(),
                map.name
            ))
            .help("make the map again"));
        }
        let coords = Matrix::new(rows.len(), all.cols(), coords)?;
        let field = about.get("field").and_then(Value::as_str).unwrap_or("main").to_owned();
        space.field(&field)?;
        Ok(Frozen {
            method: Method::of(&map.name, &about, all.cols())?,
            gone: laid_out.len() - rows.len(),
            space: space.clone(),
            name: map.name,
            about,
            field,
            fresh,
            rows,
            coords,
            gained,
        })
    }

    /// The map's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its method.
    pub fn method(&self) -> &'static str {
        match self.method {
            Method::Pca(_) => "pca",
            Method::Tsne(_) => "tsne",
            Method::Umap(_) => "umap",
            Method::Pacmap(_) => "pacmap",
        }
    }

    /// The vector field that was laid out.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The items that were laid out, in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where they stand.
    pub fn coords(&self) -> &Matrix {
        &self.coords
    }

    /// The live items of the space that were not laid out, in order.
    pub fn gained(&self) -> &[Row] {
        &self.gained
    }

    /// Whether the map already places all items there are, and no other.
    pub fn is_complete(&self) -> bool {
        self.fresh
    }

    /// What the map says about itself.
    pub fn about(&self) -> &Map<String, Value> {
        &self.about
    }

    fn geometry(&self) -> Result<Geometry> {
        Ok(self.space.field(&self.field)?.about().geometry)
    }

    /// How many principal components were laid out instead of the vectors.
    fn reduced(&self) -> Option<usize> {
        let dims = self.about.get("params")?.get("pca")?.as_u64()?;
        usize::try_from(dims).ok()
    }

    /// Refuses vectors that cannot be compared with those of the map: of another field, dimension or geometry.
    pub fn check(&self, new: &Space) -> Result<()> {
        let called = |space: &Space| {
            space.path().map_or_else(|| "this space".to_owned(), |p| p.display().to_string())
        };
        let (ours, theirs) = (self.space.field(&self.field)?, new.field(&self.field));
        let theirs = theirs.map_err(|e| e.context(called(new)))?;
        let (ours, theirs) = (ours.about(), theirs.about());
        let differs = |what: &str, here: &str, there: &str| {
            Err(Error::data(format!(
                "field '{}' of {} has {what} {there}, that of {} {here}",
                self.field,
                called(new),
                called(&self.space)
            ))
            .help("place vectors that were made as those of the map"))
        };
        if ours.dim != theirs.dim {
            return differs("dimension", &ours.dim.to_string(), &theirs.dim.to_string());
        }
        if ours.geometry != theirs.geometry {
            let name = |geometry: Geometry| format!("{geometry:?}").to_lowercase();
            return differs("geometry", &name(ours.geometry), &name(theirs.geometry));
        }
        if new.count() == 0 {
            return Err(Error::data(format!(
                "{} holds no items: there is nothing to place",
                called(new)
            ))
            .help("check the path"));
        }
        Ok(())
    }

    /// Places the rows of `new`, whose vectors are those of the map's field, as they are. Costs a distance to every mapped point each.
    /// A number that is not finite is an error naming its row.
    pub fn place(&self, new: &dyn RowSource, run: &Run<'_>) -> Result<Placed> {
        let (n, dims) = (self.rows.len(), self.coords.cols());
        let near = Near::new(self, run)?;
        let placer = self.placer(&near, run)?;
        let kept = KEPT.min(n);
        let k = placer.neighbours().max(kept).min(n);
        let on_map = Exact::over(self.coords.clone(), Measure::Euclidean)?;
        let mut coords = Vec::with_capacity(new.rows() * dims);
        let mut points = Vec::with_capacity(new.rows());
        let work = Work::new(run, "placing", new.rows() as u64, "items")?;
        let mut scratch = Vec::new();
        for first in (0..new.rows()).step_by(CHUNK) {
            let range = first..(first + CHUNK).min(new.rows());
            let seen = near.seen(new, range.clone(), &mut scratch)?;
            let found = near.nearest(&seen, k, run.threads)?;
            let mut at = Matrix::zeros(range.len(), dims);
            work.pool.install(|| {
                let slots = at.as_mut_slice().par_chunks_mut(dims).zip(&found);
                slots.enumerate().for_each(|(i, (out, found))| {
                    let most = placer.neighbours().min(n);
                    placer.place(
                        &Newcomer {
                            vector: seen.vectors.row(i),
                            neighbours: &found.points[..most],
                            distances: &found.distances[..most],
                            key: key(seen.vectors.row(i), run.seed),
                        },
                        out,
                    );
                });
            });
            let there = on_map.search_batch(&at, &Query::nearest(kept), run.threads)?;
            for (found, there) in found.iter().zip(&there) {
                let same = there.iter().filter(|hit| found.points[..kept].contains(&hit.row.0));
                let nearest = f64::from(found.distances[0]);
                points.push(PlacedPoint {
                    neighbours_kept: same.count() as f64 / kept as f64,
                    nearest,
                    novelty: near.novelty(nearest),
                });
            }
            coords.extend_from_slice(at.as_slice());
            work.advance(range.len() as u64);
            if work.cancelled() {
                break;
            }
        }
        work.finish()?;
        let coords = Matrix::new(new.rows(), dims, coords)?;
        Ok(Placed { coords, points, k: kept, typical: near.typical() })
    }

    fn placer(&self, near: &Near, run: &Run<'_>) -> Result<Box<dyn Place>> {
        match &self.method {
            Method::Pca(pca) => self.projection(pca, run),
            Method::Tsne(tsne) => tsne.placing(&self.coords, near.geometry()),
            Method::Umap(umap) => umap.placing(&self.coords),
            Method::Pacmap(pacmap) => pacmap.placing(&self.coords),
        }
    }
}

impl Method {
    /// The method that a map says it was made by, with the options of then.
    fn of(map: &str, about: &Map<String, Value>, dims: usize) -> Result<Self> {
        let name = about.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = about.get("params").and_then(Value::as_object);
        Ok(match name {
            "pca" => Method::Pca(Pca { dims, ..options(map, params)? }),
            "tsne" => Method::Tsne(Tsne { dims, ..options(map, params)? }),
            "umap" => Method::Umap(Umap { dims, ..options(map, params)? }),
            "pacmap" => Method::Pacmap(Pacmap { dims, ..options(map, params)? }),
            _ => {
                return Err(Error::data(format!(
                    "map '{map}' was not made by a method that places points"
                ))
                .help("there are umap, tsne, pacmap and pca: latlas map SPACE --method umap"));
            }
        })
    }
}

/// Options out of what a map says, which holds more beside them.
fn options<T: Serialize + DeserializeOwned + Default>(
    map: &str,
    params: Option<&Map<String, Value>>,
) -> Result<T> {
    let unreadable = |e: serde_json::Error| {
        Error::data(format!("map '{map}': its options cannot be read: {e}"))
            .help("make the map again")
    };
    let mut known = json!(T::default());
    if let (Some(known), Some(params)) = (known.as_object_mut(), params) {
        for (key, value) in known {
            if let Some(given) = params.get(key) {
                *value = given.clone();
            }
        }
    }
    serde_json::from_value(known).map_err(unreadable)
}

/// The items of a map's table that were laid out, not placed, and where they stand in it.
fn laid_out(table: &Items) -> HashMap<&str, usize> {
    let placed = table.column("placed").and_then(|c| c.values.as_any().downcast_ref());
    let is_placed = |at: usize| {
        placed.is_some_and(|placed: &BooleanArray| placed.is_valid(at) && placed.value(at))
    };
    let ids = table.ids().iter().flatten().enumerate();
    ids.filter(|&(at, _)| !is_placed(at)).map(|(at, id)| (id, at)).collect()
}

/// A map's positions as points.
pub(super) fn positions<const D: usize>(map: &Matrix) -> Vec<[f32; D]> {
    map.iter_rows().map(|y| std::array::from_fn(|axis| y[axis])).collect()
}

/// A hash of a vector's numbers.
fn key(vector: &[f32], seed: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    // Adding 0 makes −0 the same as 0.
    vector.iter().fold(mix(seed ^ STREAM), |key, &x| {
        mix(key.rotate_left(23) ^ u64::from((x + 0.0).to_bits()))
    })
}
