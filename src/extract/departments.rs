//! The departments of a portal, all of them. Which of them is meant is decided by who asks.

use crate::http::{Client, Error, Request};
use crate::record::Record;

/// A department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    /// Its id.
    pub id: String,
    /// Its name; empty where the portal does not tell it.
    pub name: String,
}

/// Departments in one answer; the largest `limit` of the path (zoho/zohodesk-oas, `Department.json`).
const ROWS: usize = 200;

/// Every department, in the portal's order; `resource` pays for it.
pub async fn departments(client: &Client, resource: &'static str) -> Result<Vec<Department>, Error> {
    let mut departments: Vec<Department> = Vec::new();
    while departments.len().is_multiple_of(ROWS) {
        let request = Request::new(resource, "/departments")
            .with("from", departments.len().to_string())
            .with("limit", ROWS.to_string());
        let held = departments.len();
        for record in client.get(&request).await?.records.into_iter().map(Record::new) {
            let Some(id) = record.keys().id.clone() else { continue };
            let name = record.fields().and_then(|fields| fields.text("name"));
            if departments.iter().all(|department| department.id != id) {
                departments.push(Department { id, name: name.unwrap_or_default() });
            }
        }
        if departments.len() == held {
            break;
        }
    }
    Ok(departments)
}
