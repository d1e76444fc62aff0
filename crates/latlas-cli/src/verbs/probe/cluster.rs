//! `latlas probe cluster SPACE`: groups of items that belong together, how sure they are, and what they are called.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Float64Array, StringArray};
use clap::ValueEnum;
use latlas::geometry::Geometry;
use latlas::index::Graph;
use latlas::items::{Column, ColumnKind};
use latlas::linalg::{Matrix, RowSource};
use latlas::map::FieldRows;
use latlas::map::clusters::{
    self, Cluster, Clusters, Hdbscan, KMeans, Leiden, NONE, Stability, StabilityOptions,
};
use latlas::{Error, Result, Space, file};
use serde_json::{Map, Value, json};

use crate::output::{Align, Delimited, Table, counted, figure, whole};
use crate::settings::{self, Setting};
use crate::verbs::neighbours::find_or_keep;
use crate::verbs::{Context, step};

/// Find groups of items that belong together, in the vectors themselves
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\n{}\n{}\nExamples:\n  latlas probe cluster notes.space --text text\n  \
     latlas plot notes.space -o notes.png --color-by cluster_name",
    options::<Hdbscan>("hdbscan", HDBSCAN),
    options::<Leiden>("leiden", LEIDEN),
    options::<KMeans>("kmeans", KMEANS)
))]
pub(crate) struct Args {
    /// The space; the clusters are stored in it, as columns
    space: PathBuf,
    /// How: hdbscan finds dense regions and leaves the rest in none, leiden communities of the graph of neighbours, kmeans
    /// so many balls
    #[arg(long, value_enum, default_value_t = Method::Hdbscan)]
    method: Method,
    /// The column of text to name clusters by [default: none; their most central items name them]
    #[arg(long, value_name = "COL")]
    text: Option<String>,
    /// How many halves of the items are clustered again, to tell how stable the clusters are [default: 20 up to 5,000
    /// items, else 0]
    #[arg(long, value_name = "N")]
    resamples: Option<usize>,
    /// The vectors to cluster
    #[arg(long, default_value = "main")]
    field: String,
    /// The column to store; those beside it are named after it, and replaced likewise
    #[arg(long, value_name = "NAME", default_value = "cluster")]
    column: String,
    /// Write the table of clusters there: .csv, .tsv or .jsonl
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Set another option of the method; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// How to cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    Hdbscan,
    Leiden,
    Kmeans,
}

/// What `--set` changes under `--method hdbscan`.
const HDBSCAN: &[Setting] = &[
    Setting { key: "min_cluster_size", about: "larger: fewer, larger clusters; auto is √n / 2" },
    Setting { key: "min_samples", about: "larger: smoother, more items in none; auto up to 10" },
    Setting { key: "selection", about: "eom: clusters that last; leaf: the smallest there are" },
    Setting { key: "allow_single_cluster", about: "whether all items may be one" },
    Setting { key: "exact_up_to", about: "beyond so many items the graph of neighbours stands in" },
];

/// What it changes under `--method leiden`.
const LEIDEN: &[Setting] = &[
    Setting { key: "resolution", about: "larger: more, smaller clusters" },
    Setting { key: "objective", about: "modularity, or cpm: at least resolution links a pair" },
    Setting { key: "neighbours", about: "more: fewer, larger clusters; 10 to 30" },
    Setting { key: "randomness", about: "larger: freer choice of what is merged" },
    Setting { key: "rounds", about: "the most rounds; it stops when nothing is gained" },
];

/// What it changes under `--method kmeans`.
const KMEANS: &[Setting] = &[
    Setting { key: "k", about: "how many clusters" },
    Setting { key: "restarts", about: "more: a better minimum, in more time" },
    Setting { key: "max_iterations", about: "the most iterations of a start" },
];

fn options<T: serde::Serialize + Default>(method: &str, known: &[Setting]) -> String {
    settings::list::<T>(known).replacen("--set,", &format!("--set under --method {method},"), 1)
}

