//! Changes of a space that are not part of a generation yet: they lie over it in memory, and in a log beside its files.
//!
//! ```text
//! Change ──▶ log-NNNN.wal ──▶ over the generation, in memory (Space)      every so often: ──fold──▶ the next generation
//!                 └────────── read again by whoever opens the space ──────────┘
//! ```
//! A [`Writer`] makes them, `Space::open` sees them, and the next [`Edit`](super::Edit) makes them part of what it publishes.

mod given;
mod log;
mod overlay;
mod writer;

pub use given::{Given, Points};
#[doc(hidden)] // public for fuzzing
pub use log::read as read_log;
pub(super) use log::{at as logged_at, log_name};
pub(super) use overlay::Overlay;
pub use writer::{Changed, Writer};

/// One change of a space: all of it is made, or nothing.
#[derive(Debug, Clone)]
pub enum Change {
    /// Puts items there. Those whose id is there already take that one's place, columns and all.
    Put(Points),
    /// Takes items away by id; those that are not there are passed over.
    Delete(Vec<String>),
}
