//! What registering, transferring and renewing costs for a number of years.
//!
//! What must hold: a missing price means *not sold*, never free. A client group's price comes before everybody's; where the
//! group has none, it pays what everybody pays.

use kernel::{Currency, FieldErrors, Money};

kernel::text_enum! {
    /// What a client can have done to a domain for money.
    pub enum Operation {
        Register = "register",
        Transfer = "transfer",
        Renew = "renew",
    }
}
kernel::text_enum! {
    /// What is due on top when a domain is renewed after its expiry.
    pub enum LateFee {
        Grace = "grace",
        Redemption = "redemption",
    }
}
platform::enum_column!(Operation, LateFee);

/// No registry lets a domain be registered for longer (RFC 5731 leaves it to them; ICANN's agreements say ten years).
pub const MAX_YEARS: u8 = 10;

impl Operation {
    /// A renewal comes on top of what is left of the term, so ten years of it would go beyond ten years from now.
    pub fn max_years(self) -> u8 {
        match self {
            Operation::Register | Operation::Transfer => MAX_YEARS,
            Operation::Renew => MAX_YEARS - 1,
        }
    }

    /// “Sell *registrations*”.
    pub fn noun(self) -> &'static str {
        match self {
            Operation::Register => "registration",
            Operation::Transfer => "transfer",
            Operation::Renew => "renewal",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// `None`: everybody's price.
    pub group_id: Option<i64>,
    pub operation: Operation,
    pub years: u8,
    /// For all the years together.
    pub amount: Money,
}

impl Price {
    pub fn currency(&self) -> Currency {
        self.amount.currency
    }

