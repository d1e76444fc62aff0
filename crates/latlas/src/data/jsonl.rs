//! JSON Lines: one object a line; the columns are all keys in the order of their first appearance.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::records::{Bad, Cell, MOST_COLUMNS, Record, read_line};
use crate::error::{Error, Result};

/// Gives every object of a JSON Lines file. Blank lines are passed over.
pub fn visit_jsonl(
    mut input: impl BufRead,
    path: &Path,
    bad: &mut Bad,
    each: &mut dyn FnMut(Record<'_>) -> Result<()>,
) -> Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    let mut names: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    while read_line(&mut input, &mut line, number + 1, path)? {
        number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let object: Object<'_> = match serde_json::from_slice(&line) {
            Ok(object) => object,
            Err(e) => {
                let error = Error::data(format!(
                    "{}, line {number}: no JSON object: {}",
                    path.display(),
                    reason(&e)
                ));
                let array = number == 1 && line.trim_ascii_start().starts_with(b"[");
                bad.meet(if array {
                    error.help("one object a line, please: jq -c '.[]' makes that")
                } else {
                    error
                })?;
                continue;
            }
        };
        let mut cells = vec![Cell::Missing; names.len()];
        for (key, value) in object.0 {
            let place = match places.get(&key) {
                Some(&place) => place,
                None if names.len() == MOST_COLUMNS => {
                    return Err(Error::data(format!(
                        "{}, line {number}: more than {MOST_COLUMNS} different keys",
                        path.display()
                    )));
                }
                None => {
                    names.push(key.clone());
                    places.insert(key, names.len() - 1);
                    cells.push(Cell::Missing);
                    names.len() - 1
                }
            };
            if let Some(cell) = cells.get_mut(place) {
                *cell = self::cell(value);
            }
        }
        each(Record { line: number, names: &names, cells: &cells })?;
    }
    Ok(())
}

/// serde_json's sentence without its "at line 1", which is the line within the line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let short = text.split(" at line ").next().unwrap_or(&text);
    format!("{short} at column {}", error.column())
}

fn cell(value: &RawValue) -> Cell<'_> {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'n') => Cell::Missing,
        Some(b'"') if !raw.contains('\\') => {
            Cell::Text(Cow::Borrowed(raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()))
        }
        // Half of a surrogate pair is the one string of JSON that is no text.
        Some(b'"') => serde_json::from_str(raw)
            .map_or(Cell::Missing, |text: String| Cell::Text(Cow::Owned(text))),
        Some(b'[' | b'{') => Cell::Nested(Cow::Borrowed(raw)),
        _ => Cell::Bare(Cow::Borrowed(raw)),
    }
}

struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ReaderOptions;
    use proptest::prelude::*;

    fn rows(text: &str) -> Result<Vec<String>> {
        let mut rows = Vec::new();
        let bad = &mut Bad::new(&ReaderOptions::default());
        visit_jsonl(text.as_bytes(), Path::new("x.jsonl"), bad, &mut |record| {
            let cells: Vec<String> =
                record.names.iter().zip(record.cells).map(|(n, c)| format!("{n}={c:?}")).collect();
            rows.push(cells.join(" "));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn keys_become_columns() {
        let rows =
            rows("{\"a\": 1.50, \"b\": \"x\"}\n\n{\"b\":null,\"c\":[1,2],\"a\":\"q\\\"\"}\n")
                .unwrap();
        assert_eq!(
            rows,
            ["a=Bare(\"1.50\") b=Text(\"x\")", "a=Text(\"q\\\"\") b=Missing c=Nested(\"[1,2]\")"]
        );
    }

    #[test]
    fn what_is_no_object_is_named_by_line() {
        let error = rows("{\"a\":1}\n{\"a\":}\n").unwrap_err();
        assert_eq!(error.message(), "x.jsonl, line 2: no JSON object: expected value at column 6");
        assert!(rows("[{\"a\":1}]").unwrap_err().way_out().unwrap().contains("jq"));
    }

    proptest! {
        #[test]
        fn random_text_does_no_harm(text in "[\\[\\]{}\":,a1\\\\ut\n]{0,60}") {
            let _ = rows(&text);
        }
    }
}
