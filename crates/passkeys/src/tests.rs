//! Questions and answers with a device that does what the standard says, and with one that does not.

use serde_json::{Value, json};
use testkit::device::Device;

use super::*;

const ADDRESS: &str = "https://billing.example.com";
const HANDLE: &str = "018f6b1e-0000-7000-8000-000000000007";

fn site() -> Site {
    Site::new(ADDRESS, "Harbour Hosting").unwrap()
}

fn made(site: &Site, device: &mut Device) -> Key {
    let asked = site.ask_for_new(HANDLE, "ana@example.com", "Ana", &[]).unwrap();
    let answer = device.create(&asked.options);
    site.take_new(&asked.state, answer).unwrap()
}

#[test]
fn a_passkey_is_made_and_shown() {
    let (site, mut device) = (site(), Device::at(ADDRESS));
    let key = made(&site, &mut device);
    let asked = site.ask(std::slice::from_ref(&key)).unwrap();
    let proof = site.judge(&asked.state, device.get(&asked.options), std::slice::from_ref(&key)).unwrap();
    assert_eq!(proof.id, key.id);
    assert!(proof.text.is_some_and(|text| text != key.text), "the counter went up");
}

#[test]
fn a_passkey_names_its_owner_by_itself() {
    let (site, mut device) = (site(), Device::at(ADDRESS));
    let key = made(&site, &mut device);
    let asked = site.ask_anybody().unwrap();
    let answer = device.get(&asked.options);
    assert_eq!(site.who(&answer).unwrap(), (HANDLE.to_owned(), key.id.clone()));
    assert_eq!(site.judge_anybody(&asked.state, answer, &key).unwrap().id, key.id);
}

#[test]
fn a_key_that_is_there_is_not_made_again() {
    let (site, mut device) = (site(), Device::at(ADDRESS));
    let key = made(&site, &mut device);
    let asked = site.ask_for_new(HANDLE, "ana@example.com", "Ana", std::slice::from_ref(&key)).unwrap();
    assert_eq!(asked.options["publicKey"]["excludeCredentials"][0]["id"], json!(key.id));
    assert_eq!(asked.options["publicKey"]["authenticatorSelection"]["userVerification"], "required");
}

#[test]
fn an_answer_that_is_not_quite_right_is_refused() {
    let (site, mut device) = (site(), Device::at(ADDRESS));
    let key = made(&site, &mut device);
    let keys = std::slice::from_ref(&key);
    let refused = |state: &str, answer: Value, why: &str| {
        let judged = site.judge(state, answer, keys);
        assert!(matches!(judged, Err(Refusal::Answer(_))), "{why}: {judged:?}");
    };
    let asked = site.ask(keys).unwrap();
    let other = site.ask(keys).unwrap();
    refused(&asked.state, device.get(&other.options), "an answer to another question");
    let mut phished = Device::at("https://billing.example.com.evil.example");
    std::mem::swap(&mut phished.origin, &mut device.origin);
    refused(&asked.state, device.get(&asked.options), "an answer given to another site");
    std::mem::swap(&mut phished.origin, &mut device.origin);
    for (field, part) in [("signature", "a signature"), ("authenticatorData", "data"), ("clientDataJSON", "a question")]
    {
        let mut answer = device.get(&asked.options);
        let text = answer["response"][field].as_str().unwrap().to_owned();
        let middle = text.len() / 2;
        let changed = if &text[middle..=middle] == "A" { "B" } else { "A" };
        answer["response"][field] = format!("{}{changed}{}", &text[..middle], &text[middle + 1..]).into();
        refused(&asked.state, answer, part);
    }
    for nonsense in
        [Value::Null, json!({}), json!([1]), json!({ "id": "x", "rawId": "x", "type": "public-key", "response": {} })]
    {
        refused(&asked.state, nonsense, "nonsense");
    }
}

#[test]
fn a_copied_passkey_is_found_out() {
    let (site, mut device) = (site(), Device::at(ADDRESS));
    let key = made(&site, &mut device);
    let asked = site.ask(std::slice::from_ref(&key)).unwrap();
    let proof = site.judge(&asked.state, device.get(&asked.options), std::slice::from_ref(&key)).unwrap();
    let known = Key { id: key.id, text: proof.text.unwrap() };
    device.turn_back(1);
    let asked = site.ask(std::slice::from_ref(&known)).unwrap();
    assert!(site.judge(&asked.state, device.get(&asked.options), std::slice::from_ref(&known)).is_err());
}

#[test]
fn an_address_that_browsers_refuse_is_refused_in_words() {
    for (address, why) in [
        ("http://billing.example.com", "https only"),
        ("https://192.0.2.1", "this is a number"),
        ("billing", "no web address"),
    ] {
        let refused = Site::new(address, "x").map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(why) && refused.contains(address), "{refused}");
    }
    assert!(Site::new("http://localhost:8080", "x").is_ok());
}
