//! `latlas compact SPACE`: rewrites a space without what was deleted from it.

use std::path::PathBuf;

use latlas::{Result, Space};
use serde_json::json;

use super::{Context, step};
use crate::output::{counted, whole};

/// Rewrite a space as one piece, without deleted items
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas compact en.space")]
pub(crate) struct Args {
    /// The space
    space: PathBuf,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let mut edit = Space::edit(&args.space)?;
    let dropped = edit.space().rows() - edit.space().count();
    edit.compact()?;
    let space = edit.publish(step("compact", json!({}), Vec::new()))?;
    if cx.out.json() {
        return cx.out.object(
            "compact",
            &json!({ "space": args.space, "count": space.count(), "dropped": dropped }),
        );
    }
    let items = counted(space.count() as u64, "items");
    cx.out.result(&format!("{}: {items}, {} dropped", args.space.display(), whole(dropped as u64)))
}
