//! How a contact looks, in a search and alone.

use crate::cast::Cast;
use crate::record::{Made, Module, NO_AGENT, NOBODY, Record, id_of};
use crate::row::{Row, quoted};
use crate::words::{CITIES, REGIONS};

/// A search row embeds everything; alone, a contact embeds what is asked for.
pub(crate) fn contact(cast: &Cast, record: &Record, made: &Made, include: Option<&[&str]>) -> String {
    let person = cast.contact(made.serial);
    let mut fixed = cast.dice(Module::Contacts, made.serial, 3);
    let mut fresh = cast.dice(Module::Contacts, made.serial, 1_000 + made.revision);
    let account = (made.party != NOBODY).then(|| cast.account(made.party));
    let (city, state, country) = fixed.pick(&CITIES);
    let happy = fresh.below(101);

    let mut row = Row::new();
    row.number("id", person.id);
    row.maybe("firstName", person.first);
    row.text("lastName", person.last);
    row.maybe("email", person.email.as_deref());
    row.maybe("secondaryEmail", fixed.chance(8).then_some("second@mail.example"));
    row.maybe("phone", person.phone.as_deref());
    row.maybe("mobile", person.mobile.as_deref());
    row.maybe("type", fixed.pick(&[None, None, Some("paidUser")]));
    row.maybe("title", fresh.pick(&[None, Some("Head of \"Everything\""), Some("Buyer"), Some("Office manager")]));
    row.number("accountId", account.as_ref().map(|account| account.id));
    row.number("ownerId", (made.agent != NO_AGENT).then(|| cast.agent_id(made.agent)));
    row.number("layoutId", id_of(10, 20));
    row.null("photoURL");
    row.text("webUrl", &format!("https://desk.example/agent/portal/contacts/details/{}", person.id));
    match fresh.chance(30) {
        true => row.text("description", "Prefers to be called in the morning.\nSpeaks Español & English."),
        false => row.null("description"),
    }
    row.maybe("street", fixed.chance(60).then_some("14 Quay Street"));
    row.text("city", city);
    row.text("state", state);
    row.text("country", country);
    row.maybe("zip", fixed.pick(&[Some("20457"), Some("01067"), Some("EC1A 1BB"), None]));
    row.null("facebook");
    row.maybe("twitter", fixed.chance(10).then_some("@someone"));
    row.flag("isEndUser", fixed.chance(40));
    match fixed.chance(20) {
        true => row.object("zohoCRMContact", |crm| {
            crm.number("id", id_of(13, made.serial));
            crm.text("type", "contacts");
        }),
        false => row.null("zohoCRMContact"),
    }
    row.object("customerHappiness", |happiness| {
        happiness.number("badPercentage", (100 - happy) / 2);
        happiness.number("okPercentage", 100 - happy - (100 - happy) / 2);
        happiness.number("goodPercentage", happy);
    });
    for (object, names) in
        [("cf", ["cf_region", "cf_newsletter", "cf_tags"]), ("customFields", ["Region", "Newsletter", "Tags"])]
    {
        row.object(object, |fields| {
            fields.text(names[0], REGIONS[made.serial as usize % REGIONS.len()]);
            fields.flag(names[1], made.serial.is_multiple_of(2));
            fields.array(names[2], (made.serial.is_multiple_of(3)).then(|| quoted("VIP")));
        });
    }
    row.time("createdTime", record.created);
    row.time("modifiedTime", record.modified);
    if include.is_none_or(|include| include.contains(&"accounts")) {
        match &account {
            Some(account) => row.object("account", |inner| {
                inner.number("id", account.id);
                inner.text("accountName", &account.name);
                inner.maybe("website", account.website.as_deref());
            }),
            None => row.null("account"),
        }
    }
    if include.is_none_or(|include| include.contains(&"owner")) {
        match made.agent {
            NO_AGENT => row.null("owner"),
            agent => row.object("owner", |inner| {
                let agent = cast.agent(agent);
                inner.number("id", agent.id);
                inner.maybe("firstName", agent.first);
                inner.text("lastName", agent.last);
            }),
        }
    }
    if include.is_some() {
        for flag in ["isAnonymous", "isSpam", "isDeleted", "isTrashed"] {
            row.flag(flag, false);
        }
        row.text("isFollowing", "false");
        row.number("accountCount", u64::from(account.is_some()));
        row.object("layoutDetails", |layout| {
            layout.number("id", id_of(10, 20));
            layout.text("layoutName", "Standard");
        });
    }
    row.finish()
}
