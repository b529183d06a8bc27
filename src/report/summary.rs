//! How a run ended: a table for people, one JSON document for scripts.

use serde_json::{Map, Value, json};

use super::{Table, thousands};
use crate::ledger::{Counts, ResourceOutcome, State};
use crate::sync::Outcome;

/// The summary as a table, a line of totals, and what is not complete.
pub fn summary(outcome: &Outcome) -> String {
    let mut table = Table::new(&[
        "resource",
        ">read",
        ">inserted",
        ">updated",
        ">unchanged",
        ">deleted",
        ">rejected",
        ">requests",
        ">credits",
        ">seconds",
        "complete until (UTC)",
    ]);
    let mut total = Counts::default();
    for resource in &outcome.resources {
        total += resource.counts;
        table.row(cells(resource));
    }
    // Their records are not the resources' own, and what they changed is counted there.
    for feed in &outcome.feeds {
        table.row(cells(feed));
    }
    let seconds = outcome.seconds;
    let left =
        outcome.credits_left.map_or_else(String::new, |left| format!(", {} credits left today", thousands(left)));
    let mut text = format!(
        "{}\n\nrun {} {} in {seconds:.1}s: {} records read, {} rows changed, {} requests, {} credits{left}",
        table.text(),
        outcome.run,
        outcome.state.word(),
        thousands(total.read),
        thousands(total.inserted + total.updated + total.deleted),
        thousands(outcome.usage.requests),
        thousands(outcome.usage.credits),
    );
    if total.mended > 0 {
        text.push_str(&format!(
            "\n{} rows hold a replacement for a character that no database text can hold; `_raw` has the original",
            thousands(total.mended)
        ));
    }
    if total.rejected > 0 {
        text.push_str(&format!(
            "\n{} records fit no row; they are kept with the reason in deskhouse_rejects",
            thousands(total.rejected)
        ));
    }
    text
}

/// What a person should know who reads nothing else: a warning for each resource that is not complete.
pub fn advice(outcome: &Outcome) -> Vec<String> {
    let mut advice = Vec::new();
    if let Some(error) = &outcome.out_of_credits {
        let unfinished = outcome.resources.iter().filter(|resource| resource.state == State::OutOfCredits).count();
        advice.push(format!("{error}; {unfinished} of {} resources are unfinished", outcome.resources.len()));
    }
    for resource in outcome.all() {
        if let (State::Failed | State::Partial, Some(error)) = (resource.state, &resource.error) {
            advice.push(format!("{} is not complete: {error}", resource.resource));
        }
    }
    if outcome.state == State::Interrupted {
        advice.push("interrupted; what was read is saved, and the next run goes on there".into());
    }
    advice
}

/// The summary as one JSON document.
pub fn summary_json(outcome: &Outcome) -> Value {
    let resource = |resource: &ResourceOutcome| {
        json!({
            "resource": resource.resource,
            "state": resource.state.word(),
            "records_read": resource.counts.read,
            "rows_inserted": resource.counts.inserted,
            "rows_updated": resource.counts.updated,
            "rows_unchanged": resource.counts.unchanged,
            "rows_deleted": resource.counts.deleted,
            "records_rejected": resource.counts.rejected,
            "rows_mended": resource.counts.mended,
            "requests": resource.usage.requests,
            "credits": resource.usage.credits,
            "duration_s": resource.seconds,
            "complete_until": resource.complete_until,
            "open_windows": resource.open_windows,
            "error": resource.error,
        })
    };
    let mut told = of_run(outcome);
    told.insert("resources".into(), outcome.resources.iter().map(resource).collect());
    told.insert("feeds".into(), outcome.feeds.iter().map(resource).collect());
    Value::Object(told)
}

/// What a JSON document tells of a run, whatever it was to do.
pub(super) fn of_run(outcome: &Outcome) -> Map<String, Value> {
    Map::from_iter(
        [
            ("run", json!(outcome.run.0)),
            ("state", json!(outcome.state.word())),
            ("started_at", json!(outcome.started_at)),
            ("finished_at", json!(outcome.finished_at)),
            ("duration_s", json!(outcome.seconds)),
            ("requests", json!(outcome.usage.requests)),
            ("credits", json!(outcome.usage.credits)),
            ("credits_left", json!(outcome.credits_left)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn cells(resource: &ResourceOutcome) -> Vec<String> {
    let counts = resource.counts;
    let mut cells: Vec<String> = vec![resource.resource.to_owned()];
    cells.extend(
        [counts.read, counts.inserted, counts.updated, counts.unchanged, counts.deleted, counts.rejected]
            .map(thousands),
    );
    cells.extend([resource.usage.requests, resource.usage.credits].map(thousands));
    cells.push(format!("{:.1}", resource.seconds));
    cells.push(match resource.complete_until {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
        None if resource.open_windows == 0 => String::new(),
        None => format!("not yet ({} windows left)", resource.open_windows),
    });
    cells
}
