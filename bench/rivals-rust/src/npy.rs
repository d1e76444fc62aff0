//! As much of NumPy's format as `maps.py` writes and reads: matrices in C order, little-endian.

use std::error::Error;
use std::fs;
use std::path::Path;

/// The values of a matrix of f32, its rows and its columns.
pub fn read(path: impl AsRef<Path>) -> Result<(Vec<f32>, usize, usize), Box<dyn Error>> {
    let bytes = fs::read(path)?;
    if !bytes.starts_with(b"\x93NUMPY\x01") {
        return Err("not an .npy file of version 1".into());
    }
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..end])?;
    if !header.contains("'<f4'") || header.contains("'fortran_order': True") {
        return Err("not f32 in C order".into());
    }
    let shape = header
        .split_once("'shape': (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .ok_or("no shape")?
        .0;
    let sizes =
        shape.split(',').map(|size| size.trim().parse()).collect::<Result<Vec<usize>, _>>()?;
    let [rows, columns] = sizes[..] else { return Err("not a matrix".into()) };
    let values = bytes[end..]
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect();
    Ok((values, rows, columns))
}

/// Writes points of the plane as f64.
pub fn write(path: impl AsRef<Path>, places: &[[f64; 2]]) -> std::io::Result<()> {
    let mut header =
        format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 2), }}", places.len());
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(places.iter().flatten().flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes)
}