    fn key(&self) -> (Option<i64>, Currency, Operation, u8) {
        (self.group_id, self.currency(), self.operation, self.years)
    }
}

/// The prices of one extension, in the order of group, currency, operation, years.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(Vec<Price>);

impl Prices {
    pub fn new(mut prices: Vec<Price>) -> Prices {
        prices.sort_by_key(Price::key);
        Prices(prices)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Price> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Exactly this price, without looking at everybody's.
    pub fn own(&self, group: Option<i64>, currency: Currency, operation: Operation, years: u8) -> Option<Money> {
        let key = (group, currency, operation, years);
        self.0.binary_search_by_key(&key, Price::key).ok().map(|at| self.0[at].amount)
    }

    /// What a client of this group pays; `None` when it is not sold.
    pub fn of(&self, group: Option<i64>, currency: Currency, operation: Operation, years: u8) -> Option<Money> {
        let own = group.and_then(|_| self.own(group, currency, operation, years));
        own.or_else(|| self.own(None, currency, operation, years))
    }

    /// The years that a client of this group can choose, the fewest first.
    pub fn years(&self, group: Option<i64>, currency: Currency, operation: Operation) -> Vec<u8> {
        (1..=MAX_YEARS).filter(|years| self.of(group, currency, operation, *years).is_some()).collect()
    }

    /// The client groups that have prices of their own.
    pub fn groups(&self) -> Vec<i64> {
        let mut groups: Vec<i64> = self.0.iter().filter_map(|price| price.group_id).collect();
        groups.dedup();
        groups
    }

    /// With these instead of all for which `replaced` holds.
    pub fn with(&self, replaced: impl Fn(&Price) -> bool, new: Vec<Price>) -> Prices {
        let kept = self.0.iter().filter(|price| !replaced(price)).copied();
        Prices::new(kept.chain(new).collect())
    }

    /// For the activity log: `EUR register 1 y 10.00; …`.
    pub fn described(&self) -> String {
        let one = |price: &Price| {
            let group = price.group_id.map(|group| format!("group {group} ")).unwrap_or_default();
            format!("{group}{} {} {} y {}", price.currency(), price.operation, price.years, price.amount.decimal())
        };
        self.0.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// Notes what cannot be a price list, by the fields that [`field`] names.
    pub fn check(&self, dealt: &[Currency], groups: &[i64], errors: &mut FieldErrors) {
        for (at, price) in self.0.iter().enumerate() {
            let name = field(price.group_id, price.currency(), price.operation, price.years);
            if let Some(wrong) = price.wrong(dealt, groups) {
                errors.add(&name, wrong);
            }
            let Some(before) = at.checked_sub(1).and_then(|at| self.0.get(at)) else { continue };
            if before.key() == price.key() {
                errors.add(&name, format!("There are two prices for {}. Keep one.", price.words()));
            } else if price.operation == Operation::Transfer && before.is_beside(price) {
                errors.add(&name, "A transfer has one period. Remove the other prices for transfers.");
            }
        }
    }
}

impl Price {
    fn words(&self) -> String {
        let years = if self.years == 1 { "1 year".to_owned() } else { format!("{} years", self.years) };
        format!("a {} of {years} in {}", self.operation.noun(), self.currency())
    }

    /// Differs in years alone.
    fn is_beside(&self, other: &Price) -> bool {
        let but_years = |price: &Price| (price.group_id, price.currency(), price.operation);
        but_years(self) == but_years(other)
    }

    fn wrong(&self, dealt: &[Currency], groups: &[i64]) -> Option<String> {
        let currency = self.currency();
        if !dealt.contains(&currency) {
            return Some(format!("You do not deal in {currency}. Add the currency first."));
        }
        if self.group_id.is_some_and(|group| !groups.contains(&group)) {
            return Some("There is no such client group.".to_owned());
        }
        if !(1..=self.operation.max_years()).contains(&self.years) {
            let most = self.operation.max_years();
            return Some(format!("A {} is for 1 to {most} years.", self.operation.noun()));
        }
        if self.amount.is_negative() {
            return Some("Enter an amount of nought or more. Leave it empty not to sell this.".to_owned());
        }
        self.amount.within_reason().err().map(|why| why.to_string())
    }
}

/// The name of a price's field: `price_0_EUR_register_1`, with the id of the client group or 0.
pub fn field(group: Option<i64>, currency: Currency, operation: Operation, years: u8) -> String {
    format!("price_{}_{currency}_{operation}_{years}", group.unwrap_or_default())
}

/// What late renewals cost on top, per kind and currency. A missing fee means that the client cannot renew in that period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fees(Vec<(LateFee, Money)>);

impl Fees {
    pub fn new(mut fees: Vec<(LateFee, Money)>) -> Fees {
        fees.sort_by_key(|(kind, amount)| (*kind, amount.currency));
        Fees(fees)
    }

    pub fn iter(&self) -> impl Iterator<Item = &(LateFee, Money)> {
        self.0.iter()
    }

    pub fn of(&self, kind: LateFee, currency: Currency) -> Option<Money> {
        self.0.iter().find(|(known, amount)| *known == kind && amount.currency == currency).map(|(_, amount)| *amount)
    }

    /// With this fee in its currency; `None` takes it away.
    pub fn with(&self, kind: LateFee, currency: Currency, fee: Option<Money>) -> Fees {
        let other = |(known, amount): &&(LateFee, Money)| !(*known == kind && amount.currency == currency);
        let kept = self.0.iter().filter(other).copied();
        Fees::new(kept.chain(fee.map(|amount| (kind, amount))).collect())
    }

    pub fn described(&self) -> String {
        let one = |(kind, amount): &(LateFee, Money)| format!("{kind} {} {}", amount.currency, amount.decimal());
        self.0.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    pub fn check(&self, dealt: &[Currency], errors: &mut FieldErrors) {
        for (at, (kind, amount)) in self.0.iter().enumerate() {
            let name = fee_field(*kind, amount.currency);
            if !dealt.contains(&amount.currency) {
                errors.add(&name, format!("You do not deal in {}. Add the currency first.", amount.currency));
            }
            if amount.is_negative() {
                errors.add(&name, "Enter an amount of nought or more. Leave it empty to have no such renewals.");
            }
            errors.take(&name, amount.within_reason());
            let before = at.checked_sub(1).and_then(|at| self.0.get(at));
            if before.is_some_and(|(known, fee)| known == kind && fee.currency == amount.currency) {
                errors.add(&name, format!("There are two {kind} fees in {}. Keep one.", amount.currency));
            }
        }
    }
}

/// The name of a fee's field: `fee_grace_EUR`.
pub fn fee_field(kind: LateFee, currency: Currency) -> String {
    format!("fee_{kind}_{currency}")
}
