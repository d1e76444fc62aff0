//! Layer 3: readers. Files, folders, patterns and standard input become items or a corpus.

mod arrays;
mod assemble;
mod binary;
mod column;
mod columnar;
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
mod labelled;
mod lexicon;
mod markdown;
mod ngrams;
mod options;
mod pipeline;
mod plain;
mod records;
mod roles;
mod rows;
mod rust_docs;
mod schema;
mod scratch;
mod sources;
mod table;
mod tokenize;
mod typed;
mod vectors;

pub use binary::looks_like;
pub use columnar::{check_columnar, panic_is_caught};
pub use corpus::{Corpus, Vocabulary};
pub use delimited::{Dialect, visit_csv, visit_tsv};
pub use documents::{DocumentId, Documents, Piece};
pub use encode::{CorpusOptions, LONGEST_SEQUENCE, encode};
pub use encoding::{Decoded, encoding};
pub use files::{FileDocuments, documents};
pub use format::Format;
pub use jsonl::visit_jsonl;
pub use labelled::{
    Cut, LabelledCorpus, LabelledText, Labels, TEXT_END, encode_labelled, visit_labelled,
};
pub use ngrams::{Ngrams, hash};
pub use options::{OnBad, ReaderOptions, Unit};
pub use plain::{TextPart, visit_text};
pub use records::{Bad, Cell, LONGEST_ROW, MOST_COLUMNS, Record};
pub use rust_docs::{RustDocs, registry, rust_docs};
pub use schema::{Schema, SchemaColumn, schema};
pub use sources::Sources;
pub use table::{Table, table};
pub use tokenize::{LONGEST, Tokenizer, Tokens};
