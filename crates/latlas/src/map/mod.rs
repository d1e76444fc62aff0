//! Layer 7: two-dimensional layouts, and how far each may be trusted; clusters and their names.
//!
//! ```text
//! Space ──method──▶ Placement ──faithfulness──▶ Faithfulness ──table──▶ (Items, JSON) ──▶ Edit::set_map
//! ```
//!
//! A method is an options struct. Those that move points about until they settle are a [`Layout`], which [`settle`] runs on a
//! space; [`Pca`] is a closed form. [`Frozen`] places new points on a map that stays as it is; [`Earlier`] and [`align`] let one
//! map go on from another. [`clusters`] are found among the vectors themselves, not on a map.

mod align;
pub mod clusters;
mod distances;
mod earlier;
mod faithfulness;
mod kept;
mod layout;
mod pacmap;
mod pca;
mod place;
mod placement;
mod settle;
mod start;
mod tsne;
mod umap;

pub use crate::index::FieldRows;
pub use align::{Moved, align};
pub use earlier::Earlier;
pub use faithfulness::{
    AtK, AtLarge, Estimate, Faithfulness, FaithfulnessOptions, NeighboursOf, NullValues,
    PointFaithfulness, Ranked, Torn, faithfulness, neighbours_of, reach, torn,
};
pub use layout::{Layout, Points, Settling, Tether};
pub use pacmap::Pacmap;
pub use pca::{Pca, PcaFit, Solver};
pub use place::{Frozen, Grown, Placed, PlacedPoint};
pub use placement::{Placement, table};
pub use settle::{Settled, Settlement, settle};
pub use tsne::{Repulsion, Tsne};
pub use umap::{Init, Supervised, Target, Umap};
