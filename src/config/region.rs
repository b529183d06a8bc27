//! Zoho's data centres: which hosts belong together, and when their credit day turns.
//! A closed table, because the client secret is sent to these hosts; what is sent is up to `auth` and `http`.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use url::Url;

use super::value::Refused;

/// One of Zoho's data centres. A portal, its client and its tokens live in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataCenter {
    /// United States
    Us,
    /// European Union
    Eu,
    /// India
    In,
    /// Australia
    Au,
    /// Japan
    Jp,
    /// Canada
    Ca,
    /// Saudi Arabia
    Sa,
    /// United Kingdom
    Uk,
    /// Singapore
    Sg,
    /// United Arab Emirates
    Ae,
    /// China
    Cn,
}

/// What is known of one data centre.
struct Facts {
    /// The word that the configuration uses, and that Zoho calls `location`.
    code: &'static str,
    /// `accounts.`, `desk.` and `api-console.` stand before this.
    domain: &'static str,
    /// `www.zohoapis.` stands before this.
    api: &'static str,
    zone: Tz,
}

const fn facts(code: &'static str, domain: &'static str, api: &'static str, zone: Tz) -> Facts {
    Facts { code, domain, api, zone }
}

impl DataCenter {
    /// Every data centre, in the order in which messages list them.
    pub const ALL: [Self; 11] =
        [Self::Us, Self::Eu, Self::In, Self::Au, Self::Jp, Self::Ca, Self::Sa, Self::Uk, Self::Sg, Self::Ae, Self::Cn];

    // Hosts: Zoho's multi-DC page and its Desk documentation, and both hosts answered when the vendor's examples
    // were tried (collected 2026-10), with the exceptions named in the line.
    //
    // Zones: the documentation only says that credits return at midnight in "the DC's time zone". The city is our
    // reading: the place of the data centre or, where Zoho does not name it, the country's largest city. A wrong
    // city moves the announced hour of the next run and nothing else, for Zoho alone decides what a call costs.
    const fn facts(self) -> Facts {
        match self {
            Self::Us => facts("us", "zoho.com", "com", Tz::America__Los_Angeles),
            Self::Eu => facts("eu", "zoho.eu", "eu", Tz::Europe__Amsterdam),
            Self::In => facts("in", "zoho.in", "in", Tz::Asia__Kolkata),
            // Catalyst's documents print `accounts.zoho.au`, which is wrong.
            Self::Au => facts("au", "zoho.com.au", "com.au", Tz::Australia__Sydney),
            Self::Jp => facts("jp", "zoho.jp", "jp", Tz::Asia__Tokyo),
            // `accounts.zoho.ca` and `desk.zoho.ca` do not resolve, whatever several public tables say.
            Self::Ca => facts("ca", "zohocloud.ca", "ca", Tz::America__Toronto),
            Self::Sa => facts("sa", "zoho.sa", "sa", Tz::Asia__Riyadh),
            // The Desk host answers, but Desk's documentation does not list it.
            Self::Uk => facts("uk", "zoho.uk", "uk", Tz::Europe__London),
            // Nobody has shown an `api_domain` for sg; this one follows the pattern and is a guess.
            Self::Sg => facts("sg", "zoho.sg", "sg", Tz::Asia__Singapore),
            // The `api_domain` is documented but was not seen.
            Self::Ae => facts("ae", "zoho.ae", "ae", Tz::Asia__Dubai),
            // A separate operation: Zoho's own list of servers does not name it.
            Self::Cn => facts("cn", "zoho.com.cn", "com.cn", Tz::Asia__Shanghai),
        }
    }

    /// The data centre that `text` names: its code in either case, or `com` for us, as in Zoho's answers.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let word = text.trim().to_ascii_lowercase();
        let word = if word == "com" { "us" } else { word.as_str() };
        Self::ALL.into_iter().find(|center| center.code() == word).ok_or_else(|| {
            let codes: Vec<_> = Self::ALL.iter().map(|center| center.code()).collect();
            let refused = Refused::new(format!("one of {}", codes.join(", ")));
            match Self::of_host(host_in(word)) {
                Some(center) => refused
                    .with_hint(format!("that is a host of the data centre `{0}`: write only `{0}`", center.code())),
                None => refused.with_hint("look at the end of the address when you are signed in to Zoho Desk"),
            }
        })
    }

    /// The data centre that a host belongs to: `desk.zoho.eu` and `zoho.eu` are eu.
    pub fn of_host(host: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|center| {
            let domain = center.facts().domain;
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// Its code: `us`, `eu`, ...
    pub const fn code(self) -> &'static str {
        self.facts().code
    }

    /// Where tokens are asked for.
    pub fn accounts_url(self) -> Url {
        https(&format!("accounts.{}", self.facts().domain))
    }

    /// Where Desk answers, without `/api/v1`.
    pub fn desk_url(self) -> Url {
        https(&format!("desk.{}", self.facts().domain))
    }

    /// Where a client is made.
    pub fn console_url(self) -> Url {
        https(&format!("api-console.{}", self.facts().domain))
    }

    /// The server of a product that has its own: its word before the domain.
    pub(super) fn url(self, word: &str) -> Url {
        https(&format!("{word}.{}", self.facts().domain))
    }

    /// Where Zoho's other products answer: what a token's `api_domain` says.
    pub fn api_url(self) -> Url {
        https(&format!("www.zohoapis.{}", self.facts().api))
    }

    /// The zone in whose midnight the credit day turns.
    pub const fn time_zone(self) -> Tz {
        self.facts().zone
    }

    /// When the credit day that holds `now` began; never later than `now`.
    pub fn credit_day_start(self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.midnight(now.with_timezone(&self.time_zone()).date_naive())
    }

    /// When the credit day that holds `now` ends and the credits are back; always later than `now`.
    pub fn credit_day_end(self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.midnight(now.with_timezone(&self.time_zone()).date_naive() + Days::new(1))
    }

    /// The first instant of a day. Where clocks skip midnight, the first one that exists; where they repeat it, the
    /// earlier.
    fn midnight(self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        (0..24 * 4)
            .find_map(|quarter| {
                self.time_zone().from_local_datetime(&(midnight + TimeDelta::minutes(15 * quarter))).earliest()
            })
            .expect("no zone skips a whole day in this century")
            .with_timezone(&Utc)
    }
}

