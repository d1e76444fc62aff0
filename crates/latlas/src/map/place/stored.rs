//! Placed points as tables that spaces keep.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array};
use serde_json::{Map, Value, json};

use super::{Frozen, Placed};
use crate::error::{Error, Result};
use crate::index::FieldRows;
use crate::items::{Column, ColumnKind, Items};
use crate::linalg::Matrix;
use crate::map::{Faithfulness, FaithfulnessOptions, Placement, table};
use crate::run::Run;
use crate::space::{Row, Space};

/// A point farther from the nearest mapped one than this share of these from theirs is off the data.
const OFF: f64 = 0.99;
/// So many points like the mapped ones are.
const OFF_BY_CHANCE: f64 = 0.01;

/// A map that its space's newer items were placed on.
#[derive(Debug, Clone)]
pub struct Grown {
    /// Those that were placed.
    pub placed: Placed,
    /// The whole map.
    pub layout: Placement,
    /// How far the whole may be trusted.
    pub faithfulness: Faithfulness,
    /// The table and its description, as [`Edit::set_map`](crate::space::Edit::set_map) takes them.
    pub stored: (Items, Value),
}

impl Placed {
    /// The mean share of neighbours kept.
    pub fn neighbours_kept(&self) -> f64 {
        mean(self.points.iter().map(|point| point.neighbours_kept))
    }

    /// The share of points that are off the data: farther from the nearest mapped point than 99 % of these from theirs. 1 %
    /// of points like the mapped ones are.
    pub fn off_data(&self) -> f64 {
        mean(self.points.iter().map(|point| f64::from(u8::from(point.novelty > OFF))))
    }

    /// The median distance to the nearest mapped point, over that between mapped points; `None` where that is 0.
    pub fn nearest_ratio(&self) -> Option<f64> {
        let mut nearest: Vec<f64> = self.points.iter().map(|point| point.nearest).collect();
        nearest.sort_by(f64::total_cmp);
        let median = nearest.get(nearest.len() / 2)?;
        (self.typical > 0.0).then(|| median / self.typical)
    }

    /// The figures, as maps keep them; `mapped` is how many points the map has.
    fn to_json(&self, mapped: usize) -> Value {
        json!({
            "items": self.points.len(),
            "mapped": mapped,
            "k": self.k,
            "neighbours_kept": self.neighbours_kept(),
            "nearest_ratio": self.nearest_ratio(),
            "off_data": self.off_data(),
            "null": { "neighbours_kept": self.k as f64 / mapped as f64, "off_data": OFF_BY_CHANCE },
        })
    }

    fn ratio(&self, point: usize) -> Option<f64> {
        (self.typical > 0.0).then(|| self.points[point].nearest / self.typical)
    }
}

impl Frozen {
    /// Places the live items of another space: a map for that space, which says what it was placed on. A table of `id`, `x`, `y`
    /// (, `z`), `neighbours_kept`, `novelty` and `nearest_ratio`.
    pub fn alone(&self, new: &Space, run: &Run<'_>) -> Result<(Placed, Items, Value)> {
        self.check(new)?;
        let placed = self.place(&FieldRows::live(new, &self.field)?, run)?;
        let mut items = Items::from_ids(new.live().map(|row| new.id(row)))?;
        for (axis, name) in ["x", "y", "z"].into_iter().take(placed.coords.cols()).enumerate() {
            let along = placed.coords.iter_rows().map(|y| Some(f64::from(y[axis])));
            items = items.with_column(numbers(name, along))?;
        }
        let points = || placed.points.iter();
        let ratios = (0..placed.points.len()).map(|at| placed.ratio(at));
        items = items
            .with_column(numbers("neighbours_kept", points().map(|p| Some(p.neighbours_kept))))?
            .with_column(numbers("novelty", points().map(|p| Some(p.novelty))))?
            .with_column(numbers("nearest_ratio", ratios))?;

        let figures = placed.to_json(self.rows.len());
        let mut about = Map::new();
        for key in ["method", "field", "dims", "params"] {
            if let Some(value) = self.about.get(key) {
                about.insert(key.to_owned(), value.clone());
            }
        }
        about.insert("into".to_owned(), self.to_json());
        // What pictures and lists look for.
        let faithfulness = json!({
            "k": placed.k,
            "items": placed.points.len(),
            "sampled": placed.points.len(),
            "neighbours_kept_10": placed.neighbours_kept(),
            "null": { "neighbours_kept_10": placed.k as f64 / self.rows.len() as f64 },
        });
        about.insert("faithfulness".to_owned(), faithfulness);
        about.insert("placed".to_owned(), figures);
        Ok((placed, items, Value::Object(about)))
    }

