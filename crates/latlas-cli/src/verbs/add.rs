//! `latlas add SPACE INPUT`: adds vectors to a space.

use std::path::PathBuf;
use std::str::FromStr;

use latlas::space::formats::{self, Format};
use latlas::{Result, Space};
use serde_json::json;

use super::convert::Import;
use super::{Context, step};
use crate::output::{counted, whole};

/// Add vectors of any format to a space
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas add en.space more.vec")]
pub(crate) struct Args {
    /// The space
    space: PathBuf,
    /// The vectors: a file of any format that 'convert' reads, or a space
    #[arg(required = true)]
    input: Vec<String>,
    /// The format of the input, where its name and first bytes do not tell
    #[arg(long, value_name = "FORMAT", value_parser = Format::from_str)]
    from: Option<Format>,
    #[command(flatten)]
    import: Import,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let mut edit = Space::edit(&args.space)?;
    let mut options = args.import.options()?;
    // What is added is measured as what is there, unless the caller says otherwise (and then is told it does not fit).
    options.geometry =
        options.geometry.or_else(|| edit.space().fields().first().map(|field| field.geometry));
    let more = formats::read(&args.input, args.from, &options, &cx.run())?;
    edit.append(&more)?;
    let sources = more.provenance().iter().flat_map(|p| p.sources.clone()).collect();
    let space = edit.publish(step("add", json!({ "input": args.input }), sources))?;
    if cx.out.json() {
        return cx.out.object(
            "add",
            &json!({ "space": args.space, "added": more.count(), "count": space.count() }),
        );
    }
    let added = counted(more.count() as u64, "items");
    cx.out.result(&format!(
        "{}  {added} added, now {}",
        args.space.display(),
        whole(space.count() as u64)
    ))
}
