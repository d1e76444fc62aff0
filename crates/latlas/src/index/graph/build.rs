//! From points to their graph.

use super::super::FieldRows;
use super::cells::in_cells;
use super::pairs::exact;
use super::points::Points;
use super::stored::kept;
use super::{Graph, NeighbourMethod, NeighbourOptions};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::linalg::RowSource;
use crate::run::Run;
use crate::space::Space;

/// The graph of the nearest neighbours of the live items of a space, under the field's geometry. Points are numbered in
/// the order of [`Space::live`]. A graph that is kept with the space ([`keep_neighbours`](super::keep_neighbours)) is
/// used where computing would give the same.
pub fn neighbours(
    space: &Space,
    field: &str,
    options: &NeighbourOptions,
    run: &Run,
) -> Result<Graph> {
    options.check(space.count())?;
    if let Some(graph) = kept(space, field, options, run)? {
        return Ok(graph);
    }
    let points = FieldRows::live(space, field)?;
    Graph::of(&points, points.geometry(), options, run)
}

impl Graph {
    /// The graph of the nearest neighbours of these points. The same points, options and seed give the same graph, with any
    /// number of threads. Errors: fewer points than k + 1; a number that is not finite, named by its row.
    ///
    /// A graph by cells has its recall measured, if the options ask for it, and told as a note.
    pub fn of(
        points: &dyn RowSource,
        geometry: Geometry,
        options: &NeighbourOptions,
        run: &Run,
    ) -> Result<Graph> {
        options.check(points.rows())?;
        let method = options.resolved(points.rows());
        let prepared = Points::new(points, geometry, run)?;
        let (neighbours, distances) = if method == NeighbourMethod::Cells {
            in_cells(&prepared, options, run)?
        } else {
            exact(&prepared, options.k, run)?
        };
        let mut graph = Graph { k: options.k, neighbours, distances, recall: None };
        if method == NeighbourMethod::Cells && options.recall_sample > 1 {
            let recall = graph.measured(points, geometry, options.recall_sample, run)?;
            run.progress.note(&format!(
                "neighbours by cells: {:.2} ± {:.2} % of the true ones, on {} points",
                100.0 * recall.value,
                100.0 * recall.standard_error,
                recall.sampled
            ));
            graph.recall = Some(recall);
        }
        Ok(graph)
    }
}
