//! What outlives a process: the warehouse of a world. In most worlds it is in memory, where a death takes back what was
//! not committed and nothing else; in the others it is a file, which the next process opens as it was left.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use deskhouse::config::WarehouseUrl;
use deskhouse::warehouse::{Error, SqlWarehouse, Sqlite};
use futures_util::FutureExt as _;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB};
use tempfile::TempDir;

use super::invariants::Reader;
use super::scenario::start;

/// The warehouse of a world, and a look into it.
pub(crate) struct Disk {
    place: Place,
    /// Not the program's. It stays open, since whoever opens a file reads all of its schema.
    pub(crate) reader: Reader,
    /// What any other connection has to name.
    pub(crate) name: PathBuf,
}

enum Place {
    /// The program's connection, which has every statement prepared that a world before has needed.
    Memory(Sqlite),
    /// In a folder that goes with the world.
    File { _folder: TempDir },
}

thread_local! {
    /// Warehouses in memory that no run has touched, or that were emptied after a world.
    static UNTOUCHED: RefCell<Vec<Disk>> = const { RefCell::new(Vec::new()) };
}

impl Disk {
    pub(crate) fn in_memory() -> Self {
        UNTOUCHED.with_borrow_mut(Vec::pop).unwrap_or_else(Self::made_in_memory)
    }

    pub(crate) fn in_a_file() -> Self {
        // A disk in memory where the system has one: what is shown here does not depend on the disk.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let name = folder.path().join("warehouse.db");
        std::fs::write(&name, untouched()).expect("it is written");
        let reader = connect(&name);
        // The last one to close a file folds the log into it, and nobody opens this one again.
        reader.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).expect("it can be set");
        Self { place: Place::File { _folder: folder }, reader: Reader(reader), name }
    }

    fn made_in_memory() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // Connections of one process that name the same database have the same.
        let name = PathBuf::from(format!("file:/world-{}?vfs=memdb", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let (reader, program) = (connect(&name), connect(&name));
        // Smaller than the program would make them, since a transaction of a small world writes a few rows and whole pages.
        program.pragma_update(None, "page_size", 2_048).expect("it is set");
        let program = Sqlite::of(program).in_place();
        let make = SqlWarehouse::open(program.clone(), start() - TimeDelta::days(1));
        // Nothing is waited for in place.
        make.now_or_never().expect("it is made").expect("it migrates");
        Self { place: Place::Memory(program), reader: Reader(reader), name }
    }

    /// Opens the warehouse for a process that claims this.
    pub(crate) async fn open(&self, claims: Vec<String>, now: DateTime<Utc>) -> Result<SqlWarehouse<Sqlite>, Error> {
        let dialect = match &self.place {
            Place::Memory(program) => program.clone(),
            Place::File { .. } => {
                let url = WarehouseUrl::parse(&format!("sqlite:{}", self.name.display()), None, Path::new("/"));
                let program = Sqlite::open(&url.expect("an address")).await?.in_place();
                // It was opened in a thread, which may have been quick or not: what follows begins a turn of its own.
                tokio::task::yield_now().await;
                program
            }
        };
        SqlWarehouse::open_for(dialect, claims, now).await
    }

    /// Whether a process is sent away while another one is there: memory has no locks.
    pub(crate) fn has_locks(&self) -> bool {
        matches!(self.place, Place::File { .. })
    }

    /// Keeps a database in memory for another world, without its rows.
    pub(crate) fn give_back(self) {
        if matches!(self.place, Place::Memory(_)) {
            self.reader.refuse_nothing();
            self.reader.empty();
            UNTOUCHED.with_borrow_mut(|untouched| untouched.push(self));
        }
    }
}

fn connect(name: &Path) -> Connection {
    let connection = Connection::open(name).expect("it opens");
    connection.set_prepared_statement_cache_capacity(256);
    connection
}

/// The file of a warehouse that no run has touched.
fn untouched() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let disk = Disk::in_memory();
        let file = disk.reader.0.serialize(MAIN_DB).expect("it is copied").to_vec();
        disk.give_back();
        file
    })
}
