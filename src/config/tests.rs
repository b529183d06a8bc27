//! The configuration as a whole: layers, places, mistakes. The files in `config/` are held to the table in `shipped`,
//! single values are tested beside their parsers.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

mod shipped;

/// A working folder, an environment and flags of their own; the home folder is below the working folder.
struct World {
    dir: TempDir,
    inputs: Inputs,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let working_dir = dir.path().to_path_buf();
        let home = working_dir.join("home").display().to_string();
        let environment = BTreeMap::from([("HOME".to_owned(), home)]);
        Self { dir, inputs: Inputs { environment, working_dir, ..Inputs::default() } }
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
        self
    }

    fn variable(mut self, name: &str, text: &str) -> Self {
        self.inputs.environment.insert(name.to_owned(), text.to_owned());
        self
    }

    fn flag(mut self, name: &'static str, text: &str) -> Self {
        self.inputs.flags.push((name, text.to_owned()));
        self
    }

    fn config_flag(mut self, path: &str) -> Self {
        self.inputs.flag_file = Some(path.into());
        self
    }

    fn load(&self) -> Config {
        Config::load(&self.inputs).unwrap_or_else(|error| panic!("it should load: {error}"))
    }

    fn error(&self) -> Error {
        Config::load(&self.inputs).expect_err("it should not load")
    }
}

fn with_file(text: &str) -> World {
    World::new().file("deskhouse.toml", text)
}

#[test]
fn nothing_at_all_gives_the_defaults() {
    let world = World::new();
    let config = world.load();
    assert_eq!(config.zoho.data_center, DataCenter::Us);
    assert_eq!(config.zoho.accounts_url.as_str(), "https://accounts.zoho.com/");
    assert_eq!(config.zoho.desk_url.as_str(), "https://desk.zoho.com/");
    assert!(config.zoho.org_id.is_none() && config.zoho.client_id.is_none());
    assert_eq!(config.warehouse.url.to_string(), "sqlite:deskhouse.db");
    assert_eq!((config.warehouse.schema.as_str(), config.warehouse.raw), ("zoho_desk", true));
    assert_eq!((config.sync.resources, config.sync.start_date), (None, None));
    assert_eq!(config.sync.overlap, Duration::from_secs(15 * 60));
    assert_eq!((config.limits.concurrency, config.limits.requests_per_second), (8, None));
    assert_eq!(config.limits.credit_reserve, Reserve::Percent(20));
    assert_eq!(config.state.dir, world.dir.path().join("home/.local/state/deskhouse"));
    assert!(config.sources.file.is_none());
    assert!(config.sources.origins.iter().all(|origin| origin.source == Source::Default));
}

#[test]
fn a_higher_layer_wins_and_the_source_says_which() {
    let source = |world: &World| world.load().sources.of("limits.concurrency").expect("it is a setting").to_string();
    let world = with_file("[limits]\n\nconcurrency = 2\n");
    assert_eq!((world.load().limits.concurrency, source(&world)), (2, "deskhouse.toml:3".to_owned()));
    let world = world.variable("DESKHOUSE_LIMITS__CONCURRENCY", "3");
    let variable = "environment variable DESKHOUSE_LIMITS__CONCURRENCY";
    assert_eq!((world.load().limits.concurrency, source(&world)), (3, variable.to_owned()));
    let world = world.flag("limits.concurrency", "4").flag("limits.concurrency", "5");
    assert_eq!((world.load().limits.concurrency, source(&world)), (5, "command line".to_owned()));
}

#[test]
fn an_empty_value_leaves_the_layer_below_in_force() {
    let world = with_file("[zoho]\norg_id = 600000001\n[warehouse]\nschema = \"\"")
        .variable("ZOHO_ORG_ID", " ")
        .flag("zoho.org_id", "");
    assert_eq!(world.load().zoho.org_id, OrgId::parse("600000001").ok());
    assert_eq!(world.load().warehouse.schema, "zoho_desk");
}

#[test]
fn our_own_variable_wins_over_the_alias() {
    let world = World::new()
        .variable("DATABASE_URL", "postgres://ada:hunter2@db/one")
        .variable("DESKHOUSE_WAREHOUSE__URL", "sqlite:two.db");
    assert_eq!(world.load().warehouse.url.to_string(), "sqlite:two.db");
}

#[test]
fn every_setting_can_come_from_its_variable() {
    let mut world = World::new().variable("DESKHOUSE_UNRELATED", "1");
    for setting in setting::ALL {
        world = world.variable(&setting.variable(), setting.example);
    }
    let config = world.load();
    for origin in &config.sources.origins {
        assert_eq!(origin.source, Source::Environment { name: origin.setting.variable() });
    }
    let names = ["tickets", "contacts", "tasks"].map(str::to_owned).to_vec();
    assert_eq!(config.sync.resources, Some(names));
}

