//! Layer 9: tasks. Uses of a space, each with the figures that say how well it does.

mod classify;

pub use classify::{Classified, ClassifyOptions, Report, classify};
