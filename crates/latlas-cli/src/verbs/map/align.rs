//! `latlas map A.space B.space … --align`: maps that can be compared, each going on from the one before.

use std::path::Path;

use latlas::map::{AtK, Earlier, Faithfulness, FaithfulnessOptions, Moved, Placement, align};
use latlas::run::Silent;
use latlas::space::Space;
use latlas::{Error, Result, Run};
use serde_json::json;

use super::{Args, Context, Made, Plan, State, store};
use crate::output::{Align, Output, Table, counted, figure, percent, whole};

/// One map of the series.
struct Member<'a> {
    path: &'a Path,
    made: Made,
    onto: Option<Onto>,
}

/// How it stands to the map before.
struct Onto {
    moved: Moved,
    /// The same for layouts that know nothing of each other, each turned onto the one before.
    independent: Moved,
    /// And how faithful that layout was.
    independent_kept: f64,
}

/// The maps before, for the next to go on from: that of the series, and that which stands by itself.
struct Before {
    aligned: Earlier,
    independent: Earlier,
}

pub(super) fn run(args: &Args, plan: &Plan, cx: &Context<'_>) -> Result<()> {
    check(args)?;
    let run = cx.run();
    if args.tether > 0.0 && !plan.tethers() {
        cx.out.say(
            "this method holds no items: maps begin from the one before and are turned onto it",
        );
    }
    let mut members: Vec<Member<'_>> = Vec::new();
    let mut before = None;
    for path in &args.spaces {
        let (member, next) = lay_out(args, path, plan, before.as_ref(), &run)?;
        if let Some(error) = member.made.interruption() {
            return Err(error);
        }
        members.push(member);
        before = Some(next);
    }
    if cx.out.json() {
        let members: Vec<_> = members.iter().map(Member::to_json).collect();
        return cx.out.object("map", &json!({ "aligned": members, "tether": args.tether }));
    }
    print(&members, cx.out)?;
    let last = members.last().map(|member| member.path.display().to_string());
    cx.out.say(&format!("next: latlas plot {} -o map.png", last.unwrap_or_default()));
    Ok(())
}

/// Refuses what could not be aligned, before anything is computed.
fn check(args: &Args) -> Result<()> {
    if args.spaces.len() < 2 {
        return Err(Error::usage("--align: one space has nothing to be laid on")
            .help("name two or more: latlas map A.space B.space --align"));
    }
    if !(args.tether >= 0.0 && args.tether <= 1000.0) {
        return Err(Error::usage(format!("--tether {}: out of range", args.tether))
            .help("0 to 1000; 0.1 is usual"));
    }
    let spaces = args.spaces.iter().map(|path| Space::open(path));
    let spaces: Vec<Space> = spaces.collect::<Result<_>>()?;
    for (pair, paths) in spaces.windows(2).zip(args.spaces.windows(2)) {
        pair[1].field(&args.field).map_err(|e| e.context(paths[1].display()))?;
        let shared = pair[1].live().filter(|&row| pair[0].get(pair[1].id(row)).is_some());
        let shared = shared.take(args.dims + 1).count();
        if shared <= args.dims {
            return Err(Error::data(format!(
                "{} and {} have {} in common: too few to turn one map onto the other",
                paths[0].display(),
                paths[1].display(),
                if shared == 0 { "no id".to_owned() } else { counted(shared as u64, "ids") },
            ))
            .help("items are matched by id: give both spaces the same ids (--id COLUMN)"));
        }
    }
    Ok(())
}

/// Lays one space out, onto the one before.
fn lay_out<'a>(
    args: &Args,
    path: &'a Path,
    plan: &Plan,
    before: Option<&Before>,
    run: &Run<'_>,
) -> Result<(Member<'a>, Before)> {
    let (edit, field) = (Space::edit(path)?, args.field.as_str());
    let onto = before.map(|before| (&before.aligned, args.tether));
    let mut laid = plan.layout(edit, field, onto, run)?;
    let space = laid.edit.space().clone();
    let mut free: Option<Placement> = None;
    let mut member = None;
    if let Some(before) = before.filter(|_| laid.state == State::Finished) {
        let moved = align(&mut laid.placement, &space, &before.aligned, false)?;
        let again = plan.layout(laid.edit, field, None, run)?;
        laid.edit = again.edit;
        let mut alone = again.placement;
        let independent = align(&mut alone, &space, &before.independent, false)?;
        // What it would warn of, the map that is stored says as well.
        let quiet = Run { progress: &Silent, ..run.clone() };
        let measured = alone.faithfulness(&space, &FaithfulnessOptions::default(), &quiet)?;
        laid.placement.figures.insert(
            "aligned".to_owned(),
            json!({
                "onto": before.aligned.name(),
                "tether": args.tether,
                "moved": moved,
                "independent": independent,
            }),
        );
        member = Some(Onto { moved, independent, independent_kept: kept(&measured) });
        free = Some(alone);
    }
    let name =
        format!("{}:{}", path.display(), args.name.as_deref().unwrap_or(laid.placement.method));
    let next = Before {
        aligned: Earlier::from_layout(&name, &space, &laid.placement)?,
        independent: Earlier::from_layout(&name, &space, free.as_ref().unwrap_or(&laid.placement))?,
    };
    let made = store(laid, args.name.as_deref(), run)?;
    Ok((Member { path, made, onto: member }, next))
}

/// The share of the nearest neighbours kept.
fn kept(faithfulness: &Faithfulness) -> f64 {
    faithfulness.at.first().map_or(0.0, |at: &AtK| at.neighbours_kept.value)
}

impl Member<'_> {
    fn to_json(&self) -> serde_json::Value {
        let layout = &self.made.layout;
        json!({
            "space": self.path,
            "map": { "name": self.made.name, "method": layout.method, "dims": layout.coords.cols() },
            "items": layout.rows.len(),
            "moved": self.onto.as_ref().map(|onto| onto.moved),
            "independent": self.onto.as_ref().map(|onto| json!({
                "moved": onto.independent,
                "neighbours_kept_10": onto.independent_kept,
            })),
            "faithfulness": self.made.about.get("faithfulness"),
        })
    }
}

/// The series, a line a map.
fn print(members: &[Member<'_>], out: &Output) -> Result<()> {
    let mut table = Table::new([
        ("", Align::Left),
        ("items", Align::Right),
        ("shared", Align::Right),
        ("moved", Align::Right),
        ("if independent", Align::Right),
        ("10 nearest kept", Align::Right),
        ("if independent", Align::Right),
    ]);
    for Member { path, made, onto } in members {
        let of =
            |show: &dyn Fn(&Onto) -> String| onto.as_ref().map_or_else(|| "–".to_owned(), show);
        table.row(vec![
            path.display().to_string(),
            whole(made.layout.rows.len() as u64),
            of(&|onto| whole(onto.moved.shared as u64)),
            of(&|onto| figure(onto.moved.median)),
            of(&|onto| figure(onto.independent.median)),
            percent(kept(&made.faithfulness)),
            of(&|onto| percent(onto.independent_kept)),
        ]);
    }
    let name = members.first().map_or("", |member| member.made.name.as_str());
    let maps = counted(members.len() as u64, "maps");
    out.result(&format!(
        "map '{name}': {maps}, each laid on the one before\n{}  moved: how far shared items stand from where they stood (median), the size of the map being 1\n",
        table.render(out.paint)
    ))
}
