//! What the warehouse holds and what can be read: the tables of `status` and `resources`, and their JSON.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Table, thousands};
use crate::ledger::State;
use crate::resource::{Feed, Kind, Resource};
use crate::warehouse::{ResourceStatus, Status};

/// The state of the warehouse as tables.
pub fn status(status: &Status) -> String {
    let Some(org_id) = &status.org_id else {
        return "the warehouse is empty; `deskhouse sync` fills it".into();
    };
    let mut resources = Table::new(&[
        "resource",
        ">rows",
        ">rejected cells",
        ">rejected records",
        ">open windows",
        "whole",
        "complete until (UTC)",
        "last run (UTC)",
    ]);
    for resource in &status.resources {
        resources.row([
            resource.resource.clone(),
            thousands(resource.rows),
            thousands(resource.rejected_cells),
            thousands(resource.rejected_records),
            thousands(resource.open_windows),
            whole(resource),
            time(resource.complete_until, "not yet"),
            time(resource.last_run_at, "never"),
        ]);
    }
    let mut runs = Table::new(&[
        ">run",
        "command",
        "state",
        "started (UTC)",
        "ended (UTC)",
        ">read",
        ">changed",
        ">requests",
        ">credits",
        ">credits left",
    ]);
    for run in &status.runs {
        runs.row([
            run.run.to_string(),
            run.command.clone(),
            run.state.clone(),
            time(run.started_at, ""),
            time(run.finished_at, ""),
            thousands(run.records_read),
            thousands(run.rows_changed),
            thousands(run.requests),
            thousands(run.credits),
            run.credits_left.map_or_else(String::new, thousands),
        ]);
    }
    let mut told = vec![format!("portal {org_id}"), resources.text(), runs.text()];
    let filled: Vec<_> = status.resources.iter().filter(|resource| resource.indexes_to_come > 0).collect();
    if !filled.is_empty() {
        let names: Vec<_> = filled.iter().map(|resource| resource.resource.as_str()).collect();
        told.push(format!(
            "queries are slow until the indexes of {} are made: at the end of this first load or when it pauses, or, where it \
             was killed, at the beginning of the next run",
            names.join(", ")
        ));
    }
    // Nobody is left to write the end of a run that was killed.
    if status.runs.iter().any(|run| run.state == State::Running.word()) {
        told.push(
            "a run that was killed stays `running` until the next one begins; `deskhouse check` tells whether one is at \
             work"
                .into(),
        );
    }
    told.join("\n\n")
}

/// Days of the newest history that are told apart, the most first: ages at which people ask, and first runs cut.
const DAYS: [i64; 3] = [365, 90, 30];

/// How much of the newest history is whole, while older history is still to be read.
fn whole(resource: &ResourceStatus) -> String {
    if resource.complete_until.is_some() {
        return "all".into();
    }
    let whole = resource.last_run_at.zip(resource.whole_since).map(|(until, since)| (until - since).num_days());
    match DAYS.into_iter().find(|days| whole.is_some_and(|whole| whole >= *days)) {
        Some(days) => format!("{days} days"),
        None => "no".into(),
    }
}

/// The state of the warehouse as one JSON document.
pub fn status_json(status: &Status) -> Value {
    json!(status)
}

/// What can be extracted, as a table.
pub fn resources(all: &[&Resource]) -> String {
    let mut table = Table::new(&[
        "resource",
        "read by",
        ">columns",
        ">rows a request",
        ">credits a request",
        "scopes",
        "what it is",
    ]);
    for resource in all {
        table.row([
            resource.name.to_owned(),
            feed(resource).to_owned(),
            resource.columns.len().to_string(),
            if resource.page_limit == 0 { "all".to_owned() } else { resource.page_limit.to_string() },
            resource.credits_per_request().to_string(),
            resource.scopes.join(","),
            resource.about.to_owned(),
        ]);
    }
    table.text()
}

/// What can be extracted, with the data dictionary, as one JSON document.
pub fn resources_json(all: &[&Resource]) -> Value {
    let resource = |resource: &&Resource| {
        let columns: Vec<_> = resource
            .columns
            .iter()
            .map(|column| {
                json!({
                    "name": column.name,
                    "pointer": column.pointer,
                    "kind": kind(column.kind),
                    "meaning": column.meaning,
                    "refers": column.refers,
                    "from_detail": column.is_detail,
                })
            })
            .collect();
        json!({
            "resource": resource.name,
            "table": resource.name,
            "about": resource.about,
            "path": format!("/api/v1{}", resource.path),
            "feed": feed(resource),
            "scopes": resource.scopes,
            "rows_per_request": (resource.page_limit > 0).then_some(resource.page_limit),
            "credits_per_request": resource.credits_per_request(),
            "cursor": resource.feed.cursor(),
            "columns": columns,
        })
    };
    Value::Array(all.iter().map(resource).collect())
}

fn feed(resource: &Resource) -> &'static str {
    match resource.feed {
        Feed::Search { .. } => "search",
        Feed::Filtered { .. } => "filtered",
        Feed::List(_) => "list",
        Feed::Children => "children",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Integer => "integer",
        Kind::Real => "real",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::Timestamp => "timestamp",
        Kind::Json => "json",
    }
}

fn time(time: Option<DateTime<Utc>>, otherwise: &str) -> String {
    time.map_or_else(|| otherwise.to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_newest_history_that_is_whole_is_told_in_days() {
        let began = DateTime::UNIX_EPOCH + TimeDelta::days(10_000);
        let told = |days: i64, complete_until| {
            whole(&ResourceStatus {
                resource: "tickets".into(),
                complete_until,
                last_run_at: Some(began),
                rows: 0,
                open_windows: 1,
                rejected_cells: 0,
                rejected_records: 0,
                whole_since: Some(began - TimeDelta::days(days)),
                indexes_to_come: 0,
            })
        };
        let newest = [0, 29, 30, 90, 400].map(|days| told(days, None));
        assert_eq!(newest, ["no", "no", "30 days", "90 days", "365 days"]);
        assert_eq!(told(0, Some(began)), "all");
    }
}
