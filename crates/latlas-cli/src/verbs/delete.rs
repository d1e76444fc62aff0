//! `latlas delete SPACE --where EXPR`: deletes the items that fulfil a condition.

use std::path::PathBuf;

use latlas::{Error, Result, Space};
use serde_json::json;

use super::{Context, step};
use crate::output::{counted, whole};

/// Delete the items that fulfil a condition
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas delete en.space --where \"count < 10 OR id = 'the'\"")]
pub(crate) struct Args {
    /// The space
    space: PathBuf,
    /// The condition, over the columns and id: year >= 2010 AND lang IN ('tr','en') AND NOT title IS NULL
    #[arg(long = "where", value_name = "EXPR")]
    condition: String,
    /// Only say how many there are
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let mut edit = Space::edit(&args.space)?;
    let rows = edit.space().matching(&args.condition)?;
    if rows.is_empty() {
        return Err(Error::nothing(format!("no item fulfils {}", args.condition))
            .help("nothing was deleted"));
    }
    let left = edit.space().count() - rows.len();
    if !args.dry_run {
        edit.delete(&rows)?;
        edit.publish(step("delete", json!({ "where": args.condition }), Vec::new()))?;
    }
    if cx.out.json() {
        let fields = json!({ "space": args.space, "deleted": rows.len(), "count": left, "dry_run": args.dry_run });
        return cx.out.object("delete", &fields);
    }
    let (items, done) = (
        counted(rows.len() as u64, "items"),
        if args.dry_run { "would be deleted" } else { "deleted" },
    );
    cx.out.result(&format!(
        "{}  {items} {done}, {} left",
        args.space.display(),
        whole(left as u64)
    ))?;
    cx.out.say(if args.dry_run {
        "nothing was changed"
    } else {
        "'latlas compact' gives their room back"
    });
    Ok(())
}
