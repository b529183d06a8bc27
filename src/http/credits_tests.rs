//! The books of credits as pure values: what may be sent, what is left, and that neither reserve nor ceiling is passed.

use proptest::prelude::*;

use super::*;

fn day(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(number * 86_400, 0).expect("a time in range")
}

fn books(reserve: Reserve, ceiling: Option<u64>) -> Credits {
    Credits::new(reserve, ceiling, day(0))
}

/// An answer to a request that nothing kept from being sent.
fn book(credits: &mut Credits, resource: &'static str, weight: u64, left: Option<u64>) {
    let hold = Hold { number: credits.next, price: 0, day: credits.day };
    credits.under_way += 1;
    credits.next += 1;
    let told = Told { weight: Some(weight), left, ..Told::default() };
    credits.settle(&hold, resource, format!("/{resource}"), 0, told);
}

#[test]
fn the_reserve_is_a_share_of_the_day_and_not_of_what_a_later_run_finds() {
    let mut credits = books(Reserve::Percent(20), None);
    credits.remember(1000);
    book(&mut credits, "tickets", 3, Some(210));
    assert_eq!(credits.reserve(), 200);
    assert_eq!(credits.shortage(Priority::Main), None);
    book(&mut credits, "tickets", 3, Some(202));
    assert_eq!(credits.shortage(Priority::Main), Some(Shortage::Reserve { left: 202, reserve: 200, kept: 0 }));
}

#[test]
fn nothing_is_spent_before_the_portal_has_said_a_number() {
    assert_eq!(books(Reserve::Credits(500), None).shortage(Priority::Verify), None);
}

#[test]
fn what_an_earlier_run_has_left_is_known_before_the_portal_says_a_number() {
    let mut credits = books(Reserve::Percent(20), None);
    credits.remember(1_000);
    credits.confirm(day(0), 797, 1);
    let first = credits.hold("/organizations", 0, Priority::Main).expect("the last one that may be sent");
    credits.release(&first);
    credits.confirm(day(0), 798, 1);
    let short = Denial::Short(Shortage::Reserve { left: 202, reserve: 200, kept: 0 });
    assert_eq!(credits.hold("/organizations", 0, Priority::Main).expect_err("the reserve"), short);
    // It was not so: the portal's own number counts.
    credits.see(900);
    credits.hold("/organizations", 0, Priority::Main).expect("there is enough");
}

#[test]
fn answers_that_overtake_each_other_do_not_raise_what_is_left() {
    let mut credits = books(Reserve::Credits(0), None);
    book(&mut credits, "tickets", 3, Some(97));
    book(&mut credits, "contacts", 3, Some(100));
    assert_eq!(credits.left(), Some(97));
    assert_eq!(credits.total(), Usage { requests: 2, credits: 6 });
    assert_eq!(credits.of("contacts"), Usage { requests: 1, credits: 3 });
}

#[test]
fn less_important_work_stops_earlier() {
    let all = [Priority::Main, Priority::Tombstones, Priority::Children, Priority::Backfill, Priority::Verify];
    let mut credits = books(Reserve::Credits(200), Some(1_000));
    credits.remember(1_200);
    let mut stopped = Vec::new();
    for left in (200..=1_200).rev() {
        book(&mut credits, "tickets", 0, Some(left));
        for priority in all {
            if credits.shortage(priority).is_some() && !stopped.contains(&(priority, left)) {
                stopped.push((priority, left));
            }
        }
    }
    let first = |priority| stopped.iter().find(|(stopped, _)| *stopped == priority).map(|(_, left)| *left);
    assert_eq!(all.map(first), [202, 222, 252, 302, 352].map(Some));
    let mut credits = books(Reserve::Credits(0), Some(1_000));
    credits.confirm(day(0), 900, 1);
    let kept = Shortage::Ceiling { spent: 900, ceiling: 1_000, kept: 100 };
    assert_eq!(credits.shortage(Priority::Backfill), Some(kept));
    assert_eq!(credits.shortage(Priority::Main), None);
}

