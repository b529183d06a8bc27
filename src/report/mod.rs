//! What people and scripts see: progress on stderr while a run lasts, results on stdout when it is over. Nothing here
//! decides anything.

mod comparison;
mod countdown;
mod estimate;
mod findings;
mod lines;
mod log;
mod outlook;
mod progress;
mod status;
mod summary;
mod table;

use std::io::{self, Write};

pub use comparison::{comparison, comparison_json, expected};
pub use countdown::{Countdown, Notes, Ticker};
pub use estimate::{estimate, estimate_json};
pub use findings::{Finding, Verdict, findings, findings_json};
pub use lines::Lines;
pub use log::{Log, LogFormat, Verbosity};
pub use progress::Bars;
pub use status::{resources, resources_json, status, status_json};
pub use summary::{advice, summary, summary_json};
pub use table::Table;

/// Writes a result to stdout. A reader that has gone away (`| head`) is not an error.
pub fn out(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes bytes to stdout as they are.
pub fn out_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes a sentence to stderr. There is nowhere to report that stderr is closed.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// An error with its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let sentence = error.to_string();
        // Transparent errors repeat their cause.
        if !text.ends_with(&sentence) {
            text.push_str(": ");
            text.push_str(&sentence);
        }
        cause = error.source();
    }
    text
}

/// A count with its thousands apart.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in the words of a person: `40 s`, `14 min`, `3 h 20 min`, `2 days`.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 60, seconds / 3_600, seconds / 86_400) {
        (0, ..) => format!("{seconds} s"),
        (minutes, 0, _) => format!("{minutes} min"),
        (minutes, hours, days) if days < 2 => format!("{hours} h {} min", minutes % 60),
        (.., days) => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
