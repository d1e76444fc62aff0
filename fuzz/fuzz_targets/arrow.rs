//! Arrow files: damage is an error, never a panic.
#![no_main]

use latlas::data::{Format, check_columnar};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = check_columnar(bytes.to_vec(), Format::Arrow);
});
