//! Word analogies and word-pair similarities.

use std::path::Path;

use crate::error::Result;
use crate::run::Run;
use crate::space::Space;

use super::Score;

/// How analogies are solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Method {
    /// 3CosAdd.
    CosAdd,
    /// 3CosMul.
    CosMul,
}

/// How analogies are asked.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct AnalogyOptions {
    /// Only the first so many words take part, as questions and as answers.
    pub restrict_vocab: Option<usize>,
    /// Whether upper and lower case are one.
    pub case_insensitive: bool,
    /// The methods, each giving figures of its own.
    pub methods: Vec<Method>,
}

impl Default for AnalogyOptions {
    fn default() -> Self {
        AnalogyOptions {
            restrict_vocab: Some(300_000),
            case_insensitive: true,
            methods: vec![Method::CosAdd, Method::CosMul],
        }
    }
}

/// How word pairs are compared.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SimilarityOptions {
    /// Only the first so many words take part.
    pub restrict_vocab: Option<usize>,
    /// Whether upper and lower case are one.
    pub case_insensitive: bool,
}

impl Default for SimilarityOptions {
    fn default() -> Self {
        SimilarityOptions { restrict_vocab: Some(300_000), case_insensitive: true }
    }
}

/// Accuracy of each section, of the semantic and syntactic ones together, and of all, by each method.
pub fn analogies(
    _space: &Space,
    _path: &Path,
    _options: &AnalogyOptions,
    _run: &Run,
) -> Result<Vec<Score>> {
    todo!()
}

/// Spearman's correlation of cosine similarity with people's judgements.
pub fn similarities(
    _space: &Space,
    _path: &Path,
    _options: &SimilarityOptions,
    _run: &Run,
) -> Result<Vec<Score>> {
    todo!()
}
