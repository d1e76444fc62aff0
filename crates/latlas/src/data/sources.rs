//! Which files an INPUT means.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// Files to be read, in a fixed order. Each stands here once, however often it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(Vec<PathBuf>);

impl Sources {
    /// The files that `specs` mean, in the order of the specs:
    ///
    /// - `-` is standard input;
    /// - a file is itself;
    /// - a folder is all files in and below it, sorted by path; hidden ones and what symbolic links to folders
    ///   lead to are left out;
    /// - anything with `*`, `?` or `[` that is not the name of a file is a pattern (`**` crosses folders),
    ///   sorted; a folder that it matches counts as above.
    pub fn resolve<S: AsRef<str>>(specs: &[S]) -> Result<Self> {
        let mut paths = Vec::new();
        for spec in specs {
            one(spec.as_ref(), &mut paths)?;
        }
        if paths.is_empty() {
            return Err(Error::usage("no input given")
                .help("name a file, a folder, a 'pattern*' or - for standard input"));
        }
        let mut seen = std::collections::HashSet::new();
        paths.retain(|path| seen.insert(path.clone()));
        Ok(Sources(paths))
    }

    /// A single file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Sources(vec![path.into()])
    }

    /// The paths; "-" is standard input.
    pub fn paths(&self) -> &[PathBuf] {
        &self.0
    }

    /// The bytes of all files together as they lie on the disk; `None` if one of them is no regular file.
    pub fn size(&self) -> Option<u64> {
        self.0
            .iter()
            .map(|path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|m| m.len()))
            .sum()
    }
}

fn one(spec: &str, paths: &mut Vec<PathBuf>) -> Result<()> {
    if spec == "-" {
        paths.push(PathBuf::from("-"));
        return Ok(());
    }
    let path = Path::new(spec);
    match fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            let before = paths.len();
            folder(path, paths)?;
            if paths.len() == before {
                return Err(Error::new(Kind::Io, format!("the folder {spec} holds no files"))
                    .help("hidden files are left out; name a file to read it all the same"));
            }
            Ok(())
        }
        Ok(_) => {
            paths.push(path.to_path_buf());
            Ok(())
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound && spec.contains(['*', '?', '[']) => {
            pattern(spec, paths)
        }
        Err(e) => Err(Error::io("read", path, &e)),
    }
}

fn pattern(spec: &str, paths: &mut Vec<PathBuf>) -> Result<()> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let matches = glob::glob_with(spec, options).map_err(|e| {
        Error::usage(format!("'{spec}' is no pattern: {}", e.msg)).help("write [[] for a literal [")
    })?;
    let before = paths.len();
    let mut found = Vec::new();
    for path in matches {
        found.push(path.map_err(|e| Error::io("read", e.path(), e.error()))?);
    }
    found.sort();
    for path in found {
        if path.is_dir() { folder(&path, paths)? } else { paths.push(path) }
    }
    if paths.len() == before {
        return Err(Error::new(Kind::Io, format!("'{spec}' matches no file"))
            .help("check the pattern: ** crosses folders, hidden files are left out"));
    }
    Ok(())
}

fn folder(path: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| Error::io("read", path, &e))? {
        let entry = entry.map_err(|e| Error::io("read", path, &e))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    for entry in entries {
        let kind = fs::symlink_metadata(&entry).map_err(|e| Error::io("read", &entry, &e))?;
        if kind.is_dir() {
            folder(&entry, paths)?;
        } else if kind.is_file() || fs::metadata(&entry).is_ok_and(|m| m.is_file()) {
            paths.push(entry);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_patterns_come_in_a_fixed_order() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap().to_string();
        fs::create_dir_all(dir.path().join("b/deep")).unwrap();
        for name in ["z.txt", "a.txt", "b/2.txt", "b/1.md", "b/deep/3.txt", ".hidden", "odd[1].txt"]
        {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let names = |specs: &[String]| -> Vec<String> {
            let sources = Sources::resolve(specs).unwrap();
            sources
                .paths()
                .iter()
                .map(|p| p.strip_prefix(&root).unwrap().to_str().unwrap().to_string())
                .collect()
        };
        assert_eq!(
            names(std::slice::from_ref(&root)),
            ["a.txt", "b/1.md", "b/2.txt", "b/deep/3.txt", "odd[1].txt", "z.txt"]
        );
        assert_eq!(names(&[format!("{root}/*.txt")]), ["a.txt", "odd[1].txt", "z.txt"]);
        assert_eq!(names(&[format!("{root}/**/*.txt")]).len(), 5);
        assert_eq!(names(&[format!("{root}/odd[1].txt")]), ["odd[1].txt"]);
        assert_eq!(names(&[format!("{root}/z.txt"), format!("{root}/?.txt")]), ["z.txt", "a.txt"]);
    }

    #[test]
    fn nothing_found_names_the_spec() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_str().unwrap();
        for spec in [format!("{root}/no.txt"), format!("{root}/*.md"), root.to_string()] {
            let error = Sources::resolve(std::slice::from_ref(&spec)).unwrap_err();
            assert_eq!(error.kind(), Kind::Io);
            assert!(error.message().contains(&spec), "{error}");
            assert!(error.way_out().is_some());
        }
        assert_eq!(Sources::resolve::<&str>(&[]).unwrap_err().kind(), Kind::Usage);
    }
}
