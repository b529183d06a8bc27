//! Roles: the hierarchy that decides whose records an agent sees. Zoho tells no times for them.

use super::definition::Kind::{Boolean, Json, Text};
use super::definition::{LIST, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static ROLES: Resource = Resource {
    name: "roles",
    about: "Roles of the hierarchy of agents, one row each",
    path: "/roles",
    scopes: &["Desk.basic.READ"],
    page_limit: 500,
    columns: &[
        column("id", "/id", Text,
            "Key of the role"),
        column("name", "/name", Text,
            "Name of the role"),
        column("description", "/description", Text,
            "What the role is for"),
        column("reports_to", "/reportsTo", Text,
            "Role above this one; null at the top").refers("roles"),
        column("immediate_sub_roles", "/immediateSubRoles", Json,
            "Keys of the roles directly below, as a list"),
        column("is_default", "/isDefault", Boolean,
            "Whether the portal began with it"),
        column("is_visible", "/isVisible", Boolean,
            "Whether it is shown where roles are chosen"),
        column("share_data_with_peers", "/shareDataWithPeers", Boolean,
            "Whether agents of the role see the records of one another"),
    ],
    ..LIST
};
