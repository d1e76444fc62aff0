//! Layer 5: nearest neighbours.
