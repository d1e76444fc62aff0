//! Labels that cannot be drawn, counted by the script that is to blame.

use std::collections::BTreeMap;
use std::fmt;

/// Labels that cannot be drawn, counted by script.
///
/// ```
/// let none = latlas::plot::Undrawn::default();
/// assert!(none.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undrawn {
    scripts: BTreeMap<&'static str, usize>,
}

impl Undrawn {
    /// Counts one label of a script.
    pub(super) fn add(&mut self, script: &'static str) {
        *self.scripts.entry(script).or_default() += 1;
    }

    /// Whether every label could be drawn.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// How many labels could not be drawn.
    pub fn total(&self) -> usize {
        self.scripts.values().sum()
    }

    /// The scripts by Unicode's names ("Han", "Arabic"; "Symbols" for what belongs to no script) and
    /// how many labels were left out for each, the most frequent first.
    pub fn scripts(&self) -> Vec<(&'static str, usize)> {
        let mut scripts: Vec<_> =
            self.scripts.iter().map(|(&script, &count)| (script, count)).collect();
        scripts.sort_by_key(|&(script, count)| (std::cmp::Reverse(count), script));
        scripts
    }
}

impl fmt::Display for Undrawn {
    /// "412 labels in Han and Arabic"
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scripts = self.scripts();
        let total = self.total();
        write!(f, "{total} {} in ", if total == 1 { "label" } else { "labels" })?;
        // Three names say enough; the rest would only make the line long.
        let named = if scripts.len() > 4 { 3 } else { scripts.len() };
        for (at, (script, _)) in scripts.iter().take(named).enumerate() {
            let before = match at {
                0 => "",
                _ if at + 1 == scripts.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}{script}")?;
        }
        if named < scripts.len() {
            write!(f, " and {} more scripts", scripts.len() - named)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_a_sentence() {
        let mut undrawn = Undrawn::default();
        undrawn.add("Han");
        assert_eq!(undrawn.to_string(), "1 label in Han");
        undrawn.add("Arabic");
        undrawn.add("Arabic");
        assert_eq!(undrawn.to_string(), "3 labels in Arabic and Han");
        for script in ["Thai", "Tamil", "Hebrew"] {
            undrawn.add(script);
        }
        assert_eq!(undrawn.to_string(), "6 labels in Arabic, Han, Hebrew and 2 more scripts");
    }
}
