//! What the targets share.

use std::path::PathBuf;

use latlas::Run;
use latlas::space::formats::{Format, ImportOptions, OnDuplicate, read_bytes};

/// Reads bytes as a format; whatever is accepted must be finite and findable by its id.
#[allow(dead_code)] // not every target uses it
pub fn vectors(bytes: &[u8], format: Format) {
    let skip = bytes.len() % 2 == 1;
    let on_duplicate = if skip { OnDuplicate::Rename } else { OnDuplicate::Stop };
    let options = ImportOptions { skip_bad: skip, on_duplicate, ..ImportOptions::default() };
    if let Ok(space) = read_bytes("fuzz", bytes.to_vec(), format, &options, &Run::silent(1)) {
        let field = space.field("main").unwrap();
        let mut vector = vec![0.0; field.dim()];
        for row in space.live() {
            field.read(row, &mut vector);
            assert!(vector.iter().all(|x| x.is_finite()));
            assert_eq!(space.get(space.id(row)), Some(row));
        }
    }
}

/// A file of this process alone.
#[allow(dead_code)]
pub fn file(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("latlas-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir.join(name)
}
