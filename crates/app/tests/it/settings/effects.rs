//! What can be seen of each setting.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use accounts::activity_log::{self, Activity, Actor, seals};
use accounts::clients::{self, Client, ClientEdit, NewClient};
use accounts::parties::{self, Party};
use accounts::passwords;
use accounts::two_factor;
use accounts::user_sessions::{self, NewSession, Remember, Started};
use accounts::users;
use billing::gateways::{
    Attempt, Capabilities, ChargeRequest, ConfigField, Configure, Gateway, GatewayConfig, GatewayError, Gateways,
    LogLine, LookUp, MethodToken, Outcome, RefundOutcome, RefundRequest, StoreOutcome, StoreRequest, WebhookError,
    WebhookEvent,
};
use billing::generation::{self, Detail, Made, Mode, Scope};
use billing::invoices::{self, Invoice, NewInvoice, NewLine, Tell, pay_links};
use billing::notes::{self, Selection};
use billing::pay_methods::MakeDefault;
use billing::recurring::{self, Charge};
use billing::terms::{Buyer, Terms};
use billing::{captures, credits, gateways, pay_methods, schedule};
use innkeeper::wiring;
use kernel::{Cycle, Date, Money, Timestamp};
use platform::context::Extensions;
use platform::jobs;
use platform::mail::{self, NewMail};
use platform::prune::{self, Prunes};
use platform::runs::Progress;
use platform::settings::Values;
use platform::{App, Parts, params};

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::{Effect, World, lookups, resolver};
use crate::support::ask;

/// A setting of the given key that is set to a value known here.
macro_rules! effect {
    ($key:literal: $before:literal => $to:literal => $after:literal $(with [$($given:literal = $value:literal),+])?, $world:ident, $look:expr) => {
        Effect {
            key: $key,
            to: |_| $to.to_owned(),
            before: $before,
            after: $after,
            look: |$world| Box::pin($look),
            given: |_| vec![$($(($given, $value.to_owned())),+)?],
        }
    };
}

/// As [`effect`], of mail: the sink's port is known only once it runs.
macro_rules! mail_effect {
    ($key:literal: $before:literal => $to:expr => $after:literal, without [$($without:literal),+]) => {
        Effect {
            key: $key,
            to: $to,
            before: $before,
            after: $after,
            look: |world| Box::pin(posted(world)),
            given: |world| mail_settings(world, &[$($without),+]),
        }
    };
}

