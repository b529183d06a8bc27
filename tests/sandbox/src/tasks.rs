//! How a task looks, in a search and alone.

use crate::activity::{self, Links};
use crate::cast::Cast;
use crate::record::{Made, Module, Record, id_of};
use crate::row::Row;
use crate::words::{TASK_STATUSES, TASKS};

const DAY: i64 = 86_400_000;

pub(crate) fn task(cast: &Cast, record: &Record, made: &Made, alone: bool) -> String {
    let mut fixed = cast.dice(Module::Tasks, made.serial, 1);
    let mut fresh = cast.dice(Module::Tasks, made.serial, 1_000 + made.revision);
    let (status, status_type) = TASK_STATUSES[usize::from(made.status)];
    let links = Links::of(cast, made);

    let mut row = Row::new();
    row.number("id", record.key);
    row.text("subject", fixed.pick(&TASKS));
    row.text("status", status);
    row.text("statusType", status_type);
    row.maybe("priority", fresh.pick(&[Some("High"), Some("Normal"), Some("Low"), None]));
    row.maybe("category", fixed.pick(&[None, Some("Follow-up"), Some("Logistics")]));
    activity::description(&mut fresh, &mut row, 60);
    links.ids(cast, &mut row, made);
    row.number("layoutId", id_of(10, 30));
    row.array("reminder", fixed.chance(20).then(|| activity::reminder(record.created + DAY)));
    row.time("dueDate", fixed.chance(80).then_some(record.created + 2 * DAY));
    row.time("completedTime", (status_type == "Closed").then_some(record.modified));
    row.time("createdTime", record.created);
    row.time("modifiedTime", record.modified);
    row.text("webUrl", &format!("https://desk.example/agent/portal/tasks/details/{}", record.key));
    for (object, name) in [("cf", "cf_effort"), ("customFields", "Effort")] {
        row.object(object, |fields| fields.maybe(name, (made.serial.is_multiple_of(2)).then_some("2.5")));
    }
    if alone {
        activity::flags(&mut row);
        return row.finish();
    }
    row.text("activityType", "Task");
    row.flag("isCommented", fixed.chance(15));
    links.copies(cast, &mut row, made);
    row.finish()
}
