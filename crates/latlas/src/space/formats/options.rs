//! How files of vectors are read and written.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data::ReaderOptions;
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::space::Dtype;

/// What to do with an id that stood before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDuplicate {
    /// Stop with an error naming the id and both rows.
    #[default]
    Stop,
    /// Keep the first and leave out the others, counted in a warning.
    First,
    /// Keep all: the second 'cat' becomes 'cat#2'.
    Rename,
}

impl FromStr for OnDuplicate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "stop" => Ok(OnDuplicate::Stop),
            "first" => Ok(OnDuplicate::First),
            "rename" => Ok(OnDuplicate::Rename),
            _ => Err(Error::usage(format!("'{text}' is no way to treat repeated ids"))
                .help("say stop, first or rename")),
        }
    }
}

/// How a file of vectors is read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportOptions {
    /// A text file with one id a line, for formats that hold none (npy, safetensors); a `.json` file holds a list of
    /// strings. Without it a file beside the vectors is looked for (`x.npy`: `x.ids.txt`), else rows are numbered
    /// from 0.
    pub ids: Option<PathBuf>,
    /// How distance is measured; `None` takes what the file says, else cosine.
    pub geometry: Option<Geometry>,
    /// What to do with repeated ids.
    pub on_duplicate: OnDuplicate,
    /// How tables are read: which column holds the ids, which the vectors. Of the rest `encoding` counts for ids in
    /// word2vec and GloVe files, and `on_bad` everywhere.
    pub reader: ReaderOptions,
    /// Leave out vectors with NaN or infinite components, counted in a warning, instead of stopping at the first.
    pub skip_bad: bool,
    /// The tensor of a safetensors file to read, where it holds several.
    pub tensor: Option<String>,
    /// How the numbers of the space are stored; `None` as they are in the file.
    pub store: Option<Dtype>,
}

/// How a space is written as a foreign format.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportOptions {
    /// The vector field to write, "main" unless named. Safetensors holds all fields, and writes all unless one is named.
    pub field: Option<String>,
    /// What stands for a space, tab or line end inside an id where the format cannot hold them (word2vec, GloVe).
    /// Without it such an id is an error.
    pub replace_spaces: Option<String>,
    /// In CSV and TSV: the vector as one column holding a JSON list instead of one column per dimension.
    pub vector_list: bool,
    /// Leave out hosts and absolute paths (of what was read, and of the machine it was learned on).
    pub portable: bool,
}
