//! The vectors of a space: one field, its segments, its rows.

use half::f16;
use half::slice::HalfFloatSliceExt;
use std::sync::Arc;

use super::Row;
use crate::file::Bytes;
use crate::geometry::Geometry;
use crate::linalg::Matrix;

/// What is known about a vector field without reading it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FieldAbout {
    /// "main", or what the model adds: "output", "mu", …
    pub name: String,
    /// The number of components of each vector.
    pub dim: usize,
    /// How the numbers are stored.
    pub dtype: Dtype,
    /// How distance is measured.
    pub geometry: Geometry,
}

/// How the numbers of a field are stored on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floats, little-endian.
    F32,
    /// 16-bit floats, little-endian.
    F16,
}

/// The vectors of one field: segments in row order. Owns what it needs (Arc inside); cheap to clone.
#[derive(Debug, Clone)]
pub struct Field(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    about: FieldAbout,
    rows: usize,
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    first: usize,
    rows: usize,
    vectors: Vectors,
}

/// Where the numbers of one segment are.
#[derive(Debug, Clone)]
pub(super) enum Vectors {
    F32(Arc<Matrix>),
    F16(Arc<Vec<f16>>),
    /// A `.npy` file and where its data starts: checked on entry to be aligned and of the right length.
    File(Bytes, usize),
}

/// A run of consecutive rows of a field.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// Stored as f32: usable in place.
    F32(&'a [f32]),
    /// Stored as f16: to be widened.
    F16(&'a [f16]),
}

impl Field {
    /// A field of these segments, each with its number of rows; they must hold `rows * dim` numbers.
    pub(super) fn new(about: FieldAbout, parts: Vec<(usize, Vectors)>) -> Self {
        let mut rows = 0;
        let segments = parts.into_iter().map(|(n, vectors)| {
            let first = rows;
            rows += n;
            Segment { first, rows: n, vectors }
        });
        let segments = segments.collect();
        Field(Arc::new(Inner { about, rows, segments }))
    }

    /// Its segments as they were given.
    pub(super) fn parts(&self) -> Vec<(usize, Vectors)> {
        self.0.segments.iter().map(|s| (s.rows, s.vectors.clone())).collect()
    }

    /// Name, dimension, dtype and geometry.
    pub fn about(&self) -> &FieldAbout {
        &self.0.about
    }

    /// The dimension.
    pub fn dim(&self) -> usize {
        self.about().dim
    }

    /// The number of rows, deleted ones included.
    pub fn rows(&self) -> usize {
        self.0.rows
    }

    /// The segments: first row, and their numbers row after row.
    pub fn segments(&self) -> Box<dyn Iterator<Item = (Row, Rows<'_>)> + '_> {
        Box::new(self.0.segments.iter().map(|s| (Row(s.first as u32), self.numbers(s))))
    }

    /// Copies (and widens) one vector; panics if `out` has another length or the row does not exist.
    pub fn read(&self, row: Row, out: &mut [f32]) {
        let dim = self.dim();
        assert!(
            out.len() == dim && row.index() < self.rows(),
            "row {} of {}, {} of {dim} numbers",
            row.0,
            self.rows(),
            out.len()
        );
        let segments = &self.0.segments;
        let segment = &segments[segments.partition_point(|s| s.first <= row.index()) - 1];
        let at = (row.index() - segment.first) * dim;
        match self.numbers(segment) {
            Rows::F32(numbers) => out.copy_from_slice(&numbers[at..at + dim]),
            Rows::F16(numbers) => numbers[at..at + dim].convert_to_f32_slice(out),
        }
    }

    /// Copies (and widens) the vectors of these rows into a matrix.
    pub fn gather(&self, rows: &[Row]) -> Matrix {
        let mut matrix = Matrix::zeros(rows.len(), self.dim());
        for (i, &row) in rows.iter().enumerate() {
            self.read(row, matrix.row_mut(i));
        }
        matrix
    }

    fn numbers<'a>(&'a self, segment: &'a Segment) -> Rows<'a> {
        let end = segment.rows * self.dim();
        match (&segment.vectors, self.about().dtype) {
            (Vectors::F32(matrix), _) => Rows::F32(&matrix.as_slice()[..end]),
            (Vectors::F16(numbers), _) => Rows::F16(&numbers[..end]),
            (Vectors::File(bytes, start), Dtype::F32) => {
                Rows::F32(bytemuck::cast_slice(&bytes[*start..]))
            }
            (Vectors::File(bytes, start), Dtype::F16) => {
                Rows::F16(bytemuck::cast_slice(&bytes[*start..]))
            }
        }
    }
}

impl Rows<'_> {
    /// How many numbers these are.
    pub fn len(&self) -> usize {
        match self {
            Rows::F32(numbers) => numbers.len(),
            Rows::F16(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
