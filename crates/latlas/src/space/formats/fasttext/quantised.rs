//! Rows by product quantisation (Jégou, Douze & Schmid, "Product Quantization for Nearest Neighbor Search", PAMI 2011), as
//! a `.ftz` has them (Joulin et al., "FastText.zip", arXiv 1612.03651). A row is cut into pieces of `dsub` numbers, the
//! last one shorter where it must be, and each piece is the number of one of 256 centroids:
//!
//! ```text
//! u8 norms · i64 rows · i64 dim · i32 codes · u8 × codes · centroids      codes row by row
//! where norms is 1:  u8 × rows · centroids                                of the lengths of the rows: dim 1
//! centroids:  i32 dim, pieces, dsub, last dsub · f32 × 256·dim            piece by piece, 256 centroids each
//! ```

use super::read::{bytes_of, i32_of, truncated};
use crate::error::Result;
use crate::linalg::Matrix;
use crate::run::{Run, Step};
use crate::space::formats::numbers::Width;
use crate::space::formats::source::Source;

/// Centroids of a piece.
const CENTROIDS: usize = 256;
/// Numbers that one byte of a file may stand for: more of them would let a small file ask for all memory.
const LONGEST_PIECE: usize = 256;

/// Rows between two reports.
const ROWS: usize = 1 << 14;

/// Centroids, and what they are of.
struct Quantiser {
    dim: usize,
    /// Numbers of a piece but the last.
    piece: usize,
    numbers: Vec<f32>,
}

/// The rows of a quantised matrix: what its codes stand for, in plain numbers.
pub(super) fn matrix(
    source: &mut Source,
    what: &str,
    rows: u64,
    dim: usize,
    run: &Run,
) -> Result<Matrix> {
    let [norms] = bytes_of::<1>(source)?;
    let (m, n) = (i64::from_le_bytes(bytes_of(source)?), i64::from_le_bytes(bytes_of(source)?));
    if u64::try_from(m) != Ok(rows) || n != dim as i64 {
        return Err(source
            .error(format!("its {what} matrix is {m} × {n}, where {rows} × {dim} is due"))
            .help("the file is damaged, or was written by a faulty program"));
    }
    let count = i32_of(source)?;
    let pieces = u64::try_from(count).ok().filter(|count| rows > 0 && count % rows == 0);
    let Some(pieces) = pieces.map(|count| count / rows).filter(|&pieces| pieces > 0) else {
        return Err(source
            .error(format!("its {what} matrix has {count} codes for {rows} rows"))
            .help("the file is damaged, or was written by a faulty program"));
    };
    let codes = bytes(source, what, pieces * rows)?;
    let quantiser = Quantiser::read(source, what, dim)?;
    if quantiser.pieces() as u64 != pieces {
        return Err(source.error(format!(
            "its {what} matrix has {pieces} codes a row, where {} are due",
            quantiser.pieces()
        )));
    }
    let lengths = match norms {
        0 => None,
        _ => Some((bytes(source, what, rows)?, Quantiser::read(source, what, 1)?)),
    };
    let mut numbers = Vec::with_capacity(rows as usize * dim);
    for (row, codes) in codes.chunks_exact(pieces as usize).enumerate() {
        let length = lengths.as_ref().map_or(1.0, |(codes, of)| of.centroid(0, codes[row])[0]);
        for (piece, &code) in codes.iter().enumerate() {
            numbers.extend(quantiser.centroid(piece, code).iter().map(|x| length * x));
        }
        if row % ROWS == 0 {
            let step = Step {
                stage: "reading",
                done: row as u64,
                total: Some(rows),
                unit: "rows",
                ..Step::default()
            };
            run.report(&step)?;
        }
    }
    Matrix::new(rows as usize, dim, numbers)
}

impl Quantiser {
    fn read(source: &mut Source, what: &str, dim: usize) -> Result<Self> {
        let mut head = [0; 4];
        for number in &mut head {
            *number = i32_of(source)?;
        }
        let piece = usize::try_from(head[2]).unwrap_or_default();
        if !(1..=LONGEST_PIECE).contains(&piece) {
            return Err(source.error(format!(
                "a code of its {what} matrix stands for {} numbers, which may be 1 to {LONGEST_PIECE}",
                head[2]
            )));
        }
        let pieces = dim.div_ceil(piece);
        let last = dim - (pieces - 1) * piece;
        if head.map(i64::from) != [dim, pieces, piece, last].map(|n| n as i64) {
            return Err(source
                .error(format!("the pieces of its {what} matrix do not add up to dimension {dim}"))
                .help("the file is damaged, or was written by a faulty program"));
        }
        let bytes = bytes(source, what, (CENTROIDS * dim * 4) as u64)?;
        let mut numbers = Vec::with_capacity(CENTROIDS * dim);
        Width::F32.decode(&bytes, &mut numbers);
        Ok(Quantiser { dim, piece, numbers })
    }

    /// How many pieces a row has.
    fn pieces(&self) -> usize {
        self.dim.div_ceil(self.piece)
    }

    fn centroid(&self, piece: usize, code: u8) -> &[f32] {
        let before = piece * self.piece;
        let width = self.piece.min(self.dim - before);
        let start = before * CENTROIDS + usize::from(code) * width;
        &self.numbers[start..start + width]
    }
}

/// So many bytes; memory grows with what is really there.
fn bytes(source: &mut Source, what: &str, count: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if (source.append(&mut bytes, count)? as u64) < count {
        return Err(truncated(source, &format!("the {what} matrix")));
    }
    Ok(bytes)
}
