//! Tickets that are opened through the API: what is refused, and what becomes of the rest.
//! What is required, and what an email address does, is the vendor's page "Create a ticket" (read 2026-11); refusals have
//! the shape of its error schema.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::cast::DEPARTMENTS;
use crate::record::{Content, Module, Record, key_of};
use crate::rendering;
use crate::state::State;

/// The longest subject that is taken.
const LONGEST_SUBJECT: usize = 255;

/// Opens the ticket that a body describes.
pub(crate) fn open(state: &mut State, body: &[u8]) -> Result<Answer, Answer> {
    if body.is_empty() {
        return Err(Answer::refusal(422, "EMPTY_PAYLOAD", "The payload is empty."));
    }
    let Ok(Value::Object(given)) = serde_json::from_slice(body) else {
        return Err(Answer::unprocessable("The payload is not a JSON object."));
    };
    let refused = refusals(state, &given);
    if !refused.is_empty() {
        let body = json!({"errorCode": "INVALID_DATA", "message": "The data is invalid due to validation restrictions", "errors": refused});
        return Err(Answer::json(422, body.to_string()));
    }
    let department = department(state, &given["departmentId"]).unwrap_or_default();
    if !state.cast.works_in(state.settings.agent, department) {
        return Err(Answer::refusal(403, "FORBIDDEN", "You are not authorized to perform this operation."));
    }
    let contact = match text(&given, "contactId") {
        Some(id) => id,
        None => contact_of(state, &given["contact"]),
    };
    let ticket = ticket(state, given, &contact);
    Ok(Answer::json(200, ticket.to_string()))
}

/// Everything that is wrong with a ticket, at once.
fn refusals(state: &State, given: &Map<String, Value>) -> Vec<Value> {
    let mut refused = Vec::new();
    let mut refuse = |field: &str, kind: &str| {
        refused.push(json!({"fieldName": field, "errorType": kind, "errorMessage": ""}));
    };
    match text(given, "subject") {
        None => refuse("/subject", "missing"),
        Some(subject) if subject.chars().count() > LONGEST_SUBJECT => refuse("/subject", "invalid"),
        Some(_) => {}
    }
    match text(given, "departmentId") {
        None => refuse("/departmentId", "missing"),
        Some(_) if department(state, &given["departmentId"]).is_none() => refuse("/departmentId", "invalid"),
        Some(_) => {}
    }
    match (text(given, "contactId"), given.get("contact")) {
        (Some(id), _) if state.shelf(Module::Contacts).live.get(key_of(&id)).is_none() => {
            refuse("/contactId", "invalid")
        }
        (Some(_), _) => {}
        (None, None) => refuse("/contactId", "missing"),
        (None, Some(contact)) => match (contact["email"].as_str(), contact["lastName"].as_str()) {
            (Some(email), _) if !email.contains('@') => refuse("/contact/email", "invalid"),
            (None, None) => refuse("/contact/lastName", "missing"),
            _ => {}
        },
    }
    if given.get("dueDate").is_some_and(|due| due.as_str().is_none_or(|due| DateTime::parse_from_rfc3339(due).is_err()))
    {
        refuse("/dueDate", "invalid");
    }
    refused
}

/// A text or a number; nothing where it is empty.
fn text(given: &Map<String, Value>, name: &str) -> Option<String> {
    match given.get(name)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn department(state: &State, id: &Value) -> Option<u8> {
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    (0..DEPARTMENTS).find(|number| state.cast.department_id(*number).to_string() == id)
}

/// The contact with this address, or a new one.
fn contact_of(state: &mut State, given: &Value) -> String {
    let email = given["email"].as_str();
    let known = state.shelf(Module::Contacts).live.records.values().find_map(|record| {
        let contact = rendering::value(&state.cast, Module::Contacts, record);
        let is_same = email.is_some() && contact["email"].as_str() == email;
        is_same.then(|| record.key.to_string())
    });
    known.unwrap_or_else(|| {
        let mut contact = given.as_object().cloned().unwrap_or_default();
        contact.entry("lastName").or_insert_with(|| json!(email.and_then(|email| email.split('@').next())));
        plant(state, Module::Contacts, contact)["id"].as_str().unwrap_or_default().to_owned()
    })
}

fn ticket(state: &mut State, mut given: Map<String, Value>, contact: &str) -> Value {
    given.remove("contact");
    given.insert("contactId".into(), json!(contact));
    for (name, value) in [
        ("status", json!("Open")),
        ("statusType", json!("Open")),
        ("channel", json!("Web")),
        ("priority", Value::Null),
        ("description", Value::Null),
        ("dueDate", Value::Null),
        ("assigneeId", Value::Null),
        ("threadCount", json!("0")),
        ("commentCount", json!("0")),
        ("isSpam", json!(false)),
        ("isArchived", json!(false)),
        ("cf", json!({})),
    ] {
        given.entry(name).or_insert(value);
    }
    plant(state, Module::Tickets, given)
}

/// Puts a new record into the world, with its id and its times.
fn plant(state: &mut State, module: Module, mut record: Map<String, Value>) -> Value {
    let serial = state.next_serial(module);
    let (key, second) = (module.key(serial), state.second());
    let time = DateTime::from_timestamp_millis(second).map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
    record.insert("id".into(), json!(key.to_string()));
    record.insert("createdTime".into(), json!(time));
    record.insert("modifiedTime".into(), json!(time));
    if module == Module::Tickets {
        record.insert("ticketNumber".into(), json!((101 + u64::from(serial)).to_string()));
    }
    let name = module.name();
    record.insert("webUrl".into(), json!(format!("https://desk.example/agent/portal/{name}/details/{key}")));
    let record = Value::Object(record);
    let content = Content::Planted(record.to_string().into());
    state.put(module, key, Some(Record { key, created: second, modified: second, content }));
    record
}
