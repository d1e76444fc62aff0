//! Layer 2: the things that are embedded. `Items` is a typed table with unique ids; `Sequences` are runs of
//! u32 ids (sentences, walks, baskets).

mod column;
mod filter;
mod sequences;
mod table;

pub use column::{Column, ColumnKind};
pub use filter::Filter;
pub use sequences::Sequences;
pub use table::Items;
