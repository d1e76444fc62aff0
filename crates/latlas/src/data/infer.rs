//! What kind of values a column of text holds.

/// Whether a text is a finite number as files write it: digits with an optional sign, point and exponent.
pub(super) fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}
