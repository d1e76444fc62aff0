//! `latlas learn METHOD INPUT -o OUT`: learns a space. One file a method; what all learners from text have in common is
//! `text`.

mod counted;
mod doc2vec;
mod fasttext;
mod glove;
mod phrases;
mod svd;
mod text;
mod word2vec;

use clap::Subcommand;
use latlas::Result;

use super::Context;
pub(super) use text::{Cut, Learned, Lesson, Of, Words};

/// Learn a space from data
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum Model {
    Word2vec(Box<word2vec::Args>),
    Fasttext(Box<fasttext::Args>),
    Glove(Box<glove::Args>),
    Svd(Box<svd::Args>),
    Doc2vec(Box<doc2vec::Args>),
    Phrases(Box<phrases::Args>),
}

pub(crate) fn run(model: &Model, cx: &Context<'_>) -> Result<()> {
    match model {
        Model::Word2vec(args) => word2vec::run(args, cx),
        Model::Fasttext(args) => fasttext::run(args, cx),
        Model::Glove(args) => glove::run(args, cx),
        Model::Svd(args) => svd::run(args, cx),
        Model::Doc2vec(args) => doc2vec::run(args, cx),
        Model::Phrases(args) => phrases::run(args, cx),
    }
}
