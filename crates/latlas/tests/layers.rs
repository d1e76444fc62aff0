//! The layer rule: a module uses modules of lower layers only, never a sibling. `error` and `run` are free to all.

use std::fs;
use std::path::{Path, PathBuf};

/// Bottom first. `ARCHITECTURE.md` shows the same table.
const LAYERS: &[&[&str]] = &[
    &["kernels", "file"],
    &["linalg"],
    &["geometry", "items"],
    &["data"],
    &["space"],
    &["index"],
    &["learn"],
    &["map"],
    &["probe"],
    &["task", "eval", "plot"],
];
const FREE: &[&str] = &["error", "run"];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of sources") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The first names behind every `prefix` in `text`: `crate::a::b`, `crate::{a::b, c}`.
fn heads(text: &str, prefix: &str) -> Vec<String> {
    let name = |s: &str| {
        s.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let mut found = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue; // `my_crate::`, or the middle of a longer path
        }
        let rest = &text[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(name(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    found.push(name(&group[start..i]));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.push(name(&group[start..i]));
                    start = i + 1;
                }
                _ => {}
            }
        }
    }
    found.retain(|n| !n.is_empty());
    found
}

#[test]
fn modules_use_lower_layers_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for path in files {
        let inside = path.strip_prefix(&src).unwrap();
        let parts: Vec<&str> = inside.iter().map(|p| p.to_str().unwrap()).collect();
        let module = parts[0].trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = layer(module);
        assert!(own.is_some() || FREE.contains(&module), "module '{module}' has no layer");
        let text: String = fs::read_to_string(&path)
            .unwrap()
            .lines()
            .map(|line| line.find("//").map_or(line, |at| &line[..at]))
            .collect::<Vec<_>>()
            .join("\n");
        // From src/a/b.rs the crate is `super::super`, from src/a/mod.rs it is `super`.
        let depth = parts.len() - usize::from(parts[parts.len() - 1] == "mod.rs");
        // A name under `crate` that is no module is a re-export, which would hide where it comes from. Behind
        // `super`s it may be the file's own, reached from its tests.
        let mut used = heads(&text, "crate::");
        let is_module =
            |name: &String| src.join(name).is_dir() || src.join(format!("{name}.rs")).is_file();
        used.extend(heads(&text, &"super::".repeat(depth)).into_iter().filter(is_module));
        for name in used {
            let allowed = FREE.contains(&name.as_str())
                || name == module
                || layer(&name).is_some_and(|other| own.is_some_and(|own| other < own));
            if !allowed {
                wrong.push(format!("{}: {name}", inside.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these reach up, sideways or through the root:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_reader_of_paths_sees_groups_and_prefixes() {
    let text = "use crate::{error::{A, B}, file, items::C};";
    assert_eq!(heads(text, "crate::"), ["error", "file", "items"]);
    assert_eq!(heads("crate::space::open(); my_crate::x; ", "crate::"), ["space"]);
}
