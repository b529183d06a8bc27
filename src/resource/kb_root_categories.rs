//! Root categories of the knowledge base: the shelves below which sections and articles stand. Counts come with `include`
//! only and can be counted in `articles`.

use super::definition::Kind::{Boolean, Integer, Json, Text, Timestamp};
use super::definition::{LIST, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static KB_ROOT_CATEGORIES: Resource = Resource {
    name: "kb_root_categories",
    about: "Root categories of the knowledge base, one row each",
    path: "/kbRootCategories",
    scopes: &["Desk.articles.READ"],
    page_limit: 700,
    columns: &[
        column("id", "/id", Text,
            "Key of the category"),
        column("name", "/name", Text,
            "Name in the portal's first language"),
        column("description", "/description", Text,
            "What the category is about"),
        column("status", "/status", Text,
            "SHOW_IN_HELPCENTER, HIDE_IN_HELPCENTER or DISABLED"),
        column("visibility", "/visibility", Text,
            "Who sees it: AGENTS, ALL_USERS, GROUP_USERS or NONE"),
        column("sort_order", "/order", Integer,
            "Place among its siblings"),
        column("primary_department_id", "/primaryDepartmentId", Text,
            "Department that owns it").refers("departments"),
        column("associated_department_ids", "/associatedDepartmentIds", Json,
            "Keys of the departments whose agents write in it, as a list"),
        column("article_view_type", "/articleViewType", Text,
            "How its articles are shown"),
        column("moderation_type", "/moderationType", Text,
            "Who looks at articles before they are published"),
        column("is_review_enabled", "/isReviewEnabled", Boolean,
            "Whether articles are reviewed"),
        column("is_trashed", "/isTrashed", Boolean,
            "Whether it is in the recycle bin"),
        column("is_following", "/isFollowing", Boolean,
            "Whether the sign-in follows it"),
        column("logo_url", "/logoUrl", Text,
            "Link to the picture"),
        column("portal_url", "/portalUrl", Text,
            "Link in the help centre"),
        column("translations", "/translations", Json,
            "Names and descriptions in other languages"),
        column("groups", "/groups", Json,
            "Groups of customers who see it"),
        column("feedback_ticket_conversion_preference", "/feedbackTicketConversionPreference", Json,
            "Which feedback becomes a ticket"),
        column("created_by", "/createdBy", Json,
            "Copy of who created it"),
        column("modified_by", "/modifiedBy", Json,
            "Copy of who changed it last"),
        column("created_time", "/createdTime", Timestamp,
            "When the category was created"),
        column("modified_time", "/modifiedTime", Timestamp,
            "When the category last changed"),
    ],
    ..LIST
};
