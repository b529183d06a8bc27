//! Channels: the ways by which tickets come in, those of installed extensions included. A channel has no id; its code is the
//! key, and what tickets carry.

use super::definition::Kind::{Boolean, Json, Text};
use super::definition::{LIST, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static CHANNELS: Resource = Resource {
    name: "channels",
    about: "Channels that tickets come in by, one row each",
    path: "/channels",
    scopes: &["Desk.basic.READ"],
    columns: &[
        column("code", "/code", Text,
            "Key of the channel, as `tickets.channel_code` has it"),
        column("name", "/name", Text,
            "Name that agents see"),
        column("app_name", "/appName", Text,
            "Name of the app behind it"),
        column("type", "/type", Text,
            "SYSTEM, INTEGRATION or INSTANT_MESSAGE"),
        column("department_id", "/departmentId", Text,
            "Department that it belongs to; null for all").refers("departments"),
        column("mapped_integration", "/mappedIntegration", Text,
            "Integration behind it"),
        column("photo_url", "/photoURL", Text,
            "Link to the picture"),
        column("accepts_replies", "/acceptsReplies", Boolean,
            "Whether agents can answer by it"),
        column("reply_config", "/replyConfig", Json,
            "How answers are written"),
    ],
    ..LIST
};
