//! `latlas check SPACE [--repair]`: whether every byte of a space, of encoded text or of counts is as it was written.

use std::fmt::Write as _;
use std::path::PathBuf;

use latlas::space::{CheckReport, check};
use latlas::{Error, Result};
use serde_json::{Value, json};

use super::Context;
use super::corpus::FileAbout;
use crate::output::{bytes, counted};

/// Check every byte of a space
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  latlas check en.space --repair")]
pub(crate) struct Args {
    /// The space, or a file of 'latlas corpus'
    space: PathBuf,
    /// Rebuild what can be rebuilt from what is whole, and remove what killed writers left
    #[arg(long)]
    repair: bool,
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    if let Some(file) = FileAbout::of(&args.space)? {
        if cx.out.json() {
            let fields = json!({ "file": args.space, "ok": true, "files": 1, "bytes": file.bytes });
            return cx.out.object("check", &fields);
        }
        let sound = cx.out.paint.green("sound");
        return cx.out.result(&format!("{sound}  1 file, {} read", bytes(file.bytes)));
    }
    let report = check(&args.space, args.repair)?;
    let space = args.space.display();
    if cx.out.json() {
        let mut fields = json!({ "space": args.space, "ok": report.is_sound() });
        if let (Some(fields), Ok(Value::Object(report))) =
            (fields.as_object_mut(), serde_json::to_value(&report))
        {
            fields.extend(report);
        }
        cx.out.object("check", &fields)?;
    } else {
        cx.out.result(&text(&report, cx))?;
    }
    if report.is_sound() {
        return Ok(());
    }
    let broken = report.problems.iter().filter(|p| !p.repaired).count() as u64;
    let error = Error::data(format!("{space} is damaged: {}", counted(broken, "problems")));
    Err(error.help(if args.repair {
        "what is left cannot be derived: learn or convert it anew, or take it from a backup"
            .to_owned()
    } else {
        format!("'latlas check {space} --repair' makes right what can be derived from the rest")
    }))
}

fn text(report: &CheckReport, cx: &Context<'_>) -> String {
    let paint = cx.out.paint;
    let mut text =
        format!("{}, {} read", counted(report.files as u64, "files"), bytes(report.bytes));
    if report.problems.is_empty() {
        text = format!("{}  {text}", paint.green("sound"));
    }
    for problem in &report.problems {
        let state = if problem.repaired { paint.green("repaired") } else { paint.red("damaged") };
        let _ = write!(text, "\n  {state}  {}: {}", problem.file, problem.what);
    }
    if report.torn > 0 {
        let torn = bytes(report.torn);
        let _ = write!(
            text,
            "\n  {torn} at the end of the log are no whole change: a writer was killed before it answered"
        );
    }
    for leftover in &report.leftovers {
        let state = if report.swept { "removed" } else { "left by a killed writer" };
        let _ = write!(text, "\n  {state}  {leftover}");
    }
    text
}
