//! `deskhouse ticket create`: opens one ticket. It is sent once: where no answer tells what became of it, a second one could
//! open it twice.

use ::http::Method;
use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{World, given, print, wiring};
use crate::config::{DESK, moment};
use crate::error::{Class, Error};
use crate::extract::{self, departments};
use crate::http::{self, Client, Reply, Request};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Open a ticket; the token needs the scope Desk.tickets.CREATE
    #[command(
        after_help = "Example:\n  deskhouse ticket create --subject 'The lamp is broken' --email ada@example.com \
        --department Support --description @mail.txt --field cf_region=North"
    )]
    Create(Box<Create>),
}

#[derive(Debug, Args)]
struct Create {
    /// What it is about
    #[arg(long)]
    subject: Option<String>,
    /// Who asks: the id of a contact
    #[arg(long, value_name = "ID", conflicts_with = "email")]
    contact_id: Option<String>,
    /// Who asks: an address; where no contact has it, Zoho makes one
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Department that gets it: its name or its id
    #[arg(long, value_name = "NAME|ID")]
    department: Option<String>,
    /// What it says; @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "TEXT|@FILE|-")]
    description: Option<String>,
    /// Priority, in the words of the portal
    #[arg(long)]
    priority: Option<String>,
    /// When it is due: a date, or a time with its offset
    #[arg(long, value_name = "TIME")]
    due: Option<String>,
    /// Another field; names that begin with `cf_` are custom fields; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = given::pair)]
    field: Vec<(String, String)>,
    /// JSON object to begin with, in the words of Zoho's API; the other flags win over it
    #[arg(long, value_name = "JSON|@FILE")]
    json: Option<String>,
}

pub(super) async fn run(world: &World, options: &Options) -> Result<Class, Error> {
    let Action::Create(options) = &options.action;
    let mut ticket = ticket(options)?;
    let config = wiring::config(&world.global, Vec::new())?;
    let client = wiring::client(&config, &world.clock)?;
    if let Some(named) = &options.department {
        ticket.insert("departmentId".into(), json!(department(&client, named).await?));
    }
    let created = create(&client, &ticket).await?;
    print(&format!("ticket {}\nid     {}\nurl    {}", created.number, created.id, created.url))?;
    Ok(Class::Done)
}

/// The ticket as far as it is known without asking, or everything that it lacks.
fn ticket(options: &Create) -> Result<Map<String, Value>, Error> {
    let mut ticket = match &options.json {
        Some(json) => given::object(json, "--json")?,
        None => Map::new(),
    };
    for (name, value) in
        [("subject", &options.subject), ("contactId", &options.contact_id), ("priority", &options.priority)]
    {
        if let Some(value) = value {
            ticket.insert(name.into(), json!(value));
        }
    }
    if let Some(email) = &options.email {
        ticket.remove("contactId");
        ticket.insert("contact".into(), json!({"email": email}));
        ticket.insert("email".into(), json!(email));
    }
    if let Some(description) = &options.description {
        ticket.insert("description".into(), json!(given::text(description)?));
    }
    if let Some(due) = &options.due {
        let due = moment(due).map_err(|refused| Error::Usage {
            message: format!("`--due {due}` is not {}", refused.expected()),
            hint: "write 2026-12-24, which begins at midnight UTC, or 2026-12-24T17:00:00+01:00".into(),
        })?;
        ticket.insert("dueDate".into(), json!(due.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()));
    }
    for (name, value) in &options.field {
        let fields = match name.starts_with("cf_") {
            true => match ticket.entry("cf").or_insert_with(|| json!({})) {
                Value::Object(fields) => fields,
                _ => return Err(missing("`cf` in --json is no object")),
            },
            false => &mut ticket,
        };
        fields.insert(name.clone(), json!(value));
    }
    let has = |name: &str| ticket.get(name).is_some_and(|value| !value.is_null());
    let lacks = [
        (has("subject"), "--subject"),
        (has("contactId") || has("contact"), "--contact-id or --email"),
        (has("departmentId") || options.department.is_some(), "--department"),
    ];
    let lacks: Vec<_> = lacks.into_iter().filter(|(has, _)| !has).map(|(_, flag)| flag).collect();
    if lacks.is_empty() { Ok(ticket) } else { Err(missing(&format!("a ticket needs {}", lacks.join(", ")))) }
}

fn missing(message: &str) -> Error {
    Error::Usage { message: message.to_owned(), hint: "`deskhouse ticket create --help` shows an example".into() }
}

/// The id of a department that is given by name or id.
async fn department(client: &Client, named: &str) -> Result<String, Error> {
    if named.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(named.to_owned());
    }
    let known = departments(client, "ticket").await.map_err(|error| match error {
        extract::Error::Http(error @ http::Error::NotGranted { .. }) => Error::Usage {
            message: format!("the department `{named}` cannot be looked up: {error}"),
            hint: "give its id, or make a refresh token that has the scope Desk.basic.READ too".into(),
        },
        extract::Error::Http(error) => Error::Request(error),
        error => Error::Usage {
            message: format!("the department `{named}` cannot be looked up: {error}"),
            hint: "give its id".into(),
        },
    })?;
    let same = |name: &str| name.to_lowercase() == named.to_lowercase();
    let found: Vec<_> = known.iter().filter(|known| same(&known.name)).map(|known| known.id.as_str()).collect();
    match found.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => {
            let names: Vec<_> = known.iter().map(|known| known.name.as_str()).collect();
            Err(Error::Usage {
                message: format!("there is no department `{named}`"),
                hint: format!("departments are {}", names.join(", ")),
            })
        }
        several => Err(Error::Usage {
            message: format!("{} departments are called `{named}`", several.len()),
            hint: format!("give the id of one: {}", several.join(", ")),
        }),
    }
}

/// A ticket as the answer to its opening tells it.
struct Created {
    number: String,
    id: String,
    url: String,
}

async fn create(client: &Client, ticket: &Map<String, Value>) -> Result<Created, Error> {
    let mut request = Request::to(&DESK, Method::POST, DESK.path("/tickets"), "ticket");
    request.json = Some(Bytes::from(json!(ticket).to_string()));
    let Reply { response, outcome } = client.send(&request).await;
    outcome.map_err(Error::Ticket)?;
    let body = response.and_then(|response| serde_json::from_slice::<Value>(response.body()).ok()).unwrap_or_default();
    let text = |name: &str| match &body[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let created = Created { number: text("ticketNumber"), id: text("id"), url: text("webUrl") };
    if created.id.is_empty() {
        let cause = "the answer does not name the ticket".to_owned();
        return Err(Error::Ticket(http::Error::Uncertain { request: request.to_string(), cause }));
    }
    Ok(created)
}