#[test]
fn the_file_is_the_first_one_found_on_the_way_from_flag_to_home() {
    let schema = |name: &str| format!("[warehouse]\nschema = \"{name}\"");
    let world = World::new().file("home/.config/deskhouse/deskhouse.toml", &schema("in_home"));
    assert_eq!(world.load().warehouse.schema, "in_home");
    let world = world.file("config/deskhouse.toml", &schema("in_config"));
    assert_eq!(world.load().warehouse.schema, "in_config");
    let world = world.file("deskhouse.toml", &schema("here"));
    assert_eq!(world.load().warehouse.schema, "here");
    let world = world.file("other.toml", &schema("by_variable")).variable("DESKHOUSE_CONFIG", "other.toml");
    assert_eq!(world.load().warehouse.schema, "by_variable");
    let world = world.file("flag.toml", &schema("by_flag")).config_flag("flag.toml");
    assert_eq!(world.load().warehouse.schema, "by_flag");
    assert_eq!(world.load().sources.file, Some(world.dir.path().join("flag.toml")));
    let world = world.variable("XDG_STATE_HOME", "/state");
    assert_eq!(world.load().state.dir, PathBuf::from("/state/deskhouse"));
}

#[test]
fn a_named_file_that_is_missing_is_a_mistake_beside_the_others() {
    let world = World::new().config_flag("gone.toml").variable("ZOHO_ORG_ID", "acme");
    let expected = "\
the configuration has 2 mistakes
  environment variable ZOHO_ORG_ID: `zoho.org_id` should be digits only, but is `acme`
  command line: the file `gone.toml` does not exist";
    assert_eq!(world.error().to_string(), expected);
    let world = World::new().variable("DESKHOUSE_CONFIG", "gone.toml");
    let expected = "environment variable DESKHOUSE_CONFIG: the file `gone.toml` does not exist";
    assert_eq!(world.error().to_string(), expected);
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let world = with_file(
        r#"data_center = "eu"

[zoho]
data_centre = "eu"
org_id = "my-org"
client_id = true
client_secret = 12
desk_url = "http://desk.zoho.eu"

[warehause]
url = "mysql://ada:hunter2@db/desk"

[warehouse]
url = "mysql://ada:hunter2@db/desk"
schema = "Zoho Desk"
start_date = 2024-01-01
raw = "maybe"

[sync]
resources = []
start_date = 2024-01-01T08:00:00
overlap = 15

[limits]
concurrency = 51
requests_per_second = 0.5
credit_reserve = "120%"
"#,
    )
    .variable("DESKHOUSE_LIMITS__CONCURENCY", "3")
    .variable("DESKHOUSE_ZOHO_ORG_ID", "3")
    .variable("DESKHOUSE_THIS__THAT", "3")
    .flag("sync.overlap", "12000y");
    let expected = r#"the configuration has 20 mistakes
  deskhouse.toml:1: `data_center` is not a setting; did you mean `data_center` in `[zoho]`?
  deskhouse.toml:4: `zoho.data_centre` is not a setting; did you mean `data_center`?
  deskhouse.toml:5: `zoho.org_id` should be digits only, but is `my-org`
  deskhouse.toml:6: `zoho.client_id` should be text in quotes, but is true or false
  deskhouse.toml:7: `zoho.client_secret` should be text in quotes, but is a number
  deskhouse.toml:8: `zoho.desk_url` should be an https address, but is `http://desk.zoho.eu`
  deskhouse.toml:10: `warehause` is not a section; did you mean `[warehouse]`?
  deskhouse.toml:14: `warehouse.url` should be `sqlite:` and a file, such as sqlite:deskhouse.db, or postgres://user:password@host/database, but is `mysql://***`
  deskhouse.toml:15: `warehouse.schema` should be a name of a-z, 0-9 and _ that does not begin with a digit, 63 characters at most, but is `Zoho Desk`
  deskhouse.toml:16: `warehouse.start_date` is not a setting; did you mean `start_date` in `[sync]`?
  deskhouse.toml:17: `warehouse.raw` should be true or false, but is `maybe`
  deskhouse.toml:20: `sync.resources` should be at least one name, but is an empty list
  deskhouse.toml:21: `sync.start_date` should be a date such as 2024-01-31, or a time with its offset such as 2024-01-31T08:00:00Z, but is `2024-01-01T08:00:00`
  deskhouse.toml:25: `limits.concurrency` should be a whole number from 1 to 50, but is `51`
  deskhouse.toml:26: `limits.requests_per_second` should be a whole number, but is a number with a fraction
  deskhouse.toml:27: `limits.credit_reserve` should be a share from 0% to 100%, such as "20%", or a whole number of credits, but is `120%`
  environment variable DESKHOUSE_LIMITS__CONCURENCY is not a setting; did you mean `DESKHOUSE_LIMITS__CONCURRENCY`?
  environment variable DESKHOUSE_THIS__THAT is not a setting
  environment variable DESKHOUSE_ZOHO_ORG_ID is not a setting; did you mean `DESKHOUSE_ZOHO__ORG_ID`?
  command line: `sync.overlap` should be a length of time with its unit, such as "15m" or "2h", 31 days at most, but is `12000y`"#;
    assert_eq!(world.error().to_string(), expected);
}

