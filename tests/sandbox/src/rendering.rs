//! Turns a record into the JSON of the place where it is shown.

use serde_json::{Map, Value};

use crate::cast::Cast;
use crate::record::{Content, Made, Module, Record};
use crate::tickets::Face;
use crate::{articles, calls, companies, contacts, events, products, tasks, tickets};

/// Where a record is shown.
#[derive(Clone, Debug)]
pub(crate) enum Show {
    /// A row of a search, or of the articles' list.
    Row,
    /// A row of the tickets' list, with the objects asked for.
    List { include: Vec<String> },
    /// A row of the tickets' list with the fields asked for, instead of those it has by itself.
    Fields(Vec<String>),
    /// Alone, with the objects asked for.
    Alone { include: Vec<String> },
}

/// Fields that name a record.
const NAMES: [&str; 6] = ["subject", "title", "lastName", "accountName", "productName", "displayName"];

/// Half an emoji as it is sent: an escape that stands for no character.
const HALF: &str = "\\ud83d";

/// What reads as half an emoji do.
const REPLACEMENT: &str = "\u{fffd}";

pub(crate) fn render(cast: &Cast, module: Module, record: &Record, show: &Show) -> String {
    let text = plain(cast, module, record, show);
    if record.made().is_none() { text } else { halved(cast, record.key, text) }
}

/// The JSON of one thing of a record, with half an emoji in its name if it is that record's turn.
pub(crate) fn halved(cast: &Cast, key: u64, mut text: String) -> String {
    if cast.half_emojis.is_some_and(|every| key.is_multiple_of(every)) {
        for name in NAMES {
            text = text.replace(&format!("\"{name}\":\""), &format!("\"{name}\":\"{HALF}"));
        }
    }
    text
}

/// A rendered object as a value, with the replacement for half an emoji: no reader of values takes that.
pub(crate) fn tree(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(&text.replace(HALF, REPLACEMENT)).ok()
}

/// The other way round.
pub(crate) fn text(tree: Map<String, Value>) -> String {
    Value::Object(tree).to_string().replace(REPLACEMENT, HALF)
}

fn plain(cast: &Cast, module: Module, record: &Record, show: &Show) -> String {
    let made = match &record.content {
        Content::Made(made) => made,
        Content::Planted(json) => return json.to_string(),
    };
    let text = made_text(cast, module, record, made, show);
    match unreadable(cast, module, made) {
        Some(wrong) => format!("{},{wrong}}}", text.strip_suffix('}').unwrap_or(&text)),
        None => text,
    }
}

/// A field of this version of a record whose value is none, in a world that has such: it takes the place of an earlier one
/// of its name.
fn unreadable(cast: &Cast, module: Module, made: &Made) -> Option<String> {
    let mut dice = cast.dice(module, made.serial, 90 + made.revision);
    if cast.unreadable == 0 || !dice.chance(cast.unreadable) {
        return None;
    }
    let (times, flags, numbers): (&[&str], &[&str], &[&str]) = match module {
        Module::Tickets => (&["dueDate", "onholdTime"], &["isOverDue"], &["threadCount", "commentCount"]),
        Module::Tasks => (&["dueDate"], &["isCommented"], &[]),
        Module::Calls | Module::Events => (&["startTime"], &["isCommented"], &["duration"]),
        Module::Articles => (&["reviewedTime"], &["isLocked"], &["likeCount"]),
        Module::Contacts => (&[], &["isEndUser"], &[]),
        Module::Accounts | Module::Products => return None,
    };
    let of_kind: [(&[&str], &[&str]); 3] = [
        (times, &["\"20224-03-01T00:00:00.000Z\"", "\"2026-13-01\"", "\"soon\"", "true"]),
        (flags, &["\"maybe\"", "[]", "2"]),
        (numbers, &["\"1,23\"", "\"many\"", "1.5", "{\"a\":1}"]),
    ];
    let fields: Vec<_> =
        of_kind.iter().flat_map(|(names, values)| names.iter().map(move |name| (name, values))).collect();
    let (name, values) = fields[dice.below(fields.len() as u64) as usize];
    Some(format!("\"{name}\":{}", dice.pick(values)))
}

fn made_text(cast: &Cast, module: Module, record: &Record, made: &Made, show: &Show) -> String {
    let alone = matches!(show, Show::Alone { .. });
    match module {
        Module::Contacts => match show {
            Show::Alone { include } => contacts::contact(cast, record, made, Some(&borrowed(include))),
            _ => contacts::contact(cast, record, made, None),
        },
        Module::Accounts => match show {
            Show::Alone { include } => companies::company(cast, record, made, Some(&borrowed(include))),
            _ => companies::company(cast, record, made, None),
        },
        Module::Products => products::product(cast, record, made, alone),
        Module::Calls => calls::call(cast, record, made, alone),
        Module::Events => events::event(cast, record, made, alone),
        Module::Tasks => tasks::task(cast, record, made, alone),
        Module::Articles => articles::article(cast, record, made, alone),
        Module::Tickets => match show {
            Show::Row => tickets::ticket(cast, record, made, Face::Search),
            Show::List { include } => tickets::ticket(cast, record, made, Face::List { include: &borrowed(include) }),
            Show::Alone { include } => {
                tickets::ticket(cast, record, made, Face::Detail { include: &borrowed(include) })
            }
            Show::Fields(names) => {
                let whole = tickets::ticket(cast, record, made, Face::Detail { include: &[] });
                let whole = tree(&whole).unwrap_or_default();
                // Custom fields come back as null on the list, even when they are asked for.
                let pick = |name: &String| {
                    (name.clone(), whole.get(name).filter(|_| !name.starts_with("cf")).cloned().unwrap_or_default())
                };
                let id = ("id".to_owned(), whole.get("id").cloned().unwrap_or_default());
                Value::Object(names.iter().map(pick).chain([id]).collect()).to_string()
            }
        },
    }
}

/// A record's search row as a value. Text that no reader accepts comes as a string.
pub(crate) fn value(cast: &Cast, module: Module, record: &Record) -> Value {
    let text = render(cast, module, record, &Show::Row);
    if record.made().is_none() {
        return serde_json::from_str(&text).unwrap_or(Value::String(text));
    }
    tree(&text).map_or(Value::String(text), Value::Object)
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
