//! Teams: groups of agents inside a department. Zoho lists those of the departments that the sign-in sees, and tells no
//! times for them.

use super::definition::Kind::{Json, Text};
use super::definition::{Feed, LIST, List, Resource, column};

// A column is two lines, fact and meaning; rustfmt would make it six.
#[rustfmt::skip]
pub(super) static TEAMS: Resource = Resource {
    name: "teams",
    about: "Teams of agents inside departments, one row each",
    path: "/teams",
    feed: Feed::List(List { records: "teams", ..List::PLAIN }),
    scopes: &["Desk.basic.READ"],
    page_limit: 200,
    columns: &[
        column("id", "/id", Text,
            "Key of the team"),
        column("name", "/name", Text,
            "Name of the team"),
        column("description", "/description", Text,
            "What the team is for"),
        column("department_id", "/departmentId", Text,
            "Department that the team belongs to").refers("departments"),
        column("agents", "/agents", Json,
            "Keys of the agents who were put into the team themselves, as a list"),
        column("derived_agents", "/derivedAgents", Json,
            "Keys of all agents of the team, those who come with a role or a team included"),
        column("roles", "/roles", Json,
            "Keys of the roles whose agents are in the team"),
        column("roles_with_subordinates", "/rolesWithSubordinates", Json,
            "Keys of the roles whose agents are in the team with all below them"),
        column("sub_teams", "/subTeams", Json,
            "Keys of the teams that are in the team"),
        column("logo_url", "/logoUrl", Text,
            "Link to the picture; needs a sign-in"),
    ],
    ..LIST
};
