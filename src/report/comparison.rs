//! What a comparison of warehouse and portal found: a table for people, one JSON document for scripts.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Table, duration, summary, thousands};
use crate::ledger::Usage;
use crate::sync::{Compared, Hand, Outcome};

/// What looking at every record is going to take.
pub fn expected(usage: Usage, time: Duration) -> String {
    format!(
        "looking at every record takes about {} requests, {} credits and {}",
        thousands(usage.requests),
        thousands(usage.credits),
        duration(time.as_secs_f64())
    )
}

/// What was found as a table, and a line of totals.
pub fn comparison(outcome: &Outcome, found: &[Compared], hand: Hand) -> String {
    let mut table = Table::new(&[
        "resource",
        ">held",
        ">portal",
        ">ranges",
        ">differing",
        ">landed",
        ">deleted",
        ">requests",
        ">credits",
        "state",
    ]);
    for (resource, found) in outcome.resources.iter().zip(found) {
        let counts = resource.counts;
        let mut cells = vec![resource.resource.to_owned()];
        let landed = counts.inserted + counts.updated;
        let numbers = [found.held, found.found, found.ranges, found.differing, landed, counts.deleted];
        cells.extend(numbers.map(thousands));
        cells.extend([resource.usage.requests, resource.usage.credits].map(thousands));
        cells.push(resource.state.word().to_owned());
        table.row(cells);
    }
    let mut text = format!(
        "{}\n\nrun {} {} in {:.1}s: {} requests, {} credits",
        table.text(),
        outcome.run,
        outcome.state.word(),
        outcome.seconds,
        thousands(outcome.usage.requests),
        thousands(outcome.usage.credits),
    );
    for (resource, found) in outcome.resources.iter().zip(found) {
        let name = resource.resource;
        if hand == Hand::Look && found.surplus + found.lacking > 0 {
            text.push_str(&format!(
                "\n{name}: {} rows are too many and {} are missing; finding and mending them takes about {} requests more",
                thousands(found.surplus),
                thousands(found.lacking),
                thousands(found.estimate),
            ));
        }
        for (reason, count) in &found.marked {
            text.push_str(&format!("\n{name}: {} {}", thousands(*count), reason.word()));
        }
        if found.altered > 0 {
            text.push_str(&format!(
                "\n{name}: {} rows hold a cell that is not their record's",
                thousands(found.altered)
            ));
        }
        if found.unseen > 0 {
            text.push_str(&format!(
                "\n{name}: {} records are there, though the search does not show them",
                thousands(found.unseen)
            ));
        }
    }
    text
}

/// What was found as one JSON document.
pub fn comparison_json(outcome: &Outcome, found: &[Compared]) -> Value {
    let one = |(resource, found): (&crate::ledger::ResourceOutcome, &Compared)| {
        let marked: Map<_, _> =
            found.marked.iter().map(|(reason, count)| (reason.word().to_owned(), json!(count))).collect();
        json!({
            "resource": resource.resource,
            "state": resource.state.word(),
            "rows_held": found.held,
            "records_found": found.found,
            "ranges": found.ranges,
            "ranges_differing": found.differing,
            "rows_too_many": found.surplus,
            "rows_missing": found.lacking,
            "rows_inserted": resource.counts.inserted,
            "rows_updated": resource.counts.updated,
            "rows_deleted": resource.counts.deleted,
            "deleted": marked,
            "rows_altered": found.altered,
            "records_unseen": found.unseen,
            "records_hidden": found.hidden,
            "requests_to_mend": found.estimate,
            "requests": resource.usage.requests,
            "credits": resource.usage.credits,
            "error": resource.error,
        })
    };
    let mut told = summary::of_run(outcome);
    told.insert("resources".into(), outcome.resources.iter().zip(found).map(one).collect());
    Value::Object(told)
}
