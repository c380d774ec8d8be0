//! Domains that staff register by hand, at a registrar that no module talks to. Whatever is asked for is answered by what
//! there is to do.

use std::collections::BTreeSet;

use domains::registrars::contract::{
    Ability, Account, Change, Contact, Done, Field, FieldKind, Registrar, RegistrarError, Registration, Renewal,
    TransferIn,
};
use domains::tlds::prices::LateFee;
use kernel::DomainName;

#[derive(Debug)]
pub struct Manual;

const FIELDS: &[Field] = &[Field {
    key: "where",
    label: "Where it is done",
    help: "Such as the address of the registrar's page; it stands in every task.",
    kind: FieldKind::Text,
    required: false,
    default: "",
}];

const ABILITIES: [Ability; 11] = [
    Ability::Register,
    Ability::Transfer,
    Ability::Renew,
    Ability::Restore,
    Ability::Nameservers,
    Ability::Lock,
    Ability::Contacts,
    Ability::IdProtection,
    Ability::Dnssec,
    Ability::Release,
    Ability::Delete,
];

#[async_trait::async_trait]
impl Registrar for Manual {
    fn module(&self) -> &'static str {
        "manual"
    }

    fn display_name(&self) -> &'static str {
        "By hand"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn abilities(&self, _: &Account) -> BTreeSet<Ability> {
        ABILITIES.into_iter().collect()
    }

    async fn test(&self, _: &Account) -> Result<String, RegistrarError> {
        Ok("There is nothing to be tested: staff do this by hand.".to_owned())
    }

    async fn register(&self, account: &Account, request: &Registration) -> Result<Done, RegistrarError> {
        let mut task = Task::new(format!("Register {} for {}", shown(&request.name), years(request.years)));
        task.servers(&request.nameservers);
        task.contact(&request.contacts.registrant);
        task.extra(&request.extra);
        if request.id_protection {
            task.line("With ID protection");
        }
        Ok(task.done(account))
    }

    async fn transfer(&self, account: &Account, request: &TransferIn) -> Result<Done, RegistrarError> {
        let mut task = Task::new(format!("Transfer {} to us, for {}", shown(&request.name), years(request.years)));
        if !request.auth_code.is_empty() {
            task.line("The authorisation code stands on the page of the domain");
        }
        task.servers(&request.nameservers);
        task.contact(&request.contacts.registrant);
        task.extra(&request.extra);
        Ok(task.done(account))
    }

    async fn renew(&self, account: &Account, request: &Renewal) -> Result<Done, RegistrarError> {
        let what = if request.late == Some(LateFee::Redemption) { "Restore and renew" } else { "Renew" };
        let (name, until) = (shown(&request.name), request.current_expiry);
        let mut task = Task::new(format!("{what} {name} for {}", years(request.years)));
        task.line(&format!("It expires on {until}; if it expires later, somebody has renewed it already"));
        Ok(task.done(account))
    }

    async fn update(&self, account: &Account, name: &DomainName, change: &Change) -> Result<Done, RegistrarError> {
        let mut task = Task::new(format!("Change {}", shown(name)));
        if let Some(servers) = &change.nameservers {
            task.servers(servers);
        }
        if let Some(locked) = change.locked {
            task.line(if locked { "Lock it against transfers" } else { "Unlock it for transfers" });
        }
        if let Some(contacts) = &change.contacts {
            task.contact(&contacts.registrant);
        }
        if let Some(protected) = change.id_protection {
            task.line(if protected { "Switch ID protection on" } else { "Switch ID protection off" });
        }
        for ds in change.ds.iter().flatten() {
            task.line(&format!("DS record: {} {} {} {}", ds.key_tag, ds.algorithm, ds.digest_type, ds.digest));
        }
        if change.ds.as_ref().is_some_and(Vec::is_empty) {
            task.line("Remove all DS records");
        }
        Ok(task.done(account))
    }

    async fn release(&self, account: &Account, name: &DomainName, tag: &str) -> Result<Done, RegistrarError> {
        Ok(Task::new(format!("Release {} to the tag {tag}", shown(name))).done(account))
    }

    async fn delete(&self, account: &Account, name: &DomainName) -> Result<Done, RegistrarError> {
        Ok(Task::new(format!("Delete {}", shown(name))).done(account))
    }
}

