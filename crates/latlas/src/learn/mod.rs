//! Layer 6: learners. One paper, one file; an options struct with `learn(&data, &run) -> Space`.
