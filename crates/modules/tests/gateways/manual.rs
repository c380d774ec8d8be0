use billing::gateways::{Gateway, GatewayConfig};
use modules::gateways::{built_in, manual};

use crate::contract::{Trial, describes_itself, keeps_the_contract};
use crate::fixtures::{http, money};

#[tokio::test]
async fn manual_gateways_keep_the_contract() {
    for gateway in [manual::bank_transfer(), manual::mail_in()] {
        keeps_the_contract(&Trial {
            gateway: &gateway,
            config: GatewayConfig::default(),
            amount: money("10.00", "EUR"),
            pays: String::new(),
            is_declined: String::new(),
            remembers_keys: false,
        })
        .await;
    }
}

#[tokio::test]
async fn built_in_gateways_have_names_of_their_own() {
    let gateways = built_in(&http());
    let names: Vec<&str> = gateways.iter().map(|gateway| gateway.name()).collect();
    assert_eq!(names, ["stripe", "banktransfer", "mailin", "sandbox"]);
    gateways.iter().for_each(|gateway| describes_itself(gateway.as_ref()));
}

#[test]
fn a_bank_transfer_tells_where_to_pay() {
    let keys: Vec<&str> = manual::bank_transfer().fields().iter().map(|field| field.key).collect();
    assert_eq!(keys, ["payable_to", "account", "bank", "instructions"]);
}
