//! Registries that speak EPP: one set-up of this module for each registry.
//!
//! What must hold:
//! - Each command has an id of its own, made of the operation's, so that the registry's log and ours can be laid side by side.
//! - A renewal carries the expiry that we know: a registry refuses it when the domain expires on another day.
//! - What a contact or a host is created for can be asked for again: an object of ours that is there already is as good.
//!
//! What surprises: authorisation codes are made here when a domain is registered, and set anew when the registry does not
//! show the one it has.

mod answers;
mod objects;
mod sessions;

use std::collections::BTreeSet;

use domains::registrars::contract::{
    Ability, Account, AuthCode, Change, Checked, Completed, Contacts, Done, Field, FieldKind, Message, Registered,
    Registrar, RegistrarError, Registration, Renewal, TransferIn, TransferState,
};
use domains::tlds::prices::LateFee;
use epp::domain::{self, NameServer, Status};
use epp::{AuthInfo, Period, Secret, fee, rgp, secdns};
use kernel::{DomainName, Money};

use sessions::{Sessions, id, offers, step};

/// Holds the sessions with every registry that is set up.
#[derive(Default)]
pub struct Epp {
    sessions: Sessions,
}

const FIELDS: &[Field] = &[
    field("host", "Host", "The name of the registry's EPP server.", FieldKind::Address, true, ""),
    field("port", "Port", "", FieldKind::Text, true, "700"),
    field("client_id", "Registrar id", "As the registry knows you.", FieldKind::Text, true, ""),
    field("password", "Password", "", FieldKind::Secret, true, ""),
    field(
        "certificate",
        "Client certificate",
        "PEM, with its chain, where the registry wants one.",
        FieldKind::Lines,
        false,
        "",
    ),
    field("key", "Key of the certificate", "PEM.", FieldKind::SecretLines, false, ""),
    field(
        "authority",
        "The registry's certificate authority",
        "PEM; empty: those that this machine trusts.",
        FieldKind::Lines,
        false,
        "",
    ),
    field(
        "server_name",
        "Name in the server's certificate",
        "Where it is not that of the host.",
        FieldKind::Text,
        false,
        "",
    ),
    field(
        "sessions",
        "Sessions at a time",
        "What the registry allows, less those of your other programs.",
        FieldKind::Text,
        true,
        "2",
    ),
    field("seconds", "Wait for an answer", "Seconds, 1 to 120.", FieldKind::Text, true, "30"),
    field(
        "currency",
        "Currency of the registry",
        "For prices and premium names; three letters. Empty: prices are not asked for.",
        FieldKind::Text,
        false,
        "",
    ),
    field(
        "contact_roles",
        "Contacts",
        "Which a domain has beside its registrant: admin, tech, billing.",
        FieldKind::Text,
        false,
        "admin, tech, billing",
    ),
    field(
        "host_attributes",
        "Name servers are attributes of domains",
        "Instead of objects of their own (RFC 5731, 1.1).",
        FieldKind::Tick,
        false,
        "",
    ),
    field("restore_report", "A restore needs a report", "As RFC 3915 has it.", FieldKind::Tick, false, ""),
];

const fn field(
    key: &'static str,
    label: &'static str,
    help: &'static str,
    kind: FieldKind,
    required: bool,
    default: &'static str,
) -> Field {
    Field { key, label, help, kind, required, default }
}

