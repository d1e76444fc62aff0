//! `latlas probe QUESTION SPACE …`: asks what is in a space beyond its neighbours. One file a question.

mod cluster;

use clap::Subcommand;
use latlas::Result;

use super::Context;

/// Ask what is in a space: clusters
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum Question {
    Cluster(cluster::Args),
}

pub(crate) fn run(question: &Question, cx: &Context<'_>) -> Result<()> {
    match question {
        Question::Cluster(args) => cluster::run(args, cx),
    }
}
