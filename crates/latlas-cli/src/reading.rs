//! The flags that all readers of input share, and the options they stand for.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use latlas::data::{Hold, OnBad, ReaderOptions, Unit};
use latlas::items::ColumnKind;
use latlas::{Error, Result};
use serde_json::Value;

use crate::settings::advice;

/// How input is read. What is not said is guessed, and the guess is told.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reading")]
pub(crate) struct Reading {
    /// Where ids come from [default: the column id, else rows are numbered]
    #[arg(long, value_name = "COL|path|row")]
    id: Option<String>,
    /// The column of text, by name or number [default: text, else the longest]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// The column of vectors, or one column a dimension: 'emb_*'
    #[arg(long, value_name = "COL|PATTERN", conflicts_with = "features")]
    vector: Option<String>,
    /// Number columns that become the vector as they are
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    features: Vec<String>,
    /// The columns to keep [default: all]
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    keep: Vec<String>,
    /// What the values of a column are, instead of a guess: zip=category
    #[arg(long = "type", value_name = "COL=KIND", value_delimiter = ',')]
    types: Vec<String>,
    /// Values that mean 'missing', besides the empty one: '?,NA'
    #[arg(long, value_name = "VALUES", value_delimiter = ',')]
    missing: Vec<String>,
    /// The character between fields, or 'tab'
    #[arg(long, value_name = "CHAR")]
    separator: Option<String>,
    /// The character around fields of a CSV, or 'none'
    #[arg(long, value_name = "CHAR")]
    quote: Option<String>,
    /// The first line holds values, not names
    #[arg(long)]
    no_header: bool,
    /// The encoding of text: windows-1254, latin1, utf-16le, … [default: UTF-8]
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// What a document of a plain text is
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Whole::Line)]
    unit: Whole,
    /// What to do with a row that cannot be read; what is skipped is listed
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Bad::Stop)]
    on_bad: Bad,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whole {
    Line,
    Paragraph,
    File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bad {
    Stop,
    Skip,
}

impl Reading {
    /// The options of the readers.
    pub(crate) fn options(&self) -> Result<ReaderOptions> {
        Ok(ReaderOptions {
            id: self.id.clone(),
            text: self.text.clone(),
            vector: self.vector.clone(),
            features: self.features.clone(),
            keep: self.keep.clone(),
            types: self.types()?,
            missing: self.missing.clone(),
            separator: self.separator.as_deref().map(separator).transpose()?,
            quote: self.quote.clone(),
            header: self.no_header.then_some(false),
            encoding: self.encoding.clone(),
            unit: match self.unit {
                Whole::Line => Unit::Line,
                Whole::Paragraph => Unit::Paragraph,
                Whole::File => Unit::File,
            },
            on_bad: match self.on_bad {
                Bad::Stop => OnBad::Stop,
                Bad::Skip => OnBad::Skip,
            },
            format: None,
            hold: Hold::default(),
        })
    }

    fn types(&self) -> Result<BTreeMap<String, ColumnKind>> {
        let kind = |name: &str| {
            serde_json::from_value::<ColumnKind>(Value::String(name.to_lowercase())).ok()
        };
        let one = |text: &String| {
            let (column, name) = text.rsplit_once('=').ok_or_else(|| {
                Error::usage(format!("--type {text}: not of the form COL=KIND"))
                    .help("for example --type zip=category")
            })?;
            let kind = kind(name.trim()).ok_or_else(|| {
                let kinds = ["text", "number", "integer", "boolean", "category", "time", "list"];
                Error::usage(format!("--type {text}: there is no kind '{name}'"))
                    .help(advice(name, &kinds))
            })?;
            Ok((column.trim().to_owned(), kind))
        };
        self.types.iter().map(one).collect()
    }
}

fn separator(text: &str) -> Result<char> {
    let mut letters = text.chars();
    match (letters.next(), letters.next(), letters.next()) {
        (Some('\\'), Some('t'), None) => Ok('\t'),
        (Some(one), None, _) => Ok(one),
        _ if text.eq_ignore_ascii_case("tab") => Ok('\t'),
        _ => Err(Error::usage(format!("--separator '{text}': not a single character"))
            .help("for a tab say '\\t'")),
    }
}
