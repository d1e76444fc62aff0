//! `space.json`: what is read is written back as the same manifest.
#![no_main]

use latlas::space::manifest::parse;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = parse(bytes) {
        let again = manifest.to_bytes().unwrap();
        assert_eq!(parse(&again).unwrap().to_bytes().unwrap(), again);
    }
});
