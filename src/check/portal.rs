//! The portal as findings: signing in, who is signed in, what may be read, what is left of the day. One cheap request a
//! fact; after a failure that would meet every request alike, nothing more is asked.

use chrono::{DateTime, TimeDelta, Utc};

use super::Findings;
use crate::auth;
use crate::config::{Config, OrgId};
use crate::error::{Class, Error, resource_hint};
use crate::extract::{self, Agent, Department, Organisation};
use crate::http::{self, Client, Credits, Edition, Priority};
use crate::report::thousands;
use crate::resource::Resource;
use crate::sync;

const AREA: &str = "portal";

/// What its requests are booked under.
const BOOKED: &str = "check";

/// Difference of clocks from which on somebody should know. Answers are dated to the second, and take some.
const MOST_SKEW: TimeDelta = TimeDelta::seconds(60);

/// What is found out before the resources, and after them.
const BEFORE: [&str; 6] = ["sign-in", "data centre", "clock", "organisation", "agent", "departments"];
const AFTER: [&str; 2] = ["credits", "concurrency"];

/// What a check of the portal works with.
pub struct Portal<'a> {
    /// Asks; without a reserve, since what a check costs is next to nothing.
    pub client: &'a Client,
    /// What a run would be told.
    pub config: &'a Config,
    /// What a run would read.
    pub resources: &'a [&'static Resource],
    /// Most credits that a run of today saw left.
    pub most_credits: Option<u64>,
}

