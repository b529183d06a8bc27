//! How many records a range holds, and how long a list is: for a request or a few, and without reading them. What they will
//! cost to read is `sync`'s arithmetic.

use super::list;
use super::weight::Weight;
use super::words::rows;
use super::{archive, departments, trash};
use crate::http::{self, Answer, Client, Priority, Problem, Request};
use crate::ledger::{Key, Range, Usage};
use crate::record::Record;
use crate::resource::{Archive, List, Resource};

/// A length that is searched for is close enough when it is known to one part in so many.
const CLOSE_ENOUGH: u32 = 20;

/// Portals that give less than was asked for give a multiple of this: behind just so many rows there may be more.
pub const USUAL_CAP: usize = 50;

/// What a few looks at a list tell.
#[derive(Debug)]
pub struct Length {
    /// Rows, right to 5 %.
    pub rows: u64,
    /// Rows that a page of it has.
    pub page: u32,
    /// What requests have cost that taught so: whoever reads it needs as many.
    pub lessons: Usage,
    /// Credits of a look at its first rows.
    pub price: u64,
    /// The records that were seen: all of a short list, and of a long one those at its beginning and its end among others.
    pub seen: Vec<Record>,
}

/// Records of `resource` whose time of this kind lies in `range`. A search says it in its first answer; a list that has
/// no count is felt out by offsets, which takes about two requests each time that it doubles, and gives a number that is
/// right to 5 %.
pub async fn count(
    client: &Client,
    resource: &'static Resource,
    key: Key,
    range: Range,
) -> Result<Length, http::Error> {
    let request = rows(resource, key, &range);
    if !resource.feed.is_counted() {
        return feel_out(client, &request, resource.page_limit, Some(resource.first_row)).await;
    }
    let first = request.with("from", resource.first_row.to_string());
    let Look { answer, rows: page, lessons, price } =
        look(client, &first, resource.page_limit, &Weight::default()).await?;
    let rows = answer.count.unwrap_or(answer.records.len() as u64);
    Ok(Length { rows, page, lessons, price, seen: answer.records.into_iter().map(Record::new).collect() })
}

/// How long a list is that is read whole; its first value's where it has one for each value of a parameter.
pub async fn list_length(client: &Client, resource: &'static Resource, list: &List) -> Result<Length, http::Error> {
    feel_out(client, &list::first(resource, list), resource.page_limit, None).await
}

/// How long the list below a record of the parent is.
pub async fn length_below(client: &Client, resource: &'static Resource, parent: &str) -> Result<Length, http::Error> {
    feel_out(client, &list::request_below(resource, parent), resource.page_limit, None).await
}

/// How long the archive of a department is.
pub async fn archive_length(
    client: &Client,
    resource: &'static Resource,
    of: &Archive,
    department: &str,
) -> Result<Length, http::Error> {
    feel_out(client, &archive::request(resource, of, department), archive::ROWS, None).await
}

/// How many departments there are; `resource` pays for it.
pub async fn department_length(client: &Client, resource: &'static str) -> Result<Length, http::Error> {
    feel_out(client, &departments::request(resource), departments::ROWS, None).await
}

/// How long the recycle bin is, the newest rows first.
pub async fn bin_length(client: &Client) -> Result<Length, http::Error> {
    feel_out(client, &trash::request(), trash::ROWS, None).await
}

