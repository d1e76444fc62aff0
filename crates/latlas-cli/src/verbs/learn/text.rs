//! What all learners from text have in common: what is read, how words are found, checkpoints, and the closing words.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use latlas::data::{
    self, Corpus, CorpusOptions, Documents, Labels, ReaderOptions, Sources, Tokenizer,
};
use latlas::learn::documents::OnUnknown;
use latlas::learn::{Classifier, Doc2Vec, DocumentCorpus, Learn};
use latlas::{Checkpoint, Error, Kind, Result, Run, Space};
use serde_json::{Value, json};

use crate::output::{Output, counted, duration, facts, rate, series};
use crate::reading::Reading;
use crate::verbs::Context;
use crate::work::Work;

/// From where to where.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Text or tables: files, folders, 'patterns', or - for standard input; .gz and .zst too
    #[arg(required = true)]
    input: Vec<String>,
    /// The space to write; one that is there is replaced when the new one is ready
    #[arg(short, long, value_name = "SPACE", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
}

/// How the text is read, and where the place of a long learning is kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Text {
    /// Tell what would be read, and stop
    #[arg(long)]
    dry_run: bool,
    /// Go on from the checkpoint of an interrupted run with the same options
    #[arg(long)]
    resume: bool,
    /// Seconds between checkpoints
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    checkpoint_every: f64,

    /// How words are found: as Unicode says, between white space, or runs of a-z
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Cut::Words, help_heading = "Words")]
    tokenizer: Cut,
    /// Keep capitals: 'Word' and 'word' are two
    #[arg(long, help_heading = "Words")]
    keep_case: bool,
    /// Words that stand less often are left out [default: 5]
    #[arg(long, value_name = "N", help_heading = "Words")]
    min_count: Option<u64>,
    /// At most so many words, the most frequent ones
    #[arg(long, value_name = "N", help_heading = "Words")]
    max_vocab: Option<usize>,
    /// Write the words exactly as they are learned from, one sequence a line
    #[arg(long, value_name = "FILE", help_heading = "Words")]
    dump_corpus: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

/// How words are found, as the user says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::verbs) enum Cut {
    // The words of Unicode, punctuation left out; right for most languages.
    Words,
    // Whatever stands between white space, for text that is tokenised already.
    Whitespace,
    // Runs of the letters a-z; all else separates.
    Letters,
}

impl Cut {
    pub(in crate::verbs) fn tokenizer(self) -> Tokenizer {
        match self {
            Cut::Words => Tokenizer::Words,
            Cut::Whitespace => Tokenizer::Whitespace,
            Cut::Letters => Tokenizer::Letters,
        }
    }
}

impl Text {
    /// Reads the text, learns from it, saves the space and tells of it.
    pub(super) fn learn<L: Learn<Data = Corpus>>(
        &self,
        target: &Target,
        learner: impl FnOnce(&Corpus) -> L,
        cx: &Context<'_>,
    ) -> Result<()> {
        let lesson = self.lesson()?;
        let sources = Sources::resolve(&target.input)?;
        let reading = self.reading.options()?;
        let Some(output) = target.output.as_deref().filter(|_| !self.dry_run) else {
            return dry_run(&sources, &reading, cx);
        };
        let run = cx.run();
        let read = || data::documents(&sources, &reading, &run);
        let learned = lesson.learn(read, learner, output, &run)?;
        cx.out.settle();
        if cx.out.json() {
            return cx.out.object("learn", &learned.object(output));
        }
        learned.print("words", output, cx.out)?;
        let space = output.display();
        cx.out.say(&format!("next: latlas search {space} {}", learned.example()));
        cx.out.say(&format!("      latlas map {space} && latlas plot {space} -o map.png"));
        Ok(())
    }

