//! The nearest neighbours of all items, which maps and clusters share through the space.

use latlas::index::{Graph, NeighbourOptions, keep_neighbours, neighbours};
use latlas::space::{Edit, GraphAbout};
use latlas::{Result, Run};

/// The k nearest of every item (all others, where there are fewer): those kept with the space, or else looked for and
/// kept at once, so that what comes after may be interrupted. `None` where none are wanted or there is no one else.
pub(super) fn find_or_keep(
    mut edit: Edit,
    field: &str,
    k: usize,
    run: &Run<'_>,
) -> Result<(Edit, Option<Graph>)> {
    let space = edit.space().clone();
    let n = space.count();
    if k == 0 || n < 2 {
        return Ok((edit, None));
    }
    let options = NeighbourOptions::nearest(k.min(n - 1));
    let graph = neighbours(&space, field, &options, run)?;
    // What is there may be of more neighbours, and then serves as well.
    let serves = |kept: &GraphAbout| kept.field == field && kept.k >= graph.k();
    if !space.graphs().iter().any(serves) || space.graph(field).is_err() {
        keep_neighbours(&mut edit, field, &graph, &options, run)?;
        edit = edit.publish_so_far()?;
    }
    Ok((edit, Some(graph)))
}
