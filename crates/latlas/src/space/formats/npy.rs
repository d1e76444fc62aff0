//! NumPy arrays (`.npy`, format versions 1 to 3; numpy/lib/format.py describes them). Ids stand beside, see `ids`.
//!
//! ```text
//! "\x93NUMPY" MAJOR MINOR  length (u16, from version 2 u32)  {'descr': '<f4', 'fortran_order': False, 'shape': (n, d), }  numbers
//! ```

use std::io::{Read, Write};
use std::path::Path;

use super::load::Loaded;
use super::numbers::{self, Width};
use super::save::{Vectors, put};
use super::source::Source;
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::run::Run;
use crate::space::Dtype;

/// No header of numbers comes near this.
const LONGEST_HEADER: usize = 1 << 16;

/// Reads an array of vectors; one-dimensional ones (a single vector, as a query) become one row. Stored f16 and f64
/// are converted; what cannot be read is named, with the line of NumPy that helps.
pub fn load(path: &Path) -> Result<Matrix> {
    let mut source = Source::open(path)?;
    let header = header(&mut source)?;
    let (rows, dim) = match header.shape[..] {
        [dim] => (1, dim),
        [rows, dim] => (rows, dim),
        _ => return Err(wrong_shape(&source, &header)),
    };
    Ok(array(&mut source, rows, dim, header.width)?.0)
}

pub(super) fn read(source: &mut Source, run: &Run) -> Result<Loaded> {
    let header = header(source)?;
    let [rows, dim] = header.shape[..] else { return Err(wrong_shape(source, &header)) };
    let (matrix, rounded) = array(source, rows, dim, header.width)?;
    if rounded > 0 {
        run.progress.note(&format!(
            "{}: {rounded} of {} numbers rounded from f64 to f32",
            source.name,
            rows * dim
        ));
    }
    let mut loaded = Loaded::new("row");
    loaded.fields.push(("main".into(), matrix));
    if header.width == Width::F16 {
        loaded.dtype = Dtype::F16;
    }
    Ok(loaded)
}

fn array(source: &mut Source, rows: usize, dim: usize, width: Width) -> Result<(Matrix, u64)> {
    let count = rows.checked_mul(dim).and_then(|n| n.checked_mul(width.bytes()).map(|_| n));
    let Some(count) = count.filter(|&n| n > 0) else {
        return Err(source.error(format!("an array of shape ({rows}, {dim}) holds no vectors")));
    };
    let need = (count * width.bytes()) as u64;
    if let Some(there) = source.remaining().filter(|&there| there < need) {
        return Err(source
            .error(format!(
                "the header promises {rows} × {dim} numbers in {need} bytes, {there} follow"
            ))
            .help("the file is cut short; write it again"));
    }
    match numbers::read(source, count, width)? {
        Ok((numbers, rounded)) => Ok((Matrix::new(rows, dim, numbers)?, rounded)),
        Err(there) => Err(source
            .error(format!("the header promises {rows} × {dim} numbers, {there} follow"))
            .help("the file is cut short; write it again")),
    }
}

struct Header {
    width: Width,
    shape: Vec<usize>,
}

fn wrong_shape(source: &Source, header: &Header) -> Error {
    let shape: Vec<String> = header.shape.iter().map(usize::to_string).collect();
    let error = source.error(format!(
        "an array of {} dimensions, shape ({}), where (vectors, dim) is due",
        shape.len(),
        shape.join(", ")
    ));
    error.help("in NumPy: np.save(file, a.reshape(len(a), -1))")
}

