//! Items as a program gives them, checked against the space they are for.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use half::f16;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::items::{Column, ColumnKind, Items, json};
use crate::linalg::Matrix;
use crate::space::{Dtype, FieldAbout, Space, builder};

/// The longest id, in bytes.
const MOST_ID: usize = 1 << 16;

/// An item to be put in a space.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// Its id.
    pub id: String,
    /// Its vectors by the name of their field. "main" has to be there; what is missing of others is zero.
    pub vectors: BTreeMap<String, Vec<f32>>,
    /// Its columns. What is not given is missing.
    pub columns: Map<String, Value>,
}

/// Items that fit a space: a small space of the same fields and columns.
#[derive(Debug, Clone)]
pub struct Points(pub(super) Space);

/// What items of a space look like.
#[derive(Debug, Clone)]
pub(in crate::space) struct Shape {
    pub(super) fields: Vec<FieldAbout>,
    pub(super) columns: Vec<(String, ColumnKind, Option<DataType>)>,
}

impl Points {
    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.live().map(|row| self.0.id(row))
    }
}

impl Space {
    /// Items to be put in this space by a [`Writer`](super::Writer). An error names the item, and the field or column that does not
    /// fit: another dimension, a number that is not finite, a value of another kind, a name that is not there, an id twice.
    pub fn points(&self, given: &[Given]) -> Result<Points> {
        self.shape()?.points(given)
    }

    /// What its items look like.
    pub(in crate::space) fn shape(&self) -> Result<Shape> {
        let stored = |name: &str| -> Result<Option<DataType>> {
            for segment in &self.0.segments {
                if let Some(stored) = segment.items.data_type(name)? {
                    return Ok(Some(stored));
                }
            }
            Ok(None)
        };
        let columns = self.columns().iter();
        let columns = columns.map(|(name, kind)| {
            // Of lists alone does the kind not say how they are stored.
            let stored = if *kind == ColumnKind::List { stored(name)? } else { None };
            Ok((name.clone(), *kind, stored))
        });
        Ok(Shape { fields: self.fields().to_vec(), columns: columns.collect::<Result<_>>()? })
    }
}

impl Shape {
    pub(super) fn points(&self, given: &[Given]) -> Result<Points> {
        for item in given {
            self.check(item)?;
        }
        let mut columns = Vec::new();
        for (name, ..) in &self.columns {
            let values: Vec<Option<&Value>> =
                given.iter().map(|item| item.columns.get(name)).collect();
            if values.iter().flatten().any(|value| !value.is_null()) {
                columns.push((name.as_str(), values));
            }
        }
        let vectors = self.fields.iter().map(|field| {
            let mut matrix = Matrix::zeros(given.len(), field.dim);
            for (at, item) in given.iter().enumerate() {
                if let Some(vector) = item.vectors.get(&field.name) {
                    matrix.row_mut(at).copy_from_slice(vector);
                }
            }
            matrix
        });
        let ids: Vec<&str> = given.iter().map(|item| item.id.as_str()).collect();
        self.together(&ids, vectors.collect(), &columns)
    }

    fn check(&self, item: &Given) -> Result<()> {
        let called: String = item.id.chars().take(80).collect();
        if item.id.is_empty() || item.id.len() > MOST_ID {
            let what =
                if item.id.is_empty() { "an empty id" } else { "an id of more than 65,536 bytes" };
            return Err(Error::data(format!("an item has {what}: '{called}'")));
        }
        if !item.vectors.contains_key("main") {
            return Err(Error::data(format!("item '{called}' has no vector")));
        }
        for (name, vector) in &item.vectors {
            let Some(field) = self.fields.iter().find(|field| field.name == *name) else {
                let names: Vec<&str> = self.fields.iter().map(|f| f.name.as_str()).collect();
                return Err(Error::data(format!(
                    "item '{called}' has a vector '{name}', which this space does not"
                ))
                .help(format!("it has: {}", names.join(", "))));
            };
            if vector.len() != field.dim {
                return Err(Error::data(format!(
                    "the vector '{name}' of item '{called}' has {} numbers, those of this space have {}",
                    vector.len(),
                    field.dim
                )));
            }
            if let Some(at) = builder::misfit(vector, field.dtype) {
                return Err(builder::refused(name, 0, &item.id, at, vector[at], field.dtype));
            }
        }
        for name in item.columns.keys() {
            if !self.columns.iter().any(|(known, ..)| known == name) {
                return Err(self.unknown(&called, name));
            }
        }
        Ok(())
    }

    fn unknown(&self, item: &str, name: &str) -> Error {
        let error =
            Error::data(format!("item '{item}' has a column '{name}', which this space does not"));
        let names = || self.columns.iter().map(|(name, ..)| name.as_str());
        let alike = |known: &&str| strsim::jaro_winkler(known, name) > 0.8;
        match names().find(alike) {
            Some(close) => error.help(format!("did you mean '{close}'?")),
            None if self.columns.is_empty() => {
                error.help("'latlas columns' adds columns to a space")
            }
            None => error.help(format!("it has: {}", names().collect::<Vec<_>>().join(", "))),
        }
    }

    /// Points of these ids, vectors in the order of the fields, and the columns that are given.
    pub(super) fn together(
        &self,
        ids: &[&str],
        vectors: Vec<Matrix>,
        columns: &[(&str, Vec<Option<&Value>>)],
    ) -> Result<Points> {
        let mut items = Items::from_ids(ids)?;
        for (name, values) in columns {
            let known = self.columns.iter().find(|(known, ..)| known == name);
            let (_, kind, stored) =
                known.ok_or_else(|| Error::data(format!("there is no column '{name}'")))?;
            let column: Column = json::column(name, *kind, stored.as_ref(), values)?;
            items = items.with_column(column)?;
        }
        let mut builder = Space::builder("points", items);
        for (field, mut vectors) in self.fields.iter().zip(vectors) {
            if field.dtype == Dtype::F16 {
                // As the files will hold it, so that nothing moves when it becomes part of them.
                let numbers = vectors.as_mut_slice().iter_mut();
                numbers.for_each(|x| *x = f16::from_f32(*x).to_f32());
            }
            builder = builder.field(&field.name, field.geometry, vectors);
        }
        Ok(Points(builder.build()?))
    }
}