/// Up to so many items, stability is measured unasked.
const RESAMPLED_UNASKED: usize = 5_000;
const RESAMPLES: usize = 20;
/// How many words or items make a name, and how many clusters are printed.
const NAMED_BY: usize = 3;
const SHOWN: usize = 20;

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let style = args.output.as_deref().map(Delimited::of).transpose()?;
    let method: Box<dyn Cluster> = match args.method {
        Method::Hdbscan => Box::new(settings::apply(Hdbscan::default(), &args.set, HDBSCAN)?),
        Method::Leiden => Box::new(settings::apply(Leiden::default(), &args.set, LEIDEN)?),
        Method::Kmeans => Box::new(settings::apply(KMeans::default(), &args.set, KMEANS)?),
    };
    let edit = Space::edit(&args.space)?;
    let k = method.neighbours(edit.space().count());
    let (mut edit, graph) = find_or_keep(edit, &args.field, k, &cx.run())?;
    let answer = Answer::find(args, &*method, graph.as_ref(), edit.space(), cx)?;
    drop(graph);
    edit.set_columns(answer.columns(&args.column, edit.space()))?;
    let mut history = step(
        "cluster",
        json!({
            "method": method.method(), "field": args.field, "text": args.text,
            "column": args.column, "set": args.set,
        }),
        Vec::new(),
    );
    history.seed = Some(cx.seed);
    edit.publish(history)?;
    cx.out.settle();
    if let Some((path, style)) = args.output.as_deref().zip(style) {
        let text = answer.file(style);
        file::publish(path, |file| {
            file.write_all(text.as_bytes()).map_err(|e| Error::io("write", path, &e))
        })?;
    }
    if cx.out.json() {
        return cx.out.object("probe", &answer.json(args));
    }
    cx.out.result(&answer.print(args, cx))?;
    let found = &answer.clusters;
    if args.method == Method::Hdbscan && 2 * found.in_none() > found.labels.len() {
        cx.out
            .say("most items are in none: --set min_samples=1 leaves fewer, --method leiden none");
    }
    cx.out.say(&format!(
        "stored as {0}, {0}_strength and {0}_name; next: latlas plot {1} -o map.png --color-by {0}_name",
        args.column,
        args.space.display()
    ));
    Ok(())
}

/// What was found.
struct Answer {
    clusters: Clusters,
    names: Vec<String>,
    /// From the coarsest to the finest above the clusters: names of groups, and the group of each cluster.
    levels: Vec<(Vec<String>, Vec<u32>)>,
    stability: Option<Stability>,
}

impl Answer {
    fn find(
        args: &Args,
        method: &dyn Cluster,
        graph: Option<&Graph>,
        space: &Space,
        cx: &Context<'_>,
    ) -> Result<Self> {
        let run = cx.run();
        let namer = Namer::new(space, args.text.as_deref())?;
        let rows = FieldRows::live(space, &args.field)?.as_measured();
        let geometry = rows.geometry();
        let mut scratch = Vec::new();
        let numbers = rows.block(0..rows.rows(), &mut scratch).to_vec();
        let vectors = Matrix::new(rows.rows(), rows.cols(), numbers)?;
        let clusters = match graph {
            Some(graph) => clusters::clusters_on(graph, method, &vectors, geometry, &run)?,
            None => clusters::clusters(method, &vectors, geometry, &run)?,
        };
        if clusters.is_empty() {
            let items = counted(vectors.rows() as u64, "items");
            let size = clusters.figures.get("min_cluster_size").and_then(Value::as_u64);
            let size = size.map_or_else(String::new, |size| format!(" of {size} or more"));
            return Err(Error::nothing(format!("no cluster{size} stands out among {items}"))
                .help("try a smaller one, --set min_cluster_size=N, or another --method"));
        }
        let auto = if vectors.rows() <= RESAMPLED_UNASKED { RESAMPLES } else { 0 };
        let stability = match args.resamples.unwrap_or(auto) {
            0 => None,
            resamples => {
                let options = StabilityOptions { resamples, ..StabilityOptions::default() };
                Some(clusters::stability(method, &vectors, geometry, &clusters, &options, &run)?)
            }
        };
        let names = namer.names(&clusters, &vectors, geometry);
        let levels = clusters::levels(&clusters, &vectors, &run)?;
        let named = levels
            .into_iter()
            .rev()
            .map(|groups| (namer.names(&clusters.grouped(&groups), &vectors, geometry), groups));
        Ok(Answer { names, levels: named.collect(), stability, clusters })
    }

