//! Layer 7: two-dimensional layouts, and how far each may be trusted.
//!
//! ```text
//! Space ──Pca { .. }.layout──▶ Layout ──faithfulness──▶ Faithfulness ──table──▶ (Items, JSON) ──▶ Edit::set_map
//! ```
//!
//! A layout method is an options struct with `layout(&Space, field, &Run) -> Result<Layout>`; everything behind it
//! is the same for all of them.

mod distances;
mod faithfulness;
mod layout;
mod pca;
mod rows;

pub use faithfulness::{
    AtK, Estimate, Faithfulness, FaithfulnessOptions, NullValues, PointFaithfulness, faithfulness,
};
pub use layout::{Layout, table};
pub use pca::{Pca, PcaFit, Solver};
pub use rows::FieldRows;
