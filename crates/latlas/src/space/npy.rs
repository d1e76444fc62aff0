//! NumPy's `.npy`: the header of any, the numbers of those with floats.
//!
//! Layout (NumPy Enhancement Proposal 1): `\x93NUMPY`, version (two bytes), length of the header (u16 in version 1,
//! u32 in 2 and 3), the header as a Python dictionary padded with spaces and closed by a newline, the numbers.

use half::f16;

use super::Dtype;
use crate::error::{Error, Result};
use crate::linalg::Matrix;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read; NumPy's own limit.
const MOST_HEADER: usize = 10_000;

/// What the header of a `.npy` file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The type of its numbers as NumPy writes it: "<f4".
    pub dtype: String,
    /// Whether columns rather than rows are stored one after the other.
    pub fortran: bool,
    /// Its dimensions; none for a single number.
    pub shape: Vec<usize>,
    /// Where the numbers start.
    pub start: usize,
}

/// Reads the header of a `.npy` file.
pub fn parse(bytes: &[u8]) -> Result<Header> {
    let wrong = |what: &str| Error::data(format!("no readable .npy file: {what}"));
    if !bytes.starts_with(MAGIC) {
        return Err(wrong("it does not begin with \\x93NUMPY"));
    }
    let at = |i: usize| {
        bytes.get(i).map(|&b| b as usize).ok_or_else(|| wrong("it ends within its header"))
    };
    let (len, text_at) = match at(6)? {
        1 => (at(8)? | at(9)? << 8, 10),
        2 | 3 => (at(8)? | at(9)? << 8 | at(10)? << 16 | at(11)? << 24, 12),
        other => return Err(wrong(&format!("version {other} is not known"))),
    };
    if len > MOST_HEADER {
        return Err(wrong(&format!("its header claims {len} bytes")));
    }
    let text =
        bytes.get(text_at..text_at + len).ok_or_else(|| wrong("it ends within its header"))?;
    let text = std::str::from_utf8(text).map_err(|_| wrong("its header is not text"))?;
    let (dtype, fortran, shape) = dictionary(text).ok_or_else(|| {
        wrong("its header is no plain dictionary of descr, fortran_order and shape")
    })?;
    Ok(Header { dtype, fortran, shape, start: text_at + len })
}

impl Header {
    /// The bytes of one number; `None` for what is no plain number.
    pub fn width(&self) -> Option<usize> {
        let letters = self.dtype.strip_prefix(['<', '>', '|', '=']).unwrap_or(&self.dtype);
        let width = letters.strip_prefix(['f', 'i', 'u'])?.parse().ok()?;
        matches!(width, 1 | 2 | 4 | 8).then_some(width)
    }

    /// The length that the whole file must have; an error if the header's claim overflows.
    pub fn file_len(&self) -> Result<usize> {
        let width = self.width().ok_or_else(|| self.unusable())?;
        let numbers = self.shape.iter().try_fold(width, |product, &n| product.checked_mul(n));
        let len = numbers.and_then(|n| n.checked_add(self.start));
        len.ok_or_else(|| {
            Error::data(format!(".npy header claims the impossible shape {:?}", self.shape))
        })
    }

    fn unusable(&self) -> Error {
        let shown: String = self.dtype.chars().take(40).collect();
        Error::data(format!(
            ".npy of dtype '{shown}': vectors are floats (f2, f4 or f8) or integers"
        ))
        .help("in NumPy: numpy.save(path, array.astype('float32'))")
    }
}

/// All numbers of a one- or two-dimensional `.npy` file as f32 (one dimension: one row), of either byte and storage
/// order. Its length is checked before anything is allocated.
pub fn matrix(bytes: &[u8]) -> Result<Matrix> {
    let header = parse(bytes)?;
    let (rows, cols) = match header.shape[..] {
        [n] => (1, n),
        [rows, cols] => (rows, cols),
        ref other => {
            return Err(Error::data(format!(
                ".npy of shape {other:?}: vectors need one or two dimensions"
            )));
        }
    };
    if rows > 0 && cols == 0 {
        return Err(Error::data(format!(
            ".npy of shape {:?}: its vectors have no numbers",
            header.shape
        )));
    }
    let claimed = header.file_len()?;
    if claimed != bytes.len() {
        return Err(Error::data(format!(
            ".npy of {} bytes, but its header claims {claimed}",
            bytes.len()
        )));
    }
    let data = &bytes[header.start..];
    let numbers = if header.dtype.starts_with('>') {
        widen::<true>(&header, data)
    } else {
        widen::<false>(&header, data)
    };
    let numbers = numbers.ok_or_else(|| header.unusable())?;
    if header.fortran && rows > 1 && cols > 1 {
        let mut turned = vec![0.0; numbers.len()];
        for (i, &x) in numbers.iter().enumerate() {
            turned[(i % rows) * cols + i / rows] = x;
        }
        return Matrix::new(rows, cols, turned);
    }
    Matrix::new(rows, cols, numbers)
}

