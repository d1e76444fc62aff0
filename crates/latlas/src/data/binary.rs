//! What a file is that should be text and is not.

/// What these first bytes of a (decompressed) file look like, if not like text.
pub fn looks_like(head: &[u8]) -> Option<&'static str> {
    const KNOWN: [(usize, &[u8], &str); 29] = [
        (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (0, b"\xff\xd8\xff", "a JPEG picture"),
        (0, b"GIF8", "a GIF picture"),
        (0, b"%PDF-", "a PDF document"),
        (0, b"PK\x03\x04", "a zip archive (or a .docx, .xlsx or .npz file)"),
        (0, b"PK\x05\x06", "an empty zip archive"),
        (0, b"\x7fELF", "a program"),
        (0, b"\xca\xfe\xba\xbe", "a program"),
        (0, b"\xcf\xfa\xed\xfe", "a program"),
        (0, b"BZh", "bzip2-compressed data"),
        (0, b"\xfd7zXZ\0", "xz-compressed data"),
        (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (0, b"Rar!\x1a\x07", "a RAR archive"),
        (0, b"\x04\"M\x18", "lz4-compressed data"),
        (0, b"\x1f\x8b\x08", "gzip-compressed data, compressed twice"),
        (0, b"\x28\xb5\x2f\xfd", "zstd-compressed data, compressed twice"),
        (257, b"ustar", "a tar archive"),
        (0, b"SQLite format 3\0", "an SQLite database"),
        (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (0, b"\x93NUMPY", "a NumPy array"),
        (0, b"PAR1", "a Parquet file"),
        (0, b"ARROW1", "an Arrow file"),
        (0, b"RIFF", "a RIFF file (WAV sound, WebP picture)"),
        (0, b"OggS", "an Ogg sound"),
        (0, b"fLaC", "a FLAC sound"),
        (0, b"ID3", "an MP3 sound"),
        (0, b"GGUF", "a GGUF model"),
        (0, b"\0asm", "a WebAssembly module"),
        (0, b"\x80\x04\x95", "a Python pickle"),
    ];
    let known = KNOWN.iter().find(|(at, magic, _)| {
        head.get(*at..).is_some_and(|rest| rest.starts_with(magic))
            // What could also be the beginning of a sentence counts only before bytes that are no text.
            && (!magic.is_ascii() || *at > 0 || magic.len() > 6 || has_controls(head))
    });
    if let Some((_, _, name)) = known {
        return Some(name);
    }
    // A byte order mark of UTF-16 explains the zeros after it.
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return None;
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match even + odd {
        0 => None,
        _ if odd * 4 > head.len() && even * 8 < odd => Some("UTF-16 text (--encoding utf-16le)"),
        _ if even * 4 > head.len() && odd * 8 < even => Some("UTF-16 text (--encoding utf-16be)"),
        _ => Some("a binary file: it holds zero bytes"),
    }
}

/// Bytes that plain text does not hold.
fn has_controls(head: &[u8]) -> bool {
    head.iter().any(|b| matches!(b, 0..=8 | 14..=26 | 28..=31))
        || std::str::from_utf8(head).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_not_text_and_text_is() {
        assert_eq!(looks_like(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some("a PNG picture"));
        assert_eq!(looks_like(b"PAR1\x15\x04\x15\x10"), Some("a Parquet file"));
        assert_eq!(looks_like(b"abc\0def"), Some("a binary file: it holds zero bytes"));
        assert!(looks_like(b"h\0e\0l\0l\0o\0").unwrap().contains("utf-16le"));
        for text in [
            &b""[..],
            b"ID3 is a tag, BZh a magic",
            b"PAR1\n",
            "\u{1b}[1mbold".as_bytes(),
            b"caf\xe9",
        ] {
            assert_eq!(looks_like(text), None, "{text:?}");
        }
    }
}
