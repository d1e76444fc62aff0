//! `latlas tour`: reads, learns, maps, searches and draws, and says at each step what it does.

mod call;
mod text;
mod words;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use latlas::data::{Corpus, CorpusOptions};
use latlas::learn::Word2Vec;
use latlas::{Error, Result, Space};
use serde_json::{Map, json};

use super::learn::{Learned, Lesson, Of};
use super::{Context, info, map, plot};
use crate::output::{Align, Table, duration};
use call::quoted;
use words::Neighbourhood;

/// Learn, map, search and draw, on text that this machine already has
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  latlas tour --quick\n  latlas tour my-notes/")]
pub(crate) struct Args {
    /// Text to learn from [default: READMEs and doc comments among cargo's downloads]
    input: Vec<String>,
    /// Take about a minute: less text, shorter vectors
    #[arg(long)]
    quick: bool,
    /// Where the space and the picture go; what an earlier tour left there is replaced
    #[arg(short, long, value_name = "DIR", default_value = "latlas-tour")]
    output: PathBuf,
}

/// How much a tour takes on.
struct Plan {
    /// At most so many bytes of text.
    most: u64,
    dim: usize,
    /// About so many words are trained on, all epochs together.
    budget: u64,
}

const QUICK: Plan = Plan { most: 16 << 20, dim: 64, budget: 24_000_000 };
const FULL: Plan = Plan { most: 64 << 20, dim: 100, budget: 100_000_000 };

impl Plan {
    /// Small texts are read more often; beyond 20 times little changes.
    fn epochs(&self, tokens: u64) -> u32 {
        u32::try_from(self.budget / tokens.max(1)).unwrap_or(u32::MAX).clamp(3, 20)
    }
}

pub(crate) fn run(args: &Args, cx: &Context<'_>) -> Result<()> {
    let began = Instant::now();
    let guide = Guide::new(&args.output, cx)?;
    let learned = guide.learn(args, if args.quick { &QUICK } else { &FULL })?;
    guide.describe()?;
    guide.map()?;
    guide.draw()?;
    let shown = guide.search(&learned.space)?;
    guide.end(&learned, &shown, began.elapsed())
}

/// Leads through the stages: where the tour's things lie, and how its commands are written.
struct Guide<'a> {
    cx: &'a Context<'a>,
    space: PathBuf,
    picture: PathBuf,
    corpus: PathBuf,
    latlas: String,
}

