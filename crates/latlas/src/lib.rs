//! Latlas learns, maps, probes, searches and serves latent spaces.
//!
//! The line from a file to an answer is the line of the modules:
//!
//! ```text
//! files ──data──▶ items ──learn──▶ space ──▶ index · map ──▶ probe · eval · plot
//! ```
//!
//! A module uses modules of lower layers only (`tests/layers.rs` holds that); `error` and `run` are free to all.

pub mod data;
pub mod error;
pub mod eval;
pub mod file;
pub mod geometry;
pub mod index;
pub mod items;
pub mod kernels;
pub mod learn;
pub mod linalg;
pub mod map;
pub mod plot;
pub mod run;
pub mod space;
pub mod task;

pub use error::{Error, Kind, Result};
pub use run::{Checkpoint, Progress, Run, Silent, Step};
pub use space::{Row, Space};