fn https(host: &str) -> Url {
    Url::parse(&format!("https://{host}/")).expect("a host of the table makes a URL")
}

/// The host in something that may be a whole address.
fn host_in(text: &str) -> &str {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    text.split(['/', ':', '?']).next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time in a test is a time")
    }

    #[test]
    fn every_data_centre_has_its_hosts() {
        let hosts: Vec<_> = DataCenter::ALL
            .iter()
            .map(|center| {
                let urls = [center.accounts_url(), center.desk_url(), center.console_url(), center.api_url()];
                let hosts: Vec<_> = urls.iter().map(|url| url.host_str().expect("it has a host").to_owned()).collect();
                format!("{} {} {}", center.code(), hosts.join(" "), center.time_zone())
            })
            .collect();
        let expected = "\
us accounts.zoho.com desk.zoho.com api-console.zoho.com www.zohoapis.com America/Los_Angeles
eu accounts.zoho.eu desk.zoho.eu api-console.zoho.eu www.zohoapis.eu Europe/Amsterdam
in accounts.zoho.in desk.zoho.in api-console.zoho.in www.zohoapis.in Asia/Kolkata
au accounts.zoho.com.au desk.zoho.com.au api-console.zoho.com.au www.zohoapis.com.au Australia/Sydney
jp accounts.zoho.jp desk.zoho.jp api-console.zoho.jp www.zohoapis.jp Asia/Tokyo
ca accounts.zohocloud.ca desk.zohocloud.ca api-console.zohocloud.ca www.zohoapis.ca America/Toronto
sa accounts.zoho.sa desk.zoho.sa api-console.zoho.sa www.zohoapis.sa Asia/Riyadh
uk accounts.zoho.uk desk.zoho.uk api-console.zoho.uk www.zohoapis.uk Europe/London
sg accounts.zoho.sg desk.zoho.sg api-console.zoho.sg www.zohoapis.sg Asia/Singapore
ae accounts.zoho.ae desk.zoho.ae api-console.zoho.ae www.zohoapis.ae Asia/Dubai
cn accounts.zoho.com.cn desk.zoho.com.cn api-console.zoho.com.cn www.zohoapis.com.cn Asia/Shanghai";
        assert_eq!(hosts.join("\n"), expected);
    }

    #[test]
    fn every_code_and_host_leads_back_to_its_data_centre() {
        for center in DataCenter::ALL {
            assert_eq!(DataCenter::parse(center.code()), Ok(center));
            assert_eq!(DataCenter::parse(&center.code().to_uppercase()), Ok(center));
            assert_eq!(DataCenter::of_host(center.desk_url().host_str().expect("it has a host")), Some(center));
        }
        assert_eq!(DataCenter::parse("com"), Ok(DataCenter::Us));
        assert_eq!(DataCenter::of_host("desk.notzoho.eu"), None);
    }

    #[test]
    fn a_host_in_place_of_a_code_is_refused_with_the_code_in_the_hint() {
        for host in ["desk.zoho.com.au", "https://accounts.zoho.com.au/oauth/v2/token", "zoho.com.au"] {
            let refused = DataCenter::parse(host).expect_err("a host is not a code");
            assert!(refused.hint().is_some_and(|hint| hint.contains("write only `au`")), "{refused:?}");
        }
    }

    #[test]
    fn the_credit_day_is_shorter_and_longer_when_the_clocks_change() {
        let hours = |center: DataCenter, now| {
            let (start, end) = (center.credit_day_start(at(now)), center.credit_day_end(at(now)));
            (start.to_rfc3339(), end.to_rfc3339(), (end - start).num_hours())
        };
        let day = |start: &str, end: &str, hours| (format!("{start}+00:00"), format!("{end}+00:00"), hours);
        assert_eq!(
            hours(DataCenter::Us, "2026-03-08T20:00:00Z"),
            day("2026-03-08T08:00:00", "2026-03-09T07:00:00", 23)
        );
        assert_eq!(
            hours(DataCenter::Us, "2026-11-01T20:00:00Z"),
            day("2026-11-01T07:00:00", "2026-11-02T08:00:00", 25)
        );
        assert_eq!(
            hours(DataCenter::Eu, "2026-03-29T00:30:00Z"),
            day("2026-03-28T23:00:00", "2026-03-29T22:00:00", 23)
        );
        assert_eq!(
            hours(DataCenter::In, "2026-05-05T18:29:59Z"),
            day("2026-05-04T18:30:00", "2026-05-05T18:30:00", 24)
        );
    }

    #[test]
    fn every_instant_lies_in_its_own_credit_day() {
        let first = at("2026-01-01T00:00:00Z");
        for center in DataCenter::ALL {
            for half_hour in 0..2 * 24 * 365 {
                let now = first + TimeDelta::minutes(30 * half_hour);
                let (start, end) = (center.credit_day_start(now), center.credit_day_end(now));
                assert!(start <= now && now < end, "{}: {start} {now} {end}", center.code());
                assert_eq!(center.credit_day_start(end), end, "{}: the next day begins at its end", center.code());
            }
        }
    }
}
