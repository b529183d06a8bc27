//! Departments: what tickets, agents and articles belong to. Zoho tells no time of change for them, and the ids of their
//! agents only department by department; `agents.associated_department_ids` says the same.

use super::definition::Kind::{Boolean, Text, Timestamp};
use super::definition::{LIST, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static DEPARTMENTS: Resource = Resource {
    name: "departments",
    about: "Departments of the portal, one row each",
    path: "/departments",
    // Whether disabled ones are listed Zoho does not say; one that is not is marked as gone, and comes back when enabled.
    scopes: &["Desk.basic.READ"],
    page_limit: 200,
    columns: &[
        column("id", "/id", Text,
            "Key of the department"),
        column("name", "/name", Text,
            "Name that agents see"),
        column("name_in_customer_portal", "/nameInCustomerPortal", Text,
            "Name that customers see in the help centre"),
        column("sanitized_name", "/sanitizedName", Text,
            "Name as it stands in links"),
        column("description", "/description", Text,
            "What the department is for"),
        column("is_enabled", "/isEnabled", Boolean,
            "Whether it is in use; departments are disabled and never deleted"),
        column("is_default", "/isDefault", Boolean,
            "Whether it is the one that the portal began with"),
        column("is_visible_in_customer_portal", "/isVisibleInCustomerPortal", Boolean,
            "Whether customers can choose it in the help centre"),
        column("is_assign_to_team_enabled", "/isAssignToTeamEnabled", Boolean,
            "Whether its tickets can be assigned to teams"),
        column("has_logo", "/hasLogo", Boolean,
            "Whether it has a logo of its own"),
        column("chat_status", "/chatStatus", Text,
            "State of its chat: AVAILABLE, DISABLED or NOT_CREATED"),
        column("creator_id", "/creatorId", Text,
            "Agent who created the department").refers("agents"),
        column("created_time", "/createdTime", Timestamp,
            "When the department was created"),
    ],
    ..LIST
};
