//! Who and what a portal has that records are told apart by: its departments and its agents. Which of them is meant is
//! decided by who asks.

use super::Error;
use super::pages::{Pages, all};
use crate::http::{Client, Request};
use crate::record::Record;

/// A department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    /// Its id.
    pub id: String,
    /// Its name; empty where the portal does not tell it.
    pub name: String,
}

/// Rows in one answer; the largest `limit` of both paths (zoho/zohodesk-oas, `Department.json`, `Agent.json`).
pub(super) const ROWS: u32 = 200;

/// Every department, in the portal's order; `resource` pays for it.
pub async fn departments(client: &Client, resource: &'static str) -> Result<Vec<Department>, Error> {
    let mut departments: Vec<Department> = Vec::new();
    for record in list(client, request(resource)).await? {
        let id = id(&record, resource)?;
        if departments.iter().all(|department| department.id != id) {
            let name = record.fields().and_then(|fields| fields.text("name"));
            departments.push(Department { id, name: name.unwrap_or_default() });
        }
    }
    Ok(departments)
}

/// The ids of all agents, those among them who have left; `resource` pays for it.
pub async fn agents(client: &Client, resource: &'static str) -> Result<Vec<String>, Error> {
    let mut ids = Vec::new();
    for record in list(client, Request::new(resource, "/agents")).await? {
        let id = id(&record, resource)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The request for any page of the departments.
pub(super) fn request(resource: &'static str) -> Request {
    Request::new(resource, "/departments")
}

async fn list(client: &Client, request: Request) -> Result<Vec<Record>, Error> {
    all(client, Pages::new(request, ROWS)).await
}

/// A record that does not tell its id is one that nothing can be read of: what is cut by them would lack its part.
fn id(record: &Record, resource: &'static str) -> Result<String, Error> {
    record.keys().id.clone().ok_or(Error::NoKeys { resource })
}
