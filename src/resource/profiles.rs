//! Profiles: what an agent may do. The answer of the list is not documented; these are the fields of the profile inside an
//! agent, and whatever else comes is in `_raw`.

use super::definition::Kind::{Boolean, Json, Text, Timestamp};
use super::definition::{LIST, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static PROFILES: Resource = Resource {
    name: "profiles",
    about: "Profiles with the permissions of agents, one row each",
    path: "/profiles",
    scopes: &["Desk.basic.READ"],
    page_limit: 250,
    columns: &[
        column("id", "/id", Text,
            "Key of the profile"),
        column("name", "/name", Text,
            "Name of the profile"),
        column("type", "/type", Text,
            "Kind of profile"),
        column("profile_desc", "/profileDesc", Text,
            "What the profile is for"),
        column("category", "/category", Boolean,
            "Kind of profile, as a flag that Zoho does not explain"),
        column("visible", "/visible", Boolean,
            "Whether it is shown where profiles are chosen"),
        column("default_profile", "/defaultProfile", Boolean,
            "Whether the portal began with it"),
        column("portal_profile", "/portalProfile", Boolean,
            "Whether it is one of the portal"),
        column("light_agent_profile", "/lightAgentProfile", Boolean,
            "Whether it is for light agents"),
        column("admin_profile", "/adminProfile", Boolean,
            "Whether it is for administrators"),
        column("allowed_permission_names", "/allowedPermissionNames", Json,
            "What agents with it may do, as a list of names"),
        column("prohibited_permission_names", "/prohibitedPermissionNames", Json,
            "What agents with it may not do, as a list of names"),
        column("created_time", "/createdTime", Timestamp,
            "When the profile was created"),
        column("modified_time", "/modifiedTime", Timestamp,
            "When the profile last changed"),
        column("created_by", "/createdBy", Text,
            "Agent who created it"),
        column("modified_by", "/modifiedBy", Text,
            "Agent who changed it last"),
    ],
    ..LIST
};
