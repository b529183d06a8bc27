//! The statements that make windows. What a window is, `crate::ledger` says; how far it has been read is written with the
//! rows, in `ledger`.

use chrono::TimeDelta;

use super::dialect::Dialect;
use super::error::{Error, Trouble};
use super::sql::{Open, SqlWarehouse};
use super::value::Value;
use crate::ledger::{Key, Progress, Purpose, Range, RunId, Window, WindowId};
use crate::resource::{Kind, Resource};

impl<D: Dialect> SqlWarehouse<D> {
    pub(super) async fn insert_window(
        &self,
        open: &mut Open<D>,
        run: RunId,
        resource: &'static Resource,
        (purpose, key): (Purpose, Key),
        window: Window,
    ) -> Result<Window, Trouble> {
        let Window { id, range, is_part, .. } = window;
        let sql = "insert into {deskhouse_windows}
            (id, resource, purpose, range_of, from_time, to_time, at_time, done, made_by_run, is_part, records_read)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)";
        let values = vec![
            id.0.into(),
            resource.name.into(),
            purpose.word().into(),
            key.word().into(),
            range.from.into(),
            range.to.into(),
            range.from.into(),
            false.into(),
            run.0.into(),
            is_part.into(),
        ];
        self.execute(open, sql, values).await?;
        Ok(window)
    }

    /// Ends a window before `given`, and makes a window of that.
    pub(super) async fn split_window(
        &self,
        run: RunId,
        resource: &'static Resource,
        window: WindowId,
        given: Range,
    ) -> Result<Window, Error> {
        let doing = Error::doing("split a window");
        let mut open = self.begin("split a window").await?;
        self.dialect.alone(&mut open, resource.name).await.map_err(&doing)?;
        let sql = "update {deskhouse_windows} set to_time = ?
            where resource = ? and id = ? and not done and at_time < ? and to_time = ?";
        let end = given.from - TimeDelta::milliseconds(1);
        let values = vec![end.into(), resource.name.into(), window.0.into(), given.from.into(), given.to.into()];
        if self.execute(&mut open, sql, values).await.map_err(&doing)? != 1 {
            return Err(Error::LedgerMoved);
        }
        let whose = self.whose(&mut open, resource, window).await.map_err(&doing)?.ok_or(Error::LedgerMoved)?;
        let id = self.next_window_id(&mut open, resource).await.map_err(&doing)?;
        let part = Window { id: WindowId(id), is_part: true, ..Window::of(whose.1, given) };
        let made = self.insert_window(&mut open, run, resource, whose, part).await.map_err(&doing)?;
        D::commit(open).await.map_err(&doing)?;
        Ok(made)
    }

    /// The windows of an explicit range that are still to be read: those that an earlier backfill of it left, and new ones
    /// for what none has covered. Newest first.
    pub(super) async fn plan_range(
        &self,
        run: RunId,
        resource: &'static Resource,
        key: Key,
        range: Range,
    ) -> Result<Vec<Window>, Error> {
        let doing = Error::doing("plan a backfill");
        let mut open = self.begin("plan a backfill").await?;
        self.dialect.alone(&mut open, resource.name).await.map_err(&doing)?;
        let covered = self.covered(&mut open, resource, key, range).await.map_err(&doing)?;
        let first = self.next_window_id(&mut open, resource).await.map_err(&doing)?;
        let mut windows = Vec::new();
        for (id, part) in (first..).zip(range.without(&covered)) {
            let whose = (Purpose::Backfill, key);
            let window = Window { id: WindowId(id), ..Window::of(key, part) };
            windows.push(self.insert_window(&mut open, run, resource, whose, window).await.map_err(&doing)?);
        }
        let left = self.open_windows(&mut open, resource, Purpose::Backfill).await.map_err(&doing)?;
        windows.extend(left.into_iter().filter(|window| window.id.0 < first && window.meets(key, range)));
        windows.sort_by_key(|window| std::cmp::Reverse(window.range.to));
        D::commit(open).await.map_err(&doing)?;
        Ok(windows)
    }

    /// The parts of an explicit range that are still to be read, as a backfill would find them.
    pub async fn left_of_range(
        &self,
        resource: &'static Resource,
        key: Key,
        range: Range,
    ) -> Result<Vec<Range>, Error> {
        let doing = Error::doing("read the ledger");
        let mut open = self.dialect.begin_to_read().await.map_err(&doing)?;
        let covered = self.covered(&mut open, resource, key, range).await.map_err(&doing)?;
        let begun = self.open_windows(&mut open, resource, Purpose::Backfill).await.map_err(&doing)?;
        let begun = begun.iter().filter(|window| window.meets(key, range)).map(Window::rest);
        Ok(range.without(&covered).into_iter().chain(begun).collect())
    }

    /// The windows of backfills that meet a range.
    async fn covered(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        key: Key,
        range: Range,
    ) -> Result<Vec<Range>, Trouble> {
        let sql = "select id, purpose, range_of, from_time, to_time from {deskhouse_windows}
            where resource = ? and purpose is distinct from ?";
        let kinds = [Kind::Integer, Kind::Text, Kind::Text, Kind::Timestamp, Kind::Timestamp];
        let values = vec![resource.name.into(), Purpose::Sync.word().into()];
        let mut covered = Vec::new();
        for mut cells in self.fetch(open, sql, values, &kinds).await? {
            let (_, purpose) = (cells.integer()?, cells.word(Purpose::of)?);
            let (of, part) = (cells.word(Key::of)?, Range { from: cells.timestamp()?, to: cells.timestamp()? });
            if purpose == Purpose::Backfill && of == key && part.to >= range.from && part.from <= range.to {
                covered.push(part);
            }
        }
        Ok(covered)
    }

    /// The unfinished windows of a resource, newest first. One that cannot be read is an error: it would count as finished,
    /// and what it was to read would be lost.
    pub(super) async fn open_windows(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        purpose: Purpose,
    ) -> Result<Vec<Window>, Trouble> {
        // Those of all purposes, and whatever `done` holds beside true: a word that is none must not hide a window.
        let sql = "select id, purpose, range_of, done, from_time, to_time, at_time, position, is_part
            from {deskhouse_windows}
            where resource = ? and done is distinct from ?";
        let time = Kind::Timestamp;
        let kinds = [Kind::Integer, Kind::Text, Kind::Text, Kind::Boolean, time, time, time, Kind::Text, Kind::Boolean];
        let values = vec![resource.name.into(), true.into()];
        let mut windows = Vec::new();
        for mut cells in self.fetch(open, sql, values, &kinds).await? {
            let (id, whose, key) = (cells.integer()?, cells.word(Purpose::of)?, cells.word(Key::of)?);
            let (done, range) = (cells.boolean()?, Range { from: cells.timestamp()?, to: cells.timestamp()? });
            let progress = Progress { at: cells.timestamp()?, position: cells.text_or_null()?, done };
            if whose == purpose {
                windows.push(Window { id: WindowId(id), key, range, progress, is_part: cells.boolean()? });
            }
        }
        windows.sort_by_key(|window| (std::cmp::Reverse(window.range.to), window.id));
        Ok(windows)
    }

    /// Whose window it is.
    pub(super) async fn whose(
        &self,
        open: &mut Open<D>,
        resource: &'static Resource,
        window: WindowId,
    ) -> Result<Option<(Purpose, Key)>, Trouble> {
        let sql = "select purpose, range_of from {deskhouse_windows} where resource = ? and id = ?";
        let values: Vec<Value> = vec![resource.name.into(), window.0.into()];
        let mut rows = self.fetch(open, sql, values, &[Kind::Text; 2]).await?;
        rows.first_mut().map(|cells| Ok((cells.word(Purpose::of)?, cells.word(Key::of)?))).transpose()
    }

    /// Numbers are given by resource: streams plan at the same time.
    pub(super) async fn next_window_id(&self, open: &mut Open<D>, resource: &'static Resource) -> Result<i64, Trouble> {
        let newest = "select max(id) from {deskhouse_windows} where resource = ?";
        self.next_id(open, newest, vec![resource.name.into()]).await
    }
}
