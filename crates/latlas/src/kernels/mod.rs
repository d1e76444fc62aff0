//! Layer 0: slices to numbers. Every kernel has a scalar twin that is always compiled.

pub mod hogwild;
mod logistic;
mod scalar;

pub use scalar::{axpy, cosine, dot, scaled_add, squared_l2};
