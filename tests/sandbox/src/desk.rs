//! The Desk API: who may ask, what a request costs, and which path leads where.

use axum::body::Bytes;

use crate::answer::Answer;
use crate::directory::Shape;
use crate::leavings;
use crate::lists;
use crate::opening;
use crate::portal;
use crate::query::Query;
use crate::record::{Module, key_of};
use crate::rendering::{Show, render};
use crate::search;
use crate::state::State;

/// What every path of the Desk API begins with.
const PREFIX: &str = "/api/v1";

/// Whether a path is one of the Desk API; `/api/v1.1` is Campaigns'.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A request, as far as the sandbox looks at it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) authorization: Option<String>,
    pub(crate) org_id: Option<String>,
    pub(crate) body: Bytes,
}

impl Call {
    /// The `from` of the request, or 0.
    pub(crate) fn depth(&self) -> u32 {
        self.query.get("from").and_then(|from| from.parse().ok()).unwrap_or(0)
    }
}

#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Organizations,
    AccessibleOrganizations,
    MyInfo,
    Directory(&'static Shape),
    DirectoryRow(&'static Shape, &'a str),
    Search(Module),
    List(Module),
    ArchivedTickets,
    RecycleBin,
    History(&'a str),
    Translations(&'a str),
    One(Module, &'a str),
    NewTicket,
}

pub(crate) fn answer(state: &mut State, call: &Call) -> Answer {
    if let Err(refusal) = authenticate(state, call) {
        return refusal;
    }
    let Some(place) = place(&call.path, &call.method) else { return Answer::not_found() };
    let weight = weight(place, call.depth());
    if !state.credits_cover(weight) {
        return Answer::threshold_exceeded(state.seconds_to_midnight());
    }
    let mut answer = permitted(state, call, place).unwrap_or_else(|refusal| refusal);
    if is_list(place) {
        let State { settings, told, .. } = state;
        // Who asks for no number of rows cannot ask for fewer.
        let is_limited = call.query.get("limit").is_some();
        answer = if is_limited && crate::falsehoods::rows(&answer) > settings.heaviest_page as usize {
            Answer::html(504)
        } else {
            settings.falsehoods.tell(told, || format!("{}?{:?}", call.path, call.query), answer)
        };
        answer.rows = Some(crate::falsehoods::rows(&answer));
    }
    answer.credits = weight;
    let left = state.spend(weight);
    answer
        .with("X-Rate-Limit-Request-Weight-v3", weight.to_string())
        .with("X-Rate-Limit-Remaining-v3", left.to_string())
}

/// Whether the request carries a token that is good now.
pub(crate) fn authenticate(state: &State, call: &Call) -> Result<(), Answer> {
    let header = call.authorization.as_deref().unwrap_or_default();
    let Some(token) = header.strip_prefix("Zoho-oauthtoken ").or_else(|| header.strip_prefix("Bearer ")) else {
        return Err(Answer::refusal(401, "UNAUTHORIZED", "You are not authenticated to perform this operation."));
    };
    if state.accounts.accepts(token.trim(), state.now()) { Ok(()) } else { Err(Answer::invalid_oauth()) }
}

fn place<'a>(path: &'a str, method: &str) -> Option<Place<'a>> {
    let parts: Vec<&str> = path.strip_prefix(PREFIX)?.strip_prefix('/')?.split('/').collect();
    Some(match parts[..] {
        ["organizations"] => Place::Organizations,
        ["accessibleOrganizations"] => Place::AccessibleOrganizations,
        ["myinfo"] => Place::MyInfo,
        ["tickets"] if method == "POST" => Place::NewTicket,
        ["tickets"] => Place::List(Module::Tickets),
        ["tickets", "archivedTickets"] => Place::ArchivedTickets,
        ["tickets", id, "History"] => Place::History(id),
        ["articles", id, "translations"] => Place::Translations(id),
        ["recycleBin"] => Place::RecycleBin,
        ["articles"] => Place::List(Module::Articles),
        [module, "search"] => Place::Search(Module::named(module)?),
        [path] if let Some(shape) = Shape::of(path) => Place::Directory(shape),
        [path, id] if let Some(shape) = Shape::of(path) => Place::DirectoryRow(shape, id),
        [module, id] if !id.is_empty() => Place::One(Module::named(module)?, id),
        _ => return None,
    })
}

/// Whether the answer is a page of records.
fn is_list(place: Place<'_>) -> bool {
    matches!(
        place,
        Place::Search(_)
            | Place::List(_)
            | Place::Directory(_)
            | Place::ArchivedTickets
            | Place::RecycleBin
            | Place::Translations(_)
    )
}

fn weight(place: Place<'_>, depth: u32) -> u64 {
    match place {
        Place::One(..) | Place::DirectoryRow(..) | Place::MyInfo | Place::NewTicket => 1,
        _ => match depth {
            0..=2_000 => 3,
            2_001..=10_000 => 10,
            10_001..=100_000 => 50,
            _ => 100,
        },
    }
}

fn permitted(state: &mut State, call: &Call, place: Place<'_>) -> Result<Answer, Answer> {
    if !matches!(place, Place::Organizations) {
        check_organization(state, call)?;
    }
    check_scopes(state, call, place)?;
    if state.settings.missing_features.iter().any(|path| call.path == format!("{PREFIX}/{path}")) {
        return Err(Answer::not_in_this_edition());
    }
    if matches!(place, Place::NewTicket) {
        call.query.allow([])?;
        return opening::open(state, &call.body);
    }
    if call.method != "GET" {
        return Err(Answer::refusal(405, "METHOD_NOT_ALLOWED", "The HTTP method is not allowed for this URL."));
    }
    let (cast, settings, query) = (&state.cast, &state.settings, &call.query);
    match place {
        Place::Organizations | Place::AccessibleOrganizations => {
            query.allow([])?;
            Ok(Answer::list(&[portal::organization(cast, &settings.edition)]))
        }
        Place::MyInfo => {
            query.allow(["include"])?;
            let known = ["profile", "role", "associatedDepartments", "associatedChatDepartments"];
            let include = lists::include(query, &known)?;
            let include: Vec<&str> = include.iter().map(String::as_str).collect();
            Ok(Answer::json(200, portal::agent(cast, settings.agent, &include)))
        }
        Place::Directory(shape) => state.directory.answer(settings, shape, query, state.now()),
        Place::DirectoryRow(shape, key) => {
            query.allow([])?;
            let row = state.directory.one(shape, key).ok_or_else(Answer::not_found)?;
            Ok(Answer::json(200, row.to_string()))
        }
        Place::List(Module::Articles) => lists::articles(cast, settings, state.shelf(Module::Articles), query),
        Place::List(module) => lists::tickets(cast, settings, state.shelf(module), query),
        Place::Search(module) => search::search(cast, settings, module, state.shelf(module), query),
        Place::ArchivedTickets => leavings::archived(state, query),
        Place::RecycleBin => leavings::bin(state, query),
        Place::History(id) => leavings::history(state, query, id),
        Place::Translations(id) => lists::translations(cast, state.shelf(Module::Articles), query, id),
        Place::One(module, id) => one(state, query, module, id),
        Place::NewTicket => Err(Answer::not_found()),
    }
}

fn one(state: &State, query: &Query, module: Module, id: &str) -> Result<Answer, Answer> {
    let (params, include): (&[&str], &[&str]) = match module {
        Module::Tickets => (
            &["include", "orgId"],
            &["contacts", "products", "departments", "team", "assignee", "contract", "isRead", "skills"],
        ),
        Module::Contacts => (&["include"], &["accounts", "owner"]),
        Module::Accounts => (&["include"], &["owner"]),
        Module::Products => (&["include"], &["owner"]),
        Module::Tasks | Module::Calls | Module::Events => {
            (&["include"], &["contacts", "tickets", "assignee", "teams", "projects", "creator"])
        }
        Module::Articles => (&["version"], &[]),
    };
    query.allow(params.iter().copied())?;
    let include = lists::include(query, include)?;
    let Some(record) = state.shelf(module).live.get(key_of(id)) else { return leavings::one(state, module, id) };
    Ok(Answer::json(200, render(&state.cast, module, record, &Show::Alone { include })))
}

fn check_organization(state: &State, call: &Call) -> Result<(), Answer> {
    match call.org_id.as_deref().or_else(|| call.query.get("orgId")) {
        None => Ok(()),
        Some(id) if id == state.settings.org_id => Ok(()),
        Some(id) if id.is_empty() || !id.bytes().all(|digit| digit.is_ascii_digit()) => Err(Answer::refusal(
            500,
            "INTERNAL_SERVER_ERROR",
            "An internal server error occurred while processing your request.",
        )),
        Some(_) => {
            Err(Answer::refusal(403, "OAUTH_ORG_MISMATCH", "The OAuthToken is not valid for specified organization."))
        }
    }
}

/// Every group has to be met by one of its scopes.
fn check_scopes(state: &State, call: &Call, place: Place<'_>) -> Result<(), Answer> {
    const BASIC: &[&str] = &["Desk.basic.READ", "Desk.settings.READ"];
    let module: &[&str] = match place {
        Place::Organizations | Place::AccessibleOrganizations | Place::MyInfo => BASIC,
        Place::Directory(shape) | Place::DirectoryRow(shape, _) => shape.scopes,
        Place::NewTicket => &["Desk.tickets.CREATE"],
        Place::RecycleBin => &["Desk.settings.READ"],
        Place::ArchivedTickets | Place::History(_) => &["Desk.tickets.READ"],
        Place::Translations(_) => &["Desk.articles.READ"],
        Place::Search(module) | Place::List(module) | Place::One(module, _) => match module {
            Module::Tickets => &["Desk.tickets.READ"],
            Module::Contacts | Module::Accounts => &["Desk.contacts.READ"],
            Module::Tasks => &["Desk.tasks.READ", "Desk.activities.tasks.READ"],
            Module::Calls => &["Desk.calls.READ", "Desk.activities.calls.READ"],
            Module::Events => &["Desk.events.READ", "Desk.activities.events.READ"],
            Module::Products => &["Desk.products.READ", "Desk.settings.READ"],
            Module::Articles => &["Desk.articles.READ"],
        },
    };
    let searched: &[&str] = &["Desk.search.READ"];
    let needed =
        [module].into_iter().chain(matches!(place, Place::Search(_) | Place::ArchivedTickets).then_some(searched));
    let granted = |scope: &&str| is_granted(state, call, scope);
    if needed.into_iter().all(|group| group.iter().any(granted)) { Ok(()) } else { Err(Answer::scope_mismatch()) }
}

/// Whether the client may ask for a scope, and the person has consented to it.
pub(crate) fn is_granted(state: &State, call: &Call, scope: &str) -> bool {
    let token = call.authorization.as_deref().and_then(|header| header.split(' ').nth(1)).unwrap_or_default();
    state.settings.scopes.iter().any(|granted| granted.eq_ignore_ascii_case(scope))
        && state.accounts.allows(token, scope)
}