    /// Reads rows with a text each, learns their vectors, saves the space and tells of it.
    pub(super) fn learn_documents(
        &self,
        target: &Target,
        learner: &Doc2Vec,
        on_unknown: OnUnknown,
        cx: &Context<'_>,
    ) -> Result<()> {
        let lesson = self.lesson()?;
        let sources = Sources::resolve(&target.input)?;
        let reading = self.reading.options()?;
        let Some(output) = target.output.as_deref().filter(|_| !self.dry_run) else {
            return dry_run(&sources, &reading, cx);
        };
        let run = cx.run();
        let learned = lesson.guarded(output, &run, |work| {
            let texts = data::texts(&sources, &reading, &run)?;
            let scratch = work.scratch()?;
            let corpus = data::encode_whole(&texts, &lesson.corpus, &scratch, lesson.dump, &run)?;
            let tokens = corpus.vocabulary.tokens();
            let data = DocumentCorpus { documents: texts.items, corpus, on_unknown };
            lesson.finish(learner, &data, tokens, output, work, &run)
        })?;
        cx.out.settle();
        if cx.out.json() {
            return cx.out.object("learn", &learned.object(output));
        }
        learned.print("documents", output, cx.out)?;
        let space = output.display();
        cx.out.say(&format!("next: latlas search {space} 'a text of your own'"));
        cx.out.say(&format!("      latlas map {space} && latlas plot {space} -o map.png"));
        Ok(())
    }

    /// Reads texts with labels, learns to label texts, saves the space and tells of it.
    pub(super) fn classify(
        &self,
        target: &Target,
        labels: &Labels,
        learner: &Classifier,
        cx: &Context<'_>,
    ) -> Result<()> {
        if self.dump_corpus.is_some() || self.max_vocab.is_some() {
            return Err(Error::usage(
                "--dump-corpus and --max-vocab do not go together with --supervised",
            ));
        }
        let lesson = self.lesson()?;
        let sources = Sources::resolve(&target.input)?;
        let reading = self.reading.options()?;
        let Some(output) = target.output.as_deref().filter(|_| !self.dry_run) else {
            return dry_run(&sources, &reading, cx);
        };
        let CorpusOptions { tokenizer, lowercase, .. } = lesson.corpus;
        let min_count = self.min_count.unwrap_or(learner.min_count);
        let learner = Classifier { min_count, ..learner.clone() };
        learner.check()?;
        let run = cx.run();
        let learned = lesson.guarded(output, &run, |work| {
            let cut = data::Cut { tokenizer, lowercase };
            let corpus = data::encode_labelled(&sources, &reading, labels, cut, &run)?;
            run.progress.note(&format!(
                "{} texts, {} labels, {} different words",
                corpus.texts.iter().count(),
                corpus.labels.len(),
                corpus.words.len()
            ));
            lesson.finish(&learner, &corpus, corpus.words.tokens(), output, work, &run)
        })?;
        cx.out.settle();
        if cx.out.json() {
            return cx.out.object("learn", &learned.object(output));
        }
        learned.print("words", output, cx.out)?;
        cx.out.say(&format!("next: latlas apply classify {} NEW", output.display()));
        Ok(())
    }

    fn lesson(&self) -> Result<Lesson<'_>> {
        let every = Duration::try_from_secs_f64(self.checkpoint_every).map_err(|_| {
            Error::usage(format!("--checkpoint-every {}: not a time", self.checkpoint_every))
        })?;
        Ok(Lesson {
            corpus: CorpusOptions {
                tokenizer: self.tokenizer.tokenizer(),
                lowercase: !self.keep_case,
                min_count: self.min_count.unwrap_or(CorpusOptions::default().min_count),
                max_vocab: self.max_vocab,
            },
            dump: self.dump_corpus.as_deref(),
            resume: self.resume,
            every,
        })
    }
}

fn dry_run(sources: &Sources, reading: &ReaderOptions, cx: &Context<'_>) -> Result<()> {
    let schema = data::schema(sources, reading, &cx.run())?;
    if cx.out.json() {
        return cx.out.object("learn", &json!({ "dry_run": true, "input": schema }));
    }
    cx.out.result(&schema.to_string())
}

/// How a space of words is learned, but for the text and the learner.
pub(in crate::verbs) struct Lesson<'a> {
    pub(in crate::verbs) corpus: CorpusOptions,
    pub(in crate::verbs) dump: Option<&'a Path>,
    pub(in crate::verbs) resume: bool,
    pub(in crate::verbs) every: Duration,
}

/// A space that was learned and saved.
pub(in crate::verbs) struct Learned {
    pub(in crate::verbs) space: Space,
    pub(in crate::verbs) tokens: u64,
    took: Duration,
}

