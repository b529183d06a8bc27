//! How a call looks, in a search and alone.

use crate::activity::{self, Links};
use crate::cast::Cast;
use crate::record::{Made, Module, Record, id_of};
use crate::row::Row;
use crate::words::{CALL_STATUSES, CALLS};

const MINUTE: i64 = 60_000;

pub(crate) fn call(cast: &Cast, record: &Record, made: &Made, alone: bool) -> String {
    let mut fixed = cast.dice(Module::Calls, made.serial, 1);
    let mut fresh = cast.dice(Module::Calls, made.serial, 1_000 + made.revision);
    let (status, status_type) = CALL_STATUSES[usize::from(made.status)];
    let links = Links::of(cast, made);
    let start = record.created + fixed.below(600) as i64 * MINUTE;

    let mut row = Row::new();
    row.number("id", record.key);
    row.text("subject", fixed.pick(&CALLS));
    row.text("status", status);
    row.text("statusType", status_type);
    row.text("direction", fixed.pick(&["inbound", "outbound"]));
    row.maybe("priority", fresh.pick(&[Some("High"), Some("Normal"), None]));
    activity::description(&mut fresh, &mut row, 40);
    match status {
        "Completed" => row.plain_number("duration", 20 + fixed.below(3_600)),
        _ => row.null("duration"),
    }
    links.ids(cast, &mut row, made);
    row.number("layoutId", id_of(10, 31));
    row.array("reminder", fixed.chance(10).then(|| activity::reminder(start - 15 * MINUTE)));
    row.time("startTime", start);
    row.time("completedTime", (status_type == "Closed").then_some(record.modified));
    row.time("createdTime", record.created);
    row.time("modifiedTime", record.modified);
    row.text("webUrl", &format!("https://desk.example/agent/portal/calls/details/{}", record.key));
    for (object, name) in [("cf", "cf_outcome"), ("customFields", "Outcome")] {
        row.object(object, |fields| fields.maybe(name, fixed.pick(&[Some("Call again"), Some("Settled"), None])));
    }
    if alone {
        row.null("callId");
        activity::flags(&mut row);
        return row.finish();
    }
    row.text("activityType", "Call");
    row.flag("isCommented", fixed.chance(10));
    links.copies(cast, &mut row, made);
    row.finish()
}
