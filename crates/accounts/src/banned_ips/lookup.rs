//! Which ban an address is under: one binary search in memory, because every request asks.
//!
//! Networks are nested or apart, never crossing, so the whole space is cut into stretches with one answer each. Where
//! bans are nested, the answer is the one that ends last: when that one has ended, all have.

use std::net::IpAddr;
use std::sync::Arc;

use kernel::Timestamp;
use kernel::network::{Network, number};

/// A ban as requests meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banned {
    pub network: Network,
    pub reason: Arc<str>,
    /// `None`: for good.
    pub until: Option<Timestamp>,
}

/// Every ban at one moment.
#[derive(Debug, Default)]
pub struct Bans {
    bans: Vec<Banned>,
    /// Where a stretch begins, ascending, and the ban in it.
    starts: Vec<u128>,
    answers: Vec<Option<u32>>,
}

impl Bans {
    pub fn of(mut bans: Vec<Banned>) -> Bans {
        // Wide before narrow where they begin alike: a network is in those that are open when its turn comes.
        bans.sort_unstable_by_key(|ban| ban.network);
        let mut cut = Bans { bans: Vec::new(), starts: Vec::new(), answers: Vec::new() };
        // The last address of each network that is open, and the answer there.
        let mut open: Vec<(u128, u32)> = Vec::new();
        for (index, ban) in bans.iter().enumerate() {
            let (first, last) = ban.network.range();
            cut.close(&mut open, Some(first));
            let mut answer = u32::try_from(index).unwrap_or(u32::MAX);
            if let Some((_, outer)) = open.last()
                && !ends_later(ban, &bans[*outer as usize])
            {
                answer = *outer;
            }
            open.push((last, answer));
            cut.from(first, Some(answer));
        }
        cut.close(&mut open, None);
        cut.bans = bans;
        cut
    }

    /// Ends the stretches of networks that are over before `next`.
    fn close(&mut self, open: &mut Vec<(u128, u32)>, next: Option<u128>) {
        while let Some((last, _)) = open.last().copied()
            && next.is_none_or(|next| last < next)
        {
            open.pop();
            if let Some(after) = last.checked_add(1) {
                self.from(after, open.last().map(|(_, answer)| *answer));
            }
        }
    }

    fn from(&mut self, start: u128, answer: Option<u32>) {
        if self.starts.last() == Some(&start) {
            self.answers.pop();
            self.starts.pop();
        }
        if self.answers.last().copied().flatten() != answer {
            self.starts.push(start);
            self.answers.push(answer);
        }
    }

    /// The ban that an address is under now.
    pub fn of_address(&self, address: IpAddr, now: Timestamp) -> Option<&Banned> {
        let address = number(address);
        let at = self.starts.partition_point(|start| *start <= address).checked_sub(1)?;
        let ban = self.bans.get(self.answers[at]? as usize)?;
        ban.until.is_none_or(|until| until > now).then_some(ban)
    }

    pub fn len(&self) -> usize {
        self.bans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bans.is_empty()
    }
}

fn ends_later(one: &Banned, other: &Banned) -> bool {
    match (one.until, other.until) {
        (None, other) => other.is_some(),
        (Some(_), None) => false,
        (Some(one), Some(other)) => one > other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn bans(list: &[(&str, Option<i64>)]) -> Vec<Banned> {
        let ban = |(network, until): &(&str, Option<i64>)| Banned {
            network: Network::parse(network).unwrap(),
            reason: (*network).into(),
            until: until.map(at),
        };
        list.iter().map(ban).collect()
    }

    #[test]
    fn nested_bans_end_when_the_last_of_them_ends() {
        let bans = Bans::of(bans(&[
            ("10.0.0.0/8", Some(10)),
            ("10.1.0.0/16", Some(20)),
            ("10.1.2.3", Some(5)),
            ("::/0", Some(2)),
        ]));
        let reason = |address: &str, now| bans.of_address(address.parse().unwrap(), at(now)).map(|ban| &*ban.reason);
        assert_eq!(reason("10.1.2.3", 1), Some("10.1.0.0/16"));
        assert_eq!(reason("10.1.2.3", 19), Some("10.1.0.0/16"));
        assert_eq!(reason("10.1.2.3", 20), None);
        assert_eq!(reason("10.2.0.0", 9), Some("10.0.0.0/8"));
        assert_eq!(reason("11.0.0.0", 1), Some("::/0"));
        assert_eq!(reason("2001:db8::1", 1), Some("::/0"));
        assert_eq!(reason("11.0.0.0", 2), None);
        assert!(Bans::default().of_address("10.1.2.3".parse().unwrap(), at(0)).is_none());
    }

    proptest! {
        #[test]
        fn the_search_answers_as_a_look_at_every_ban(
            list in proptest::collection::vec((0u32..64, 24u8..=32, proptest::option::of(0i64..4)), 0..40),
            last in 0u32..64, now in 0i64..4,
        ) {
            let all: Vec<Banned> = list
                .iter()
                .map(|(low, bits, until)| Banned {
                    network: Network::around(std::net::Ipv4Addr::from_bits(0x0a00_0000 | low).into(), *bits),
                    reason: "".into(),
                    until: until.map(at),
                })
                .collect();
            let address: IpAddr = std::net::Ipv4Addr::from_bits(0x0a00_0000 | last).into();
            let slow = all.iter().any(|ban| ban.network.contains(address) && ban.until.is_none_or(|until| until > at(now)));
            prop_assert_eq!(Bans::of(all).of_address(address, at(now)).is_some(), slow);
        }
    }
}
