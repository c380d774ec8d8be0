//! Payments that arrive outside of Innkeeper: a bank transfer, a cheque in the mail. The gateway only tells the
//! client what to do; staff record the money when they see it. So every call of the contract is unsupported.

use billing::gateways::{
    Attempt, Capabilities, ChargeRequest, ConfigField, Gateway, GatewayConfig, GatewayError, LookUp, MethodToken,
    Outcome, RefundOutcome, RefundRequest, StoreOutcome, StoreRequest, WebhookError, WebhookEvent,
};
use kernel::Timestamp;

/// A gateway that is only words to the client.
#[derive(Debug)]
pub struct Manual {
    name: &'static str,
    display_name: &'static str,
    fields: &'static [ConfigField],
}

/// `banktransfer`
pub fn bank_transfer() -> Manual {
    const FIELDS: &[ConfigField] = &[
        text("payable_to", "Account holder", "The name on the bank account, exactly as the bank has it.", true),
        text("account", "Account number or IBAN", "", true),
        text("bank", "Bank and BIC", "The bank's name and, for payments from abroad, its BIC.", false),
        text(
            "instructions",
            "Instructions",
            "Shown below the account on invoices, for example to quote the invoice number.",
            false,
        ),
    ];
    Manual { name: "banktransfer", display_name: "Bank transfer", fields: FIELDS }
}

/// `mailin`: a cheque or money order.
pub fn mail_in() -> Manual {
    const FIELDS: &[ConfigField] = &[
        text("payable_to", "Payable to", "The name that the client writes on the cheque.", true),
        text("address", "Postal address", "Where the client sends it.", true),
        text("instructions", "Instructions", "Shown below the address on invoices.", false),
    ];
    Manual { name: "mailin", display_name: "Cheque by mail", fields: FIELDS }
}

const fn text(key: &'static str, label: &'static str, help: &'static str, required: bool) -> ConfigField {
    ConfigField { key, label, help, secret: false, required, default: "" }
}

#[async_trait::async_trait]
impl Gateway for Manual {
    fn name(&self) -> &'static str {
        self.name
    }

    fn display_name(&self) -> &'static str {
        self.display_name
    }

    fn fields(&self) -> &'static [ConfigField] {
        self.fields
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { manual: true, ..Capabilities::default() }
    }

    /// What is filled in, in the order of the form, each under its name.
    fn instructions(&self, config: &GatewayConfig) -> Vec<String> {
        let filled = self.fields.iter().filter_map(|field| Some((field, config.get(field.key)?)));
        filled
            .flat_map(|(field, value)| {
                let name = (field.key != "instructions").then_some(field.label);
                value.lines().enumerate().map(move |(index, line)| match name.filter(|_| index == 0) {
                    Some(name) => format!("{name}: {line}"),
                    None => line.to_owned(),
                })
            })
            .collect()
    }

    async fn store(&self, _: &GatewayConfig, _: StoreRequest) -> Result<StoreOutcome, GatewayError> {
        Err(GatewayError::Unsupported("storing a payment method"))
    }

    async fn forget(&self, _: &GatewayConfig, _: &MethodToken) -> Result<(), GatewayError> {
        Err(GatewayError::Unsupported("storing a payment method"))
    }

    async fn charge(&self, _: &GatewayConfig, _: ChargeRequest) -> Result<Outcome, GatewayError> {
        Err(GatewayError::Unsupported("charging"))
    }

    async fn look_up(&self, _: &GatewayConfig, _: &Attempt, _: Timestamp) -> Result<LookUp, GatewayError> {
        Err(GatewayError::Unsupported("asking about a charge"))
    }

    async fn cancel(&self, _: &GatewayConfig, _: &str) -> Result<LookUp, GatewayError> {
        Err(GatewayError::Unsupported("giving up a charge"))
    }

    async fn refund(&self, _: &GatewayConfig, _: RefundRequest) -> Result<RefundOutcome, GatewayError> {
        Err(GatewayError::Unsupported("refunding"))
    }

    async fn look_up_refund(
        &self,
        _: &GatewayConfig,
        _: &RefundRequest,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        Err(GatewayError::Unsupported("refunding"))
    }

    fn verify_webhook(
        &self,
        _: &GatewayConfig,
        _: &[(String, String)],
        _: &[u8],
        _: Timestamp,
    ) -> Result<WebhookEvent, WebhookError> {
        Err(WebhookError::Unsupported)
    }
}
