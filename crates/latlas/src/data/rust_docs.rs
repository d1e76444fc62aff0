//! Documentation of Rust crates as documents: text that every machine with a Cargo registry has.
//!
//! A document is a file: a README or other page of Markdown, or the `//!` and `///` comments of a source file.
//! Fenced code is left out, links are reduced to their words. Of several versions of a crate the newest counts,
//! and no crate gives more than a fortieth of all, so that one with generated comments does not become the whole.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::markdown::plain_words;
use super::{DocumentId, Documents, Piece};
use crate::error::{Error, Kind, Result};
use crate::run::{Run, Step};

/// Larger files are generated or data.
const LARGEST_FILE: u64 = 2 << 20;
/// A file with less text than this says nothing.
const LEAST: usize = 40;

/// The folders that hold the sources of crates under a Cargo home ("~/.cargo"): one for each registry.
pub fn registry(cargo_home: &Path) -> Result<Vec<PathBuf>> {
    let sources = cargo_home.join("registry").join("src");
    let found: Vec<PathBuf> = folders(&sources)
        .unwrap_or_default()
        .into_iter()
        .filter(|index| folders(index).is_ok_and(|c| !c.is_empty()))
        .collect();
    if found.is_empty() {
        return Err(Error::nothing(format!("no sources of crates under {}", sources.display()))
            .help("name a text file or a folder instead"));
    }
    Ok(found)
}

/// The documentation of all crates in some folders, see [`rust_docs`].
pub struct RustDocs<'a> {
    roots: Vec<PathBuf>,
    budget: u64,
    run: &'a Run<'a>,
}

/// Documents from folders of crates ("name-1.2.3"), about `budget` bytes of text, in the order of crates and
/// paths. The id of a document is `crate/path`.
pub fn rust_docs<'a>(roots: &[PathBuf], budget: u64, run: &'a Run<'a>) -> RustDocs<'a> {
    RustDocs { roots: roots.to_vec(), budget, run }
}

impl Documents for RustDocs<'_> {
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>> {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        let (mut bytes, mut files) = (0, 0_u64);
        let most_of_one = (self.budget / 40).max(64 << 10);
        let crates = newest(&self.roots)?;
        for (name, folder) in &crates {
            let mut of_one = 0;
            let mut paths = Vec::new();
            pages(folder, 0, &mut paths);
            for path in paths {
                if bytes >= self.budget {
                    break;
                }
                let Some(text) = read(&path).filter(|text| text.len() >= LEAST) else { continue };
                let inside = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                hash.update(text.as_bytes());
                bytes += text.len() as u64;
                of_one += text.len() as u64;
                files += 1;
                each(Piece {
                    id: DocumentId::Name(&format!("{name}/{inside}")),
                    text: &text,
                    end: true,
                })?;
                if of_one >= most_of_one {
                    break;
                }
            }
            let detail = name.clone();
            self.run.report(&Step {
                stage: "reading",
                done: bytes,
                total: None,
                unit: "bytes",
                detail,
            })?;
        }
        let path = self.roots.first().map(|root| root.display().to_string()).unwrap_or_default();
        self.run.progress.note(&format!(
            "{files} files of documentation from {} crates under {path}",
            crates.len()
        ));
        Ok(vec![
            json!({ "path": path, "bytes": bytes, "files": files, "xxh3": format!("{:016x}", hash.digest()) }),
        ])
    }
}

/// The newest version of each crate, by name.
fn newest(roots: &[PathBuf]) -> Result<Vec<(String, PathBuf)>> {
    let mut crates = std::collections::BTreeMap::<String, (Vec<u64>, PathBuf)>::new();
    for root in roots {
        for folder in folders(root)? {
            let full = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (name, version) = split_version(&full);
            match crates.get(name) {
                Some((known, _)) if *known >= version => {}
                _ => drop(crates.insert(name.to_string(), (version, folder))),
            }
        }
    }
    Ok(crates.into_iter().map(|(name, (_, folder))| (name, folder)).collect())
}

