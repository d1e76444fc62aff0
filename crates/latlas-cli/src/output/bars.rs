//! Progress: a bar on a terminal; elsewhere a plain line now and then.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use latlas::Step;

use super::{Paint, complain, duration, rate, short};
use crate::args::ShowProgress;

/// A plain line at most this often, and the first one only then: short work stays silent.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// Stages shorter than this leave no line behind.
const WORTH_A_LINE: Duration = Duration::from_millis(500);

/// The progress of one stage after the other.
pub(super) struct Bars {
    how: ShowProgress,
    paint: Paint,
    stage: Option<Stage>,
}

struct Stage {
    name: &'static str,
    unit: &'static str,
    began: Instant,
    /// What was done when the stage was first heard of: a resumed one starts in the middle.
    began_at: u64,
    said: Instant,
    done: u64,
    total: Option<u64>,
    detail: String,
    bar: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn new(how: ShowProgress, paint: Paint) -> Self {
        Bars { how, paint, stage: None }
    }

    pub(super) fn step(&mut self, step: &Step) {
        if self.how == ShowProgress::None {
            return;
        }
        if self
            .stage
            .as_ref()
            .is_none_or(|stage| stage.name != step.stage || step.done < stage.done)
        {
            self.finish();
            self.stage = Some(self.start(step));
        }
        let Some(stage) = &mut self.stage else { return };
        stage.done = step.done;
        stage.total = step.total;
        stage.detail.clone_from(&step.detail);
        if let Some(bar) = &stage.bar {
            bar.set_length(step.total.unwrap_or(0).max(1));
            bar.set_position(step.done);
            bar.set_message(stage.line());
        } else if stage.said.elapsed() >= PLAIN_EVERY {
            stage.said = Instant::now();
            complain(&format!("{:<10} {}", stage.name, stage.line()));
        }
    }

    /// Takes the bar off the screen while something else is printed.
    pub(super) fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        match self.stage.as_ref().and_then(|stage| stage.bar.as_ref()) {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Ends the stage; one that took a while leaves a line with its figures.
    pub(super) fn finish(&mut self) {
        let Some(stage) = self.stage.take() else { return };
        if let Some(bar) = &stage.bar {
            bar.finish_and_clear();
        }
        let took = stage.began.elapsed();
        if took >= WORTH_A_LINE && (stage.bar.is_some() || took >= PLAIN_EVERY) {
            complain(&self.paint.dim(&format!("{:<10} {}", stage.name, stage.last_line(took))));
        }
    }

    /// Ends the stage without a word: an error follows.
    pub(super) fn abandon(&mut self) {
        if let Some(bar) = self.stage.take().and_then(|stage| stage.bar) {
            bar.finish_and_clear();
        }
    }

    fn start(&self, step: &Step) -> Stage {
        let bar = (self.how == ShowProgress::Bar).then(|| bar(step.total));
        if let Some(bar) = &bar {
            bar.set_prefix(step.stage);
        }
        Stage {
            name: step.stage,
            unit: step.unit,
            began: Instant::now(),
            began_at: step.done,
            said: Instant::now(),
            done: step.done,
            total: step.total,
            detail: String::new(),
            bar,
        }
    }
}

impl Stage {
    /// "42 %  1.2 M words/s  34 s left  epoch 3/5 · loss 2.31"
    fn line(&self) -> String {
        let mut parts = Vec::with_capacity(4);
        match self.total {
            Some(total) if total > 0 => {
                parts.push(format!("{:>3.0} %", 100.0 * self.done as f64 / total as f64));
            }
            _ => parts.push(self.amount()),
        }
        let elapsed = self.began.elapsed().as_secs_f64();
        let worked = self.done.saturating_sub(self.began_at) as f64;
        // The first moments tell nothing about the rate.
        if elapsed > 0.5 && worked > 0.0 {
            let speed = worked / elapsed;
            parts.push(rate(speed, self.unit));
            if let Some(total) = self.total {
                let left = total.saturating_sub(self.done) as f64 / speed;
                parts.push(format!(
                    "{} left",
                    duration(Duration::from_secs_f64(left.clamp(0.0, 1e9)))
                ));
            }
        }
        if !self.detail.is_empty() {
            parts.push(self.detail.clone());
        }
        parts.join("  ")
    }

    /// "16.0 M words  12 s  1.3 M words/s  epoch 5/5 · loss 2.31"
    fn last_line(&self, took: Duration) -> String {
        let worked = self.done.saturating_sub(self.began_at) as f64;
        let mut parts =
            vec![self.amount(), duration(took), rate(worked / took.as_secs_f64(), self.unit)];
        if !self.detail.is_empty() {
            parts.push(self.detail.clone());
        }
        parts.join("  ")
    }

    fn amount(&self) -> String {
        if self.unit == "bytes" {
            super::bytes(self.done)
        } else {
            format!("{} {}", short(self.done as f64), self.unit)
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(
        Some(total.unwrap_or(0).max(1)),
        ProgressDrawTarget::stderr_with_hz(10),
    );
    let template = if total.is_some() {
        "{prefix:<10} {bar:24} {wide_msg}"
    } else {
        "{prefix:<10} {spinner} {wide_msg}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}