fn widen<const BIG: bool>(header: &Header, data: &[u8]) -> Option<Vec<f32>> {
    fn each<const N: usize, const BIG: bool>(
        data: &[u8],
        number: impl Fn([u8; N]) -> f32,
    ) -> Vec<f32> {
        let (whole, _) = data.as_chunks::<N>();
        let in_order = |mut bytes: [u8; N]| {
            if BIG {
                bytes.reverse();
            }
            number(bytes)
        };
        whole.iter().copied().map(in_order).collect()
    }
    Some(match header.dtype.trim_start_matches(['<', '>', '|', '=']) {
        "f2" => each::<2, BIG>(data, |b| f16::from_le_bytes(b).to_f32()),
        "f4" => each::<4, BIG>(data, f32::from_le_bytes),
        "f8" => each::<8, BIG>(data, |b| f64::from_le_bytes(b) as f32),
        "i1" => each::<1, BIG>(data, |b| f32::from(i8::from_le_bytes(b))),
        "u1" => each::<1, BIG>(data, |b| f32::from(u8::from_le_bytes(b))),
        "i2" => each::<2, BIG>(data, |b| f32::from(i16::from_le_bytes(b))),
        "u2" => each::<2, BIG>(data, |b| f32::from(u16::from_le_bytes(b))),
        "i4" => each::<4, BIG>(data, |b| i32::from_le_bytes(b) as f32),
        "u4" => each::<4, BIG>(data, |b| u32::from_le_bytes(b) as f32),
        "i8" => each::<8, BIG>(data, |b| i64::from_le_bytes(b) as f32),
        "u8" => each::<8, BIG>(data, |b| u64::from_le_bytes(b) as f32),
        _ => return None,
    })
}

/// All numbers of a `.npy` file of integers with one or two dimensions (one: one row), row after row, and its shape.
pub fn integers(bytes: &[u8]) -> Result<(Vec<i64>, [usize; 2])> {
    let header = parse(bytes)?;
    let shape = match header.shape[..] {
        [n] => [1, n],
        [rows, cols] => [rows, cols],
        ref other => {
            return Err(Error::data(format!(
                ".npy of shape {other:?}, where one or two dimensions are wanted"
            )));
        }
    };
    let (Some(width), false) = (header.width(), header.dtype.contains('f')) else {
        let shown: String = header.dtype.chars().take(40).collect();
        return Err(Error::data(format!(".npy of dtype '{shown}', where integers are wanted")));
    };
    if header.file_len()? != bytes.len() {
        return Err(Error::data(format!("{} bytes do not hold its shape {shape:?}", bytes.len())));
    }
    let (signed, big) = (header.dtype.contains('i'), header.dtype.starts_with('>'));
    let number = |bytes: &[u8]| {
        let mut wide = [0; 8];
        wide[..width].copy_from_slice(bytes);
        if big {
            wide[..width].reverse();
        }
        let unused = 64 - 8 * width as u32;
        let number = u64::from_le_bytes(wide) << unused;
        // What is no i64 is as far out of range as its largest.
        if signed {
            number as i64 >> unused
        } else {
            i64::try_from(number >> unused).unwrap_or(i64::MAX)
        }
    };
    let numbers: Vec<i64> = bytes[header.start..].chunks_exact(width).map(number).collect();
    let [rows, cols] = shape;
    if header.fortran && rows > 1 && cols > 1 {
        let turned = (0..numbers.len()).map(|i| numbers[i % cols * rows + i / cols]);
        return Ok((turned.collect(), shape));
    }
    Ok((numbers, shape))
}

