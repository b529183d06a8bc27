//! The statements for the count at the end of a run: rows by what is known of them, and what came of the last count.

use chrono::{DateTime, Utc};

use super::checks::Extent;
use super::dialect::Dialect;
use super::error::Error;
use super::sql::SqlWarehouse;
use super::statement::quoted;
use super::value::Value;
use crate::ledger::{Reason, RunId, Tally};
use crate::resource::Kind;

/// What came of a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// When the portal was asked.
    pub at: DateTime<Utc>,
    /// Records that were created later are not meant.
    pub created_until: DateTime<Utc>,
    /// Records of the portal.
    pub portal: u64,
    /// Rows that are alive.
    pub held: u64,
    /// What explains a difference.
    pub explanation: Option<String>,
    /// Whether nothing does.
    pub differs: bool,
}

impl<D: Dialect> SqlWarehouse<D> {
    pub(super) async fn read_tally(&self, extent: Extent, until: DateTime<Utc>) -> Result<Tally, Error> {
        let Extent { resource, since, .. } = extent;
        let (table, cursor) = (resource.name, resource.feed.cursor().map(quoted));
        let (mut meant, mut values) = ("created_time <= ?".to_owned(), vec![Value::from(until)]);
        if let Some((since, cursor)) = since.zip(cursor) {
            meant.push_str(&format!(" and {cursor} >= ?"));
            values.push(since.into());
        }
        let gone = format!(
            "select _deleted_reason, _deleted_at > ? as is_late, count(*) as gone_rows from {{{table}}}
            where _deleted_at is not null and {meant} group by 1, 2"
        );
        let with_time = std::iter::once(until.into()).chain(values.clone()).collect();
        let doing = Error::doing("count rows");
        let mut tally = Tally::default();
        for mut cells in self.look("count rows", &gone, with_time, &[Kind::Text, Kind::Boolean, Kind::Integer]).await? {
            let reason = cells.word(Reason::of_word).map_err(&doing)?;
            let (is_late, rows) = (cells.boolean().map_err(&doing)?, cells.count().map_err(&doing)?);
            let of = match reason {
                _ if is_late => &mut tally.uncertain,
                Reason::Trashed => &mut tally.trashed,
                Reason::Merged => &mut tally.merged,
                Reason::Spam => &mut tally.spam,
                Reason::Gone => continue,
            };
            *of += rows;
        }
        let alive = format!("select count(*) from {{{table}}} where _deleted_at is null and {meant}");
        tally.alive = self.number("count rows", &alive, values.clone()).await?;
        let undated = format!("select count(*) from {{{table}}} where _deleted_at is null and created_time is null");
        tally.uncertain += self.number("count rows", &undated, Vec::new()).await?;
        if let Some(archive) = resource.archive {
            let flag = quoted(archive.flag);
            let archived = format!("select count(*) from {{{table}}} where {flag} and _deleted_at is null and {meant}");
            tally.archived = self.number("count rows", &archived, values).await?;
        }
        let rejected = "select count(*) from {deskhouse_rejects} where resource = ? and column_name = ?";
        tally.rejected = self.number("count rows", rejected, vec![resource.name.into(), "".into()]).await?;
        Ok(tally)
    }

    pub(super) async fn write_counted(
        &self,
        resource: &'static str,
        run: RunId,
        counted: Counted,
    ) -> Result<(), Error> {
        let sql = "insert into {deskhouse_counts}
            (resource, counted_at, created_until, portal_records, held_rows, explanation, differs, run_id)
            values (?, ?, ?, ?, ?, ?, ?, ?)
            on conflict (resource) do update set counted_at = excluded.counted_at, created_until = excluded.created_until,
            portal_records = excluded.portal_records, held_rows = excluded.held_rows, explanation = excluded.explanation,
            differs = excluded.differs, run_id = excluded.run_id";
        let values = vec![
            resource.into(),
            counted.at.into(),
            counted.created_until.into(),
            counted.portal.into(),
            counted.held.into(),
            counted.explanation.into(),
            counted.differs.into(),
            run.0.into(),
        ];
        self.write("write the ledger", sql, values).await
    }
}
