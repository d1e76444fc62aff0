//! The vectors of a space as maps and graphs of neighbours read them: live rows only, in blocks, without a copy where
//! possible.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::kernels;
use crate::linalg::RowSource;
use crate::space::{Field, Row, Rows, Space};

/// The vectors of some rows of a field.
pub struct FieldRows {
    space: Space,
    field: Field,
    rows: Vec<Row>,
    /// Whether `rows` are all rows of the field, so that blocks can be used where they lie.
    whole: bool,
    unit: bool,
}

impl FieldRows {
    /// The live rows of a field, as they are.
    pub fn live(space: &Space, field: &str) -> Result<Self> {
        Self::some(space, field, space.live().collect())
    }

    /// These rows of a field, as they are. A row that is not live is an error.
    pub fn some(space: &Space, field: &str, rows: Vec<Row>) -> Result<Self> {
        if let Some(row) = rows.iter().find(|&&row| !space.is_live(row)) {
            return Err(Error::data(format!(
                "row {} is not in the space any more",
                row.index() + 1
            ))
            .help("make the map again"));
        }
        let field = space.field(field)?;
        let whole =
            rows.len() == field.rows() && rows.iter().enumerate().all(|(i, row)| i == row.index());
        Ok(FieldRows { space: space.clone(), field, rows, whole, unit: false })
    }

    /// The same rows as the metric sees them: under a cosine geometry scaled to unit length, zero vectors staying
    /// zero.
    #[must_use]
    pub fn as_measured(mut self) -> Self {
        self.unit = self.geometry() == Geometry::Cosine;
        self
    }

    /// How the field measures distance.
    pub fn geometry(&self) -> Geometry {
        self.field.about().geometry
    }

    /// Whether vectors are scaled to unit length.
    pub fn is_unit(&self) -> bool {
        self.unit
    }

    /// The rows.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    /// A block where it lies: all rows are wanted as they are, and these lie in one segment of f32.
    fn in_place(&self, range: &Range<usize>) -> Option<&[f32]> {
        if !self.whole || self.unit {
            return None;
        }
        let dim = self.field.dim();
        self.field.segments().find_map(|(first, rows)| match rows {
            Rows::F32(numbers) => {
                let from = range.start.checked_sub(first.index())?;
                numbers.get(from * dim..(from + range.len()) * dim)
            }
            Rows::F16(_) => None,
        })
    }
}

impl RowSource for FieldRows {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn cols(&self) -> usize {
        self.field.dim()
    }

    fn block<'a>(&'a self, range: Range<usize>, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        if let Some(block) = self.in_place(&range) {
            return block;
        }
        let dim = self.field.dim();
        scratch.resize(range.len() * dim, 0.0);
        for (&row, out) in self.rows[range].iter().zip(scratch.chunks_exact_mut(dim.max(1))) {
            self.field.read(row, out);
            if self.unit {
                let norm = squared_norm(out).sqrt();
                if norm > 0.0 {
                    for x in out {
                        *x = (f64::from(*x) / norm) as f32;
                    }
                }
            }
        }
        scratch
    }

    fn prefetch(&self, row: usize) {
        if let Some(numbers) = self.in_place(&(row..row + 1)) {
            kernels::prefetch(numbers);
        }
    }

    fn row_name(&self, row: usize) -> String {
        format!("item '{}'", self.space.id(self.rows[row]))
    }
}

/// Σ xᵢ² in f64, which cannot overflow.
fn squared_norm(x: &[f32]) -> f64 {
    x.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}
