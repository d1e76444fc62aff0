//! `model-0001.safetensors`, or `config-0001.json` behind a 1: what is accepted can be read to its end.
#![no_main]

use latlas::file::Bytes;
use latlas::space::Model;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let (config, tensors) = match choice {
        0 => (&br#"{"format":"latlas.model","family":"f","version":1,"config":{}}"#[..], bytes),
        _ => (bytes, &b"\x02\0\0\0\0\0\0\0{}"[..]),
    };
    if let Ok(model) = Model::from_bytes(config, &Bytes::from(tensors.to_vec())) {
        for about in model.tensors() {
            let _ = model.tensor(&about.name).unwrap().f32_of(&about.shape).map(|x| x.iter().sum::<f32>());
            let _ = model.names(&about.name).map(|names| (names.row("x"), names.check()));
        }
    }
});
