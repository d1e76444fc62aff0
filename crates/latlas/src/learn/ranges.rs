//! What options may be: refusals that name the option, its value and what is allowed.

use crate::error::{Error, Result};

/// Refuses a whole number outside `least..=most`.
pub(crate) fn whole(name: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::usage(format!("{name} {value} is out of range"))
        .help(format!("{name} may be {least} to {most}")))
}

/// Refuses a number outside `low..=high`, and NaN.
pub(crate) fn real(name: &str, value: f64, low: f64, high: f64) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let help = format!("{name} may be {} to {}", short(low), short(high));
    Err(Error::usage(format!("{name} {value} is out of range")).help(help))
}

/// A bound as people write it: 0.5, 1e-30.
fn short(x: f64) -> String {
    if x == 0.0 || (1e-4..1e6).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_named_with_what_is_allowed() {
        let said = |result: Result<()>| {
            let error = result.unwrap_err();
            format!("{}; {}", error.message(), error.way_out().unwrap())
        };
        assert!(whole("dim", 1, 1, 9).is_ok() && real("alpha", 0.5, 0.5, 1.0).is_ok());
        assert_eq!(said(whole("dim", 0, 1, 9)), "dim 0 is out of range; dim may be 1 to 9");
        let said = said(real("x_max", f64::NAN, 1e-30, 1e30));
        assert_eq!(said, "x_max NaN is out of range; x_max may be 1e-30 to 1e30");
    }
}
