//! What a run would cost: a table for people, one JSON document for scripts.

use serde_json::{Value, json};

use super::{Table, duration, thousands};
use crate::ledger::Usage;
use crate::sync::{Cost, Estimate, Part};

/// The estimate as a table and a few sentences.
pub fn estimate(estimate: &Estimate) -> String {
    let mut table = Table::new(&["resource", "for", ">records", ">requests", ">credits", "remark"]);
    for cost in estimate.all() {
        let remark = cost.error.clone().unwrap_or_default();
        let Some(parts) = &cost.parts else {
            table.row([cost.resource, "", "?", "?", "?", &remark]);
            continue;
        };
        for (place, part) in parts.iter().enumerate() {
            let (name, records) = if place == 0 {
                (cost.resource, cost.records.map(thousands).unwrap_or_default())
            } else {
                ("", String::new())
            };
            let Usage { requests, credits } = part.usage;
            table.row([name, part.name, &records, &thousands(requests), &thousands(credits), &remark]);
        }
    }
    let mut text = format!(
        "{}\n\n{} requests, {} credits; about {} at {:.0} ms a request",
        table.text(),
        thousands(estimate.total.requests),
        thousands(estimate.total.credits),
        duration(estimate.seconds),
        estimate.latency * 1_000.0,
    );
    if let (Some(today), Some(a_day)) = (estimate.today, estimate.a_day) {
        let edition = estimate.edition.map_or_else(String::new, |name| format!(" (edition {name})"));
        text.push_str(&format!(
            "\n{} credits may be spent today, {} on a whole day{edition}: {}",
            thousands(today),
            thousands(a_day),
            match estimate.days {
                Some(1) => "today is enough".into(),
                Some(days) => format!("it takes {} credit days", thousands(days)),
                None => "it will not end; lower `limits.credit_reserve`".into(),
            }
        ));
    }
    text.push_str(&format!(
        "\nthe estimate itself took {} requests and {} credits",
        estimate.spent.requests, estimate.spent.credits
    ));
    text
}

/// The estimate as one JSON document.
pub fn estimate_json(estimate: &Estimate) -> Value {
    let cost = |cost: &Cost| {
        let part =
            |part: &Part| json!({ "name": part.name, "requests": part.usage.requests, "credits": part.usage.credits });
        json!({
            "resource": cost.resource,
            "records": cost.records,
            "requests": cost.usage().map(|usage| usage.requests),
            "credits": cost.usage().map(|usage| usage.credits),
            "parts": cost.parts.iter().flatten().map(part).collect::<Vec<_>>(),
            "error": cost.error,
        })
    };
    json!({
        "requests": estimate.total.requests,
        "credits": estimate.total.credits,
        "duration_s": estimate.seconds,
        "latency_s": estimate.latency,
        "credits_today": estimate.today,
        "credits_a_day": estimate.a_day,
        "edition": estimate.edition,
        "days": estimate.days,
        "spent": { "requests": estimate.spent.requests, "credits": estimate.spent.credits },
        "resources": estimate.resources.iter().map(cost).collect::<Vec<_>>(),
        "feeds": estimate.feeds.iter().map(cost).collect::<Vec<_>>(),
    })
}
