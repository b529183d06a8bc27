//! A list of Zoho Desk, page by page, as one JSON document on stdout. Each row is printed when it is there; a list that
//! ends before its time leaves a document that no reader takes for a whole one.

use std::io;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::print_bytes;
use crate::error::{Class, Error};
use crate::http::{self, Client, Problem, Reply, Request};
use crate::record::Record;
use crate::report;

/// Rows of a page where nothing else is asked for: what lists take that do not say how many they take (Zoho's general rule
/// in its API document).
const ROWS: u32 = 50;

/// Reads the list that `request` names, from its `from` on.
pub(super) async fn print_all(client: &Client, request: &Request) -> Result<Class, Error> {
    let mut list = List::new(request);
    let (mut first_of_last, mut last) = (None, None);
    let mut text = Vec::from("{\"data\":[");
    while let Some(mut rows) = list.next(client).await? {
        // Lists count their rows from 0 or from 1, which no list tells; so the rows received are the next `from`, and
        // where they count from 1, one row comes twice.
        if rows.first().is_some_and(|row| row.keys().id.is_some() && row.keys().id == last) {
            rows.remove(0);
        }
        let Some(first) = rows.first().map(|row| row.keys().id.clone()) else { break };
        if first.is_some() && first == first_of_last {
            return Err(Error::Usage {
                message: format!("{request} gives the same rows whatever page is asked for"),
                hint: "leave `--paginate` out".into(),
            });
        }
        last = rows.last().and_then(|row| row.keys().id.clone());
        for row in rows {
            if first_of_last.is_some() || !text.ends_with(b"[") {
                text.push(b',');
            }
            text.push(b'\n');
            text.extend_from_slice(row.raw().as_bytes());
        }
        first_of_last = Some(first.unwrap_or_default());
        match report::out_bytes(&text) {
            // The reader has seen enough; further pages would cost credits for nothing.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Class::Done),
            written => written.map_err(|source| Error::System { doing: "write to stdout".into(), source })?,
        }
        text.clear();
    }
    text.extend_from_slice(b"\n]}");
    print_bytes(&text)?;
    Ok(Class::Done)
}

/// Where in the list we are.
struct List {
    request: Request,
    limit: u32,
    /// Whether the limit is ours to lower.
    may_learn: bool,
    start: u32,
    received: u32,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Box<RawValue>>,
}

impl List {
    fn new(request: &Request) -> Self {
        let mut request = request.clone();
        let number = |name: &str| request.query.iter().find(|(given, _)| given == name)?.1.parse().ok();
        let (limit, start): (Option<u32>, Option<u32>) = (number("limit"), number("from"));
        request.query.retain(|(name, _)| name != "limit" && name != "from");
        Self {
            request,
            limit: limit.unwrap_or(ROWS),
            may_learn: limit.is_none(),
            start: start.unwrap_or_default(),
            received: 0,
        }
    }

    /// The rows of the next page; `None` behind the last one.
    async fn next(&mut self, client: &Client) -> Result<Option<Vec<Record>>, Error> {
        loop {
            let mut request = self.request.clone().with("limit", self.limit.to_string());
            let from = self.start + self.received;
            // The first row's number is 0 or 1; without a number the list begins with it.
            if from > 0 {
                request = request.with("from", from.to_string());
            }
            let Reply { response, outcome } = client.send(&request).await;
            match outcome {
                Ok(()) => {}
                Err(http::Error::Unprocessable { problem: Problem::Range { field, largest }, .. })
                    if field == "limit" && self.may_learn && largest < self.limit && largest > 0 =>
                {
                    self.limit = largest;
                    continue;
                }
                Err(error) => return Err(Error::Request(error)),
            }
            let body = response.map(::http::Response::into_body).unwrap_or_default();
            if body.is_empty() {
                return Ok(None);
            }
            let page: Page = serde_json::from_slice(&body).map_err(|_| Error::Usage {
                message: format!("{request} gave no list"),
                hint: "`--paginate` reads lists, whose rows stand under `data`; leave it out".into(),
            })?;
            self.received += page.data.len() as u32;
            let rows: Vec<_> = page.data.into_iter().map(Record::new).collect();
            return Ok(Some(rows).filter(|rows| !rows.is_empty()));
        }
    }
}
