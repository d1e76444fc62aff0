//! Bytes of any encoding to UTF-8, on the fly.

use std::io::{self, BufRead, Read};
use std::path::Path;

use encoding_rs::{DecoderResult, Encoding, UTF_8};

use crate::error::{Error, Result};

/// Bytes of UTF-8 made ready at once.
const BLOCK: usize = 256 << 10;
/// Bytes kept around the first invalid one, to guess the encoding from.
const SAMPLE: usize = 16 << 10;

/// The encoding of this label ("utf-8", "latin1", "windows-1254", …, as the WHATWG Encoding Standard lists them).
pub fn encoding(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        let likeness = |name: &&&str| strsim::damerau_levenshtein(&label.to_lowercase(), name);
        let near = COMMON.iter().min_by_key(likeness).copied().unwrap_or("utf-8");
        Error::usage(format!("no encoding is called '{label}'"))
            .help(format!("did you mean '{near}'?"))
    })
}

/// Labels to suggest.
const COMMON: [&str; 16] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "latin1",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "iso-8859-2",
    "iso-8859-9",
    "koi8-r",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "gb18030",
];

/// A reader whose bytes are valid UTF-8, whatever comes in: invalid bytes are counted and become U+FFFD. A byte
/// order mark is taken off, and wins over the encoding asked for. Every `fill_buf` ends between two characters.
pub struct Decoded<R> {
    inner: R,
    decoder: encoding_rs::Decoder,
    out: Vec<u8>,
    position: usize,
    filled: usize,
    ended: bool,
    bytes: u64,
    invalid: u64,
    sample: Vec<u8>,
}

impl<R: BufRead> Decoded<R> {
    /// Decodes `inner` from this encoding, UTF-8 if `None`.
    pub fn new(inner: R, encoding: Option<&'static Encoding>) -> Self {
        Decoded {
            inner,
            decoder: encoding.unwrap_or(UTF_8).new_decoder(),
            out: Vec::new(),
            position: 0,
            filled: 0,
            ended: false,
            bytes: 0,
            invalid: 0,
            sample: Vec::new(),
        }
    }