#[test]
fn a_budget_is_what_can_be_spent_until_a_shortage() {
    let mut credits = books(Reserve::Credits(200), Some(500));
    assert_eq!(credits.budget(Priority::Main), Budget { today: Some(500), a_day: Some(500) });
    credits.remember(1_200);
    book(&mut credits, "tickets", 50, Some(330));
    assert_eq!(credits.budget(Priority::Main), Budget { today: Some(130), a_day: Some(500) });
    assert_eq!(credits.budget(Priority::Backfill), Budget { today: Some(30), a_day: Some(450) });
    assert_eq!(books(Reserve::Percent(20), None).budget(Priority::Main), Budget::default());
}

#[test]
fn the_ceiling_counts_other_runs_and_begins_anew_each_day() {
    let mut credits = books(Reserve::Credits(0), Some(100));
    credits.confirm(day(0), 90, 1);
    book(&mut credits, "tickets", 7, None);
    assert_eq!(credits.shortage(Priority::Main), None);
    let taken = credits.take_bookings();
    book(&mut credits, "tickets", 3, None);
    let spent = Shortage::Ceiling { spent: 100, ceiling: 100, kept: 0 };
    assert_eq!(credits.shortage(Priority::Main), Some(spent));
    // Another process has spent as well; what is not written yet is not in the ledger's number.
    credits.confirm(day(0), 104, 1);
    assert_eq!(credits.shortage(Priority::Main), Some(Shortage::Ceiling { spent: 107, ceiling: 100, kept: 0 }));
    assert_eq!(taken.iter().map(|booking| booking.usage.credits).collect::<Vec<_>>(), [7]);
    credits.turn_day(day(1));
    assert_eq!(credits.shortage(Priority::Main), None);
    assert_eq!(credits.take_bookings()[0].day, day(0), "what was spent yesterday stays yesterday's");
}

#[test]
fn the_day_is_what_the_edition_gives_where_that_can_be() {
    let mut credits = books(Reserve::Percent(20), None);
    credits.remember_edition(100_000);
    assert_eq!(credits.reserve(), 0, "nothing is known before the portal has said a number");
    credits.see(40_000);
    assert_eq!(credits.reserve(), 20_000);
    // More was bought than the edition gives.
    credits.remember(120_000);
    assert_eq!(credits.reserve(), 24_000);
    // It never had what the edition's name tells.
    let mut small = books(Reserve::Percent(20), None);
    small.remember_edition(100_000);
    small.see(1_000);
    assert_eq!(small.reserve(), 200);
    // On another day it had, so others have used it up.
    small.remember_ever(90_000);
    assert_eq!(small.reserve(), 20_000);
}

#[test]
fn before_the_portal_has_said_a_number_one_request_is_under_way() {
    let mut credits = books(Reserve::Percent(20), None);
    let first = credits.hold("/organizations", 0, Priority::Main).expect("nothing is short");
    assert_eq!(credits.hold("/tickets/search", 0, Priority::Main).expect_err("one at a time"), Denial::Later);
    let told = Told { weight: Some(3), left: Some(997), ..Told::default() };
    credits.settle(&first, "portal", "/organizations".into(), 0, told);
    for _ in 0..100 {
        credits.hold("/tickets/search", 0, Priority::Main).expect("there is enough");
    }
}

#[test]
fn the_price_of_a_lost_answer_is_held_until_a_later_one_tells_what_is_left() {
    let mut credits = books(Reserve::Credits(100), Some(50));
    credits.see(106);
    let [lost, other] = [(); 2].map(|()| credits.hold("/tickets/search", 0, Priority::Main).expect("enough for two"));
    credits.lose(&lost, "tickets", "/tickets/search".into());
    // It was sent before, so what is left may not know of the lost one.
    let told = Told { weight: Some(3), left: Some(103), ..Told::default() };
    credits.settle(&other, "tickets", "/tickets/search".into(), 0, told);
    let short = Denial::Short(Shortage::Reserve { left: 103, reserve: 100, kept: 0 });
    assert_eq!(credits.hold("/tickets/search", 0, Priority::Main).expect_err("it may have been paid"), short);
    let booked = credits.take_bookings();
    assert_eq!((booked[0].usage.credits, booked[0].possible), (3, 3));
    credits.see(103);
    credits.lost.clear();
    let later = credits.hold("/tickets/search", 0, Priority::Main).expect("it was not paid");
    assert_eq!(later.number, 2);
}

