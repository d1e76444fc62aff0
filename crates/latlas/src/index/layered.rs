//! Searching a space that changes: the index of the generation as it was published, and what came since measured one by one.

use std::sync::Arc;

use super::bm25::{Match, WordIndex, best};
use super::exact::Exact;
use super::query::{Bitmap, Hit, Index, Query};
use crate::error::Result;
use crate::geometry::Measure;
use crate::space::{Row, Space};

/// An index of a generation of a space that answers for the space with the changes that lie over it. Making one reads the vectors of the
/// changes, and a bit of each row where some are gone; not the vectors of the generation.
pub struct Layered {
    base: Arc<dyn Index>,
    /// Rows below this are those of the generation.
    covered: usize,
    /// The rows of the generation that are still there; `None` if nothing of it is gone.
    live: Option<Arc<Bitmap>>,
    /// What came since, and the row of each.
    since: Option<(Exact, Vec<Row>)>,
    count: usize,
}

impl Layered {
    /// `base` answers for `generation`, and `space` is that with changes; both by this measure.
    pub fn new(
        base: Arc<dyn Index>,
        generation: &Space,
        space: &Space,
        field: &str,
        measure: Measure,
    ) -> Result<Self> {
        let covered = generation.rows();
        let Changes { live, rows } = Changes::of(generation, space);
        let since = if rows.is_empty() {
            None
        } else {
            Some((Exact::over(space.field(field)?.gather(&rows), measure)?, rows))
        };
        Ok(Layered { base, covered, live, since, count: space.count() })
    }
}

impl Index for Layered {
    fn dim(&self) -> usize {
        self.base.dim()
    }

    fn len(&self) -> usize {
        self.count
    }

    fn search(&self, point: &[f32], q: &Query) -> Result<Vec<Hit>> {
        let mut hits = self.base.search(point, &of_base(q, self.covered, self.live.as_ref()))?;
        let Some((index, rows)) = &self.since else { return Ok(hits) };
        let filter = Some(Arc::new(allowed(q, rows)));
        let since = index.search(point, &Query { k: q.k, filter, ..Query::default() })?;
        hits.extend(since.into_iter().map(|hit| Hit { row: rows[hit.row.index()], ..hit }));
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
        hits.truncate(q.k);
        Ok(hits)
    }
}

/// Search by words in a space that changes: the words of the generation, and of what came since. How rare a word is, and how
/// long a text, is that of the generation.
pub struct LayeredWords {
    base: Arc<WordIndex>,
    covered: usize,
    live: Option<Arc<Bitmap>>,
    since: Option<(WordIndex, Vec<Row>)>,
}

impl LayeredWords {
    /// `base` holds the words of these columns of `generation`, and `space` is that with changes.
    pub fn new(
        base: Arc<WordIndex>,
        columns: &[&str],
        generation: &Space,
        space: &Space,
    ) -> Result<Self> {
        let Changes { live, rows } = Changes::of(generation, space);
        let since = if rows.is_empty() {
            None
        } else {
            Some((WordIndex::new(&space.some(&rows)?, columns)?, rows))
        };
        Ok(LayeredWords { base, covered: generation.rows(), live, since })
    }

    /// The `q.k` items that fit the words of a text best, as [`WordIndex::search`] gives them.
    pub fn search(&self, text: &str, q: &Query) -> Vec<Match> {
        let mut found = self.base.search(text, &of_base(q, self.covered, self.live.as_ref()));
        let Some((index, rows)) = &self.since else { return found };
        let filter = Some(Arc::new(allowed(q, rows)));
        let q_since = Query { k: q.k, filter, ..Query::default() };
        let since = index.search_as_of(text, &q_since, &self.base);
        found.extend(since.into_iter().map(|m| Match { row: rows[m.row.index()], ..m }));
        best(found, q.k)
    }
}

/// What is new of a space with changes.
struct Changes {
    live: Option<Arc<Bitmap>>,
    rows: Vec<Row>,
}

impl Changes {
    fn of(generation: &Space, space: &Space) -> Self {
        let covered = generation.rows() as u32;
        let live = |row: &Row| space.is_live(*row);
        let rows: Vec<Row> = (covered..space.rows() as u32).map(Row).filter(live).collect();
        let gone = space.count() - rows.len() < generation.count();
        let left = || Arc::new(Bitmap::of(generation.rows(), (0..covered).map(Row).filter(live)));
        Changes { live: gone.then(left), rows }
    }
}

/// What a query is for the rows of the generation.
fn of_base(q: &Query, covered: usize, live: Option<&Arc<Bitmap>>) -> Query {
    let exclude = q.exclude.iter().copied().filter(|row| row.index() < covered).collect();
    let filter = match (&q.filter, live) {
        (None, None) => None,
        (None, Some(live)) => Some(live.clone()),
        (Some(filter), live) => {
            let mut rows = filter.first(covered);
            if let Some(live) = live {
                rows.keep(live);
            }
            Some(Arc::new(rows))
        }
    };
    Query { exclude, filter, ..q.clone() }
}

/// Which of these rows a query lets through, by their place among them.
fn allowed(q: &Query, rows: &[Row]) -> Bitmap {
    let allowed = (0..).zip(rows).filter(|&(_, &row)| q.allows(row));
    Bitmap::of(rows.len(), allowed.map(|(at, _)| Row(at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Geometry;
    use crate::items::Items;
    use crate::linalg::Matrix;
    use crate::space::{Change, Given, Writer};
    use rand_xoshiro::rand_core::Rng;

    fn vector(id: u64) -> Vec<f32> {
        let mut stream = crate::run::stream(7, &[id]);
        (0..8).map(|_| stream.next_u32() as f32 / u32::MAX as f32 - 0.5).collect()
    }

    #[test]
    fn it_answers_as_the_space_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.space");
        let ids: Vec<String> = (0..200).map(|i| format!("i{i}")).collect();
        let numbers = (0..200).flat_map(vector).collect();
        let vectors = Matrix::new(200, 8, numbers).unwrap();
        let space = Space::builder("test", Items::from_ids(&ids).unwrap());
        space.field("main", Geometry::Euclidean, vectors).build().unwrap().save(&path).unwrap();
        let mut writer = Writer::begin(&path).unwrap();
        let generation = writer.space().clone();
        let base: Arc<dyn Index> = Arc::new(Exact::new(&generation, "main", None).unwrap());
        for step in 0..30_u64 {
            let given = |id: u64| Given {
                id: format!("i{id}"),
                vectors: [("main".to_owned(), vector(1000 * (step + 1) + id))].into(),
                ..Given::default()
            };
            let put: Vec<Given> = (0..5).map(|i| given(step * 11 % 190 + i * 7)).collect();
            let put = Change::Put(writer.points(&put).unwrap());
            let gone = Change::Delete(vec![format!("i{}", step * 3), "nobody".into()]);
            writer.make(&[put, gone]).unwrap();
            let space = writer.space();
            let layered =
                Layered::new(base.clone(), &generation, space, "main", Measure::Euclidean).unwrap();
            let exact = Exact::new(space, "main", None).unwrap();
            assert_eq!(layered.len(), space.count());
            let some = space.live().filter(|row| row.0 % 3 == 0);
            let filter = Arc::new(Bitmap::of(space.rows(), some));
            let own = space.live().nth(5).unwrap();
            for q in [
                Query::nearest(7),
                Query::nearest(9).excluding([own]),
                Query::nearest(4).within(filter),
                Query::nearest(500),
            ] {
                let point = vector(step + 77);
                assert_eq!(layered.search(&point, &q).unwrap(), exact.search(&point, &q).unwrap());
            }
        }
    }
}
