//! What the readers have in common: from ids and numbers to a checked Space.

use std::collections::{HashMap, HashSet};

use arrow_array::BooleanArray;
use serde_json::{Map, Value};

use super::options::{ImportOptions, OnDuplicate};
use crate::error::{Error, Result};
use crate::geometry::Geometry;
use crate::items::{Column, Items};
use crate::linalg::{Halves, Matrix};
use crate::run::Run;
use crate::space::{Dtype, Model, Provenance, Space};

/// What a reader found in a file, not yet checked.
pub(super) struct Loaded {
    /// One id a row.
    pub(super) ids: Vec<String>,
    /// Columns of metadata, as long as `ids`.
    pub(super) columns: Vec<Column>,
    /// Vector fields, as long as `ids`; the first is "main".
    pub(super) fields: Vec<(String, Matrix)>,
    /// "main", where it is held in 16 bits; there is no other field then.
    pub(super) halves: Option<Halves>,
    /// How the numbers were stored.
    pub(super) dtype: Dtype,
    /// How the vectors came to be, where the file says.
    pub(super) provenance: Vec<Provenance>,
    /// What places other items, where the file holds it.
    pub(super) model: Option<Model>,
    /// How distance is measured, where the file says.
    pub(super) geometry: Option<Geometry>,
    /// What a row of this format is called in messages: "word", "row".
    pub(super) unit: &'static str,
    /// The first id that was no text in its encoding, and how many there are.
    garbled: Option<(usize, usize)>,
    encoding: &'static encoding_rs::Encoding,
}

impl Loaded {
    pub(super) fn new(unit: &'static str) -> Self {
        Loaded {
            ids: Vec::new(),
            columns: Vec::new(),
            fields: Vec::new(),
            halves: None,
            dtype: Dtype::F32,
            provenance: Vec::new(),
            model: None,
            geometry: None,
            unit,
            garbled: None,
            encoding: encoding_rs::UTF_8,
        }
    }

    /// For ids in another encoding than UTF-8, by its label. It must be one that contains ASCII, as the separators
    /// around the ids are.
    pub(super) fn in_encoding(mut self, label: Option<&str>) -> Result<Self> {
        if let Some(label) = label {
            self.encoding = crate::data::encoding(label)?;
            if !self.encoding.is_ascii_compatible() {
                return Err(Error::usage(format!("vectors cannot be read as {label}"))
                    .help("convert the file to UTF-8 first"));
            }
        }
        Ok(self)
    }

    /// Adds an id as it stands in the file; bytes that are no UTF-8 are replaced, and counted.
    pub(super) fn push_id(&mut self, bytes: &[u8]) {
        let (id, garbled) = self.encoding.decode_without_bom_handling(bytes);
        if garbled {
            let (first, count) = self.garbled.unwrap_or((self.ids.len(), 0));
            self.garbled = Some((first, count + 1));
        }
        self.ids.push(id.into_owned());
    }

    /// The Space, once ids are unique and all numbers finite, or made so as the options allow.
    pub(super) fn finish(
        mut self,
        name: &str,
        format: &str,
        sources: Vec<Value>,
        options: &ImportOptions,
        run: &Run,
    ) -> Result<Space> {
        let rows = self.ids.len();
        if rows == 0 {
            return Err(Error::data(format!("{name}: holds no vectors")));
        }
        if u32::try_from(rows).is_err() {
            return Err(Error::data(format!(
                "{name}: {rows} vectors are more than a space can number (4,294,967,295)"
            )));
        }
        self.report_garbled(name, run)?;
        let mut keep = vec![true; rows];
        self.check_numbers(name, options, &mut keep, run)?;
        self.check_ids(name, options, &mut keep, run)?;
        self.retain(&keep)?;
        if self.ids.is_empty() {
            return Err(Error::data(format!("{name}: no vector is left")));
        }
        let mut items = Items::from_ids(self.ids)?;
        for column in self.columns {
            items = items.with_column(column)?;
        }
        let geometry = options.geometry.or(self.geometry).unwrap_or(Geometry::Cosine);
        let dtype = options.store.unwrap_or(self.dtype);
        let mut builder = Space::builder("import", items).dtype(dtype);
        if let Some(halves) = self.halves {
            builder = builder.half_field("main", geometry, halves);
        }
        for (field, matrix) in self.fields {
            builder = builder.field(&field, geometry, matrix);
        }
        for step in self.provenance {
            builder = builder.provenance(step);
        }
        if let Some(model) = self.model {
            builder = builder.model(model);
        }
        let mut settings = Map::new();
        settings.insert("format".into(), format.into());
        settings.insert(
            "on_duplicate".into(),
            serde_json::to_value(options.on_duplicate).unwrap_or_default(),
        );
        builder
            .provenance(Provenance {
                action: "import".into(),
                options: settings,
                seed: None,
                sources,
                version: env!("CARGO_PKG_VERSION").into(),
            })
            .build()
    }

