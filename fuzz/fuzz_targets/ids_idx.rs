//! `ids-0001.idx`: any bytes give ids and rows within range.
#![no_main]

use latlas::file::Bytes;
use latlas::space::ids::IdTable;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = IdTable::from_bytes(Bytes::from(bytes.to_vec())) {
        for row in 0..table.rows().min(1000) {
            if let Some(found) = table.row(table.id(row)) {
                assert!((found as usize) < table.rows());
            }
        }
        let _ = (table.row("x"), table.check());
    }
});
