//! What all learners from text have in common: what is read, how words are found, checkpoints, and the closing words.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use latlas::data::{
    self, CORPUS, Corpus, CorpusOptions, Counts, Documents, Labels, Phrases, ReaderOptions,
    Sources, Tokenizer,
};
use latlas::file::Sections;
use latlas::learn::documents::OnUnknown;
use latlas::learn::{Classifier, Doc2Vec, DocumentCorpus, Learn};
use latlas::{Checkpoint, Error, Kind, Result, Run, Space};
use serde_json::{Value, json};

use crate::output::{Output, counted, duration, facts, percent, rate, series};
use crate::reading::Reading;
use crate::verbs::Context;
use crate::work::Work;

/// From where to where.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Text or tables: files, folders, 'patterns', or - for standard input; .gz and .zst too
    #[arg(required = true)]
    pub(super) input: Vec<String>,
    /// The space to write; one that is there is replaced when the new one is ready
    #[arg(short, long, value_name = "SPACE", required_unless_present = "dry_run")]
    pub(super) output: Option<PathBuf>,
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

    #[command(flatten)]
    words: Words,
    /// Write the words exactly as they are learned from, one sequence a line
    #[arg(long, value_name = "FILE", help_heading = "Words")]
    dump_corpus: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

/// How words are found, and which are kept.
#[derive(Debug, clap::Args)]
pub(in crate::verbs) struct Words {
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
    /// Join the phrases of a table, as 'latlas learn phrases' writes it, before words are counted
    #[arg(long, value_name = "FILE", help_heading = "Words")]
    phrases: Option<PathBuf>,
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

impl Words {
    /// Reads the table of phrases, if one is named.
    pub(in crate::verbs) fn options(&self) -> Result<CorpusOptions> {
        Ok(CorpusOptions {
            tokenizer: self.tokenizer.tokenizer(),
            lowercase: !self.keep_case,
            min_count: self.min_count.unwrap_or(CorpusOptions::default().min_count),
            max_vocab: self.max_vocab,
            phrases: self.phrases.as_deref().map(Phrases::read).transpose()?,
        })
    }
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
        if let [input] = target.input.as_slice()
            && Sections::is(Path::new(input), CORPUS)
        {
            if self.dump_corpus.is_some() {
                return Err(Error::usage(format!(
                    "{input} is encoded already: its words cannot be dumped"
                ))
                .help("dump them from the text"));
            }
            if self.words.phrases.is_some() {
                return Err(Error::usage(format!(
                    "{input} is encoded already: phrases cannot be joined in it"
                ))
                .help("join them where the text is encoded: latlas corpus encode --phrases"));
            }
            let corpus = |_: &Work| Corpus::open(Path::new(input));
            return lesson.learn_from(corpus, learner, output, &run)?.tell(Of::Words, output, cx);
        }
        let read = || data::documents(&sources, &reading, &run);
        lesson.learn(read, learner, output, &run)?.tell(Of::Words, output, cx)
    }

    /// Learns from counts, saves the space and tells of it. Flags about the text do not matter.
    pub(super) fn learn_counted(
        &self,
        counts: &Counts,
        learner: &impl Learn<Data = Counts>,
        output: &Path,
        cx: &Context<'_>,
    ) -> Result<()> {
        let lesson = self.lesson()?;
        let run = cx.run();
        let learn = |work: &Work| {
            let tokens = counts.vocabulary.tokens();
            lesson.finish(learner, counts, tokens, output, work, &run)
        };
        lesson.held(output, &run, learn)?.tell(Of::Words, output, cx)
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
        let learned = lesson.held(output, &run, |work| {
            let texts = data::texts(&sources, &reading, &run)?;
            let scratch = work.scratch()?;
            let corpus = data::encode_whole(&texts, &lesson.corpus, &scratch, lesson.dump, &run)?;
            let tokens = corpus.vocabulary.tokens();
            let missing = texts.missing();
            let data = DocumentCorpus { documents: texts.items, corpus, missing, on_unknown };
            lesson.finish(learner, &data, tokens, output, work, &run)
        })?;
        learned.tell(Of::Documents, output, cx)
    }

