//! `latlas man [DIR]`: manual pages.

use std::path::PathBuf;

use clap::{Command, CommandFactory};
use latlas::{Error, Result};
use serde_json::json;

use super::Context;
use crate::args::Cli;
use crate::output::counted;

/// Write the manual pages
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas man ~/.local/share/man/man1 && man latlas-search")]
pub(crate) struct Args {
    /// A folder for one page a verb [default: the first page to standard output]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let mut command = Cli::command();
    command.build();
    let Some(dir) = &args.dir else {
        let page = page(&command)?;
        let page = String::from_utf8_lossy(&page);
        return if cx.out.json() {
            cx.out.object("man", &json!({ "page": page }))
        } else {
            cx.out.result(&page)
        };
    };
    std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, &e))?;
    let mut written = Vec::new();
    write(&command, "latlas", dir, &mut written)?;
    if cx.out.json() {
        return cx.out.object("man", &json!({ "pages": written }));
    }
    cx.out.result(&format!("{} in {}", counted(written.len() as u64, "pages"), dir.display()))
}

/// One page for this command, one for each below it: latlas.1, latlas-learn.1, latlas-learn-word2vec.1.
fn write(
    command: &Command,
    name: &str,
    dir: &std::path::Path,
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    let file = dir.join(format!("{name}.1"));
    let titled = command.clone().name(name.to_owned());
    std::fs::write(&file, page(&titled)?).map_err(|e| Error::io("write", &file, &e))?;
    written.push(file);
    for below in command.get_subcommands() {
        write(below, &format!("{name}-{}", below.get_name()), dir, written)?;
    }
    Ok(())
}

fn page(command: &Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|e| Error::io("write", "a manual page", &e))?;
    Ok(page)
}
