//! The lists that are no searches: tickets and articles. The portal's own few things are in `directory`.

use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::articles;
use crate::cast::Cast;
use crate::query::Query;
use crate::record::{Module, key_of};
use crate::rendering::{Show, render, tree};
use crate::search::order;
use crate::selection::{Selection, Term, Test, select};
use crate::settings::Settings;
use crate::shelf::Shelf;

const TICKET_PARAMS: [&str; 18] = [
    "include",
    "departmentId",
    "departmentIds",
    "viewId",
    "fields",
    "filters",
    "status",
    "priority",
    "channel",
    "assignee",
    "teamIds",
    "receivedInDays",
    "dueDate",
    "closedTime",
    "limit",
    "from",
    "sortBy",
    "orgId",
];

/// The list of tickets: from 0, without archived ones and without modified times. Parameters of views and of
/// days are taken and change nothing.
pub(crate) fn tickets(cast: &Cast, settings: &Settings, shelf: &Shelf, query: &Query) -> Result<Answer, Answer> {
    query.allow(TICKET_PARAMS)?;
    let limit = query.number("limit", 1..=100, 25)?;
    let from = query.number("from", 0..=4_999, 0)?;
    let sort = query.sort(&["dueDate", "createdTime", "recentThread"])?;
    let include = include(query, &["contacts", "products", "departments", "team", "assignee"])?;

    let mut terms = vec![Term { path: "/isArchived", test: Test::Among(vec!["false"]) }];
    let fields = [
        ("departmentId", "/departmentId"),
        ("departmentIds", "/departmentId"),
        ("status", "/status"),
        ("priority", "/priority"),
        ("channel", "/channel"),
        ("assignee", "/assigneeId"),
        ("teamIds", "/teamId"),
    ];
    for (name, path) in fields {
        if query.get(name).is_some() {
            terms.push(Term { path, test: Test::Among(query.list(name)) });
        }
    }
    let selection =
        Selection { terms, order: order(sort), skip: from as usize, take: limit as usize, ..Selection::default() };
    let (rows, _) = select(cast, Module::Tickets, &shelf.live, settings.bounds, &selection);

    let names: Vec<String> = query.list("fields").into_iter().map(str::to_owned).collect();
    let show = if names.is_empty() { Show::List { include } } else { Show::Fields(names.clone()) };
    if let Some(first) = rows.first() {
        let whole: Map<String, Value> =
            tree(&render(cast, Module::Tickets, first, &Show::Alone { include: Vec::new() })).unwrap_or_default();
        // Flags of the row itself are refused by name, and so is whatever does not exist.
        if names.iter().any(|name| name == "isArchived" || !(whole.contains_key(name) || name.starts_with("cf_"))) {
            return Err(Answer::refusal(
                500,
                "INTERNAL_SERVER_ERROR",
                "An internal server error occurred while processing your request.",
            ));
        }
    }
    Ok(Answer::rows(Module::Tickets, rows, show, None))
}

const ARTICLE_PARAMS: [&str; 9] = [
    "permission",
    "authorId",
    "limit",
    "from",
    "categoryId",
    "status",
    "sortBy",
    "modifiedTimeRange",
    "expiryTimeRange",
];

/// The list of articles: from 1. A time range makes it a search, with the lag of one.
pub(crate) fn articles(cast: &Cast, settings: &Settings, shelf: &Shelf, query: &Query) -> Result<Answer, Answer> {
    query.allow(ARTICLE_PARAMS)?;
    let limit = query.number("limit", 1..=50, 10)?;
    let from = query.number("from", 1..=u32::MAX, 1)?;
    let sort =
        query.sort(&["createdTime", "modifiedTime", "likeCount", "viewCount", "feedbackCount", "dislikeCount"])?;
    let modified = query.range("modifiedTimeRange")?;

    let mut terms = Vec::new();
    for (name, path) in
        [("permission", "/permission"), ("authorId", "/authorId"), ("categoryId", "/categoryId"), ("status", "/status")]
    {
        if query.get(name).is_some() {
            terms.push(Term { path, test: Test::Among(query.list(name)) });
        }
    }
    if let Some((from, to)) = query.range("expiryTimeRange")? {
        terms.push(Term { path: "/expiryDate", test: Test::Within(from, to) });
    }
    let selection = Selection {
        modified,
        terms,
        order: order(sort),
        skip: from as usize - 1,
        take: limit as usize,
        ..Selection::default()
    };
    let collection = if modified.is_some() { &shelf.index } else { &shelf.live };
    let (rows, _) = select(cast, Module::Articles, collection, settings.bounds, &selection);
    Ok(Answer::rows(Module::Articles, rows, Show::Row, None))
}

const TRANSLATION_PARAMS: [&str; 8] =
    ["permission", "modifiedTimeRange", "limit", "from", "authorId", "translationState", "status", "sortBy"];

/// The translations of an article: from 1. Filters are taken and change nothing.
pub(crate) fn translations(cast: &Cast, shelf: &Shelf, query: &Query, id: &str) -> Result<Answer, Answer> {
    query.allow(TRANSLATION_PARAMS)?;
    let limit = query.number("limit", 1..=50, 10)?;
    let from = query.number("from", 1..=u32::MAX, 1)?;
    let article = shelf.live.get(key_of(id)).ok_or_else(Answer::not_found)?;
    // A planted article has none.
    let rows = match article.made() {
        Some(made) => articles::translations(cast, article, made),
        None => Vec::new(),
    };
    let rows: Vec<_> = rows.into_iter().skip(from as usize - 1).take(limit as usize).collect();
    Ok(Answer::list(&rows))
}

/// The objects to embed; a name outside the list is refused.
pub(crate) fn include(query: &Query, known: &[&str]) -> Result<Vec<String>, Answer> {
    let names = query.list("include");
    if names.iter().any(|name| !known.contains(name)) {
        return Err(Answer::unprocessable("The value passed for the 'include' query parameter is invalid."));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}
