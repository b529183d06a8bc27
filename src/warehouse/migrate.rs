//! Brings a warehouse to the schema of this version: one file a change, written once for every database. Which words
//! differ is `dialect`'s business.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use xxhash_rust::xxh3;

use super::dialect::{Dialect, Durability};
use super::error::{Error, Trouble};
use super::value::Cells;
use crate::resource::{self, Feed, Kind};

/// Version, name and text of a change.
pub(super) type Migration = (i64, &'static str, &'static str);

/// Every change, oldest first. A file that was released is never edited: warehouses hold its checksum.
const MIGRATIONS: &[Migration] = &[
    (1, "0001_ledger", include_str!("../../migrations/0001_ledger.sql")),
    (2, "0002_tickets", include_str!("../../migrations/0002_tickets.sql")),
    (3, "0003_contacts", include_str!("../../migrations/0003_contacts.sql")),
    (4, "0004_tasks", include_str!("../../migrations/0004_tasks.sql")),
    (5, "0005_articles", include_str!("../../migrations/0005_articles.sql")),
    (6, "0006_tombstones", include_str!("../../migrations/0006_tombstones.sql")),
    (10, "0010_accounts", include_str!("../../migrations/0010_accounts.sql")),
    (11, "0011_calls", include_str!("../../migrations/0011_calls.sql")),
    (12, "0012_events", include_str!("../../migrations/0012_events.sql")),
    (13, "0013_products", include_str!("../../migrations/0013_products.sql")),
    (14, "0014_detail", include_str!("../../migrations/0014_detail.sql")),
    (20, "0020_agents", include_str!("../../migrations/0020_agents.sql")),
    (21, "0021_lists", include_str!("../../migrations/0021_lists.sql")),
    (30, "0030_checks", include_str!("../../migrations/0030_checks.sql")),
    (45, "0045_budget", include_str!("../../migrations/0045_budget.sql")),
    (46, "0046_credits", include_str!("../../migrations/0046_credits.sql")),
    (50, "0050_contracts", include_str!("../../migrations/0050_contracts.sql")),
    (51, "0051_article_parts", include_str!("../../migrations/0051_article_parts.sql")),
    (60, "0060_rejected_cells", include_str!("../../migrations/0060_rejected_cells.sql")),
    (61, "0061_created_times", include_str!("../../migrations/0061_created_times.sql")),
    (64, "0064_queue", include_str!("../../migrations/0064_queue.sql")),
    (66, "0066_possible", include_str!("../../migrations/0066_possible.sql")),
    (67, "0067_shares", include_str!("../../migrations/0067_shares.sql")),
    (68, "0068_counts", include_str!("../../migrations/0068_counts.sql")),
    (69, "0069_archived", include_str!("../../migrations/0069_archived.sql")),
    (70, "0070_indexes", include_str!("../../migrations/0070_indexes.sql")),
];

/// The ledger's name for the views, which hold no data and are made again whenever they change.
const VIEWS: (i64, &str) = (0, "views");

/// Brings the schema up to date. The caller holds the run lock. `now` is for the record.
///
/// All of it is one transaction: a process that is stopped in between leaves the schema as it was.
pub(super) async fn migrate<D: Dialect>(dialect: &D, now: DateTime<Utc>) -> Result<(), Error> {
    let doing = Error::doing("migrate the warehouse");
    let mut transaction = dialect.begin(Durability::Confirmed).await.map_err(&doing)?;
    // A backfill may be opening the warehouse at the same time.
    dialect.alone(&mut transaction, "schema").await.map_err(&doing)?;
    let prelude = dialect.before_migration();
    let ledger = "create table if not exists deskhouse_migrations (version bigint primary key, name text not null, checksum text not null, applied_at timestamptz not null);";
    dialect.script(&mut transaction, format!("{prelude}{}", in_words_of::<D>(ledger))).await.map_err(&doing)?;

    let applied = applied(dialect, &mut transaction).await.map_err(&doing)?;
    for (version, name, sql) in pending(&applied)? {
        let checksum = checksum(sql);
        tracing::debug!(migration = name, "migrating");
        dialect.script(&mut transaction, in_words_of::<D>(sql)).await.map_err(&doing)?;
        record(dialect, &mut transaction, version, name, checksum, now).await.map_err(&doing)?;
    }

    let views = freshness_view();
    let sum = checksum(&views);
    if !applied.iter().any(|(version, held)| *version == VIEWS.0 && *held == sum) {
        dialect.script(&mut transaction, views).await.map_err(&doing)?;
        let forget = "delete from {deskhouse_migrations} where version = ?";
        dialect.execute(&mut transaction, forget, vec![VIEWS.0.into()]).await.map_err(&doing)?;
        record(dialect, &mut transaction, VIEWS.0, VIEWS.1, sum, now).await.map_err(&doing)?;
    }
    D::commit(transaction).await.map_err(&doing)
}

