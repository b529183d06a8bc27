//! What tasks, calls and events have in common: whom they concern, and the copies of it that a search row shows.

use crate::cast::{Cast, Person};
use crate::dice::Dice;
use crate::record::{Made, NO_AGENT, NOBODY};
use crate::row::{Row, quoted};
use crate::tickets::{self, Headline};
use crate::words::{DEPARTMENTS, SENTENCES};

/// The ticket that an activity belongs to and its contact, or nobody.
pub(crate) struct Links {
    ticket: Option<Headline>,
    contact: Option<Person>,
}

impl Links {
    pub(crate) fn of(cast: &Cast, made: &Made) -> Self {
        let ticket = (made.party != NOBODY).then(|| tickets::headline(cast, made.party));
        let contact = ticket.is_some().then(|| cast.contact(made.party % cast.contacts));
        Self { ticket, contact }
    }

    /// What every view shows of them.
    pub(crate) fn ids(&self, cast: &Cast, row: &mut Row, made: &Made) {
        row.number("departmentId", cast.department_id(made.department));
        row.number("ownerId", (made.agent != NO_AGENT).then(|| cast.agent_id(made.agent)));
        row.number("creatorId", cast.agent_id(made.serial as u8 % 12));
        row.object("modifiedBy", |inner| agent(cast, inner, (made.serial + made.revision) as u8 % 12));
        row.number("contactId", self.contact.as_ref().map(|contact| contact.id));
        row.number("ticketId", self.ticket.as_ref().map(|ticket| ticket.id));
    }

    /// The copies in a search row.
    pub(crate) fn copies(&self, cast: &Cast, row: &mut Row, made: &Made) {
        row.object("department", |inner| {
            inner.number("id", cast.department_id(made.department));
            inner.text("name", DEPARTMENTS[usize::from(made.department)]);
        });
        match made.agent {
            NO_AGENT => row.null("assignee"),
            number => row.object("assignee", |inner| agent(cast, inner, number)),
        }
        match &self.contact {
            Some(contact) => row.object("contact", |inner| {
                inner.number("id", contact.id);
                inner.maybe("firstName", contact.first);
                inner.text("lastName", contact.last);
                inner.maybe("email", contact.email.as_deref());
            }),
            None => row.null("contact"),
        }
        match &self.ticket {
            Some(ticket) => row.object("ticket", |inner| {
                inner.number("id", ticket.id);
                inner.number("ticketNumber", ticket.number);
                inner.text("subject", &ticket.subject);
                inner.flag("isArchived", false);
            }),
            None => row.null("ticket"),
        }
    }
}

/// Text of two sentences, or none.
pub(crate) fn description(fresh: &mut Dice, row: &mut Row, percent: u64) {
    match fresh.chance(percent) {
        true => row.text("description", &format!("{}{}", fresh.pick(&SENTENCES), fresh.pick(&SENTENCES))),
        false => row.null("description"),
    }
}

/// A reminder at a time.
pub(crate) fn reminder(at: i64) -> String {
    let mut reminder = Row::new();
    reminder.text("reminderType", "ABSOLUTE");
    reminder.array("alertType", [quoted("EMAIL")]);
    reminder.time("reminderTime", at);
    reminder.finish()
}

/// What only the single record shows.
pub(crate) fn flags(row: &mut Row) {
    row.flag("isTrashed", false);
    row.flag("isSpam", false);
    row.null("activityTime");
}

fn agent(cast: &Cast, row: &mut Row, number: u8) {
    let agent = cast.agent(number);
    row.number("id", agent.id);
    row.maybe("firstName", agent.first);
    row.text("lastName", agent.last);
    row.maybe("emailId", agent.email.as_deref());
    row.null("photoURL");
}
