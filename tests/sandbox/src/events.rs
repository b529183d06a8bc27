//! How an event looks, in a search and alone.

use crate::activity::{self, Links};
use crate::cast::Cast;
use crate::record::{Made, Module, Record, id_of};
use crate::row::Row;
use crate::words::{EVENT_STATUSES, EVENTS};

const HOUR: i64 = 3_600_000;

pub(crate) fn event(cast: &Cast, record: &Record, made: &Made, alone: bool) -> String {
    let mut fixed = cast.dice(Module::Events, made.serial, 1);
    let mut fresh = cast.dice(Module::Events, made.serial, 1_000 + made.revision);
    let (status, status_type) = EVENT_STATUSES[usize::from(made.status)];
    let links = Links::of(cast, made);
    let start = record.created + (24 + fixed.below(240) as i64) * HOUR;

    let mut row = Row::new();
    row.number("id", record.key);
    row.text("subject", fixed.pick(&EVENTS));
    row.text("status", status);
    row.text("statusType", status_type);
    row.maybe("priority", fresh.pick(&[Some("High"), Some("Normal"), None]));
    row.maybe("category", fixed.pick(&[None, Some("On site"), Some("Remote")]));
    activity::description(&mut fresh, &mut row, 50);
    // In seconds, and here between quotes, as numbers of this API often are.
    row.number("duration", fresh.pick(&[1_800_u64, 3_600, 5_400]));
    links.ids(cast, &mut row, made);
    row.array("reminder", fixed.chance(60).then(|| activity::reminder(start - HOUR)));
    row.time("startTime", start);
    row.time("completedTime", (status_type == "Closed").then_some(record.modified));
    row.time("createdTime", record.created);
    row.time("modifiedTime", record.modified);
    row.text("webUrl", &format!("https://desk.example/agent/portal/events/details/{}", record.key));
    for (object, name) in [("cf", "cf_room"), ("customFields", "Room")] {
        row.object(object, |fields| fields.maybe(name, fixed.pick(&[Some("Süd 2"), None])));
    }
    if alone {
        row.number("layoutId", id_of(10, 32));
        activity::flags(&mut row);
        return row.finish();
    }
    row.text("activityType", "Event");
    row.flag("isCommented", fixed.chance(10));
    links.copies(cast, &mut row, made);
    row.finish()
}
