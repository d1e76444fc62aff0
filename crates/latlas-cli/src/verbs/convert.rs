//! `latlas convert IN OUT`: vectors from one format into another; a space is one of them.

use std::path::PathBuf;
use std::str::FromStr;

use latlas::Result;
use latlas::space::Dtype;
use latlas::space::formats::{self, ExportOptions, Format, ImportOptions, OnDuplicate};
use serde_json::{Value, json};

use super::Context;
use crate::output::counted;
use crate::reading::Reading;

/// Convert vectors from one format into another, spaces included
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas convert glove.6B.50d.txt glove.space")]
pub(crate) struct Args {
    /// The vectors: one file, several tables, or an npy file and the file of its ids
    #[arg(required = true, value_name = "IN")]
    input: Vec<String>,
    /// Where to; the ending says the format
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The format of the input, where its name and first bytes do not tell
    #[arg(long, value_name = "FORMAT", value_parser = Format::from_str)]
    from: Option<Format>,
    /// The format of the output, where its name does not tell
    #[arg(long, value_name = "FORMAT", value_parser = Format::from_str)]
    to: Option<Format>,
    #[command(flatten)]
    import: Import,
    /// How a space stores the numbers: f16 takes half the room, at three digits [default: as in the
    /// file]
    #[arg(long, value_name = "f32|f16", value_parser = dtype, help_heading = "Writing")]
    store: Option<Dtype>,
    /// Which vectors to write [default: main; safetensors: all]
    #[arg(long, value_name = "NAME", help_heading = "Writing")]
    field: Option<String>,
    /// What stands for spaces inside ids, for formats that cannot hold them
    #[arg(long, value_name = "TEXT", help_heading = "Writing")]
    replace_spaces: Option<String>,
    /// CSV and TSV: the vector as a list in one column, instead of one column a dimension
    #[arg(long, help_heading = "Writing")]
    vector_list: bool,
    /// Leave out what tells about this machine: hosts and absolute paths
    #[arg(long, help_heading = "Writing")]
    portable: bool,
}

/// How a file of vectors is read; `add` reads them too.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Reading")]
pub(super) struct Import {
    /// One id a line, for formats that hold none (npy, safetensors)
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    /// How distance is measured, where the file does not say [default: cosine]
    #[arg(long, value_name = "cosine|euclidean", value_parser = geometry)]
    geometry: Option<latlas::geometry::Geometry>,
    /// What to do with an id that stood before; rename gives cat#2
    #[arg(long, value_name = "stop|first|rename", default_value = "stop", value_parser = OnDuplicate::from_str)]
    on_duplicate: OnDuplicate,
    /// Leave out vectors with NaN or infinities instead of stopping at the first
    #[arg(long)]
    skip_bad: bool,
    /// The tensor of a safetensors file that holds several
    #[arg(long, value_name = "NAME")]
    tensor: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

impl Import {
    pub(super) fn options(&self) -> Result<ImportOptions> {
        Ok(ImportOptions {
            ids: self.ids.clone(),
            geometry: self.geometry,
            on_duplicate: self.on_duplicate,
            skip_bad: self.skip_bad,
            tensor: self.tensor.clone(),
            store: None,
            reader: self.reading.options()?,
        })
    }
}

fn geometry(name: &str) -> Result<latlas::geometry::Geometry, String> {
    serde_json::from_value(Value::String(name.to_owned()))
        .map_err(|_| "there are cosine and euclidean".to_owned())
}

fn dtype(name: &str) -> Result<Dtype, String> {
    serde_json::from_value(Value::String(name.to_owned()))
        .map_err(|_| "there are f32 and f16".to_owned())
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let run = cx.run();
    let import = ImportOptions { store: args.store, ..args.import.options()? };
    let space = formats::read(&args.input, args.from, &import, &run)?;
    let options = ExportOptions {
        field: args.field.clone(),
        replace_spaces: args.replace_spaces.clone(),
        vector_list: args.vector_list,
        portable: args.portable,
    };
    formats::write(&space, &args.output, args.to, &options, &run)?;
    let dim = space.fields().first().map(|field| field.dim);
    if cx.out.json() {
        return cx.out.object("convert", &json!({ "input": args.input, "output": args.output, "count": space.count(), "dim": dim }));
    }
    let dim = dim.map_or_else(String::new, |dim| format!(" of {dim} numbers"));
    cx.out.result(&format!(
        "{}  {}{dim}",
        args.output.display(),
        counted(space.count() as u64, "vectors")
    ))
}
