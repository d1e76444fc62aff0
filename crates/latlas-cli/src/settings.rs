//! `--set key=value`: the options of a library struct beyond the front flags, typed by serde.

use std::fmt::Write as _;

use latlas::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A `--set` option: its key in the options struct and what changing it does.
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) about: &'static str,
}

/// Changes the named fields of an options struct; an unknown key is answered with the closest.
pub(crate) fn apply<T: Serialize + DeserializeOwned>(
    options: T,
    changes: &[String],
    known: &[Setting],
) -> Result<T> {
    let mut options = options;
    for change in changes {
        let (key, text) = change
            .split_once('=')
            .map(|(key, text)| (key.trim(), text.trim()))
            .ok_or_else(|| {
                Error::usage(format!("--set {change}: not of the form key=value"))
                    .help("for example --set window=8")
            })?;
        let mut fields = fields(&options)?;
        let Some(field) = fields.get_mut(key).filter(|_| known.iter().any(|s| s.key == key)) else {
            let keys: Vec<&str> = known.iter().map(|s| s.key).collect();
            return Err(Error::usage(format!("--set {change}: there is no option '{key}'"))
                .help(advice(key, &keys)));
        };
        *field = value(text, field);
        options = serde_json::from_value(Value::Object(fields)).map_err(|e| {
            Error::usage(format!("--set {change}: {}", reason(&e))).help(about(key, known))
        })?;
    }
    Ok(options)
}

/// The text of `--set`'s long help: every key, its default and its consequence.
pub(crate) fn list<T: Serialize + Default>(known: &[Setting]) -> String {
    let defaults = fields(&T::default()).unwrap_or_default();
    let shown = |key: &str| match defaults.get(key) {
        Some(Value::String(text)) => text.clone(),
        // An f32 of 0.025 is 0.02500000037 as f64; people wrote 0.025.
        Some(Value::Number(n)) if n.is_f64() => {
            n.as_f64().map_or_else(String::new, |x| (x as f32).to_string())
        }
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let mut text = String::from("Sets an option by name; may be given several times:\n");
    for setting in known {
        let _ = write!(
            text,
            "\n{:<14} {} [default: {}]",
            setting.key,
            setting.about,
            shown(setting.key)
        );
    }
    text
}

/// "did you mean 'window'?", or the list of what there is.
pub(crate) fn advice(wrong: &str, names: &[&str]) -> String {
    match closest(wrong, names.iter().copied()) {
        Some(name) => format!("did you mean '{name}'?"),
        None => format!("there are {}", names.join(", ")),
    }
}

/// The name closest in spelling, if it is close at all.
pub(crate) fn closest<'n>(
    wrong: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let near = |name: &str| strsim::jaro_winkler(&wrong.to_lowercase(), &name.to_lowercase());
    names
        .into_iter()
        .map(|name| (near(name), name))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|best| best.1)
}

fn fields<T: Serialize>(options: &T) -> Result<serde_json::Map<String, Value>> {
    match serde_json::to_value(options) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Error::usage("these options cannot be set by name")),
    }
}

/// The text as the type that stands there now: text stays text, anything else is read as JSON where it can be.
fn value(text: &str, now: &Value) -> Value {
    match now {
        Value::String(_) => Value::String(text.to_owned()),
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    }
}

fn about(key: &str, known: &[Setting]) -> String {
    known.iter().find(|s| s.key == key).map_or_else(String::new, |s| format!("{key}: {}", s.about))
}

fn reason(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.split(" at line").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Options {
        window: usize,
        alpha: f32,
        kind: String,
        limit: Option<u64>,
    }

    const KNOWN: &[Setting] = &[
        Setting { key: "window", about: "wider" },
        Setting { key: "alpha", about: "faster" },
        Setting { key: "kind", about: "which" },
        Setting { key: "limit", about: "most" },
    ];

    fn set(changes: &[&str]) -> Result<Options> {
        let changes: Vec<String> = changes.iter().map(|s| (*s).to_owned()).collect();
        apply(Options { window: 5, alpha: 0.5, kind: "a".into(), limit: None }, &changes, KNOWN)
    }

    #[test]
    fn values_are_typed_by_the_struct() {
        let changed = set(&["window=8", "alpha=1", "kind=7", "limit=3"]).unwrap();
        assert_eq!(changed, Options { window: 8, alpha: 1.0, kind: "7".into(), limit: Some(3) });
        let error = set(&["window=wide"]).unwrap_err();
        assert!(error.message().starts_with("--set window=wide: invalid type"), "{error}");
        assert!(set(&["window=-1"]).is_err());
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_closest() {
        let error = set(&["windw=8"]).unwrap_err();
        assert_eq!(error.message(), "--set windw=8: there is no option 'windw'");
        assert_eq!(error.way_out(), Some("did you mean 'window'?"));
        assert_eq!(
            set(&["zzz=1"]).unwrap_err().way_out(),
            Some("there are window, alpha, kind, limit")
        );
    }
}