    /// Reads texts with labels, learns to label texts, saves the space and tells of it.
    pub(super) fn classify(
        &self,
        target: &Target,
        labels: &Labels,
        learner: &Classifier,
        cx: &Context<'_>,
    ) -> Result<()> {
        let Words { max_vocab, phrases, .. } = &self.words;
        if self.dump_corpus.is_some() || max_vocab.is_some() || phrases.is_some() {
            return Err(Error::usage(
                "--dump-corpus, --max-vocab and --phrases do not go together with --supervised",
            ));
        }
        let lesson = self.lesson()?;
        let sources = Sources::resolve(&target.input)?;
        let reading = self.reading.options()?;
        let Some(output) = target.output.as_deref().filter(|_| !self.dry_run) else {
            return dry_run(&sources, &reading, cx);
        };
        let cut =
            data::Cut { tokenizer: lesson.corpus.tokenizer, lowercase: lesson.corpus.lowercase };
        let min_count = self.words.min_count.unwrap_or(learner.min_count);
        let learner = Classifier { min_count, ..learner.clone() };
        learner.check()?;
        let run = cx.run();
        let learned = lesson.held(output, &run, |work| {
            let corpus = data::encode_labelled(&sources, &reading, labels, cut, &run)?;
            run.progress.note(&format!(
                "{} texts, {} labels, {} different words",
                corpus.texts.iter().count(),
                corpus.labels.len(),
                corpus.words.len()
            ));
            let tokens = corpus.words.tokens();
            lesson.finish(&learner, &corpus, tokens, output, work, &run)
        })?;
        learned.tell(Of::Labels, output, cx)
    }