    /// `NAME`, `NAME_strength`, `NAME_name`, and `NAME_level_1` … with the names of coarser groups, the coarsest first.
    fn columns(&self, name: &str, space: &Space) -> Vec<Column> {
        let labels = &self.clusters.labels;
        let by = |value: &dyn Fn(usize) -> Option<String>| -> StringArray {
            let of = |&label: &u32| if label == NONE { None } else { value(label as usize) };
            labels.iter().map(of).collect()
        };
        let category = |name: String, values: StringArray| Column {
            name,
            kind: ColumnKind::Category,
            values: Arc::new(values),
        };
        let strength = labels.iter().zip(&self.clusters.strength);
        let strength: Float64Array =
            strength.map(|(&label, &x)| (label != NONE).then_some(f64::from(x))).collect();
        let called =
            |names: &[String], at: usize| Some(names[at].clone()).filter(|name| !name.is_empty());
        let mut columns = vec![
            category(name.to_owned(), by(&|c| Some((c + 1).to_string()))),
            Column {
                name: format!("{name}_strength"),
                kind: ColumnKind::Number,
                values: Arc::new(strength),
            },
            category(format!("{name}_name"), by(&|c| called(&self.names, c))),
        ];
        let level = |number: usize| format!("{name}_level_{number}");
        for (number, (names, groups)) in (1..).zip(&self.levels) {
            columns.push(category(level(number), by(&|c| called(names, groups[c] as usize))));
        }
        // Levels of an earlier answer that this one has not.
        let stored = |name: &String| space.columns().iter().any(|(known, _)| known == name);
        for name in (self.levels.len() + 1..).map(level).take_while(stored) {
            columns.push(category(name, by(&|_| None)));
        }
        columns
    }

    /// Number, items, mean strength, stability and what it is by chance, and name of a cluster.
    fn row(&self, c: usize, strengths: &[f64]) -> (usize, usize, f64, Option<[f64; 2]>, &str) {
        let stability = self.stability.as_ref().map(|found| [found.jaccard[c], found.null[c]]);
        (c + 1, self.clusters.sizes[c], strengths[c], stability, &self.names[c])
    }

