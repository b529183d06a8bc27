//! Zoho's products that can be asked with a token, and where each answers in each data centre.
//! A closed table, because the token is sent to these servers and to no other; what is asked is up to `http`.

use std::cmp::Reverse;

use url::{Origin, Url};

use super::Zoho;
use super::region::DataCenter;

/// One of Zoho's products. Plain data: a new one is a line of the table.
#[derive(Debug)]
pub struct Product {
    /// Its name on the command line.
    pub name: &'static str,
    /// Which server of a data centre it is on.
    host: Host,
    /// What the paths of its API begin with, in the version that its documentation shows first.
    pub root: &'static str,
    /// Whether it is Zoho Desk: its requests name the portal in `orgId` and cost API credits of the portal.
    pub is_desk: bool,
}

/// Which server of a data centre a product is on.
#[derive(Debug)]
enum Host {
    /// The product's own: this word before the data centre's domain.
    Own(&'static str),
    /// The one that several products share, which a token's `api_domain` names.
    Shared,
}

const fn product(name: &'static str, host: Host, root: &'static str) -> Product {
    Product { name, host, root, is_desk: false }
}

/// Zoho Desk.
pub static DESK: Product = Product { is_desk: true, ..product("desk", Host::Own("desk"), "/api/v1") };

/// Every product, in the order in which messages list them.
///
/// Roots: the API documents of Desk, Campaigns, Invoice, Books and Inventory, and what public programs use for the others
/// (2026-11). Hosts: the domain of the data centre follows the product, which was seen in Canada too, for Campaigns, Mail
/// and Projects (2026-09); for other products in smaller data centres the pattern is our reading. All are Zoho's own domains.
static ALL: [&Product; 12] = [
    &DESK,
    &product("campaigns", Host::Own("campaigns"), "/api/v1.1"),
    &product("crm", Host::Shared, "/crm/v8"),
    &product("bigin", Host::Shared, "/bigin/v2"),
    &product("books", Host::Shared, "/books/v3"),
    &product("invoice", Host::Shared, "/invoice/v3"),
    &product("inventory", Host::Shared, "/inventory/v1"),
    &product("billing", Host::Shared, "/billing/v1"),
    &product("people", Host::Own("people"), "/people/api"),
    &product("projects", Host::Own("projectsapi"), "/api/v3"),
    &product("mail", Host::Own("mail"), "/api"),
    &product("sign", Host::Own("sign"), "/api/v1"),
];

impl Product {
    /// The product of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|product| product.name == name)
    }

    /// The names of all products.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|product| product.name)
    }

    /// The path below the product's API root, unless it begins with it already. The leading slash may be missing.
    pub fn path(&self, path: &str) -> String {
        let path = path.trim_start_matches('/');
        match self.is_below_root(&format!("/{path}")) {
            true => format!("/{path}"),
            false => format!("{}/{path}", self.root),
        }
    }

    fn is_below_root(&self, path: &str) -> bool {
        path.strip_prefix(self.root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }
}

/// Where the products of one data centre answer. The token is sent to these servers and to no other.
#[derive(Clone, Debug)]
pub struct Servers {
    data_center: DataCenter,
    desk_url: Url,
    /// In place of the servers of all products but Desk.
    products_url: Option<Url>,
}

impl Zoho {
    /// Where Desk and the other products answer.
    pub fn servers(&self) -> Servers {
        let (desk_url, products_url) = (self.desk_url.clone(), self.products_url.clone());
        Servers { data_center: self.data_center, desk_url, products_url }
    }
}

impl Servers {
    /// Servers for tests and sandboxes: one for everything.
    pub fn at(data_center: DataCenter, url: Url) -> Self {
        Self { data_center, desk_url: url.clone(), products_url: Some(url) }
    }

    /// The data centre.
    pub fn data_center(&self) -> DataCenter {
        self.data_center
    }

    /// Where a product answers. The path of the address is `/`.
    pub fn url(&self, product: &Product) -> Url {
        match (&self.products_url, &product.host) {
            _ if product.is_desk => self.desk_url.clone(),
            (Some(url), _) => url.clone(),
            (None, Host::Own(name)) => self.data_center.url(name),
            (None, Host::Shared) => self.data_center.api_url(),
        }
    }