#[async_trait::async_trait]
impl Registrar for Epp {
    fn module(&self) -> &'static str {
        "epp"
    }

    fn display_name(&self) -> &'static str {
        "EPP"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn abilities(&self, _: &Account) -> BTreeSet<Ability> {
        use Ability::*;
        BTreeSet::from([
            Check,
            Info,
            Register,
            Transfer,
            Renew,
            Restore,
            Nameservers,
            Lock,
            Contacts,
            AuthCode,
            Dnssec,
            Glue,
            Delete,
            Messages,
        ])
    }

    fn check_address(&self, _: &str, value: &str, sandbox: bool) -> Result<(), String> {
        sessions::check_host(value, sandbox)
    }

    async fn test(&self, account: &Account) -> Result<String, RegistrarError> {
        let greeting = self.sessions.of(account)?.greeting().await.map_err(answers::error)?;
        Ok(format!("{} answers, and takes the password.", greeting.server))
    }

    async fn check(&self, account: &Account, names: &[DomainName]) -> Result<Vec<Checked>, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let mut command = domain::Check::new(names.iter().map(DomainName::as_str));
        if let Some(currency) = account.get("currency")
            && offers(&pool, epp::ns::FEE).await?
        {
            let quote = |operation| fee::Quote::of(operation, Some(Period::Years(1)));
            let commands = [fee::Operation::Create, fee::Operation::Renew, fee::Operation::Transfer].map(quote);
            command.fee = Some(fee::Check { currency: Some(currency.to_owned()), commands: commands.to_vec() });
        }
        let answer = pool.run(&command, &id()).await.map_err(answers::error)?;
        Ok(answers::checked(names, &answer))
    }

    async fn info(&self, account: &Account, name: &DomainName) -> Result<Option<Registered>, RegistrarError> {
        let pool = self.sessions.of(account)?;
        match pool.run(&domain::Info::new(name.as_str()), &id()).await {
            Ok(answer) => answers::registered(name, &answer, account.get("client_id").unwrap_or_default()).map(Some),
            Err(error) if answers::is_absent(&error) => Ok(None),
            Err(error) => Err(answers::error(error)),
        }
    }

    async fn register(&self, account: &Account, request: &Registration) -> Result<Done, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let contacts = objects::put_contacts(&pool, account, &request.id, &request.contacts).await?;
        let hosts = objects::put_hosts(&pool, account, &request.name, &request.nameservers).await?;
        let mut command = domain::Create::new(request.name.as_str(), Period::Years(request.years), objects::new_code());
        command.registrant = Some(contacts.registrant);
        command.contacts = contacts.others;
        command.hosts = hosts;
        command.fee = request.premium.map(agreed);
        let answer = pool.run(&command, &step(&request.id, "create")).await.map_err(answers::error)?;
        Ok(answers::done(&answer, answer.result.expires_at))
    }

    async fn transfer(&self, account: &Account, request: &TransferIn) -> Result<Done, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let code = AuthInfo::new(Secret::new(request.auth_code.as_str()));
        let mut command = domain::Transfer::request(request.name.as_str(), Some(Period::Years(request.years)), code);
        command.fee = request.premium.map(agreed);
        let answer = pool.run(&command, &step(&request.id, "transfer")).await.map_err(answers::error)?;
        Ok(answers::transferred(&answer))
    }

    async fn transfer_state(&self, account: &Account, name: &DomainName) -> Result<TransferState, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let command = domain::Transfer::about(name.as_str(), domain::Operation::Query);
        let answer = pool.run(&command, &id()).await.map_err(answers::error)?;
        Ok(answers::transfer_state(&answer.result))
    }

    async fn renew(&self, account: &Account, request: &Renewal) -> Result<Done, RegistrarError> {
        let pool = self.sessions.of(account)?;
        if request.late == Some(LateFee::Redemption) {
            self.restore(account, request).await?;
        }
        let expiry = answers::civil(request.current_expiry)?;
        let mut command = domain::Renew::new(request.name.as_str(), expiry, Period::Years(request.years));
        command.fee = request.premium.map(agreed);
        let answer = pool.run(&command, &step(&request.id, "renew")).await.map_err(answers::error)?;
        Ok(answers::done(&answer, answer.result.expires_at))
    }

    async fn update(&self, account: &Account, name: &DomainName, change: &Change) -> Result<Done, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let now = pool.run(&domain::Info::new(name.as_str()), &id()).await.map_err(answers::error)?;
        let mut command = domain::Update::new(name.as_str());
        if let Some(servers) = &change.nameservers {
            let wanted = objects::put_hosts(&pool, account, name, servers).await?;
            let is_in = |list: &[NameServer], one: &NameServer| list.iter().any(|other| other.name() == one.name());
            let there = &now.result.name_servers;
            command.add.name_servers = wanted.iter().filter(|one| !is_in(there, one)).cloned().collect();
            command.remove.name_servers = there.iter().filter(|one| !is_in(&wanted, one)).cloned().collect();
        }
        if let Some(locked) = change.locked {
            let lock = Status::ClientTransferProhibited;
            match (locked, now.result.has(&lock)) {
                (true, false) => command.add.statuses.push(lock),
                (false, true) => command.remove.statuses.push(lock),
                _ => {}
            }
        }
        if let Some(contacts) = &change.contacts {
            let wanted = objects::put_contacts(&pool, account, &change.id, contacts).await?;
            let there = &now.result.contacts;
            command.registrant = Some(wanted.registrant);
            command.add.contacts = wanted.others.iter().filter(|one| !there.contains(one)).cloned().collect();
            command.remove.contacts = there.iter().filter(|one| !wanted.others.contains(one)).cloned().collect();
        }
        if let Some(all) = &change.ds {
            let wanted: Vec<secdns::Ds> = all.iter().map(answers::ds).collect();
            let remove = now.extensions.secdns.is_some().then_some(secdns::Removal::All);
            let add = (!wanted.is_empty()).then_some(secdns::Records::Ds(wanted));
            command.ds = Some(secdns::Update { remove, add, max_signature_life: None, urgent: false });
        }
        let nothing = domain::Update::new(name.as_str());
        if command == nothing {
            return Ok(Done::Completed(Completed::default()));
        }
        let answer = pool.run(&command, &step(&change.id, "update")).await.map_err(answers::error)?;
        Ok(answers::done(&answer, None))
    }

    async fn contacts(&self, account: &Account, name: &DomainName) -> Result<Contacts, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let answer = pool.run(&domain::Info::new(name.as_str()), &id()).await.map_err(answers::error)?;
        objects::read_contacts(&pool, &answer.result).await
    }

    async fn auth_code(&self, account: &Account, name: &DomainName) -> Result<AuthCode, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let answer = pool.run(&domain::Info::new(name.as_str()), &id()).await.map_err(answers::error)?;
        let shown = answer.result.auth_info.map(|code| code.password.expose().to_owned());
        if let Some(code) = shown.filter(|code| !code.is_empty()) {
            return Ok(AuthCode::Code(code));
        }
        let new = objects::new_code();
        let mut command = domain::Update::new(name.as_str());
        command.auth_info = Some(domain::AuthInfoChange::Set(AuthInfo::new(new.clone())));
        pool.run(&command, &id()).await.map_err(answers::error)?;
        Ok(AuthCode::Code(new.expose().to_owned()))
    }

    async fn glue(
        &self,
        account: &Account,
        name: &DomainName,
    ) -> Result<Vec<domains::registrars::contract::GlueHost>, RegistrarError> {
        objects::glue(&*self.sessions.of(account)?, name).await
    }

    async fn set_glue(
        &self,
        account: &Account,
        name: &DomainName,
        change: &domains::registrars::contract::GlueChange,
    ) -> Result<(), RegistrarError> {
        objects::set_glue(&*self.sessions.of(account)?, name, change).await
    }

    async fn delete(&self, account: &Account, name: &DomainName) -> Result<Done, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let answer = pool.run(&domain::Delete::new(name.as_str()), &id()).await.map_err(answers::error)?;
        Ok(answers::done(&answer, None))
    }

    async fn next_message(&self, account: &Account) -> Result<Option<Message>, RegistrarError> {
        let pool = self.sessions.of(account)?;
        let answer = pool.run(&epp::poll::Request, &id()).await.map_err(answers::error)?;
        Ok(answer.result.map(|message| answers::message(message, account.get("client_id").unwrap_or_default())))
    }

    async fn acknowledge(&self, account: &Account, message: &str) -> Result<(), RegistrarError> {
        let pool = self.sessions.of(account)?;
        let command = epp::poll::Acknowledge { id: message.to_owned() };
        pool.run(&command, &id()).await.map_err(answers::error)?;
        Ok(())
    }
}

impl Epp {
    /// Brings a deleted domain back (RFC 3915, 2). One that is back already is not asked for again.
    async fn restore(&self, account: &Account, request: &Renewal) -> Result<(), RegistrarError> {
        let pool = self.sessions.of(account)?;
        let now = pool.run(&domain::Info::new(request.name.as_str()), &id()).await.map_err(answers::error)?;
        if !now.extensions.rgp.contains(&rgp::Status::RedemptionPeriod) {
            return Ok(());
        }
        let mut command = domain::Update::new(request.name.as_str());
        command.restore = Some(rgp::Restore::Request);
        pool.run(&command, &step(&request.id, "restore")).await.map_err(answers::error)?;
        if !account.ticked("restore_report") {
            return Ok(());
        }
        let report = objects::restore_report(&now.result, request)?;
        command.restore = Some(rgp::Restore::Report(Box::new(report)));
        pool.run(&command, &step(&request.id, "report")).await.map_err(answers::error)?;
        Ok(())
    }
}

fn agreed(amount: Money) -> fee::Agreed {
    fee::Agreed::total(amount.currency.code(), &amount.decimal())
}
