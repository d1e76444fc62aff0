//! Numbers as bytes and as text, both ways bit by bit.

use half::{bf16, f16};

/// How a number is kept in a binary file, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    F16,
    Bf16,
    F32,
    F64,
}

impl Width {
    pub(super) fn bytes(self) -> usize {
        match self {
            Width::F16 | Width::Bf16 => 2,
            Width::F32 => 4,
            Width::F64 => 8,
        }
    }

    /// Appends the numbers in `bytes` (a whole number of them) as f32; tells how many were rounded to fit.
    pub(super) fn decode(self, bytes: &[u8], out: &mut Vec<f32>) -> u64 {
        match self {
            Width::F32 => {
                out.extend(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)));
            }
            Width::F16 => {
                out.extend(
                    bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()),
                );
            }
            Width::Bf16 => out
                .extend(bytes.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32())),
            Width::F64 => {
                let mut rounded = 0;
                out.extend(bytes.as_chunks::<8>().0.iter().map(|b| {
                    let wide = f64::from_le_bytes(*b);
                    let narrow = wide as f32;
                    rounded += u64::from(f64::from(narrow) != wide);
                    narrow
                }));
                return rounded;
            }
        }
        0
    }
}

/// The f32 closest to a decimal number, `None` where it is none. Numbers beyond f32 come out infinite.
pub(super) fn parse(text: &[u8]) -> Option<f32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Appends the shortest digits that read back as the same f32, whether they are read as f32 or as f64 and then
/// rounded (as Python's tools do).
///
/// Of all f32, one has shortest digits that fail the second way: ±7.038531e-26 lies so close to the middle of two
/// f32 that it, as an f64, is the middle. It gets one digit more. (Found by trying all 2³¹ positive f32.)
pub(super) fn print(number: f32, out: &mut Vec<u8>) {
    const TRAP: f32 = 7.038_531e-26;
    if number.abs() == TRAP {
        out.extend_from_slice(if number < 0.0 { b"-7.0385307e-26" } else { b"7.0385307e-26" });
    } else if serde_json::to_writer(&mut *out, &number).is_err() || !number.is_finite() {
        // JSON has no NaN; vectors have none either, but columns of numbers may.
        out.extend_from_slice(b"nan");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(number: f32) -> String {
        let mut out = Vec::new();
        print(number, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_printed_as_other_tools_read_them() {
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-1e-7, "-1e-7"),
            (f32::MAX, "3.4028235e38"),
            (f32::from_bits(1), "1e-45"),
            (f32::MIN_POSITIVE, "1.1754944e-38"),
        ] {
            assert_eq!(printed(number).replace("e+", "e"), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn print_and_parse_keep_every_bit(bits in any::<u32>()) {
            for bits in [bits, 0x15ae_43fd, 0x15ae_43fe, 0x95ae_43fd, bits & 0x807f_ffff] {
                let number = f32::from_bits(bits);
                prop_assume!(number.is_finite());
                let text = printed(number);
                prop_assert_eq!(parse(text.as_bytes()).map(f32::to_bits), Some(bits), "{}", &text);
                prop_assert_eq!((text.parse::<f64>().unwrap() as f32).to_bits(), bits, "{}", &text);
            }
        }
    }
}
