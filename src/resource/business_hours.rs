//! Business hours: when agents work, by which times of service agreements are counted.

use super::definition::Kind::{Json, Text, Timestamp};
use super::definition::{LIST, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static BUSINESS_HOURS: Resource = Resource {
    name: "business_hours",
    about: "Business hours with time zone and times of the week, one row each",
    path: "/businessHours",
    scopes: &["Desk.settings.READ"],
    page_limit: 50,
    columns: &[
        column("id", "/id", Text,
            "Key of the business hours"),
        column("name", "/name", Text,
            "Name of the business hours"),
        column("type", "/type", Text,
            "Kind: 24X7, SPECIFIC or CUSTOM; the first has no times"),
        column("status", "/status", Text,
            "ACTIVE or INACTIVE"),
        column("time_zone", "/timeZone", Json,
            "Time zone that the times are in: `id` is the IANA name"),
        column("time_zone_id", "/timeZone/id", Text,
            "Time zone by its IANA name"),
        column("business_times", "/businessTimes", Json,
            "Times by day of the week: `day`, `startTime`, `endTime`, `timeSlots`"),
        column("associated_holiday_list", "/associatedHolidayList", Json,
            "Holiday list that counts: `holidayListId`, name and status"),
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
