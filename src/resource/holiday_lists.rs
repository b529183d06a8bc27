//! Holiday lists: days on which business hours do not count. The list tells no holidays, so that a list that changed is read
//! by itself, too.

use super::definition::Kind::{Integer, Json, Text, Timestamp};
use super::definition::{Detail, Feed, LIST, List, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static HOLIDAY_LISTS: Resource = Resource {
    name: "holiday_lists",
    about: "Holiday lists with their holidays, one row each",
    path: "/holidayList",
    feed: Feed::List(List { detail: Some(Detail { time: "modified_time", newest_first: false }), ..List::PLAIN }),
    scopes: &["Desk.settings.READ"],
    page_limit: 50,
    columns: &[
        column("id", "/id", Text,
            "Key of the holiday list"),
        column("name", "/name", Text,
            "Name of the holiday list"),
        column("status", "/status", Text,
            "ACTIVE or INACTIVE"),
        column("holiday_list_type", "/holidayListType", Text,
            "RECURRING every year, or YEAR_SPECIFIC"),
        column("year", "/year", Integer,
            "Year that it is for; null for one that recurs"),
        column("associated_business_hours", "/associatedBusinessHours", Json,
            "Business hours that it counts for: `businessHourId`, name and status"),
        column("holidays", "/holidays", Json,
            "Holidays: `holidayName`, and `from` and `to` as month and day"),
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
