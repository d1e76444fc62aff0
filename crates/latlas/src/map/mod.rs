//! Layer 7: two-dimensional layouts, and how far each may be trusted.
//!
//! ```text
//! Space ──Pca { .. }.layout──▶ Layout ──faithfulness──▶ Faithfulness ──table──▶ (Items, JSON) ──▶ Edit::set_map
//! ```

mod faithfulness;
mod layout;
mod pca;

pub use faithfulness::{
    AtK, Estimate, Faithfulness, FaithfulnessOptions, NullValues, PointFaithfulness, faithfulness,
};
pub use layout::{Layout, table};
pub use pca::{Pca, PcaFit, Solver};