fn header(source: &mut Source) -> Result<Header> {
    let mut start = [0; 10];
    let no_npy = |source: &Source| {
        source.error("does not begin like an npy file").help("name the format with --from")
    };
    source.read_exact(&mut start).map_err(|e| {
        if e.kind() == std::io::ErrorKind::UnexpectedEof {
            no_npy(source)
        } else {
            source.blame(&e)
        }
    })?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(no_npy(source));
    }
    let (major, short) = (start[6], usize::from(u16::from_le_bytes([start[8], start[9]])));
    let length = match major {
        1 => short,
        2 | 3 => {
            let mut more = [0; 2];
            source.read_exact(&mut more).map_err(|e| source.blame(&e))?;
            short | usize::from(u16::from_le_bytes(more)) << 16
        }
        _ => {
            return Err(source
                .error(format!("npy format version {major} is not known"))
                .help("versions 1, 2 and 3 are"));
        }
    };
    if length > LONGEST_HEADER {
        return Err(source
            .error(format!("an npy header of {length} bytes describes no plain array of numbers"))
            .help("structured and object arrays cannot be read"));
    }
    let mut text = Vec::new();
    if source.append(&mut text, length as u64)? < length {
        return Err(source.error("ends within its header").help("the file is cut short"));
    }
    let text = String::from_utf8_lossy(&text);
    let fields =
        Fields::parse(&text).ok_or_else(|| source.error("its npy header cannot be read"))?;
    if fields.fortran {
        return Err(source
            .error("the array is kept column by column (Fortran order)")
            .help("in NumPy: np.save(file, np.ascontiguousarray(a))"));
    }
    Ok(Header { width: width(source, &fields.descr)?, shape: fields.shape })
}

fn width(source: &Source, descr: &str) -> Result<Width> {
    Ok(match descr {
        "<f4" => Width::F32,
        "<f2" => Width::F16,
        "<f8" => Width::F64,
        ">f2" | ">f4" | ">f8" => {
            return Err(source
                .error(format!("numbers are big-endian ('{descr}')"))
                .help("in NumPy: np.save(file, a.astype('<f4'))"));
        }
        _ => {
            return Err(source
                .error(format!(
                    "numbers are of dtype '{}', where f4, f2 or f8 is due",
                    descr.chars().take(40).collect::<String>()
                ))
                .help("in NumPy: np.save(file, a.astype('<f4'))"));
        }
    })
}

/// The dictionary of a header, which is a Python literal of a fixed shape.
struct Fields {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

impl Fields {
    fn parse(text: &str) -> Option<Self> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
        while !rest.is_empty() {
            let (key, after) = quoted(rest)?;
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            let after = match key {
                "descr" if value.starts_with('[') => {
                    // A structured dtype, whose description we need not understand to refuse it.
                    descr = Some("a structured array".to_owned());
                    value.get(value.rfind(']')? + 1..)?
                }
                "descr" => {
                    let (value, after) = quoted(value)?;
                    descr = Some(value.to_owned());
                    after
                }
                "fortran_order" => {
                    let (value, after) =
                        value.split_at_checked(value.find([',', ' ']).unwrap_or(value.len()))?;
                    fortran = Some(match value {
                        "True" => true,
                        "False" => false,
                        _ => return None,
                    });
                    after
                }
                "shape" => {
                    let (inside, after) = value.strip_prefix('(')?.split_once(')')?;
                    let sizes = inside.split(',').map(str::trim).filter(|s| !s.is_empty());
                    shape = Some(
                        sizes
                            .map(|s| s.trim_end_matches('L').parse().ok())
                            .collect::<Option<Vec<usize>>>()?,
                    );
                    after
                }
                _ => return None,
            };
            let after = after.trim_start();
            rest = if after.is_empty() { after } else { after.strip_prefix(',')?.trim_start() };
        }
        Some(Fields { descr: descr?, fortran: fortran?, shape: shape? })
    }
}

/// The content of a quoted string at the beginning of `text`, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text.get(1..)?.split_once(quote)
}

pub(super) fn write(out: &mut dyn Write, vectors: &Vectors<'_>, run: &Run) -> Result<()> {
    put(out, &header_of(vectors.dtype(), vectors.count(), vectors.dim()))?;
    vectors.numbers(out, run)
}

/// A version 1 header, padded so that the numbers start at a multiple of 64 bytes.
fn header_of(dtype: Dtype, rows: usize, dim: usize) -> Vec<u8> {
    let descr = match dtype {
        Dtype::F32 => "<f4",
        Dtype::F16 => "<f2",
    };
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    let padding = 63 - (10 + text.len()) % 64;
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}
