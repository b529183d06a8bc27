//! The statements that keep the books of credits. What costs what is learnt by `http`.

use chrono::{DateTime, Utc};

use super::dialect::Dialect;
use super::error::Error;
use super::sql::SqlWarehouse;
use super::value::{Cells, Value};
use crate::ledger::{RunId, Sharing, Spending, Spent, Today};
use crate::resource::Kind;

impl<D: Dialect> SqlWarehouse<D> {
    /// What runs have seen left and have spent on a credit day.
    pub(super) async fn read_today(&self, day_start: DateTime<Utc>) -> Result<Today, Error> {
        let sql = "select (select max(credits_most) from {deskhouse_runs} where started_at >= ?),
            (select max(credits_most) from {deskhouse_runs}),
            (select cast(coalesce(sum(credits + possible), 0) as bigint) from {deskhouse_credits} where day_began_at = ?),
            (select concurrency from {deskhouse_runs} where concurrency is not null order by id desc limit 1)";
        let values = vec![day_start.into(), day_start.into()];
        let mut rows = self.look("read the ledger", sql, values, &[Kind::Integer; 4]).await?;
        let today = |cells: &mut Cells| {
            let (most, ever, spent) = (cells.count_or_null()?, cells.count_or_null()?, cells.count()?);
            let concurrency = cells.count_or_null()?.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
            Ok(Today { most, ever, spent, concurrency })
        };
        rows.first_mut().map_or(Ok(Today::default()), today).map_err(Error::doing("read the ledger"))
    }

    /// Adds what was spent to the books, and gives what all runs have spent on that day, and what this one may do beside
    /// them.
    pub(super) async fn book_spending(
        &self,
        run: Option<RunId>,
        spending: &Spending,
        sharing: Sharing,
    ) -> Result<Spent, Error> {
        let doing = Error::doing("book credits");
        let mut open = self.begin("book credits").await?;
        let share = self.share_in(&mut open, sharing).await.map_err(&doing)?;
        for booking in &spending.bookings {
            let sql = "insert into {deskhouse_credits} as held
                (day_began_at, resource, endpoint, requests, credits, possible, last_weight) values (?, ?, ?, ?, ?, ?, ?)
                on conflict (day_began_at, resource, endpoint) do update set requests = held.requests + excluded.requests,
                credits = held.credits + excluded.credits, possible = held.possible + excluded.possible, last_weight = coalesce(excluded.last_weight, held.last_weight)";
            let values = vec![
                booking.day.into(),
                booking.resource.into(),
                booking.endpoint.as_str().into(),
                booking.usage.requests.into(),
                booking.usage.credits.into(),
                booking.possible.into(),
                booking.weight.into(),
            ];
            self.execute(&mut open, sql, values).await.map_err(&doing)?;
        }
        let sql = "update {deskhouse_runs} set requests = ?, credits = ?, credits_left = ?, credits_most = ?,
            concurrency = ? where id = ?";
        let (total, left, most) = (spending.total, spending.left, spending.most);
        let values = vec![
            total.requests.into(),
            total.credits.into(),
            left.into(),
            most.into(),
            spending.concurrency.map(u64::from).into(),
            Value::Integer(run.map(|run| run.0)),
        ];
        self.execute(&mut open, sql, values).await.map_err(&doing)?;
        let spent = "select cast(coalesce(sum(credits + possible), 0) as bigint) from {deskhouse_credits} where day_began_at = ?";
        let mut rows =
            self.fetch(&mut open, spent, vec![spending.day.into()], &[Kind::Integer]).await.map_err(&doing)?;
        let credits = rows.first_mut().map_or(Ok(0), Cells::count).map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
        Ok(Spent { credits, share })
    }
}