/// "serde-1.0.229" to "serde" and [1, 0, 229].
fn split_version(full: &str) -> (&str, Vec<u64>) {
    let cut = full
        .match_indices('-')
        .find(|(at, _)| full.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit));
    let Some((at, _)) = cut else { return (full, Vec::new()) };
    let (name, version) = full.split_at(at);
    let numbers =
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    (name, numbers)
}

fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotADirectory => {
            Error::new(Kind::Io, format!("{} is no folder", path.display()))
        }
        _ => Error::io("read", path, &e),
    })?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    Ok(found)
}

/// Files that may hold documentation, sorted. What cannot be read is passed over: it is not what was asked for.
fn pages(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<fs::DirEntry> = entries.filter_map(std::result::Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        if name.starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            if depth < 12 && !matches!(&*name, "target" | "tests" | "benches" | "fuzz") {
                pages(&entry.path(), depth + 1, paths);
            }
        } else if kind.is_file() && is_page(&name) {
            paths.push(entry.path());
        }
    }
}

fn is_page(name: &str) -> bool {
    let lower = name.to_lowercase();
    let boring = [
        "changelog",
        "changes",
        "release",
        "license",
        "licence",
        "code_of_conduct",
        "copying",
        "authors",
    ];
    match lower.rsplit_once('.') {
        Some((_, "rs")) => true,
        Some((stem, "md")) => !boring.iter().any(|b| stem.starts_with(b)),
        _ => false,
    }
}

fn read(path: &Path) -> Option<String> {
    if fs::metadata(path).ok()?.len() > LARGEST_FILE {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(if path.extension().is_some_and(|e| e == "rs") {
        plain_words(doc_comments(&text))
    } else {
        plain_words(text.lines().map(Some))
    })
}

/// The lines of `//!` and `///` comments; `None` between two comments.
fn doc_comments(source: &str) -> impl Iterator<Item = Option<&str>> {
    let mut inside = false;
    source.lines().filter_map(move |line| {
        let line = line.trim_start();
        let comment = match line.strip_prefix("///") {
            Some(rest) if !rest.starts_with('/') => Some(rest),
            Some(_) => None,
            None => line.strip_prefix("//!"),
        };
        let ended = inside && comment.is_none();
        inside = comment.is_some();
        if ended { Some(None) } else { comment.map(|c| Some(c.strip_prefix(' ').unwrap_or(c))) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_text_and_code_is_not() {
        let source = "//! Sorts things.\n//!\n//! ```\n//! let x = 1;\n//! ```\nfn hidden() {} // no\n\
                      /// Adds [`one`](https://example.org/x) to *two*.\n//// no\n/// ```\n/// y\nstruct S;\n/// Third.\n";
        let text = plain_words(doc_comments(source));
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words.join(" "), "Sorts things. Adds one to two . Third.");
    }

    #[test]
    fn the_newest_version_of_each_crate_counts() {
        let home = tempfile::tempdir().unwrap();
        let index = home.path().join("registry/src/index-1");
        for (name, text) in [("a-b-0.9.1", "old"), ("a-b-0.10.0", "new"), ("c-1.0.0", "other")] {
            fs::create_dir_all(index.join(name).join("src")).unwrap();
            fs::write(
                index.join(name).join("README.md"),
                format!("# The {text} page\n\n{}", "word ".repeat(20)),
            )
            .unwrap();
            fs::write(index.join(name).join("CHANGELOG.md"), "x ".repeat(100)).unwrap();
        }
        let run = Run::silent(1);
        let mut seen = Vec::new();
        let roots = registry(home.path()).unwrap();
        let sources = rust_docs(&roots, 1 << 20, &run)
            .visit(&mut |piece| {
                seen.push(format!(
                    "{} {}",
                    piece.id.as_text(),
                    piece.text.split_whitespace().nth(1).unwrap()
                ));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, ["a-b/README.md new", "c/README.md other"]);
        assert_eq!(sources[0]["files"], 2);
        assert_eq!(registry(&index).unwrap_err().kind(), Kind::Nothing);
    }
}