/// Finds where a list ends. `first_row` is the number of its first row, where that is known.
async fn feel_out(
    client: &Client,
    request: &Request,
    limit: u32,
    first_row: Option<u32>,
) -> Result<Length, http::Error> {
    // An estimate is as important as the run that it is for, whatever it asks about.
    let (weight, request) = (Weight::default(), &request.clone().priority(Priority::Main));
    let first = first_row.map_or_else(|| request.clone(), |row| request.clone().with("from", row.to_string()));
    let Look { answer, rows: limit, lessons, price } = look(client, &first, limit, &weight).await?;
    let mut seen: Vec<_> = answer.records.into_iter().map(Record::new).collect();
    let mut search = Search::new(seen.len(), limit);
    while let Some(offset) = search.next() {
        let page = request.clone().with("from", (offset + first_row.unwrap_or_default()).to_string());
        let records = match look(client, &page, search.page, &weight).await {
            Ok(look) => look.answer.records,
            // An offset that the portal does not go to is taken for the end: the number is then a lower bound.
            Err(http::Error::Unprocessable { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        search.learn(offset, records.len() as u32);
        seen.extend(records.into_iter().map(Record::new));
    }
    Ok(Length { rows: search.found(), page: search.page, lessons, price, seen })
}

/// One page.
struct Look {
    answer: Answer,
    /// Rows that were asked for.
    rows: u32,
    /// What was spent before it was known that so many can be asked for.
    lessons: Usage,
    /// Credits of the answer.
    price: u64,
}

/// One page of `limit` rows, or of fewer where the portal takes or manages no more; 0 for a list that comes whole.
async fn look(client: &Client, request: &Request, mut limit: u32, weight: &Weight) -> Result<Look, http::Error> {
    let spent = || client.usage_of(request.resource);
    let (first, mut last) = (spent(), spent());
    loop {
        let rows = weight.rows().map_or(limit, |rows| rows.min(limit));
        let page = match limit {
            0 => request.clone(),
            _ => Request { tries_if_heavy: weight.tries(rows), ..request.clone().with("limit", rows.to_string()) },
        };
        match client.get(&page).await {
            Err(http::Error::Unprocessable { problem: Problem::Range { field, largest }, .. })
                if field == "limit" && (1..rows).contains(&largest) =>
            {
                limit = largest;
            }
            Err(error) if error.is_heavy() && weight.was_too_heavy(rows) => {}
            answer => {
                let lessons = Usage { requests: last.requests - first.requests, credits: last.credits - first.credits };
                return Ok(Look { answer: answer?, rows, lessons, price: spent().credits - last.credits });
            }
        }
        last = spent();
    }
}

/// The search for the end of a list: offsets double until one holds no row, and are halved from there.
#[derive(Debug, Clone, Copy)]
struct Search {
    /// Rows of a page that is not the last.
    page: u32,
    /// Rows that there are at least.
    least: u32,
    /// Rows that there are at most, once an end was seen.
    most: Option<u32>,
}

impl Search {
    /// From a first page of so many rows, where `limit` were asked for; 0 for a list that comes whole.
    fn new(rows: usize, limit: u32) -> Self {
        let is_last = limit == 0 || (rows < limit as usize && (rows == 0 || !rows.is_multiple_of(USUAL_CAP)));
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        Self { page: if is_last { limit } else { rows }, least: rows, most: is_last.then_some(rows) }
    }

    /// The offset to look at next; none when the number is close enough.
    fn next(&self) -> Option<u32> {
        let Some(most) = self.most else { return self.least.checked_mul(2) };
        match most - self.least {
            0 => None,
            // One page shows all that is open.
            open if open <= self.page => Some(self.least),
            open if open <= self.least / CLOSE_ENOUGH => None,
            open => Some(self.least + open / 2),
        }
    }

    /// Learns that behind the offset there are so many rows, as far as a page shows.
    fn learn(&mut self, offset: u32, rows: u32) {
        if rows > 0 {
            self.least = self.least.max(offset + rows);
        }
        if rows < self.page {
            self.most = Some(if rows > 0 { offset + rows } else { self.most.map_or(offset, |most| most.min(offset)) });
        }
        self.most = self.most.map(|most| most.max(self.least));
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

    /// Rows that a list says it has, and how many pages were looked at.
    fn felt_out(rows: u32, limit: u32, cap: u32) -> (u64, u32) {
        let page = |offset: u32| rows.saturating_sub(offset).min(limit).min(cap);
        let (mut search, mut looks) = (Search::new(page(0) as usize, limit), 1);
        while let Some(offset) = search.next() {
            search.learn(offset, page(offset));
            looks += 1;
        }
        (search.found(), looks)
    }

    #[test]
    fn a_short_list_tells_its_length_at_once() {
        assert_eq!([0, 1, 99].map(|rows| felt_out(rows, 100, 100)), [(0, 1), (1, 1), (99, 1)]);
        assert_eq!([100, 130, 200].map(|rows| felt_out(rows, 100, 100).0), [100, 130, 200]);
        assert_eq!(felt_out(130, 100, 50).0, 130, "a portal that gives less at a time than it says");
    }

    proptest! {
        #[test]
        fn the_end_of_a_list_is_found_to_five_percent(rows in 0u32..2_000_000, limit in 50u32..200) {
            let (found, looks) = felt_out(rows, limit, limit);
            prop_assert!(found.abs_diff(u64::from(rows)) * 20 <= u64::from(rows), "{found} instead of {rows}");
            prop_assert!(looks <= 2 * (rows / 50).max(1).ilog2() + 8, "{looks} looks for {rows}");
        }
    }
}
