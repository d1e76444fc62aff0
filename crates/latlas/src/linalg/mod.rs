//! Layer 1: row-major f32 matrices and what linear algebra does to them.
//!
//! Numbers come in and go out as f32; sums and decompositions run in f64. Large matrices are streamed over in
//! blocks of rows ([`RowSource`]) on the threads of the [`Run`](crate::Run), with bits that do not depend on how
//! many there are: faer is built without threads of its own, whose number would show in its last bits.

pub(crate) mod blocks;
mod dense;
mod halves;
mod kmeans;
mod matrix;
mod moments;
mod operator;
mod procrustes;
mod product;
mod rows;
mod top_exact;
mod top_randomized;
mod transport;

pub use dense::{Svd, svd, symmetric_eigen, thin_qr};
pub use halves::Halves;
pub use kmeans::{KMeans, KMeansOptions, kmeans};
pub use matrix::Matrix;
pub use moments::{Moments, column_moments};
pub use operator::{Operator, OperatorSvd, operator_svd};
pub use procrustes::{Procrustes, procrustes};
pub use product::{project, scatter};
pub use rows::RowSource;
pub use top_exact::{TopSvd, exact_svd};
pub use top_randomized::{RandomizedOptions, randomized_svd};
pub use transport::{Transport, transport};
