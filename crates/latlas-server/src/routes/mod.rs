//! What is answered, one file a noun.

pub mod bodies;
pub(crate) mod embeddings;
pub(crate) mod explorer;
pub(crate) mod health;
pub(crate) mod items;
pub(crate) mod maps;
pub(crate) mod points;
pub(crate) mod probe;
pub(crate) mod search;
pub(crate) mod shown;
pub(crate) mod spaces;