impl<'a> Guide<'a> {
    fn new(dir: &Path, cx: &'a Context<'a>) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, &e))?;
        Ok(Guide {
            cx,
            space: dir.join("words.space"),
            picture: dir.join("map.png"),
            corpus: dir.join("corpus.txt"),
            latlas: call::prefix(),
        })
    }

    fn learn(&self, args: &Args, plan: &Plan) -> Result<Learned> {
        let run = self.cx.run();
        let text = text::find(&args.input, plan.most, &run)?;
        self.stage(
            "Read",
            &format!("Text goes in: {}.\nIt is cut into words; rare ones are left out.", text.name),
            None,
        );
        let lesson = Lesson {
            corpus: CorpusOptions::default(),
            dump: Some(&self.corpus),
            resume: false,
            every: Duration::from_secs(60),
        };
        let learner = |corpus: &Corpus| {
            let epochs = plan.epochs(corpus.vocabulary.tokens());
            self.cx.out.settle();
            self.stage(
                "Learn",
                "word2vec gives every word a vector from which the words around it can be predicted, so that\n\
                 words used alike come to lie side by side. The loss says how bad the predictions are.",
                Some(&self.relearn(plan.dim, epochs)),
            );
            Word2Vec { dim: plan.dim, epochs, ..Word2Vec::default() }
        };
        let learned = lesson.learn(|| Ok(text.documents), learner, &self.space, &run)?;
        self.cx.out.settle();
        self.show(|| learned.print(Of::Words, &self.space, self.cx.out))?;
        Ok(learned)
    }

    fn describe(&self) -> Result<()> {
        let about = "The result is a space: a folder of open formats (Parquet and NumPy) that remembers how it was made.";
        self.stage("Look inside", about, Some(&format!("info {}", self.space())));
        self.show(|| info::print(&self.space, self.cx.out))
    }

    fn map(&self) -> Result<()> {
        self.stage(
            "Map",
            "A map lays the vectors out in two dimensions, and says how far it can be trusted: how often what is\n\
             close on it is close in truth. Two dimensions never hold all of it.",
            Some(&format!("map {}", self.space())),
        );
        let (plan, keeping) = (map::Plan::default(), map::Keeping::default());
        let made = map::make(&self.space, "main", None, &plan, keeping, &self.cx.run())?;
        self.cx.out.settle();
        self.show(|| map::print(&made, &self.space(), self.cx.out))
    }

    fn draw(&self) -> Result<()> {
        let command =
            format!("plot {} -o {}", self.space(), quoted(&self.picture.display().to_string()));
        self.stage(
            "Draw",
            "The map as a picture, and in the letters of your terminal.",
            Some(&command),
        );
        let braille = plot::both(&self.space, &self.picture, self.cx)?;
        self.show(|| self.cx.out.result(&braille))
    }

    fn search(&self, space: &Space) -> Result<Vec<Neighbourhood>> {
        let shown = words::choose(space, 6, 6, self.cx.threads)?;
        let word = shown.first().map_or("WORD", |n| n.word.as_str());
        self.stage(
            "Search",
            "The nearest neighbours of a few frequent words, found by the space itself:",
            Some(&format!("search {} {}", self.space(), quoted(word))),
        );
        if shown.is_empty() {
            self.cx
                .out
                .caution("too little text to find words with clear neighbours; try a larger one");
        } else {
            self.show(|| self.cx.out.result(&table(&shown).render(self.cx.out.paint)))?;
        }
        Ok(shown)
    }

    fn end(&self, learned: &Learned, shown: &[Neighbourhood], took: Duration) -> Result<()> {
        let commands = self.commands(shown);
        if self.cx.out.json() {
            let neighbours: Map<_, _> = shown
                .iter()
                .map(|n| {
                    (n.word.clone(), n.nearest.iter().map(|(word, _)| word.as_str()).collect())
                })
                .collect();
            let fields = json!({
                "space": self.space, "plot": self.picture, "corpus": self.corpus, "count": learned.space.count(),
                "seconds": took.as_secs_f64(), "neighbours": neighbours, "commands": commands,
            });
            return self.cx.out.object("tour", &fields);
        }
        let paint = self.cx.out.paint;
        let mut text =
            format!("\n{}\n", paint.bold(&format!("That took {}. Go on:", duration(took))));
        for command in &commands {
            let _ = writeln!(text, "  {command}");
        }
        let _ = writeln!(text, "The picture: {}", self.picture.display());
        self.cx.out.result(&text)
    }

    /// What to do next, ready to be copied.
    fn commands(&self, shown: &[Neighbourhood]) -> Vec<String> {
        let space = self.space();
        let mut rest = Vec::new();
        if let [first, second, ..] = shown {
            let near = first.nearest.first().map_or(first.word.as_str(), |(word, _)| word.as_str());
            rest.push(format!("search {space} {}", quoted(&second.word)));
            rest.push(format!("search {space} '{} - {near} + {}'", first.word, second.word));
        }
        rest.push(format!(
            "plot {space} -o {} --color-by faithfulness",
            quoted(&self.picture.with_file_name("faithfulness.svg").display().to_string())
        ));
        rest.push(format!(
            "convert {space} {}",
            quoted(&self.space.with_file_name("words.vec").display().to_string())
        ));
        rest.push("learn word2vec YOUR-TEXT.txt -o your.space".to_owned());
        rest.into_iter().map(|rest| self.command(&rest)).collect()
    }

    fn relearn(&self, dim: usize, epochs: u32) -> String {
        let corpus = quoted(&self.corpus.display().to_string());
        format!(
            "learn word2vec {corpus} --tokenizer whitespace --dim {dim} --epochs {epochs} -o {}",
            self.space()
        )
    }

    /// The heading of a stage, what it does, and the command that does it alone.
    fn stage(&self, title: &str, about: &str, command: Option<&str>) {
        let paint = self.cx.out.side();
        self.cx.out.tell(&format!("\n{}\n{about}", paint.bold(title)));
        if let Some(command) = command {
            self.cx.out.tell(&paint.dim(&format!("  $ {}", self.command(command))));
        }
    }

    /// Screens are for people.
    fn show(&self, screen: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.cx.out.json() { Ok(()) } else { screen() }
    }

    fn command(&self, rest: &str) -> String {
        format!("{} {rest}", self.latlas)
    }

    fn space(&self) -> String {
        quoted(&self.space.display().to_string())
    }
}

/// The words as headings, their neighbours under them.
fn table(shown: &[Neighbourhood]) -> Table {
    let mut table = Table::new(shown.iter().map(|n| (n.word.clone(), Align::Left)));
    let rows = shown.iter().map(|n| n.nearest.len()).max().unwrap_or(0);
    for row in 0..rows {
        table.row(
            shown
                .iter()
                .map(|n| n.nearest.get(row).map_or_else(String::new, |(word, _)| word.clone()))
                .collect(),
        );
    }
    table
}
