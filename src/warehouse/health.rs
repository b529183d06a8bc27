//! How a warehouse is before a run: what a check asks. Nothing here makes, migrates or changes anything; what it means is
//! left to `check`.

use std::io;
use std::path::Path;

use super::dialect::{Dialect, Durability};
use super::error::{Error, Trouble};
use super::ledger;
use super::migrate::{applied, newest, pending};
use super::sql::SqlWarehouse;
use super::value::Cells;
use crate::ledger::Purpose;
use crate::resource::Kind;

/// How far the schema of a warehouse is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Its version; 0 before the first run.
    pub version: i64,
    /// The version that the next run brings it to.
    pub newest: i64,
    /// Names of the migrations that are to come, oldest first.
    pub pending: Vec<&'static str>,
}

impl<D: Dialect> SqlWarehouse<D> {
    /// The database and its version.
    pub async fn server(&self) -> Result<String, Error> {
        Ok(self.one_text("ask for the version", D::version()).await?.unwrap_or_default())
    }

    /// The portal that it holds; none before the first run.
    pub async fn portal(&self) -> Result<Option<String>, Error> {
        let portal = self.one_text("read the ledger", "select org_id from {deskhouse_portal}").await;
        if is_empty(&portal) { Ok(None) } else { portal }
    }

    /// How far its schema is, or why no run of this version may use it.
    pub async fn schema(&self) -> Result<Schema, Error> {
        let doing = Error::doing("read the schema's version");
        let mut open = self.dialect.begin_to_read().await.map_err(&doing)?;
        let held = match applied(&self.dialect, &mut open).await {
            Err(Trouble::NoTable) => Vec::new(),
            held => held.map_err(&doing)?,
        };
        let pending = pending(&held)?.into_iter().map(|(_, name, _)| name).collect();
        let version = held.iter().map(|(version, _)| *version).max().unwrap_or_default();
        Ok(Schema { version, newest: newest(), pending })
    }

    /// Takes the lock of a sync and gives it back at once; an error says who has it.
    pub async fn try_lock(&self) -> Result<(), Error> {
        let claims = Purpose::Sync.claims([]);
        match self.dialect.lock(&claims).await? {
            Some(_) => Ok(()),
            None => {
                let held_by = ledger::holder(&self.dialect, &claims).await.unwrap_or_default();
                Err(Error::Locked { warehouse: self.dialect.address().to_owned(), held_by })
            }
        }
    }

    /// Whether this user may do what a run does: make tables, and write into those that are there. It is done, and undone.
    pub async fn try_to_write(&self) -> Result<(), Error> {
        let what = "make and change tables";
        let doing = Error::doing(what);
        let mut open = self.begin_with(Durability::Confirmed, what).await?;
        let make = format!("{}create table deskhouse_rights (probe bigint);", self.dialect.before_migration());
        self.dialect.script(&mut open, make).await.map_err(&doing)?;
        // No row has this version, but rights are asked for before rows are.
        let change = "update {deskhouse_migrations} set name = name where version = -1";
        match self.execute(&mut open, change, Vec::new()).await {
            Ok(_) | Err(Trouble::NoTable) => Ok(()),
            Err(trouble) => Err(doing(trouble)),
        }
        // The transaction is dropped here, and has not happened.
    }

    async fn one_text(&self, doing: &'static str, sql: &str) -> Result<Option<String>, Error> {
        let doing = Error::doing(doing);
        let mut open = self.dialect.begin_to_read().await.map_err(&doing)?;
        let rows = self.dialect.fetch(&mut open, sql, Vec::new(), &[Kind::Text]).await.map_err(&doing)?;
        Cells::of(sql, &[], rows).next().map(|mut cells| cells.text()).transpose().map_err(&doing)
    }
}

fn is_empty<T>(read: &Result<T, Error>) -> bool {
    matches!(read, Err(Error::Statement { trouble: Trouble::NoTable, .. }))
}

/// Whether a file can be made beside `path`. The file that is made for it has no name and is gone at once.
pub fn may_make(path: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder(path)).map(drop)
}

/// Bytes that are free where `path` lies.
pub fn free_space(path: &Path) -> io::Result<u64> {
    fs4::available_space(folder(path))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
