//! Checking a space: every byte of every file, and that what they say hangs together.

use arrow_array::Float64Array;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3Default;

use super::changes::{log_name, logged_at};
use super::deleted::Deleted;
use super::graph::GraphLists;
use super::ids::IdTable;
use super::index;
use super::layout::{self, README};
use super::manifest::{FileAbout, Manifest, SegmentAbout, StoredModel};
use super::table::Table;
use super::{FieldAbout, Model, Row, Rows, Space, builder, model, open, repair};
use crate::error::{Error, Result};
use crate::file::Bytes;
use crate::items::Items;

/// What `check` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// How many files were read.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The rows of the space, deleted ones included.
    pub rows: u64,
    /// Bytes at the end of the log that are no whole change: of a writer that was killed while it wrote them, and that no one
    /// was promised.
    pub torn: u64,
    /// What is wrong, if anything.
    pub problems: Vec<Problem>,
    /// What killed writers left in the folder or beside it: harmless, and removed by a repair.
    pub leftovers: Vec<String>,
    /// Whether the leftovers have been removed.
    pub swept: bool,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as a name within the space's folder.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
    /// Whether it has been made right.
    pub repaired: bool,
}

impl CheckReport {
    /// Whether nothing is wrong, or nothing any more.
    pub fn is_sound(&self) -> bool {
        self.problems.iter().all(|p| p.repaired)
    }

    pub(super) fn add(&mut self, file: &str, what: impl Into<String>) {
        self.problems.push(Problem { file: file.to_owned(), what: what.into(), repaired: false });
    }
}

/// Reads every byte of the space at `path` and names each file that is not as it was written. With `repair`, takes
/// the writer's lock, makes right what can be derived from what is whole (id tables, README.txt; broken maps,
/// graphs and indexes are dropped), and sweeps what killed writers left; good data is never touched.
///
/// An error only for what is no space at all, cannot be read, or comes from a newer version.
pub fn check(path: &Path, repair: bool) -> Result<CheckReport> {
    if repair {
        return repair::repair(path);
    }
    loop {
        let (report, generation) = look(path)?;
        // What a writer published meanwhile may have removed files that we were about to read.
        let now = open::read_manifest(path).map_or(0, |m| m.generation);
        if report.is_sound() || now == generation {
            return Ok(report);
        }
    }
}

/// One look at a space, and the generation it had (0: none that could be read).
pub(super) fn look(path: &Path) -> Result<(CheckReport, u64)> {
    let mut report = CheckReport { files: 1, ..CheckReport::default() };
    let manifest = match open::read_manifest(path) {
        Ok(manifest) => manifest,
        Err(error) if error.message().contains("space.json is damaged") => {
            report.add(layout::MANIFEST, error.message());
            return Ok((report, 0));
        }
        Err(error) => return Err(error),
    };
    report.rows = manifest.rows();
    let mut whole = BTreeMap::new();
    for about in manifest.files() {
        report.files += 1;
        report.bytes += about.bytes;
        match content(path, about)? {
            None => drop(whole.insert(about.file.as_str(), about)),
            Some(what) => report.add(&about.file, what),
        }
    }
    let whole = |about: &FileAbout| whole.contains_key(about.file.as_str());
    for segment in &manifest.segments {
        of_segment(path, &manifest, segment, &whole, &mut report)?;
    }
    if let Some(about) = manifest.deleted.as_ref().filter(|d| whole(&d.file)) {
        let wrong =
            |found: u64| format!("{found} rows are marked, where space.json says {}", about.rows);
        let bytes = Bytes::map(&path.join(&about.file.file))?;
        match Deleted::from_bytes(bytes, manifest.rows(), about.rows) {
            Err(error) => report.add(&about.file.file, error.message()),
            Ok(deleted) if deleted.count() != about.rows => {
                report.add(&about.file.file, wrong(deleted.count()));
            }
            Ok(_) => {}
        }
    }
    if let Some(about) = manifest.model.as_ref().filter(|m| whole(&m.config) && whole(&m.tensors)) {
        of_model(path, about, &mut report)?;
    }
    for stored in manifest.graphs.iter().filter(|g| whole(&g.file)) {
        let lists = GraphLists::from_bytes(Bytes::map(&path.join(&stored.file.file))?);
        let fits = |lists: GraphLists| -> Result<()> {
            lists.check()?;
            if lists.k() == stored.graph.k {
                return Ok(());
            }
            let (found, said) = (lists.k(), stored.graph.k);
            Err(Error::data(format!("{found} neighbours each, where space.json says {said}")))
        };
        if let Err(error) = lists.and_then(fits) {
            report.add(&stored.file.file, error.message());
        }
    }
    for stored in manifest.indexes.iter().filter(|i| whole(&i.file)) {
        let sections = index::open(Bytes::map(&path.join(&stored.file.file))?);
        if let Err(error) = sections.and_then(|sections| sections.check()) {
            report.add(&stored.file.file, error.message());
        }
    }
    if report.problems.is_empty() {
        match open::load(path, manifest.clone(), false) {
            Ok(space) => {
                together(&space, &manifest, &mut report);
                of_log(path, &manifest, &space, &mut report);
            }
            Err(error) => report.add(layout::MANIFEST, error.message()),
        }
    }
    // It is for people: another version's words, or their own, are as good as ours.
    if !path.join(README).is_file() {
        report.add(README, "it is missing");
    }
    report.leftovers = leftovers(path, &manifest);
    Ok((report, manifest.generation))
}

