//! The scripted courses that a payment can take.

use billing::gateways::{Expiry, MethodKind, MethodToken, Outcome, StoredMethod};
use kernel::Money;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Paid at once.
    Ok,
    /// Declined: insufficient funds.
    Declined,
    /// Declined: the card has expired (and its stored expiry is in the past).
    Expired,
    /// The client must authenticate.
    Sca,
    /// No answer to the charge, which was carried out: asking later finds it paid.
    Timeout,
    /// No answer to the charge, which never arrived.
    Lost,
    /// The provider cannot be reached at all.
    Down,
    /// A bank debit that is paid later.
    Pending,
    /// A bank debit that is returned later.
    Bounced,
}

const PREFIX: &str = "sandbox";

impl Scenario {
    pub const ALL: [Scenario; 9] = [
        Scenario::Ok,
        Scenario::Declined,
        Scenario::Expired,
        Scenario::Sca,
        Scenario::Timeout,
        Scenario::Lost,
        Scenario::Down,
        Scenario::Pending,
        Scenario::Bounced,
    ];

    /// The token that stands for it.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Ok => "ok",
            Scenario::Declined => "declined",
            Scenario::Expired => "expired",
            Scenario::Sca => "sca",
            Scenario::Timeout => "timeout",
            Scenario::Lost => "lost",
            Scenario::Down => "down",
            Scenario::Pending => "pending",
            Scenario::Bounced => "bounced",
        }
    }

    fn parse(name: &str) -> Option<Scenario> {
        Scenario::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// The scenario of an id that the sandbox handed out: `sandbox_<kind>_<scenario>_…`.
    pub(super) fn of_id(id: &str) -> Option<Scenario> {
        let mut parts = id.split('_');
        (parts.next() == Some(PREFIX)).then_some(())?;
        Scenario::parse(parts.nth(1)?)
    }

    pub(super) fn payment_id(self, attempt: &str) -> String {
        format!("{PREFIX}_payment_{}_{attempt}", self.name())
    }

    /// What becomes of the charge in the end.
    pub(super) fn final_outcome(self, attempt: &str, fee: Option<Money>) -> Outcome {
        let external_id = self.payment_id(attempt);
        let declined = |code: &str, reason: &str| Outcome::Declined {
            external_id: Some(self.payment_id(attempt)),
            code: code.to_owned(),
            reason: reason.to_owned(),
        };
        match self {
            Scenario::Declined => declined("insufficient_funds", "The card has insufficient funds."),
            Scenario::Expired => declined("expired_card", "The card has expired."),
            Scenario::Bounced => declined("debit_returned", "The bank returned the debit."),
            Scenario::Lost | Scenario::Down => declined("never_arrived", "The payment never arrived."),
            Scenario::Sca => Outcome::ActionRequired { external_id, url: None },
            Scenario::Ok | Scenario::Timeout | Scenario::Pending => Outcome::Succeeded { external_id, fee },
        }
    }

    fn is_bank_debit(self) -> bool {
        matches!(self, Scenario::Pending | Scenario::Bounced)
    }
}

pub(super) struct TestCard {
    scenario: Scenario,
    brand: &'static str,
    last_four: &'static str,
}

/// The numbers are those of Stripe's documentation, which people know by heart.
pub(super) fn test_card(token: &str) -> Option<TestCard> {
    let token: String = token.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let (scenario, brand, last_four) = match token.as_str() {
        "4242424242424242" => (Scenario::Ok, "Visa", "4242"),
        "5555555555554444" => (Scenario::Ok, "Mastercard", "4444"),
        "378282246310005" => (Scenario::Ok, "American Express", "0005"),
        "4000000000000002" => (Scenario::Declined, "Visa", "0002"),
        "4000000000009995" => (Scenario::Declined, "Visa", "9995"),
        "4000000000000341" => (Scenario::Declined, "Visa", "0341"),
        "4000000000000069" => (Scenario::Expired, "Visa", "0069"),
        "4000002500003155" => (Scenario::Sca, "Visa", "3155"),
        "4000002760003184" => (Scenario::Sca, "Visa", "3184"),
        name => match Scenario::parse(name)? {
            scenario if scenario.is_bank_debit() => (scenario, "Test bank", "3000"),
            Scenario::Declined => (Scenario::Declined, "Visa", "0002"),
            Scenario::Expired => (Scenario::Expired, "Visa", "0069"),
            Scenario::Sca => (Scenario::Sca, "Visa", "3155"),
            scenario => (scenario, "Visa", "4242"),
        },
    };
    Some(TestCard { scenario, brand, last_four })
}

impl TestCard {
    /// The method carries the scenario, because it is all that a look-up without a payment id has.
    pub(super) fn stored(self, client_id: i64) -> StoredMethod {
        let scenario = self.scenario.name();
        let (kind, expiry) = match self.scenario {
            debit if debit.is_bank_debit() => (MethodKind::BankAccount, None),
            Scenario::Expired => (MethodKind::Card, Some(Expiry { year: 2020, month: 1 })),
            _ => (MethodKind::Card, Some(Expiry { year: 2099, month: 12 })),
        };
        StoredMethod {
            token: MethodToken {
                customer: format!("{PREFIX}_customer_{client_id}"),
                method: format!("{PREFIX}_method_{scenario}_{}", self.last_four),
            },
            kind,
            brand: self.brand.to_owned(),
            last_four: self.last_four.to_owned(),
            expiry,
        }
    }
}
