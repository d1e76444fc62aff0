//! `--target COLUMN`: what is known of the items, for a map that is led by it.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use latlas::items::{Column, ColumnKind};
use latlas::map::Target;
use latlas::space::Space;
use latlas::{Error, Result, Run};

/// The values of a column, in the order of the live items.
pub(super) enum Values {
    Categories(Vec<Option<u32>>),
    Numbers(Vec<f64>),
}

impl Values {
    /// The values of `COLUMN`, or of `COLUMN=category` or `COLUMN=number`.
    pub(super) fn read(space: &Space, asked: &str, run: &Run<'_>) -> Result<Self> {
        let known = |name: &str| space.columns().iter().any(|(known, _)| known == name);
        let (name, kind) = match asked.rsplit_once('=') {
            Some((name, kind)) if !known(asked) => (name, Some(kind)),
            _ => (asked, None),
        };
        let items = space.items(Some(&[name]))?;
        let Some(column) = items.column(name) else {
            return Err(Error::usage(format!("--target {asked}: there is no column '{name}'")));
        };
        if column.values.null_count() == column.values.len() {
            return Err(Error::data(format!("--target {name}: the column holds no values"))
                .help("join values first: latlas columns SPACE --join FILE --on COL"));
        }
        match (kind, column.kind) {
            (
                Some("category"),
                ColumnKind::Text | ColumnKind::Category | ColumnKind::Boolean | ColumnKind::Integer,
            )
            | (None, ColumnKind::Category | ColumnKind::Boolean) => {
                Ok(Values::Categories(labels(column)))
            }
            (None | Some("number"), ColumnKind::Integer | ColumnKind::Number) => {
                if kind.is_none() && column.kind == ColumnKind::Integer {
                    run.progress.note(&format!(
                        "--target {name}: numbers, of which near ones come near; as classes: --target {name}=category"
                    ));
                }
                numbers(name, column, |row| items.ids().value(row).to_owned()).map(Values::Numbers)
            }
            (Some(kind), _) if !matches!(kind, "category" | "number") => {
                Err(Error::usage(format!("--target {asked}: there is no kind '{kind}'"))
                    .help("say category or number"))
            }
            (_, ColumnKind::Text) => {
                Err(Error::usage(format!("--target {asked}: this column holds free text"))
                    .help(format!("if it is one of few names: --target {name}=category")))
            }
            (_, kind) => Err(Error::usage(format!(
                "--target {asked}: this column holds values of kind {}",
                kind.name()
            ))
            .help("a target is a category, a boolean, an integer or a number")),
        }
    }

    pub(super) fn target(&self) -> Target<'_> {
        match self {
            Values::Categories(labels) => Target::Categories(labels),
            Values::Numbers(numbers) => Target::Numbers(numbers),
        }
    }

    /// "led by 'topic': 5 labels of 40 of 45 items".
    pub(super) fn describe(&self, column: &str) -> String {
        match self {
            Values::Categories(labels) => {
                let known = labels.iter().flatten().count();
                let kinds = labels.iter().flatten().max().map_or(0, |most| most + 1);
                format!(
                    "led by '{column}': {kinds} labels, known of {known} of {} items",
                    labels.len()
                )
            }
            Values::Numbers(_) => format!("led by the numbers of '{column}'"),
        }
    }
}

/// Labels numbered by first appearance.
fn labels(column: &Column) -> Vec<Option<u32>> {
    let mut numbers = HashMap::new();
    let mut number = |value: String| {
        let next = numbers.len() as u32;
        *numbers.entry(value).or_insert(next)
    };
    let value = |row: usize| -> Option<String> {
        let values: &ArrayRef = &column.values;
        if values.is_null(row) {
            return None;
        }
        if let Some(texts) = values.as_string_opt::<i32>() {
            return Some(texts.value(row).to_owned());
        }
        if let Some(flags) = values.as_boolean_opt() {
            return Some(flags.value(row).to_string());
        }
        values.as_primitive_opt::<Int64Type>().map(|whole| whole.value(row).to_string())
    };
    (0..column.values.len()).map(|row| value(row).map(&mut number)).collect()
}

/// All numbers; one that is missing is an error that names its item.
fn numbers(name: &str, column: &Column, id: impl Fn(usize) -> String) -> Result<Vec<f64>> {
    if let Some(row) = (0..column.values.len()).find(|&row| column.values.is_null(row)) {
        return Err(Error::data(format!(
            "--target {name}: {} items have no number, the first '{}'",
            column.values.null_count(),
            id(row)
        ))
        .help(format!(
            "only categories may be missing: --target {name}=category, or fill them in"
        )));
    }
    let whole = column.values.as_primitive_opt::<Int64Type>();
    let real = column.values.as_primitive_opt::<Float64Type>();
    Ok(match (whole, real) {
        (Some(whole), _) => whole.values().iter().map(|&x| x as f64).collect(),
        (_, Some(real)) => real.values().to_vec(),
        _ => Vec::new(),
    })
}
