//! Layer 1: row-major f32 matrices and what linear algebra does to them.

mod matrix;
mod rows;

pub use matrix::Matrix;
pub use rows::RowSource;
