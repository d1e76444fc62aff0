//! Benchmarks of the kernels and of drawing; see `benches/`.