    fn mean_strengths(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.clusters.len()];
        for (&label, &strength) in self.clusters.labels.iter().zip(&self.clusters.strength) {
            if label != NONE {
                sums[label as usize] += f64::from(strength);
            }
        }
        sums.iter().zip(&self.clusters.sizes).map(|(sum, &size)| sum / size as f64).collect()
    }

    fn objects(&self) -> Vec<Value> {
        let strengths = self.mean_strengths();
        let object = |c: usize| {
            let (number, items, strength, stability, name) = self.row(c, &strengths);
            let mut object = Map::new();
            object.insert("cluster".to_owned(), json!(number));
            object.insert("items".to_owned(), json!(items));
            object.insert("strength".to_owned(), json!(strength));
            if let Some([stability, by_chance]) = stability {
                object.insert("stability".to_owned(), json!(stability));
                object.insert("null".to_owned(), json!(by_chance));
            }
            object.insert("name".to_owned(), json!(name));
            Value::Object(object)
        };
        (0..self.clusters.len()).map(object).collect()
    }

    fn json(&self, args: &Args) -> Value {
        json!({
            "question": "cluster",
            "space": args.space,
            "method": self.clusters.method,
            "column": args.column,
            "count": self.clusters.labels.len(),
            "in_none": self.clusters.in_none(),
            "figures": self.clusters.figures,
            "resamples": self.stability.as_ref().map_or(0, |found| found.resamples),
            "clusters": self.objects(),
            "levels": self.levels.iter().map(|(names, _)| names).collect::<Vec<_>>(),
        })
    }

    fn file(&self, style: Delimited) -> String {
        let names = ["cluster", "items", "strength", "stability", "null", "name"];
        let mut text = style.head(names.into_iter().map(str::to_owned));
        for object in self.objects() {
            if style == Delimited::Jsonl {
                let _ = writeln!(text, "{object}");
                continue;
            }
            let cell = |name: &&str| match object.get(*name) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            text.push_str(&style.row(names.iter().map(cell)));
        }
        text
    }

    fn print(&self, args: &Args, cx: &Context<'_>) -> String {
        let (paint, found) = (cx.out.paint, &self.clusters);
        let mut text = format!(
            "{}  {} of {} by {}, {} in none\n",
            paint.bold(&args.space.display().to_string()),
            counted(found.len() as u64, "clusters"),
            counted(found.labels.len() as u64, "items"),
            found.method,
            whole(found.in_none() as u64)
        );
        let mut head =
            vec![("cluster", Align::Right), ("items", Align::Right), ("strength", Align::Right)];
        if self.stability.is_some() {
            head.extend([("stability", Align::Right), ("by chance", Align::Right)]);
        }
        head.push(("name", Align::Left));
        let mut table = Table::new(head);
        let strengths = self.mean_strengths();
        let share = |x: f64| if x.is_nan() { "–".to_owned() } else { figure(x) };
        for c in 0..found.len().min(SHOWN) {
            let (number, items, strength, stability, name) = self.row(c, &strengths);
            let mut cells = vec![number.to_string(), whole(items as u64), figure(strength)];
            cells.extend(stability.iter().flatten().map(|&x| share(x)));
            cells.push(name.to_owned());
            table.row(cells);
        }
        text.push_str(&table.render(paint));
        if found.len() > SHOWN {
            let more = whole((found.len() - SHOWN) as u64);
            let _ = writeln!(text, "  and {more} more: -o clusters.csv writes them all");
        }
        for (number, (names, _)) in (1..).zip(&self.levels) {
            let groups = counted(names.len() as u64, "groups");
            let _ = writeln!(text, "  level {number}: {groups}: {}", names.join(" · "));
        }
        text
    }
}

/// What names are made of: texts, or ids.
struct Namer {
    ids: Vec<String>,
    texts: Option<Column>,
}

impl Namer {
    fn new(space: &Space, text: Option<&str>) -> Result<Self> {
        let wanted: Vec<&str> = text.into_iter().collect();
        let items = space.items(Some(&wanted))?;
        let texts = text.and_then(|name| items.column(name)).cloned();
        if let Some(column) = &texts
            && column.values.as_string_opt::<i32>().is_none()
        {
            return Err(Error::usage(format!("--text {}: this column holds no text", column.name)));
        }
        let ids = items.ids().iter().map(|id| id.unwrap_or_default().to_owned()).collect();
        Ok(Namer { ids, texts })
    }

    /// By the words of the texts, or by the most central items where there are no texts or no words.
    fn names(&self, clusters: &Clusters, vectors: &Matrix, geometry: Geometry) -> Vec<String> {
        let members = || clusters::by_members(clusters, vectors, geometry, &self.ids, NAMED_BY);
        let texts = self.texts.as_ref().and_then(|column| column.values.as_string_opt::<i32>());
        let Some(texts) = texts else { return members() };
        let texts: Vec<Option<&str>> = texts.iter().collect();
        let mut names = clusters::by_words(clusters, &texts, NAMED_BY);
        if names.iter().any(String::is_empty) {
            for (name, members) in names.iter_mut().zip(members()) {
                if name.is_empty() {
                    *name = members;
                }
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_every_method_can_be_set() {
        assert_eq!(settings::unlisted::<Hdbscan>(HDBSCAN), Vec::<String>::new());
        assert_eq!(settings::unlisted::<Leiden>(LEIDEN), Vec::<String>::new());
        assert_eq!(settings::unlisted::<KMeans>(KMEANS), Vec::<String>::new());
    }
}