impl Lesson<'_> {
    /// Reads, learns, saves. The target is locked from the start, and stays as it was until the end.
    pub(in crate::verbs) fn learn<D: Documents, L: Learn<Data = Corpus>>(
        &self,
        read: impl FnOnce() -> Result<D>,
        learner: impl FnOnce(&Corpus) -> L,
        output: &Path,
        run: &Run<'_>,
    ) -> Result<Learned> {
        self.guarded(output, run, |work| {
            let corpus = data::encode(read()?, &self.corpus, &work.scratch()?, self.dump, run)?;
            let tokens = corpus.vocabulary.tokens();
            self.finish(&learner(&corpus), &corpus, tokens, output, work, run)
        })
    }

    /// Does the work with the target locked; what is left of it is worth going on from, or is removed.
    fn guarded(
        &self,
        output: &Path,
        run: &Run<'_>,
        act: impl FnOnce(&Work) -> Result<Learned>,
    ) -> Result<Learned> {
        let work = Work::begin(output)?;
        if work.interrupted() && !self.resume {
            run.progress.warn(
                "the checkpoint of an interrupted run is given up; --resume would go on from it",
            );
        }
        let result = act(&work);
        let kept = work.interrupted();
        // A full disk or Ctrl-C is worth going on from; wrong options or wrong text are not.
        work.end(matches!(&result, Err(e) if matches!(e.kind(), Kind::Interrupted | Kind::Io)));
        result.map_err(|error| match error.kind() {
            Kind::Interrupted if kept => {
                error.help("the same command with --resume goes on from the checkpoint")
            }
            Kind::Interrupted => error.help("it had not come to a checkpoint; start anew"),
            _ => error,
        })
    }

    /// Learns and saves.
    fn finish<L: Learn>(
        &self,
        learner: &L,
        data: &L::Data,
        tokens: u64,
        output: &Path,
        work: &Work,
        run: &Run<'_>,
    ) -> Result<Learned> {
        let checkpoint =
            Checkpoint { dir: work.checkpoints()?, every: self.every, resume: self.resume };
        let began = Instant::now();
        let space = learner.learn(data, &Run { checkpoint: Some(checkpoint), ..run.clone() })?;
        let took = began.elapsed();
        space.save(output)?;
        Ok(Learned { tokens, took, space })
    }
}

impl Learned {
    fn dim(&self) -> usize {
        self.space.fields().first().map_or(0, |field| field.dim)
    }

    fn loss(&self) -> &[Value] {
        self.space.metrics().get("loss").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Of the learning alone, and of this run alone: a resumed one did not do all of it.
    fn words_per_second(&self) -> Option<f64> {
        self.space.run_facts().get("words_per_second").and_then(Value::as_f64)
    }

    fn object(&self, output: &Path) -> Value {
        let mut metrics = self.space.metrics().clone();
        metrics.insert("words_per_second".to_owned(), json!(self.words_per_second()));
        metrics.insert("seconds".to_owned(), json!(self.took.as_secs_f64()));
        json!({ "space": output, "count": self.space.count(), "dim": self.dim(), "tokens": self.tokens, "metrics": metrics })
    }

    /// The summary, for people.
    pub(in crate::verbs) fn print(&self, what: &str, output: &Path, out: &Output) -> Result<()> {
        let speed =
            self.words_per_second().map_or_else(String::new, |n| format!(", {}", rate(n, "words")));
        let text = facts(
            &[
                if what == "documents" {
                    (what, counted(self.space.count() as u64, what))
                } else {
                    ("vocabulary", counted(self.space.count() as u64, what))
                },
                ("text", counted(self.tokens, "words")),
                ("vectors", format!("{} numbers each", self.dim())),
                ("loss", format!("{}  by epoch", series(self.loss()))),
                ("time", format!("{}{speed}", duration(self.took))),
            ],
            out.paint,
        );
        out.result(&format!("{}\n{text}", out.paint.bold(&output.display().to_string())))
    }

    /// A word to try a search with: the most frequent one that is likely to mean something.
    fn example(&self) -> &str {
        let long = self
            .space
            .live()
            .map(|row| self.space.id(row))
            .take(2000)
            .find(|id| id.chars().count() >= 6 && id.chars().all(char::is_alphabetic));
        long.or_else(|| self.space.live().next().map(|row| self.space.id(row))).unwrap_or("WORD")
    }
}
