//! The command grammar: global flags and the list of verbs. Each verb's own flags stand in its file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::verbs;

/// Learns, maps, searches, draws and serves latent spaces.
#[derive(Debug, Parser)]
#[command(
    name = "latlas",
    version,
    about = "Learns, maps, searches, draws and serves latent spaces",
    after_help = "First steps:\n  latlas tour --quick\n  latlas learn word2vec corpus.txt -o en.space\n  \
                  latlas search en.space 'king - man + woman'\n\n\
                  Options may also stand in latlas.toml or in variables named LATLAS_*.\n\
                  'latlas VERB --help' tells what a verb does.",
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    infer_subcommands = false
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every verb understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Seed of all randomness
    #[arg(long, global = true, value_name = "N", default_value_t = 42)]
    pub(crate) seed: u64,
    /// Threads that may work [default: all cores]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Print results as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub(crate) color: When,
    /// Progress: bar, plain or none [default: bar on a terminal]
    #[arg(long, global = true, value_name = "HOW", value_enum, hide_possible_values = true)]
    pub(crate) progress: Option<ShowProgress>,
    /// File of options [default: latlas.toml, if it is here]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowProgress {
    Bar,
    Plain,
    None,
}

/// The verbs, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Tour(verbs::tour::Args),
    #[command(subcommand)]
    Learn(verbs::learn::Model),
    #[command(subcommand)]
    Corpus(verbs::corpus::Step),
    Embed(verbs::embed::Args),
    Info(verbs::info::Args),
    Search(verbs::search::Args),
    Index(verbs::index::Args),
    Map(verbs::map::Args),
    Plot(verbs::plot::Args),
    #[command(subcommand)]
    Probe(verbs::probe::Question),
    #[command(subcommand)]
    Apply(verbs::apply::Task),
    Eval(verbs::eval::Args),
    Convert(verbs::convert::Args),
    Add(verbs::add::Args),
    Delete(verbs::delete::Args),
    Columns(verbs::columns::Args),
    Compact(verbs::compact::Args),
    Serve(verbs::serve::Args),
    Check(verbs::check::Args),
    Completions(verbs::completions::Args),
    Man(verbs::man::Args),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_holds_together() {
        Cli::command().debug_assert();
    }
}
