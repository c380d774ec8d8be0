//! Registering a name.

use std::collections::BTreeSet;

use super::{add, extended, people, period, references_exist, servers};
use crate::registry::answer::{Done, Refusal};
use crate::registry::clock::{days_after, instant};
use crate::registry::command::Call;
use crate::registry::options::Operation;
use crate::registry::state::{Domain, Grace, GraceKind, Signing, Stage};
use crate::registry::xml::{DOMAIN, Element, SEC_DNS, Sequence, Writer, client_id, label};
use crate::registry::{authorisation, dnssec, fees, launch};

pub(in crate::registry) fn create(call: &mut Call<'_>, object: Element<'_>) -> Result<Done, Refusal> {
    let mut fields = Sequence::of(object)?;
    let name = label(fields.one("name")?)?;
    let years = period(fields.maybe("period"))?;
    let named_servers = fields.maybe("ns").map_or(Ok(Vec::new()), servers)?;
    let registrant = fields.maybe("registrant").map(client_id).transpose()?;
    let named_people = people(&fields.many("contact", usize::MAX)?)?;
    let auth_info = authorisation::given(fields.one("authInfo")?)?;
    fields.end()?;
    is_available(call, &name)?;
    launch::created(call, &name)?;
    let signing = call.extension(SEC_DNS).map_or(Ok(Signing::default()), dnssec::created)?;
    let expires = extended(call.state, call.state.now, years)?;
    let price = call.state.price(&name, Operation::Create, years)?;
    let mut domain = Domain {
        name: name.clone(),
        about: call.made('D'),
        expires,
        statuses: BTreeSet::new(),
        registrant,
        contacts: Vec::new(),
        hosts: Vec::new(),
        auth_info: Some(auth_info),
        signing,
        graces: vec![Grace {
            kind: GraceKind::Add,
            until: days_after(call.state.now, call.state.options.add_grace_days),
            currency: price.currency.clone(),
            paid: price.minor,
        }],
        stage: Stage::Active,
        transfer: None,
    };
    add(&mut domain.hosts, &named_servers)?;
    add(&mut domain.contacts, &named_people)?;
    references_exist(call.state, &domain)?;
    fees::agreed(call, &price)?;
    call.state.afford(&call.by, &price)?;
    call.state.charge(&call.by, &price.currency, price.minor);
    domain.graces.retain(|grace| grace.until > call.state.now);
    let data = answer(&domain);
    call.state.domains.insert(name.clone(), domain);
    call.state.counts(&name).created += 1;
    let extension = fees::paid(call, "creData", &price, Some(years));
    Ok(Done { code: 1000, data, extension })
}

fn is_available(call: &Call<'_>, name: &str) -> Result<(), Refusal> {
    let refused = |code, why| Err(Refusal::because(code, why).about("domain", DOMAIN, "name", name));
    let zone = call.state.zone_of(name)?;
    if call.state.domains.contains_key(name) {
        refused(2302, "The domain exists")
    } else if zone.reserved.contains(name) {
        refused(2306, "The name is reserved")
    } else {
        Ok(())
    }
}

fn answer(domain: &Domain) -> String {
    let mut out = Writer::new();
    out.open("domain:creData", &[("xmlns:domain", DOMAIN)]).text("domain:name", &domain.name);
    out.text("domain:crDate", &instant(domain.about.created)).text("domain:exDate", &instant(domain.expires));
    out.close("domain:creData").finish()
}
