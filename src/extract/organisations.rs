//! The organisations that a sign-in reaches, each of them a portal. Which of them is meant is decided by who asks.

use serde_json::Value;

use crate::http::{Client, Error, Request};

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
    let answer = client.get(&Request::new(resource, "/organizations")).await?;
    Ok(answer.records.iter().filter_map(|record| organisation(record.get())).collect())
}

fn organisation(json: &str) -> Option<Organisation> {
    let value: Value = serde_json::from_str(json).ok()?;
    // The documents show the id as a number in one place and as text in another.
    let text = |name: &str| match &value[name] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Some(Organisation {
        id: text("id")?,
        name: text("companyName"),
        edition: text("edition"),
        time_zone: text("timeZone"),
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
    }
}
