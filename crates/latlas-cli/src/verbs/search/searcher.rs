//! What a search goes through: the index that is kept with the space, or every vector.

use latlas::geometry::Measure;
use latlas::index::{Exact, Hit, Hnsw, Index, Query};
use latlas::linalg::Matrix;
use latlas::{Error, Progress as _, Result, Space};

use crate::output::counted;
use crate::verbs::Context;

/// Bytes of vectors beyond which it is worth saying that an index would be faster.
const LARGE: u64 = 100_000_000;

pub(super) enum Searcher {
    Exact(Exact),
    Graph(Hnsw),
}

impl Searcher {
    /// The index of a field under a measure if there is one, unless all vectors are to be compared; says which.
    pub(super) fn open(
        space: &Space,
        field: &str,
        measure: Measure,
        exact: bool,
        effort: Option<usize>,
        cx: &Context<'_>,
    ) -> Result<Self> {
        let about = space.field(field)?.about().clone();
        let index = Hnsw::stored(space, field, measure).filter(|_| !exact);
        if let Some(index) = index {
            match Hnsw::open(space, &index.name) {
                Ok(found) => {
                    cx.out.say(&said(space, index, &found, effort));
                    return Ok(Searcher::Graph(found));
                }
                Err(error) => cx.out.warn(&format!("{error}: every vector is compared instead")),
            }
        } else if effort.is_some() {
            return Err(Error::usage(format!(
                "--effort is for an index by {measure}; there is none"
            ))
            .help("'latlas index' builds one; without it every vector is compared"));
        } else if !exact && space.count() as u64 * about.dim as u64 * 4 > LARGE {
            cx.out.say("index: none, so every vector is compared; 'latlas index' builds one");
        }
        Exact::with_threads(space, field, Some(measure), cx.threads).map(Searcher::Exact)
    }

    pub(super) fn search(&self, point: &[f32], q: &Query) -> Result<Vec<Hit>> {
        match self {
            Searcher::Exact(index) => index.search(point, q),
            Searcher::Graph(index) => index.search(point, q),
        }
    }

    pub(super) fn within(&self, point: &[f32], distance: f32, q: &Query) -> Result<Vec<Hit>> {
        match self {
            Searcher::Exact(index) => index.within(point, distance, q),
            Searcher::Graph(index) => index.within(point, distance, q),
        }
    }

    pub(super) fn search_batch(
        &self,
        points: &Matrix,
        q: &Query,
        threads: usize,
    ) -> Result<Vec<Vec<Hit>>> {
        match self {
            Searcher::Exact(index) => index.search_batch(points, q, threads),
            Searcher::Graph(index) => index.search_batch(points, q, threads),
        }
    }
}

/// "index: bytes, effort 40, which found 99.3 % when it was built".
fn said(
    space: &Space,
    about: &latlas::space::IndexAbout,
    index: &Hnsw,
    effort: Option<usize>,
) -> String {
    let held = index.precision().held_as();
    let recall = about.about.get("recall").and_then(serde_json::Value::as_f64);
    let found = match (effort, recall) {
        (None, Some(recall)) => {
            format!(", which found {:.1} % when it was built", 100.0 * recall)
        }
        _ => String::new(),
    };
    let later = match space.added_since(about) {
        0 => String::new(),
        n => format!("; {} added since are compared one by one", counted(n as u64, "items")),
    };
    format!("index: {held}, effort {}{found}{later}", effort.unwrap_or(index.effort()))
}
