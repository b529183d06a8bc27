//! How a task looks, in a search and alone.

use crate::cast::Cast;
use crate::record::{Made, Module, NO_AGENT, NOBODY, Record, id_of};
use crate::row::Row;
use crate::tickets;
use crate::words::{DEPARTMENTS, SENTENCES, TASK_STATUSES, TASKS};

const DAY: i64 = 86_400_000;

pub(crate) fn task(cast: &Cast, record: &Record, made: &Made, alone: bool) -> String {
    let mut fixed = cast.dice(Module::Tasks, made.serial, 1);
    let mut fresh = cast.dice(Module::Tasks, made.serial, 1_000 + made.revision);
    let (status, status_type) = TASK_STATUSES[usize::from(made.status)];
    let ticket = (made.party != NOBODY).then(|| tickets::headline(cast, made.party));
    let contact = ticket.is_some().then(|| cast.contact(made.party % cast.contacts));

    let mut row = Row::new();
    row.number("id", record.key);
    row.text("subject", fixed.pick(&TASKS));
    row.text("status", status);
    row.text("statusType", status_type);
    row.maybe("priority", fresh.pick(&[Some("High"), Some("Normal"), Some("Low"), None]));
    row.maybe("category", fixed.pick(&[None, Some("Follow-up"), Some("Logistics")]));
    match fresh.chance(60) {
        true => row.text("description", &format!("{}{}", fresh.pick(&SENTENCES), fresh.pick(&SENTENCES))),
        false => row.null("description"),
    }
    row.number("departmentId", cast.department_id(made.department));
    row.number("ownerId", (made.agent != NO_AGENT).then(|| cast.agent_id(made.agent)));
    row.number("creatorId", cast.agent_id(made.serial as u8 % 12));
    row.object("modifiedBy", |inner| agent(cast, inner, (made.serial + made.revision) as u8 % 12));
    row.number("contactId", contact.as_ref().map(|contact| contact.id));
    row.number("ticketId", ticket.as_ref().map(|ticket| ticket.id));
    row.number("layoutId", id_of(10, 30));
    let reminder = fixed.chance(20).then(|| {
        let mut reminder = Row::new();
        reminder.text("reminderType", "ABSOLUTE");
        reminder.array("alertType", [r#""EMAIL""#.to_owned()]);
        reminder.time("reminderTime", record.created + DAY);
        reminder.finish()
    });
    row.array("reminder", reminder);
    row.time("dueDate", fixed.chance(80).then_some(record.created + 2 * DAY));
    row.time("completedTime", (status_type == "Closed").then_some(record.modified));
    row.time("createdTime", record.created);
    row.time("modifiedTime", record.modified);
    row.text("webUrl", &format!("https://desk.example/agent/portal/tasks/details/{}", record.key));
    for (object, name) in [("cf", "cf_effort"), ("customFields", "Effort")] {
        row.object(object, |fields| fields.maybe(name, (made.serial.is_multiple_of(2)).then_some("2.5")));
    }
    if alone {
        row.flag("isTrashed", false);
        row.flag("isSpam", false);
        row.null("activityTime");
        return row.finish();
    }

    row.text("activityType", "Task");
    row.flag("isCommented", fixed.chance(15));
    row.object("department", |inner| {
        inner.number("id", cast.department_id(made.department));
        inner.text("name", DEPARTMENTS[usize::from(made.department)]);
    });
    match made.agent {
        NO_AGENT => row.null("assignee"),
        number => row.object("assignee", |inner| agent(cast, inner, number)),
    }
    match &contact {
        Some(contact) => row.object("contact", |inner| {
            inner.number("id", contact.id);
            inner.maybe("firstName", contact.first);
            inner.text("lastName", contact.last);
            inner.maybe("email", contact.email.as_deref());
        }),
        None => row.null("contact"),
    }
    match &ticket {
        Some(ticket) => row.object("ticket", |inner| {
            inner.number("id", ticket.id);
            inner.number("ticketNumber", ticket.number);
            inner.text("subject", &ticket.subject);
            inner.flag("isArchived", false);
        }),
        None => row.null("ticket"),
    }
    row.finish()
}

fn agent(cast: &Cast, row: &mut Row, number: u8) {
    let agent = cast.agent(number);
    row.number("id", agent.id);
    row.maybe("firstName", agent.first);
    row.text("lastName", agent.last);
    row.maybe("emailId", agent.email.as_deref());
    row.null("photoURL");
}
