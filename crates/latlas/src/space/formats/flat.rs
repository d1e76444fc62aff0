//! The flat table of a space: id, columns, coordinates of its maps, one vector. What table formats are written from.

use std::collections::HashMap;

use arrow_schema::DataType;
use serde_json::{Value, json};

use super::options::ExportOptions;
use super::save::Vectors;
use crate::error::Result;
use crate::items::{Column, ColumnKind, Items};
use crate::run::Run;
use crate::space::Provenance;

/// The key under which table formats with metadata keep what a table cannot say: geometry, field, provenance.
pub(super) const ABOUT: &str = "latlas";

/// Ids, columns and vectors of the live items, row by row.
pub(super) struct Flat<'a> {
    pub(super) vectors: Vectors<'a>,
    /// Ids, the space's columns, then `MAP_x`, `MAP_y` (and `MAP_z`) of each map that still fits.
    pub(super) items: Items,
    /// What the column of vectors is called: "vector", with as many _ as make it unique.
    pub(super) vector_name: String,
}

impl<'a> Flat<'a> {
    pub(super) fn new(vectors: Vectors<'a>, run: &Run) -> Result<Self> {
        let space = vectors.space;
        let mut items = space.items(None)?;
        for about in space.maps() {
            if !space.is_fresh(about) {
                run.progress.note(&format!(
                    "map '{}' was built on other rows: left out (latlas map builds it again)",
                    about.name
                ));
                continue;
            }
            let (_, table) = space.map(Some(&about.name))?;
            let axes: Vec<&Column> =
                ["x", "y", "z"].iter().filter_map(|axis| table.column(axis)).collect();
            let mut coordinates = Items::new(table.ids().clone())?;
            for axis in axes {
                coordinates = coordinates.with_column(axis.clone())?;
            }
            let (columns, _) = crate::items::join(items.ids(), &coordinates)?;
            for column in columns {
                let name = unique(&items, format!("{}_{}", about.name, column.name));
                items = items.with_column(Column { name, ..column })?;
            }
        }
        let vector_name = unique(&items, "vector".to_owned());
        Ok(Flat { vectors, items, vector_name })
    }

    /// Whether the vectors are kept as half floats.
    pub(super) fn float(&self) -> DataType {
        match self.vectors.dtype() {
            crate::space::Dtype::F32 => DataType::Float32,
            crate::space::Dtype::F16 => DataType::Float16,
        }
    }

    /// What the table cannot say itself.
    pub(super) fn about(&self, options: &ExportOptions) -> Value {
        let (space, field) = (self.vectors.space, self.vectors.field.about());
        let provenance: Vec<Provenance> = space
            .provenance()
            .iter()
            .map(|step| if options.portable { portable(step) } else { step.clone() })
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "kind": space.kind(),
            "vector": self.vector_name,
            "field": field.name,
            "geometry": field.geometry,
            "provenance": provenance,
        })
    }

    /// Flags that make a reader of text find the same kinds again, where it would guess others; empty if none.
    pub(super) fn flags(&self) -> String {
        let told = |column: &&Column| {
            matches!(column.kind, ColumnKind::Category | ColumnKind::Text | ColumnKind::List)
        };
        let flags: Vec<String> = self
            .items
            .columns()
            .iter()
            .filter(told)
            .map(|column| format!("--type {}={}", quoted(&column.name), column.kind.name()))
            .collect();
        flags.join(" ")
    }
}

fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

fn unique(items: &Items, mut name: String) -> String {
    while name == "id" || items.column(&name).is_some() {
        name.push('_');
    }
    name
}

/// Without absolute paths.
fn portable(step: &Provenance) -> Provenance {
    let mut step = step.clone();
    step.options.values_mut().chain(&mut step.sources).for_each(shorten);
    step
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text)
            if std::path::Path::new(&*text).is_absolute() || text.contains(":\\") =>
        {
            *text = text.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        }
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Object(map) => map.values_mut().for_each(shorten),
        _ => {}
    }
}

/// Kinds by column name, as the metadata of Arrow fields: what our readers look for.
pub(super) fn kind_metadata(kind: ColumnKind) -> HashMap<String, String> {
    HashMap::from([("latlas.kind".to_owned(), kind.name().to_owned())])
}
