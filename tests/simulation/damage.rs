//! What a person or a fault does to a warehouse beside the program: a time of the ledger that is none, and a database that
//! refuses rows.

use super::invariants::Reader;
use super::sabotage::DAMAGED;
use super::scenario::{Refusal, Refused};
use super::world::World;

/// A row of the ledger that cannot be read, and how it was.
#[derive(Debug)]
pub(crate) struct Damage {
    pub(crate) resource: String,
    table: &'static str,
    column: &'static str,
    row: i64,
    was: String,
}

impl Reader {
    /// Damages an unfinished window of what the world reads, or a bookmark where there is none; nothing where there is neither.
    pub(crate) fn damage(&self, world: &World) -> Option<Damage> {
        let modules: Vec<_> = world.scenario.modules().map(|module| format!("'{module}'")).collect();
        let [windows, bookmarks] = DAMAGED.map(|(table, column)| {
            let unfinished = if table == "deskhouse_windows" { "and not done and purpose = 'sync'" } else { "" };
            let sql = format!(
                "select resource, rowid, {column} from {table} where resource in ({}) {unfinished} order by resource limit 1",
                modules.join(", ")
            );
            self.all(&sql, |row| {
                Ok(Damage { resource: row.get(0)?, table, column, row: row.get(1)?, was: row.get(2)? })
            })
            .pop()
        });
        let damage = windows.or(bookmarks)?;
        self.set(&damage, "damaged");
        Some(damage)
    }

    /// Puts back what was damaged.
    pub(crate) fn repair(&self, damage: &Damage) {
        self.set(damage, &damage.was);
    }

    fn set(&self, Damage { table, column, row, .. }: &Damage, value: &str) {
        let sql = format!("update {table} set {column} = '{value}' where rowid = {row}");
        self.0.execute_batch(&sql).expect("it runs");
    }

    /// Everything that the ledger says of the windows and the bookmark of a resource.
    pub(crate) fn of_the_ledger(&self, resource: &str) -> Vec<String> {
        let windows = "select id || ' ' || to_time || ' ' || at_time || ' ' || done from deskhouse_windows";
        let bookmarks =
            "select read_since || ' ' || read_until || ' ' || coalesce(complete_until, '') from deskhouse_bookmarks";
        [windows, bookmarks]
            .iter()
            .flat_map(|sql| self.all(&format!("{sql} where resource = '{resource}'"), |row| row.get(0)))
            .collect()
    }

    /// Makes the database refuse rows.
    pub(crate) fn refuse(&self, Refused { one_in, is_whole, refusal }: Refused) {
        let bad = if is_whole { "true" } else { "new.subject is not null" };
        let refuse = match refusal {
            Refusal::Trigger => "select raise(abort, 'refused')",
            Refusal::TooBig => "select zeroblob(2000000000 + length(new.id))",
            Refusal::Mismatch => "insert into deskhouse_portal (rowid, org_id, claimed_at) values ('none', '', '')",
            Refusal::Missing => "insert into deskhouse_bookmarks (resource) values (null)",
            Refusal::Twice => "insert into deskhouse_runs select * from deskhouse_runs",
        };
        for kind in ["insert", "update"] {
            let sql = format!(
                "create trigger refuse_{kind} before {kind} on tickets when cast(new.id as integer) / 17 % {one_in} = 0 and {bad}
                begin {refuse}; end"
            );
            self.0.execute_batch(&sql).expect("it runs");
        }
    }

    /// Lets it take everything again.
    pub(crate) fn refuse_nothing(&self) {
        self.0
            .execute_batch("drop trigger if exists refuse_insert; drop trigger if exists refuse_update")
            .expect("it runs");
    }
}
