//! What every layout method gives: where each item stands, and how it was computed.

use serde_json::{Map, Value};

use super::{Faithfulness, FaithfulnessOptions};
use crate::error::Result;
use crate::items::Items;
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::{Row, Space};

/// A layout of the live items of a space.
#[derive(Debug, Clone)]
pub struct Layout {
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

impl Layout {
    /// How far this layout may be trusted: measured against the vectors of `space`, which must be the one that
    /// was laid out.
    pub fn faithfulness(
        &self,
        _space: &Space,
        _options: &FaithfulnessOptions,
        _run: &Run,
    ) -> Result<Faithfulness> {
        todo!()
    }
}

/// A layout as [`Edit::set_map`](crate::space::Edit::set_map) takes it: a table of `id`, `x`, `y` (, `z`),
/// `neighbours_kept` and `trustworthiness` (both missing where a point was not sampled), and
/// `{method, field, dims, params, explained_variance, …, faithfulness: {…}}`.
pub fn table(
    _space: &Space,
    _layout: &Layout,
    _faithfulness: &Faithfulness,
) -> Result<(Items, Value)> {
    todo!()
}
