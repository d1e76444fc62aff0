//! `latlas learn doc2vec INPUT -o OUT`: a space of documents, from the words in them.

use latlas::Result;
use latlas::learn::documents::OnUnknown;
use latlas::learn::{Doc2Vec, Doc2VecModel};

use super::text::{Target, Text};
use crate::settings::{self, Setting};
use crate::verbs::Context;
use crate::verbs::embed::on_unknown;

/// Learn a space of documents (paragraph vectors) that places new ones too
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExamples:\n  latlas learn doc2vec articles.csv --id id --text body -o articles.space\n  \
     latlas embed articles.space more.csv --text body -o more.space",
    settings::list::<Doc2Vec>(DOC2VEC)
))]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Numbers in a vector; time and memory grow with it
    #[arg(long, value_name = "N", default_value_t = Doc2Vec::default().dim)]
    dim: usize,
    /// How often the documents are read; few or short ones want more
    #[arg(long, value_name = "N", default_value_t = Doc2Vec::default().epochs)]
    epochs: u32,
    /// pv-dbow: a document predicts its words; pv-dm: together with the words around each
    #[arg(long, value_name = "pv-dbow|pv-dm", default_value = "pv-dbow")]
    model: Doc2VecModel,
    /// What to do with documents without a known word; they are listed
    #[arg(long, value_name = "skip|keep|stop", default_value = "skip", value_parser = on_unknown)]
    on_unknown: OnUnknown,
    /// Set another option of the learner; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    #[command(flatten)]
    text: Text,
}

/// What `--set` changes, in the words of the options struct's documentation.
const DOC2VEC: &[Setting] = &[
    Setting { key: "window", about: "pv-dm, and with dbow_words: context in words to each side" },
    Setting { key: "loss", about: "negative sampling (ns) or hierarchical softmax (hs): slower" },
    Setting {
        key: "negative",
        about: "noise words for each word: 5 for large texts, up to 20 for small",
    },
    Setting {
        key: "sample",
        about: "the frequency above which words are thinned out; 0 keeps all",
    },
    Setting { key: "alpha", about: "learning rate at the start" },
    Setting { key: "min_alpha", about: "learning rate at the end; auto: a tenth of alpha" },
    Setting { key: "ns_exponent", about: "noise words are drawn by frequency (1) to evenly (0)" },
    Setting { key: "dm_mean", about: "pv-dm: contexts and document are averaged, or added up" },
    Setting { key: "dbow_words", about: "pv-dbow: learn vectors of words beside, by skip-gram" },
    Setting { key: "infer_epochs", about: "how often a new document is read; auto: as epochs" },
    Setting { key: "model", about: "" },
    Setting { key: "dim", about: "" },
    Setting { key: "epochs", about: "" },
];

pub(super) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let (dim, epochs, model) = (args.dim, args.epochs, args.model);
    let learner = Doc2Vec { dim, epochs, model, ..Doc2Vec::default() };
    let learner = settings::apply(learner, &args.set, DOC2VEC)?;
    learner.check()?;
    args.text.learn_documents(&args.target, &learner, args.on_unknown, cx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_doc2vec_can_be_set() {
        assert_eq!(settings::unlisted::<Doc2Vec>(DOC2VEC), Vec::<String>::new());
    }
}