/// The header of a little-endian, row-major file of `rows` × `dim` numbers, padded so that they start at a
/// multiple of 64.
pub fn header(dtype: Dtype, rows: usize, dim: usize) -> Vec<u8> {
    let letters = descr(dtype);
    let text =
        format!("{{'descr': '{letters}', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    let start = (MAGIC.len() + 4 + text.len() + 1).next_multiple_of(64);
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[1, 0]);
    bytes.extend_from_slice(&((start - 10) as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(start - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// NumPy's name of a dtype.
pub(super) fn descr(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "<f4",
        Dtype::F16 => "<f2",
    }
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
fn dictionary(text: &str) -> Option<(String, bool, Vec<usize>)> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let (mut dtype, mut fortran, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        rest = after.trim_start().strip_prefix(':')?.trim_start();
        match key {
            "descr" => {
                let (value, after) = quoted(rest)?;
                (dtype, rest) = (Some(value.to_owned()), after);
            }
            "fortran_order" => {
                let (value, after) =
                    rest.split_at_checked(if rest.starts_with("True") { 4 } else { 5 })?;
                fortran = Some(match value {
                    "True" => true,
                    "False" => false,
                    _ => return None,
                });
                rest = after;
            }
            "shape" => {
                let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
                let numbers = inside.split(',').map(str::trim).filter(|n| !n.is_empty());
                let numbers: Option<Vec<usize>> =
                    numbers.map(|n| n.strip_suffix('L').unwrap_or(n).parse().ok()).collect();
                (shape, rest) = (Some(numbers?), after);
            }
            _ => return None,
        }
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some((dtype?, fortran?, shape?))
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn our_headers_are_read_and_aligned() {
        for (rows, dim) in [(0, 1), (3, 4), (4_000_000_000, 1000)] {
            for dtype in [Dtype::F32, Dtype::F16] {
                let bytes = header(dtype, rows, dim);
                let read = parse(&bytes).unwrap();
                assert_eq!(
                    (read.dtype.as_str(), read.fortran, &read.shape[..]),
                    (descr(dtype), false, &[rows, dim][..])
                );
                assert_eq!((read.start, read.start % 64), (bytes.len(), 0));
            }
        }
    }

    #[test]
    fn all_orders_and_widths_give_the_same_matrix() {
        // 2 × 3: 1 2 3 / 4 5 6
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0_f64];
        let cols = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0_f64];
        let expect = Matrix::new(2, 3, rows.iter().map(|&x| x as f32).collect()).unwrap();
        let bytes = |numbers: &[f64], as_bytes: &dyn Fn(f64) -> Vec<u8>| {
            numbers.iter().flat_map(|&x| as_bytes(x)).collect::<Vec<u8>>()
        };
        let c = |descr: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 3), }}")
        };
        let f = "{\"shape\": (2, 3), 'fortran_order': True, 'descr': '<f8'}\n".to_owned();
        for (header, data) in [
            (c("<f8"), bytes(&rows, &|x| x.to_le_bytes().into())),
            (c(">f8"), bytes(&rows, &|x| x.to_be_bytes().into())),
            (c("<f4"), bytes(&rows, &|x| (x as f32).to_le_bytes().into())),
            (c("<f2"), bytes(&rows, &|x| f16::from_f64(x).to_le_bytes().into())),
            (c("|u1"), bytes(&rows, &|x| vec![x as u8])),
            (c(">i4"), bytes(&rows, &|x| (x as i32).to_be_bytes().into())),
            (f, bytes(&cols, &|x| x.to_le_bytes().into())),
        ] {
            assert_eq!(matrix(&file(&header, &data)).unwrap(), expect, "{header}");
        }
    }

    #[test]
    fn lying_headers_are_refused_before_anything_is_allocated() {
        for (header, says) in [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 1000), }", "claims"),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615, 2), }",
                "impossible",
            ),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1, 1), }", "dtype '<c8'"),
            ("{'descr': '|S4', 'fortran_order': False, 'shape': (1, 1), }", "dtype '|S4'"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1), }", "dictionary"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", "two dimensions"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 0), }", "no numbers"),
            ("{'descr': '<f4', 'shape': (1, 2), }", "dictionary"),
        ] {
            let error = matrix(&file(header, &[0; 8])).unwrap_err();
            assert!(error.message().contains(says), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_error_or_numbers(mut bytes in prop::collection::vec(any::<u8>(), 0..200), keep in 0..140_usize) {
            let good = header(Dtype::F32, 2, 3);
            let keep = keep.min(bytes.len()).min(good.len());
            bytes[..keep].copy_from_slice(&good[..keep]);
            let _ = matrix(&bytes);
        }
    }
}
