//! The search of a module: a sorted index with filters, a count and a floor that no offset may pass.

use crate::answer::Answer;
use crate::cast::Cast;
use crate::query::Query;
use crate::record::Module;
use crate::rendering::Show;
use crate::selection::{By, Order, Selection, Term, Test, select};
use crate::settings::Settings;
use crate::shelf::Shelf;

/// A parameter, the field it looks at, and how it compares.
type Param = (&'static str, &'static str, How);

#[derive(Clone, Copy, Debug)]
enum How {
    Id,
    Among,
    /// With the least length that is taken.
    Contains(usize),
    Range,
    Never,
    Custom,
}

const TICKETS: &[Param] = &[
    ("id", "/id", How::Id),
    ("ticketNumber", "/ticketNumber", How::Among),
    ("subject", "/subject", How::Contains(3)),
    ("description", "/description", How::Contains(1)),
    ("status", "/status", How::Among),
    ("priority", "/priority", How::Among),
    ("channel", "/channel", How::Among),
    ("category", "/category", How::Among),
    // Rows carry no tags, and the tickets of this world have none.
    ("tag", "", How::Never),
    ("email", "/email", How::Among),
    ("phone", "/phone", How::Among),
    ("departmentId", "/departmentId", How::Among),
    ("assigneeId", "/assigneeId", How::Among),
    ("contactId", "/contactId", How::Among),
    ("contactName", "/contact/lastName", How::Contains(1)),
    ("accountId", "/accountId", How::Among),
    ("accountName", "/contact/account/accountName", How::Contains(3)),
    ("productId", "/productId", How::Among),
    ("productName", "/product/productName", How::Contains(3)),
    ("_all", "", How::Contains(3)),
    ("dueDateRange", "/dueDate", How::Range),
    ("customerResponseTimeRange", "/customerResponseTime", How::Range),
    ("customField1", "/cf", How::Custom),
    ("customField2", "/cf", How::Custom),
    ("customField3", "/cf", How::Custom),
    ("customField4", "/cf", How::Custom),
    ("customField5", "/cf", How::Custom),
    ("customField6", "/cf", How::Custom),
    ("customField7", "/cf", How::Custom),
    ("customField8", "/cf", How::Custom),
    ("customField9", "/cf", How::Custom),
    ("customField10", "/cf", How::Custom),
];

const CONTACTS: &[Param] = &[
    ("id", "/id", How::Id),
    ("firstName", "/firstName", How::Contains(1)),
    ("lastName", "/lastName", How::Contains(1)),
    ("fullName", "/lastName", How::Contains(1)),
    ("accountName", "/account/accountName", How::Contains(1)),
    ("_all", "", How::Contains(3)),
];

const TASKS: &[Param] = &[
    ("id", "/id", How::Id),
    ("ticketNumber", "/ticket/ticketNumber", How::Among),
    ("subject", "/subject", How::Contains(1)),
    ("departmentId", "/departmentId", How::Among),
    ("priority", "/priority", How::Among),
    ("status", "/status", How::Among),
    ("dueDateRange", "/dueDate", How::Range),
    ("_all", "", How::Contains(3)),
];

/// Calls and events.
const APPOINTMENTS: &[Param] = &[
    ("id", "/id", How::Id),
    ("ticketNumber", "/ticket/ticketNumber", How::Among),
    ("subject", "/subject", How::Contains(1)),
    ("departmentId", "/departmentId", How::Among),
    ("priority", "/priority", How::Among),
    ("status", "/status", How::Among),
    ("startDateRange", "/startTime", How::Range),
    ("_all", "", How::Contains(3)),
];

const ACCOUNTS: &[Param] =
    &[("id", "/id", How::Id), ("accountName", "/accountName", How::Contains(1)), ("_all", "", How::Contains(3))];

const PRODUCTS: &[Param] = &[
    ("id", "/id", How::Id),
    ("productName", "/productName", How::Contains(1)),
    ("productCode", "/productCode", How::Contains(3)),
    ("departmentId", "/departmentIds", How::Among),
    ("_all", "", How::Contains(3)),
];

const SHARED: [&str; 6] = ["modifiedTimeRange", "createdTimeRange", "limit", "from", "sortBy", "orgId"];