/// Whether the changes since can be read.
fn of_log(path: &Path, manifest: &Manifest, space: &Space, report: &mut CheckReport) {
    let name = log_name(manifest.logged());
    match logged_at(path, manifest.logged(), space) {
        Ok(None) => {}
        Ok(Some(logged)) => {
            report.files += 1;
            report.torn = logged.torn as u64;
        }
        Err(error) => report.add(&name, error.message()),
    }
}

/// What is wrong with the bytes of a file, if anything.
fn content(dir: &Path, about: &FileAbout) -> Result<Option<String>> {
    let at = dir.join(&about.file);
    let mut file = match File::open(&at) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Some("it is missing".into()));
        }
        Err(e) => return Err(Error::io("open", &at, &e)),
    };
    let mut hash = Xxh3Default::new();
    let mut buffer = vec![0; 1 << 20];
    let mut len = 0_u64;
    loop {
        let n = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Ok(Some(format!("it cannot be read beyond byte {len}: {e}"))),
        };
        hash.update(&buffer[..n]);
        len += n as u64;
    }
    if len != about.bytes {
        return Ok(Some(format!("{len} bytes, where space.json says {}", about.bytes)));
    }
    let found = format!("{:016x}", hash.digest());
    Ok((found != about.xxh3)
        .then(|| format!("its checksum is {found}, where space.json says {}", about.xxh3)))
}

/// Whether the files of a segment whose bytes are whole say the same.
fn of_segment(
    dir: &Path,
    manifest: &Manifest,
    segment: &SegmentAbout,
    whole: &dyn Fn(&FileAbout) -> bool,
    report: &mut CheckReport,
) -> Result<()> {
    let map = |about: &FileAbout| Bytes::map(&dir.join(&about.file));
    let rows = segment.rows as usize;
    let mut items = None;
    if whole(&segment.items) {
        match items_of(map(&segment.items)?, segment, manifest) {
            Ok(found) => items = Some(found),
            Err(error) => report.add(&segment.items.file, error.message()),
        }
    }
    if whole(&segment.ids) {
        let table =
            IdTable::from_bytes(map(&segment.ids)?).and_then(|table| table.check().map(|()| table));
        match (table, &items) {
            (Err(error), _) => report.add(&segment.ids.file, error.message()),
            (Ok(table), _) if table.rows() != rows => report.add(
                &segment.ids.file,
                format!("{} rows, where space.json says {rows}", table.rows()),
            ),
            (Ok(table), Some(items)) => {
                let differs = (0..rows).find(|&row| table.id(row) != items.ids().value(row));
                if let Some(row) = differs {
                    report.add(
                        &segment.ids.file,
                        format!(
                            "row {row} is '{}', but '{}' among the items",
                            table.id(row),
                            items.ids().value(row)
                        ),
                    );
                }
            }
            (Ok(_), None) => {}
        }
    }
    for field in &manifest.fields {
        let Some(about) = segment.fields.get(&field.name).filter(|about| whole(about)) else {
            continue;
        };
        if let Err(error) = vectors_of(map(about)?, field, rows) {
            report.add(&about.file, error.message());
        }
    }
    Ok(())
}

