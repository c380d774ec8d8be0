//! The terms of a moment: settings, tax rules and the seller, read once for a batch or a request.

use accounts::clients::Client;
use accounts::parties::{self, Party};
use kernel::{Currency, Date, Money, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::settings::Values;
use platform::{params, record};

use crate::invoices::draft::Lead;
use crate::invoices::numbering::{Format, Reset};
use crate::settings as keys;
use crate::taxes::calculation::{
    self, Compound, Deduct, Level, Levels, PriceMode, Rule, TaxCategory, TaxRounding, TaxableLine, Totals, Treatment,
};

/// Everything that an invoice is made by, besides its client and lines.
#[derive(Debug, Clone)]
pub struct Terms {
    pub settings: Values,
    /// The business's today.
    pub today: Date,
    pub now: Timestamp,
    pub seller: Party,
    pub numbers: Format,
    pub note_numbers: Format,
    /// When invoice numbers start anew; never, where the format could not keep them apart.
    pub reset: Reset,
    /// The same of credit notes, whose format may differ.
    pub note_reset: Reset,
    pub lead: Lead,
    pub continuous: bool,
    pub auto_credit: bool,
    tax_enabled: bool,
    mode: PriceMode,
    rounding: TaxRounding,
    compound: Compound,
    deduct: Deduct,
    rules: Vec<Rule>,
}

record! {
    struct RuleRow {
        id: i64,
        level: u8,
        name: String,
        country: Option<String>,
        state: Option<String>,
        rate: kernel::Rate,
        category: TaxCategory,
        valid_from: Option<Date>,
        valid_until: Option<Date>,
    }
}

impl Terms {
    pub async fn load(conn: &mut Conn, now: Timestamp) -> Result<Terms> {
        let settings = Values::load(conn).await?;
        let sql = format!("SELECT {} FROM tax_rules ORDER BY id", RuleRow::columns(""));
        let rules: Vec<RuleRow> = conn.all(&sql, params![]).await?;
        let days = |setting| settings.optional_int(setting);
        let reset = Reset::parse(settings.text(&keys::NUMBER_RESET)).unwrap_or(Reset::Never);
        let numbers = number_format(settings.text(&keys::NUMBER_FORMAT), keys::NUMBER_FORMAT.default)?;
        let note_numbers = number_format(settings.text(&keys::NOTE_FORMAT), keys::NOTE_FORMAT.default)?;
        let (invoice_reset, note_reset) = (kept_apart(&numbers, reset), kept_apart(&note_numbers, reset));
        let address = settings.text(&keys::COMPANY_ADDRESS);
        let mut address_lines = address.lines();
        let seller = Party {
            company: settings.text(&keys::COMPANY_NAME).to_owned(),
            email: settings.text(&keys::COMPANY_EMAIL).to_owned(),
            address1: address_lines.next().unwrap_or_default().to_owned(),
            address2: address_lines.collect::<Vec<_>>().join("\n"),
            country: settings.text(&keys::COMPANY_COUNTRY).to_uppercase(),
            tax_id: settings.text(&keys::COMPANY_TAX_ID).to_owned(),
            ..Party::default()
        };
        Ok(Terms {
            today: now.date_in(&settings.time_zone(&accounts::company::TIME_ZONE)),
            now,
            seller,
            numbers,
            note_numbers,
            reset: invoice_reset,
            note_reset,
            lead: Lead {
                global: settings.int(&keys::LEAD_DAYS),
                per_cycle: [
                    days(&keys::LEAD_MONTHLY),
                    days(&keys::LEAD_QUARTERLY),
                    days(&keys::LEAD_SEMIANNUALLY),
                    days(&keys::LEAD_ANNUALLY),
                    days(&keys::LEAD_BIENNIALLY),
                    days(&keys::LEAD_TRIENNIALLY),
                ],
                domains: days(&keys::LEAD_DOMAINS).unwrap_or(settings.int(&keys::LEAD_DAYS)),
            },
            continuous: settings.bool(&keys::CONTINUOUS),
            auto_credit: settings.bool(&keys::AUTO_CREDIT),
            tax_enabled: settings.bool(&keys::TAX_ENABLED),
            mode: PriceMode::parse(settings.text(&keys::TAX_MODE)).unwrap_or(PriceMode::Exclusive),
            rounding: TaxRounding::parse(settings.text(&keys::TAX_ROUNDING)).unwrap_or(TaxRounding::PerDocument),
            compound: Compound::parse(settings.text(&keys::TAX_COMPOUND)).unwrap_or(Compound::OnPrice),
            deduct: if settings.bool(&keys::TAX_DEDUCT) { Deduct::Yes } else { Deduct::No },
            rules: rules.into_iter().map(RuleRow::rule).collect(),
            settings,
        })
    }

    /// The longest lead time: nothing that is due later need be looked at.
    /// The business's day of an instant.
    pub fn day_of(&self, at: Timestamp) -> Date {
        at.date_in(&self.settings.time_zone(&accounts::company::TIME_ZONE))
    }

    pub fn longest_lead(&self) -> i64 {
        let cycles = self.lead.per_cycle.iter().flatten().copied();
        cycles.chain([self.lead.global, self.lead.domains]).max().unwrap_or_default()
    }

    /// The taxes that a client's documents bear on a day.
    pub fn levels(&self, country: &str, state: &str, on: Date) -> Levels {
        let level = |number| {
            calculation::choose(&self.rules, number, country, state, on).map(|rule| Level {
                name: rule.name.clone(),
                rate: rule.rate,
                category: rule.category,
            })
        };
        if self.tax_enabled {
            Levels { level1: level(1), level2: level(2), compound: self.compound }
        } else {
            Levels { level1: None, level2: None, compound: self.compound }
        }
    }

    /// What a second tax is a percentage of.
    pub fn compound(&self) -> Compound {
        self.compound
    }

    /// How a client is taxed. Who is exempt is freed from a tax; where none is charged anyhow, the rules say why.
    pub fn treatment(&self, exempt: bool, levels: &Levels) -> Treatment {
        if !exempt {
            return Treatment::Taxed;
        }
        let category = match levels.category() {
            TaxCategory::Standard | TaxCategory::Zero => TaxCategory::Exempt,
            other => other,
        };
        Treatment::Exempt { category, deduct_from_inclusive: self.deduct }
    }

    pub fn tax(&self, lines: &[(Money, bool)], currency: Currency, levels: &Levels, exempt: bool) -> Result<Totals> {
        let lines: Vec<TaxableLine> =
            lines.iter().map(|(amount, taxed)| TaxableLine { amount: *amount, taxed: *taxed }).collect();
        Ok(calculation::calculate(&lines, currency, levels, self.mode, self.rounding, self.treatment(exempt, levels))?)
    }

    /// The seller as documents freeze it.
    pub async fn seller_id(&self, tx: &mut Tx) -> Result<i64> {
        parties::keep(tx, &self.seller).await
    }
}

impl RuleRow {
    fn rule(self) -> Rule {
        Rule {
            id: self.id,
            level: self.level,
            name: self.name,
            country: self.country,
            state: self.state,
            rate: self.rate,
            category: self.category,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }
    }
}

/// A yearly reset without the year in the number would give numbers out twice, and nothing could be issued any more.
fn kept_apart(format: &Format, reset: Reset) -> Reset {
    if format.check(reset).is_ok() { reset } else { Reset::Never }
}

fn number_format(text: &str, default: &str) -> Result<Format> {
    Format::parse(text)
        .or_else(|_| Format::parse(default))
        .map_err(|message| kernel::Error::broken(format!("number format: {message}")))
}

/// What an invoice needs to know of its client.
#[derive(Debug, Clone)]
pub struct Buyer {
    pub client_id: i64,
    pub currency: Currency,
    pub country: String,
    pub state: String,
    pub tax_exempt: bool,
    pub party_id: i64,
}

impl Buyer {
    pub fn of(client: &Client) -> Buyer {
        Buyer {
            client_id: client.id,
            currency: client.currency,
            country: client.country.clone(),
            state: client.state.clone(),
            tax_exempt: client.tax_exempt,
            party_id: client.party_id,
        }
    }
}
