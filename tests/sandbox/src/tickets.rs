//! How a ticket looks in a search, in a list and alone.

use crate::cast::Cast;
use crate::dice::Dice;
use crate::record::{Made, Module, NO_AGENT, Record, id_of};
use crate::row::{Row, quoted};
use crate::words::{
    CATEGORIES, CHANNELS, CLASSIFICATIONS, DEPARTMENTS, PRIORITIES, PRODUCTS, REGIONS, SENTENCES, SUBJECTS, TEAMS,
    TICKET_STATUSES,
};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Which of its faces a ticket shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face<'a> {
    /// Nearly everything, with the objects it belongs to.
    Search,
    /// Without modified time, description and custom fields; objects only when asked for.
    List { include: &'a [&'a str] },
    /// Everything that one ticket has.
    Detail { include: &'a [&'a str] },
}

impl Face<'_> {
    fn embeds(self, object: &str) -> bool {
        match self {
            Self::Search => true,
            Self::List { include } | Self::Detail { include } => include.contains(&object),
        }
    }
}

/// What tickets and the tasks that speak of them need to agree on.
pub(crate) struct Headline {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) subject: String,
}

pub(crate) fn headline(cast: &Cast, serial: u32) -> Headline {
    let mut dice = cast.dice(Module::Tickets, serial, 0);
    let subject = dice.pick(&SUBJECTS);
    let subject = if dice.chance(40) {
        format!("{subject} (order {})", 10_000 + dice.below(90_000))
    } else {
        (*subject).to_owned()
    };
    Headline { id: Module::Tickets.key(serial), number: 101 + u64::from(serial), subject }
}

