//! Rows that several threads read and write at once, without locks (Hogwild: Recht, Ré, Wright & Niu, 2011).
//!
//! Rows live behind raw pointers and no reference to their numbers is ever made while threads may race, so two
//! threads that meet in a row lose an update or mix two, as Hogwild allows. With one thread there is no race and every
//! result is exact and repeatable. Rust's memory model gives races of plain accesses no meaning; as in every program
//! of this kind it is assumed that the machine's own loads and stores are what runs, which move 32-bit numbers whole.
//! The row kernels of `hogwild` are the only code that makes such accesses.

#![expect(
    unsafe_code,
    reason = "racing rows cannot be references; every access is behind a checked row number"
)]

use memmap2::MmapMut;
use std::ptr::NonNull;

use crate::error::{Error, Result};

/// Numbers in a cache line: rows start on one, so that two rows never share one.
const LINE: usize = 16;

/// `rows` × `dim` numbers that many threads may read and write at once. 64-byte aligned, zero at first.
pub struct RacingRows {
    start: NonNull<f32>,
    rows: usize,
    dim: usize,
    /// Numbers from one row's start to the next.
    pub(super) stride: usize,
    /// Owns the memory behind `start`.
    _memory: MmapMut,
}

// SAFETY: the memory is owned, never moves and lives as long as the value; access from several threads goes through
// raw pointers only, see the head of this file.
unsafe impl Send for RacingRows {}
// SAFETY: as above.
unsafe impl Sync for RacingRows {}

impl RacingRows {
    /// Rows of zeros; an error of kind `Io` where the machine has no such memory. `dim` is at least 1.
    pub fn zeros(rows: usize, dim: usize) -> Result<Self> {
        let too_large =
            || Error::usage(format!("{rows} vectors of dimension {dim} do not fit in memory"));
        let stride = dim.max(1).checked_next_multiple_of(LINE).ok_or_else(too_large)?;
        let bytes =
            rows.max(1).checked_mul(stride).and_then(|n| n.checked_mul(4)).ok_or_else(too_large)?;
        let fix = "take a smaller --dim, or a higher --min-count";
        if isize::try_from(bytes).is_err() {
            return Err(too_large().help(fix));
        }
        let mut memory = MmapMut::map_anon(bytes).map_err(|e| {
            Error::io("get memory for", format!("{rows} vectors of dimension {dim}"), &e).help(fix)
        })?;
        // Rows are visited at random: with pages of 4 kB nearly every visit would miss the TLB. Only a wish.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        // A mapping begins on a page, so there is nothing before its first aligned number.
        let numbers = &mut bytemuck::cast_slice_mut::<u8, f32>(&mut memory)[..];
        let start = NonNull::from(numbers).cast::<f32>();
        Ok(RacingRows { start, rows, dim: dim.max(1), stride, _memory: memory })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The dimension of each row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// A row for its only user: `&mut` proves that no thread races.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let at = self.at(row as u32);
        // SAFETY: `at` points to `dim` numbers of a checked row; `&mut self` excludes every other access.
        unsafe { std::slice::from_raw_parts_mut(at, self.dim) }
    }

    /// A row for readers while nobody writes: `&mut` proves that no thread races.
    pub fn row(&mut self, row: usize) -> &[f32] {
        self.row_mut(row)
    }

    /// Asks the machine to have a row in its cache soon, to be written.
    #[inline]
    pub fn prefetch(&self, row: u32) {
        let at = self.at(row);
        for line in (0..self.dim).step_by(LINE) {
            prefetch_to_write(at.wrapping_add(line));
        }
    }

    /// Where a row starts; panics if there is none.
    #[inline]
    pub(super) fn at(&self, row: u32) -> *mut f32 {
        let row = row as usize;
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: `rows * stride` numbers were mapped and `row < rows`.
        unsafe { self.start.as_ptr().add(row * self.stride) }
    }
}

/// Asks the machine to have this cache line soon, and for itself alone: where another core has written it, one trip
/// brings both the line and the right to change it. A prefetch for reading would need a second one, when it is written.
#[inline]
pub(super) fn prefetch_to_write(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch changes nothing that a program can see and never faults, wherever it points; processors without
    // it take it for a `nop`.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) at, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Asks the machine to have these numbers in its cache soon, to be read.
#[inline]
pub fn prefetch(numbers: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks(LINE) {
        // SAFETY: a prefetch reads nothing and never faults, wherever it points.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_does_not_exist_is_an_error() {
        let Err(error) = RacingRows::zeros(usize::MAX / 64, 100) else { panic!("took it") };
        assert!(error.to_string().contains("do not fit in memory"));
    }
}