/// The changes that a warehouse lacks, unless it holds others than those that are built in.
pub(super) fn pending(applied: &[(i64, String)]) -> Result<Vec<Migration>, Error> {
    let known = newest();
    if let Some((found, ..)) = applied.iter().find(|(version, ..)| *version > known) {
        return Err(Error::TooNew { found: *found, known });
    }
    let is_known = |version: i64| version == VIEWS.0 || MIGRATIONS.iter().any(|(known, ..)| *known == version);
    // Numbers have gaps, and another version may have filled one.
    if let Some((found, ..)) = applied.iter().find(|(version, ..)| !is_known(*version)) {
        return Err(Error::Altered { name: format!("{found:04}") });
    }
    let mut pending = Vec::new();
    for migration in MIGRATIONS.iter().copied() {
        let (version, name, sql) = migration;
        match applied.iter().find(|(held, ..)| *held == version) {
            Some((_, held)) if *held == checksum(sql) => {}
            Some(_) => return Err(Error::Altered { name: name.to_owned() }),
            None => pending.push(migration),
        }
    }
    Ok(pending)
}

/// The version of the newest change.
pub(super) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

/// Versions and sums of the changes that a warehouse holds.
pub(super) async fn applied<D: Dialect>(
    dialect: &D,
    transaction: &mut D::Transaction,
) -> Result<Vec<(i64, String)>, Trouble> {
    let sql = "select version, checksum from {deskhouse_migrations}";
    let rows = dialect.fetch(transaction, sql, Vec::new(), &[Kind::Integer, Kind::Text]).await?;
    Cells::of(sql, &[], rows).map(|mut cells| Ok((cells.integer()?, cells.text()?))).collect()
}

async fn record<D: Dialect>(
    dialect: &D,
    transaction: &mut D::Transaction,
    version: i64,
    name: &str,
    checksum: String,
    now: DateTime<Utc>,
) -> Result<(), Trouble> {
    let sql = "insert into {deskhouse_migrations} (version, name, checksum, applied_at) values (?, ?, ?, ?)";
    let values = vec![version.into(), name.into(), Some(checksum).into(), now.into()];
    dialect.execute(transaction, sql, values).await?;
    Ok(())
}

/// Sum of a file's own text, before any words are replaced: the same on every database.
fn checksum(sql: &str) -> String {
    format!("{:016x}", xxh3::xxh3_64(sql.as_bytes()))
}

/// Replaces the type words that a database calls by another name. Comments are left alone; migrations hold no texts.
fn in_words_of<D: Dialect>(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    for line in sql.lines() {
        if line.trim_start().starts_with("--") {
            continue;
        }
        let mut words = line.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let mut is_first = true;
        for word in words.by_ref() {
            let bare = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            // The first word of a line names a column or begins a statement; a column may be called `date`.
            match D::type_word(bare).filter(|_| !is_first) {
                Some(other) => {
                    out.push_str(other);
                    out.push_str(&word[bare.len()..]);
                }
                None => out.push_str(word),
            }
            is_first = is_first && bare.is_empty();
        }
        out.push('\n');
    }
    out
}

/// `deskhouse_freshness`: for each resource how complete it is. Made from the definitions, so that a new resource is in
/// it without a word.
fn freshness_view() -> String {
    let mut sql = String::from("drop view if exists deskhouse_freshness;\ncreate view deskhouse_freshness as\n");
    for (index, resource) in resource::ALL.iter().enumerate() {
        let union = if index == 0 { "" } else { "union all\n" };
        let name = resource.name;
        // A list that is read whole has no part that is.
        let whole_since = match resource.feed {
            Feed::List(_) | Feed::Children => "cast(null as timestamptz)".to_owned(),
            Feed::Search { .. } | Feed::Filtered { .. } => format!(
                "(select coalesce((select max(to_time) from deskhouse_windows where resource = '{name}' and purpose = 'sync'
        and not done), read_since) from deskhouse_bookmarks where resource = '{name}')"
            ),
        };
        let _ = writeln!(
            sql,
            "{union}select '{name}' as resource,
    (select complete_until from deskhouse_bookmarks where resource = '{name}') as complete_until,
    (select max(started_at) from deskhouse_runs join deskhouse_run_resources on run_id = id where resource = '{name}') as last_run_at,
    (select count(*) from {name} where _deleted_at is null) as rows,
    (select count(*) from deskhouse_windows where resource = '{name}' and purpose = 'sync' and not done) as open_windows,
    (select count(*) from deskhouse_rejects where resource = '{name}' and column_name <> '') as rejected_cells,
    (select count(*) from deskhouse_rejects where resource = '{name}' and column_name = '') as rejected_records,
    {whole_since} as whole_since"
        );
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{Postgres, Sqlite};
    use super::*;

    #[test]
    fn types_are_spelled_in_the_words_of_the_database() {
        let sql = "-- a date\ncreate table t (\n    date date,\n    share double precision not null,\n    n bigint, _raw json)";
        let sqlite = "create table t (\n    date text,\n    share real  not null,\n    n integer, _raw text)\n";
        assert_eq!(in_words_of::<Sqlite>(sql), sqlite);
        assert!(in_words_of::<Postgres>(sql).contains("share double precision not null"));
    }

    #[test]
    fn every_migration_file_is_built_in() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder")
            .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        let known: Vec<_> = MIGRATIONS.iter().map(|(_, name, _)| format!("{name}.sql")).collect();
        assert_eq!(files, known);
    }
}