    fn lesson(&self) -> Result<Lesson<'_>> {
        let every = Duration::try_from_secs_f64(self.checkpoint_every).map_err(|_| {
            Error::usage(format!("--checkpoint-every {}: not a time", self.checkpoint_every))
        })?;
        Ok(Lesson {
            corpus: self.words.options()?,
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

/// What was learned: vectors of words, of documents, or to tell labels.
#[derive(Debug, Clone, Copy)]
pub(in crate::verbs) enum Of {
    Words,
    Documents,
    Labels,
}

/// A space that was learned and saved.
pub(in crate::verbs) struct Learned {
    pub(in crate::verbs) space: Space,
    pub(in crate::verbs) tokens: u64,
    took: Duration,
}

impl Lesson<'_> {
    /// Reads, learns, saves.
    pub(in crate::verbs) fn learn<D: Documents, L: Learn<Data = Corpus>>(
        &self,
        read: impl FnOnce() -> Result<D>,
        learner: impl FnOnce(&Corpus) -> L,
        output: &Path,
        run: &Run<'_>,
    ) -> Result<Learned> {
        let corpus =
            |work: &Work| data::encode(read()?, &self.corpus, &work.scratch()?, self.dump, run);
        self.learn_from(corpus, learner, output, run)
    }

    /// [`Lesson::learn`] from a corpus made or opened by `corpus`.
    fn learn_from<L: Learn<Data = Corpus>>(
        &self,
        corpus: impl FnOnce(&Work) -> Result<Corpus>,
        learner: impl FnOnce(&Corpus) -> L,
        output: &Path,
        run: &Run<'_>,
    ) -> Result<Learned> {
        self.held(output, run, |work| {
            let corpus = corpus(work)?;
            let tokens = corpus.vocabulary.tokens();
            self.finish(&learner(&corpus), &corpus, tokens, output, work, run)
        })
    }

    /// Works with the target locked, and keeps checkpoints that are worth it.
    fn held(
        &self,
        output: &Path,
        run: &Run<'_>,
        learn: impl FnOnce(&Work) -> Result<Learned>,
    ) -> Result<Learned> {
        let work = Work::begin(output)?;
        if work.interrupted() && !self.resume {
            run.progress.warn(
                "the checkpoint of an interrupted run is given up; --resume would go on from it",
            );
        }
        let result = learn(&work);
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

    /// Learns with checkpoints, and saves.
    fn finish<L: Learn>(
        &self,
        learner: &L,
        data: &L::Data,
        tokens: u64,
        output: &Path,
        work: &Work,
        run: &Run<'_>,
    ) -> Result<Learned> {
        work.scratch()?; // learners may need it
        let checkpoint =
            Checkpoint { dir: work.checkpoints()?, every: self.every, resume: self.resume };
        let began = Instant::now();
        let space = learner.learn(data, &Run { checkpoint: Some(checkpoint), ..run.clone() })?;
        let took = began.elapsed();
        space.save(output)?;
        Ok(Learned { space, tokens, took })
    }
}

impl Learned {
    /// The closing words: a summary, and what to do next.
    pub(super) fn tell(&self, of: Of, output: &Path, cx: &Context<'_>) -> Result<()> {
        cx.out.settle();
        if cx.out.json() {
            return cx.out.object("learn", &self.object(output));
        }
        self.print(of, output, cx.out)?;
        let space = output.display();
        let query = match of {
            Of::Words => self.example(),
            Of::Documents => "'a text of your own'",
            Of::Labels => {
                cx.out.say(&format!("next: latlas apply classify {space} NEW"));
                return Ok(());
            }
        };
        cx.out.say(&format!("next: latlas search {space} {query}"));
        cx.out.say(&format!("      latlas map {space} && latlas plot {space} -o map.png"));
        Ok(())
    }

    fn dim(&self) -> usize {
        self.space.fields().first().map_or(0, |field| field.dim)
    }

    fn loss(&self) -> &[Value] {
        self.space.metrics().get("loss").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Of the learning alone, and of this run alone: a resumed one did not do all of it. With the unit.
    fn speed(&self) -> Option<(f64, &'static str)> {
        ["words", "links"].into_iter().find_map(|unit| {
            let speed = self.space.run_facts().get(&format!("{unit}_per_second"));
            speed.and_then(Value::as_f64).map(|speed| (speed, unit))
        })
    }

    fn object(&self, output: &Path) -> Value {
        let mut metrics = self.space.metrics().clone();
        let (speed, unit) = self.speed().map_or((None, "words"), |(n, unit)| (Some(n), unit));
        metrics.insert(format!("{unit}_per_second"), json!(speed));
        metrics.insert("seconds".to_owned(), json!(self.took.as_secs_f64()));
        json!({ "space": output, "count": self.space.count(), "dim": self.dim(), "tokens": self.tokens, "metrics": metrics })
    }

    /// The summary, for people.
    pub(in crate::verbs) fn print(&self, of: Of, output: &Path, out: &Output) -> Result<()> {
        let speed =
            self.speed().map_or_else(String::new, |(n, unit)| format!(", {}", rate(n, unit)));
        let (name, unit) = match of {
            Of::Words | Of::Labels => ("vocabulary", "words"),
            Of::Documents => ("documents", "documents"),
        };
        let mut lines = vec![
            (name, counted(self.space.count() as u64, unit)),
            ("text", counted(self.tokens, "words")),
            ("vectors", format!("{} numbers each", self.dim())),
        ];
        if !self.loss().is_empty() {
            lines.push(("loss", format!("{}  by epoch", series(self.loss()))));
        }
        if let Some(share) = self.space.metrics().get("explained").and_then(Value::as_f64) {
            lines.push(("explained", format!("{} of the squared information", percent(share))));
        }
        lines.push(("time", format!("{}{speed}", duration(self.took))));
        let text = facts(&lines, out.paint);
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
