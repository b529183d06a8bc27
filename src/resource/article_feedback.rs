//! Feedback that readers leave on articles. The list has a range of created time only, and without one it is that of the
//! last seven days; when a feedback is resolved, no time tells, so that it is found by the comparison with the portal.

use super::definition::Kind::{Json, Text, Timestamp};
use super::definition::{Feed, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static ARTICLE_FEEDBACK: Resource = Resource {
    name: "article_feedback",
    about: "What readers wrote about articles, one row each",
    path: "/articleFeedbacks",
    feed: Feed::Filtered { range: "timeRange", cursor: "created_time", needs_range: true },
    scopes: &["Desk.articles.READ"],
    // The largest one is not documented. That of the other lists of the knowledge base; a refusal teaches a smaller one.
    page_limit: 50,
    first_row: 1,
    splits: &[],
    has_bin: false,
    archive: None,
    history: None,
    plain: None,
    columns: &[
        column("id", "/id", Text,
            "Key of the feedback"),
        column("created_time", "/createdTime", Timestamp,
            "When the feedback was left"),
        column("content", "/content", Text,
            "What the reader wrote"),
        column("status", "/status", Text,
            "RESOLVED or UNRESOLVED, as last read; a change alone is seen weeks later"),
        column("contact_id", "/contactId", Text,
            "Contact who left it; null for a reader who was not signed in").refers("contacts"),
        column("ticket_id", "/ticketId", Text,
            "Ticket that was made of it; null where there is none").refers("tickets"),
        column("article", "/article", Json,
            "Copy of the article: id, title, locale, author and number; as old as this row"),
        column("article_id", "/article/id", Text,
            "Article that it is about").refers("articles"),
        column("article_locale", "/article/locale", Text,
            "Locale in which the article was read"),
    ],
};
