//! `latlas learn METHOD INPUT -o OUT`: learns a space. One file a method; what all learners from text have in common is
//! `text`.

mod phrases;
mod svd;
mod text;
mod word2vec;

use clap::Subcommand;
use latlas::Result;

use super::Context;
pub(super) use text::{Learned, Lesson, Words};

/// Learn a space from data
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum Model {
    Word2vec(Box<word2vec::Args>),
    Phrases(Box<phrases::Args>),
    Svd(Box<svd::Args>),
}

pub(crate) fn run(model: &Model, cx: &Context<'_>) -> Result<()> {
    match model {
        Model::Word2vec(args) => word2vec::run(args, cx),
        Model::Phrases(args) => phrases::run(args, cx),
        Model::Svd(args) => svd::run(args, cx),
    }
}
