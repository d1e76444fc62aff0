//! Layer 5: nearest neighbours under a space's geometry.
//!
//! An [`Index`] answers a point and a [`Query`] with [`Hit`]s: closest first, ties by row, NaN last, live rows only.
//! [`Exact`] compares with every row and misses nothing; the laws that every index keeps are in `tests/index.rs`.
//! [`Hnsw`] follows links from near to nearer and finds nearly all; [`WordIndex`] finds texts by their words, and [`fused`]
//! makes one answer of several. [`Layered`] answers for a space that changes all the time.
//! A [`Graph`] holds the nearest neighbours of all points at once ([`neighbours`]), exactly or by cells.
//! A [`Question`] is what a person asks: 'king - man + woman'. [`WordMover`] finds the nearest texts, word by word;
//! [`doesnt_match`] the item that belongs least.

mod blocks;
mod bm25;
mod exact;
mod field_rows;
mod graph;
mod hnsw;
mod knn;
mod layered;
mod mover;
mod odd;
mod query;
mod question;

pub(crate) use blocks::pool;
pub use bm25::{Match, WordIndex, fused};
pub use exact::Exact;
pub use field_rows::FieldRows;
pub use graph::{Graph, NeighbourMethod, NeighbourOptions, Recall, keep_neighbours, neighbours};
pub use hnsw::{Hnsw, HnswOptions, Precision, Renewed, Trial};
pub use knn::Neighbours;
pub use layered::{Layered, LayeredWords};
pub use mover::{WordMover, wmd};
pub use odd::{belonging, doesnt_match};
pub use query::{Bitmap, Hit, Index, Query};
pub use question::{Question, Term};
