//! Graphs kept in a space for whoever needs them next.

use serde_json::{Map, Value, json};

use super::{Graph, NeighbourMethod, NeighbourOptions, Recall};
use crate::error::Result;
use crate::run::Run;
use crate::space::{Edit, GraphAbout, Space};

/// Keeps the graph of a field's neighbours in its space, in place of the one before. `options` are those it was computed
/// with.
pub fn keep_neighbours(
    edit: &mut Edit,
    field: &str,
    graph: &Graph,
    options: &NeighbourOptions,
    run: &Run,
) -> Result<()> {
    let geometry = edit.space().field(field)?.about().geometry;
    let about = GraphAbout {
        name: field.to_owned(),
        field: field.to_owned(),
        geometry,
        k: graph.k(),
        generation: 0,
        about: describe(graph, options, run),
    };
    edit.set_graph(about, &graph.neighbours, &graph.distances)
}

/// How a graph came to be. Of an exact one only that: no other option and no seed has a part in it.
fn describe(graph: &Graph, options: &NeighbourOptions, run: &Run) -> Map<String, Value> {
    let mut about = identity(options, graph.len(), run);
    if let Some(recall) = graph.recall() {
        about.insert("recall".to_owned(), json!(recall));
    }
    about
}

/// What has to agree for two graphs of the same points and k to be the same.
fn identity(options: &NeighbourOptions, points: usize, run: &Run) -> Map<String, Value> {
    let method = options.resolved(points);
    let mut about = Map::new();
    about.insert("method".to_owned(), json!(method));
    if method != NeighbourMethod::Exact {
        let options = NeighbourOptions { method, ..options.clone() };
        about.insert("options".to_owned(), json!(options));
        about.insert("seed".to_owned(), json!(run.seed));
    }
    about
}

/// The graph that computing would give, if the space holds it: exact and of at least as many neighbours, or made by
/// cells with the same options, seed and k. One that is damaged is told of and not used.
pub(super) fn kept(
    space: &Space,
    field: &str,
    options: &NeighbourOptions,
    run: &Run,
) -> Result<Option<Graph>> {
    let geometry = space.field(field)?.about().geometry;
    let wanted = identity(options, space.count(), run);
    let exact = options.resolved(space.count()) == NeighbourMethod::Exact;
    let fits = |graph: &&GraphAbout| {
        let k = if exact { graph.k >= options.k } else { graph.k == options.k };
        let same = wanted.iter().all(|(key, value)| graph.about.get(key) == Some(value));
        graph.field == field
            && graph.geometry == geometry
            && space.has_rows_of(graph.generation)
            && k
            && same
    };
    let Some(about) = space.graphs().iter().rev().find(fits) else { return Ok(None) };
    let lists = space.graph(&about.name).and_then(|lists| lists.check().map(|()| lists));
    match lists {
        Ok(lists) => {
            run.progress
                .note(&format!("neighbours: those kept with the space ({} of each)", lists.k()));
            let recall: Option<Recall> =
                about.about.get("recall").and_then(|r| serde_json::from_value(r.clone()).ok());
            let (neighbours, distances) = (lists.neighbours().to_vec(), lists.distances().to_vec());
            let graph = Graph { k: lists.k(), neighbours, distances, recall };
            Ok(Some(graph.first(options.k)))
        }
        Err(error) => {
            run.progress.warn(&format!("{error}: neighbours are looked for again"));
            Ok(None)
        }
    }
}
