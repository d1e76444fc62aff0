//! Named arrays of numbers as a safetensors file, used in place.
//!
//! Tensors stand in the order of the width of their numbers, the widest first, then by name; the header is padded so
//! that the data begin at a multiple of 64. So every tensor is aligned for its numbers, with no gaps, as the format
//! demands.

use safetensors::{Dtype as Kind, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::file::{Bytes, NewFile};
use crate::space::save::put;

/// The crate refuses longer headers.
const LONGEST_HEADER: usize = 100_000_000;
/// What the data's start is a multiple of.
const ALIGN: usize = 64;

/// What is known about a tensor without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorAbout {
    /// Its name.
    pub name: String,
    /// The type of its numbers.
    pub dtype: NumberType,
    /// The lengths of its axes.
    pub shape: Vec<usize>,
}

/// The types of numbers that a tensor may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum NumberType {
    F32,
    U8,
    I32,
    U32,
    I64,
    U64,
}

/// Numbers of a tensor to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Numbers {
    F32(Vec<f32>),
    U8(Vec<u8>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
}

/// Numbers of a tensor, as they lie in memory or in a mapped file.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Values<'a> {
    F32(&'a [f32]),
    U8(&'a [u8]),
    I32(&'a [i32]),
    U32(&'a [u32]),
    I64(&'a [i64]),
    U64(&'a [u64]),
}

impl NumberType {
    /// "f32", "u8", …
    pub fn name(self) -> &'static str {
        match self {
            NumberType::F32 => "f32",
            NumberType::U8 => "u8",
            NumberType::I32 => "i32",
            NumberType::U32 => "u32",
            NumberType::I64 => "i64",
            NumberType::U64 => "u64",
        }
    }

    fn width(self) -> usize {
        match self {
            NumberType::U8 => 1,
            NumberType::F32 | NumberType::I32 | NumberType::U32 => 4,
            NumberType::I64 | NumberType::U64 => 8,
        }
    }

    fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::F32 => NumberType::F32,
            Kind::U8 => NumberType::U8,
            Kind::I32 => NumberType::I32,
            Kind::U32 => NumberType::U32,
            Kind::I64 => NumberType::I64,
            Kind::U64 => NumberType::U64,
            _ => return None,
        })
    }
}

impl Values<'_> {
    /// The type of the numbers.
    pub fn dtype(&self) -> NumberType {
        match self {
            Values::F32(_) => NumberType::F32,
            Values::U8(_) => NumberType::U8,
            Values::I32(_) => NumberType::I32,
            Values::U32(_) => NumberType::U32,
            Values::I64(_) => NumberType::I64,
            Values::U64(_) => NumberType::U64,
        }
    }

    /// The numbers as little-endian bytes, as a file has them.
    fn bytes(&self) -> &[u8] {
        match self {
            Values::F32(x) => bytemuck::cast_slice(x),
            Values::U8(x) => x,
            Values::I32(x) => bytemuck::cast_slice(x),
            Values::U32(x) => bytemuck::cast_slice(x),
            Values::I64(x) => bytemuck::cast_slice(x),
            Values::U64(x) => bytemuck::cast_slice(x),
        }
    }

    fn len(&self) -> usize {
        self.bytes().len() / self.dtype().width()
    }
}

macro_rules! numbers_from {
    ($($kind:ident $number:ty),*) => {$(
        impl From<Vec<$number>> for Numbers {
            fn from(numbers: Vec<$number>) -> Self {
                Numbers::$kind(numbers)
            }
        }
    )*};
}
numbers_from!(F32 f32, U8 u8, I32 i32, U32 u32, I64 i64, U64 u64);

/// A tensor and where its numbers are.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) about: TensorAbout,
    pub(super) data: Data,
}

/// Where the numbers of a tensor are.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Numbers(Arc<Numbers>),
    /// Of type u8, in memory.
    Bytes(Bytes),
    /// A part of a file: checked on entry to be within it, aligned, and of the right length.
    File(Bytes, Range<usize>),
}

impl Data {
    pub(super) fn values(&self, dtype: NumberType) -> Values<'_> {
        let bytes = match self {
            Data::Numbers(numbers) => {
                return match &**numbers {
                    Numbers::F32(x) => Values::F32(x),
                    Numbers::U8(x) => Values::U8(x),
                    Numbers::I32(x) => Values::I32(x),
                    Numbers::U32(x) => Values::U32(x),
                    Numbers::I64(x) => Values::I64(x),
                    Numbers::U64(x) => Values::U64(x),
                };
            }
            Data::Bytes(bytes) => return Values::U8(bytes),
            Data::File(bytes, range) => &bytes[range.clone()],
        };
        match dtype {
            NumberType::F32 => Values::F32(bytemuck::cast_slice(bytes)),
            NumberType::U8 => Values::U8(bytes),
            NumberType::I32 => Values::I32(bytemuck::cast_slice(bytes)),
            NumberType::U32 => Values::U32(bytemuck::cast_slice(bytes)),
            NumberType::I64 => Values::I64(bytemuck::cast_slice(bytes)),
            NumberType::U64 => Values::U64(bytemuck::cast_slice(bytes)),
        }
    }
}

