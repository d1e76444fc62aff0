//! Layer 5: nearest neighbours under a space's geometry.
//!
//! An [`Index`] answers a point and a [`Query`] with [`Hit`]s: closest first, ties by row, NaN last, live rows only.
//! [`Exact`] compares with every row and misses nothing; the laws that every index keeps are in `tests/index.rs`.
//! A [`Question`] is what a person asks: 'king - man + woman'. [`WordMover`] finds the nearest texts, word by word;
//! [`doesnt_match`] the item that belongs least.

mod blocks;
mod exact;
mod graph;
mod knn;
mod mover;
mod odd;
mod query;
mod question;

pub(crate) use blocks::pool;
pub use exact::Exact;
pub use graph::Graph;
pub use knn::Neighbours;
pub use mover::{WordMover, wmd};
pub use odd::{belonging, doesnt_match};
pub use query::{Bitmap, Hit, Index, Query};
pub use question::{Question, Term};
