//! Products: what tickets are about. The search has been seen in an older text of Zoho's only, and gives nearly all
//! columns of a single record; the plain list has four.

use super::definition::Kind::{Json, Text, Timestamp};
use super::definition::{Feed, Resource, Split, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static PRODUCTS: Resource = Resource {
    name: "products",
    about: "Products that tickets are about, with price, maker and custom fields, one row each",
    path: "/products/search",
    feed: Feed::Search { range: "modifiedTimeRange", cursor: "modified_time" },
    // Older and newer texts name one each, and neither says that one of them is enough.
    scopes: &["Desk.products.READ", "Desk.settings.READ", "Desk.search.READ"],
    page_limit: 100,
    first_row: 0,
    // A product belongs to several departments or to none, so that they do not cut products apart.
    splits: &[Split::CreatedTime],
    has_bin: true,
    archive: None,
    history: None,
    plain: None,
    columns: &[
        column("id", "/id", Text,
            "Key of the product"),
        column("product_name", "/productName", Text,
            "Name of the product"),
        column("product_code", "/productCode", Text,
            "Code that this portal gave the product; need not be unique"),
        column("product_category", "/productCategory", Text,
            "Sort of product; this portal sets the values"),
        column("manufacturer", "/manufacturer", Text,
            "Who makes it; this portal sets the values"),
        column("unit_price", "/unitPrice", Text,
            "Price of one piece as decimal text, in the portal's currency"),
        column("description", "/description", Text,
            "Notes on the product; may hold HTML"),
        column("department_ids", "/departmentIds", Json,
            "Keys of the departments that offer the product; Zoho has announced that it will go"),
        column("owner_id", "/ownerId", Text,
            "Agent who looks after the product").refers("agents"),
        column("layout_id", "/layoutId", Text,
            "Layout of the form; records of different layouts have different fields").refers("layouts"),
        column("created_by", "/createdBy", Text,
            "Agent who created the product, by key").refers("agents"),
        column("modified_by", "/modifiedBy", Text,
            "Agent who changed the product last, by key").refers("agents"),
        column("created_time", "/createdTime", Timestamp,
            "When the product was created"),
        column("modified_time", "/modifiedTime", Timestamp,
            "When the product last changed"),
        column("custom_fields", "/cf", Json,
            "Custom fields by API name (`cf_...`); values are text, numbers or booleans"),
        column("custom_fields_by_label", "/customFields", Json,
            "The same values keyed by the label on screen; deprecated by Zoho, so prefer `custom_fields`"),
        column("layout_details", "/layoutDetails", Json,
            "Copy of the layout: id and name; as old as this row").of_detail(),
    ],
};
