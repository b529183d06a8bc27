//! Lists that are read whole: puts the pager's questions into the portal's words and hands the answers back. What is
//! missing from a list, and whether that is believed, is left to `sync`.

use std::sync::Arc;

use super::Error;
use super::pages::Pages;
use super::weight::Weight;
use crate::http::{Client, Priority, Request};
use crate::record::Record;
use crate::resource::{List, Resource};

/// The lists of a portal are dozens of requests, behind which the first pages of its history would wait.
const BESIDE_RECENT: u8 = 1;

/// What hangs on other records comes behind the last 90 days of these, see [`crate::ledger::History::age`].
const BEHIND_RECENT: u8 = 2;

/// Reads all of one list, page by page.
pub struct ListReader {
    client: Arc<Client>,
    parts: Vec<Part>,
}

/// The list of one value of the parameter that the path insists on; the whole list where there is none.
struct Part {
    given: Option<Given>,
    pages: Pages,
    is_read: bool,
}

/// A parameter of a request, and its value.
pub type Given = (&'static str, &'static str);

/// One page of a list.
#[derive(Debug)]
pub struct ListPage {
    /// Its records.
    pub records: Vec<Record>,
    /// The parameter that it was asked for with.
    pub given: Option<Given>,
}

impl ListReader {
    /// At the beginning of the list of `resource`.
    pub fn new(client: Arc<Client>, resource: &'static Resource, list: List) -> Self {
        let part = |given| {
            let request = request(resource, resource.path, &list, given).precedence(BESIDE_RECENT);
            let pages = Pages::new(request, resource.page_limit);
            Part { given, pages: pages.keyed_by(resource.key_field(), resource.time_field()), is_read: false }
        };
        let parts = match list.each {
            None => vec![part(None)],
            Some((name, values)) => values.iter().map(|value| part(Some((name, *value)))).collect(),
        };
        Self { client, parts }
    }

    /// At the beginning of the list of `resource` below one of its parents. What is learnt of the weight of its pages holds
    /// for the lists of the others.
    pub fn below(
        client: Arc<Client>,
        resource: &'static Resource,
        parent: &str,
        priority: Priority,
        weight: &Arc<Weight>,
    ) -> Self {
        let request = request_below(resource, parent).priority(priority).precedence(BEHIND_RECENT);
        let pages = Pages::new(request, resource.page_limit).weighing(Arc::clone(weight));
        let pages = pages.keyed_by(resource.key_field(), resource.time_field());
        Self { client, parts: vec![Part { given: None, pages, is_read: false }] }
    }

    /// From now on only a page with nothing new is taken for an end; what was read already is asked for its end once more.
    pub fn prove(&mut self) {
        for part in &mut self.parts {
            part.pages.prove();
            part.is_read = false;
        }
    }

    /// Takes an empty list for what it is: it was so before, and nothing is held of it.
    pub fn may_be_empty(&mut self) {
        self.parts.iter_mut().for_each(|part| part.pages.may_be_empty());
    }

    /// The lists that it is made of, which can be read side by side: one for each value of a parameter that the path insists
    /// on.
    pub fn parts(&mut self) -> impl Iterator<Item = PartReader<'_>> {
        let client = &self.client;
        self.parts.iter_mut().map(move |part| PartReader { client, part })
    }
}

/// Reads the list of one value of a parameter.
pub struct PartReader<'a> {
    client: &'a Arc<Client>,
    part: &'a mut Part,
}

impl PartReader<'_> {
    /// The next page; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<ListPage>, Error> {
        let Part { given, pages, is_read } = &mut *self.part;
        if *is_read {
            return Ok(None);
        }
        let records = pages.next(self.client).await?;
        *is_read = records.is_none();
        Ok(records.map(|records| ListPage { records, given: *given }))
    }
}

/// The request for any page of a list.
fn request(resource: &'static Resource, path: &str, list: &List, given: Option<Given>) -> Request {
    let mut request = Request::new(resource.name, path).records_in(list.records);
    for (name, value) in list.with.iter().copied().chain(given) {
        request = request.with(name, value);
    }
    request
}

/// The request for any page of the list below a record of the parent.
pub(super) fn request_below(resource: &'static Resource, parent: &str) -> Request {
    request(resource, &resource.path_below(parent), &List::PLAIN, None)
}

/// The request for the list of the first value, without `from` and `limit`.
pub(super) fn first(resource: &'static Resource, list: &List) -> Request {
    let given = list.each.and_then(|(name, values)| Some((name, *values.first()?)));
    request(resource, resource.path, list, given)
}

/// The cheapest request that a list takes, for whether it may be read.
pub(super) fn probe(resource: &'static Resource, list: &List) -> Request {
    let request = first(resource, list);
    if resource.page_limit > 0 { request.with("limit", "1") } else { request }
}
