//! Numbers as people read them.

use std::time::Duration;

/// 80241 → "80,241".
pub(crate) fn whole(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 word", "2 words": a unit is given as its plural.
pub(crate) fn counted(n: u64, unit: &str) -> String {
    let unit = if n == 1 { unit.strip_suffix('s').unwrap_or(unit) } else { unit };
    format!("{} {unit}", whole(n))
}

/// 16031200 → "16.0 M"; below ten thousand every digit.
pub(crate) fn short(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{:.1} G", n / 1e9),
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n if n >= 1e4 => format!("{:.0} k", n / 1e3),
        n => whole(n.max(0.0).round() as u64),
    }
}

/// 48300000 → "48.3 MB".
pub(crate) fn bytes(n: u64) -> String {
    match n {
        n if n >= 1_000_000_000 => format!("{:.1} GB", n as f64 / 1e9),
        n if n >= 1_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        n if n >= 1_000 => format!("{:.1} kB", n as f64 / 1e3),
        n => counted(n, "bytes"),
    }
}

/// "1.2 M words/s"; of slow work "0.25 iterations/s".
pub(crate) fn rate(n: f64, unit: &str) -> String {
    match unit {
        "bytes" => format!("{}/s", bytes(n.max(0.0) as u64)),
        _ if n > 0.0 && n < 0.995 => format!("{n:.2} {unit}/s"),
        _ if n > 0.0 && n < 9.95 => format!("{n:.1} {unit}/s"),
        _ => format!("{} {unit}/s", short(n)),
    }
}

/// "0.8 s", "34 s", "2 min 05 s", "1 h 02 min".
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        s if s < 7199.5 => format!("{} min {:02} s", s.round() as u64 / 60, s.round() as u64 % 60),
        s => format!("{} h {:02} min", (s / 3600.0) as u64, (s as u64 / 60) % 60),
    }
}

/// 0.2871 → "28.7 %".
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A measured value with three decimals, as in the papers: "0.627".
pub(crate) fn figure(x: f64) -> String {
    // Values that round to nothing lose their sign: "-0.000" says nothing that "0.000" does not.
    let text = format!("{x:.3}");
    if text == "-0.000" { "0.000".to_owned() } else { text }
}

/// Numbers in a row; of a long one the beginning and the end.
pub(crate) fn series(values: &[serde_json::Value]) -> String {
    let shown: Vec<String> =
        values.iter().filter_map(serde_json::Value::as_f64).map(figure).collect();
    match shown.len() {
        0..=10 => shown.join(" "),
        n => format!("{} … {}", shown[..5].join(" "), shown[n - 3..].join(" ")),
    }
}

/// A number of 32 bits in JSON, with the digits it has and not those of its neighbour of 64 bits.
pub(crate) fn single(x: f32) -> serde_json::Value {
    x.to_string().parse::<f64>().map_or(serde_json::Value::Null, serde_json::Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(whole(0), "0");
        assert_eq!(whole(999), "999");
        assert_eq!(whole(1_234_567), "1,234,567");
        assert_eq!(counted(1, "words"), "1 word");
        assert_eq!(short(16_031_200.0), "16.0 M");
        assert_eq!(bytes(48_300_000), "48.3 MB");
        assert_eq!(rate(0.0, "steps"), "0 steps/s");
        assert_eq!(rate(0.254, "steps"), "0.25 steps/s");
        assert_eq!(rate(3.12, "steps"), "3.1 steps/s");
        assert_eq!(rate(1_200_000.0, "words"), "1.2 M words/s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 05 s");
        assert_eq!(duration(Duration::from_secs(7_325)), "2 h 02 min");
        assert_eq!(figure(-0.0001), "0.000");
    }
}
