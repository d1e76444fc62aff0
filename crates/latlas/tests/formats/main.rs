//! Foreign formats: what goes out comes back, bit by bit; what is broken is named; what is killed leaves no half.

#![expect(clippy::unwrap_used, reason = "tests may: what is missing fails them")]

mod common;
mod damage;
mod names;
mod round_trips;
