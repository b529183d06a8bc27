//! How the rows of the portal's set-up look: roles and teams, hours and holidays, modules and their fields.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use crate::cast::{AGENTS, Cast, DEPARTMENTS};
use crate::record::{Module, id_of};
use crate::words;

/// Modules whose fields and layouts can be asked for, with their inner names.
pub(crate) const MODULES: &[&str] =
    &["tickets", "contacts", "accounts", "tasks", "calls", "events", "timeEntry", "products", "contracts"];
const INNER: [&str; 9] =
    ["Cases", "Contacts", "Accounts", "Tasks", "Calls", "Events", "TimeEntry", "Products", "Contracts"];

fn id(kind: u64, serial: usize) -> String {
    id_of(kind, serial as u32).to_string()
}

fn iso(millis: i64) -> Value {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    json!(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Adds who made a row, and when.
fn made(cast: &Cast, mut row: Value) -> Value {
    let agent = cast.agent_id(0).to_string();
    row["createdTime"] = iso(cast.start);
    row["modifiedTime"] = iso(cast.start + 86_400_000);
    row["createdBy"] = json!(agent);
    row["modifiedBy"] = json!(agent);
    row
}

/// The rows of a list; those of one module where the list is asked for with one.
pub(crate) fn rows(cast: &Cast, path: &str, value: &str) -> Vec<Value> {
    match path {
        "roles" => roles(),
        "profiles" => profiles(cast),
        "teams" => teams(cast),
        "channels" => channels(),
        "businessHours" => business_hours(cast),
        "holidayList" => holiday_lists(cast),
        "organizationModules" => modules(cast),
        "kbRootCategories" => root_categories(cast),
        "contracts" => contracts(cast),
        "articleFeedbacks" => feedback(cast),
        "fields" => fields(cast, value),
        "layouts" => layouts(cast, value),
        _ => Vec::new(),
    }
}

fn contracts(cast: &Cast) -> Vec<Value> {
    let contract = |place: usize| {
        let account = cast.account(place as u32 % cast.accounts.max(1));
        let mut row = json!({
            "id": id(22, place), "contractName": format!("{} {}", account.name, 2020 + place % 7),
            "contractNumber": (100 + place).to_string(), "contractStatus": "ACTIVE", "startDate": "2026-01-01",
            "endDate": "2026-12-31", "departmentId": cast.department_id(0).to_string(),
            "ownerId": cast.agent_id(place as u8 % AGENTS).to_string(), "accountId": account.id.to_string(),
            "productId": null, "associatedSLAId": id(23, 0), "associatedSupportPlanId": id(24, 0),
            "supportPlan": {"id": id(24, 0), "name": "Gold"}, "description": "Answers within a day.",
            "notifyOn": null, "notifyBefore": 14, "notificationAgentIds": [cast.agent_id(0).to_string()],
            "layoutId": id(25, 0), "cf": {"cf_region": "North"}, "customFields": {"Region": "North"},
        });
        row = made(cast, row);
        row["modifiedTime"] = iso(cast.start + (1 + place as i64) * 86_400_000);
        row
    };
    (0..40).map(contract).collect()
}

fn feedback(cast: &Cast) -> Vec<Value> {
    let count = i64::from(cast.articles);
    let feedback = |place: i64| {
        let article = place as u32 % cast.articles;
        json!({
            "id": id(26, place as usize), "contactId": null, "content": words::SENTENCES[place as usize % 3],
            "createdTime": iso((cast.start + place * (cast.end - cast.start) / count) / 1_000 * 1_000),
            "article": {
                "id": Module::Articles.key(article).to_string(), "title": "An article", "locale": "en-us",
                "webUrl": "https://desk.example/kb", "articleNumber": format!("KB-{}", article + 1),
            },
            "ticketId": null, "status": if place % 3 == 0 { "UNRESOLVED" } else { "RESOLVED" },
        })
    };
    (0..count).map(feedback).collect()
}

fn roles() -> Vec<Value> {
    let names = ["CEO", "Team lead", "Agent"];
    let role = |(place, name): (usize, &str)| {
        let below: Vec<_> = (place + 1..names.len()).take(1).map(|below| id(16, below)).collect();
        json!({
            "id": id(16, place), "name": name, "description": null, "immediateSubRoles": below,
            "reportsTo": place.checked_sub(1).map(|above| id(16, above)),
            "isDefault": place != 1, "isVisible": true, "shareDataWithPeers": place == 2,
        })
    };
    names.into_iter().enumerate().map(role).collect()
}

fn profiles(cast: &Cast) -> Vec<Value> {
    let profile = |(place, name): (usize, &str)| {
        let permissions = if place == 0 { vec!["TICKET_DELETE", "TICKET_EDIT"] } else { vec!["TICKET_EDIT"] };
        let row = json!({
            "id": id(17, place), "name": name, "type": "Agent", "profileDesc": "", "category": true, "visible": true,
            "defaultProfile": place != 2, "portalProfile": false, "lightAgentProfile": place == 2,
            "adminProfile": place == 0, "allowedPermissionNames": permissions, "prohibitedPermissionNames": [],
        });
        made(cast, row)
    };
    ["Support Administrator", "Agent", "Light Agent"].into_iter().enumerate().map(profile).collect()
}

fn teams(cast: &Cast) -> Vec<Value> {
    let team = |(place, name): (usize, &&str)| {
        let department = place as u8 % DEPARTMENTS;
        let agents: Vec<_> = (0..AGENTS)
            .filter(|agent| cast.works_in(*agent, department))
            .map(|agent| cast.agent_id(agent).to_string())
            .collect();
        json!({
            "id": id(18, place), "name": name, "description": (place > 0).then_some("Round the clock."),
            "departmentId": cast.department_id(department).to_string(), "agents": agents, "derivedAgents": agents,
            "roles": [], "rolesWithSubordinates": [], "subTeams": [], "logoUrl": null,
        })
    };
    words::TEAMS.iter().enumerate().map(team).collect()
}

fn channels() -> Vec<Value> {
    let channel = |(code, name, kind): (&str, &str, &str)| {
        json!({
            "code": code, "name": name, "appName": name, "type": kind, "departmentId": null, "externalId": null,
            "mappedIntegration": null, "photoURL": null, "acceptsReplies": code != "PHONE", "replyConfig": {"fields": []},
        })
    };
    [("EMAIL", "Email", "SYSTEM"), ("PHONE", "Phone", "SYSTEM"), ("7f3a::chat", "Lamp chat", "INSTANT_MESSAGE")]
        .into_iter()
        .map(channel)
        .collect()
}

fn business_hours(cast: &Cast) -> Vec<Value> {
    let week = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];
    let times: Vec<_> = week.map(|day| json!({"day": day, "startTime": "09:00", "endTime": "17:30"})).to_vec();
    let hours = |(place, (name, kind)): (usize, (&str, &str))| {
        let row = json!({
            "id": id(19, place), "name": name, "type": kind, "status": "ACTIVE",
            "timeZone": {"id": "Europe/Berlin", "name": "Central European Time"},
            "businessTimes": if place == 0 { times.clone() } else { Vec::new() },
            "associatedHolidayList": {
                "holidayListId": id(20, 0), "holidayListName": "Hamburg", "holidayListStatus": "ACTIVE",
            },
        });
        made(cast, row)
    };
    [("Office", "SPECIFIC"), ("Always", "24X7")].into_iter().enumerate().map(hours).collect()
}

fn holiday_lists(cast: &Cast) -> Vec<Value> {
    let list = |(place, (name, year)): (usize, (&str, Option<u32>))| {
        let kind = if year.is_some() { "YEAR_SPECIFIC" } else { "RECURRING" };
        let row = json!({
            "id": id(20, place), "name": name, "status": "ACTIVE", "holidayListType": kind, "year": year,
            "associatedBusinessHours": [], "holidays": [{"holidayName": "New Year", "from": "01-01", "to": "01-01"}],
        });
        made(cast, row)
    };
    [("Hamburg", None), ("Moving house", Some(2_026))].into_iter().enumerate().map(list).collect()
}

fn modules(cast: &Cast) -> Vec<Value> {
    let module = |(place, name): (usize, &&str)| {
        let row = json!({
            "id": id(21, place), "apiName": name, "displayLabel": INNER[place], "singularLabel": INNER[place],
            "pluralLabel": INNER[place], "nameField": "subject", "description": null, "isCustomModule": false,
            "isDeptSpecific": place != 1, "hasRecycleBin": true,
            "modifier": {"id": cast.agent_id(0).to_string(), "firstName": "A"},
        });
        made(cast, row)
    };
    MODULES.iter().enumerate().map(module).collect()
}

fn root_categories(cast: &Cast) -> Vec<Value> {
    let category = |(place, name): (usize, &str)| {
        let department = cast.department_id(place as u8).to_string();
        let mut row = json!({
            "id": id(22, place), "name": name, "description": "", "status": "SHOW_IN_HELPCENTER",
            "visibility": "ALL_USERS", "order": place, "primaryDepartmentId": department,
            "associatedDepartmentIds": [department], "articleViewType": "LIST", "moderationType": "NONE",
            "isReviewEnabled": false, "isTrashed": false, "isFollowing": place == 0, "logoUrl": null,
            "portalUrl": "https://desk.example/portal/kb", "translations": [{"locale": "en", "name": name}],
            "groups": [], "feedbackTicketConversionPreference": null,
        });
        row = made(cast, row);
        for name in ["createdBy", "modifiedBy"] {
            row[name] = json!({"id": row[name], "name": "A"});
        }
        row
    };
    ["Lamps", "Kettles", "Clocks"].into_iter().enumerate().map(category).collect()
}

fn fields(cast: &Cast, module: &str) -> Vec<Value> {
    let first = MODULES.iter().position(|known| *known == module).unwrap_or_default() * 10;
    let field = |(place, (name, kind)): (usize, (&str, &str))| {
        let custom = name.starts_with("cf_");
        let values = (kind == "Picklist").then(|| json!([{"value": "EMEA"}, {"value": "APAC"}]));
        let row = json!({
            "id": id(23, first + place), "apiName": name, "displayLabel": name, "i18NLabel": name, "type": kind,
            "maxLength": 120, "isMandatory": !custom, "isCustomField": custom, "isEncryptedField": false,
            "isSortable": !custom, "sourceType": if custom { "USERDEFINED" } else { "SYSTEM" },
            "showToHelpCenter": true, "toolTip": null, "toolTipType": "placeHolder", "pickListValues": values,
            "defaultValue": null, "lookup": null,
        });
        made(cast, row)
    };
    [("subject", "Text"), ("cf_region", "Picklist"), ("cf_since", "Date")].into_iter().enumerate().map(field).collect()
}

fn layouts(cast: &Cast, module: &str) -> Vec<Value> {
    let place = MODULES.iter().position(|known| *known == module).unwrap_or_default();
    let row = json!({
        "id": id(24, place), "layoutName": module, "layoutDisplayName": INNER[place], "layoutDesc": "",
        "module": INNER[place], "departmentId": cast.department_id(0).to_string(), "status": "ACTIVE",
        "isStandardLayout": true, "isDefaultLayout": true, "hasLogo": false, "photoURL": null,
        "skipDeptAccessValidation": false, "layoutProfiles": [{"id": id(17, 0)}],
    });
    vec![made(cast, row)]
}
