//! Where log lines go, and in which form. Lines are events of the `tracing` crate; bars make room for them.

use std::io;

use indicatif::MultiProgress;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, filter};

use super::{chain, say};

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Errors, and warnings about the result.
    Quiet,
    /// What happens.
    #[default]
    Normal,
    /// Each request that is tried again, each limit that is learnt.
    Verbose,
}

/// The log of this process.
#[derive(Debug, Clone)]
pub struct Log {
    bars: MultiProgress,
    format: LogFormat,
}

impl Log {
    /// Starts logging to stderr. With `bars` on screen, lines are written above them. The second log of a process (in
    /// tests) changes nothing.
    pub fn start(format: LogFormat, verbosity: Verbosity) -> Self {
        let log = Self { bars: MultiProgress::new(), format };
        let level = match verbosity {
            // Warnings say that something asked for is not complete, which is a result.
            Verbosity::Quiet => LevelFilter::WARN,
            Verbosity::Normal => LevelFilter::INFO,
            Verbosity::Verbose => LevelFilter::DEBUG,
        };
        // Other crates log what they like, request headers among it.
        let ours = filter::Targets::new().with_target("deskhouse", level);
        let layer = tracing_subscriber::fmt::layer().with_writer(log.clone());
        let layer: Box<dyn Layer<Registry> + Send + Sync> = match format {
            LogFormat::Json => layer.json().flatten_event(true).with_target(false).boxed(),
            LogFormat::Text => layer.with_target(false).with_ansi(false).without_time().with_level(false).boxed(),
        };
        let _ = tracing_subscriber::registry().with(layer.with_filter(ours)).try_init();
        log
    }

    /// A sentence for the person who waits.
    pub fn say(&self, sentence: &str) {
        match self.format {
            LogFormat::Text => self.above_bars(sentence),
            LogFormat::Json => tracing::info!("{}", sentence.trim()),
        }
    }

    /// What is not complete.
    pub fn warn(&self, sentence: &str) {
        match self.format {
            LogFormat::Text => self.above_bars(&format!("warning: {sentence}")),
            LogFormat::Json => tracing::warn!("{sentence}"),
        }
    }

    /// What to do, after an empty line.
    pub fn hint(&self, hint: &str) {
        match self.format {
            LogFormat::Text => self.above_bars(&format!("\nhint: {hint}")),
            LogFormat::Json => tracing::warn!(hint, "what to do"),
        }
    }

    /// What ended the program, and what to do about it.
    pub fn failure(&self, error: &dyn std::error::Error, hint: Option<&str>) {
        match self.format {
            LogFormat::Text => {
                self.above_bars(&format!("error: {}", chain(error)));
                if let Some(hint) = hint {
                    self.hint(hint);
                }
            }
            LogFormat::Json => tracing::error!(hint, "{}", chain(error)),
        }
    }

    fn above_bars(&self, text: &str) {
        self.bars.suspend(|| say(text));
    }

    /// The place for bars.
    pub(super) fn bars(&self) -> &MultiProgress {
        &self.bars
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().lock().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
