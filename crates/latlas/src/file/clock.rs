//! The one place where the time of day may be asked. It never takes part in what must be reproducible.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in UTC, as RFC 3339 to the second: "2026-11-23T17:42:52Z".
pub fn utc() -> String {
    #[expect(clippy::disallowed_methods, reason = "this is the exception that the rule names")]
    let now = SystemTime::now();
    written(now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()))
}

/// Days to date by Howard Hinnant's `civil_from_days`.
fn written(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) = (
        day_of_year - (153 * shifted + 2) / 5 + 1,
        if shifted < 10 { shifted + 3 } else { shifted - 9 },
    );
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_right() {
        // from `date -u -d @N +%FT%TZ`
        assert_eq!(super::written(0), "1970-01-01T00:00:00Z");
        assert_eq!(super::written(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(super::written(1_795_455_772), "2026-11-23T17:42:52Z");
        assert_eq!(super::written(4_107_542_399), "2100-02-28T23:59:59Z");
    }
}
