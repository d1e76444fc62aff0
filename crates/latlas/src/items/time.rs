//! Moments as text: ISO 8601 in UTC, to the millisecond.

use std::fmt::Write;

/// Milliseconds since 1970-01-01T00:00:00Z of an ISO 8601 date or moment, `None` where it is none.
///
/// Read are `2010-03-01T12:30`, `2010-03-01 12:30:05.25Z`,
/// `…+02:00`; without a zone the moment is taken as UTC. Years 0000 to 9999 (proleptic Gregorian).
///
/// ```
/// assert_eq!(latlas::items::parse_time("1970-01-02T00:00:01.5Z"), Some(86_401_500));
/// assert_eq!(latlas::items::parse_time("1969-12-31T23:00-01:00"), Some(0));
/// assert_eq!(latlas::items::parse_time("2023-02-29"), None);
/// ```
pub fn parse_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let year = number(&[y1, y2, y3, y4])?;
    let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * 86_400_000;
    let Some((b'T' | b't' | b' ', rest)) = rest.split_first() else {
        return rest.is_empty().then_some(midnight);
    };
    let (clock, rest) = rest.split_at_checked(5)?;
    let [h1, h2, b':', n1, n2] = *clock else { return None };
    let (hour, minute) = (number(&[h1, h2])?, number(&[n1, n2])?);
    let (seconds, zone) = match rest {
        [b':', s1, s2, more @ ..] => {
            let second = number(&[*s1, *s2])?;
            let (millis, zone) = fraction(more)?;
            (second * 1000 + millis, zone)
        }
        zone => (0, zone),
    };
    if hour > 23 || minute > 59 || seconds > 60_999 {
        return None;
    }
    Some(midnight + (hour * 60 + minute) * 60_000 + seconds - offset(zone)? * 60_000)
}

/// A moment in milliseconds since 1970 as ISO 8601: `2010-03-01T12:30:05Z`, with `.250` where there are milliseconds.
///
/// ```
/// assert_eq!(latlas::items::format_time(86_401_500), "1970-01-02T00:00:01.500Z");
/// assert_eq!(latlas::items::format_time(-1), "1969-12-31T23:59:59.999Z");
/// ```
pub fn format_time(millis: i64) -> String {
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second, milli) =
        (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if milli != 0 {
        let _ = write!(text, ".{milli:03}"); // into a String, which cannot fail
    }
    text + "Z"
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0')))
}

/// `.25Z` → (250, "Z"); digits beyond the millisecond are cut off.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.' | b',', rest)) = text.split_first() else { return Some((0, text)) };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, zone) = rest.split_at(digits);
    if digits.is_empty() {
        return None;
    }
    let millis = (0..3).fold(0, |n, i| n * 10 + digits.get(i).map_or(0, |d| i64::from(d - b'0')));
    Some((millis, zone))
}

/// Minutes east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match *rest {
        [a, b] => (number(&[a, b])?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (number(&[a, b])?, number(&[c, d])?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Both ways between days and dates: years are counted from 1 March, so that the leap day comes last, in eras of
// 400 years of 146,097 days (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nonsense_is_no_time() {
        for text in [
            "",
            "2010",
            "2010-13-01",
            "2010-00-10",
            "2010-1-1",
            "2010-01-01T25:00",
            "2010-01-01X",
            "ü010-01-01",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
        assert_eq!(parse_time("2000-03-01"), Some(951_868_800_000)); // date -u -d 2000-03-01 +%s
    }

    proptest! {
        #[test]
        fn every_moment_of_years_0_to_9999_survives(millis in -62_167_219_200_000i64..253_402_300_800_000) {
            prop_assert_eq!(parse_time(&format_time(millis)), Some(millis));
        }
    }
}
