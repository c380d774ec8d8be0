//! Bans that the program sets itself: after too many wrong passwords or credentials from one address.

use std::net::IpAddr;

use kernel::{Network, Result, Timestamp};
use platform::db::Tx;
use platform::settings::{Values, anything, networks};
use platform::{Kind, Setting, news};

use super::{Ban, TOPIC, store, told};
use crate::activity_log::{self, Actor};
use crate::passwords::guessing;

pub const STAFF_TRIES: Setting = Setting {
    key: "failed_staff_logins",
    kind: Kind::Int { min: 1, max: 1_000 },
    default: "3",
    section: "Security",
    label: "Wrong staff passwords before a ban",
    help: "From one address within a quarter of an hour. The address is banned then, for as long as the next setting says.",
    rule: anything,
    read_by: "accounts::banned_ips::failed",
};

pub const STAFF_MINUTES: Setting = Setting {
    key: "failed_staff_login_ban_minutes",
    kind: Kind::Int { min: 0, max: 525_600 },
    default: "15",
    section: "Security",
    label: "Minutes of a ban after wrong staff passwords",
    help: "0 bans nobody.",
    rule: anything,
    read_by: "accounts::banned_ips::failed",
};

pub const CLIENT_TRIES: Setting = Setting {
    key: "failed_client_logins",
    kind: Kind::Int { min: 0, max: 1_000 },
    default: "10",
    section: "Security",
    label: "Wrong client passwords before a ban",
    help: "From one address within a quarter of an hour. 0 bans nobody.",
    rule: anything,
    read_by: "accounts::banned_ips::failed",
};

pub const CLIENT_MINUTES: Setting = Setting {
    key: "failed_client_login_ban_minutes",
    kind: Kind::Int { min: 0, max: 525_600 },
    default: "15",
    section: "Security",
    label: "Minutes of a ban after wrong client passwords",
    help: "0 bans nobody.",
    rule: anything,
    read_by: "accounts::banned_ips::failed",
};

pub const API_TRIES: Setting = Setting {
    key: "failed_api_requests",
    kind: Kind::Int { min: 1, max: 100_000 },
    default: "30",
    section: "Security",
    label: "Wrong API credentials before a ban",
    help: "Requests from one address with a credential that is none, in a minute and on one node.",
    rule: anything,
    read_by: "accounts::doors::limits::Limits::wrong_credential",
};

pub const API_MINUTES: Setting = Setting {
    key: "failed_api_ban_minutes",
    kind: Kind::Int { min: 0, max: 525_600 },
    default: "15",
    section: "Security",
    label: "Minutes of a ban after wrong API credentials",
    help: "0 bans nobody.",
    rule: anything,
    read_by: "accounts::banned_ips::failed",
};

pub const NEVER: Setting = Setting {
    key: "never_banned",
    kind: Kind::Networks,
    default: "",
    section: "Security",
    label: "Addresses that are never banned by themselves",
    help: "Addresses or networks such as the office's: 203.0.113.7, 10.0.0.0/8. Staff can still ban them.",
    rule: anything,
    read_by: "accounts::banned_ips::failed",
};

pub const SETTINGS: &[Setting] =
    &[STAFF_TRIES, STAFF_MINUTES, CLIENT_TRIES, CLIENT_MINUTES, API_TRIES, API_MINUTES, NEVER];

/// Where somebody failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Staff,
    Client,
    Api,
}

impl Door {
    fn minutes(self) -> &'static Setting {
        match self {
            Door::Staff => &STAFF_MINUTES,
            Door::Client => &CLIENT_MINUTES,
            Door::Api => &API_MINUTES,
        }
    }

    /// Under which name wrong passwords are counted, and how many are enough; of the APIs others keep count.
    fn tries(self) -> Option<(&'static str, &'static Setting)> {
        match self {
            Door::Staff => Some(("admin", &STAFF_TRIES)),
            Door::Client => Some(("user", &CLIENT_TRIES)),
            Door::Api => None,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Door::Staff | Door::Client => "Too many wrong passwords",
            Door::Api => "Too many wrong API credentials",
        }
    }
}

/// Bans an address that has failed too often at a door, unless it is never to be banned. Wrong passwords are
/// counted here, since the last ban; those who count in memory come only when it is enough.
pub async fn failed(tx: &mut Tx, door: Door, ip: &str, now: Timestamp) -> Result<Option<Ban>> {
    let Ok(address) = ip.parse::<IpAddr>() else { return Ok(None) };
    let values = Values::load(tx).await?;
    let minutes = values.int(door.minutes());
    let never = networks(values.text(&NEVER)).unwrap_or_default();
    if minutes == 0 || never.iter().any(|network| network.contains(address)) {
        return Ok(None);
    }
    let network = home(address);
    if let Some((name, tries)) = door.tries() {
        let (enough, before) = (values.int(tries), store::banned_at(tx, &network.to_string()).await?);
        if enough == 0 || guessing::failures(tx, name, ip, before, now).await? < enough {
            return Ok(None);
        }
    }
    let set = store::Set {
        reason: door.reason(),
        set_by: "Automatic",
        automatic: true,
        expires_at: Some(now.plus_seconds(minutes * 60)),
        now,
    };
    let Some(ban) = store::insert(tx, &[network], &set).await?.into_iter().next() else { return Ok(None) };
    let by = Actor { ip: ip.to_owned(), ..Actor::system("Automatic ban") };
    activity_log::record(tx, &by, told(&ban), now).await?;
    news::tell(tx, TOPIC).await?;
    Ok(Some(ban))
}

/// Whom a failure is held against: an address, or a /64 of IPv6, which one machine has all of.
fn home(address: IpAddr) -> Network {
    match address {
        IpAddr::V4(_) => Network::around(address, 32),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Network::around(address, 128),
        IpAddr::V6(_) => Network::around(address, 64),
    }
}
