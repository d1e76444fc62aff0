//! Layer 3: readers. Files, folders, patterns and standard input become items or a corpus.

mod binary;
mod corpus;
mod delimited;
mod documents;
mod encode;
mod encoding;
mod files;
mod format;
mod infer;
mod input;
mod jsonl;
mod lexicon;
mod options;
mod pipeline;
mod plain;
mod records;
mod scratch;
mod sources;
mod tokenize;

pub use binary::looks_like;
pub use corpus::{Corpus, Vocabulary};
pub use delimited::{Dialect, visit_csv, visit_tsv};
pub use documents::{DocumentId, Documents, Piece};
pub use encode::{CorpusOptions, LONGEST_SEQUENCE, encode};
pub use encoding::{Decoded, encoding};
pub use files::{FileDocuments, documents};
pub use format::Format;
pub use jsonl::visit_jsonl;
pub use options::{OnBad, ReaderOptions, Unit};
pub use plain::{TextPart, visit_text};
pub use records::{Bad, Cell, LONGEST_ROW, MOST_COLUMNS, Record};
pub use sources::Sources;
pub use tokenize::{LONGEST, Tokenizer, Tokens};
