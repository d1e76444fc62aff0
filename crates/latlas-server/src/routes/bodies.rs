//! The bodies of requests.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What to look for, given in one way: an id, a sum of ids, a text, a vector, or several vectors.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchBody {
    /// The neighbours of this item.
    pub id: Option<String>,
    /// The neighbours of the n-th item, from 0.
    pub place: Option<usize>,
    /// The neighbours of a sum of items: "king" and "woman" in `plus`, "man" in `minus`.
    pub plus: Vec<String>,
    /// What is taken away from the sum.
    pub minus: Vec<String>,
    /// The neighbours of a text: placed by the encoder, or, where there is none, the items that hold its words (BM25).
    pub text: Option<String>,
    /// The neighbours of a point.
    pub vector: Option<Vec<f32>>,
    /// The neighbours of each of several points.
    pub vectors: Option<Vec<Vec<f32>>>,
    /// How many neighbours; 10 unless given.
    #[schema(minimum = 1)]
    pub k: Option<usize>,
    /// Only items that fulfil a condition: `year >= 2010 AND lang IN ('tr', 'en')`.
    pub filter: Option<String>,
    /// Only neighbours no farther than this.
    pub within: Option<f32>,
    /// Fuse the nearest of a text with those that hold its words, by reciprocal rank.
    pub hybrid: bool,
    /// How widely an index looks; more finds more, and takes longer.
    #[schema(minimum = 1)]
    pub effort: Option<usize>,
    /// Compare every vector, even where there is an index.
    pub exact: bool,
    /// The vectors to search in; "main" unless given.
    pub field: Option<String>,
    /// Columns to give with each item.
    pub columns: Vec<String>,
    /// Give the vector of each item too.
    pub with_vectors: bool,
}

/// What to select: one of the two.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectBody {
    /// Items that fulfil a condition: `year >= 2010 AND lang IN ('tr', 'en')`.
    pub filter: Option<String>,
    /// Items whose id or text contains these letters; capitals count as small ones.
    pub containing: Option<String>,
}

/// Items to be put in a space; those whose id is there take that one's place.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutBody {
    /// The items.
    pub points: Vec<Point>,
}

/// An item: its id, and its vector, or what the encoder makes one of.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Its id.
    #[schema(min_length = 1)]
    pub id: String,
    /// Its vector in the field "main".
    #[serde(default)]
    pub vector: Option<Vec<f32>>,
    /// Its vectors by field.
    #[serde(default)]
    pub vectors: BTreeMap<String, Vec<f32>>,
    /// A text that the encoder places.
    #[serde(default)]
    pub text: Option<String>,
    /// A picture that the encoder places, in base64.
    #[serde(default)]
    pub image_base64: Option<String>,
    /// Its columns.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub columns: Map<String, Value>,
}

/// Which items are to be taken away: by id, or by a condition.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeleteBody {
    /// Their ids; those that are not there are passed over.
    pub ids: Option<Vec<String>>,
    /// What they fulfil: `year < 1990`.
    pub filter: Option<String>,
}

/// A question to a space.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "probe", rename_all = "lowercase", deny_unknown_fields)]
pub enum ProbeBody {
    /// What is to `plus` as the first of it is to `minus`: king − man + woman.
    Analogy {
        /// What is added.
        plus: Vec<String>,
        /// What is taken away.
        #[serde(default)]
        minus: Vec<String>,
        /// How many answers; 10 unless given.
        #[serde(default)]
        #[schema(minimum = 1)]
        k: Option<usize>,
    },
    /// Which of these belongs least.
    Odd {
        /// At least three ids.
        ids: Vec<String>,
    },
}

/// Texts to be placed, in the shape of OpenAI's embeddings.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct EmbeddingsBody {
    /// The space whose encoder places them.
    pub model: String,
    /// A text, or several.
    pub input: Input,
    /// "float", or "base64" for the bytes of little-endian 32-bit floats.
    #[serde(default)]
    pub encoding_format: Option<Encoding>,
    /// How many numbers are wanted: as many as the space has.
    #[serde(default)]
    pub dimensions: Option<usize>,
    /// Read by OpenAI; not used here.
    #[serde(default)]
    #[expect(dead_code, reason = "clients send it, and the document names it")]
    user: Option<String>,
}

/// A text, or several.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Input {
    /// One text.
    One(String),
    /// Several.
    Many(Vec<String>),
    /// Numbers of a tokenizer, which this server does not have.
    Tokens(Vec<u32>),
    /// Several of these.
    ManyTokens(Vec<Vec<u32>>),
}

/// How vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As numbers.
    Float,
    /// As base64 of their bytes.
    Base64,
}
