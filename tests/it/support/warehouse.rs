//! A warehouse in this process, through the library: for what the command line cannot be made to do.

use std::path::Path;

use chrono::{DateTime, Utc};
use deskhouse::config::WarehouseUrl;
use deskhouse::warehouse::{Dialect, Error, Postgres, SqlWarehouse, Sqlite};

use super::{Database, Engine, noon};

/// A dialect that can open a test's database.
pub(crate) trait Home: Dialect {
    /// The engine that speaks it.
    const ENGINE: Engine;

    /// Connects to the database.
    fn at(database: &Database) -> impl Future<Output = Result<Self, Error>> + Send;
}

impl Home for Sqlite {
    const ENGINE: Engine = Engine::Sqlite;

    async fn at(database: &Database) -> Result<Self, Error> {
        Self::open(&url(database)).await
    }
}

impl Home for Postgres {
    const ENGINE: Engine = Engine::Postgres;

    async fn at(database: &Database) -> Result<Self, Error> {
        Self::open(&url(database), "zoho_desk").await
    }
}

fn url(database: &Database) -> WarehouseUrl {
    WarehouseUrl::parse(database.url(), None, Path::new("/")).expect("an address")
}

/// Opens a warehouse for a run.
pub(crate) async fn open<D: Home>(database: &Database) -> Result<SqlWarehouse<D>, Error> {
    open_at(database, noon()).await
}

/// Opens a warehouse for a run at another time.
pub(crate) async fn open_at<D: Home>(database: &Database, now: DateTime<Utc>) -> Result<SqlWarehouse<D>, Error> {
    SqlWarehouse::open(D::at(database).await?, now).await
}

/// Tells each story once, with a type parameter for the dialect and a database that is empty, and runs it on every
/// engine: `name::on_sqlite`, `name::on_postgres`.
macro_rules! on_every_warehouse {
    ($($(#[doc = $doc:literal])* async fn $name:ident<$dialect:ident>($database:ident) $story:block)*) => {$(
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn story<$dialect: $crate::support::warehouse::Home>($database: &$crate::support::Database) $story

            async fn run<D: $crate::support::warehouse::Home>() {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let database = $crate::support::Database::new(D::ENGINE, folder.path()).await;
                Box::pin(story::<D>(&database)).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                run::<deskhouse::warehouse::Sqlite>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                run::<deskhouse::warehouse::Postgres>().await;
            }
        }
    )*};
}
pub(crate) use on_every_warehouse;
