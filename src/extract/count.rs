//! How many records a range holds, for a request or a few and without reading them. What they will cost to read is
//! `sync`'s arithmetic.

use super::words::{row, rows};
use crate::http::{self, Client};
use crate::ledger::{Key, Range};
use crate::resource::Resource;

/// A count that is searched for is close enough when it is known to one part in so many.
const CLOSE_ENOUGH: u32 = 20;

/// Records of `resource` whose time of this kind lies in `range`. A search says it in its first answer; a list that has
/// no count is felt out by offsets, which takes about two requests each time that it doubles, and gives a number that is
/// right to 5 %.
pub async fn count(client: &Client, resource: &'static Resource, key: Key, range: Range) -> Result<u64, http::Error> {
    let answer = client.get(&row(resource, key, &range, 0)).await?;
    match answer.count {
        Some(count) => Ok(count),
        None if answer.records.is_empty() => Ok(0),
        None => feel_out(client, resource, key, &range).await,
    }
}

/// Finds where a list ends, for a list of at least one record.
async fn feel_out(client: &Client, resource: &'static Resource, key: Key, range: &Range) -> Result<u64, http::Error> {
    let page = rows(resource, key, range)
        .with("from", resource.first_row.to_string())
        .with("limit", resource.page_limit.to_string());
    let records = client.get(&page).await?.records.len() as u64;
    if records < u64::from(resource.page_limit) {
        return Ok(records);
    }
    let mut search = Search::new(resource.page_limit);
    while let Some(offset) = search.next() {
        search.learn(offset, holds_a_row(client, resource, key, range, offset).await?);
    }
    Ok(search.found())
}

/// Whether there is a row behind that offset. An offset that the portal does not go to is taken as the end of the list:
/// the number is then a lower bound.
async fn holds_a_row(
    client: &Client,
    resource: &'static Resource,
    key: Key,
    range: &Range,
    offset: u32,
) -> Result<bool, http::Error> {
    match client.get(&row(resource, key, range, offset)).await {
        Ok(answer) => Ok(!answer.records.is_empty()),
        Err(http::Error::Unprocessable { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The search for the end of a list: offsets double until one holds no row, and are halved from there.
#[derive(Debug, Clone, Copy)]
struct Search {
    /// Rows that there are at least.
    least: u32,
    /// Rows that there are at most, once an offset was found empty.
    most: Option<u32>,
}

impl Search {
    fn new(least: u32) -> Self {
        Self { least, most: None }
    }

    /// The offset to look at next; none when the number is close enough.
    fn next(&self) -> Option<u32> {
        match self.most {
            None => self.least.checked_mul(2),
            Some(most) => {
                let open = most - self.least;
                (open > (self.least / CLOSE_ENOUGH).max(1)).then(|| self.least + open / 2)
            }
        }
    }

    fn learn(&mut self, offset: u32, holds_a_row: bool) {
        if holds_a_row {
            self.least = self.least.max(offset + 1);
        } else {
            self.most = Some(offset);
        }
    }

    /// The middle of what is possible.
    fn found(&self) -> u64 {
        let most = self.most.unwrap_or(self.least);
        u64::from(self.least) + u64::from(most - self.least) / 2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_end_of_a_list_is_found_to_five_percent(rows in 50u32..2_000_000) {
            let (mut search, mut looks) = (Search::new(50), 0);
            while let Some(offset) = search.next() {
                search.learn(offset, offset < rows);
                looks += 1;
            }
            let wrong = search.found().abs_diff(u64::from(rows));
            prop_assert!(wrong * 20 <= u64::from(rows), "{} instead of {rows}", search.found());
            prop_assert!(looks <= 2 * (rows / 50).ilog2() + 8, "{looks} looks for {rows}");
        }
    }
}
