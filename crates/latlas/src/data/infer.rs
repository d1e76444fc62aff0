//! What kind of values a column of text holds, and those values.

use std::collections::HashSet;

use crate::items::{ColumnKind, format_time, parse_time as time};

/// A column of at most so many different values may be a category.
const CATEGORIES: usize = 1000;
/// None of them longer than this, in bytes.
const CATEGORY_BYTES: usize = 64;
/// Above 2⁵³ not every whole number is an f64.
const EXACT: i64 = 1 << 53;

/// Whether a text is a finite number as files write it: digits with an optional sign, point and exponent.
pub(super) fn is_number(text: &str) -> bool {
    number(text).is_some()
}

/// A finite number, `None` for "NaN", "inf", numbers beyond f64 and all else.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { text.parse().ok().filter(|x: &f64| x.is_finite()) } else { None }
}

/// A whole number; not "007" or "+7", which are names rather than numbers.
pub(super) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() > 1 && digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// True or false, in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A moment as ISO 8601: the date alone at midnight, milliseconds only where there are some.
pub(super) fn show_time(ms: i64) -> String {
    let shown = format_time(ms);
    shown.strip_suffix("T00:00:00Z").map_or(shown.clone(), str::to_string)
}

/// What a file itself says of the values of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Some are marked as text, so that "1" is not a number.
    pub(super) quoted: bool,
    /// Some are arrays or objects of JSON.
    pub(super) nested: bool,
    /// The column is typed as text: a date there is meant to be text.
    pub(super) typed: bool,
}

/// The kind of a column: the narrowest that fits all its values.
///
/// Integer: all are whole numbers. Number: all are finite numbers, and no whole one among them is beyond 2⁵³.
/// Boolean: true, false. Time: ISO 8601. Category: at most 1000 different values of at most 64 bytes, each
/// standing twice on average. Text: all else.
pub(super) fn kind<'a>(values: impl Iterator<Item = &'a str>, evidence: Evidence) -> ColumnKind {
    let bare = !evidence.quoted && !evidence.typed;
    let (mut integers, mut numbers, mut booleans, mut times) = (bare, bare, bare, !evidence.typed);
    let mut lists = evidence.nested;
    let mut different = HashSet::new();
    let mut categories = true;
    let mut count = 0;
    let mut large = false;
    for value in values {
        count += 1;
        let as_integer = if integers || numbers { integer(value) } else { None };
        large |= as_integer.is_some_and(|n| n.abs() > EXACT);
        integers &= as_integer.is_some();
        numbers = numbers
            && (as_integer.is_some()
                || number(value).is_some_and(|x| {
                    !looks_like_code(value) && (x.fract() != 0.0 || x.abs() <= EXACT as f64)
                }));
        booleans = booleans && boolean(value).is_some();
        times = times && time(value).is_some();
        lists = lists && value.starts_with('[');
        if categories {
            categories = value.len() <= CATEGORY_BYTES
                && (different.contains(value) || different.insert(value));
            categories &= different.len() <= CATEGORIES;
        }
        if !(integers || numbers || booleans || times || lists || categories) {
            break;
        }
    }
    match () {
        () if count == 0 => ColumnKind::Text,
        () if lists => ColumnKind::List,
        () if integers => ColumnKind::Integer,
        () if numbers && !large => ColumnKind::Number,
        () if booleans => ColumnKind::Boolean,
        () if times => ColumnKind::Time,
        () if categories && different.len() * 2 <= count => ColumnKind::Category,
        () => ColumnKind::Text,
    }
}

/// "007" and "+90212" are digits, but no numbers.
fn looks_like_code(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.starts_with('+') && text.len() > 4 || digits && text.len() > 1 && text.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_kind_that_fits_all() {
        let of = |text: &str| kind(text.split('|'), Evidence::default());
        assert_eq!(of("1|-2|30"), ColumnKind::Integer);
        assert_eq!(of("1|-2.5|3e4"), ColumnKind::Number);
        assert_eq!(of("1|NaN"), ColumnKind::Text);
        assert_eq!(of("1|1e999"), ColumnKind::Text);
        assert_eq!(of("00501|10001|00501|10001"), ColumnKind::Category);
        assert_eq!(of("9007199254740993|0.5"), ColumnKind::Text);
        assert_eq!(of("9223372036854775807"), ColumnKind::Integer);
        assert_eq!(of("True|false"), ColumnKind::Boolean);
        assert_eq!(of("2024-02-29|1999-12-31T23:59:59.5+03:00"), ColumnKind::Time);
        assert_eq!(of("2023-02-29|2023-02-28"), ColumnKind::Text);
        assert_eq!(of("a|b|a|b"), ColumnKind::Category);
        assert_eq!(of("a|b|c|d"), ColumnKind::Text);
        assert_eq!(
            kind("1|2|1|2".split('|'), Evidence { quoted: true, ..Evidence::default() }),
            ColumnKind::Category
        );
        assert_eq!(
            kind("[1,2]|[]".split('|'), Evidence { nested: true, ..Evidence::default() }),
            ColumnKind::List
        );
    }

    #[test]
    fn moments_are_milliseconds_utc() {
        assert_eq!(time("1970-01-01"), Some(0));
        assert_eq!(time("2024-02-29T12:30:15.250Z"), Some(1_709_209_815_250));
        assert_eq!(time("2024-02-29 12:30:15.2509+02:30"), Some(1_709_200_815_250));
        assert_eq!(time("0001-01-01"), Some(-62_135_596_800_000));
        for day in (-719_000_i64..2_900_000).step_by(997) {
            let ms = day * 86_400_000 + day.rem_euclid(86_399) * 1000;
            assert_eq!(time(&show_time(ms)), Some(ms));
        }
        for no in [
            "2024-13-01",
            "2024-02-30",
            "2024-2-3",
            "2024-02-03T25:00",
            "2024-02-03T10:00+9",
            "20240203",
            "2024-02-03x",
            "2024-02-03T10:00:00.",
        ] {
            assert_eq!(time(no), None, "{no}");
        }
    }
}
