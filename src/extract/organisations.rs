//! The organisations that a sign-in reaches, each of them a portal. Which of them is meant is decided by who asks.

use crate::http::{Client, Error, Request};
use crate::record::Fields;

/// An organisation, as far as it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub id: String,
    /// The company's name.
    pub name: Option<String>,
    /// The edition of Zoho Desk.
    pub edition: Option<String>,
    /// The time zone that its people chose.
    pub time_zone: Option<String>,
}

/// Every organisation that the sign-in reaches; `resource` pays for it. It takes the scope Desk.basic.READ.
pub async fn organisations(client: &Client, resource: &'static str) -> Result<Vec<Organisation>, Error> {
    let request = Request::new(resource, "/organizations");
    let answer = client.get(&request).await?;
    let found: Vec<_> = answer.records.iter().filter_map(|record| organisation(record.get())).collect();
    // One that does not say which it is might be the very one that is meant.
    match answer.records.len() - found.len() {
        0 => Ok(found),
        nameless => {
            let found = format!("{nameless} of {} organisations without an id", answer.records.len());
            Err(Error::Unreadable { request: request.to_string(), found })
        }
    }
}

/// `None` where it has no id, which the documents show as a number in one place and as text in another.
fn organisation(json: &str) -> Option<Organisation> {
    let fields = Fields::of(json)?;
    Some(Organisation {
        id: fields.text("id")?,
        name: fields.text("companyName"),
        edition: fields.text("edition"),
        time_zone: fields.text("timeZone"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_a_number_or_a_text() {
        for id in ["600000001", "\"600000001\""] {
            let read = organisation(&format!(r#"{{"id": {id}, "companyName": "", "edition": "FREE"}}"#));
            let read = read.expect("an organisation");
            assert_eq!((read.id.as_str(), read.name, read.edition.as_deref()), ("600000001", None, Some("FREE")));
        }
        assert_eq!(organisation(r#"{"companyName": "Harbour"}"#), None);
        let half = organisation(r#"{"id": 7, "companyName": "Harbour \ud83d"}"#).expect("an organisation");
        assert_eq!(half.name.as_deref(), Some("Harbour \u{fffd}"));
    }
}
