//! `latlas apply classify SPACE INPUT`: labels for texts, and how often they are right.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use latlas::data::{Labels, Sources};
use latlas::file;
use latlas::learn::classifier::Labeller;
use latlas::space::fasttext::FastTextModel;
use latlas::task::{Classified, ClassifyOptions, Report, classify};
use latlas::{Error, Result, Space};
use serde_json::{Value, json};

use crate::output::{Delimited, Output, counted, facts, figure, percent, single};
use crate::reading::Reading;
use crate::verbs::Context;

/// Label texts; where their labels are known, tell how often that is right
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  latlas apply classify stars.space new.csv --text review -o labels.csv\n  \
                  latlas apply classify stars.space test.csv --text review --label stars"
)]
pub(crate) struct Args {
    /// A space learned with latlas learn fasttext --supervised
    space: PathBuf,
    /// The texts, as in learning: files, folders, 'patterns', or - for standard input
    #[arg(required = true)]
    input: Vec<String>,
    /// At most so many labels a text
    #[arg(short, long = "k", value_name = "N", default_value_t = 1)]
    k: usize,
    /// Leave out labels that are less probable
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    threshold: f32,
    /// The column of labels, to judge by
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// Write the labels there: .csv, .tsv or .jsonl
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let space = Space::open(&args.space)?;
    let called = args.space.display();
    let model = FastTextModel::of(&space)?.ok_or_else(|| {
        Error::data(format!("{called} has no model that labels texts"))
            .help("learn one with latlas learn fasttext --supervised")
    })?;
    let prefix = model.config().label_prefix.clone();
    let labeller = Labeller::new(model).map_err(|e| e.context(called))?;
    let style = args.output.as_deref().map(Delimited::of).transpose()?;
    let labels = Labels { column: args.label.clone(), prefix };
    let sources = Sources::resolve(&args.input)?;
    let reading = args.reading.options()?;
    let options = ClassifyOptions { k: args.k, threshold: args.threshold };
    let run = cx.run();
    let mut written = style.map_or_else(String::new, |style| head(style, args.k));
    let mut shown = Vec::new();
    let report = classify(&labeller, &sources, &reading, &labels, options, &run, &mut |text| {
        match style {
            Some(style) => row(style, text, args.k, &mut written),
            None if text.known.is_empty() => shown.push(object(text)),
            None => {}
        }
        Ok(())
    })?;
    cx.out.settle();
    if let Some(path) = &args.output {
        file::publish(path, |file| {
            file.write_all(written.as_bytes()).map_err(|e| Error::io("write", path, &e))
        })?;
    }
    if report.unknown_labels > 0 {
        cx.out.caution(&format!(
            "{} in the texts are labels that the model does not know; they count as missed",
            counted(report.unknown_labels, "labels")
        ));
    }
    if cx.out.json() {
        let mut result = json!(report);
        if args.output.is_none() {
            result["labels"] = json!(shown);
        }
        return cx.out.object("apply", &result);
    }
    for text in &shown {
        cx.out.result(&line(text))?;
    }
    summary(&report, args.output.as_deref(), cx.out)
}

fn summary(report: &Report, output: Option<&Path>, out: &Output) -> Result<()> {
    if let (Some(precision), Some(recall), Some(baseline)) =
        (report.precision, report.recall, report.baseline)
    {
        let k = report.k;
        let text = facts(
            &[
                ("texts".to_owned(), counted(report.judged, "with known labels")),
                (format!("precision@{k}"), percent(precision)),
                (format!("recall@{k}"), percent(recall)),
                (
                    "baseline".to_owned(),
                    format!("{}  always '{}'", percent(baseline), report.majority),
                ),
            ],
            out.paint,
        );
        out.result(&text)?;
    }
    if let Some(path) = output {
        out.result(&format!("{}  {}", path.display(), counted(report.texts, "texts")))?;
    }
    Ok(())
}

fn object(text: &Classified<'_>) -> Value {
    let label = |(label, p): &(&str, f32)| json!({ "label": label, "probability": single(*p) });
    json!({ "id": text.id, "labels": text.labels.iter().map(label).collect::<Vec<_>>() })
}

/// "17  positive 0.93, negative 0.07".
fn line(text: &Value) -> String {
    let labels = text["labels"].as_array().map(Vec::as_slice).unwrap_or_default();
    let label = |l: &Value| {
        format!(
            "{} {}",
            l["label"].as_str().unwrap_or_default(),
            figure(l["probability"].as_f64().unwrap_or_default())
        )
    };
    let labels: Vec<String> = labels.iter().map(label).collect();
    format!("{}  {}", text["id"].as_str().unwrap_or_default(), labels.join(", "))
}

/// The names of the columns of a file of labels.
fn head(style: Delimited, k: usize) -> String {
    let names = (1..=k).flat_map(|rank| {
        let number = if rank == 1 { String::new() } else { format!("_{rank}") };
        [format!("label{number}"), format!("probability{number}")]
    });
    style.head(std::iter::once("id".to_owned()).chain(names))
}

fn row(style: Delimited, text: &Classified<'_>, k: usize, out: &mut String) {
    if style == Delimited::Jsonl {
        let _ = writeln!(out, "{}", object(text));
        return;
    }
    let cells = (0..k).flat_map(|rank| match text.labels.get(rank) {
        Some((label, p)) => [(*label).to_owned(), p.to_string()],
        None => [String::new(), String::new()],
    });
    out.push_str(&style.row(std::iter::once(text.id.to_owned()).chain(cells)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_labels_keep_what_is_in_them() {
        let text = Classified { id: "a,b", labels: vec![("very \"good\"", 0.75)], known: &[] };
        let mut csv = head(Delimited::Csv, 2);
        row(Delimited::Csv, &text, 2, &mut csv);
        assert_eq!(
            csv,
            "id,label,probability,label_2,probability_2\n\"a,b\",\"very \"\"good\"\"\",0.75,,\n"
        );
        let mut tsv = String::new();
        row(Delimited::Tsv, &Classified { id: "a\tb", ..text }, 1, &mut tsv);
        assert_eq!(tsv, "a\\tb\tvery \"good\"\t0.75\n");
    }
}
