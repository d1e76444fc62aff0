//! Arrow files: damage is an error, never a panic that gets out.
#![no_main]

use latlas::data::{Format, check_columnar};

// The crates below panic on some damage; that is caught where they are called, so only what gets out of there counts.
libfuzzer_sys::fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let _ = check_columnar(bytes.to_vec(), Format::Arrow);
});