pub(crate) fn search(
    cast: &Cast,
    settings: &Settings,
    module: Module,
    shelf: &Shelf,
    query: &Query,
) -> Result<Answer, Answer> {
    let (params, sorts): (_, &[&'static str]) = match module {
        Module::Tickets => (TICKETS, &["relevance", "modifiedTime", "createdTime", "customerResponseTime"]),
        Module::Contacts => (CONTACTS, &["relevance", "modifiedTime", "createdTime", "lastName", "firstName"]),
        Module::Tasks => (TASKS, &["relevance", "modifiedTime", "createdTime"]),
        Module::Calls | Module::Events => (APPOINTMENTS, &["relevance", "modifiedTime", "createdTime"]),
        Module::Accounts => (ACCOUNTS, &["relevance", "modifiedTime", "createdTime", "accountName"]),
        Module::Products => (PRODUCTS, &["relevance", "modifiedTime", "createdTime", "productName"]),
        Module::Articles => return Err(Answer::not_found()),
    };
    query.allow(params.iter().map(|(name, ..)| *name).chain(SHARED))?;
    let limit = query.number("limit", 1..=100, 10)?;
    let from = query.number("from", 0..=settings.from_cap, 0)?;
    if from + limit > settings.from_cap.saturating_add(1) {
        return Err(Answer::unprocessable(&format!("Max search result iterable is {}", settings.from_cap + 1)));
    }

    let custom: Vec<(String, &str)> = params
        .iter()
        .filter(|(_, _, how)| matches!(how, How::Custom))
        .filter_map(|(name, ..)| query.get(name)?.split_once(':'))
        .map(|(name, value)| (format!("/cf/{name}"), value))
        .collect();
    let mut terms = terms(params, query)?;
    terms.extend(custom.iter().map(|(path, value)| Term { path, test: Test::Among(vec![value]) }));

    if module == Module::Tickets && !settings.archived_in_search {
        terms.push(Term { path: "/isArchived", test: Test::Among(vec!["false"]) });
    }

    let selection = Selection {
        ids: query.get("id").map(|_| query.list("id")),
        modified: query.range("modifiedTimeRange")?,
        created: query.range("createdTimeRange")?,
        terms,
        order: order(query.sort(sorts)?),
        skip: from as usize,
        take: limit as usize,
    };
    let (rows, count) = select(cast, module, &shelf.index, settings.bounds, &selection);
    Ok(Answer::rows(module, rows, Show::Row, Some(count)))
}

/// What the name of a sort means. Relevance, like no sort at all, is the order of ids.
pub(crate) fn order(sort: Option<(&'static str, bool)>) -> Order {
    let Some((name, descending)) = sort else { return Order::default() };
    let by = match name {
        "modifiedTime" => By::Modified,
        "createdTime" => By::Created,
        "relevance" => By::Id,
        "customerResponseTime" | "recentThread" => By::Field("/customerResponseTime"),
        "dueDate" => By::Field("/dueDate"),
        "accountName" => By::Field("/accountName"),
        "productName" => By::Field("/productName"),
        "lastName" => By::Field("/lastName"),
        "firstName" => By::Field("/firstName"),
        "likeCount" => By::Field("/likeCount"),
        "dislikeCount" => By::Field("/dislikeCount"),
        "viewCount" => By::Field("/viewCount"),
        _ => By::Field("/feedbackCount"),
    };
    Order { by, descending }
}

fn terms<'a>(params: &'static [Param], query: &'a Query) -> Result<Vec<Term<'a>>, Answer> {
    let mut terms = Vec::new();
    for (name, path, how) in params {
        let Some(value) = query.get(name) else { continue };
        let test = match *how {
            How::Id | How::Custom => continue,
            How::Among => Test::Among(query.list(name)),
            How::Contains(least) if value.chars().count() < least => {
                return Err(Answer::unprocessable(&format!(
                    "The value passed for field '{name}' is less than the specified minimum length of '{least}'."
                )));
            }
            How::Contains(_) => Test::Contains(value),
            How::Range => match query.range(name)? {
                Some((from, to)) => Test::Within(from, to),
                None => continue,
            },
            How::Never => Test::Never,
        };
        terms.push(Term { path, test });
    }
    Ok(terms)
}
