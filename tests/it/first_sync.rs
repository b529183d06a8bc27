//! A first sync: all history, whole, once.

use desk_sandbox::{Bounds, Settings};

use crate::support::{Engine, House, Portal, compare, house};

/// Tickets with ties of 350 and 1,200, behind both caps and both readings of bounds.
async fn reads_everything(engine: Engine, tickets: usize, from_cap: u32, bounds: Bounds) {
    let portal = Portal::start(Settings { tickets, from_cap, bounds, ..Settings::default() }).await;
    let house = House::new(&portal, engine).await;
    let summary = house.sync().await;
    assert_eq!(house::of(&summary, "tickets")["rows_inserted"], tickets);
    compare::assert_same(&portal, &house.database).await;

    // A second sync right after finds nothing to do, and asks next to nothing to know it.
    portal.sandbox.clear_requests();
    let summary = house.sync().await;
    for resource in compare::ALL {
        let part = house::of(&summary, resource);
        assert!(part["requests"].as_u64() <= Some(2), "{part}");
        assert_eq!(part["rows_inserted"].as_u64(), Some(0), "{part}");
        assert_eq!(part["rows_updated"].as_u64(), Some(0), "{part}");
    }
}

macro_rules! reads_everything {
    ($($name:ident: $engine:ident $tickets:literal $cap:literal $bounds:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            reads_everything(Engine::$engine, $tickets, $cap, Bounds::$bounds).await;
        }
    )*};
}

reads_everything! {
    everything_is_read_behind_the_low_cap_with_bounds_included: Sqlite 6_000 999 Inclusive,
    everything_is_read_behind_the_low_cap_with_bounds_left_out: Sqlite 20_000 999 Exclusive,
    everything_is_read_behind_the_high_cap_with_bounds_left_out: Sqlite 6_000 4999 Exclusive,
    everything_is_read_into_postgres_behind_the_low_cap: Postgres 6_000 999 Exclusive,
    everything_is_read_into_postgres_behind_the_high_cap: Postgres 6_000 4999 Inclusive,
}
