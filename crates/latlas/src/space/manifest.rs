//! `space.json`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One step of how a space came to be. Holds nothing that differs between two runs of the same command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Provenance {
    /// The verb: "learn word2vec", "import", "add", "compact".
    pub action: String,
    /// The options in force, defaults included.
    pub options: Map<String, Value>,
    /// The seed, where randomness took part.
    pub seed: Option<u64>,
    /// What was read: paths as given, bytes, xxh3 of the content.
    pub sources: Vec<Value>,
    /// The version of Latlas and its kernel set ("0.1.0 avx2+fma").
    pub version: String,
}

/// What is known about a stored map without reading it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapAbout {
    /// Its name, "pca" unless told otherwise.
    pub name: String,
    /// The generation of the rows it was built on.
    pub generation: u64,
    /// Method, parameters, explained variance, faithfulness.
    pub about: Value,
}