pub(crate) fn ticket(cast: &Cast, record: &Record, made: &Made, face: Face<'_>) -> String {
    let (Headline { id, number, .. }, subject) = (headline(cast, made.serial), subject(cast, made));
    // Two throws: what stays, and what each edit throws again.
    let mut fixed = cast.dice(Module::Tickets, made.serial, 1);
    let mut fresh = cast.dice(Module::Tickets, made.serial, 1_000 + made.revision);
    let (searched, listed) = (face == Face::Search, matches!(face, Face::List { .. }));
    let complete = !listed;

    let (status, status_type) = TICKET_STATUSES[usize::from(made.status)];
    let closed = status_type == "Closed";
    let contact = cast.contact(made.party);
    let account = cast.account_of(made.party);
    let product = fixed.chance(35).then(|| fixed.below(PRODUCTS.len() as u64) as u32);
    let team = fixed.chance(40).then(|| fixed.below(TEAMS.len() as u64) as u32);
    let archived = archived(cast, record, made);
    let spam = fixed.chance(2);
    let (category, sub_category) = fixed.pick(&CATEGORIES);
    let channel = fixed.pick(&CHANNELS);
    let late = fresh.chance(8);
    let replied = fixed
        .chance(90)
        .then(|| record.created + (record.modified - record.created) / 2 / 1_000 * 1_000 + fixed.below(1_000) as i64);
    // Keys are missing here and there, as a profile without the right to see them would have it.
    let whole = !fixed.chance(6);

    let mut row = Row::new();
    row.number("id", id);
    row.number("ticketNumber", number);
    row.text("subject", &subject);
    if complete {
        row.maybe("description", description(&mut fixed).as_deref());
        row.maybe(
            "resolution",
            closed.then_some("<p>Sent a replacement &amp; closed.</p>").filter(|_| fixed.chance(60)),
        );
        row.maybe("classification", fixed.pick(&CLASSIFICATIONS));
    }
    row.text("status", status);
    row.text("statusType", status_type);
    row.maybe("category", fixed.chance(90).then_some(category));
    row.maybe("subCategory", fixed.chance(60).then_some(sub_category));
    row.text("channel", channel);
    row.text("language", fixed.pick(&["English", "English", "German", "French", "Arabic", "Japanese"]));
    row.maybe("priority", priority(cast, made));
    row.maybe("email", contact.email.as_deref());
    row.maybe("phone", contact.phone.as_deref());
    row.text("webUrl", &format!("https://desk.example/agent/portal/tickets/details/{id}"));
    if complete {
        custom_fields(&mut row, &mut fixed, &mut fresh);
    }

    row.number("departmentId", cast.department_id(made.department));
    row.number("contactId", contact.id);
    if whole {
        row.number("accountId", account.map(|account| Module::Accounts.key(account)));
    }
    row.number("productId", product.map(|product| Module::Products.key(product)));
    row.number("assigneeId", (made.agent != NO_AGENT).then(|| cast.agent_id(made.agent)));
    row.number("teamId", team.map(|team| id_of(9, team)));
    row.number("layoutId", id_of(10, u32::from(made.department)));
    if complete {
        row.number("slaId", fixed.chance(50).then(|| id_of(11, 1)));
        row.number("createdBy", cast.agent_id(made.serial as u8 % 12));
        row.number("modifiedBy", cast.agent_id((made.serial + made.revision) as u8 % 12));
    }

    row.time("createdTime", record.created);
    if complete {
        row.time("modifiedTime", record.modified);
    }
    row.time("customerResponseTime", replied);
    row.time("dueDate", fixed.chance(80).then_some(record.created + 3 * DAY));
    row.time("responseDueDate", fixed.chance(50).then_some(record.created + 8 * HOUR));
    row.time("onholdTime", (status_type == "On Hold").then_some(record.modified));
    row.time("closedTime", closed.then_some(record.created.max(record.modified - HOUR)));
    if whole {
        row.time("lockedTime", (archived && fixed.chance(50)).then_some(record.modified));
    }
    row.flag("isArchived", archived);
    row.flag("isSpam", spam);
    row.flag("isRead", fresh.chance(85));
    if complete {
        // A few come as text, as in the vendor's own examples.
        match made.serial % 41 {
            0 => row.text("isEscalated", if made.status == 2 { "true" } else { "false" }),
            _ => row.flag("isEscalated", made.status == 2),
        }
        row.flag("isOverDue", late && !closed);
    }
    row.number("threadCount", 1 + fresh.below(9));
    row.number("commentCount", fresh.below(4));
    if whole && !matches!(face, Face::Detail { .. }) {
        row.text("relationshipType", fixed.pick(&["None", "None", "None", "Parent", "Child"]));
    }
    if searched {
        row.number("childTicketCount", fixed.below(12) / 10);
        match fixed.chance(3) {
            true => row.object("parentTicket", |parent| parent.number("id", Module::Tickets.key(made.serial / 2))),
            false => row.null("parentTicket"),
        }
    }
    objects(cast, &mut row, made, face, product, team);
    if !matches!(face, Face::Detail { .. }) {
        row.object("lastThread", |thread| {
            thread.text("channel", &channel.to_uppercase());
            thread.flag("isDraft", false);
            thread.flag("isForward", false);
            thread.text("direction", if made.serial.is_multiple_of(2) { "in" } else { "out" });
        });
    }
    if complete {
        match fixed.chance(2) {
            true => row.object("sourceTicket", |source| {
                source.number("id", Module::Tickets.key(made.serial / 3));
                source.text("subject", &headline(cast, made.serial / 3).subject);
            }),
            false => row.null("sourceTicket"),
        }
        let shared = fixed.chance(4).then(|| {
            let mut shared = Row::new();
            shared.number("id", cast.department_id((made.department + 1) % 5));
            shared.text("name", DEPARTMENTS[usize::from(made.department + 1) % 5]);
            shared.text("type", "READ_ONLY");
            shared.finish()
        });
        row.array("sharedDepartments", shared);
        row.array(
            "secondaryContacts",
            fixed.chance(5).then(|| quoted(&Module::Contacts.key(made.serial % cast.contacts).to_string())),
        );
        row.array("entitySkills", fixed.chance(5).then(|| quoted(&id_of(12, made.serial % 4).to_string())));
    }
    if !searched {
        row.maybe("sentiment", fixed.pick(&[Some("POSITIVE"), Some("NEGATIVE"), Some("NEUTRAL"), None]));
        row.null("channelCode");
        row.object("source", |source| {
            for name in ["appName", "extId", "permalink", "appPhotoURL"] {
                source.null(name);
            }
            source.text("type", "SYSTEM");
        });
    }
    if matches!(face, Face::Detail { .. }) {
        detail(&mut row, &mut fixed, made, late);
    }
    row.finish()
}

/// The subject, which tells how often the ticket was edited.
pub(crate) fn subject(cast: &Cast, made: &Made) -> String {
    let Headline { subject, .. } = headline(cast, made.serial);
    if made.revision == 0 { subject } else { format!("{subject} [{}]", made.revision) }
}

pub(crate) fn priority(cast: &Cast, made: &Made) -> Option<&'static str> {
    cast.dice(Module::Tickets, made.serial, 500_000 + made.revision).pick(&PRIORITIES)
}

/// Some of the closed tickets that nobody touched for two years, and those that were put there since.
pub(crate) fn archived(cast: &Cast, record: &Record, made: &Made) -> bool {
    if made.archived {
        return true;
    }
    let closed = TICKET_STATUSES[usize::from(made.status)].1 == "Closed";
    closed && cast.end - record.modified > 700 * DAY && cast.dice(Module::Tickets, made.serial, 900).chance(40)
}

