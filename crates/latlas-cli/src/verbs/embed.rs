//! `latlas embed MODEL INPUT -o OUT`: places texts in a space.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use latlas::data::{self, Sources, Texts};
use latlas::geometry::Geometry;
use latlas::learn::documents::{Cutting, OnUnknown, Unplaced, settle};
use latlas::learn::{Means, MeansMethod};
use latlas::space::{ItemBatch, Modality, Model, Registry, VectorBatch, encode_all};
use latlas::{Error, Result, Space};
use serde_json::{Value, json};

use super::learn::Cut;
use super::{Context, registry, step};
use crate::output::{counted, duration, facts};
use crate::reading::Reading;
use crate::settings::{self, Setting};
use crate::work::Work;

/// Place texts in a space, by its words or by its encoder
#[derive(Debug, clap::Args)]
#[command(after_help = format!(
    "{}\nExamples:\n  latlas embed en.space articles.csv --text body -o articles.space\n  \
     latlas embed articles.space more.csv -o more.space\n  latlas search articles.space 'floods in the north'",
    settings::list::<Means>(MEANS)
))]
pub(crate) struct Args {
    /// A space of words, or one that places texts itself (of doc2vec, or made by this command)
    model: PathBuf,
    /// Text or tables: files, folders, 'patterns', or - for standard input; .gz and .zst too
    #[arg(required = true)]
    input: Vec<String>,
    /// The space to write; one that is there is replaced when the new one is ready
    #[arg(short, long, value_name = "SPACE")]
    output: PathBuf,
    /// What a word counts in a text: sif, tfidf, or mean (all alike) [default: sif]
    #[arg(long, value_name = "HOW", value_parser = method)]
    method: Option<MeansMethod>,
    /// What to do with documents without a known word; they are listed
    #[arg(long, value_name = "skip|keep|stop", default_value = "skip", value_parser = on_unknown)]
    on_unknown: OnUnknown,
    /// Set another option of the method; listed below
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// How words are found [default: as when the words were learned]
    #[arg(long, value_name = "HOW", value_enum, help_heading = "Words")]
    tokenizer: Option<Cut>,
    /// Keep capitals: 'Word' and 'word' are two
    #[arg(long, help_heading = "Words")]
    keep_case: bool,

    #[command(flatten)]
    reading: Reading,
}

/// What `--set` changes, in the words of the options struct's documentation.
const MEANS: &[Setting] = &[
    Setting { key: "a", about: "sif: smaller takes more away from frequent words" },
    Setting { key: "components", about: "sif: how many directions common to all are taken out" },
    Setting { key: "method", about: "" },
];

fn method(name: &str) -> Result<MeansMethod, String> {
    serde_json::from_value(Value::String(name.to_lowercase()))
        .map_err(|_| "there are sif, tfidf and mean".to_owned())
}

pub(super) fn on_unknown(name: &str) -> Result<OnUnknown, String> {
    serde_json::from_value(Value::String(name.to_lowercase()))
        .map_err(|_| "there are skip, keep and stop".to_owned())
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let means = Means { method: args.method.unwrap_or_default(), ..Means::default() };
    let means = settings::apply(means, &args.set, MEANS)?;
    means.check()?;
    let source = Space::open(&args.model)?;
    let work = Work::begin(&args.output)?;
    let began = Instant::now();
    let done = embed(args, &source, &means, cx);
    work.end(false);
    let (space, unplaced, how) = done?;
    cx.out.settle();
    let dim = space.fields().first().map_or(0, |field| field.dim);
    let kept = if args.on_unknown == OnUnknown::Keep { unplaced.len() } else { 0 };
    let placed = space.count() - kept;
    if cx.out.json() {
        return cx.out.object(
            "embed",
            &json!({ "model": args.model, "space": args.output, "method": how, "count": space.count(), "dim": dim, "placed": placed, "unknown": unplaced.unknown, "missing": unplaced.missing }),
        );
    }
    let fate = if kept > 0 { "kept at zero" } else { "left out" };
    let mut documents = format!("{} placed", counted(placed as u64, "documents"));
    for (ids, why) in
        [(&unplaced.unknown, "without a known word"), (&unplaced.missing, "without a text")]
    {
        if !ids.is_empty() {
            let _ = write!(documents, ", {} {why} ({fate})", ids.len());
        }
    }
    let text = facts(
        &[
            ("documents", documents),
            ("method", how),
            ("vectors", format!("{dim} numbers each")),
            ("time", duration(began.elapsed())),
        ],
        cx.out.paint,
    );
    let target = args.output.display();
    cx.out.result(&format!("{}\n{text}", cx.out.paint.bold(&target.to_string())))?;
    cx.out.say(&format!("next: latlas search {target} 'a text of your own'"));
    Ok(())
}