    /// What a map says it was placed on.
    pub fn to_json(&self) -> Value {
        json!({
            "space": self.space.path(),
            "map": self.name,
            "xxh3": self.space.map_hash(&self.name),
            "items": self.rows.len(),
        })
    }

    /// Places the items that the space gained after the map was made: a map of all items, in which those that were laid out stand as they
    /// stood. Beside the usual columns the table has `placed`, and of placed items `novelty` and `nearest_ratio`; their
    /// `neighbours_kept` counts items that were laid out. Items that are gone are left out. An error of kind `Nothing` if the map is of all items already.
    pub fn grown(&self, run: &Run<'_>) -> Result<Grown> {
        if self.fresh {
            return Err(Error::nothing(format!(
                "map '{}' has all {} items on it already",
                self.name,
                self.rows.len() + self.gained.len()
            ))
            .help("add items first: latlas add SPACE INPUT"));
        }
        let new = FieldRows::some(&self.space, &self.field, self.gained.clone())?;
        let placed = self.place(&new, run)?;
        let laid = self.rows.iter().zip(self.coords.iter_rows());
        let mut at: HashMap<Row, &[f32]> = laid.map(|(&row, y)| (row, y)).collect();
        at.extend(self.gained.iter().copied().zip(placed.coords.iter_rows()));
        let rows: Vec<Row> = self.space.live().collect();
        let coords = rows.iter().flat_map(|row| at[row]).copied().collect();
        let coords = Matrix::new(rows.len(), self.coords.cols(), coords)?;

        let mut figures = self.about.clone();
        for told in ["method", "field", "dims", "params", "faithfulness"] {
            figures.remove(told);
        }
        figures.entry("origin").or_insert_with(
            || json!({ "xxh3": self.space.map_hash(&self.name), "items": self.rows.len() }),
        );
        figures.insert("gone".to_owned(), json!(self.gone));
        figures.insert("placed".to_owned(), placed.to_json(self.rows.len()));
        let params = self.about.get("params").and_then(Value::as_object).cloned();
        let layout = Placement {
            method: self.method(),
            field: self.field.clone(),
            rows,
            coords,
            explained: Vec::new(),
            params: params.unwrap_or_default(),
            figures,
        };
        let options = FaithfulnessOptions::default();
        let faithfulness = layout.faithfulness(&self.space, &options, run)?;
        let (items, about) = table(&self.space, &layout, &faithfulness)?;
        let items = self.marked(&items, &layout.rows, &placed)?;
        Ok(Grown { placed, layout, faithfulness, stored: (items, about) })
    }

    /// The table of a map with what is known of placed items.
    fn marked(&self, items: &Items, rows: &[Row], placed: &Placed) -> Result<Items> {
        let of: Vec<Option<usize>> =
            rows.iter().map(|row| self.gained.binary_search(row).ok()).collect();
        let mut out = Items::new(items.ids().clone())?;
        for column in items.columns() {
            let kept: Option<&Float64Array> = column.values.as_any().downcast_ref();
            let Some(kept) = kept.filter(|_| column.name == "neighbours_kept") else {
                out = out.with_column(column.clone())?;
                continue;
            };
            let kept = kept.iter().zip(&of);
            let kept = kept
                .map(|(kept, of)| of.map_or(kept, |at| Some(placed.points[at].neighbours_kept)));
            out = out.with_column(numbers("neighbours_kept", kept))?;
        }
        let flags: BooleanArray = of.iter().map(|at| Some(at.is_some())).collect();
        out.with_column(Column {
            name: "placed".to_owned(),
            kind: ColumnKind::Boolean,
            values: Arc::new(flags) as ArrayRef,
        })?
        .with_column(numbers(
            "novelty",
            of.iter().map(|at| at.map(|at| placed.points[at].novelty)),
        ))?
        .with_column(numbers("nearest_ratio", of.iter().map(|at| placed.ratio((*at)?))))
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len();
    if n == 0 { 0.0 } else { values.sum::<f64>() / n as f64 }
}

fn numbers(name: &str, values: impl Iterator<Item = Option<f64>>) -> Column {
    let values: Float64Array = values.collect();
    Column { name: name.to_owned(), kind: ColumnKind::Number, values: Arc::new(values) }
}
