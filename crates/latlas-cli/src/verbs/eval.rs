//! `latlas eval SPACE --suite words FILE…`: how good a space is, against judgements made elsewhere, or how steady,
//! against spaces of other seeds.

use std::path::PathBuf;

use clap::ValueEnum;
use latlas::eval::stability;
use latlas::eval::words::{self, Kind, Method, Options};
use latlas::eval::{Null, Score};
use latlas::{Error, Result, Space};
use serde_json::json;

use super::Context;
use crate::output::{Align, Output, Table, figure, percent, whole};
use crate::settings::advice;

/// Measure a space against judgements made elsewhere
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  latlas eval en.space --suite words questions-words.txt EN-WS-353-ALL.txt --min EN-WS-353-ALL=0.6\n  \
                  latlas eval seed1.space seed2.space seed3.space --suite stability"
)]
pub(crate) struct Args {
    /// The space
    space: PathBuf,
    /// words: files of analogies ('a b c d' a line), of word pairs ('a b score'), of categories ('word category') or of
    /// outliers (a word a line, a blank line, outliers). stability: further spaces
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What is measured: words, or stability (how alike neighbours are from seed to seed)
    #[arg(long, value_enum, hide_possible_values = true)]
    suite: Suite,
    /// In analogies and stability only the most frequent so many words take part [default: 300000, 100000]
    #[arg(long, value_name = "N")]
    restrict_vocab: Option<usize>,
    /// The neighbours of a word that stability compares
    #[arg(short, long = "k", value_name = "N", default_value_t = stability::Options::default().k)]
    k: usize,
    /// In word pairs, place unknown words with the space's encoder, as fastText can
    #[arg(long)]
    place_unknown: bool,
    /// How analogies are solved [default: both]
    #[arg(long, value_enum)]
    method: Option<Solve>,
    /// Fail (exit code 1) if the figure of this name is below the value; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = floor)]
    min: Vec<Floor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    Words,
    #[value(alias = "neighbours")]
    Stability,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Solve {
    #[value(name = "3cosadd")]
    CosAdd,
    #[value(name = "3cosmul")]
    CosMul,
}

/// A figure that must be reached.
#[derive(Debug, Clone)]
struct Floor {
    name: String,
    value: f64,
}

fn floor(text: &str) -> Result<Floor, String> {
    let (name, value) = text.rsplit_once('=').ok_or("not of the form NAME=VALUE")?;
    let value = value.trim().parse().map_err(|_| format!("'{value}' is no number"))?;
    Ok(Floor { name: name.trim().to_owned(), value })
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    match args.suite {
        Suite::Words => words(args, cx),
        Suite::Stability => steady(args, cx),
    }
}

fn words(args: &Args, cx: &Context<'_>) -> Result<()> {
    let space = Space::open(&args.space)?;
    let mut options = Options { place_unknown: args.place_unknown, ..Options::default() };
    if args.restrict_vocab.is_some() {
        options.restrict_vocab = args.restrict_vocab;
    }
    if let Some(method) = args.method {
        options.methods = vec![match method {
            Solve::CosAdd => Method::CosAdd,
            Solve::CosMul => Method::CosMul,
        }];
    }
    let (mut analogies, mut others) = (Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for file in &args.files {
        let (kind, scores) = words::evaluate(&space, file, &options, &cx.run())?;
        match kind {
            Kind::Analogies => analogies.extend(scores),
            Kind::Pairs => others[0].extend(scores),
            Kind::Categories => others[1].extend(scores),
            Kind::Outliers => others[2].extend(scores),
        }
    }
    let all: Vec<&Score> = analogies.iter().chain(others.iter().flatten()).collect();
    if cx.out.json() {
        cx.out.object("eval", &json!({ "space": args.space, "results": all }))?;
    } else {
        print_analogies(&analogies, &options.methods, cx.out)?;
        let [pairs, categories, outliers] = &others;
        print("pairs", "Spearman", figure, pairs, cx.out)?;
        print("categories", "k-means", figure, categories, cx.out)?;
        print("outliers", "found", percent, outliers, cx.out)?;
    }
    hold(&args.min, &all)
}

/// A row for each file and section, a column for each method.
fn print_analogies(scores: &[Score], methods: &[Method], out: &Output) -> Result<()> {
    if scores.is_empty() {
        return Ok(());
    }
    let multiplied = methods.contains(&Method::CosMul);
    let added = methods.contains(&Method::CosAdd);
    let mut head = vec![("analogies", Align::Left)];
    head.extend(added.then_some(("3CosAdd", Align::Right)));
    head.extend(multiplied.then_some(("3CosMul", Align::Right)));
    head.extend([("by chance", Align::Right), ("asked", Align::Right), ("coverage", Align::Right)]);
    let mut table = Table::new(head);
    let plain = |score: &Score| score.name.replacen(MULTIPLIED, "", 1);
    let is_multiplied = |score: &Score| plain(score) != score.name;
    for score in scores.iter().filter(|score| is_multiplied(score) != added) {
        let mut row = vec![plain(score), value(score, percent)];
        if added && multiplied {
            let other =
                scores.iter().find(|other| is_multiplied(other) && plain(other) == score.name);
            row.push(other.map_or_else(String::new, |other| value(other, percent)));
        }
        row.extend([percent(score.null.value), whole(score.n as u64), percent(score.coverage)]);
        table.row(row);
    }
    out.result(&table.render(out.paint))
}

/// What the names of figures by 3CosMul hold.
const MULTIPLIED: &str = "/3cosmul";

/// A row for each figure, with what it would be by chance.
fn print(
    what: &str,
    value_of: &str,
    show: fn(f64) -> String,
    scores: &[Score],
    out: &Output,
) -> Result<()> {
    if scores.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(vec![
        (what, Align::Left),
        (value_of, Align::Right),
        ("by chance", Align::Right),
        ("asked", Align::Right),
        ("coverage", Align::Right),
    ]);
    for score in scores {
        let Null { value: chance, sd } = score.null;
        table.row(vec![
            score.name.clone(),
            value(score, show),
            format!("{} ± {}", show(chance), show(sd)),
            whole(score.n as u64),
            percent(score.coverage),
        ]);
    }
    out.result(&table.render(out.paint))
}

/// The neighbours of a word in one space, and in others that were learned alike.
fn steady(args: &Args, cx: &Context<'_>) -> Result<()> {
    let paths = std::iter::once(&args.space).chain(&args.files);
    let spaces = paths.map(|path| Space::open(path)).collect::<Result<Vec<Space>>>()?;
    let mut options = stability::Options { k: args.k, ..stability::Options::default() };
    if args.restrict_vocab.is_some() {
        options.restrict_vocab = args.restrict_vocab;
    }
    let scores = stability::neighbours(&spaces, &options, &cx.run())?;
    let all: Vec<&Score> = scores.iter().collect();
    if cx.out.json() {
        cx.out.object(
            "eval",
            &json!({ "space": args.space, "others": args.files, "results": all }),
        )?;
    } else {
        print("stability", "Jaccard", figure, &scores, cx.out)?;
    }
    hold(&args.min, &all)
}

/// A figure that rests on nothing is none.
fn value(score: &Score, show: fn(f64) -> String) -> String {
    if score.n == 0 { "-".to_owned() } else { show(score.value) }
}

/// Every `--min`: an error for one that is missed, or that names no figure.
fn hold(floors: &[Floor], scores: &[&Score]) -> Result<()> {
    for floor in floors {
        let Some(score) = scores.iter().find(|score| score.name == floor.name) else {
            let names: Vec<&str> = scores.iter().map(|score| score.name.as_str()).collect();
            return Err(Error::usage(format!("--min {}: no figure has this name", floor.name))
                .help(advice(&floor.name, &names)));
        };
        // A figure that rests on nothing reaches no floor.
        if score.n == 0 || score.value.is_nan() || score.value < floor.value {
            return Err(Error::nothing(format!(
                "{} is {}, below the {} of --min",
                score.name,
                figure(score.value),
                floor.value
            )));
        }
    }
    Ok(())
}
