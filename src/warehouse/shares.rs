//! The statements by which runs beside each other share the requests that may be made at a time, and how it is known that
//! one was cut off. Who gets how many is decided by `ledger::share`.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::dialect::Dialect;
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::value::Value;
use crate::ledger::{Share, Sharer, Sharing, share};
use crate::resource::Kind;

/// A run that does not come back to its row for so long was cut off.
const AT_WORK: Duration = Duration::from_secs(10);

/// As much of that passes at most from one look at the rows to the next. Who was kept from looking, by a machine that slept
/// or by somebody who wrote for long, does not know whether the others were too.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

const LEAVE: &str = "delete from {deskhouse_shares} where name = ?";

/// What was seen of other runs, and for how long it has stood still. A run at work counts its row up, and only our own
/// clock tells for how long one has not: the clocks of two machines may differ by more than that.
#[derive(Debug, Default)]
pub(super) struct Watch {
    silent: HashMap<String, (i64, Duration)>,
    last: Option<Instant>,
}

impl Watch {
    /// Takes down where the rows of the other runs stand, and gives the names of those that were cut off.
    fn look(&mut self, beats: &[(&str, i64)], now: Instant) -> Vec<String> {
        let passed = self.last.replace(now).map_or(Duration::ZERO, |last| now.duration_since(last).min(BETWEEN_LOOKS));
        let seen = |(name, beat): &(&str, i64)| match self.silent.get(*name) {
            Some((held, silent)) if held == beat => ((*name).to_owned(), (*beat, *silent + passed)),
            _ => ((*name).to_owned(), (*beat, Duration::ZERO)),
        };
        self.silent = beats.iter().map(seen).collect();
        let is_cut_off = |(_, (_, silent)): &(&String, &(i64, Duration))| *silent >= AT_WORK;
        self.silent.iter().filter(is_cut_off).map(|(name, _)| name.clone()).collect()
    }
}

impl<D: Dialect> SqlWarehouse<D> {
    /// Takes down what this run holds, and gives what it may hold.
    pub(super) async fn write_share(&self, sharing: Sharing) -> Result<Share, Error> {
        let doing = "share with other runs";
        let mut open = self.begin(doing).await?;
        let share = self.share_in(&mut open, sharing).await.map_err(Error::doing(doing))?;
        D::commit(open).await.map_err(Error::doing(doing))?;
        Ok(share)
    }

    /// The same in an open transaction, of which it has to be the beginning: runs wait here for each other.
    pub(super) async fn share_in(&self, open: &mut Open<D>, sharing: Sharing) -> Result<Share, Trouble> {
        self.dialect.alone(open, "shares").await?;
        let sql = "select name, place, wanted, granted, beat from {deskhouse_shares}";
        let integer = Kind::Integer;
        let (mut own, mut others) = (None, Vec::new());
        for mut cells in self.fetch(open, sql, Vec::new(), &[Kind::Text, integer, integer, integer, integer]).await? {
            let (name, place) = (cells.text()?, cells.integer()?);
            let [wanted, granted] =
                [cells.count()?, cells.count()?].map(|number| number.try_into().unwrap_or(u32::MAX));
            let (sharer, beat) = (Sharer { name, place, wanted, granted }, cells.integer()?);
            if sharer.name == self.name() {
                own = Some((sharer.place, beat));
            } else {
                others.push((sharer, beat));
            }
        }
        let gone = self.cut_off(&others);
        others.retain(|(other, _)| !gone.contains(&other.name));
        if !gone.is_empty() {
            self.execute(open, "delete from {deskhouse_shares} where name in [?]", vec![Value::Texts(gone)]).await?;
        }
        let others: Vec<_> = others.into_iter().map(|(other, _)| other).collect();
        let (row, share) = share(self.name(), own.map(|(place, _)| place), &others, sharing);
        let sql = "insert into {deskhouse_shares} (name, place, wanted, granted, beat) values (?, ?, ?, ?, ?)
            on conflict (name) do update set place = excluded.place, wanted = excluded.wanted,
            granted = excluded.granted, beat = excluded.beat";
        let beat = own.map_or(0, |(_, beat)| beat + 1);
        let values = vec![
            row.name.as_str().into(),
            row.place.into(),
            u64::from(row.wanted).into(),
            u64::from(row.granted).into(),
            beat.into(),
        ];
        self.execute(open, sql, values).await?;
        Ok(share)
    }

    /// Those that do not work any more. We hold what some of them had claimed, so they were cut off.
    fn cut_off(&self, others: &[(Sharer, i64)]) -> Vec<String> {
        let (ours, others): (Vec<_>, Vec<_>) = others
            .iter()
            .map(|(other, beat)| (other.name.as_str(), *beat))
            .partition(|(name, _)| self.claims.iter().any(|claim| claim == name));
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = watch.look(&others, Instant::now());
        gone.extend(ours.into_iter().map(|(name, _)| name.to_owned()));
        gone
    }

    /// Leaves to other runs what this one held.
    pub(super) async fn give_share_back(&self, open: &mut Open<D>) -> Result<(), Trouble> {
        self.execute(open, LEAVE, vec![self.name().into()]).await?;
        Ok(())
    }

    /// The same in a transaction of its own.
    pub(super) async fn leave_shares(&self) -> Result<(), Error> {
        self.write("leave other runs their part", LEAVE, vec![self.name().into()]).await
    }

    /// What no other run is called: it holds this alone. One that claims nothing reads nothing.
    fn name(&self) -> &str {
        self.claims.first().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_stands_still_is_of_a_run_that_was_cut_off() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let mut look = |second, beats: &[(&str, i64)]| watch.look(beats, start + Duration::from_secs(second));
        for second in 0..10 {
            assert_eq!(look(second, &[("a", 7 + second as i64), ("b", 1)]), [""; 0], "after {second} s");
        }
        assert_eq!(look(10, &[("a", 17), ("b", 1)]), ["b"]);
        // Who left and came back is another one.
        assert_eq!(look(11, &[("a", 18)]), [""; 0]);
        assert_eq!(look(12, &[("a", 19), ("b", 1)]), [""; 0]);
        // A sleep of an hour says nothing.
        assert_eq!(look(3_600, &[("a", 19), ("b", 1)]), [""; 0]);
        assert_eq!(look(3_601, &[("a", 20), ("b", 1)]), [""; 0]);
    }
}
