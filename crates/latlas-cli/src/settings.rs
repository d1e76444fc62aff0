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

/// What `--set` changes, for the end of a help page: every key, its default and its consequence. Keys that have a
/// flag of their own (and no text) are left out.
pub(crate) fn list<T: Serialize + Default>(known: &[Setting]) -> String {
    let defaults = fields(&T::default()).unwrap_or_default();
    let shown = |key: &str| match defaults.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "auto".to_owned(),
        Some(value) => value.to_string(),
    };
    let listed = || known.iter().filter(|setting| !setting.about.is_empty());
    let keys = listed().map(|s| s.key.len()).max().unwrap_or(0);
    let values = listed().map(|s| shown(s.key).len()).max().unwrap_or(0);
    let mut text = String::from("Options for --set, with their defaults:\n");
    for Setting { key, about } in listed() {
        let _ = writeln!(text, "  {key:<keys$}  {:<values$}  {about}", shown(key));
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

/// The name closest in spelling, if it is close at all: a letter or two amiss, or much the same beginning.
pub(crate) fn closest<'n>(
    wrong: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let wrong = wrong.to_lowercase();
    let near = names.into_iter().filter_map(|name| {
        let amiss = strsim::damerau_levenshtein(&wrong, &name.to_lowercase());
        let alike = strsim::jaro_winkler(&wrong, &name.to_lowercase());
        let slip = amiss <= 1 + usize::from(wrong.chars().count() > 4);
        (slip && amiss < name.chars().count() || alike > 0.8).then_some((amiss, alike, name))
    });
    near.min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))).map(|best| best.2)
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
    let about = known.iter().find(|s| s.key == key && !s.about.is_empty());
    about.map_or_else(|| format!("--{key} sets it too"), |s| format!("{key}: {}", s.about))
}

fn reason(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.split(" at line").next().unwrap_or(&text).to_owned()
}

/// The fields of an options struct that `--set` does not know, and the keys that are no fields (for tests: the two
/// must not drift apart).
#[cfg(test)]
pub(crate) fn unlisted<T: Serialize + Default>(known: &[Setting]) -> Vec<String> {
    let fields = fields(&T::default()).unwrap_or_default();
    let missing = fields.keys().filter(|key| !known.iter().any(|s| s.key == *key)).cloned();
    let strange = known.iter().map(|s| s.key).filter(|key| !fields.contains_key(*key));
    missing.chain(strange.map(str::to_owned)).collect()
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
    fn slips_are_understood() {
        let names = ["dim", "epochs", "window", "id"];
        let near = |wrong| closest(wrong, names);
        assert_eq!(near("dmi"), Some("dim"));
        assert_eq!(near("widnow"), Some("window"));
        assert_eq!(near("epoch"), Some("epochs"));
        assert_eq!(near("zzz"), None);
        assert_eq!(near("seed"), None);
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
