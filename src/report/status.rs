//! What the warehouse holds and what can be read: the tables of `status` and `resources`, and their JSON.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Table, thousands};
use crate::ledger::State;
use crate::resource::{Feed, Kind, Resource};
use crate::warehouse::Status;

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
    // Nobody is left to write the end of a run that was killed.
    let is_running = status.runs.iter().any(|run| run.state == State::Running.word());
    let note = if is_running {
        "\n\na run that was killed stays `running` until the next one begins; `deskhouse check` tells whether one is at work"
    } else {
        ""
    };
    format!("portal {org_id}\n\n{}\n\n{}{note}", resources.text(), runs.text())
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
