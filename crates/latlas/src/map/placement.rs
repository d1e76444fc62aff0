//! What every layout method gives: where each item stands, and how it was computed.

use arrow_array::{Array, Float64Array, Int64Array};
use serde_json::{Map, Value, json};
use std::sync::Arc;

use super::{Faithfulness, FaithfulnessOptions, FieldRows, PointFaithfulness, faithfulness};
use crate::error::{Error, Result};
use crate::items::{Column, ColumnKind, Items};
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::{Row, Space};

/// A layout of the live items of a space.
#[derive(Debug, Clone)]
pub struct Placement {
    /// The method: "pca".
    pub method: &'static str,
    /// The vector field that was laid out.
    pub field: String,
    /// The item of each row of `coords`: the live rows of the space, in order.
    pub rows: Vec<Row>,
    /// One position an item, of 2 or 3 numbers.
    pub coords: Matrix,
    /// The share of the total variance along each axis, in [0, 1]; empty for methods that know none.
    pub explained: Vec<f64>,
    /// The options in force, defaults included.
    pub params: Map<String, Value>,
    /// What else the method says about its result: explained variance, how it converged.
    pub figures: Map<String, Value>,
}

impl Placement {
    /// How far this layout may be trusted: measured against the vectors of `space`, which must be the one that
    /// was laid out.
    pub fn faithfulness(
        &self,
        space: &Space,
        options: &FaithfulnessOptions,
        run: &Run,
    ) -> Result<Faithfulness> {
        let high = FieldRows::some(space, &self.field, self.rows.clone())?;
        faithfulness(&high, high.geometry(), &self.coords, options, run)
    }
}

/// A layout as [`Edit::set_map`](crate::space::Edit::set_map) takes it: a table of `id`, `x`, `y` (, `z`),
/// `neighbours_kept`, `trustworthiness`, `missing` and `false_neighbours` (missing where a point was not sampled), and
/// `{method, field, dims, params, explained_variance, …, faithfulness: {…}}`.
pub fn table(
    space: &Space,
    layout: &Placement,
    faithfulness: &Faithfulness,
) -> Result<(Items, Value)> {
    let (n, dims) = (layout.coords.rows(), layout.coords.cols());
    if !(2..=3).contains(&dims) {
        return Err(Error::usage(format!("a map has 2 or 3 dimensions, this layout {dims}")));
    }
    if layout.rows.len() != n || faithfulness.items != n {
        return Err(Error::data(format!(
            "a layout of {n} positions for {} items",
            layout.rows.len()
        )));
    }
    let mut items = Items::from_ids(layout.rows.iter().map(|&row| space.id(row)))?;
    for (axis, name) in ["x", "y", "z"].into_iter().take(dims).enumerate() {
        let values = layout.coords.iter_rows().map(|point| f64::from(point[axis]));
        items = items.with_column(number(name, Float64Array::from_iter_values(values)))?;
    }
    let mut measured = vec![None; n];
    for point in &faithfulness.points {
        measured[point.row] = Some(point);
    }
    let of = |value: &dyn Fn(&PointFaithfulness) -> f64| -> Float64Array {
        measured.iter().map(|point| point.map(value)).collect()
    };
    items = items.with_column(number("neighbours_kept", of(&|point| point.neighbours_kept)))?;
    items = items.with_column(number("trustworthiness", of(&|point| point.trustworthiness)))?;
    let count = |name: &str, value: &dyn Fn(&PointFaithfulness) -> u32| {
        let values: Int64Array =
            measured.iter().map(|point| point.map(|point| i64::from(value(point)))).collect();
        Column { name: name.to_owned(), kind: ColumnKind::Integer, values: Arc::new(values) }
    };
    items = items.with_column(count("missing", &|point| point.missing))?;
    items = items.with_column(count("false_neighbours", &|point| point.false_neighbours))?;

    let mut about = Map::new();
    about.insert("method".to_owned(), json!(layout.method));
    about.insert("field".to_owned(), json!(layout.field));
    about.insert("dims".to_owned(), json!(dims));
    about.insert("params".to_owned(), Value::Object(layout.params.clone()));
    about.extend(layout.figures.clone());
    about.insert("faithfulness".to_owned(), faithfulness.to_json());
    Ok((items, Value::Object(about)))
}

/// The positions that a stored table holds: x, y and, where there is one, z.
pub(super) fn positions(map: &str, table: &Items) -> Result<Matrix> {
    let axes: Vec<&Float64Array> = ["x", "y", "z"]
        .iter()
        .map_while(|axis| table.column(axis)?.values.as_any().downcast_ref())
        .collect();
    if axes.len() < 2 {
        return Err(Error::data(format!("map '{map}' has no numbers x and y")));
    }
    let numbers = (0..table.len()).flat_map(|i| axes.iter().map(move |axis| axis.value(i) as f32));
    Matrix::new(table.len(), axes.len(), numbers.collect())
}

fn number(name: &str, values: Float64Array) -> Column {
    Column { name: name.to_owned(), kind: ColumnKind::Number, values: Arc::new(values) }
}