pub const ALL: &[Effect] = &[
    effect!("api_requests_per_minute": "5 of 5" => "2" => "2 of 5", world, api_answers(world)),
    effect!("api_refusals_per_minute": "5 of 5" => "2" => "2 of 5" with ["trusted_proxies" = "127.0.0.1"], world,
        strangers_answered(world, "/api/v1/currencies", 401)),
    effect!("api_networks": "5 of 5" => "10.0.0.0/8" => "0 of 5", world, api_answers(world)),
    effect!("metrics_networks": "0 of 5" => "127.0.0.1, 192.0.2.0/24" => "5 of 5"
        with ["trusted_proxies" = "127.0.0.1"], world, strangers_answered(world, "/metrics", 200)),
    effect!("log_api_authentication": "0" => "true" => "1" with ["trusted_proxies" = "127.0.0.1"], world,
        entries_of_a_wrong_credential(world)),
    effect!("logins_per_minute": "5 of 5" => "2" => "2 of 5"
        with ["trusted_proxies" = "127.0.0.1", "failed_staff_login_ban_minutes" = "0"], world,
        strangers_answered(world, "/admin/login", 422)),
    effect!("failed_staff_logins": "3 tries, 15 minutes" => "2" => "2 tries, 15 minutes"
        with ["trusted_proxies" = "127.0.0.1"], world, banned_after(world, "/admin/login")),
    effect!("failed_staff_login_ban_minutes": "3 tries, 15 minutes" => "30" => "3 tries, 30 minutes"
        with ["trusted_proxies" = "127.0.0.1"], world, banned_after(world, "/admin/login")),
    effect!("failed_api_requests": "30 tries, 15 minutes" => "2" => "2 tries, 15 minutes"
        with ["trusted_proxies" = "127.0.0.1"], world, banned_after(world, "/api/v1/currencies")),
    effect!("failed_api_ban_minutes": "30 tries, 15 minutes" => "0" => "never"
        with ["trusted_proxies" = "127.0.0.1"], world, banned_after(world, "/api/v1/currencies")),
    effect!("failed_client_logins": "10 tries, 15 minutes" => "2" => "2 tries, 15 minutes"
        with ["trusted_proxies" = "127.0.0.1"], world, banned_after(world, "/login")),
    effect!("failed_client_login_ban_minutes": "10 tries, 15 minutes" => "0" => "never"
        with ["trusted_proxies" = "127.0.0.1", "logins_per_minute" = "0"], world, banned_after(world, "/login")),
    effect!("client_session_idle_minutes": "there" => "30" => "gone", world, session_after_an_hour(world)),
    effect!("client_remember_days": "30 days" => "7" => "7 days", world, remembered(world)),
    effect!("session_ip_check": "there" => "true" => "gone", world, session_elsewhere(world)),
    effect!("email_verification": "1" => "false" => "0", world, links_of_a_registration(world)),
    effect!("client_registration": "303" => "false" => "409", world, registered(world)),
    effect!("terms_of_service_url": "303" => "https://example.com/terms" => "422", world, registered(world)),
    effect!("captcha": "nothing" => "proof_of_work" => "18 bits", world, asked_by(world, "/forgot-password")),
    effect!("captcha_site_key": "site-0" => "site-1" => "site-1" with ["captcha_site_key" = "site-0", "captcha" = "hcaptcha"],
        world, site_key(world)),
    effect!("captcha_work_bits": "18 bits" => "9" => "9 bits" with ["captcha" = "proof_of_work"], world,
        asked_by(world, "/forgot-password")),
    effect!("captcha_registration": "18 bits" => "false" => "nothing" with ["captcha" = "proof_of_work"], world,
        asked_by(world, "/register")),
    effect!("captcha_login": "nothing" => "true" => "18 bits" with ["captcha" = "proof_of_work"], world,
        asked_by(world, "/login")),
    effect!("captcha_password_reset": "18 bits" => "false" => "nothing" with ["captcha" = "proof_of_work"], world,
        asked_by(world, "/forgot-password")),
    effect!("never_banned": "3 tries, 15 minutes" => "10.0.0.0/8" => "never"
        with ["trusted_proxies" = "127.0.0.1", "logins_per_minute" = "0"], world, banned_after(world, "/admin/login")),
    effect!("client_two_factor": "allowed" => "required" => "required", world, policy_of_users(world)),
    effect!("minimum_password_strength": "taken" => "4" => "refused", world, a_middling_password(world)),
    effect!("staff_password_reset": "offered" => "false" => "not offered", world, login_offers_a_new_password(world)),
    effect!("trusted_proxies": "127.0.0.1" => "127.0.0.1" => "192.0.2.77", world, address_of_a_login(world)),
    effect!("company_name": "" => "Harbour" => "Harbour", world, seller(world, |party| party.company)),
    effect!("company_email": "" => "us@example.com" => "us@example.com", world, seller(world, |party| party.email)),
    effect!("company_address": "/" => "1 Quay\nBristol" => "1 Quay/Bristol", world,
        seller(world, |party| format!("{}/{}", party.address1, party.address2))),
    effect!("company_country": "" => "gb" => "GB", world, seller(world, |party| party.country)),
    effect!("company_tax_id": "" => "GB 1" => "GB 1", world, seller(world, |party| party.tax_id)),
    effect!("pay_to": "no" => "IBAN GB00" => "yes", world, pay_page_says(world, "IBAN GB00")),
    effect!("system_url": "http://localhost:8080" => "https://pay.example.com/" => "https://pay.example.com", world,
        pay_link(world)),
    effect!("time_zone": "2026-03-02" => "Pacific/Auckland" => "2026-03-03", world, issue_day(world)),
    effect!("default_country": "none" => "de" => "DE", world, country_chosen(world)),
    effect!("automation_hour": "1" => "11" => "0", world, daily_runs(world)),
    effect!("automation_enabled": "1" => "false" => "0", world, daily_runs(world)),
    effect!("invoice_lead_days": "0" => "20" => "1", world, due_in(world, "service", FIVE_WEEKS)),
    effect!("invoice_lead_days_monthly": "0" => "20" => "1", world, due_in(world, "service", Cycle::Monthly)),
    effect!("invoice_lead_days_quarterly": "0" => "20" => "1", world, due_in(world, "service", Cycle::Quarterly)),
    effect!("invoice_lead_days_semiannually": "0" => "20" => "1", world, due_in(world, "service", Cycle::SemiAnnually)),
    effect!("invoice_lead_days_annually": "0" => "20" => "1", world, due_in(world, "service", Cycle::Annually)),
    effect!("invoice_lead_days_biennially": "0" => "20" => "1", world, due_in(world, "service", Cycle::Biennially)),
    effect!("invoice_lead_days_triennially": "0" => "20" => "1", world, due_in(world, "service", Cycle::Triennially)),
    effect!("invoice_lead_days_domains": "0" => "20" => "1", world, due_in(world, "domain", Cycle::Annually)),
    effect!("capture_days_before_due": "0" => "3" => "1", world, captures_three_days_before(world)),
    effect!("capture_attempt_once": "1" => "true" => "0", world, captures_after(world, &[0], 7)),
    effect!("capture_retry_weeks": "0" => "2" => "1", world, captures_after(world, &[0, 7], 14)),
    effect!("capture_concurrency": "together" => "1" => "one by one", world, charges_at_once(world)),
    effect!("continuous_invoicing": "0" => "true" => "1", world, second_period_while_the_first_is_unpaid(world)),
    effect!("invoice_number_format": "" => "INV-{NUMBER}" => "INV-", world, number_without_digits(world)),
    effect!("invoice_number_reset": "goes on" => "yearly" => "starts anew" with ["invoice_number_format" = "R{YEAR}-{NUMBER}", "credit_note_number_format" = "CN{YEAR}-{NUMBER}"], world,
        numbers_over_the_years(world)),
    effect!("credit_note_number_format": "CN-" => "K-{NUMBER}" => "K-", world, note_number_without_digits(world)),
    effect!("mail_invoice_created": "1" => "false" => "0", world, mails_of_a_new_invoice(world)),
    effect!("auto_apply_credit": "5.00" => "false" => "0.00", world, credit_used(world)),
    effect!("tax_enabled": "100.00" => "true" => "110.00", world, total(world, "NZ", &["100.00"], false)),
    effect!("tax_mode": "110.00" => "inclusive" => "100.00" with ["tax_enabled" = "true"], world,
        total(world, "NZ", &["100.00"], false)),
    effect!("tax_rounding": "0.50" => "line" => "0.51" with ["tax_enabled" = "true"], world,
        total(world, "NZ", &["0.15", "0.15", "0.15"], false)),
    effect!("tax_compound": "113.00" => "price_and_tax" => "113.40" with ["tax_enabled" = "true"], world,
        total(world, "CA", &["100.00"], false)),
    effect!("tax_deduct_inclusive": "100.00" => "false" => "110.00" with ["tax_enabled" = "true", "tax_mode" = "inclusive"], world, total(world, "NZ", &["110.00"], true)),
    mail_effect!("smtp_host": "waits" => |_| "127.0.0.1".to_owned() => "sent by billing@example.com", without ["smtp_host"]),
    mail_effect!("smtp_port": "waits" => port => "sent by billing@example.com", without ["smtp_port"]),
    mail_effect!("smtp_security": "waits" => |_| "none".to_owned() => "sent by billing@example.com", without ["smtp_security"]),
    mail_effect!("smtp_username": "sent by billing@example.com" => |_| "ana".to_owned() => "waits", without ["smtp_username"]),
    mail_effect!("mail_from": "waits" => |_| "us@example.com".to_owned() => "sent by us@example.com", without ["mail_from"]),
    effect!("keep_request_keys_days": "cleared" => "50" => "kept", world, key_of_forty_days_ago(world)),
    effect!("keep_finished_jobs_days": "cleared" => "50" => "kept", world, job_of_forty_days_ago(world)),
    effect!("keep_activity_log_days": "kept" => "10" => "cleared", world, entry_after_forty_days(world)),
    effect!("keep_admin_log_days": "cleared" => "1000" => "kept", world, login_of_800_days_ago(world)),
    effect!("keep_gateway_log_days": "cleared" => "1000" => "kept", world, logged_800_days_ago(world)),
    effect!("keep_registrar_log_days": "cleared" => "1000" => "kept", world, registrar_asked_800_days_ago(world)),
    effect!("keep_lookup_log_days": "kept" => "10" => "cleared", world, name_asked_forty_days_ago(world)),
    effect!("keep_resolved_days": "kept" => "10" => "cleared", world, name_resolved_forty_days_ago(world)),
    effect!("our_networks": "elsewhere" => "192.0.2.0/24" => "ours", world, resolver::where_it_points(world)),
    effect!("our_mail_hosts": "elsewhere" => ".ours.test" => "ours", world, resolver::where_mail_goes(world)),
    effect!("our_name_servers": "elsewhere" => "ns1.ours.test" => "ours", world, resolver::whose_servers(world)),
    effect!("dns_timeout_ms": "elsewhere" => "100" => "unknown" with ["dns_retries" = "0", "dns_at_once" = "1"], world,
        resolver::answers_of_a_slow_server(world)),
    effect!("dns_retries": "elsewhere" => "0" => "unknown" with ["dns_timeout_ms" = "200"], world,
        resolver::answers_of_a_forgetful_server(world)),
    effect!("dns_at_once": "together" => "1" => "one by one", world, resolver::asked_together(world)),
    Effect {
        key: "dns_resolvers",
        to: |_| resolver::lasting(),
        before: "unknown",
        after: "elsewhere",
        look: |world| Box::pin(resolver::who_is_asked(world)),
        given: |_| {
            [("dns_resolvers", "127.0.0.1:1"), ("dns_timeout_ms", "100"), ("dns_retries", "0")]
                .map(|(key, value)| (key, value.to_owned()))
                .to_vec()
        },
    },
    effect!("lookup_order": "rdap" => "whois" => "whois", world, lookups::who_is_asked(world)),
    effect!("lookup_seconds": "no answer within 1 seconds" => "2" => "no answer within 2 seconds"
        with ["lookup_seconds" = "1"], world, lookups::patience(world)),
    effect!("lookups_at_once": "together" => "1" => "one by one", world, lookups::asked_together(world)),
    effect!("lookup_cache_minutes": "1" => "0" => "2", world, lookups::times_asked(world)),
    effect!("keep_tld_lists_days": "cleared" => "100" => "kept", world, list_of_forty_days_ago(world)),
];

