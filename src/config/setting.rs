//! The table of all settings. Layers, environment names, checks, help and `config/deskhouse.toml` follow from it;
//! what a value means is decided by the section that reads it.

/// One setting: a key of a section of the file.
#[derive(Debug)]
pub struct Setting {
    /// Section of the file.
    pub section: &'static str,
    /// Key in the section.
    pub key: &'static str,
    /// Which shapes of value the file may give it.
    pub kind: Kind,
    /// Value when nobody gives one, as text.
    pub default: Option<&'static str>,
    /// What `config/deskhouse.toml` shows where there is no default.
    pub example: &'static str,
    /// A shorter environment variable, by the name that other tools use too.
    pub alias: Option<&'static str>,
    /// How much of the value a message may show.
    pub secrecy: Secrecy,
    /// One sentence: why one would set it.
    pub why: &'static str,
}

/// The shape of a setting's value. The environment and flags give text for every kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Text or a whole number.
    TextOrNumber,
    /// A whole number between two bounds, both included.
    Number {
        /// Smallest.
        least: u32,
        /// Largest.
        most: u32,
    },
    /// `true` or `false`.
    Boolean,
    /// A date, a time with its offset, or text that says one.
    Moment,
    /// A list of names; text is cut at its commas.
    Names,
}

/// How much of a value a message may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// All of it.
    Open,
    /// An address that may carry a password: the scheme at most, unless it clearly carries none.
    Address,
    /// Nothing.
    Hidden,
}

/// What stands for a value that may not be seen.
const STARS: &str = "***";

/// So many characters of a value are shown in a message.
const LONGEST_SHOWN: usize = 80;

/// Every setting, in the order of the file.
pub static ALL: &[Setting] = &[
    setting(
        "zoho",
        "data_center",
        Kind::Text,
        "Where your portal lives: us, eu, in, au, jp, ca, sa, uk, sg, ae or cn.",
    )
    .default("us"),
    setting(
        "zoho",
        "org_id",
        Kind::TextOrNumber,
        "The portal's id (Setup > Developer Space > API); guards against a token of another portal.",
    )
    .alias("ZOHO_ORG_ID")
    .example("600000001"),
    setting("zoho", "client_id", Kind::Text, "Who asks: the id of the client that you made in Zoho's API console.")
        .alias("ZOHO_CLIENT_ID")
        .example("1000.YOURCLIENTID"),
    setting("zoho", "client_secret", Kind::Text, "The client's password; safer in the environment than in this file.")
        .alias("ZOHO_CLIENT_SECRET")
        .secrecy(Secrecy::Hidden)
        .example("your client secret"),
    setting(
        "zoho",
        "grant",
        Kind::Text,
        "How access tokens are obtained: refresh_token, or client_credentials for a self client without one.",
    )
    .default("refresh_token"),
    setting(
        "zoho",
        "refresh_token",
        Kind::Text,
        "What `deskhouse auth` obtains, or the word keyring; safer in the environment than in this file.",
    )
    .alias("ZOHO_REFRESH_TOKEN")
    .secrecy(Secrecy::Hidden)
    .example("1000.your refresh token"),
    setting(
        "zoho",
        "scopes",
        Kind::Names,
        "Scopes that a sign-in asks for beside those of the resources, such as one to open tickets.",
    )
    .example("Desk.tickets.CREATE"),
    setting(
        "zoho",
        "accounts_url",
        Kind::Text,
        "Another accounts server than the data centre's, such as a local sandbox.",
    )
    .secrecy(Secrecy::Address)
    .example("http://127.0.0.1:8477"),
    setting("zoho", "desk_url", Kind::Text, "Another Desk server than the data centre's, such as a local sandbox.")
        .secrecy(Secrecy::Address)
        .example("http://127.0.0.1:8477"),
    setting(
        "zoho",
        "products_url",
        Kind::Text,
        "Another server for Zoho's other products than the data centre's, such as a local sandbox.",
    )
    .secrecy(Secrecy::Address)
    .example("http://127.0.0.1:8477"),
    setting("warehouse", "url", Kind::Text, "Where the tables go: `sqlite:` and a file, or a `postgres://` address.")
        .alias("DATABASE_URL")
        .secrecy(Secrecy::Address)
        .default("sqlite:deskhouse.db"),
    setting(
        "warehouse",
        "schema",
        Kind::Text,
        "Postgres schema of this portal's tables; one schema holds one portal. SQLite needs none.",
    )
    .default("zoho_desk"),
    setting(
        "warehouse",
        "raw",
        Kind::Boolean,
        "Keep each record as received in `_raw`; false saves space and loses what has no column.",
    )
    .default("true"),
    setting(
        "sync",
        "resources",
        Kind::Names,
        "What to copy; without it, all that the token may read. `deskhouse resources` lists the names.",
    )
    .example("tickets,contacts,tasks"),
    setting(
        "sync",
        "detail",
        Kind::Names,
        "Resources of which each new or changed record is also read alone, a request and credit each, for columns that only this has.",
    )
    .example("articles,tickets"),
    setting(
        "sync",
        "start_date",
        Kind::Moment,
        "Where the first run begins; without it, at the portal's beginning. Days begin at midnight UTC.",
    )
    .example("2024-01-01"),
    setting(
        "sync",
        "overlap",
        Kind::Text,
        "How much of the last run's time to read again: Zoho's search index lags behind the records.",
    )
    .default("15m"),
    setting(
        "sync",
        "verify_budget",
        Kind::Number { least: 0, most: 100_000 },
        "API credits that a nightly run spends on comparing a part of the warehouse with the portal; 0 for none.",
    )
    .default("60"),
    setting(
        "limits",
        "concurrency",
        Kind::Number { least: 1, most: 50 },
        "Requests in flight at most; Zoho counts them for the portal, all integrations together.",
    )
    .default("8"),
    setting(
        "limits",
        "requests_per_second",
        Kind::Number { least: 1, most: 1_000 },
        "Requests begun in a second at most; without it, as fast as answers come: Zoho limits what is in flight.",
    )
    .example("10"),
    setting(
        "limits",
        "credit_reserve",
        Kind::TextOrNumber,
        "API credits to leave to others: a share of the day's, in quotes, or a number of credits.",
    )
    .default("20%"),
    setting(
        "limits",
        "daily_credits",
        Kind::TextOrNumber,
        "API credits to spend in a day at most, in all runs together; without it, down to the reserve.",
    )
    .example("50000"),
    setting(
        "limits",
        "tries",
        Kind::Number { least: 1, most: 20 },
        "How often a failing request is sent in all; waits double from half a second to half a minute.",
    )
    .default("8"),
    setting("state", "dir", Kind::Text, "Folder of the token cache; without it, deskhouse in the user's state folder.")
        .example("/var/lib/deskhouse"),
];

