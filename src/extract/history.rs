//! The history of a record, as far as it tells where the record went. Only asked of one that is there no more.

use super::Error;
use crate::http::{self, Client, Request};
use crate::record::{Fields, text};
use crate::resource::Resource;

/// Newest events of a history that are looked at; a merge is the last one, or nearly.
const EVENTS: &str = "100";

/// Id of the record that one was merged into. `None` where its history may not be seen any more or tells of no merge:
/// what a history says of a record that was merged away is not documented, and its events are known by their names only
/// (TicketMergedMaster, TicketMergedChild; zoho/zohodesk-oas, `TicketHistory.json`).
pub async fn merged_into(client: &Client, resource: &'static Resource, id: &str) -> Result<Option<String>, Error> {
    let Some(history) = resource.history else { return Ok(None) };
    let path = format!("{}{history}", resource.record_path(id));
    // Without `from`: nobody says whether 1 is the newest event or the one before it.
    let request = Request::new(resource.name, &path).with("limit", EVENTS);
    match client.get(&request).await {
        Ok(answer) => Ok(answer.records.iter().find_map(|event| other_of(event.get(), id))),
        Err(http::Error::NotFound { .. } | http::Error::NotGranted { .. } | http::Error::Unprocessable { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The other record of an event that tells of a merge.
fn other_of(event: &str, id: &str) -> Option<String> {
    let event = Fields::of(event)?;
    if !event.text("eventName")?.contains("Merged") {
        return None;
    }
    let infos = event.list("eventInfo")?;
    infos.into_iter().filter_map(|info| key(Fields::of(info)?.json("propertyValue"))).find(|other| other != id)
}

/// An id, alone or in an object.
fn key(value: &str) -> Option<String> {
    let text = match Fields::of(value) {
        Some(object) => object.text("id"),
        None => text(value),
    }?;
    (text.len() > 5 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_names_the_other_record_as_object_or_as_text() {
        let event = |value: &str| {
            format!(
                r#"{{"eventName":"TicketMergedChild","eventInfo":[{{"propertyName":"x","propertyValue":{value}}}]}}"#
            )
        };
        let other = Some("4000000123".to_owned());
        for value in [r#"{"id":"4000000123","name":"a\ud83d"}"#, r#""4000000123""#, "4000000123"] {
            assert_eq!(other_of(&event(value), "4000000777"), other);
        }
        assert_eq!(other_of(&event(r#""4000000777""#), "4000000777"), None);
        assert_eq!(other_of(&event(r#""a sentence""#), "4000000777"), None);
        assert_eq!(other_of(r#"{"eventName":"TicketCreated","eventInfo":[]}"#, "1"), None);
    }
}
