//! Layer 9: how good a space is, against judgements made elsewhere.