async fn login_offers_a_new_password(world: &World) -> String {
    let (_, page) = world.site.get("/admin/login", None).await;
    if page.contains("Forgot your password?") { "offered" } else { "not offered" }.to_owned()
}

/// So that two looks are never at the same thing.
static COUNTER: AtomicI64 = AtomicI64::new(1);

pub fn next() -> i64 {
    COUNTER.fetch_add(1, Ordering::Relaxed)
}

pub fn by() -> Actor {
    Actor::system("test")
}

/// A cycle without a lead time of its own.
const FIVE_WEEKS: Cycle = Cycle::Every { count: 5, unit: kernel::Unit::Weeks };

/// Tax rules of two countries, and a gateway that charges.
pub async fn prepare(world: &World) {
    let app = &world.site.app;
    let mut tx = app.db.write().await.unwrap();
    for (level, country, rate) in [(1_i64, "NZ", "10"), (1, "CA", "5"), (2, "CA", "8")] {
        tx.execute(
            "INSERT INTO tax_rules (level, name, country, rate, category) VALUES ($1, 'Tax', $2, $3, 'standard')",
            params![level, country, kernel::Rate::parse(rate).unwrap()],
        )
        .await
        .unwrap();
    }
    gateways::configure(&mut tx, app, &by(), "sandbox", Configure::default(), app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn client_in(world: &World, country: &str, tax_exempt: bool) -> Client {
    let text = |text: &str| Some(text.to_owned());
    let details = ClientEdit {
        first_name: text("Ada"),
        last_name: text("Lovelace"),
        email: Some(format!("ada{}@example.com", next())),
        country: text(country),
        tax_exempt: Some(tax_exempt),
        ..ClientEdit::default()
    };
    let app = &world.site.app;
    let mut tx = app.db.write().await.unwrap();
    let new = NewClient { details, ..NewClient::default() };
    let client = clients::create(&mut tx, &by(), new, &app.random, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    client
}

async fn terms(world: &World) -> Terms {
    Terms::load(&mut world.site.app.db.read().await.unwrap(), world.site.app.clock.now()).await.unwrap()
}

async fn issue(world: &World, client: &Client, amounts: &[&str], gateway: &str, due_on: Date) -> Invoice {
    let terms = terms(world).await;
    let mut tx = world.site.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let line = |amount: &&str| NewLine::item("Work", Money::parse(amount, client.currency).unwrap(), true);
    let new = NewInvoice {
        buyer: Buyer::of(client),
        issued_on: terms.today,
        due_on,
        gateway: gateway.to_owned(),
        lines: amounts.iter().map(line).collect(),
        notes: String::new(),
        source: "staff".to_owned(),
        levels: None,
    };
    let issued = invoices::issue(&mut locked, &terms, vec![new], Tell::Nobody).await.unwrap();
    let invoice = invoices::find(&mut locked, issued[0].id).await.unwrap();
    tx.commit().await.unwrap();
    invoice
}

async fn issued(world: &World) -> Invoice {
    let client = client_in(world, "GB", false).await;
    let today = terms(world).await.today;
    issue(world, &client, &["10.00"], "banktransfer", today).await
}

async fn seller(world: &World, field: fn(Party) -> String) -> String {
    let id = issued(world).await.seller_id.unwrap();
    field(parties::find(&mut world.site.app.db.read().await.unwrap(), id).await.unwrap())
}

async fn link_to_pay(world: &World) -> String {
    let invoice = issued(world).await;
    let app = &world.site.app;
    let mut tx = app.db.write().await.unwrap();
    let link = pay_links::make(&mut tx, app, invoice.id, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    link.address()
}

async fn pay_link(world: &World) -> String {
    link_to_pay(world).await.split("/pay/").next().unwrap().to_owned()
}

async fn pay_page_says(world: &World, text: &str) -> String {
    let link = link_to_pay(world).await;
    let (_, page) = world.site.get(&link[link.find("/pay/").unwrap()..], None).await;
    if page.contains(text) { "yes" } else { "no" }.to_owned()
}

async fn issue_day(world: &World) -> String {
    world.at("2026-03-02T23:30:00Z");
    issued(world).await.issued_on.unwrap().to_string()
}

async fn country_chosen(world: &World) -> String {
    let boss = world.site.log_in(&format!("boss{}", next()), accounts::roles::FULL_ADMINISTRATOR).await;
    let (_, page) = world.site.get("/admin/clients/new", Some(&boss)).await;
    let select = page.split("id=\"f-country\"").nth(1).unwrap().split("</select>").next().unwrap();
    let chosen = select.split("<option").find(|option| option.contains("selected"));
    chosen.map_or("none", |option| option.split('"').nth(1).unwrap()).to_owned()
}

/// How many runs the schedule asks for at ten o'clock of a day that had none.
async fn daily_runs(world: &World) -> String {
    let day = Date::parse("2026-04-01").unwrap().plus_days(next()).unwrap();
    world.at(&format!("{day}T10:00:00Z"));
    schedule::tick(&world.site.app).await.unwrap().to_string()
}

async fn charge(world: &World, client: &Client, owner_kind: &'static str, cycle: Cycle, due_on: Date) {
    let app = &world.site.app;
    let mut tx = app.db.write().await.unwrap();
    let charge = Charge {
        client_id: client.id,
        owner_kind,
        owner_id: 1_000 + next(),
        description: "Hosting".to_owned(),
        amount: Money::parse("10.00", client.currency).unwrap(),
        cycle,
        anchor_day: due_on.day(),
        gateway: "banktransfer".to_owned(),
        taxed: false,
        billable: true,
        next_due_on: due_on,
        remaining: None,
    };
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    recurring::put(&mut locked, &charge, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn generate(world: &World, client: &Client, mode: Mode) -> Vec<Made> {
    let scope = Scope { client_id: Some(client.id), ..Scope::default() };
    let terms = terms(world).await;
    generation::run(&world.site.app.db, &by(), &terms, &scope, mode, Detail::EveryInvoice, &Progress::default())
        .await
        .unwrap()
        .made
}

/// How many invoices there would be of something that is due in twenty days.
async fn due_in(world: &World, owner_kind: &'static str, cycle: Cycle) -> String {
    let client = client_in(world, "GB", false).await;
    let due_on = terms(world).await.today.plus_days(20).unwrap();
    charge(world, &client, owner_kind, cycle, due_on).await;
    generate(world, &client, Mode::DryRun).await.len().to_string()
}

async fn second_period_while_the_first_is_unpaid(world: &World) -> String {
    let client = client_in(world, "GB", false).await;
    charge(world, &client, "service", Cycle::Monthly, terms(world).await.today).await;
    assert_eq!(generate(world, &client, Mode::Real).await.len(), 1);
    world.at("2026-04-02T10:00:00Z");
    generate(world, &client, Mode::DryRun).await.len().to_string()
}

async fn with_card(world: &World, card: &str) -> Client {
    let client = client_in(world, "GB", false).await;
    pay_methods::add(&world.site.app, &by(), client.id, "sandbox", card, "", MakeDefault::Yes).await.unwrap();
    client
}

/// How many of the client's invoices would be charged now.
async fn to_capture(world: &World, client: &Client) -> String {
    let terms = terms(world).await;
    let due = captures::due(&mut world.site.app.db.read().await.unwrap(), &world.site.app, &terms).await.unwrap();
    due.iter().filter(|due| due.client_id == client.id).count().to_string()
}

async fn captures_three_days_before(world: &World) -> String {
    let client = with_card(world, "ok").await;
    let due_on = terms(world).await.today.plus_days(3).unwrap();
    issue(world, &client, &["10.00"], "sandbox", due_on).await;
    to_capture(world, &client).await
}

/// Charges a card that is declined on these days after the due date; whether it is charged again on that day.
async fn captures_after(world: &World, attempts: &[i64], day: i64) -> String {
    let client = with_card(world, "declined").await;
    let start = world.site.app.clock.now();
    let due_on = terms(world).await.today;
    let invoice = issue(world, &client, &["10.00"], "sandbox", due_on).await;
    let after = |days: i64| Timestamp::from_micros(start.micros()).plus_seconds(days * 86_400);
    for days in attempts {
        world.site.app.clock.set(after(*days));
        let slot = due_on.plus_days(*days).unwrap();
        captures::attempt(&world.site.app, &by(), invoice.id, Some(slot), None).await.unwrap();
    }
    world.site.app.clock.set(after(day));
    to_capture(world, &client).await
}

/// A gateway that answers a charge only when as many are under way as will ever be at once.
struct Crowd {
    wanted: usize,
    now: AtomicUsize,
    most: tokio::sync::watch::Sender<usize>,
}

#[async_trait::async_trait]
impl Gateway for Crowd {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn display_name(&self) -> &'static str {
        "Crowd"
    }

    fn fields(&self) -> &'static [ConfigField] {
        &[]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { off_session: true, ..Capabilities::default() }
    }

    async fn store(&self, _: &GatewayConfig, _: StoreRequest) -> Result<StoreOutcome, GatewayError> {
        Err(GatewayError::Unsupported("storing"))
    }

    async fn forget(&self, _: &GatewayConfig, _: &MethodToken) -> Result<(), GatewayError> {
        Ok(())
    }

    async fn charge(&self, _: &GatewayConfig, request: ChargeRequest) -> Result<Outcome, GatewayError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.send_modify(|most| *most = now.max(*most));
        self.most.subscribe().wait_for(|most| *most >= self.wanted).await.unwrap();
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(Outcome::Declined { external_id: None, code: "no".to_owned(), reason: request.attempt })
    }

    async fn look_up(&self, _: &GatewayConfig, _: &Attempt, _: Timestamp) -> Result<LookUp, GatewayError> {
        Ok(LookUp::NeverArrived)
    }

    async fn cancel(&self, _: &GatewayConfig, _: &str) -> Result<LookUp, GatewayError> {
        Ok(LookUp::NeverArrived)
    }

    async fn refund(&self, _: &GatewayConfig, _: RefundRequest) -> Result<RefundOutcome, GatewayError> {
        Err(GatewayError::Unsupported("refunds"))
    }

    async fn look_up_refund(
        &self,
        _: &GatewayConfig,
        _: &RefundRequest,
    ) -> Result<Option<RefundOutcome>, GatewayError> {
        Err(GatewayError::Unsupported("refunds"))
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

async fn charges_at_once(world: &World) -> String {
    for _ in 0..2 {
        let client = with_card(world, "ok").await;
        let today = terms(world).await.today;
        issue(world, &client, &["10.00"], "sandbox", today).await;
    }
    let terms = terms(world).await;
    let wanted = usize::try_from(terms.settings.int(super::setting("capture_concurrency"))).unwrap().min(2);
    let crowd = Arc::new(Crowd { wanted, now: AtomicUsize::new(0), most: tokio::sync::watch::Sender::new(0) });
    let app = with_gateway(&world.site.app, crowd.clone());
    captures::run(&app, &by(), &terms, &Progress::default()).await.unwrap();
    let most = *crowd.most.borrow();
    if most > 1 { "together" } else { "one by one" }.to_owned()
}

/// The same installation with another gateway.
fn with_gateway(app: &App, gateway: Arc<dyn Gateway>) -> App {
    let mut extensions = Extensions::default();
    extensions.add(Gateways::new(vec![gateway]));
    App::new(Parts {
        db: app.db.clone(),
        clock: app.clock.clone(),
        random: app.random.clone(),
        vault: app.vault.clone(),
        settings: wiring::settings(),
        jobs: wiring::jobs(),
        templates: app.templates.clone(),
        sandbox: true,
        node: "crowd".to_owned(),
        wake: Arc::default(),
        extensions,
    })
}

fn without_digits(number: &str) -> String {
    number.chars().filter(|c| !c.is_ascii_digit()).collect()
}

async fn number_without_digits(world: &World) -> String {
    without_digits(&issued(world).await.number.unwrap())
}

/// Whether the number after New Year follows that of the year before.
async fn numbers_over_the_years(world: &World) -> String {
    let year = 2030 + next() * 2;
    let mut numbers = Vec::new();
    for (year, day) in [(year, "12-31"), (year + 1, "01-01")] {
        world.at(&format!("{year}-{day}T10:00:00Z"));
        let number = issued(world).await.number.unwrap();
        numbers.push(number.split('-').nth(1).unwrap().parse::<i64>().unwrap());
    }
    match numbers[..] {
        [before, 1] if before != 0 => "starts anew".to_owned(),
        [before, after] if after == before + 1 => "goes on".to_owned(),
        _ => format!("{numbers:?}"),
    }
}

async fn note_number_without_digits(world: &World) -> String {
    let invoice = issued(world).await;
    let terms = terms(world).await;
    let mut tx = world.site.app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, invoice.client_id).await.unwrap();
    let noted = notes::credit(&mut locked, &by(), &terms, invoice.id, &Selection::All, "Test").await.unwrap();
    tx.commit().await.unwrap();
    without_digits(&noted.number)
}

async fn generated(world: &World, client: &Client) -> Invoice {
    charge(world, client, "service", Cycle::Monthly, terms(world).await.today).await;
    let made = generate(world, client, Mode::Real).await;
    let id = made[0].invoice.as_ref().unwrap().id;
    invoices::find(&mut world.site.app.db.read().await.unwrap(), id).await.unwrap()
}

async fn mails_of_a_new_invoice(world: &World) -> String {
    let client = client_in(world, "GB", false).await;
    let invoice = generated(world, &client).await;
    let sql = "SELECT COUNT(*) FROM jobs WHERE kind = $1 AND subject = $2";
    let count: i64 = world
        .site
        .app
        .db
        .read()
        .await
        .unwrap()
        .scalar(sql, params![invoices::MAIL_CREATED, format!("invoice:{}", invoice.id)])
        .await
        .unwrap();
    count.to_string()
}

async fn credit_used(world: &World) -> String {
    let client = client_in(world, "GB", false).await;
    let app = &world.site.app;
    let today = terms(world).await.today;
    let mut tx = app.db.write().await.unwrap();
    let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
    let five = Money::parse("5.00", client.currency).unwrap();
    credits::adjust(&mut locked, &by(), client.id, five, "Gift", today, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let invoice = generated(world, &client).await;
    invoice.money(invoice.credit_applied).decimal()
}

async fn total(world: &World, country: &str, amounts: &[&str], exempt: bool) -> String {
    let client = client_in(world, country, exempt).await;
    let today = terms(world).await.today;
    let invoice = issue(world, &client, amounts, "banktransfer", today).await;
    invoice.money(invoice.total).decimal()
}

fn port(world: &World) -> String {
    world.sink.as_ref().map_or_else(String::new, |sink| sink.port().to_string())
}

/// Everything that mail needs, but for these.
fn mail_settings(world: &World, without: &[&str]) -> Vec<(&'static str, String)> {
    let all = [
        ("smtp_host", "127.0.0.1".to_owned()),
        ("smtp_port", port(world)),
        ("smtp_security", "none".to_owned()),
        ("mail_from", "billing@example.com".to_owned()),
    ];
    all.into_iter().filter(|(key, _)| !without.contains(key)).collect()
}

/// What becomes of a message that is sent now.
async fn posted(world: &World) -> String {
    let app = &world.site.app;
    let to = format!("to{}@example.com", next());
    let new = NewMail {
        key: to.clone(),
        client_id: None,
        subject: Some(to.clone()),
        template: "test",
        recipient: to.clone(),
        sender_name: "Harbour".to_owned(),
        title: "Hello".to_owned(),
        text_body: "Hello".to_owned(),
        html_body: "<p>Hello</p>".to_owned(),
        token: None,
    };
    let mut tx = app.db.write().await.unwrap();
    let values = Values::load(&mut tx).await.unwrap();
    mail::send(&mut tx, app, new, &values, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    jobs::drain(app).await.unwrap();
    let sink = world.sink.as_ref().unwrap();
    match sink.messages().into_iter().find(|message| message.to.contains(&to)) {
        Some(message) => format!("sent by {}", message.from),
        None => "waits".to_owned(),
    }
}

/// How many of five requests of a new credential are answered.
async fn api_answers(world: &World) -> String {
    let site = &world.site;
    let name = format!("caller{}", next());
    site.log_in(&name, accounts::roles::FULL_ADMINISTRATOR).await;
    let login = site.credential_of(&name).await;
    let mut answered = 0;
    for _ in 0..5 {
        let request = Request::get("/api/v1/currencies").header("authorization", login.basic());
        let status = site.send(request.body(Body::empty()).unwrap()).await.status();
        answered += i32::from(status == StatusCode::OK);
    }
    format!("{answered} of 5")
}

/// How many of five attempts from a new address are answered by a refusal of their own, not by that of the limit.
async fn strangers_answered(world: &World, path: &str, refusal: u16) -> String {
    let from = format!("192.0.2.{}", 100 + next() % 100);
    let mut answered = 0;
    for _ in 0..5 {
        answered += i32::from(attempt(world, path, &from).await == refusal);
    }
    format!("{answered} of 5")
}

async fn attempt(world: &World, path: &str, from: &str) -> u16 {
    let mut request = match path {
        "/admin/login" | "/login" => ask("POST", path, None, &format!("email=nobody{}&password=wrong+wrong", next())),
        _ => Request::get(path).header("authorization", "Basic bm9ib2R5Ondyb25n").body(Body::empty()).unwrap(),
    };
    request.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
    world.site.send(request).await.status().as_u16()
}

/// After how many wrong tries a new address is banned, and for how long.
async fn banned_after(world: &World, path: &str) -> String {
    let from = format!("10.9.{}.7", next() % 250);
    for tries in 1..40 {
        if attempt(world, path, &from).await == 403 {
            let mut conn = world.site.app.db.read().await.unwrap();
            let sql = "SELECT expires_at - created_at FROM banned_ips WHERE network = $1";
            let lasts: i64 = conn.scalar(sql, params![from]).await.unwrap();
            return format!("{tries} tries, {} minutes", lasts / 60_000_000);
        }
    }
    "never".to_owned()
}

/// A session of a new user, and what its browser was given.
async fn session(world: &World, remember: Remember) -> Started {
    let client = client_in(world, "GB", false).await;
    let app = &world.site.app;
    let mut tx = app.db.write().await.unwrap();
    let user = users::by_email(&mut tx, &client.email).await.unwrap().unwrap();
    let (ip, user_agent) = ("192.0.2.1", "test");
    let new =
        NewSession { user_id: user.id, admin_id: None, client_id: None, ip, user_agent, remember, confined: false };
    let started = user_sessions::start(&mut tx, new, &app.random, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    started
}

async fn is_there(world: &World, token: &str, ip: &str) -> String {
    let app = &world.site.app;
    let mut conn = app.db.read().await.unwrap();
    let found = user_sessions::find(&mut conn, token, ip, app.clock.now()).await.unwrap();
    if found.is_some() { "there" } else { "gone" }.to_owned()
}

async fn session_after_an_hour(world: &World) -> String {
    let token = session(world, Remember::No).await.token;
    world.site.app.clock.set(world.site.app.clock.now().plus_seconds(3_600));
    is_there(world, &token, "192.0.2.1").await
}

async fn session_elsewhere(world: &World) -> String {
    let token = session(world, Remember::No).await.token;
    is_there(world, &token, "198.51.100.1").await
}

async fn remembered(world: &World) -> String {
    let keep = session(world, Remember::Yes).await.keep.unwrap();
    format!("{} days", keep / 86_400)
}

/// Registers somebody; the status, and the address.
async fn register(world: &World) -> (StatusCode, String) {
    let email = format!("cy{}@example.com", next());
    let form = format!(
        "first_name=Cy&last_name=Young&email={email}&address1=2+Low+Road&postcode=1010&city=Wien&country=AT\
         &password=tangerine+umbrella+17&again=tangerine+umbrella+17"
    );
    (world.site.send(ask("POST", "/register", None, &form)).await.status(), email)
}

/// How much work a form asks for.
async fn asked_by(world: &World, path: &str) -> String {
    let (_, page) = world.site.get(path, None).await;
    let bits = page.split("data-bits=\"").nth(1).and_then(|rest| rest.split('"').next());
    bits.map_or("nothing".to_owned(), |bits| format!("{bits} bits"))
}

async fn site_key(world: &World) -> String {
    let (_, page) = world.site.get("/forgot-password", None).await;
    page.split("data-sitekey=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("nothing").to_owned()
}

async fn registered(world: &World) -> String {
    register(world).await.0.as_u16().to_string()
}

async fn links_of_a_registration(world: &World) -> String {
    let (_, email) = register(world).await;
    let mut conn = world.site.app.db.read().await.unwrap();
    let sql = "SELECT COUNT(*) FROM mails WHERE template = 'email_verification' AND recipient = $1";
    let mails: i64 = conn.scalar(sql, params![email]).await.unwrap();
    mails.to_string()
}

async fn policy_of_users(world: &World) -> String {
    let mut conn = world.site.app.db.read().await.unwrap();
    two_factor::policy(&mut conn, two_factor::Person::User(1)).await.unwrap().to_string()
}

async fn a_middling_password(world: &World) -> String {
    let owner = passwords::Owner { kind: passwords::Kinds::User, known: &[] };
    let refused = passwords::check(&world.site.app, owner, "harbour pilot").await.unwrap();
    if refused.is_some() { "refused" } else { "taken" }.to_owned()
}

async fn address_of_a_login(world: &World) -> String {
    attempt(world, "/admin/login", "192.0.2.77").await;
    let mut conn = world.site.app.db.read().await.unwrap();
    conn.scalar("SELECT ip FROM login_failures ORDER BY id DESC LIMIT 1", params![]).await.unwrap()
}

async fn prune_and_count(world: &World, table: &str, key: &str) -> String {
    let app = &world.site.app;
    let prunes = app.get::<Prunes>().unwrap();
    prune::run(&app.db, &prunes.0, app.clock.now()).await.unwrap();
    let column = match table {
        "jobs" => "unique_key",
        "gateway_log" | "registrar_log" => "detail",
        "tld_lists" => "registrar",
        "lookup_log" | "resolved_names" => "name",
        "admin_logins" => "session",
        _ => "key",
    };
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1");
    let count: i64 = app.db.read().await.unwrap().scalar(&sql, params![key]).await.unwrap();
    if count == 0 { "cleared" } else { "kept" }.to_owned()
}

fn forty_days_ago(world: &World) -> Timestamp {
    world.site.app.clock.now().plus_seconds(-40 * 86_400)
}

async fn key_of_forty_days_ago(world: &World) -> String {
    let key = format!("key{}", next());
    let mut tx = world.site.app.db.write().await.unwrap();
    assert!(billing::once::take(&mut tx, &key, forty_days_ago(world)).await.unwrap());
    tx.commit().await.unwrap();
    prune_and_count(world, "idempotency_keys", &key).await
}

async fn job_of_forty_days_ago(world: &World) -> String {
    let key = format!("job{}", next());
    let then = forty_days_ago(world);
    let mut tx = world.site.app.db.write().await.unwrap();
    tx.execute(
        "INSERT INTO jobs (kind, payload, unique_key, state, run_at, attempts, max_attempts, created_at, finished_at) \
         VALUES ('test', '{}', $1, 'done', $2, 1, 1, $2, $2)",
        params![key, then],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    prune_and_count(world, "jobs", &key).await
}

async fn login_of_800_days_ago(world: &World) -> String {
    let session = format!("session{}", next());
    let site = &world.site;
    site.log_in(&session, accounts::roles::FULL_ADMINISTRATOR).await;
    let mut tx = site.app.db.write().await.unwrap();
    tx.execute(
        "INSERT INTO admin_logins (session, admin_id, ip, started_at, seen_at) \
         SELECT $1, MAX(a.id), '192.0.2.1', $2, $2 FROM admins a",
        params![session, site.app.clock.now().plus_seconds(-800 * 86_400)],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    prune_and_count(world, "admin_logins", &session).await
}

async fn entry_after_forty_days(world: &World) -> String {
    let db = &world.site.app.db;
    // Later than all that other looks have written: what is cleared away is cleared from the oldest on.
    let description = format!("Entry {}", next());
    let mut tx = db.write().await.unwrap();
    let latest: i64 = tx.scalar("SELECT COALESCE(MAX(at), 0) FROM activity_log", params![]).await.unwrap();
    let now = Timestamp::from_micros(latest).max(world.site.app.clock.now());
    activity_log::record(&mut tx, &Actor::system("test"), Activity::new(&description), now).await.unwrap();
    while seals::seal(&mut tx, now).await.unwrap().is_some() {}
    tx.commit().await.unwrap();
    seals::retire(db, now.plus_seconds(40 * 86_400)).await.unwrap();
    let sql = "SELECT COUNT(*) FROM activity_log WHERE description = $1";
    let count: i64 = db.read().await.unwrap().scalar(sql, params![description]).await.unwrap();
    if count == 0 { "cleared" } else { "kept" }.to_owned()
}

async fn entries_of_a_wrong_credential(world: &World) -> String {
    let from = format!("10.8.{}.7", next() % 250);
    assert_eq!(attempt(world, "/api/v1/currencies", &from).await, 401);
    let sql = "SELECT COUNT(*) FROM activity_log WHERE ip = $1";
    let count: i64 = world.site.app.db.read().await.unwrap().scalar(sql, params![from]).await.unwrap();
    count.to_string()
}

async fn registrar_asked_800_days_ago(world: &World) -> String {
    let detail = format!("detail{}", next());
    let line =
        domains::registrars::Line { registrar: "office", what: "test", ok: true, domain: "", detail: detail.clone() };
    let mut tx = world.site.app.db.write().await.unwrap();
    let then = world.site.app.clock.now().plus_seconds(-800 * 86_400);
    domains::registrars::log_line(&mut tx, line, then).await.unwrap();
    tx.commit().await.unwrap();
    prune_and_count(world, "registrar_log", &detail).await
}

async fn name_resolved_forty_days_ago(world: &World) -> String {
    let name = format!("name{}.test", next());
    let sql = "INSERT INTO resolved_names (run_id, name, points, mail, servers, dnssec, answers, at) \
               VALUES (1, $1, 'ours', 'ours', 'ours', 'secure', '{}', $2)";
    let mut tx = world.site.app.db.write().await.unwrap();
    tx.execute(sql, params![name, forty_days_ago(world)]).await.unwrap();
    tx.commit().await.unwrap();
    prune_and_count(world, "resolved_names", &name).await
}

async fn name_asked_forty_days_ago(world: &World) -> String {
    let name = format!("name{}.test", next());
    let sql = "INSERT INTO lookup_log (name, state, source, asked_by, why, at) VALUES ($1, 'unknown', '', '', '', $2)";
    let mut tx = world.site.app.db.write().await.unwrap();
    tx.execute(sql, params![name, forty_days_ago(world)]).await.unwrap();
    tx.commit().await.unwrap();
    prune_and_count(world, "lookup_log", &name).await
}

async fn list_of_forty_days_ago(world: &World) -> String {
    let registrar = format!("office{}", next());
    let sql = "INSERT INTO tld_lists (registrar, costs, items, fetched_at) VALUES ($1, '[]', 0, $2)";
    let mut tx = world.site.app.db.write().await.unwrap();
    tx.execute(sql, params![registrar, forty_days_ago(world)]).await.unwrap();
    tx.commit().await.unwrap();
    prune_and_count(world, "tld_lists", &registrar).await
}

async fn logged_800_days_ago(world: &World) -> String {
    let detail = format!("detail{}", next());
    let line = LogLine {
        gateway: "sandbox",
        what: "charge",
        result: "answer",
        client_id: None,
        invoice_id: None,
        detail: detail.clone(),
    };
    let mut tx = world.site.app.db.write().await.unwrap();
    let then = world.site.app.clock.now().plus_seconds(-800 * 86_400);
    gateways::log(&mut tx, line, then).await.unwrap();
    tx.commit().await.unwrap();
    prune_and_count(world, "gateway_log", &detail).await
}