#[test]
fn text_that_is_not_toml_is_reported_with_its_lines() {
    let error = with_file("[zoho]\norg_id = 6\nclient_secret = hunter2\n\n[sync\noverlap = \"1h\"\n").error();
    let lines: Vec<_> = error.problems().iter().map(|problem| problem.source.to_string()).collect();
    assert_eq!(lines, ["deskhouse.toml:3", "deskhouse.toml:5"], "{error}");
    assert!(error.problems().iter().all(|problem| problem.to_string().contains("not valid TOML: ")), "{error}");
    assert!(!error.to_string().contains("hunter2"));

    let world = World::new();
    std::fs::write(world.dir.path().join("deskhouse.toml"), [0xff, 0xfe]).expect("a file can be written");
    assert_eq!(world.error().to_string(), "deskhouse.toml: the file `deskhouse.toml` is not UTF-8 text");
}

#[test]
fn a_value_that_a_higher_layer_replaces_does_not_stop_the_run() {
    let world = with_file("[sync]\noverlap = \"soon\"").flag("sync.overlap", "1h");
    assert_eq!(world.load().sync.overlap, Duration::from_secs(3600));
}

#[test]
fn no_secret_shows_in_any_debug_display_or_error() {
    let secrets = ["hunter2", "s3cr3t", "1000.refresh.0123456789abcdef"];
    let world = World::new()
        .variable("ZOHO_CLIENT_SECRET", secrets[1])
        .variable("ZOHO_REFRESH_TOKEN", secrets[2])
        .variable("DATABASE_URL", "postgres://ada:hunter2@db/desk?password=hunter2");
    let config = world.load();
    let shown = format!("{config:?} {} {:?}", config.warehouse.url, config.sources);
    let wrong = World::new()
        .variable("ZOHO_ORG_ID", secrets[2])
        .variable("DATABASE_URL", "host=db password=hunter2")
        .variable("DESKHOUSE_ZOHO__DESK_URL", "https://ada:hunter2@desk.zoho.com")
        .variable("DESKHOUSE_ZOHO__ACCOUNTS_URL", "hunter2@accounts")
        .error();
    let failed = format!("{wrong} {wrong:?} {:?}", wrong.hint());
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
        assert!(!failed.contains(secret), "{failed}");
    }
    assert_eq!(wrong.problems().len(), 4);
    let credentials = config.zoho.credentials().expect_err("the client id is missing");
    assert_eq!(credentials.to_string(), "`zoho.client_id` is not set");
}

#[test]
fn all_missing_credentials_are_named_with_their_variables() {
    let zoho = World::new().load().zoho;
    let error = zoho.credentials().expect_err("nothing is set");
    let expected = "\
3 settings are missing
  `zoho.client_id` is not set
  `zoho.client_secret` is not set
  `zoho.refresh_token` is not set";
    assert_eq!(error.to_string(), expected);
    let hint = error.hint().expect("there is advice");
    for word in ["ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN", "README"] {
        assert!(hint.contains(word), "{hint}");
    }
    let client = "[zoho]\nclient_id = \"1000.X\"\nclient_secret = \" s \"\n";
    let zoho = with_file(client).load().zoho;
    assert_eq!(zoho.credentials().expect_err("no token").to_string(), "`zoho.refresh_token` is not set");
    let zoho = with_file(&format!("{client}grant = \"client_credentials\"")).load().zoho;
    assert_eq!(zoho.credentials().expect_err("no portal").to_string(), "`zoho.org_id` is not set");
    let zoho = with_file(&format!("{client}refresh_token = \"keyring\"")).load().zoho;
    let credentials = zoho.credentials().expect("everything is set");
    assert_eq!((credentials.client.id, credentials.client.secret.expose()), ("1000.X", "s"));
    assert!(matches!(credentials.grant, Grant::RefreshToken(RefreshToken::Keyring)));
}

#[test]
fn scopes_are_words() {
    let zoho = World::new().flag("zoho.scopes", "Desk.tickets.CREATE, ZohoCampaigns.contact.CREATE-UPDATE").load().zoho;
    assert_eq!(zoho.scopes, ["Desk.tickets.CREATE", "ZohoCampaigns.contact.CREATE-UPDATE"]);
    let wrong = World::new().flag("zoho.scopes", "Desk.tickets.CREATE&prompt=none").error().to_string();
    assert!(wrong.contains("`zoho.scopes` should be a list of scopes"), "{wrong}");
}

