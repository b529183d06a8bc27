//! Picks a page of records: which match, in which order, and how many there are in all.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::Value;

use crate::cast::Cast;
use crate::record::{Made, Module, NO_AGENT, NOBODY, Record, key_of, millis};
use crate::rendering;
use crate::settings::Bounds;
use crate::shelf::Collection;
use crate::tickets;
use crate::words::{CALL_STATUSES, EVENT_STATUSES, TASK_STATUSES, TICKET_STATUSES};

/// What a request asks of a collection.
#[derive(Debug, Default)]
pub(crate) struct Selection<'a> {
    pub(crate) ids: Option<Vec<&'a str>>,
    pub(crate) modified: Option<(i64, i64)>,
    pub(crate) created: Option<(i64, i64)>,
    pub(crate) terms: Vec<Term<'a>>,
    pub(crate) order: Order,
    pub(crate) skip: usize,
    pub(crate) take: usize,
}

/// One condition on one field, which is named by a JSON pointer.
#[derive(Debug)]
pub(crate) struct Term<'a> {
    pub(crate) path: &'a str,
    pub(crate) test: Test<'a>,
}

#[derive(Debug)]
pub(crate) enum Test<'a> {
    Among(Vec<&'a str>),
    Contains(&'a str),
    Within(i64, i64),
    /// A field that no record has.
    Never,
}

#[derive(Debug, Default)]
pub(crate) struct Order {
    pub(crate) by: By,
    pub(crate) descending: bool,
}

/// What to sort by; ties are always ascending by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum By {
    Modified,
    Created,
    /// The order of an answer that nobody sorted.
    #[default]
    Id,
    Field(&'static str),
}

/// The page, and how many records match in all.
pub(crate) fn select(
    cast: &Cast,
    module: Module,
    from: &Collection,
    bounds: Bounds,
    selection: &Selection<'_>,
) -> (Vec<Arc<Record>>, usize) {
    let Selection { ids, modified, created, terms, order, skip, take } = selection;
    let plain = match order.by {
        By::Modified => created.is_none(),
        By::Created => modified.is_none(),
        By::Id | By::Field(_) => false,
    };
    if plain && terms.is_empty() && ids.is_none() {
        return window(from, bounds, selection);
    }

    let candidates: Vec<Arc<Record>> = match (ids, modified, created) {
        (Some(ids), ..) => ids.iter().filter_map(|id| from.get(key_of(id))).cloned().collect(),
        (None, Some(range), _) => fetch(from, ranked(&from.by_modified, bounds, *range)),
        (None, None, Some(range)) => fetch(from, ranked(&from.by_created, bounds, *range)),
        (None, None, None) => from.records.values().cloned().collect(),
    };
    let within = |time: i64, range: &Option<(i64, i64)>| range.is_none_or(|range| inside(bounds, range, time));
    let mut found: Vec<Arc<Record>> = candidates
        .into_iter()
        .filter(|record| within(record.modified, modified) && within(record.created, created))
        .filter(|record| holds(cast, module, record, bounds, terms))
        .collect();
    sort(cast, module, order, &mut found);
    found.dedup_by_key(|record| record.key);
    let count = found.len();
    (found.into_iter().skip(*skip).take(*take).collect(), count)
}

/// The quick way: a range of an index in its own order.
fn window(from: &Collection, bounds: Bounds, selection: &Selection<'_>) -> (Vec<Arc<Record>>, usize) {
    let (index, range) = match selection.order.by {
        By::Modified => (&from.by_modified, selection.modified),
        _ => (&from.by_created, selection.created),
    };
    let (start, end) = range.map_or((0, index.len()), |range| {
        let (low, high) = edges(bounds, range);
        let start = index.rank(low);
        (start, index.rank(high).max(start))
    });
    let entries = if selection.order.descending {
        index.descending(start, end, selection.skip, selection.take)
    } else {
        let take = selection.take.min((end - start).saturating_sub(selection.skip));
        index.from(start + selection.skip).take(take).collect()
    };
    (fetch(from, entries), end - start)
}

fn ranked(index: &crate::ordered::Ordered, bounds: Bounds, range: (i64, i64)) -> Vec<(i64, u64)> {
    let (low, high) = edges(bounds, range);
    let start = index.rank(low);
    index.from(start).take(index.rank(high).saturating_sub(start)).collect()
}

fn fetch(from: &Collection, entries: impl IntoIterator<Item = (i64, u64)>) -> Vec<Arc<Record>> {
    entries.into_iter().filter_map(|(_, key)| from.get(key).cloned()).collect()
}

/// The first millisecond inside the range and the first one behind it.
fn edges(bounds: Bounds, (from, to): (i64, i64)) -> (i64, i64) {
    match bounds {
        Bounds::Inclusive => (from, to + 1),
        Bounds::Exclusive => (from + 1, to),
    }
}

fn inside(bounds: Bounds, range: (i64, i64), time: i64) -> bool {
    let (low, high) = edges(bounds, range);
    (low..high).contains(&time)
}

fn holds(cast: &Cast, module: Module, record: &Record, bounds: Bounds, terms: &[Term<'_>]) -> bool {
    let mut slow = Vec::new();
    for term in terms {
        match record.made().and_then(|made| known(cast, module, record, made, term)) {
            Some(true) => {}
            Some(false) => return false,
            None => slow.push(term),
        }
    }
    if slow.is_empty() {
        return true;
    }
    let row = rendering::value(cast, module, record);
    slow.iter().all(|term| {
        let field = row.pointer(term.path).unwrap_or(&Value::Null);
        match &term.test {
            Test::Among(wanted) if term.path == "/status" => {
                has_status(wanted, (&text(field), &text(&row["statusType"])))
            }
            Test::Among(wanted) => match field {
                Value::Array(fields) => fields.iter().any(|field| among(wanted, &text(field))),
                field => among(wanted, &text(field)),
            },
            Test::Contains(part) => contains(&text(field), part),
            Test::Within(from, to) => millis(field).is_some_and(|time| inside(bounds, (*from, *to), time)),
            Test::Never => false,
        }
    })
}

/// Answers for the fields that are kept, so that a row need not be made only to be thrown away.
fn known(cast: &Cast, module: Module, record: &Record, made: &Made, term: &Term<'_>) -> Option<bool> {
    let wanted = match &term.test {
        Test::Among(wanted) => wanted,
        Test::Contains(part) if module == Module::Tickets && term.path == "/subject" => {
            return Some(contains(&tickets::subject(cast, made), part));
        }
        _ => return None,
    };
    let is = |id: u64| wanted.iter().any(|wanted| wanted.parse() == Ok(id));
    match (module, term.path) {
        (_, "/departmentId") if module.has_department() => Some(is(cast.department_id(made.department))),
        (Module::Tickets, "/assigneeId") => Some(match made.agent {
            NO_AGENT => wanted.contains(&"${Empty}"),
            agent => is(cast.agent_id(agent)),
        }),
        (Module::Tickets, "/contactId") => Some(made.party != NOBODY && is(Module::Contacts.key(made.party))),
        (Module::Tickets, "/priority") => Some(among(wanted, tickets::priority(cast, made).unwrap_or_default())),
        (Module::Tickets, "/email") => {
            Some(among(wanted, cast.contact(made.party).email.as_deref().unwrap_or_default()))
        }
        (Module::Tickets, "/isArchived") => {
            Some(wanted.contains(&if tickets::archived(cast, record, made) { "true" } else { "false" }))
        }
        (Module::Tickets, "/status") => Some(has_status(wanted, TICKET_STATUSES[usize::from(made.status)])),
        (Module::Calls, "/status") => Some(has_status(wanted, CALL_STATUSES[usize::from(made.status)])),
        (Module::Events, "/status") => Some(has_status(wanted, EVENT_STATUSES[usize::from(made.status)])),
        (Module::Tasks, "/status") => Some(has_status(wanted, TASK_STATUSES[usize::from(made.status)])),
        _ => None,
    }
}

fn among(wanted: &[&str], text: &str) -> bool {
    wanted.iter().any(|wanted| text.eq_ignore_ascii_case(wanted))
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.trim_matches('*').to_lowercase())
}

/// By its own label, or by its type as `${OPEN}`, `${ONHOLD}` and `${CLOSED}`.
fn has_status(wanted: &[&str], (label, kind): (&str, &str)) -> bool {
    wanted.iter().any(|wanted| match wanted.strip_prefix("${").and_then(|wanted| wanted.strip_suffix('}')) {
        Some(wanted) => wanted.eq_ignore_ascii_case(&kind.replace(' ', "")),
        None => wanted.eq_ignore_ascii_case(label),
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn sort(cast: &Cast, module: Module, order: &Order, found: &mut [Arc<Record>]) {
    let directed = |ordering: Ordering| if order.descending { ordering.reverse() } else { ordering };
    match order.by {
        By::Id => found.sort_by_key(|record| record.key),
        By::Modified => found.sort_by(|one, two| directed(one.modified.cmp(&two.modified)).then(one.key.cmp(&two.key))),
        By::Created => found.sort_by(|one, two| directed(one.created.cmp(&two.created)).then(one.key.cmp(&two.key))),
        By::Field(path) => {
            let key = |record: &Arc<Record>| {
                let text = text(rendering::value(cast, module, record).pointer(path).unwrap_or(&Value::Null));
                (text.parse::<u64>().ok(), text)
            };
            let mut keyed: Vec<_> = found.iter().map(|record| (key(record), Arc::clone(record))).collect();
            keyed.sort_by(|one, two| directed(one.0.cmp(&two.0)).then(one.1.key.cmp(&two.1.key)));
            for (place, (_, record)) in keyed.into_iter().enumerate() {
                found[place] = record;
            }
        }
    }
}