    fn report_garbled(&self, name: &str, run: &Run) -> Result<()> {
        let Some((first, count)) = self.garbled else { return Ok(()) };
        let (unit, row, total) = (self.unit, first + 1, self.ids.len());
        let encoding = self.encoding.name();
        let message = format!(
            "{name}: {count} of {total} ids are not valid {encoding}, the first in {unit} {row}"
        );
        if count * 100 > total {
            return Err(
                Error::data(message).help("name the encoding: --encoding latin1, for example")
            );
        }
        run.progress.warn(&format!("{message}; their other bytes were kept"));
        Ok(())
    }

    fn check_numbers(
        &self,
        name: &str,
        options: &ImportOptions,
        keep: &mut [bool],
        run: &Run,
    ) -> Result<()> {
        let mut bad: Option<(String, usize)> = None;
        for (field, matrix) in &self.fields {
            for (row, vector) in matrix.iter_rows().enumerate() {
                let Some(place) = vector.iter().position(|x| !x.is_finite()) else { continue };
                if std::mem::replace(&mut keep[row], false) {
                    let (value, id) = (vector[place], &self.ids[row]);
                    let (unit, row, place) = (self.unit, row + 1, place + 1);
                    let of = if field == "main" {
                        String::new()
                    } else {
                        format!(" of field '{field}'")
                    };
                    let message =
                        format!("{unit} {row} ('{id}'), component {place}{of}, is {value}");
                    bad = Some(bad.map_or((message, 1), |(first, count)| (first, count + 1)));
                }
            }
        }
        match bad {
            None => Ok(()),
            Some((first, count)) if options.skip_bad => {
                run.progress.warn(&format!("{name}: {count} vectors left out: {first}"));
                Ok(())
            }
            Some((first, _)) => {
                Err(Error::data(format!("{name}: {first}; vectors must be finite numbers"))
                    .help("correct the file, or leave such vectors out: --skip-bad"))
            }
        }
    }

    fn check_ids(
        &mut self,
        name: &str,
        options: &ImportOptions,
        keep: &mut [bool],
        run: &Run,
    ) -> Result<()> {
        let mut first_rows: HashMap<&str, usize> = HashMap::with_capacity(self.ids.len());
        let mut repeated = Vec::new();
        for (row, id) in self.ids.iter().enumerate().filter(|(row, _)| keep[*row]) {
            match first_rows.entry(id.as_str()) {
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(row);
                }
                std::collections::hash_map::Entry::Occupied(entry) => {
                    repeated.push((row, *entry.get()));
                }
            }
        }
        let Some(&(again, first)) = repeated.first() else { return Ok(()) };
        let (unit, id) = (self.unit, &self.ids[again]);
        let message =
            format!("id '{id}' stands in {unit} {} and again in {unit} {}", first + 1, again + 1);
        match options.on_duplicate {
            OnDuplicate::Stop => Err(Error::data(format!("{name}: {message}"))
                .help("keep the first of each with --on-duplicate first, or all with --on-duplicate rename")),
            OnDuplicate::First => {
                for (row, _) in &repeated {
                    keep[*row] = false;
                }
                run.progress.warn(&format!("{name}: {} vectors left out: {message}", repeated.len()));
                Ok(())
            }
            OnDuplicate::Rename => {
                run.progress.warn(&format!("{name}: {} ids renamed: {message}", repeated.len()));
                let mut taken: HashSet<String> = first_rows.keys().map(|id| (*id).to_owned()).collect();
                let mut next: HashMap<String, usize> = HashMap::new();
                for (row, _) in repeated {
                    let number = next.entry(self.ids[row].clone()).or_insert(2);
                    let renamed = loop {
                        let renamed = format!("{}#{number}", self.ids[row]);
                        *number += 1;
                        if taken.insert(renamed.clone()) {
                            break renamed;
                        }
                    };
                    self.ids[row] = renamed;
                }
                Ok(())
            }
        }
    }

    fn retain(&mut self, keep: &[bool]) -> Result<()> {
        if keep.iter().all(|&k| k) {
            return Ok(());
        }
        let mut rows = keep.iter();
        self.ids.retain(|_| rows.next() == Some(&true));
        let mask = BooleanArray::from(keep.to_vec());
        for column in &mut self.columns {
            column.values = arrow_select::filter::filter(&column.values, &mask)
                .map_err(|e| Error::data(format!("column '{}': {e}", column.name)))?;
        }
        if let Some(halves) = &mut self.halves {
            halves.retain(keep);
        }
        for (_, matrix) in &mut self.fields {
            let dim = matrix.cols();
            let old = std::mem::take(matrix);
            let mut numbers = old.into_vec();
            let mut kept = 0;
            for row in (0..keep.len()).filter(|&row| keep[row]) {
                numbers.copy_within(row * dim..(row + 1) * dim, kept * dim);
                kept += 1;
            }
            numbers.truncate(kept * dim);
            *matrix = Matrix::new(kept, dim, numbers)?;
        }
        Ok(())
    }
}
