//! What the portal tells of records that have left: the recycle bin, a record asked for alone, and the history of a ticket.
//! Where the vendor does not say what is told, a setting decides.

use serde_json::json;

use crate::answer::Answer;
use crate::cast::Cast;
use crate::departures::{Departure, Leaving};
use crate::lists::include;
use crate::query::Query;
use crate::record::{Module, key_of};
use crate::rendering::{Show, halved, render, text, tree};
use crate::row::Row;
use crate::settings::{Farewell, Merged};
use crate::state::State;

/// The recycle bin, of all modules or of one.
pub(crate) fn bin(state: &State, query: &Query) -> Result<Answer, Answer> {
    query.allow(["include", "departmentId", "moduleId", "module", "limit", "from", "sortBy"])?;
    let limit = query.number("limit", 1..=100, 10)? as usize;
    let from = query.number("from", 0..=u32::MAX, 0)? as usize;
    let sort = query.sort(&["name", "type", "department", "deletedBy", "deletedTime"])?;
    let include = include(query, &["deletedBy", "department"])?;
    let module =
        match query.get("module") {
            None => None,
            // Articles have kept the name of their first days.
            Some("solutions") => Some(Module::Articles),
            Some(name) => Some(Module::named(name).ok_or_else(|| {
                Answer::unprocessable("The value passed for the 'module' query parameter is invalid.")
            })?),
        };
    let cast = &state.cast;
    let mut found: Vec<&Departure> = state
        .departures
        .bin()
        .filter(|one| module.is_none_or(|module| one.module == module))
        .filter(|one| query.get("departmentId").is_none_or(|id| department(cast, one).is_some_and(|held| held == id)))
        .collect();
    found.sort_by_key(|one| (one.at, one.record.key));
    if sort.is_some_and(|(_, descending)| descending) {
        found.reverse();
    }
    let from = from.saturating_sub(state.settings.list_base as usize);
    let rows: Vec<String> = found.into_iter().skip(from).take(limit).map(|one| row(cast, one, &include)).collect();
    Ok(Answer::list(&rows))
}

fn row(cast: &Cast, one: &Departure, include: &[String]) -> String {
    let shown = tree(&render(cast, one.module, &one.record, &Show::Row)).unwrap_or_default();
    let name = ["subject", "title", "lastName", "accountName", "productName"]
        .iter()
        .find_map(|name| shown.get(*name)?.as_str())
        .unwrap_or_default();
    let kind = match one.module {
        Module::Articles => "Solutions".to_owned(),
        module => {
            let name = module.name();
            format!("{}{}", name[..1].to_uppercase(), &name[1..])
        }
    };
    let agent = cast.agent(one.agent);
    let mut row = Row::new();
    row.number("id", one.record.key);
    row.array("type", [crate::row::quoted(&kind)]);
    row.text("displayName", name.trim_start_matches('\u{fffd}'));
    row.maybe("departmentId", department(cast, one).as_deref());
    row.number("deletedById", agent.id);
    row.time("deletedTime", one.at);
    if include.iter().any(|name| name == "deletedBy") {
        row.object("deletedBy", |inner| {
            inner.number("id", agent.id);
            inner.maybe("firstName", agent.first);
            inner.text("lastName", agent.last);
        });
    }
    halved(cast, one.record.key, row.finish())
}

fn department(cast: &Cast, one: &Departure) -> Option<String> {
    let made = one.record.made().filter(|_| one.module.has_department())?;
    Some(cast.department_id(made.department).to_string())
}

/// A record that has left, asked for alone.
pub(crate) fn one(state: &State, module: Module, id: &str) -> Result<Answer, Answer> {
    let departure = state.departures.get(module, key_of(id)).ok_or_else(Answer::not_found)?;
    let flag = match (&departure.leaving, state.settings.farewell, state.settings.merged) {
        (Leaving::Trashed { .. }, Farewell::Flagged, _) => "isTrashed",
        (Leaving::Spam, Farewell::Flagged, _) => "isSpam",
        (Leaving::Merged { .. }, _, Merged::Flagged) => "isDeleted",
        (Leaving::Merged { into }, _, Merged::Winner) => {
            // What that became in turn.
            let Some(record) = state.shelf(module).live.get(key_of(into)) else { return one(state, module, into) };
            return Ok(Answer::json(200, render(&state.cast, module, record, &Show::Alone { include: Vec::new() })));
        }
        _ => return Err(Answer::not_found()),
    };
    let shown = render(&state.cast, module, &departure.record, &Show::Alone { include: Vec::new() });
    let mut shown = tree(&shown).ok_or_else(Answer::not_found)?;
    shown.insert(flag.to_owned(), json!(true));
    Ok(Answer::json(200, text(shown)))
}

