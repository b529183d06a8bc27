//! Contracts with customers. The list has no search and tells neither times nor custom fields, so that a contract which is
//! new or has changed is read by itself as well.

use super::definition::Kind::{Date, Integer, Json, Text, Timestamp};
use super::definition::{Detail, Feed, LIST, List, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static CONTRACTS: Resource = Resource {
    name: "contracts",
    about: "Contracts with term, support plan and custom fields, one row each",
    path: "/contracts",
    // `-` for descending is said in words (zoho/zohodesk-oas, `Contract.json`).
    feed: Feed::List(List {
        with: &[("sortBy", "-modifiedTime")],
        detail: Some(Detail { time: "modified_time", newest_first: true }),
        ..List::PLAIN
    }),
    // `Desk.contracts.READ` is named too, but this one alone is said to do (zoho/zohodesk-oas, `Contract.json`).
    scopes: &["Desk.settings.READ"],
    page_limit: 100,
    columns: &[
        column("id", "/id", Text,
            "Key of the contract"),
        column("contract_name", "/contractName", Text,
            "Name of the contract"),
        column("contract_number", "/contractNumber", Text,
            "Number that people see"),
        column("contract_status", "/contractStatus", Text,
            "ACTIVE, EXPIRED or FUTURE, by its dates"),
        column("description", "/description", Text,
            "Notes on the contract; may hold HTML"),
        column("start_date", "/startDate", Date,
            "First day of the term"),
        column("end_date", "/endDate", Date,
            "Last day of the term"),
        column("notify_on", "/notifyOn", Date,
            "Day on which agents are reminded of its end"),
        column("notify_before", "/notifyBefore", Integer,
            "Number of days before its end on which agents are reminded"),
        column("notification_agent_ids", "/notificationAgentIds", Json,
            "Keys of the agents who are reminded"),
        column("department_id", "/departmentId", Text,
            "Department that the contract belongs to").refers("departments"),
        column("owner_id", "/ownerId", Text,
            "Agent who looks after the contract").refers("agents"),
        column("account_id", "/accountId", Text,
            "Account that the contract is with; Zoho has announced that it will go").refers("accounts"),
        column("product_id", "/productId", Text,
            "Product that the contract covers; Zoho has announced that it will go").refers("products"),
        column("associated_sla_id", "/associatedSLAId", Text,
            "Service level that was agreed; Zoho has announced that support plans will replace it").refers("slas"),
        column("associated_support_plan_id", "/associatedSupportPlanId", Text,
            "Support plan that was agreed").refers("support_plans"),
        column("support_plan", "/supportPlan", Json,
            "Copy of the support plan; as old as this row"),
        column("account", "/account", Json,
            "Copy of the account; as old as this row"),
        column("product", "/product", Json,
            "Copy of the product; as old as this row"),
        column("sla", "/sla", Json,
            "Copy of the service level; as old as this row"),
        column("owner", "/owner", Json,
            "Copy of the owner; as old as this row"),
        column("layout_id", "/layoutId", Text,
            "Layout of the form; records of different layouts have different fields").refers("layouts"),
        column("created_by", "/createdBy", Text,
            "Agent who created the contract, by key").refers("agents"),
        column("modified_by", "/modifiedBy", Text,
            "Agent who changed the contract last, by key").refers("agents"),
        column("created_time", "/createdTime", Timestamp,
            "When the contract was created"),
        column("modified_time", "/modifiedTime", Timestamp,
            "When the contract last changed; a status that its dates have changed does not count"),
        column("custom_fields", "/cf", Json,
            "Custom fields by API name (`cf_...`); values are text, numbers or booleans"),
        column("custom_fields_by_label", "/customFields", Json,
            "The same values keyed by the label on screen; deprecated by Zoho, so prefer `custom_fields`"),
    ],
    ..LIST
};
