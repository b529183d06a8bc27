//! The warehouse as findings. Whether it can be opened is found out by the caller, who knows which database it is.

use std::path::Path;

use super::Findings;
use crate::config::{OrgId, WarehouseUrl};
use crate::error::Error;
use crate::report::{self, Verdict};
use crate::warehouse::{self, Dialect, Schema, SqlWarehouse, free_space, may_make};

const AREA: &str = "warehouse";

/// Free space below which a run may end in the middle of its first hour.
const LITTLE: u64 = 1 << 30;

/// What a user of a server lacks.
const GRANTS: &str =
    "the user has to own the schema and its tables, or to be allowed to make them (README, \"Postgres\")";

/// What is found out once it is open.
const FACTS: [&str; 4] = ["portal", "schema", "lock", "rights"];

/// A warehouse that is open for reading. `org_id` is the portal that a run would read.
pub async fn warehouse<D: Dialect>(
    warehouse: &SqlWarehouse<D>,
    url: &WarehouseUrl,
    org_id: Option<&OrgId>,
) -> Findings {
    let mut findings = Findings::default();
    match warehouse.server().await {
        Ok(server) => findings.good(AREA, "reachable", format!("{url}, {server}")),
        Err(error) => findings.fail(AREA, "reachable", error),
    }
    match (warehouse.portal().await, org_id) {
        (Ok(None), _) => findings.good(AREA, "portal", "none yet; the first run claims it"),
        (Ok(Some(held)), Some(asked)) if held != asked.as_str() => {
            findings.fail(AREA, "portal", warehouse::Error::OtherPortal { held, asked: asked.to_string() });
        }
        (Ok(Some(held)), _) => findings.good(AREA, "portal", held),
        (Err(error), _) => findings.fail(AREA, "portal", error),
    }
    match warehouse.schema().await {
        Ok(Schema { version: 0, .. }) => findings.good(AREA, "schema", "none yet; the first run makes it"),
        Ok(Schema { version, pending, .. }) if pending.is_empty() => {
            findings.good(AREA, "schema", format!("version {version}, nothing to migrate"));
        }
        Ok(Schema { version, newest, pending }) => {
            let to_come = pending.join(", ");
            findings.good(AREA, "schema", format!("version {version}; the next run brings it to {newest}: {to_come}"));
        }
        Err(error) => findings.fail(AREA, "schema", error),
    }
    match warehouse.try_lock().await {
        Ok(()) => {
            findings.good(AREA, "lock", "free");
            match warehouse.try_to_write().await {
                Ok(()) => findings.good(AREA, "rights", "tables may be made and changed"),
                Err(error) => {
                    let error = Error::from(error);
                    let hint = match url {
                        WarehouseUrl::Postgres { .. } => Some(GRANTS.to_owned()),
                        _ => error.hint(),
                    };
                    findings.fail_as(AREA, "rights", error.class(), report::chain(&error), hint);
                }
            }
        }
        Err(error) => {
            findings.fail(AREA, "lock", error);
            findings.skip(AREA, "rights", "whoever holds the lock is writing");
        }
    }
    findings
}

/// A warehouse that cannot be opened, or is not there yet.
pub fn absent(url: &WarehouseUrl, error: warehouse::Error) -> Findings {
    let mut findings = Findings::default();
    let missing = matches!(&error, warehouse::Error::Open { trouble: warehouse::Trouble::Missing, .. });
    match url {
        WarehouseUrl::Sqlite { path, .. } if missing => {
            findings.good(AREA, "reachable", format!("{url} is not there yet; the first run makes it"));
            match may_make(path) {
                Ok(()) => findings.good(AREA, "rights", "files may be made in its folder"),
                Err(source) => {
                    let error = Error::System { doing: format!("make files beside {url}"), source };
                    let hint = "let this user write the folder, or set `warehouse.url` to another place";
                    findings.fail_as(AREA, "rights", error.class(), report::chain(&error), Some(hint.to_owned()));
                }
            }
        }
        _ => {
            findings.fail(AREA, "reachable", error);
            for fact in FACTS {
                findings.skip(AREA, fact, "it cannot be opened");
            }
        }
    }
    findings
}

/// The room where the warehouse is, as far as it can be seen from here.
pub fn place(url: &WarehouseUrl) -> Findings {
    let mut findings = Findings::default();
    match url {
        WarehouseUrl::Memory => findings.skip(AREA, "disk space", "it is in memory"),
        WarehouseUrl::Postgres { .. } => findings.skip(AREA, "disk space", "it is the server's, which does not tell"),
        WarehouseUrl::Sqlite { path, .. } => room(&mut findings, path),
    }
    findings
}

fn room(findings: &mut Findings, path: &Path) {
    match free_space(path) {
        Ok(free) if free < LITTLE => {
            let hint =
                "free some space: all history lands here, and SQLite's log takes room of its own while a run lasts";
            findings.warn(AREA, "disk space", format!("{} free", size(free)), hint);
        }
        Ok(free) => findings.good(AREA, "disk space", format!("{} free", size(free))),
        Err(error) => findings.add(AREA, "disk space", Verdict::Skipped, format!("cannot be seen: {error}"), None),
    }
}

fn size(bytes: u64) -> String {
    match bytes >> 20 {
        mebibytes @ 0..1024 => format!("{mebibytes} MiB"),
        mebibytes => format!("{} GiB", mebibytes >> 10),
    }
}
