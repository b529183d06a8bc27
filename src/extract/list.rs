//! Lists that are read whole: puts the pager's questions into the portal's words and hands the answers back. What is
//! missing from a list, and whether that is believed, is left to `sync`.

use std::borrow::Cow;
use std::sync::Arc;

use super::Error;
use super::pager::{Lost, Pager, Slice};
use super::search::record;
use crate::http::{self, Client, Priority, Request};
use crate::record::Record;
use crate::resource::{List, Resource};

/// Reads all of one list, page by page.
pub struct ListReader {
    client: Arc<Client>,
    resource: &'static Resource,
    path: Cow<'static, str>,
    priority: Priority,
    list: List,
    parts: Vec<Part>,
}

/// The list of one value of the parameter that the path insists on; the whole list where there is none.
struct Part {
    given: Option<Given>,
    pager: Pager,
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
        let part = |given| Part { given, pager: Pager::new(resource.page_limit) };
        let parts = match list.each {
            None => vec![part(None)],
            Some((name, values)) => values.iter().map(|value| part(Some((name, *value)))).collect(),
        };
        Self { client, resource, path: resource.path.into(), priority: Priority::default(), list, parts }
    }

    /// At the beginning of the list of `resource` below one of its parents.
    pub fn below(client: Arc<Client>, resource: &'static Resource, parent: &str, priority: Priority) -> Self {
        let path = resource.path_below(parent).into();
        Self { path, priority, ..Self::new(client, resource, List::PLAIN) }
    }

    /// From now on only a page with nothing new is taken for an end; what was read already is asked for its end once more.
    pub fn prove(&mut self) {
        self.parts.iter_mut().for_each(|part| part.pager.prove());
    }

    /// The next page; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<ListPage>, Error> {
        let Some((place, mut slice)) =
            self.parts.iter().enumerate().find_map(|(place, part)| Some((place, part.pager.ask()?)))
        else {
            return Ok(None);
        };
        loop {
            let part = &mut self.parts[place];
            let request = request(self.resource, &self.path, &self.list, part.given, slice).priority(self.priority);
            match self.client.get(&request).await {
                Ok(answer) => {
                    let records: Vec<_> = answer.records.into_iter().map(|raw| record(self.resource, raw)).collect();
                    let ids: Vec<_> = records.iter().map(|record| record.keys().id.as_deref()).collect();
                    let (given, learnt) = (part.given, part.pager.learn(&ids));
                    learnt.map_err(|lost| self.lost(lost))?;
                    return Ok(Some(ListPage { records, given }));
                }
                Err(http::Error::Unprocessable { request, code, problem, fields }) => {
                    if !part.pager.refused(&problem) {
                        return Err(http::Error::Unprocessable { request, code, problem, fields }.into());
                    }
                    tracing::debug!(resource = self.resource.name, ?problem, "learnt a limit");
                    slice.limit = part.pager.ask().and_then(|slice| slice.limit);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn lost(&self, lost: Lost) -> Error {
        let resource = self.resource.name;
        match lost {
            Lost::Unsettled => Error::Unsettled { resource },
            Lost::NoKey => Error::NoKeys { resource },
            Lost::Loop => Error::Repeats { resource },
        }
    }
}

/// The request for one page of a list.
fn request(resource: &'static Resource, path: &str, list: &List, given: Option<Given>, slice: Slice) -> Request {
    let mut request = Request::new(resource.name, path).records_in(list.records);
    for (name, value) in list.with.iter().copied().chain(given) {
        request = request.with(name, value);
    }
    for (name, value) in [("from", slice.from), ("limit", slice.limit)] {
        if let Some(value) = value {
            request = request.with(name, value.to_string());
        }
    }
    request
}

/// The cheapest request that a list takes, for whether it may be read.
pub(super) fn probe(resource: &'static Resource, list: &List) -> Request {
    let given = list.each.and_then(|(name, values)| Some((name, *values.first()?)));
    let limit = (resource.page_limit > 0).then_some(1);
    request(resource, resource.path, list, given, Slice { from: None, limit })
}
