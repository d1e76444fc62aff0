//! Making right what can be derived from what is whole.

use std::fs;
use std::path::Path;

use super::check::{self, CheckReport};
use super::draft::Draft;
use super::ids::IdTable;
use super::layout::{self, LOCK, README};
use super::manifest::{Manifest, SegmentAbout};
use super::save;
use super::{Provenance, open};
use crate::error::Result;
use crate::file::{self, Bytes, Lock};

pub(super) fn repair(path: &Path) -> Result<CheckReport> {
    let damaged = open::read_manifest(path).is_err();
    if damaged {
        return check::look(path).map(|(report, _)| report); // nothing says which files belong to it
    }
    let lock = Lock::take(&path.join(LOCK), path)?;
    let (mut report, _) = check::look(path)?;
    let mut manifest = open::read_manifest(path)?;
    let mut draft = Draft::new(path, manifest.next_file);
    let broken: Vec<String> = report.problems.iter().map(|p| p.file.clone()).collect();
    let is_broken = |file: &str| broken.iter().any(|b| b == file);

    let mut repaired: Vec<String> = Vec::new();
    for i in 0..manifest.segments.len() {
        let segment = &manifest.segments[i];
        if !is_broken(&segment.ids.file) || is_broken(&segment.items.file) {
            continue; // the items are where ids come from
        }
        if let Some(bytes) = ids_again(path, segment, &manifest) {
            repaired.push(segment.ids.file.clone());
            manifest.segments[i].ids = draft.bytes("ids", "idx", &bytes)?;
        }
    }
    manifest.maps.retain(|map| {
        let whole = !is_broken(&map.file.file);
        if !whole {
            repaired.push(map.file.file.clone());
        }
        whole
    });
    manifest.graphs.retain(|graph| {
        let whole = !is_broken(&graph.file.file);
        if !whole {
            repaired.push(graph.file.file.clone());
        }
        whole
    });
    manifest.indexes.retain(|index| {
        let whole = !is_broken(&index.file.file);
        if !whole {
            repaired.push(index.file.file.clone());
        }
        whole
    });
    if !repaired.is_empty() {
        manifest.log = Some(manifest.logged()); // what is in it is not touched
        manifest.generation += 1;
        manifest.next_file = draft.next_file();
        let options = [("files".to_owned(), repaired.clone().into())].into_iter().collect();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        manifest.provenance.push(Provenance {
            action: "check --repair".into(),
            options,
            version,
            ..Provenance::default()
        });
        save::publish_manifest(path, &manifest, &mut draft)?;
    }
    if is_broken(README) {
        file::publish(&path.join(README), save::readme)?;
        repaired.push(README.to_owned());
    }
    for problem in &mut report.problems {
        problem.repaired = repaired.contains(&problem.file);
    }
    save::sweep(path, &manifest);
    sweep_draft(path);
    let left = check::look(path)?.0;
    report.swept = left.leftovers.is_empty();
    drop(lock);
    Ok(report)
}

/// The id table of a segment made from its items, if they are as they should be.
fn ids_again(path: &Path, segment: &SegmentAbout, manifest: &Manifest) -> Option<Vec<u8>> {
    let bytes = Bytes::map(&path.join(&segment.items.file)).ok()?;
    let items = check::items_of(bytes, segment, manifest).ok()?;
    let ids = items.ids();
    IdTable::encode((0..items.len()).map(|row| ids.value(row))).ok()
}

/// Removes what a killed writer left beside a space, unless one is at work there.
fn sweep_draft(path: &Path) {
    let dir = layout::draft_dir(path);
    if dir.is_dir() && layout::is_draft(&dir) {
        let held = Lock::take(&dir.join(LOCK), &dir);
        if held.is_ok() {
            let _ = fs::remove_dir_all(&dir);
        }
    }
}