impl Portal<'_> {
    /// All findings, and the portal that a run would read.
    pub async fn check(&self) -> (Findings, Option<OrgId>) {
        let mut findings = Findings::default();
        let organisation = match self.greet(&mut findings).await {
            Ok(organisation) => organisation,
            Err(why) => {
                self.skip_the_rest(&mut findings, why);
                return (findings, None);
            }
        };
        let org_id = organisation
            .as_ref()
            .map_or(self.config.zoho.org_id.clone(), |organisation| OrgId::parse(&organisation.id).ok());
        match self.look_around(&mut findings).await {
            Ok(()) => self.count(&mut findings, organisation.as_ref()),
            Err(why) => self.skip_the_rest(&mut findings, why),
        }
        (findings, org_id)
    }

    /// Signs in, and settles which portal it is; none where that cannot be listed. An error says why nothing more can be
    /// asked.
    async fn greet(&self, findings: &mut Findings) -> Result<Option<Organisation>, &'static str> {
        let answer = extract::organisations(self.client, BOOKED).await;
        let accounts = self.config.zoho.accounts_url.host_str().unwrap_or_default();
        let answer = match answer {
            Err(error @ http::Error::SignIn(auth::Error::NotAccepted { .. }))
            | Err(error @ http::Error::Redirected { .. }) => {
                findings.good(AREA, "sign-in", format!("{accounts} gives access tokens"));
                findings.fail(AREA, "data centre", Error::Request(error));
                return Err("the portal does not take the sign-in");
            }
            Err(error @ http::Error::SignIn(_)) => {
                findings.fail(AREA, "sign-in", Error::Request(error));
                return Err("no sign-in");
            }
            answer => answer,
        };
        // The token is held by now, so that nothing is asked for.
        let until = self
            .client
            .sign_in()
            .await
            .map_or_else(|_| String::new(), |until| until.format("; this one is good until %H:%M UTC").to_string());
        findings.good(AREA, "sign-in", format!("{accounts} gives access tokens{until}"));
        let (center, desk) = (self.config.zoho.data_center.code(), self.config.zoho.desk_url.host_str());
        match &answer {
            Err(http::Error::Spent { .. }) => findings.skip(AREA, "data centre", "the portal did not answer"),
            _ => {
                let desk = desk.unwrap_or_default();
                findings.good(AREA, "data centre", format!("{center}; {accounts} and {desk} belong together"));
            }
        }
        self.clock(findings);
        self.choose(findings, answer)
    }

    fn clock(&self, findings: &mut Findings) {
        let Some(skew) = self.client.skew() else {
            return findings.skip(AREA, "clock", "the portal did not answer");
        };
        let seconds = skew.num_seconds();
        let found = match seconds {
            -1..=1 => "that of this machine and the portal's agree".to_owned(),
            2.. => format!("this machine is {} behind the portal", span(seconds)),
            _ => format!("this machine is {} ahead of the portal", span(-seconds)),
        };
        if skew.abs() > MOST_SKEW {
            findings.warn(
                AREA,
                "clock",
                found,
                "set this machine's clock (NTP): what is read when goes by the portal's, but the life of tokens by this one",
            );
        } else {
            findings.good(AREA, "clock", found);
        }
    }

    fn choose(
        &self,
        findings: &mut Findings,
        answer: Result<Vec<Organisation>, http::Error>,
    ) -> Result<Option<Organisation>, &'static str> {
        let configured = self.config.zoho.org_id.as_ref();
        let mut organisations: Vec<_> = match answer {
            Ok(organisations) => organisations,
            Err(error) if error.ends_all() => return Err(fatal(findings, "organisation", error)),
            Err(error) => match configured {
                Some(org_id) => {
                    let found = format!("{org_id}, but which ones the sign-in reaches is not told: {error}");
                    findings.warn(AREA, "organisation", found, "grant the scope Desk.basic.READ too");
                    return Ok(None);
                }
                None => Vec::new(),
            },
        };
        let reached: Vec<_> = organisations.iter().map(|organisation| organisation.id.clone()).collect();
        let org_id = match sync::which(configured, &reached) {
            Ok(org_id) => org_id,
            Err(error) => {
                findings.fail(AREA, "organisation", error);
                return Err("which portal is to be read is not settled");
            }
        };
        self.client.set_org_id(org_id.clone());
        let place = organisations.iter().position(|organisation| organisation.id == org_id.as_str());
        let chosen = place.map(|place| organisations.swap_remove(place));
        let found = match &chosen {
            Some(Organisation { id, name, edition, time_zone }) => {
                let [name, edition, time_zone] = [name, edition, time_zone].map(told);
                let others = if reached.len() > 1 {
                    format!("; one of {} that it reaches", reached.len())
                } else {
                    String::new()
                };
                format!("{id}, {name}, edition {edition}, time zone {time_zone}{others}")
            }
            None => format!("{org_id}; the portal lists none"),
        };
        findings.good(AREA, "organisation", found);
        Ok(chosen)
    }

    /// Who is signed in, and what they may read.
    async fn look_around(&self, findings: &mut Findings) -> Result<(), &'static str> {
        let agent = self.agent(findings).await?;
        self.departments(findings, &agent).await?;
        for resource in self.resources {
            let request = extract::probe(resource, self.client.portal_now());
            let before = self.client.usage_of(resource.name).credits;
            match self.client.get(&request).await {
                Ok(_) => {
                    let credits = self.client.usage_of(resource.name).credits - before;
                    findings.good(AREA, resource.name, format!("may be read; this request cost {credits} credits"));
                }
                Err(error) if error.ends_all() => return Err(fatal(findings, resource.name, error)),
                Err(error) => {
                    let (found, error) = (error.to_string(), extract::Error::Http(error));
                    let hint = resource_hint(resource.name, &error);
                    findings.fail_as(AREA, resource.name, Class::Partial, found, hint);
                }
            }
        }
        Ok(())
    }

    async fn agent(&self, findings: &mut Findings) -> Result<Agent, &'static str> {
        let agent = match extract::agent(self.client, BOOKED).await {
            Ok(agent) => agent,
            Err(error) if error.ends_all() => return Err(fatal(findings, "agent", error)),
            Err(error) => {
                findings.warn(
                    AREA,
                    "agent",
                    error.to_string(),
                    "make sure that the person behind the token is an administrator: others do not see every row",
                );
                return Ok(Agent::default());
            }
        };
        let [role, kind, profile] = [&agent.role, &agent.permission, &agent.profile].map(told);
        let found = format!("role {role} ({kind}), profile {profile}");
        if kind == "Admin" {
            findings.good(AREA, "agent", format!("an administrator: {found}"));
        } else {
            findings.warn(
                AREA,
                "agent",
                format!("no administrator: {found}"),
                "rows that this person may not see are missing from the warehouse, and nothing tells which: make the refresh token as an administrator",
            );
        }
        Ok(agent)
    }

    async fn departments(&self, findings: &mut Findings, agent: &Agent) -> Result<(), &'static str> {
        let all = match extract::departments(self.client, BOOKED).await {
            Ok(all) => all,
            Err(extract::Error::Http(error)) if error.ends_all() => {
                return Err(fatal(findings, "departments", error));
            }
            Err(error) => {
                findings.warn(AREA, "departments", error.to_string(), "grant the scope Desk.basic.READ too");
                return Ok(());
            }
        };
        let Some(own) = &agent.departments else {
            findings.good(AREA, "departments", format!("{}; which of them are this person's is not told", all.len()));
            return Ok(());
        };
        let is_own = |department: &Department| own.contains(&department.id);
        let others: Vec<_> =
            all.iter().filter(|department| !is_own(department)).map(|other| other.name.as_str()).collect();
        let found = format!("{} of {}", all.len() - others.len(), all.len());
        match others.as_slice() {
            [] => findings.good(AREA, "departments", found),
            others => findings.warn(
                AREA,
                "departments",
                format!("{found}; not in {}", others.join(", ")),
                "searches leave the tickets of other departments out: add the person to them, or take another person",
            ),
        }
        Ok(())
    }

    /// What is left of the day, and what the edition gives.
    fn count(&self, findings: &mut Findings, organisation: Option<&Organisation>) {
        let edition = organisation.and_then(|organisation| organisation.edition.as_deref()).and_then(Edition::named);
        let mut books = Credits::new(self.config.limits.credit_reserve, None, self.client.credit_day_start());
        if let Some(most) = self.most_credits {
            books.remember(most);
        }
        if let Some(left) = self.client.credits_left() {
            books.see(left);
        }
        if let Some(edition) = edition {
            books.remember_edition(edition.credits);
        }
        let gives = edition.map_or_else(String::new, |Edition { name, credits, credits_per_user, .. }| {
            let users = match credits_per_user {
                0 => String::new(),
                credits => format!(" and {} for each licensed user", thousands(credits)),
            };
            format!("; {name} gives {} a day{users}", thousands(credits))
        });
        match books.left() {
            None => findings.warn(
                AREA,
                "credits",
                "the portal does not say what is left",
                "look at Setup > Developer Space > APIs in Zoho Desk",
            ),
            Some(left) => {
                let found = format!(
                    "{} left today, {} reserved for others{gives}",
                    thousands(left),
                    thousands(books.reserve())
                );
                if books.shortage(Priority::Main).is_some() {
                    let until = self.config.zoho.data_center.credit_day_end(self.client.portal_now());
                    let hint = format!("a run would stop at once; the day turns at {} UTC", minute(until));
                    findings.fail_as(AREA, "credits", Class::Quota, found, Some(hint));
                } else {
                    findings.good(AREA, "credits", found);
                }
            }
        }
        let ours = self.config.limits.concurrency;
        match edition {
            None => findings.good(
                AREA,
                "concurrency",
                format!("{ours} requests at a time; what the edition allows is not known"),
            ),
            Some(Edition { name, concurrency, .. }) => {
                let found =
                    format!("{ours} requests at a time; {name} allows {concurrency}, all integrations together");
                // Two are left to others, as Zoho's users advise each other.
                if ours > concurrency {
                    let hint = format!("set `limits.concurrency` to {}", concurrency.saturating_sub(2).max(1));
                    findings.warn(AREA, "concurrency", found, &hint);
                } else {
                    findings.good(AREA, "concurrency", found);
                }
            }
        }
    }

    /// Names what was not looked at.
    fn skip_the_rest(&self, findings: &mut Findings, why: &str) {
        skip_missing(findings, self.resources, why);
    }
}

/// A portal that cannot be asked at all, for want of a client.
pub fn unasked(resources: &[&'static Resource], error: Error) -> Findings {
    let mut findings = Findings::default();
    findings.fail(AREA, "sign-in", error);
    skip_missing(&mut findings, resources, "no sign-in");
    findings
}

fn skip_missing(findings: &mut Findings, resources: &[&'static Resource], why: &str) {
    let facts = BEFORE.into_iter().chain(resources.iter().map(|resource| resource.name)).chain(AFTER);
    for fact in facts {
        if findings.list().iter().all(|finding| finding.fact != fact) {
            findings.skip(AREA, fact, why);
        }
    }
}

/// Notes a failure that ends all, and says in a few words what it was.
fn fatal(findings: &mut Findings, fact: &str, error: http::Error) -> &'static str {
    let (fact, why) = match error {
        http::Error::OutOfCredits { .. } => ("credits", "there are no credits left"),
        _ => (fact, "the portal did not answer"),
    };
    findings.fail(AREA, fact, Error::Request(error));
    why
}

/// What the portal tells, or that it does not.
fn told(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("unknown")
}

/// A number of seconds, in words.
fn span(seconds: i64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds.unsigned_abs())).to_string()
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}
