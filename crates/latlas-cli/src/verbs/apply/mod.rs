//! `latlas apply TASK SPACE …`: puts a space to use. One file a task.

mod classify;

use clap::Subcommand;
use latlas::Result;

use super::Context;

/// Put a space to use
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum Task {
    Classify(Box<classify::Args>),
}

pub(crate) fn run(task: &Task, cx: &Context<'_>) -> Result<()> {
    match task {
        Task::Classify(args) => classify::run(args, cx),
    }
}