fn description(dice: &mut Dice) -> Option<String> {
    if dice.chance(4) {
        return None;
    }
    let markup = dice.chance(35);
    let mut text = String::with_capacity(600);
    if markup {
        text.push_str("<div style=\"font-size: 13px\"><p>");
    }
    for number in 0..2 + dice.below(5) {
        if markup && number == 2 {
            text.push_str("</p>\n<p>");
        }
        text.push_str(dice.pick(&SENTENCES));
    }
    if markup {
        text.push_str("</p><br></div>");
    }
    Some(text)
}

fn custom_fields(row: &mut Row, fixed: &mut Dice, fresh: &mut Dice) {
    let region = fixed.pick(&REGIONS);
    let order = fixed.chance(60).then(|| 10_000 + fixed.below(90_000));
    let gift = fixed.chance(50).then(|| fresh.chance(20));
    let chosen: Vec<String> =
        ["Refund", "Replacement", "Call back"].iter().filter(|_| fixed.chance(30)).map(|name| quoted(name)).collect();
    for (object, names) in [
        ("cf", ["cf_region", "cf_order_number", "cf_gift", "cf_wishes", "cf_score"]),
        ("customFields", ["Region", "Order number", "Gift", "Wishes", "Score"]),
    ] {
        row.object(object, |fields| {
            fields.text(names[0], region);
            fields.number(names[1], order);
            match gift {
                Some(gift) => fields.flag(names[2], gift),
                None => fields.null(names[2]),
            }
            fields.array(names[3], chosen.iter().cloned());
            fields.null(names[4]);
        });
    }
}

fn objects(cast: &Cast, row: &mut Row, made: &Made, face: Face<'_>, product: Option<u32>, team: Option<u32>) {
    if face.embeds("contacts") {
        let contact = cast.contact(made.party);
        row.object("contact", |inner| {
            inner.number("id", contact.id);
            inner.maybe("firstName", contact.first);
            inner.text("lastName", contact.last);
            inner.maybe("email", contact.email.as_deref());
            inner.maybe("phone", contact.phone.as_deref());
            inner.maybe("mobile", contact.mobile.as_deref());
            inner.null("type");
            if face != Face::Search {
                inner.flag("isSpam", false);
            }
            match cast.account_of(made.party).map(|account| cast.account(account)) {
                Some(account) => inner.object("account", |inner| {
                    inner.number("id", account.id);
                    inner.text("accountName", &account.name);
                    inner.maybe("website", account.website.as_deref());
                }),
                None => inner.null("account"),
            }
        });
    }
    if face.embeds("assignee") {
        if made.agent == NO_AGENT {
            row.null("assignee");
        } else {
            let agent = cast.agent(made.agent);
            row.object("assignee", |inner| {
                inner.number("id", agent.id);
                inner.maybe("firstName", agent.first);
                inner.text("lastName", agent.last);
                // Searches and lists disagree on the name of this field.
                if face == Face::Search {
                    inner.maybe("emailId", agent.email.as_deref());
                    inner.number("zuid", cast.zuid(made.agent));
                } else {
                    inner.maybe("email", agent.email.as_deref());
                }
                inner.null("photoURL");
            });
        }
    }
    if face.embeds("departments") {
        row.object("department", |inner| {
            inner.number("id", cast.department_id(made.department));
            inner.text("name", DEPARTMENTS[usize::from(made.department)]);
        });
    }
    if face.embeds("team") {
        match team {
            Some(team) => row.object("team", |inner| {
                inner.number("id", id_of(9, team));
                inner.text("name", TEAMS[team as usize]);
                inner.null("logoUrl");
            }),
            None => row.null("team"),
        }
    }
    if face.embeds("products") {
        match product {
            Some(product) => row.object("product", |inner| {
                inner.number("id", Module::Products.key(product));
                inner.text("productName", PRODUCTS[product as usize]);
            }),
            None => row.null("product"),
        }
    }
}

/// What only the single ticket tells.
fn detail(row: &mut Row, dice: &mut Dice, made: &Made, late: bool) {
    row.object("layoutDetails", |layout| {
        layout.number("id", id_of(10, u32::from(made.department)));
        layout.text("layoutName", DEPARTMENTS[usize::from(made.department)]);
    });
    row.null("channelRelatedInfo");
    row.null("contractId");
    row.array("skillsInfo", None);
    for flag in ["isDeleted", "isTrashed", "isFollowing"] {
        row.flag(flag, false);
    }
    row.flag("isResponseOverdue", late);
    for count in ["taskCount", "timeEntryCount", "approvalCount", "attachmentCount", "tagCount", "followerCount"] {
        row.number(count, dice.below(5) / 2);
    }
}
