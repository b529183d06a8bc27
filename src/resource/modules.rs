//! Modules: kinds of records of this portal, custom ones included. Each definition names the module by its API name.

use super::definition::Kind::{Boolean, Json, Text, Timestamp};
use super::definition::{Feed, LIST, List, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static MODULES: Resource = Resource {
    name: "modules",
    about: "Kinds of records of the portal, custom ones included, one row each",
    path: "/organizationModules",
    feed: Feed::List(List { records: "modules", ..List::PLAIN }),
    scopes: &["Desk.basic.READ"],
    columns: &[
        column("id", "/id", Text,
            "Key of the module"),
        column("api_name", "/apiName", Text,
            "Name in the API"),
        column("display_label", "/displayLabel", Text,
            "Name that agents see"),
        column("singular_label", "/singularLabel", Text,
            "Name of one record"),
        column("plural_label", "/pluralLabel", Text,
            "Name of many records"),
        column("name_field", "/nameField", Text,
            "Field that a record is called by"),
        column("description", "/description", Text,
            "What the module is for"),
        column("is_custom_module", "/isCustomModule", Boolean,
            "Whether the portal made it"),
        column("is_dept_specific", "/isDeptSpecific", Boolean,
            "Whether its records belong to departments"),
        column("has_recycle_bin", "/hasRecycleBin", Boolean,
            "Whether deleted records go to the recycle bin first"),
        column("created_time", "/createdTime", Timestamp,
            "When it was created"),
        column("modified_time", "/modifiedTime", Timestamp,
            "When it last changed"),
        column("created_by", "/createdBy", Text,
            "Agent who created it").refers("agents"),
        column("modified_by", "/modifiedBy", Text,
            "Agent who changed it last").refers("agents"),
        column("modifier", "/modifier", Json,
            "Copy of who changed it last"),
    ],
    ..LIST
};
