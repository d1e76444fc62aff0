//! Layer 7: two-dimensional layouts, and how far each may be trusted.
