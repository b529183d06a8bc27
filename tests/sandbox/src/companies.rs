//! How an account, the company of contacts, looks in a search and alone. Named apart from the accounts server.

use crate::cast::Cast;
use crate::record::{Made, Module, NO_AGENT, Record, id_of};
use crate::row::{Row, quoted};
use crate::words::CITIES;

/// A search row embeds the owner; alone, an account embeds what is asked for.
pub(crate) fn company(cast: &Cast, record: &Record, made: &Made, include: Option<&[&str]>) -> String {
    let company = cast.account(made.serial);
    let mut fixed = cast.dice(Module::Accounts, made.serial, 1);
    let mut fresh = cast.dice(Module::Accounts, made.serial, 1_000 + made.revision);
    let (city, state, country) = fixed.pick(&CITIES);

    let mut row = Row::new();
    row.number("id", record.key);
    row.text("accountName", &company.name);
    row.maybe("website", company.website.as_deref());
    row.maybe("email", fixed.chance(60).then(|| format!("office{}@company.example", made.serial)).as_deref());
    row.maybe("phone", fresh.pick(&[Some("+49 40 555 0100"), Some("(02) 9555-0199 ext. 3"), None]));
    row.maybe("fax", fixed.chance(20).then_some("+49 40 555 0101"));
    row.maybe("code", fixed.chance(70).then(|| format!("C{:04}", made.serial)).as_deref());
    row.maybe("industry", fixed.pick(&[Some("Retail"), Some("Food & Drink"), Some("Energy"), None]));
    row.maybe("annualrevenue", fresh.pick(&[Some("1250000.00"), Some("9999999999999"), Some("0"), None]));
    row.maybe(
        "description",
        fresh.pick(&[None, Some("Pays within 14 days.\nAsks for \"green\" parcels."), Some("Ελλάδα")]),
    );
    row.maybe("street", fixed.chance(60).then_some("3 Foundry Lane"));
    row.text("city", city);
    row.text("state", state);
    row.text("country", country);
    row.number("ownerId", (made.agent != NO_AGENT).then(|| cast.agent_id(made.agent)));
    row.number("layoutId", id_of(10, 21));
    row.text("webUrl", &format!("https://desk.example/agent/portal/accounts/details/{}", record.key));
    for (object, names) in [("cf", ["cf_tier", "cf_since"]), ("customFields", ["Tier", "Since"])] {
        row.object(object, |fields| {
            fields.text(names[0], ["Gold", "Silver", "\"None\""][made.serial as usize % 3]);
            fields.maybe(names[1], made.serial.is_multiple_of(2).then_some("2019-05-01"));
        });
    }
    row.time("createdTime", record.created);
    row.time("modifiedTime", record.modified);
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
        row.text("isFollowing", "false");
        row.flag("isDeleted", false);
        row.flag("isTrashed", false);
        row.array("associatedSLAIds", fixed.chance(30).then(|| quoted(&id_of(11, 1).to_string())));
        match fixed.chance(20) {
            true => row.object("zohoCRMAccount", |crm| crm.number("id", id_of(13, 900_000 + made.serial))),
            false => row.null("zohoCRMAccount"),
        }
        row.object("layoutDetails", |layout| {
            layout.number("id", id_of(10, 21));
            layout.text("layoutName", "Standard");
        });
    }
    row.finish()
}