    /// The product that answers at an address; none when the address is on no server of the table. Where several share a
    /// server, the path tells.
    pub fn product_at(&self, address: &Url) -> Option<&'static Product> {
        if !address.username().is_empty() || address.password().is_some() {
            return None;
        }
        let origin = address.origin();
        let here = |product: &&&Product| matches!(origin, Origin::Tuple(..)) && self.url(product).origin() == origin;
        let named = ALL.iter().filter(here).filter(|product| product.is_below_root(address.path()));
        // The longest, since on a server that is everything's `/api` of one product is the start of another's root; and of
        // two that are the same, the first.
        named.min_by_key(|product| Reverse(product.root.len())).or_else(|| ALL.iter().find(here)).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn servers(data_center: DataCenter) -> Servers {
        Servers { data_center, desk_url: data_center.desk_url(), products_url: None }
    }

    fn product_at(servers: &Servers, address: &str) -> Option<&'static str> {
        servers.product_at(&Url::parse(address).expect("an address")).map(|product| product.name)
    }

    #[test]
    fn every_product_is_on_a_server_of_its_data_centre() {
        for data_center in DataCenter::ALL {
            let hosts: BTreeSet<_> = ALL
                .iter()
                .map(|product| servers(data_center).url(product).host_str().expect("a host").to_owned())
                .collect();
            let api = data_center.api_url().host_str().expect("a host").to_owned();
            for host in hosts {
                assert!(host == api || DataCenter::of_host(&host) == Some(data_center), "{host}");
            }
        }
        let url = |data_center, name| servers(data_center).url(Product::named(name).expect("a product")).to_string();
        assert_eq!(url(DataCenter::Ca, "campaigns"), "https://campaigns.zohocloud.ca/");
        assert_eq!(url(DataCenter::Ca, "crm"), "https://www.zohoapis.ca/");
        assert_eq!(url(DataCenter::Au, "desk"), "https://desk.zoho.com.au/");
    }

    #[test]
    fn an_address_belongs_to_a_product_or_to_nobody() {
        let eu = servers(DataCenter::Eu);
        for (address, product) in [
            ("https://desk.zoho.eu/api/v1/tickets?limit=1", Some("desk")),
            ("https://desk.zoho.eu:443/anything", Some("desk")),
            ("https://campaigns.zoho.eu/api/v1.1/json/listsubscribe", Some("campaigns")),
            ("https://www.zohoapis.eu/books/v3/invoices", Some("books")),
            ("https://www.zohoapis.eu/crm/v2.1/Leads", Some("crm")),
            ("https://desk.zoho.com/api/v1/tickets", None),
            ("https://desk.zoho.eu.example.com/api/v1/tickets", None),
            ("https://desk.zoho.eu:8443/api/v1/tickets", None),
            ("http://desk.zoho.eu/api/v1/tickets", None),
            ("https://desk.zoho.eu@example.com/api/v1/tickets", None),
            ("https://somebody@desk.zoho.eu/api/v1/tickets", None),
            ("https://accounts.zoho.eu/oauth/v2/token", None),
            ("data:text/plain,hello", None),
        ] {
            assert_eq!(product_at(&eu, address), product, "{address}");
        }
    }

    #[test]
    fn a_server_for_everything_tells_products_apart_by_their_paths() {
        let sandbox = Servers::at(DataCenter::Us, Url::parse("http://127.0.0.1:8477").expect("an address"));
        assert_eq!(product_at(&sandbox, "http://127.0.0.1:8477/api/v1/tickets"), Some("desk"));
        assert_eq!(product_at(&sandbox, "http://127.0.0.1:8477/api/v1.1/json/listsubscribe"), Some("campaigns"));
        assert_eq!(product_at(&sandbox, "http://127.0.0.1:8477/crm/v8/Leads"), Some("crm"));
        assert_eq!(product_at(&sandbox, "http://127.0.0.1:8478/crm/v8/Leads"), None);
        assert_eq!(product_at(&sandbox, "https://desk.zoho.com/api/v1/tickets"), None);
    }

    #[test]
    fn paths_are_put_below_the_root_once() {
        for path in ["/tickets?limit=1", "tickets?limit=1", "/api/v1/tickets?limit=1"] {
            assert_eq!(DESK.path(path), "/api/v1/tickets?limit=1");
        }
        assert_eq!(DESK.path("/api/v1.1/x"), "/api/v1/api/v1.1/x");
        assert_eq!(DESK.path("//example.com/x"), "/api/v1/example.com/x");
    }
}