impl Stored {
    pub(super) fn new(name: &str, shape: &[usize], numbers: Numbers) -> Self {
        let data = match numbers {
            Numbers::U8(bytes) => Data::Bytes(Bytes::from(bytes)),
            numbers => Data::Numbers(Arc::new(numbers)),
        };
        let dtype = data.values(NumberType::U8).dtype();
        let about = TensorAbout { name: name.to_owned(), dtype, shape: shape.to_vec() };
        Stored { about, data }
    }

    fn values(&self) -> Values<'_> {
        self.data.values(self.about.dtype)
    }

    /// Whether it can be stored: a name, and as many numbers as its shape says.
    pub(super) fn check(&self) -> Result<()> {
        let TensorAbout { name, shape, .. } = &self.about;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !(1..=200).contains(&name.len()) || !name.chars().all(plain) {
            let shown: String = name.chars().take(80).collect();
            return Err(Error::usage(format!("'{shown}' is no name for a tensor"))
                .help("use at most 200 of a-z A-Z 0-9 _ - ."));
        }
        let due = shape.iter().try_fold(1_usize, |n, &axis| n.checked_mul(axis));
        let found = self.values().len();
        if due != Some(found) {
            return Err(Error::data(format!(
                "tensor '{name}' of shape {shape:?} was given {found} numbers"
            )));
        }
        Ok(())
    }

    /// The first float that is no finite number, as a sentence.
    pub(super) fn misfit(&self) -> Option<String> {
        let Values::F32(numbers) = self.values() else { return None };
        let at = numbers.iter().position(|x| !x.is_finite())?;
        let what = if numbers[at].is_nan() { "NaN" } else { "infinite" };
        Some(format!("tensor '{}', number {} is {what}", self.about.name, at + 1))
    }
}

/// Puts tensors in the order of the file.
pub(super) fn order(tensors: &mut [Stored]) {
    tensors.sort_by(|a, b| {
        let width = |t: &Stored| std::cmp::Reverse(t.about.dtype.width());
        width(a).cmp(&width(b)).then_with(|| a.about.name.cmp(&b.about.name))
    });
}

/// The tensors of a safetensors file: its header is read and checked, its numbers are not.
pub(super) fn parse(bytes: &Bytes) -> Result<Vec<Stored>> {
    let wrong = |e: safetensors::SafeTensorError| {
        Error::data(format!("it is no complete safetensors file: {e}"))
    };
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
    let start = 8 + header;
    let mut tensors = Vec::new();
    for (name, info) in metadata.tensors() {
        let dtype = NumberType::of(info.dtype).ok_or_else(|| {
            Error::data(format!("tensor '{name}' holds {:?}, which no model has", info.dtype))
                .help("a newer latlas may read it")
        })?;
        let (from, to) = info.data_offsets;
        let range = start + from..start + to;
        if bytes.get(range.clone()).is_none() {
            return Err(Error::data(format!("tensor '{name}' reaches beyond the file")));
        }
        if range.start % dtype.width() != 0 {
            return Err(Error::data(format!(
                "tensor '{name}' begins at byte {}, which is no place for {}",
                range.start,
                dtype.name()
            )));
        }
        let about = TensorAbout { name, dtype, shape: info.shape.clone() };
        let stored = Stored { about, data: Data::File(bytes.clone(), range) };
        stored.check()?;
        tensors.push(stored);
    }
    order(&mut tensors);
    Ok(tensors)
}

/// Writes tensors, which are in order, as a safetensors file.
pub(super) fn write(out: &mut NewFile, tensors: &[Stored]) -> Result<()> {
    let mut header = Map::new();
    header.insert("__metadata__".into(), json!({ "format": "latlas" }));
    let mut offset = 0;
    for Stored { about, data } in tensors {
        let end = offset + data.values(about.dtype).bytes().len();
        let dtype = about.dtype.name().to_uppercase();
        header.insert(
            about.name.clone(),
            json!({ "dtype": dtype, "shape": about.shape, "data_offsets": [offset, end] }),
        );
        offset = end;
    }
    let mut text =
        serde_json::to_vec(&header).map_err(|e| Error::data(format!("safetensors header: {e}")))?;
    text.resize((8 + text.len()).next_multiple_of(ALIGN) - 8, b' ');
    if text.len() > LONGEST_HEADER {
        return Err(Error::data(format!("a model of {} tensors is too large", tensors.len())));
    }
    put(out, &(text.len() as u64).to_le_bytes())?;
    put(out, &text)?;
    tensors.iter().try_for_each(|stored| put(out, stored.values().bytes()))
}
