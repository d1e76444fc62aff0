//! What a search found, as people and programs read it.

use latlas::geometry::Measure;
use latlas::index::{Hit, Match};
use latlas::items::{Items, json};
use latlas::{Error, Result, Row, Space};
use serde_json::{Value, json};

use crate::output::{Align, Table, figure, single};
use crate::values;
use crate::verbs::Context;

/// The columns shown beside the ids, by live row.
pub(super) struct Shown {
    items: Items,
    place: Vec<u32>,
}

impl Shown {
    pub(super) fn new(space: &Space, columns: &[&str]) -> Result<Self> {
        let items = space.items(Some(columns))?;
        let mut place = vec![u32::MAX; space.rows()];
        for (at, row) in space.live().enumerate() {
            place[row.index()] = at as u32;
        }
        Ok(Shown { items, place })
    }

    /// An item's place in the columns.
    fn at(&self, row: Row) -> Option<usize> {
        self.place.get(row.index()).map(|&at| at as usize).filter(|&at| at < self.items.len())
    }
}

pub(super) struct Printer<'a> {
    pub(super) space: &'a Space,
    pub(super) shown: Option<Shown>,
    pub(super) measure: Measure,
    pub(super) cx: &'a Context<'a>,
}

impl Printer<'_> {
    pub(super) fn one(&self, query: &str, hits: &[Hit]) -> Result<()> {
        if self.cx.out.json() {
            return self.object(&json!(query), hits);
        }
        if hits.is_empty() {
            return Err(Error::nothing("there is no neighbour")
                .help("the query's own items are left out; try a wider --filter"));
        }
        let euclidean = self.measure == Measure::Euclidean;
        let mut table = self.table(if euclidean { "distance" } else { "similarity" });
        for (rank, hit) in hits.iter().enumerate() {
            let shown = figure(f64::from(if euclidean { hit.distance } else { hit.similarity }));
            table.row(self.cells(rank, hit.row, shown));
        }
        self.cx.out.result(&table.render(self.cx.out.paint))
    }

    /// An empty table: rank, id, a figure, and the columns that are shown.
    fn table(&self, figure: &str) -> Table {
        let mut head = vec![(String::new(), Align::Right), ("id".to_owned(), Align::Left)];
        head.push((figure.to_owned(), Align::Right));
        let columns = self.shown.iter().flat_map(|shown| shown.items.columns());
        head.extend(columns.map(|c| {
            (c.name.clone(), if values::measures(c) { Align::Right } else { Align::Left })
        }));
        Table::new(head)
    }

    /// A row of it.
    fn cells(&self, rank: usize, row: Row, figure: String) -> Vec<String> {
        let mut cells = vec![(rank + 1).to_string(), self.space.id(row).to_owned(), figure];
        if let Some(shown) = &self.shown {
            let at = shown.at(row);
            let columns = shown.items.columns().iter();
            cells.extend(columns.map(|c| at.map_or_else(String::new, |at| values::text(c, at))));
        }
        cells
    }

    /// What was found by scores that mean nothing beside those of another answer.
    pub(super) fn scored(&self, query: &str, metric: &str, found: &[Match]) -> Result<()> {
        if self.cx.out.json() {
            let hits = found.iter().enumerate().map(|(rank, found)| {
                let id = self.space.id(found.row);
                let hit = json!({ "rank": rank + 1, "id": id, "score": found.score });
                self.with_columns(hit, found.row)
            });
            let hits: Vec<Value> = hits.collect();
            let answer = json!({ "query": query, "metric": metric, "hits": hits });
            return self.cx.out.object("search", &answer);
        }
        let mut table = self.table("score");
        for (rank, found) in found.iter().enumerate() {
            table.row(self.cells(rank, found.row, figure(found.score)));
        }
        self.cx.out.result(&table.render(self.cx.out.paint))
    }

    pub(super) fn object(&self, query: &Value, hits: &[Hit]) -> Result<()> {
        let hits: Vec<Value> =
            hits.iter().enumerate().map(|(rank, hit)| self.hit(rank + 1, hit)).collect();
        self.cx.out.object(
            "search",
            &json!({ "query": query, "metric": self.measure.name(), "hits": hits }),
        )
    }

    fn hit(&self, rank: usize, hit: &Hit) -> Value {
        let object = json!({ "rank": rank, "id": self.space.id(hit.row), "distance": single(hit.distance), "similarity": single(hit.similarity) });
        self.with_columns(object, hit.row)
    }

    /// A hit with the columns that are shown.
    fn with_columns(&self, mut hit: Value, row: Row) -> Value {
        if let (Some(shown), Some(fields)) = (&self.shown, hit.as_object_mut()) {
            let columns = shown.items.columns().iter().map(|c| {
                (c.name.clone(), shown.at(row).map_or(Value::Null, |at| json::value(c, at)))
            });
            fields.insert("columns".to_owned(), columns.collect::<serde_json::Map<_, _>>().into());
        }
        hit
    }
}
