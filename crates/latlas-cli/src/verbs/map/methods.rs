//! The methods of `latlas map`: what each is told by flags and by `--set`.

use std::path::{Path, PathBuf};

use latlas::index::Graph;
use latlas::map::{
    Earlier, Layout, Pacmap, Pca, Placement, Settlement, Supervised, Tsne, Umap, settle,
};
use latlas::space::{Edit, Space};
use latlas::{Error, Result, Run};
use serde::Serialize;
use serde_json::json;

use super::target::Values;
use super::{Args, Method, State};
use crate::settings::{self, Setting};
use crate::verbs::neighbours::find_or_keep;

/// A method with its options.
pub(in crate::verbs) enum Plan {
    Pca(Pca),
    Tsne(Tsne, Surroundings),
    Umap(Umap, Surroundings),
    Pacmap(Pacmap, Surroundings),
}

/// What methods that settle are told besides.
#[derive(Default)]
pub(in crate::verbs) struct Surroundings {
    /// Principal components that are laid out instead.
    pca: Option<usize>,
    /// A file of neighbours.
    neighbours: Option<PathBuf>,
    /// A map to begin from.
    start: Option<String>,
    /// The dimensions of the map.
    dims: usize,
    /// A column that leads the map.
    target: Option<String>,
}

/// A map that another goes on from, and how strongly it is held to it.
pub(super) type Onto<'a> = (&'a Earlier, f64);

