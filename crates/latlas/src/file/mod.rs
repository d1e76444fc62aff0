//! Layer 0: files. Mapped bytes, streams that decompress, atomic publishing, checkpoints, locks, and the
//! faults that tests inject into all of them. Everything that touches a disk goes through here.

mod array;
mod bytes;
pub(crate) mod checkpoint;
pub mod clock;
#[doc(hidden)] // for tests of this workspace
pub mod fault;
pub mod journal;
mod lock;
mod publish;
mod sections;
mod stream;

pub use array::Array;
pub use bytes::Bytes;
pub use lock::{Lock, host};
pub use publish::{
    NewFile, Written, create_dir, parent, publish, remove, rename, sync_dir, with_suffix,
};
pub use sections::{SectionKind, SectionWriter, Sections};
pub use stream::{Compression, Digest, Stream, open_stream, read_error};
