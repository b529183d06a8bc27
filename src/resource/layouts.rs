//! Layouts: forms of the modules, with the profiles that use them. Sections and fields come one layout at a time only and are
//! not here. One list a module.

use super::definition::Kind::{Boolean, Json, Text, Timestamp};
use super::definition::{Feed, LIST, List, MODULES, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static LAYOUTS: Resource = Resource {
    name: "layouts",
    about: "Layouts of forms, module by module, one row each",
    path: "/layouts",
    feed: Feed::List(List { with: &[("status", "all")], each: Some(("module", MODULES)), ..List::PLAIN }),
    scopes: &["Desk.basic.READ"],
    page_limit: 99,
    columns: &[
        column("id", "/id", Text,
            "Key of the layout"),
        column("layout_name", "/layoutName", Text,
            "Name of the layout"),
        column("layout_display_name", "/layoutDisplayName", Text,
            "Name that agents see"),
        column("layout_desc", "/layoutDesc", Text,
            "What the layout is for"),
        column("module", "/module", Text,
            "Module by its inner name, such as Cases for tickets"),
        column("department_id", "/departmentId", Text,
            "Department that it belongs to").refers("departments"),
        column("status", "/status", Text,
            "Whether it is in use"),
        column("is_standard_layout", "/isStandardLayout", Boolean,
            "Whether the portal began with it"),
        column("is_default_layout", "/isDefaultLayout", Boolean,
            "Whether it is the one for new records"),
        column("has_logo", "/hasLogo", Boolean,
            "Whether it has a logo"),
        column("photo_url", "/photoURL", Text,
            "Link to the logo"),
        column("skip_dept_access_validation", "/skipDeptAccessValidation", Boolean,
            "Whether agents of other departments may use it"),
        column("layout_profiles", "/layoutProfiles", Json,
            "Profiles that use it"),
        column("created_time", "/createdTime", Timestamp,
            "When it was created"),
        column("modified_time", "/modifiedTime", Timestamp,
            "When it last changed"),
        column("created_by", "/createdBy", Text,
            "Agent who created it").refers("agents"),
        column("modified_by", "/modifiedBy", Text,
            "Agent who changed it last").refers("agents"),
    ],
    ..LIST
};