/// What came of a plan.
pub(super) struct Laid {
    /// The hold on the space, which may have been given neighbours.
    pub(super) edit: Edit,
    pub(super) placement: Placement,
    pub(super) state: State,
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

/// What `--set` changes under `--method umap`.
const UMAP: &[Setting] = &[
    Setting {
        key: "neighbours",
        about: "points in a neighbourhood, itself counted; 5 to 100 [default: 15]",
    },
    Setting { key: "min_dist", about: "how close points may come: 0 packs clusters tight" },
    Setting { key: "spread", about: "the size of a neighbourhood on the map" },
    Setting { key: "epochs", about: "[default: 500; above 10,000 items 200]" },
    Setting { key: "learning_rate", about: "size of first steps" },
    Setting {
        key: "negative_sample_rate",
        about: "pushes for each pull: more is slower and looser",
    },
    Setting { key: "repulsion_strength", about: "more opens gaps" },
    Setting {
        key: "set_op_mix_ratio",
        about: "1 links points if either names the other, 0 if both do",
    },
    Setting { key: "local_connectivity", about: "nearest neighbours that belong wholly" },
    Setting { key: "bandwidth", about: "share of log2 neighbours that count for much" },
    Setting { key: "disconnection_distance", about: "neighbours this far are none" },
    Setting { key: "init", about: "pca, spectral or random" },
    Setting { key: "dens_lambda", about: "densMAP: how much densities count; 2 is usual" },
    Setting { key: "dens_frac", about: "densMAP: the share of epochs, the last ones" },
    Setting { key: "dens_var_shift", about: "densMAP: more lets single radii count less" },
    Setting { key: "target_weight", about: "with --target: how much it counts; 0 to 1" },
    Setting { key: "dims", about: "" },
];

/// What `--set` changes under `--method pacmap`.
const PACMAP: &[Setting] = &[
    Setting {
        key: "neighbours",
        about: "near pairs of each item [default: 10, more above 10,000 items]",
    },
    Setting { key: "mid_near_ratio", about: "more favours the large picture" },
    Setting { key: "further_ratio", about: "more spreads the map out" },
    Setting { key: "iterations", about: "in all, in three phases" },
    Setting { key: "learning_rate", about: "size of a step" },
    Setting { key: "dims", about: "" },
];

/// All that `--set` changes, for the end of the help page.
pub(super) fn list() -> String {
    let listed = |method: &str, list: String| {
        list.replacen("Options for --set", &format!("Options for --set under --method {method}"), 1)
    };
    let pca = listed("pca", settings::list::<Pca>(PCA));
    let tsne = listed("tsne", settings::list::<Tsne>(TSNE));
    let umap = listed("umap", settings::list::<Umap>(UMAP));
    let pacmap = listed("pacmap", settings::list::<Pacmap>(PACMAP));
    format!("{umap}\n{tsne}\n{pacmap}\n{pca}")
}

impl Plan {
    /// What the flags say; one that the method has no use for is refused.
    pub(super) fn of(args: &Args) -> Result<Self> {
        let perplexity = !args.perplexity.is_empty();
        let others = args.method != Method::Pca;
        for (flag, given, allowed) in [
            ("--perplexity", perplexity, args.method == Method::Tsne),
            ("--pca", args.pca.is_some(), others),
            ("--neighbours", args.neighbours.is_some(), others),
            ("--start", args.start.is_some(), others),
            ("--target", args.target.is_some(), args.method == Method::Umap),
            ("--resume", args.resume, others),
        ] {
            if given && !allowed {
                let method = args.method.name();
                let instead = match flag {
                    "--target" => "say --method umap",
                    "--resume" => "there is nothing to go on with: leave it out",
                    _ => "say --method tsne",
                };
                return Err(
                    Error::usage(format!("{flag} is not for --method {method}")).help(instead)
                );
            }
        }
        if args.pca.is_some() && args.neighbours.is_some() {
            return Err(Error::usage("--pca and --neighbours do not go together").help(
                "neighbours from a file are those of the vectors; leave one of the two out",
            ));
        }
        let dims = args.dims;
        let with = Surroundings {
            pca: args.pca,
            neighbours: args.neighbours.clone(),
            start: args.start.clone(),
            target: args.target.clone(),
            dims,
        };
        Ok(match args.method {
            Method::Pca => {
                Plan::Pca(settings::apply(Pca { dims, ..Pca::default() }, &args.set, PCA)?)
            }
            Method::Tsne => {
                let mut tsne = Tsne { dims, ..Tsne::default() };
                if perplexity {
                    tsne.perplexity.clone_from(&args.perplexity);
                }
                if args.start.is_some() {
                    tsne = tsne.going_on();
                }
                Plan::Tsne(settings::apply(tsne, &args.set, TSNE)?, with)
            }
            Method::Umap => {
                let umap = Umap { dims, ..Umap::default() };
                Plan::Umap(settings::apply(umap, &args.set, UMAP)?, with)
            }
            Method::Pacmap => {
                let pacmap = Pacmap { dims, ..Pacmap::default() };
                Plan::Pacmap(settings::apply(pacmap, &args.set, PACMAP)?, with)
            }
        })
    }

    /// The method's name.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Plan::Pca(_) => "pca",
            Plan::Tsne(method, _) => method.method(),
            Plan::Umap(method, _) => method.method(),
            Plan::Pacmap(method, _) => method.method(),
        }
    }

    /// The layout, and the space with what was found on the way; onto another map, if one is given, as far as the
    /// method knows how.
    pub(super) fn layout(
        &self,
        edit: Edit,
        field: &str,
        onto: Option<Onto<'_>>,
        run: &Run<'_>,
    ) -> Result<Laid> {
        match self {
            Plan::Pca(pca) => {
                let placement = pca.layout(edit.space(), field, run)?;
                Ok(Laid { edit, placement, state: State::Finished })
            }
            Plan::Tsne(method, with) if onto.is_some() => {
                with.settle(edit, field, &method.clone().going_on(), onto, run)
            }
            Plan::Tsne(method, with) => with.settle(edit, field, method, onto, run),
            Plan::Umap(method, with) => with.led(edit, field, method, onto, run),
            Plan::Pacmap(method, with) => {
                let onto = onto.map(|(earlier, _)| (earlier, 0.0));
                with.settle(edit, field, method, onto, run)
            }
        }
    }

    /// Whether the method can hold items to where they stood.
    pub(super) fn tethers(&self) -> bool {
        matches!(self, Plan::Tsne(..) | Plan::Umap(..))
    }
}