#[test]
fn an_answer_of_yesterday_says_nothing_of_today() {
    let mut credits = books(Reserve::Credits(0), None);
    credits.see(1_000);
    let [late, early] = [(); 2].map(|()| credits.hold("/tickets/search", 0, Priority::Main).expect("enough"));
    let told = |left, of| Told { weight: Some(3), left: Some(left), day: Some(day(of)), is_doubtful: true };
    credits.settle(&early, "tickets", "/tickets/search".into(), 0, told(5_000, 1));
    credits.settle(&late, "tickets", "/tickets/search".into(), 0, told(2, 0));
    assert_eq!((credits.day(), credits.left()), (day(1), Some(5_000)));
    let days: Vec<_> = credits.take_bookings().into_iter().map(|booking| booking.day).collect();
    assert_eq!(days, [day(0), day(1)]);
}

#[test]
fn runs_beside_each_other_share_what_the_ceiling_leaves() {
    let mut credits = books(Reserve::Credits(0), Some(100));
    credits.see(1_000);
    credits.confirm(day(0), 80, 2);
    let holds: Vec<_> = std::iter::from_fn(|| credits.hold("/tickets/search", 0, Priority::Main).ok()).collect();
    assert_eq!(holds.len(), 3, "10 of the 20 that are left");
    assert_eq!(credits.hold("/tickets/search", 0, Priority::Main).expect_err("the other's part"), Denial::Later);
}

/// What happens to a request, and to its answer.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// One that has so many rows before it is sent, if it may be.
    Send(u64),
    /// The portal counts one of those that were sent.
    Charge(usize),
    /// The answer to one arrives that was counted.
    Answer(usize),
    /// The answer to one gets lost, whether it was counted or is counted later.
    Lose(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => prop_oneof![Just(0_u64), Just(0), Just(2_001), Just(10_001)].prop_map(Event::Send),
        3 => (0_usize..30).prop_map(Event::Charge),
        3 => (0_usize..30).prop_map(Event::Answer),
        1 => (0_usize..30).prop_map(Event::Lose),
    ];
    prop::collection::vec(event, 0..300)
}

proptest! {
    #[test]
    fn neither_reserve_nor_ceiling_is_passed(
        events in events(),
        daily in 20_u64..400,
        reserve in 0_u64..200,
        ceiling in 10_u64..400,
    ) {
        let mut credits = books(Reserve::Credits(reserve), Some(ceiling));
        let (mut left, mut spent, mut is_known) = (daily, 0, false);
        // With what each has left on the portal once it is counted.
        let mut sent: Vec<(Hold, u64, Option<u64>)> = Vec::new();
        for event in events {
            match event {
                Event::Send(depth) => {
                    if let Ok(hold) = credits.hold("/tickets/search", depth, Priority::Main) {
                        prop_assert!(is_known || sent.is_empty());
                        sent.push((hold, depth, None));
                    }
                }
                Event::Charge(at) if at < sent.len() && sent[at].2.is_none() => {
                    let price = documented_price(sent[at].1).min(left);
                    (left, spent) = (left - price, spent + price);
                    sent[at].2 = Some(left);
                    // The first one of all is sent to learn what is left.
                    prop_assert!(left >= reserve || !is_known, "{left} left of {daily}, reserve {reserve}");
                    prop_assert!(spent <= ceiling, "{spent} spent, ceiling {ceiling}");
                }
                Event::Answer(at) if at < sent.len() && sent[at].2.is_some() => {
                    let (hold, depth, left) = sent.remove(at);
                    is_known = true;
                    let told = Told { weight: Some(documented_price(depth)), left, ..Told::default() };
                    credits.settle(&hold, "tickets", "/tickets/search".into(), depth, told);
                }
                // What is counted after the answer was given up is not known of; that it was counted before is.
                Event::Lose(at) if at < sent.len() && is_known && sent[at].2.is_some() => {
                    let (hold, ..) = sent.remove(at);
                    credits.lose(&hold, "tickets", "/tickets/search".into());
                }
                _ => {}
            }
        }
    }
}
