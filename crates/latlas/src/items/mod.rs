//! Layer 2: the things that are embedded. `Items` is a typed table with unique ids; `Sequences` are runs of
//! u32 ids (sentences, walks, baskets); `Relations` are sparse weighted links.

mod column;
mod filter;
mod join;
pub mod json;
pub mod relations;
mod sequences;
mod table;
mod time;

pub use column::{Column, ColumnKind};
pub use filter::{Filter, Problem};
pub use join::join;
pub use relations::Relations;
pub use sequences::Sequences;
pub use table::Items;
pub use time::{format_time, parse_time};