const fn setting(section: &'static str, key: &'static str, kind: Kind, why: &'static str) -> Setting {
    Setting { section, key, kind, default: None, example: "", alias: None, secrecy: Secrecy::Open, why }
}

impl Setting {
    const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self.example = text;
        self
    }

    const fn example(mut self, text: &'static str) -> Self {
        self.example = text;
        self
    }

    const fn alias(mut self, variable: &'static str) -> Self {
        self.alias = Some(variable);
        self
    }

    const fn secrecy(mut self, secrecy: Secrecy) -> Self {
        self.secrecy = secrecy;
        self
    }

    /// The setting whose name is `section.key`.
    pub fn named(name: &str) -> Option<&'static Self> {
        let (section, key) = name.split_once('.')?;
        ALL.iter().find(|setting| setting.section == section && setting.key == key)
    }

    /// Its name in messages and for flags: `warehouse.url`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// Its own environment variable: `DESKHOUSE_WAREHOUSE__URL`. It wins over the alias.
    pub fn variable(&self) -> String {
        format!("DESKHOUSE_{}__{}", self.section, self.key).to_ascii_uppercase()
    }

    /// As much of a value as may be seen.
    pub fn show(&self, text: &str) -> String {
        // Whatever the key: this is how Zoho's tokens begin, and people paste into the wrong line.
        let token = text.starts_with("1000.") && text.len() > 20 && self.key != "client_id";
        match self.secrecy {
            _ if token => STARS.to_owned(),
            Secrecy::Hidden => STARS.to_owned(),
            Secrecy::Address if text.contains(['@', '?', '=']) => match text.split_once("://") {
                Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => format!("{scheme}://***"),
                _ => STARS.to_owned(),
            },
            Secrecy::Address | Secrecy::Open => {
                let start: String = text.chars().take(LONGEST_SHOWN).collect();
                let rest = if start.len() < text.len() { "…" } else { "" };
                format!("{}{rest}", start.escape_debug())
            }
        }
    }
}

/// The sections of the file, in order.
pub fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    ALL.iter().map(|setting| setting.section).filter(move |section| std::mem::replace(&mut last, section) != *section)
}

/// The section that was meant by `name`.
pub(super) fn nearest_section(name: &str) -> Option<&'static str> {
    nearest_of(name, sections())
}

/// The setting that was meant by `key` in a section, or outside of any: the key alone where the section is right.
pub(super) fn nearest(section: Option<&str>, key: &str) -> Option<String> {
    let here = ALL.iter().filter(|setting| Some(setting.section) == section).map(|setting| setting.key);
    let elsewhere = || {
        let key = nearest_of(key, ALL.iter().map(|setting| setting.key))?;
        ALL.iter().find(|setting| setting.key == key).map(|setting| format!("{key}` in `[{}]", setting.section))
    };
    nearest_of(key, here).map(str::to_owned).or_else(elsewhere)
}

/// The environment variable that was meant by `name`.
pub(super) fn nearest_variable(name: &str) -> Option<String> {
    let variables: Vec<String> = ALL.iter().map(Setting::variable).collect();
    nearest_of(name, variables.iter().map(String::as_str)).map(str::to_owned)
}

/// The nearest of `known`, when a slip or two lead from one to the other: more in a longer word.
fn nearest_of<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, nearest) =
        known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min_by_key(|(distance, _)| *distance)?;
    (distance <= (nearest.len() / 3).clamp(1, 3)).then_some(nearest)
}
