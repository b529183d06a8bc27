//! How the organization, its departments and its agents look.

use crate::cast::{Cast, DEPARTMENTS};
use crate::record::id_of;
use crate::row::{Row, quoted};
use crate::words;

pub(crate) fn organization(cast: &Cast, edition: &str) -> String {
    let mut row = Row::new();
    row.text("id", &cast.org_id);
    row.text("companyName", "Harbour & Lamp Ltd.");
    row.text("portalName", "harbourlamp");
    row.text("portalURL", "https://desk.example/agent/harbourlamp");
    row.text("alias", "");
    row.text("edition", edition);
    for (flag, value) in
        [("isDefault", true), ("isAdminInOrg", true), ("isSandboxPortal", false), ("isPayloadEncryptionEnabled", false)]
    {
        row.flag(flag, value);
    }
    row.text("description", "Lamps, kettles and clocks.");
    row.text("primaryContact", "agent01@desk.example");
    for name in ["phoneNumber", "mobile", "fax"] {
        row.text(name, "");
    }
    row.text("website", "https://www.harbourlamp.example");
    for (name, value) in
        [("street", "1 Quay Street"), ("city", "Hamburg"), ("state", "HH"), ("country", "Germany"), ("zip", "20457")]
    {
        row.text(name, value);
    }
    for (name, value) in [("currencyCode", "EUR"), ("currencySymbol", "€"), ("currencyLocale", "de_DE")] {
        row.text(name, value);
    }
    row.text("employeeCount", "120");
    row.text("logoURL", "");
    row.text("faviconURL", "");
    row.text("timeZone", "Europe/Berlin");
    row.text("industry", "Retail");
    for name in ["employeeCountRange", "designation", "migrationFrom"] {
        row.null(name);
    }
    for name in ["preferredSolution", "preferredCommunicationChannels"] {
        row.array(name, None);
    }
    row.finish()
}

pub(crate) fn department(cast: &Cast, number: u8) -> String {
    let name = words::DEPARTMENTS[usize::from(number)];
    let mut row = Row::new();
    row.number("id", cast.department_id(number));
    row.text("name", name);
    row.text("nameInCustomerPortal", name);
    row.text("sanitizedName", &name.to_lowercase().replace(" & ", "-").replace(' ', "-"));
    row.maybe("description", (number != 2).then_some("Answers on working days."));
    row.flag("isEnabled", number != 4);
    row.flag("isDefault", number == 0);
    row.flag("isVisibleInCustomerPortal", number < 3);
    row.flag("isAssignToTeamEnabled", true);
    row.flag("hasLogo", false);
    row.text("chatStatus", if number == 0 { "AVAILABLE" } else { "NOT_CREATED" });
    row.number("creatorId", cast.agent_id(0));
    row.time("createdTime", cast.start);
    row.finish()
}

/// An agent, with the objects asked for.
pub(crate) fn agent(cast: &Cast, number: u8, include: &[&str]) -> String {
    let person = cast.agent(number);
    let departments = (0..DEPARTMENTS).filter(|department| cast.works_in(number, *department));
    let mut row = Row::new();
    row.number("id", person.id);
    row.number("zuid", cast.zuid(number));
    row.text("name", &format!("{} {}", person.first.unwrap_or_default(), person.last));
    row.maybe("firstName", person.first);
    row.text("lastName", person.last);
    row.maybe("emailId", person.email.as_deref());
    row.maybe("phone", person.phone.as_deref());
    row.text("mobile", "");
    row.text("extn", "");
    row.null("photoURL");
    row.text("status", if number == 11 { "DISABLED" } else { "ACTIVE" });
    row.number("roleId", id_of(16, u32::from(number.min(2))));
    row.number("profileId", id_of(17, u32::from(number.min(2))));
    row.text("rolePermissionType", if number == 0 { "Admin" } else { "AgentPublic" });
    row.flag("isConfirmed", number != 10);
    row.text("aboutInfo", "");
    row.text("langCode", "en_US");
    row.text("countryCode", "en_US");
    row.text("timeZone", "Europe/Berlin");
    row.array("channelExpert", (number.is_multiple_of(4)).then(|| quoted("EMAIL")));
    row.array(
        "associatedDepartmentIds",
        departments.clone().map(|department| quoted(&cast.department_id(department).to_string())),
    );
    row.array("associatedChatDepartmentIds", None);
    row.flag("isZiaAgent", false);
    let (role, profile) = if number == 0 { ("CEO", "Support Administrator") } else { ("Agent", "Agent") };
    for (object, name, kind) in [("role", role, 16), ("profile", profile, 17)] {
        if include.contains(&object) {
            row.object(object, |inner| {
                inner.number("id", id_of(kind, u32::from(number.min(2))));
                inner.text("name", name);
            });
        }
    }
    if include.contains(&"associatedDepartments") {
        let department = |department: u8| {
            let mut inner = Row::new();
            inner.number("id", cast.department_id(department));
            inner.text("name", words::DEPARTMENTS[usize::from(department)]);
            inner.finish()
        };
        row.array("associatedDepartments", departments.map(department));
    }
    row.finish()
}
