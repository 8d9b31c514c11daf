//! The log on standard error, and the last warning in it for the agent's health.

use std::fmt::{self, Write};
use std::io::IsTerminal;

use dustwatch_edge::Trouble;
use dustwatch_observation::{Clock, SystemClock};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt as layers;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::command::LogFormat;

/// Letters of a warning that are kept.
const MAX_LETTERS: usize = 500;

/// Starts the log; `RUST_LOG` says what is written. Gives where the last warning is.
pub(crate) fn start(format: LogFormat) -> Trouble {
    let trouble = Trouble::default();
    // Levels by target; a filter by fields as well would make the program larger by 0.3 MB.
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = layers::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let log = tracing_subscriber::registry()
        .with(filter)
        .with(LastWarning(trouble.clone()));
    match format {
        LogFormat::Text => log.with(lines).init(),
        LogFormat::Json => log.with(lines.json()).init(),
    }
    trouble
}

struct LastWarning(Trouble);

impl<S: Subscriber> Layer<S> for LastWarning {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if *event.metadata().level() <= Level::WARN {
            let mut words = Words::default();
            event.record(&mut words);
            let what: String = format!("{}{}", words.message, words.fields)
                .chars()
                .take(MAX_LETTERS)
                .collect();
            self.0.note(SystemClock.now(), what);
        }
    }
}

#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