/// Reads, places, saves: the space, what has no place in it, and by what the others were placed.
fn embed(
    args: &Args,
    source: &Space,
    means: &Means,
    cx: &Context<'_>,
) -> Result<(Space, Unplaced, String)> {
    let run = cx.run();
    let registry = registry();
    let encoder = match source.model() {
        None => None,
        Some(_) => Some(source.encoder(&registry)?),
    };
    let encoder = encoder.filter(|encoder| encoder.accepts().contains(&Modality::Text));
    if encoder.is_some() && (args.method.is_some() || !args.set.is_empty()) {
        return Err(Error::usage(format!(
            "{} places texts by an encoder of its own, which --method and --set do not change",
            args.model.display()
        ))
        .help("leave them out, or name a space of words"));
    }
    let texts = data::texts(&Sources::resolve(&args.input)?, &args.reading.options()?, &run)?;
    let (model, batch, kind, how, options) = match (encoder, source.model()) {
        (Some(encoder), Some(model)) => {
            let batch = encode_all(&*encoder, &ItemBatch::of_texts(texts.iter()), &run)?;
            let family = model.about().family.clone();
            (model, batch, source.kind().to_owned(), family, json!({}))
        }
        _ => by_words(args, source, &texts, means, &registry, cx)?,
    };
    let (items, vectors, unplaced) = settle(&texts.items, batch, args.on_unknown)?;
    unplaced.tell(args.on_unknown, &run);
    let space = Space::builder(&kind, items)
        .field("main", geometry(source), vectors)
        .model(model)
        .provenance(step("embed", provenance(args, &texts, &options), sources(args, &texts)))
        .build()?;
    space.save(&args.output)?;
    Ok((space, unplaced, how))
}

/// What placed the texts, and where; the kind of the space, the method in words and as options.
type Placed = (Model, VectorBatch, String, String, Value);

fn by_words(
    args: &Args,
    source: &Space,
    texts: &Texts,
    means: &Means,
    registry: &Registry,
    cx: &Context<'_>,
) -> Result<Placed> {
    let run = cx.run();
    let recorded = Cutting::of(source);
    let mut cutting = recorded.unwrap_or_default();
    if let Some(cut) = args.tokenizer {
        cutting.tokenizer = cut.tokenizer();
    }
    cutting.lowercase &= !args.keep_case;
    run.progress.note(&format!(
        "words are found as '{}', {}{}",
        cutting.tokenizer.name(),
        if cutting.lowercase { "capitals made small" } else { "capitals kept" },
        if recorded.is_none() { " (the space does not say how it was learned)" } else { "" }
    ));
    let fitted = means.fit(source, texts, cutting, registry, &run)?;
    let how = match means.method {
        MeansMethod::Sif => format!(
            "smooth inverse frequency (a {}), {} taken out",
            means.a,
            counted(means.components as u64, "common directions")
        ),
        MeansMethod::Tfidf => "means weighted by inverse document frequency".to_owned(),
        MeansMethod::Mean => "means".to_owned(),
    };
    let options = serde_json::to_value(means).unwrap_or_default();
    Ok((fitted.model, fitted.texts, "means".to_owned(), how, options))
}

fn geometry(source: &Space) -> Geometry {
    source.fields().first().map_or(Geometry::Cosine, |field| field.geometry)
}

fn provenance(args: &Args, texts: &Texts, options: &Value) -> Value {
    let mut options = options.clone();
    if let Some(options) = options.as_object_mut() {
        options.insert("model".into(), json!(args.model));
        options.insert("text".into(), json!(texts.column));
        options.insert("on_unknown".into(), json!(args.on_unknown));
    }
    options
}

fn sources(args: &Args, texts: &Texts) -> Vec<Value> {
    let mut sources = texts.sources.clone();
    sources.push(json!({ "path": args.model }));
    sources
}
