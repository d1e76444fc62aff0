//! Names within a space's folder and beside it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::changes::log_name;
use super::manifest::{self, Manifest};
use crate::error::{Error, Result};
use crate::file::with_suffix;

pub(super) const MANIFEST: &str = "space.json";
pub(super) const MANIFEST_TMP: &str = "space.json.tmp";
pub(super) const LOCK: &str = ".lock";
pub(super) const README: &str = "README.txt";
pub(super) const MAPS: &str = "maps";
pub(super) const MODEL: &str = "model";
pub(super) const GRAPHS: &str = "graphs";
pub(super) const INDEX: &str = "index";
/// The folders within a space, as `listing` names them.
pub(super) const FOLDERS: [&str; 4] = ["maps/", "model/", "graphs/", "index/"];

/// Where a computation whose result will be the space `target` keeps its scratch files and checkpoints: beside it, on
/// the same disk (`en.space.work`). Removed by its maker when the result is published.
pub fn work_dir(target: &Path) -> PathBuf {
    with_suffix(target, ".work")
}

/// Removes what a computation towards `target` left beside it, if anything.
pub fn sweep_work(target: &Path) -> Result<()> {
    let dir = work_dir(target);
    match fs::remove_dir_all(&dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", dir, &e)),
        _ => Ok(()),
    }
}

/// Where a space is written that is not there yet.
pub(super) fn draft_dir(target: &Path) -> PathBuf {
    with_suffix(target, ".tmp")
}

/// What lies in a space's folder, as names relative to it; folders end in '/'.
pub(super) fn listing(dir: &Path) -> Vec<String> {
    let names = |dir: &Path, prefix: &str| -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let name = |e: fs::DirEntry| {
            let slash = if e.file_type().is_ok_and(|t| t.is_dir()) { "/" } else { "" };
            format!("{prefix}{}{slash}", e.file_name().to_string_lossy())
        };
        entries.map(name).collect()
    };
    let mut all = names(dir, "");
    all.extend(names(&dir.join(MAPS), "maps/"));
    all.extend(names(&dir.join(MODEL), "model/"));
    all.extend(names(&dir.join(GRAPHS), "graphs/"));
    all.extend(names(&dir.join(INDEX), "index/"));
    all.sort_unstable();
    all
}

/// What in a space's folder belongs to no generation and was left by earlier ones or by killed writers. Files that
/// people put there are not, even if their names look alike: vectors count only under the name of a field, or
/// beside an id table of the same number, which is written before them and goes after them.
pub(super) fn garbage(dir: &Path, manifest: &Manifest) -> Vec<String> {
    let all = listing(dir);
    let log = log_name(manifest.logged());
    let files = manifest.files().map(|f| f.file.as_str());
    let kept: HashSet<&str> = files.chain([log.as_str()]).collect();
    let ours = |name: &str| {
        let Some(number) = manifest::number_of(name) else {
            return name == MANIFEST_TMP || name.starts_with("log-") && name.ends_with(".wal.tmp");
        };
        if name.starts_with("maps/") {
            return name.ends_with(".parquet");
        }
        if ["model/", "graphs/", "index/"].iter().any(|folder| name.starts_with(folder)) {
            return true;
        }
        let (stem, rest) = name.split_once(&format!("-{number:04}.")).unwrap_or((name, ""));
        match (stem, rest) {
            ("items", "parquet")
            | ("ids", "idx")
            | ("deleted", "bits")
            | ("main", "npy")
            | ("log", "wal") => true,
            (field, "npy") => {
                let table = format!("ids-{number:04}.idx");
                manifest.fields.iter().any(|f| f.name == field) || all.contains(&table)
            }
            _ => false,
        }
    };
    let mut garbage: Vec<String> =
        all.iter().filter(|name| ours(name) && !kept.contains(name.as_str())).cloned().collect();
    garbage
        .sort_by_key(|name| name.rsplit_once('.').is_none_or(|(_, extension)| extension != "npy"));
    garbage
}

/// Whether a folder is what a writer leaves that was killed while it made a new space: its lock, which comes first,
/// and files of a space.
pub(super) fn is_draft(dir: &Path) -> bool {
    let all = listing(dir);
    all.is_empty() || (all.iter().any(|name| name == LOCK) && stranger(&all).is_none())
}

/// The first of these names that no writer leaves.
pub(super) fn stranger(names: &[String]) -> Option<&String> {
    let known = |name: &str| {
        matches!(name, LOCK | MANIFEST | MANIFEST_TMP | README)
            || FOLDERS.contains(&name)
            || manifest::number_of(name).is_some()
    };
    names.iter().find(|name| !known(name))
}

/// What a space's folder says about itself to whoever finds it.
pub(super) const README_TEXT: &str = "\
This folder is a Latlas space: items, and vectors that place alike items close to each other.

  space.json          what it is: kind, fields, counts, how it was made, and the files that belong to it
  items-NNNN.parquet  one row an item: its id, and what else is known about it
  main-NNNN.npy       one vector an item, in the same order (other fields likewise)
  ids-NNNN.idx        from an id to its row, for Latlas
  deleted-NNNN.bits   rows that no longer count, if there are any
  maps/               layouts in two or three dimensions: id, x, y
  graphs/             the nearest neighbours of every item, for Latlas
  index/              what makes searching fast, for Latlas
  log-NNNN.wal        what was changed since and is not in the other files yet, for Latlas
  model/              what places new items in this space, if it was kept: a configuration, and tensors

Only space.json ever changes; read the names of the files from it. In Python, with NumPy and pandas:

  import json, numpy as np, pandas as pd
  space = json.load(open('space.json'))
  items = pd.concat([pd.read_parquet(s['items']['file']) for s in space['segments']], ignore_index=True)
  main = np.concatenate([np.load(s['fields']['main']['file'], mmap_mode='r') for s in space['segments']])
  deleted = np.zeros(len(items), bool)
  if space['deleted']:
      bits = np.fromfile(space['deleted']['file'], np.uint8, offset=32)
      deleted = np.unpackbits(bits, bitorder='little')[:len(items)].astype(bool)

In DuckDB, with the names that space.json gives:

  SELECT * FROM 'items-0001.parquet' LIMIT 10;

With Latlas: latlas info FOLDER, latlas check FOLDER. As one flat table: latlas convert FOLDER out.parquet
";