#[test]
fn an_override_is_a_server_without_its_path_and_http_stays_on_this_machine() {
    let url = |text: &str| World::new().flag("zoho.desk_url", text);
    for text in
        ["http://127.0.0.1:8477", "http://localhost:8477/api/v1", "http://[::1]:1/", "https://gate.example/api/v1/"]
    {
        let url = url(text).load().zoho.desk_url;
        assert_eq!((url.path(), url.query()), ("/", None), "{text}");
    }
    for text in
        ["http://desk.zoho.com", "http://127.0.0.1.example", "ftp://localhost", "desk.zoho.com", "https://x/y/api/v1"]
    {
        assert_eq!(url(text).error().problems().len(), 1, "{text}");
    }
    assert!(url("https://desk.zoho.com/support").error().hint().is_some_and(|hint| hint.contains("adds the path")));
}

#[test]
fn a_server_of_another_data_centre_is_a_mistake() {
    let world = World::new().flag("zoho.desk_url", "https://desk.zoho.in");
    let expected = "command line: `zoho.desk_url` should be a server of the data centre `us`, \
                    but is `desk.zoho.in`, a server of `in`";
    assert_eq!(world.error().to_string(), expected);
    assert!(world.error().hint().is_some_and(|hint| hint.contains("data_center = \"in\"")));
    world.flag("zoho.data_center", "IN").load();
}

#[test]
fn values_are_read_in_each_of_their_forms() {
    let date = |text: &str| with_file(&format!("[sync]\nstart_date = {text}")).load().sync.start_date;
    let expected: Option<DateTime<Utc>> = "2024-01-31T00:00:00Z".parse().ok();
    for text in [
        "2024-01-31",
        "\"2024-01-31\"",
        "2024-01-31T01:00:00+01:00",
        "\"2024-01-31T00:00:00Z\"",
        "2024-01-31 00:00:00Z",
    ] {
        assert_eq!(date(text), expected, "{text}");
    }
    let reserve = |text: &str| with_file(&format!("[limits]\ncredit_reserve = {text}")).load().limits.credit_reserve;
    assert_eq!(reserve("5_000"), Reserve::Credits(5000));
    assert_eq!(reserve("\"500\""), Reserve::Credits(500));
    assert_eq!(reserve("\"0 %\""), Reserve::Percent(0));
    let names = |text: &str| with_file(&format!("sync.resources = {text}")).load().sync.resources;
    let expected = Some(vec!["tickets".to_owned(), "tasks".to_owned()]);
    assert_eq!(names("[\"tickets\", \"tasks\", \"tickets\"]"), expected);
    assert_eq!(names("\"tickets, tasks,\""), expected);
    let dir = |text: &str| World::new().flag("state.dir", text).load().state.dir;
    assert!(dir("~/tokens").ends_with("home/tokens") && dir("tokens").ends_with("tokens"));
    assert_eq!(dir("/tokens"), PathBuf::from("/tokens"));
}

#[test]
fn without_a_home_the_state_folder_has_to_be_named() {
    let mut world = World::new();
    world.inputs.environment.clear();
    assert_eq!(world.error().to_string(), "`state.dir` is not set");
    assert!(world.error().hint().is_some_and(|hint| hint.contains("DESKHOUSE_STATE__DIR")));
    assert_eq!(world.flag("state.dir", "/x").load().state.dir, PathBuf::from("/x"));
}

proptest! {
    /// A file of any text gives a configuration, or mistakes that can be told.
    #[test]
    fn any_file_is_read_or_refused(
        lines in prop::collection::vec(("(zoho|warehouse|sync|limits|state|[a-z]{1,8})?", "[a-z_]{0,12}", "[ -~]{0,24}"), 0..6),
        tail in "\\PC{0,20}",
    ) {
        let mut text = String::new();
        for (section, name, value) in lines {
            text.push_str(&format!("[{section}]\n{name} = {value}\n"));
        }
        let world = with_file(&format!("{text}{tail}"));
        if let Err(error) = Config::load(&world.inputs) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// So does any value of any setting in the environment.
    #[test]
    fn any_variable_is_read_or_refused(
        name in prop::sample::select(vec![
            "DATABASE_URL", "DESKHOUSE_LIMITS__CREDIT_RESERVE", "DESKHOUSE_SYNC__START_DATE", "DESKHOUSE_SYNC__OVERLAP",
            "DESKHOUSE_ZOHO__DESK_URL", "DESKHOUSE_SYNC__RESOURCES", "DESKHOUSE_ZOHO__ORG_ID", "ZOHO_REFRESH_TOKEN",
        ]),
        value in "\\PC{0,40}",
    ) {
        let world = World::new().variable(name, &value);
        if let Err(error) = Config::load(&world.inputs) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
