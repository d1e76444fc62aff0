//! `latlas completions SHELL`: completions for a shell.

use clap::CommandFactory;
use clap_complete::Shell;
use latlas::Result;
use serde_json::json;

use super::Context;
use crate::args::Cli;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  latlas completions bash > ~/.local/share/bash-completion/completions/latlas"
)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "latlas", &mut script);
    let script = String::from_utf8_lossy(&script);
    if cx.out.json() {
        return cx
            .out
            .object("completions", &json!({ "shell": args.shell.to_string(), "script": script }));
    }
    cx.out.result(&script)
}
