//! Documents: texts with an id each, given one after the other and never all in memory.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::error::Result;

/// A part of a document. A document longer than a block comes in several pieces, cut at white space; the last
/// one says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The document's id.
    pub id: DocumentId<'a>,
    /// Text, to be taken as if white space followed.
    pub text: &'a str,
    /// Whether the document ends here.
    pub end: bool,
}

/// What a document is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentId<'a> {
    /// By its number, from 1: rows, lines, paragraphs.
    Number(u64),
    /// By the value of the id column, or by its path.
    Name(&'a str),
}

impl<'a> DocumentId<'a> {
    /// As text.
    pub fn as_text(self) -> Cow<'a, str> {
        match self {
            DocumentId::Number(number) => number.to_string().into(),
            DocumentId::Name(name) => name.into(),
        }
    }
}

/// Something that gives documents.
pub trait Documents {
    /// Gives every document, piece by piece, in a fixed order, until `each` fails. Returns what was read, for
    /// provenance: objects such as `{"path": …, "bytes": …, "xxh3": …}`.
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>>;
}

impl<D: Documents + ?Sized> Documents for &mut D {
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>> {
        (**self).visit(each)
    }
}

impl<D: Documents + ?Sized> Documents for Box<D> {
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>> {
        (**self).visit(each)
    }
}

/// Documents in memory, numbered: what tests and programs that make their own text want.
impl<S: AsRef<str>> Documents for &[S] {
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>> {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        let mut bytes = 0;
        for (number, text) in (1..).zip(self.iter()) {
            let text = text.as_ref();
            hash.update(text.as_bytes());
            hash.update(&[0xff]); // no byte of UTF-8: the ends of documents count
            bytes += text.len() as u64;
            each(Piece { id: DocumentId::Number(number), text, end: true })?;
        }
        Ok(vec![source("memory", bytes, hash.digest())])
    }
}

/// What provenance says of a source.
pub(super) fn source(path: &str, bytes: u64, xxh3: u64) -> Value {
    json!({ "path": path, "bytes": bytes, "xxh3": format!("{xxh3:016x}") })
}
