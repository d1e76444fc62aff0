//! Runs a method that settles on a space: vectors → graph of neighbours → positions.

use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

use super::kept::{Job, Keeper};
use super::{Earlier, FieldRows, Layout, Pca, PcaFit, Placement, Points, Settling, Tether};
use crate::error::{Error, Kind, Result};
use crate::geometry::Geometry;
use crate::index::{Graph, NeighbourOptions};
use crate::linalg::{Matrix, RowSource};
use crate::run::{Run, Silent, Step};
use crate::space::Space;

/// What surrounds a method that settles.
#[derive(Clone, Copy, Default)]
pub struct Settlement<'a> {
    /// Lay out this many principal components instead of the vectors themselves. 50 cost little of the neighbours of raw data and
    /// much of the time. Neighbours are then Euclidean among the components.
    pub pca: Option<usize>,
    /// The neighbours of the live items in order, at least as many as the method wants, or all others. `None` looks for
    /// them.
    pub graph: Option<&'a Graph>,
    /// Where the live items stand at first, in order. `None` leaves it to the method.
    pub start: Option<&'a Matrix>,
    /// A map that gives items of the same ids their start, in place of `start`.
    pub earlier: Option<&'a Earlier>,
    /// How strongly these items are drawn back there while points move ([`Tether`]); 0 does not.
    pub tether: f64,
}

/// A layout, and whether it came to its end.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The positions as they are.
    pub placement: Placement,
    /// `false` if someone cancelled while points were moving; `figures` then says so, and after how many steps.
    pub finished: bool,
    /// Whether its place is kept where the run says, so that the same call with `resume` goes on from there.
    pub kept: bool,
}

/// Lays out the live items of a space. Cancelled while points move, it gives the positions so far; cancelled before, an
/// error of kind `Interrupted`. Under a cosine geometry vectors are scaled to unit length first; `params` says so.
///
/// A run with a checkpoint keeps the place as often as it says, and when cancelled; one that resumes goes on from there, to
/// the very bytes of a run that was never cancelled. Errors then: a checkpoint of other options, seed or vectors; one that is
/// damaged.
pub fn settle<M: Layout + Serialize>(
    space: &Space,
    field: &str,
    method: &M,
    with: &Settlement<'_>,
    run: &Run<'_>,
) -> Result<Settled> {
    let mut params = match serde_json::to_value(method) {
        Ok(Value::Object(params)) => params,
        _ => Map::new(),
    };
    params.insert("pca".to_owned(), json!(with.pca));
    settle_as(space, field, method, params, with, run)
}

fn settle_as(
    space: &Space,
    field: &str,
    method: &dyn Layout,
    mut params: Map<String, Value>,
    with: &Settlement<'_>,
    run: &Run<'_>,
) -> Result<Settled> {
    let data = FieldRows::live(space, field)?.as_measured();
    let n = data.rows();
    if n < 3 {
        return Err(Error::data(format!(
            "a map needs at least 3 items, here {} {n}",
            if n == 1 { "is" } else { "are" }
        )));
    }
    method.fits(n)?;
    params.insert("unit_length".to_owned(), json!(data.is_unit()));
    let reduced = with.pca.map(|dims| reduce(&data, dims, run)).transpose()?;
    let (vectors, geometry): (&dyn RowSource, Geometry) = match &reduced {
        Some(fit) => (&fit.coords, Geometry::Euclidean),
        None => (&data, data.geometry()),
    };
    let k = method.neighbours(n);
    let graph = if let Some(graph) = with.graph {
        Cow::Borrowed(graph)
    } else {
        let options = NeighbourOptions::nearest(k.clamp(1, n - 1));
        Cow::Owned(Graph::of(vectors, geometry, &options, run)?)
    };
    let known = with.earlier.map(|earlier| earlier.start(space, &graph, run)).transpose()?;
    let start = known.as_ref().map(|known| &known.coords).or(with.start);
    let points = Points { vectors, geometry, graph: &graph, start };
    let mut settling = match &known {
        Some(known) if with.tether > 0.0 => {
            let tether = Tether { to: &known.coords, held: &known.known, strength: with.tether };
            method.begin_tethered(points, tether, run)?
        }
        _ => method.begin(points, run)?,
    };
    let mut keeper = match &run.checkpoint {
        None => None,
        Some(checkpoint) => {
            let job = Job::new(method.method(), &params, &points, run)?;
            Some(Keeper::begin(job, checkpoint, settling.as_mut(), run)?)
        }
    };
    let finished = go(settling.as_mut(), keeper.as_mut(), run)?;
    let kept = !finished && keeper.is_some_and(|mut keeper| keeper.keep(settling.as_ref()));

    let mut figures = figures(settling.as_ref(), finished, run)?;
    let (done, total) = settling.steps();
    figures.insert("steps".to_owned(), json!(done));
    if !finished {
        figures.insert("unfinished".to_owned(), json!(format!("{done} of {total} steps")));
    }
    figures.insert("neighbours".to_owned(), json!(k));
    if let Some((earlier, known)) = with.earlier.zip(known.as_ref()) {
        figures.insert("start".to_owned(), earlier.to_json(known));
        figures.insert("tether".to_owned(), json!(with.tether));
    }
    if let Some(fit) = &reduced {
        let kept: f64 = fit.explained_variance_ratio.iter().sum();
        figures.insert("pca_explained".to_owned(), json!(kept));
    }
    let coords = settling.coords().clone();
    drop(settling);
    let placement = Placement {
        method: method.method(),
        field: field.to_owned(),
        coords,
        explained: Vec::new(),
        params,
        figures,
        rows: data.into_rows(),
    };
    Ok(Settled { placement, finished, kept })
}

/// Steps to the end, or to where someone cancels: `false` then.
fn go(
    settling: &mut dyn Settling,
    mut keeper: Option<&mut Keeper<'_>>,
    run: &Run<'_>,
) -> Result<bool> {
    loop {
        let (done, total) = settling.steps();
        let step = Step {
            stage: "settling",
            done,
            total: Some(total),
            unit: "iterations",
            detail: String::new(),
        };
        let more = match run.report(&step).and_then(|()| settling.step(run)) {
            Err(error) if error.kind() == Kind::Interrupted && done > 0 => return Ok(false),
            other => other?,
        };
        if !more {
            return Ok(true);
        }
        if let Some(keeper) = &mut keeper {
            keeper.keep_if_due(settling);
        }
    }
}

/// What the method says. Whoever cancelled would cancel this as well, and gets what there is.
fn figures(settling: &dyn Settling, finished: bool, run: &Run<'_>) -> Result<Map<String, Value>> {
    let quiet = Run { progress: &Silent, ..run.clone() };
    match settling.figures(if finished { run } else { &quiet }) {
        Err(error) if error.kind() == Kind::Interrupted => {
            run.progress.warn(&format!("{}: the map is whole, but not told of", error.message()));
            Ok(Map::new())
        }
        other => other,
    }
}

/// The leading principal components, as many as asked for.
pub(super) fn reduce(data: &FieldRows, dims: usize, run: &Run<'_>) -> Result<PcaFit> {
    if dims == 0 || dims > data.cols() {
        return Err(Error::usage(format!(
            "{dims} principal components asked of vectors with {} dimensions",
            data.cols()
        ))
        .help(format!("ask for 1 to {}, or leave the reduction out", data.cols())));
    }
    Pca { dims, ..Pca::default() }.fit(data, run)
}