/// What a ticket went through: that it was made, and with which others it became one. Newest first.
pub(crate) fn history(state: &State, query: &Query, id: &str) -> Result<Answer, Answer> {
    query.allow(["from", "limit"])?;
    let limit = query.number("limit", 1..=100, 10)? as usize;
    let base = state.settings.history_base;
    let from = query.number("from", 0..=u32::MAX, base)?.saturating_sub(base) as usize;
    let key = key_of(id);
    let gone = state.departures.get(Module::Tickets, key);
    let record = match (state.shelf(Module::Tickets).live.get(key), gone.map(|gone| &gone.leaving)) {
        (Some(record), _) => record,
        (None, Some(Leaving::Merged { into })) => match state.settings.merged {
            Merged::NotFound => return Err(Answer::not_found()),
            Merged::History | Merged::Flagged => &gone.ok_or_else(Answer::not_found)?.record,
            Merged::Winner => return history(state, query, into),
        },
        (None, _) => return Err(Answer::not_found()),
    };
    let mut events = vec![event(state, "TicketCreated", record.created, Vec::new())];
    for one in state.departures.all().filter(|one| one.module == Module::Tickets) {
        let Leaving::Merged { into } = &one.leaving else { continue };
        if one.record.key == key {
            events.push(event(state, "TicketMergedChild", one.at, vec![("MasterTicket", into.clone())]));
        } else if key_of(into) == key {
            let child = one.record.key.to_string();
            events.push(event(state, "TicketMergedMaster", one.at, vec![("MergedTicket", child)]));
        }
    }
    events.reverse();
    let rows: Vec<String> = events.into_iter().skip(from).take(limit).collect();
    Ok(Answer::list(&rows))
}

fn event(state: &State, name: &str, at: i64, info: Vec<(&str, String)>) -> String {
    let mut row = Row::new();
    row.text("eventName", name);
    row.time("eventTime", at);
    row.text("source", "Web");
    row.object("actor", |actor| {
        actor.number("id", state.cast.agent_id(0));
        actor.text("name", "Agent");
        actor.text("type", "Agent");
    });
    row.array("actorInfo", None);
    let info = info.into_iter().map(|(name, id)| {
        json!({"propertyName": name, "propertyType": "Nested", "systemProperty": true,
               "propertyValue": {"id": id, "name": "", "type": "Ticket"}})
        .to_string()
    });
    row.array("eventInfo", info);
    row.finish()
}

/// The archived tickets of one department: rows of the list, in the order of ids.
pub(crate) fn archived(state: &State, query: &Query) -> Result<Answer, Answer> {
    query.allow(["departmentId", "include", "viewType", "limit", "from", "orgId"])?;
    let limit = query.number("limit", 1..=100, 25)? as usize;
    let from = (query.number("from", 0..=4_999, 0)? as usize).saturating_sub(state.settings.list_base as usize);
    let include = include(query, &["products", "contacts", "isRead", "departments", "team", "assignee"])?;
    let Some(department) = query.get("departmentId") else {
        return Err(Answer::unprocessable("The parameter 'departmentId' is missing."));
    };
    if state.settings.refused_departments.iter().any(|refused| refused == department) {
        return Err(Answer::refusal(403, "FORBIDDEN", "You are not authorized to perform this operation."));
    }
    let cast = &state.cast;
    let rows = state.shelf(Module::Tickets).live.records.values().filter(|record| {
        record.made().is_some_and(|made| {
            cast.department_id(made.department).to_string() == department
                && crate::tickets::archived(cast, record, made)
        })
    });
    let rows = rows.skip(from).take(limit).cloned().collect();
    Ok(Answer::rows(Module::Tickets, rows, Show::List { include }, None))
}