/// Both forms of a name in another script: people read one, registrars want the other.
fn shown(name: &DomainName) -> String {
    if name.is_idn() { format!("{} ({name})", name.unicode()) } else { name.to_string() }
}

fn years(years: u8) -> String {
    if years == 1 { "1 year".to_owned() } else { format!("{years} years") }
}

/// What there is to do: a heading, and a line for each thing to know.
struct Task(String);

impl Task {
    fn new(what: String) -> Task {
        Task(what)
    }

    fn line(&mut self, text: &str) {
        self.0.push('\n');
        self.0.push_str(text);
    }

    fn servers(&mut self, servers: &[String]) {
        if !servers.is_empty() {
            self.line(&format!("Name servers: {}", servers.join(", ")));
        }
    }

    fn contact(&mut self, of: &Contact) {
        let name = format!("{} {}", of.first_name, of.last_name);
        let parts = [
            name.as_str(),
            &of.company,
            &of.address1,
            &of.address2,
            &of.postcode,
            &of.city,
            &of.state,
            &of.country,
            &of.phone,
            &of.email,
        ];
        let filled: Vec<&str> = parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
        self.line(&format!("Registrant: {}", filled.join(", ")));
    }

    fn extra(&mut self, answers: &[(String, String)]) {
        for (question, answer) in answers {
            self.line(&format!("{question}: {answer}"));
        }
    }

    fn done(mut self, account: &Account) -> Done {
        if let Some(place) = account.get("where") {
            self.line(&format!("At: {place}"));
        }
        Done::ByHand(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domains::registrars::contract::Contacts;
    use kernel::Date;

    use super::*;

    fn account() -> Account {
        Account::new("office", BTreeMap::from([("where".to_owned(), "registrar.example".to_owned())]))
    }

    #[tokio::test]
    async fn a_task_says_all_that_there_is_to_do() {
        let ada = Contact { first_name: "Ada".to_owned(), country: "GB".to_owned(), ..Contact::default() };
        let request = Registration {
            id: "1".to_owned(),
            name: DomainName::parse("bücher.example").unwrap(),
            years: 2,
            nameservers: vec!["ns1.host.example".to_owned(), "ns2.host.example".to_owned()],
            contacts: Contacts { registrant: ada, ..Contacts::default() },
            extra: vec![("legal_type".to_owned(), "IND".to_owned())],
            id_protection: true,
            premium: None,
        };
        let done = Manual.register(&account(), &request).await.unwrap();
        let wanted = "Register bücher.example (xn--bcher-kva.example) for 2 years\n\
                      Name servers: ns1.host.example, ns2.host.example\nRegistrant: Ada, GB\nlegal_type: IND\n\
                      With ID protection\nAt: registrar.example";
        assert_eq!(done, Done::ByHand(wanted.to_owned()));
    }

    #[tokio::test]
    async fn a_renewal_tells_how_to_see_that_it_was_done() {
        let request = Renewal {
            id: "1".to_owned(),
            name: DomainName::parse("example.com").unwrap(),
            years: 1,
            current_expiry: Date::parse("2026-06-01").unwrap(),
            late: Some(LateFee::Redemption),
            deleted_at: None,
            now: kernel::Timestamp::from_micros(0),
            premium: None,
        };
        let Done::ByHand(text) = Manual.renew(&account(), &request).await.unwrap() else { panic!("by hand") };
        assert!(text.starts_with("Restore and renew example.com for 1 year\nIt expires on 2026-06-01;"), "{text}");
    }
}
