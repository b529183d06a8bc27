//! Who and what the records speak of: agents, contacts, companies, all thrown from the seed when asked for.

use crate::dice::Dice;
use crate::record::{Module, id_of};
use crate::words::{CITIES, COMPANIES, FIRST_NAMES, LAST_NAMES};

/// How many agents the portal has.
pub(crate) const AGENTS: u8 = 12;
/// How many departments the portal has.
pub(crate) const DEPARTMENTS: u8 = 5;

/// What never changes about a world.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) seed: u64,
    pub(crate) unreadable: u64,
    pub(crate) org_id: String,
    pub(crate) tickets: u32,
    pub(crate) contacts: u32,
    pub(crate) accounts: u32,
    pub(crate) tasks: u32,
    pub(crate) articles: u32,
    pub(crate) calls: u32,
    pub(crate) events: u32,
    pub(crate) products: u32,
    /// See [`Settings`](crate::Settings).
    pub(crate) half_emojis: Option<u64>,
    /// Milliseconds: the time of the oldest records, and the time at which the world was built.
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// An agent or a contact.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) first: Option<&'static str>,
    pub(crate) last: &'static str,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) mobile: Option<String>,
}

/// An account.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) website: Option<String>,
}

impl Cast {
    /// The dice for one topic of one record.
    pub(crate) fn dice(&self, module: Module, serial: u32, topic: u32) -> Dice {
        Dice::of(&[self.seed, module as u64, u64::from(serial), u64::from(topic)])
    }

    /// How many records a module began with.
    pub(crate) fn count(&self, module: Module) -> u32 {
        match module {
            Module::Tickets => self.tickets,
            Module::Contacts => self.contacts,
            Module::Tasks => self.tasks,
            Module::Articles => self.articles,
            Module::Accounts => self.accounts,
            Module::Calls => self.calls,
            Module::Events => self.events,
            Module::Products => self.products,
        }
    }

    pub(crate) fn department_id(&self, number: u8) -> u64 {
        id_of(6, u32::from(number))
    }

    pub(crate) fn agent_id(&self, number: u8) -> u64 {
        id_of(7, u32::from(number))
    }

    pub(crate) fn agent(&self, number: u8) -> Person {
        let mut dice = Dice::of(&[self.seed, 7, u64::from(number)]);
        let (first, last) = (dice.pick(&FIRST_NAMES), dice.pick(&LAST_NAMES));
        Person {
            id: self.agent_id(number),
            first: Some(first),
            last,
            email: Some(format!("agent{:02}@desk.example", number + 1)),
            phone: Some(phone(&mut dice)),
            mobile: None,
        }
    }

    pub(crate) fn zuid(&self, number: u8) -> u64 {
        700_000_100 + u64::from(number) * 13
    }

    /// Whether the agent works in the department: each in one or two, the first in all.
    pub(crate) fn works_in(&self, agent: u8, department: u8) -> bool {
        agent == 0
            || agent % DEPARTMENTS == department
            || (agent.is_multiple_of(3) && (agent + 1) % DEPARTMENTS == department)
    }

    pub(crate) fn contact(&self, serial: u32) -> Person {
        let mut dice = self.dice(Module::Contacts, serial, 0);
        let first = dice.chance(94).then(|| dice.pick(&FIRST_NAMES));
        let last = dice.pick(&LAST_NAMES);
        Person {
            id: Module::Contacts.key(serial),
            first,
            last,
            email: dice.chance(96).then(|| format!("contact{serial}@mail.example")),
            phone: dice.chance(70).then(|| phone(&mut dice)),
            mobile: dice.chance(30).then(|| phone(&mut dice)),
        }
    }

    /// The account of a contact; some have none.
    pub(crate) fn account_of(&self, contact: u32) -> Option<u32> {
        let mut dice = self.dice(Module::Contacts, contact, 1);
        dice.chance(85).then(|| dice.below(u64::from(self.accounts)) as u32)
    }

    pub(crate) fn account(&self, serial: u32) -> Company {
        let mut dice = Dice::of(&[self.seed, 5, u64::from(serial)]);
        let name = dice.pick(&COMPANIES);
        let city = dice.pick(&CITIES).0;
        Company {
            id: Module::Accounts.key(serial),
            name: format!("{name} {city}"),
            website: dice.chance(80).then(|| format!("https://www.company{serial}.example")),
        }
    }
}

fn phone(dice: &mut Dice) -> String {
    format!("+{} {:03} {:06}", dice.pick(&[31, 33, 44, 49, 81, 91]), dice.below(1_000), dice.below(1_000_000))
}
