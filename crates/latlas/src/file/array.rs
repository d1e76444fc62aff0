//! Numbers that are in memory or in a mapped file, used alike.

use std::marker::PhantomData;
use std::ops::{Deref, Range};

use bytemuck::Pod;

use super::Bytes;
use crate::error::{Error, Result};

/// An array of numbers, cheap to clone where it is mapped.
#[derive(Debug, Clone)]
pub struct Array<T>(Held<T>);

#[derive(Debug, Clone)]
enum Held<T> {
    Owned(Vec<T>),
    /// Aligned, and a whole number of values: checked when it was made.
    Mapped(Bytes, Range<usize>, PhantomData<T>),
}

impl<T: Pod> Array<T> {
    /// These bytes of a file, which must be a whole number of values at an address that suits them.
    pub fn mapped(bytes: &Bytes, range: Range<usize>) -> Result<Self> {
        let found = bytes.get(range.clone());
        if found.is_none_or(|found| bytemuck::try_cast_slice::<u8, T>(found).is_err()) {
            return Err(Error::data("bytes that are no whole number of values"));
        }
        Ok(Array(Held::Mapped(bytes.clone(), range, PhantomData)))
    }
}

impl<T> From<Vec<T>> for Array<T> {
    fn from(numbers: Vec<T>) -> Self {
        Array(Held::Owned(numbers))
    }
}

impl<T: Pod> Deref for Array<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Held::Owned(numbers) => numbers,
            Held::Mapped(bytes, range, _) => bytemuck::cast_slice(&bytes[range.clone()]),
        }
    }
}
