//! `deskhouse api`: one signed request to Zoho Desk or another product of Zoho's. The token goes to the servers of the
//! table of products and to no other.

use std::fmt::Write as _;

use ::http::{Method, Response};
use bytes::Bytes;
use clap::Args;
use clap::builder::PossibleValuesParser;
use url::Url;

use super::{World, given, pages, wiring};
use crate::config::{DESK, Product, Servers};
use crate::error::{Class, Error};
use crate::http::{REMAINING, Reply, Request, WEIGHT};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  deskhouse api GET '/tickets?limit=1'\n  \
    deskhouse api GET /contacts --paginate\n  \
    deskhouse api PATCH /tickets/123 --data '{\"priority\": \"High\"}'\n  \
    deskhouse api POST /json/listsubscribe --product campaigns --query resfmt=JSON --query listkey=KEY \
    --query 'contactinfo={\"Contact Email\": \"ada@example.com\"}'")]
pub(super) struct Options {
    /// What is to be done
    #[arg(value_parser = PossibleValuesParser::new(["GET", "POST", "PUT", "PATCH", "DELETE"]), ignore_case = true)]
    method: String,
    /// Path below the root of the product's API, or a whole address on a server of your data centre
    #[arg(value_name = "PATH-OR-URL")]
    path: String,
    /// Query parameter, beside those of the path; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = given::pair)]
    query: Vec<(String, String)>,
    /// JSON to send; @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "JSON|@FILE")]
    data: Option<String>,
    /// Read a list of Zoho Desk to its end, into one document
    #[arg(long, conflicts_with_all = ["data", "include"])]
    paginate: bool,
    #[arg(long, value_parser = PossibleValuesParser::new(Product::names()), hide_possible_values = true,
        help = format!("Product to ask [default: desk, or the one of the address] [{}]", products()))]
    product: Option<String>,
    /// Print the status and the credit headers before the body
    #[arg(short, long)]
    include: bool,
}

/// Headers that `--include` prints: what it cost, what is left, and when there is more.
const SHOWN: [&str; 3] = [WEIGHT, REMAINING, "retry-after"];

fn products() -> String {
    Product::names().collect::<Vec<_>>().join(", ")
}

/// Whether it is a whole address, and not a path in whose query an address may stand.
fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

pub(super) async fn run(world: &World, options: &Options) -> Result<Class, Error> {
    let config = wiring::config(&world.global, Vec::new())?;
    let request = request(options, &config.zoho.servers())?;
    let client = wiring::client(&config, &world.clock)?;
    if options.paginate {
        return pages::print_all(&client, &request).await;
    }
    let Reply { response, outcome } = client.send(&request).await;
    if let Some(response) = response {
        // A refusal's body too: whoever asks by hand wants Zoho's own words.
        super::print_bytes(&shown(&response, options.include))?;
    }
    outcome.map_err(Error::Request)?;
    Ok(Class::Done)
}

/// What is to be asked, once it is sure that it may be.
fn request(options: &Options, servers: &Servers) -> Result<Request, Error> {
    let method = match options.method.to_ascii_uppercase().as_str() {
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => Method::GET,
    };
    let named = options.product.as_deref().and_then(Product::named);
    let (product, address) = match is_address(&options.path) {
        true => address(&options.path, named, servers)?,
        false => {
            let product = named.unwrap_or(&DESK);
            let path = product.path(&options.path);
            let joined = format!("{}{path}", servers.url(product).as_str().trim_end_matches('/'));
            (product, Url::parse(&joined).map_err(|_| not_an_address(&options.path))?)
        }
    };
    if method == Method::GET && options.data.is_some() {
        return Err(usage("a GET sends no data", "give parameters as `--query NAME=VALUE`, or another method"));
    }
    if options.paginate && !(method == Method::GET && product.is_desk) {
        return Err(usage(
            "`--paginate` reads lists of Zoho Desk with GET",
            "ask for the pages of another product one by one",
        ));
    }
    let mut request = Request::to(product, method, address.path().to_owned(), "api");
    let given = address.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
    for (name, value) in given.chain(options.query.iter().cloned()) {
        request = request.with(name, value);
    }
    if let Some(data) = &options.data {
        request.json = Some(Bytes::from(given::json(data, "--data")?.to_string()));
    }
    Ok(request)
}

/// The product at an address, which has to be on a server that may see the token.
fn address(text: &str, named: Option<&'static Product>, servers: &Servers) -> Result<(&'static Product, Url), Error> {
    let address = Url::parse(text).map_err(|_| not_an_address(text))?;
    let at = servers.product_at(&address).ok_or_else(|| {
        let host = address.host_str().unwrap_or("no host");
        let data_center = servers.data_center().code();
        Error::Usage {
            message: format!(
                "{host} is no server of a Zoho product in the data centre {data_center}, so that nothing was sent"
            ),
            hint:
                "the token goes to Zoho's own servers only; give a path, and `--product` for another product than Desk"
                    .into(),
        }
    })?;
    match named {
        // Several products share a server, so a product may be named beside the address.
        Some(named) if servers.url(named).origin() == address.origin() => Ok((named, address)),
        Some(named) => Err(usage(
            &format!("{text} is not on the server of {}", named.name),
            &format!("leave `--product` out, or set it to {}", at.name),
        )),
        None => Ok((at, address)),
    }
}

fn not_an_address(text: &str) -> Error {
    usage(&format!("`{text}` is neither a path nor an address"), "give a path such as /tickets")
}

fn usage(message: &str, hint: &str) -> Error {
    Error::Usage { message: message.to_owned(), hint: hint.to_owned() }
}

fn shown(response: &Response<Bytes>, include: bool) -> Vec<u8> {
    let mut head = String::new();
    if include {
        let _ = writeln!(head, "HTTP {}", response.status());
        for name in SHOWN {
            if let Some(value) = response.headers().get(name).and_then(|value| value.to_str().ok()) {
                let _ = writeln!(head, "{name}: {value}");
            }
        }
        head.push('\n');
    }
    let mut text = head.into_bytes();
    text.extend_from_slice(response.body());
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use proptest::prelude::*;

    use super::*;
    use crate::config::DataCenter;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    proptest! {
        /// Whatever is typed is a request to one of Zoho's own servers, or is refused before anything is sent.
        #[test]
        fn what_is_typed_goes_to_zoho_or_nowhere(
            method in "(GET|post|PUT|X)",
            path in "(/tickets|tickets|https://desk\\.zoho\\.com/api/v1/tickets|https://|//|)[ -~]{0,30}",
            query in prop::collection::vec("[ -~]{0,20}", 0..3),
            data in proptest::option::of("[{\\[\"a-z:,0-9}\\]]{0,20}"),
        ) {
            let mut typed = vec!["api".to_owned(), method, path];
            typed.extend(query.into_iter().flat_map(|pair| ["--query".to_owned(), pair]));
            typed.extend(data.into_iter().flat_map(|json| ["--data".to_owned(), json]));
            let Ok(Command { options }) = Command::try_parse_from(typed) else { return Ok(()) };
            let servers = Servers::at(DataCenter::Us, Url::parse("https://desk.zoho.com/").expect("an address"));
            if let Ok(request) = request(&options, &servers) {
                // A path is no way to another server.
                let root = servers.url(request.product).to_string();
                let sent = Url::parse(&format!("{}{}", root.trim_end_matches('/'), request.path));
                let sent = sent.expect("an address");
                prop_assert_eq!(sent.host_str(), Some("desk.zoho.com"));
                prop_assert!(request.path.starts_with('/'), "{}", request.path);
            }
        }
    }
}