    /// The name of the encoding in use; after a byte order mark has been read, that which it names.
    pub fn encoding(&self) -> &'static str {
        self.decoder.encoding().name()
    }

    /// How many bytes have been decoded.
    pub fn decoded(&self) -> u64 {
        self.bytes
    }

    /// How many of them were invalid.
    pub fn invalid(&self) -> u64 {
        self.invalid
    }

    /// An error that suggests the encoding if more than 1 % of what was read is invalid.
    pub fn check(&self, path: &Path) -> Result<()> {
        if self.invalid.saturating_mul(100) <= self.bytes {
            return Ok(());
        }
        let share = 100.0 * self.invalid as f64 / self.bytes as f64;
        Err(Error::data(format!(
            "{}: {share:.1} % of its bytes are not {}",
            path.display(),
            self.encoding()
        ))
        .help(format!("name its encoding, perhaps --encoding {}", suggest(&self.sample))))
    }

    fn refill(&mut self) -> io::Result<()> {
        self.out.resize(BLOCK, 0);
        self.position = 0;
        self.filled = 0;
        while self.filled == 0 && !self.ended {
            let source = match self.inner.fill_buf() {
                Ok(source) => source,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            let last = source.is_empty();
            // Room for the replacement character is kept back.
            let room = self.out.get_mut(..BLOCK - 4).unwrap_or_default();
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(source, room, last);
            self.filled = written;
            self.bytes += read as u64;
            match result {
                DecoderResult::InputEmpty => self.ended = last,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(bad, _) => {
                    self.invalid += u64::from(bad);
                    if self.sample.is_empty() {
                        self.sample.extend(source.iter().take(SAMPLE));
                    }
                    for byte in "\u{fffd}".bytes() {
                        if let Some(place) = self.out.get_mut(self.filled) {
                            *place = byte;
                        }
                        self.filled += 1;
                    }
                }
            }
            self.inner.consume(read);
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for Decoded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position >= self.filled {
            self.refill()?;
        }
        Ok(self.out.get(self.position..self.filled).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.position = (self.position + amount).min(self.filled);
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let amount = ready.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(ready) {
            *to = *from;
        }
        self.consume(amount);
        Ok(amount)
    }
}

/// The likeliest encoding of bytes that are not UTF-8: a multi-byte one only if every pair is valid in it, else
/// by which letters are frequent.
fn suggest(sample: &[u8]) -> &'static str {
    let zeros = |from: usize| sample.iter().skip(from).step_by(2).filter(|&&b| b == 0).count();
    if zeros(0) + zeros(1) > sample.len() / 8 {
        return if zeros(1) > zeros(0) { "utf-16le" } else { "utf-16be" };
    }
    let high = sample.iter().filter(|b| !b.is_ascii()).count();
    let letters = sample.iter().filter(|b| b.is_ascii_alphabetic()).count();
    // In text of another script most letters are above ASCII; in Latin text few are.
    if high > letters {
        // A sample may end within a character.
        let whole = sample.get(..sample.len().saturating_sub(4)).unwrap_or_default();
        for encoding in
            [encoding_rs::EUC_JP, encoding_rs::SHIFT_JIS, encoding_rs::EUC_KR, encoding_rs::GBK]
        {
            let (text, _, errors) = encoding.decode(whole);
            let wide = text
                .chars()
                .filter(|c| matches!(c, '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'))
                .count();
            let kana = text.chars().filter(|c| matches!(c, '\u{3040}'..='\u{30ff}')).count();
            let hangul = text.chars().filter(|c| matches!(c, '\u{ac00}'..='\u{d7a3}')).count();
            // Each of them decodes much of the others' text: what tells is the script that must be frequent.
            let fits = match encoding.name() {
                "EUC-KR" => hangul * 10 > wide * 9,
                "GBK" => true,
                _ => kana * 10 > wide,
            };
            if !errors && wide * 3 > high && fits {
                return match encoding.name() {
                    "EUC-JP" => "euc-jp",
                    "Shift_JIS" => "shift_jis",
                    "EUC-KR" => "euc-kr",
                    _ => "gb18030",
                };
            }
        }
        return "windows-1251";
    }
    // ğ, İ, ı, Ş, ş take the places of Icelandic letters.
    let turkish = sample.iter().filter(|&&b| matches!(b, 0xf0 | 0xdd | 0xfd | 0xde | 0xfe)).count();
    if turkish * 4 > high { "windows-1254" } else { "windows-1252" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn decode(bytes: &[u8], label: Option<&str>) -> (String, u64) {
        let label = label.map(|l| encoding(l).unwrap());
        let mut decoded = Decoded::new(BufReader::with_capacity(7, bytes), label);
        let mut text = String::new();
        decoded.read_to_string(&mut text).unwrap();
        assert_eq!(decoded.decoded(), bytes.len() as u64);
        (text, decoded.invalid())
    }

    #[test]
    fn marks_are_taken_off_and_encodings_are_obeyed() {
        assert_eq!(decode("\u{feff}süß".as_bytes(), None), ("süß".to_string(), 0));
        assert_eq!(decode(b"s\xfc\xdf", Some("latin1")), ("süß".to_string(), 0));
        assert_eq!(decode(b"\xff\xfes\0\xfc\0", None), ("sü".to_string(), 0));
        assert_eq!(decode(b"s\0\xfc\0", Some("utf-16le")), ("sü".to_string(), 0));
        assert_eq!(decode(b"\xfe\xdd\xfd\xf0", Some("windows-1254")), ("şİığ".to_string(), 0));
    }

    #[test]
    fn invalid_bytes_are_replaced_and_counted() {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for bytes in [&b"a\xffb\xe2\x82c"[..], b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\x80"] {
            assert_eq!(decode(bytes, None).0, lossy(bytes));
        }
        assert_eq!(decode(b"a\xffb\xe2\x82c", None).1, 3);
    }

    #[test]
    fn the_suggestion_fits_the_text() {
        let in_encoding = |label: &str, text: &str| {
            let bytes = encoding(label).unwrap().encode(text).0.into_owned();
            let mut decoded = Decoded::new(&bytes[..], None);
            io::copy(&mut decoded, &mut io::sink()).unwrap();
            decoded.check(Path::new("x.txt")).unwrap_err().way_out().unwrap().to_string()
        };
        let ends = |help: String, label: &str| assert!(help.ends_with(label), "{help}");
        ends(in_encoding("windows-1252", "Größe und Straße, fünf Äpfel"), "windows-1252");
        ends(in_encoding("windows-1254", "Değişmiş ışık, İzmir'in şarkısı"), "windows-1254");
        ends(in_encoding("windows-1251", "Все счастливые семьи похожи"), "windows-1251");
        ends(in_encoding("shift_jis", "これはとても長い日本語の文章です"), "shift_jis");
        ends(in_encoding("euc-jp", "これはとても長い日本語の文章です"), "euc-jp");
        ends(in_encoding("euc-kr", "모든 행복한 가정은 서로 닮았다"), "euc-kr");
        ends(in_encoding("gb18030", "幸福的家庭都是相似的不幸的家庭各有各的不幸"), "gb18030");
    }

    #[test]
    fn one_bad_byte_in_a_hundred_is_allowed() {
        let mut bytes = vec![b'a'; 99];
        bytes.push(0xff);
        let mut decoded = Decoded::new(&bytes[..], None);
        io::copy(&mut decoded, &mut io::sink()).unwrap();
        decoded.check(Path::new("x.txt")).unwrap();
        assert!(encoding("latn1").unwrap_err().way_out().unwrap().contains("latin1"));
    }
}