impl Default for Plan {
    /// What `latlas map SPACE` does when it is told nothing else.
    fn default() -> Self {
        Plan::Umap(Umap::default(), Surroundings::default())
    }
}

impl Surroundings {
    /// Led by a column, if one is named.
    fn led(
        &self,
        edit: Edit,
        field: &str,
        method: &Umap,
        onto: Option<Onto<'_>>,
        run: &Run<'_>,
    ) -> Result<Laid> {
        let Some(column) = &self.target else {
            return self.settle(edit, field, method, onto, run);
        };
        let values = Values::read(edit.space(), column, run)?;
        run.progress.note(&values.describe(column));
        let method = Supervised { method: method.clone(), target: values.target() };
        let mut laid = self.settle(edit, field, &method, onto, run)?;
        if let Some(target) = laid.placement.params.get_mut("target") {
            target["column"] = json!(column);
        }
        Ok(laid)
    }

    /// Neighbours from the file, from the space, or looked for; then the layout.
    fn settle<M: Layout + Serialize>(
        &self,
        mut edit: Edit,
        field: &str,
        method: &M,
        onto: Option<Onto<'_>>,
        run: &Run<'_>,
    ) -> Result<Laid> {
        let n = edit.space().count();
        let start = self.start.as_deref();
        let start = start.map(|text| self.begin_from(edit.space(), text)).transpose()?;
        let (earlier, tether) = onto.map_or((start.as_ref(), 0.0), |(map, by)| (Some(map), by));
        let mut graph = None;
        if let Some(path) = &self.neighbours {
            graph = Some(Graph::read(path, n, run)?);
        } else if self.pca.is_none() && n > 2 {
            method.fits(n)?;
            (edit, graph) = find_or_keep(edit, field, method.neighbours(n), run)?;
        }
        let with = Settlement {
            pca: self.pca,
            graph: graph.as_ref(),
            earlier,
            tether,
            ..Settlement::default()
        };
        let settled = settle(edit.space(), field, method, &with, run)?;
        let kept = settled.kept;
        let state = if settled.finished { State::Finished } else { State::Unfinished { kept } };
        Ok(Laid { edit, placement: settled.placement, state })
    }

    /// The map that `--start` names: one of this space, the newest of another, or one of another.
    fn begin_from(&self, space: &Space, text: &str) -> Result<Earlier> {
        let own = space.maps().iter().map(|map| map.name.as_str());
        let earlier = if { own.clone() }.any(|name| name == text) {
            Earlier::of(space, Some(text))?
        } else if Path::new(text).exists() {
            Earlier::of(&Space::open(Path::new(text))?, None)?.called(text)
        } else {
            let other = text.rsplit_once(':').filter(|(path, _)| Path::new(path).exists());
            let (path, name) = other.ok_or_else(|| {
                let names: Vec<&str> = own.collect();
                let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                Error::data(format!("--start {text}: there is no such map or space"))
                    .help(format!("maps of this space: {there}; of another: --start OTHER.space"))
            })?;
            Earlier::of(&Space::open(Path::new(path))?, Some(name))?.called(text)
        };
        if earlier.dims() != self.dims {
            let (map, dims) = (earlier.name(), earlier.dims());
            return Err(Error::data(format!(
                "--start {text}: map '{map}' has {dims} dimensions, not {}",
                self.dims
            ))
            .help(format!("say --dims {dims}")));
        }
        Ok(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_can_be_set() {
        assert_eq!(settings::unlisted::<Pca>(PCA), Vec::<String>::new());
        assert_eq!(settings::unlisted::<Tsne>(TSNE), Vec::<String>::new());
        assert_eq!(settings::unlisted::<Umap>(UMAP), Vec::<String>::new());
        assert_eq!(settings::unlisted::<Pacmap>(PACMAP), Vec::<String>::new());
    }
}
