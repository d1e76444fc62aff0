//! The methods of `latlas map`: what each is told by flags and by `--set`.

use latlas::map::{Pca, Placement, Settlement, Tsne, settle};
use latlas::space::Space;
use latlas::{Error, Result, Run};

use super::{Args, Method};
use crate::settings::{self, Setting};

/// A method with its options.
pub(in crate::verbs) enum Plan {
    Pca(Pca),
    Tsne { method: Tsne, pca: Option<usize> },
}

/// What `--set` changes under `--method pca`.
const PCA: &[Setting] = &[
    Setting { key: "solver", about: "auto, exact or randomised" },
    Setting {
        key: "oversample",
        about: "if randomised: more directions, fewer but dearer passes; 5 to 50",
    },
    Setting { key: "power_iterations", about: "if randomised: the most passes over the vectors" },
    Setting { key: "center", about: "whether the mean is subtracted first" },
    Setting { key: "dims", about: "" },
];

/// What `--set` changes under `--method tsne`.
const TSNE: &[Setting] = &[
    Setting { key: "iterations", about: "in all; large data may need 1000" },
    Setting { key: "early_iterations", about: "of these exaggerated; too few tear groups apart" },
    Setting { key: "early_exaggeration", about: "what attraction is multiplied by at first" },
    Setting { key: "exaggeration", about: "the same after that; to 4: denser groups, truer order" },
    Setting { key: "learning_rate", about: "auto is the items over the exaggeration in force" },
    Setting { key: "early_momentum", about: "share of a step taken again at the next, at first" },
    Setting { key: "momentum", about: "the same after that" },
    Setting { key: "max_step", about: "no step is longer; 0 is no bound" },
    Setting { key: "start_scale", about: "size of the start; 0 leaves it as it is" },
    Setting { key: "repulsion", about: "auto, exact, tree or fft" },
    Setting { key: "theta", about: "if by tree: larger is faster and coarser, 0 exact; 0 to 1" },
    Setting { key: "spacing", about: "if by fft: larger is faster and coarser; 0.1 to 1" },
    Setting {
        key: "min_improvement",
        about: "stops when 50 iterations gain less than this share; 0 never",
    },
    Setting { key: "dims", about: "" },
    Setting { key: "perplexity", about: "" },
];

/// All that `--set` changes, for the end of the help page.
pub(super) fn list() -> String {
    let listed = |method: &str, list: String| {
        list.replacen("Options for --set", &format!("Options for --set under --method {method}"), 1)
    };
    let pca = listed("pca", settings::list::<Pca>(PCA));
    let tsne = listed("tsne", settings::list::<Tsne>(TSNE));
    format!("{pca}\n{tsne}")
}

impl Plan {
    /// What the flags say; one that the method has no use for is refused.
    pub(super) fn of(args: &Args) -> Result<Self> {
        match args.method {
            Method::Pca => {
                let flags =
                    [("--perplexity", !args.perplexity.is_empty()), ("--pca", args.pca.is_some())];
                if let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) {
                    return Err(Error::usage(format!("{flag} is not for --method pca"))
                        .help("say --method tsne"));
                }
                let pca = Pca { dims: args.dims, ..Pca::default() };
                Ok(Plan::Pca(settings::apply(pca, &args.set, PCA)?))
            }
            Method::Tsne => {
                let tsne = Tsne { dims: args.dims, ..Tsne::default() };
                let given = !args.perplexity.is_empty();
                let tsne =
                    if given { Tsne { perplexity: args.perplexity.clone(), ..tsne } } else { tsne };
                let method = settings::apply(tsne, &args.set, TSNE)?;
                Ok(Plan::Tsne { method, pca: args.pca })
            }
        }
    }

    /// The layout, and whether it came to its end.
    pub(super) fn layout(
        &self,
        space: &Space,
        field: &str,
        run: &Run<'_>,
    ) -> Result<(Placement, bool)> {
        match self {
            Plan::Pca(pca) => Ok((pca.layout(space, field, run)?, true)),
            Plan::Tsne { method, pca } => {
                let with = Settlement { pca: *pca, ..Settlement::default() };
                let settled = settle(space, field, method, &with, run)?;
                Ok((settled.placement, settled.finished))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_can_be_set() {
        assert_eq!(settings::unlisted::<Pca>(PCA), Vec::<String>::new());
        assert_eq!(settings::unlisted::<Tsne>(TSNE), Vec::<String>::new());
    }
}