/// Whether the files of the model, whose bytes are whole, are one.
fn of_model(dir: &Path, about: &StoredModel, report: &mut CheckReport) -> Result<()> {
    let config = Bytes::map(&dir.join(&about.config.file))?;
    if let Err(error) = model::check_config(&config) {
        report.add(&about.config.file, error.message());
        return Ok(());
    }
    let tensors = Bytes::map(&dir.join(&about.tensors.file))?;
    match Model::from_bytes(&config, &tensors) {
        Err(error) => report.add(&about.tensors.file, error.message()),
        Ok(model) => {
            if let Some(what) = model.misfit() {
                report.add(&about.tensors.file, what);
            }
        }
    }
    Ok(())
}

/// The items of a segment; an error says what is wrong with them.
pub(super) fn items_of(bytes: Bytes, segment: &SegmentAbout, manifest: &Manifest) -> Result<Items> {
    let items = Table::stored(bytes, &segment.items)?.read(segment.rows as usize, None)?;
    let mut seen = HashSet::with_capacity(items.len());
    if let Some(id) = items.ids().iter().flatten().find(|id| !seen.insert(*id)) {
        return Err(Error::data(format!("id '{id}' stands twice")));
    }
    for column in items.columns() {
        let known = manifest.columns.iter().find(|c| c.name == column.name);
        if known.is_none_or(|known| known.kind != column.kind) {
            return Err(Error::data(format!("column '{}' is not as space.json says", column.name)));
        }
    }
    Ok(items)
}

fn vectors_of(bytes: Bytes, field: &FieldAbout, rows: usize) -> Result<()> {
    let vectors = open::vectors_in(bytes, field, rows)?;
    let field = super::Field::new(field.clone(), vec![(rows, vectors)]);
    for (_, numbers) in field.segments() {
        let bad = match numbers {
            Rows::F32(numbers) => builder::misfit(numbers, super::Dtype::F32),
            Rows::F16(numbers) => numbers.iter().position(|x| !x.is_finite()),
        };
        if let Some(bad) = bad {
            return Err(Error::data(format!(
                "row {}, column {} is no finite number",
                bad / field.dim(),
                bad % field.dim()
            )));
        }
    }
    Ok(())
}

/// What only the whole space can tell: ids unique among live rows, columns and maps complete.
fn together(space: &Space, manifest: &Manifest, report: &mut CheckReport) {
    let twice = space.live().find(|&row| space.get(space.id(row)) != Some(row));
    if let Some(row) = twice {
        report.add(layout::MANIFEST, format!("id '{}' is live in two segments", space.id(row)));
    }
    if let Err(error) = space.items(None) {
        report.add(layout::MANIFEST, error.message());
    }
    for (map, stored) in
        space.maps().iter().zip(&manifest.maps).filter(|(map, _)| space.is_fresh(map))
    {
        if let Err(error) = map_of(space, &map.name) {
            report.add(&stored.file.file, error.message());
        }
    }
    of_graphs(space, manifest, report);
}

/// Whether a graph that is not stale has a list for every item.
fn of_graphs(space: &Space, manifest: &Manifest, report: &mut CheckReport) {
    for (graph, stored) in space.graphs().iter().zip(&manifest.graphs) {
        if space.has_rows_of(graph.generation)
            && let Err(error) = space.graph(&graph.name)
        {
            report.add(&stored.file.file, error.message());
        }
    }
}

fn map_of(space: &Space, name: &str) -> Result<()> {
    let (_, table) = space.map(Some(name))?;
    for axis in ["x", "y"] {
        let numbers =
            table.column(axis).and_then(|c| c.values.as_any().downcast_ref::<Float64Array>());
        if numbers.is_none_or(|numbers| numbers.iter().any(|x| x.is_none_or(|x| !x.is_finite()))) {
            return Err(Error::data(format!("'{axis}' is not a finite number everywhere")));
        }
    }
    let rows: Vec<Row> = space.live().collect();
    match rows.iter().zip(table.ids()).find(|(row, id)| Some(space.id(**row)) != *id) {
        Some((row, _)) => {
            Err(Error::data(format!("item '{}' is not at its place", space.id(*row))))
        }
        None => Ok(()),
    }
}

fn leftovers(path: &Path, manifest: &Manifest) -> Vec<String> {
    let mut found = layout::garbage(path, manifest);
    let beside = layout::draft_dir(path);
    if beside.is_dir() && layout::is_draft(&beside) {
        found.push(format!("../{}", beside.file_name().unwrap_or_default().to_string_lossy()));
    }
    found
}
