//! What the stand-in keeps, and what becomes of it.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::Card;
use super::spec::Spec;
use crate::http::{Reply, Request};

pub(super) struct State {
    base_url: String,
    spec: Spec,
    count: usize,
    objects: HashMap<String, Value>,
    /// Ids in the order in which they were made.
    order: Vec<String>,
    cards: HashMap<String, Card>,
    /// Answers by the key of their request.
    remembered: HashMap<String, (Vec<(String, String)>, u16, Value)>,
    pub events: Vec<Value>,
    pub complaints: Vec<String>,
    pub requests: Vec<Request>,
}

type Answer = (u16, Value);

impl State {
    pub fn new(base_url: String) -> State {
        State {
            base_url,
            spec: Spec::load(),
            count: 0,
            objects: HashMap::new(),
            order: Vec::new(),
            cards: HashMap::new(),
            remembered: HashMap::new(),
            events: Vec::new(),
            complaints: Vec::new(),
            requests: Vec::new(),
        }
    }

    pub fn api(&mut self, request: &Request) -> Reply {
        self.requests.push(request.clone());
        let (status, body) = self.checked(request);
        self.complaints.extend(self.spec.check_answer(&request.method, &request.path, status, &body));
        let date = http_date(now());
        Reply {
            status,
            headers: vec![("Content-Type", "application/json".to_owned()), ("Date", date)],
            body: body.to_string(),
        }
    }

    fn checked(&mut self, request: &Request) -> Answer {
        if !request.header("authorization").is_some_and(|value| value.starts_with("Bearer sk_")) {
            return error(401, "invalid_request_error", "", "Invalid API Key provided.");
        }
        let mut wrong = self.spec.check_request(&request.method, &request.path, &request.query, &request.form);
        if request.header("stripe-version") != Some(self.spec.version()) {
            wrong.push(format!("the version is {:?}", request.header("stripe-version")));
        }
        if let Some(first) = wrong.first().cloned() {
            self.complaints.extend(wrong);
            return error(400, "invalid_request_error", "parameter_unknown", &first);
        }
        let Some(key) = request.header("idempotency-key").map(str::to_owned) else { return self.route(request) };
        if let Some((form, status, answer)) = self.remembered.get(&key) {
            return match *form == request.form {
                true => (*status, answer.clone()),
                false => error(400, "idempotency_error", "", "Keys can only be used with the same parameters."),
            };
        }
        let (status, answer) = self.route(request);
        self.remembered.insert(key, (request.form.clone(), status, answer.clone()));
        (status, answer)
    }

    fn route(&mut self, request: &Request) -> Answer {
        let parts: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["customers"]) => self.new_customer(request),
            ("POST", ["payment_methods", id, "attach"]) => self.attach(id, request.field("customer")),
            ("POST", ["payment_methods", id, "detach"]) => self.attach(id, None),
            ("POST", ["payment_intents"]) => self.new_intent(request),
            ("GET", ["payment_intents"]) => self.list("payment_intent", request),
            ("POST", ["payment_intents", id, "cancel"]) => self.cancel(id),
            ("POST", ["refunds"]) => self.refund(request),
            ("GET", ["refunds"]) => self.list("refund", request),
            ("POST", ["checkout", "sessions"]) => self.new_session(request),
            ("POST", ["checkout", "sessions", id, "expire"]) => self.expire(id),
            ("GET", ["checkout", "sessions", id]) => self.retrieve(id, request),
            ("GET", [_, id]) => self.retrieve(id, request),
            _ => error(404, "invalid_request_error", "", "Unrecognized request URL."),
        }
    }

    fn id(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}_{:06}", self.count)
    }

    fn put(&mut self, object: Value) -> Value {
        let id = text(&object, "id");
        if self.objects.insert(id.clone(), object.clone()).is_none() {
            self.order.push(id);
        }
        object
    }

    fn change(&mut self, id: &str, changes: Value) -> Value {
        let mut object = self.objects.get(id).cloned().unwrap_or_default();
        for (key, value) in changes.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        self.put(object)
    }

    fn happened(&mut self, kind: &str, object: &Value) {
        if !self.spec.has_event(kind) {
            self.complaints.push(format!("there is no event {kind}"));
        }
        let id = self.id("evt");
        let event = json!({
            "id": id, "object": "event", "type": kind, "created": now(), "livemode": false, "pending_webhooks": 1,
            "request": null, "api_version": self.spec.version(), "data": { "object": object },
        });
        self.complaints.extend(self.spec.check_object("event", &event));
        self.events.push(event);
    }

    fn retrieve(&self, id: &str, request: &Request) -> Answer {
        let Some(object) = self.objects.get(id) else {
            return error(404, "invalid_request_error", "resource_missing", &format!("No such object: '{id}'"));
        };
        let mut object = object.clone();
        for (key, name) in &request.query {
            let inner = text(&object, name);
            if key == "expand[]" && !inner.is_empty() {
                object[name] = self.objects.get(&inner).cloned().unwrap_or_default();
            }
        }
        (200, object)
    }

    fn list(&self, kind: &str, request: &Request) -> Answer {
        let asked = |name: &str| request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let since: i64 = asked("created[gte]").and_then(|text| text.parse().ok()).unwrap_or(0);
        let limit: usize = asked("limit").and_then(|text| text.parse().ok()).unwrap_or(10);
        let same = |object: &Value, name: &str| asked(name).is_none_or(|wanted| object[name] == wanted);
        let mut found: Vec<&Value> = self
            .order
            .iter()
            .rev()
            .filter_map(|id| self.objects.get(id))
            .filter(|object| object["object"] == kind && object["created"].as_i64().unwrap_or(0) >= since)
            .filter(|object| ["customer", "payment_intent", "charge"].iter().all(|name| same(object, name)))
            .collect();
        if let Some(after) = asked("starting_after") {
            let at = found.iter().position(|object| object["id"] == after).map_or(found.len(), |at| at + 1);
            found.drain(..at);
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        (200, json!({ "object": "list", "url": request.path, "has_more": has_more, "data": found }))
    }

    fn new_customer(&mut self, request: &Request) -> Answer {
        let id = self.id("cus");
        let customer = json!({
            "id": id, "object": "customer", "created": now(), "livemode": false,
            "name": request.field("name"), "email": request.field("email"), "metadata": metadata(request, "metadata"),
        });
        (200, self.put(customer))
    }

    pub fn new_method(&mut self, card: Card) -> String {
        let id = self.id("pm");
        let last4 = match card {
            Card::Pays => "4242",
            Card::Asks => "3184",
            Card::Declines => "0341",
        };
        self.cards.insert(id.clone(), card);
        self.put(json!({
            "id": id, "object": "payment_method", "type": "card", "customer": null, "created": now(),
            "livemode": false, "metadata": {}, "billing_details": {},
            "card": { "brand": "visa", "last4": last4, "exp_month": 7, "exp_year": 2031, "funding": "credit" },
        }));
        id
    }

    fn attach(&mut self, method: &str, customer: Option<&str>) -> Answer {
        if !self.cards.contains_key(method) {
            return error(404, "invalid_request_error", "resource_missing", "No such payment_method.");
        }
        if customer.is_none() && self.objects[method]["customer"].is_null() {
            return error(400, "invalid_request_error", "", "The payment method is not attached to a customer.");
        }
        (200, self.change(method, json!({ "customer": customer })))
    }

    fn intent(&mut self, amount: i64, currency: &str, customer: Option<&str>, metadata: Value) -> String {
        let id = self.id("pi");
        let secret = format!("{id}_secret");
        self.put(json!({
            "id": id, "object": "payment_intent", "status": "requires_payment_method", "amount": amount,
            "amount_received": 0, "currency": currency, "customer": customer, "metadata": metadata,
            "payment_method": null, "last_payment_error": null, "next_action": null, "latest_charge": null,
            "client_secret": secret, "capture_method": "automatic", "confirmation_method": "automatic",
            "payment_method_types": ["card"], "created": now(), "livemode": false,
        }));
        id
    }

    fn new_intent(&mut self, request: &Request) -> Answer {
        let amount = request.field("amount").and_then(|text| text.parse().ok()).unwrap_or(0);
        let currency = request.field("currency").unwrap_or_default();
        let method = request.field("payment_method").unwrap_or_default().to_owned();
        let card = self.cards.get(&method).copied();
        let customer = request.field("customer");
        if card.is_none() || (customer.is_some() && self.objects[&method]["customer"].as_str() != customer) {
            return error(400, "invalid_request_error", "resource_missing", "No such payment_method.");
        }
        let id = self.intent(amount, currency, customer, metadata(request, "metadata"));
        let absent = request.field("off_session") == Some("true");
        match (card, absent) {
            (Some(Card::Asks), false) => {
                let Some(back) = request.field("return_url") else {
                    return error(400, "invalid_request_error", "parameter_missing", "A return_url is needed.");
                };
                let url = format!("{}/bank/{id}", self.base_url);
                let action =
                    json!({ "type": "redirect_to_url", "redirect_to_url": { "url": url, "return_url": back } });
                let waits = json!({ "status": "requires_action", "payment_method": method, "next_action": action });
                let intent = self.change(&id, waits);
                self.happened("payment_intent.requires_action", &intent);
                (200, intent)
            }
            (Some(Card::Asks), true) => self.refused(&id, "authentication_required", "Authenticate this payment."),
            (Some(Card::Declines), _) => self.refused(&id, "card_declined", "Your card was declined."),
            _ => (200, self.succeed(&id, &method)),
        }
    }

    fn refused(&mut self, intent: &str, code: &str, message: &str) -> Answer {
        let reason = json!({ "type": "card_error", "code": code, "message": message });
        let intent = self.change(intent, json!({ "status": "requires_payment_method", "last_payment_error": reason }));
        self.happened("payment_intent.payment_failed", &intent);
        let mut error = reason;
        error["payment_intent"] = intent;
        (402, json!({ "error": error }))
    }

    fn succeed(&mut self, intent: &str, method: &str) -> Value {
        let (charge, balance) = (self.id("ch"), self.id("txn"));
        let amount = self.objects[intent]["amount"].as_i64().unwrap_or(0);
        let currency = text(&self.objects[intent], "currency");
        let fee = amount * 3 / 100;
        self.put(json!({
            "id": balance, "object": "balance_transaction", "amount": amount, "fee": fee, "net": amount - fee,
            "currency": currency, "status": "available", "type": "charge", "available_on": now(), "created": now(),
            "fee_details": [], "reporting_category": "charge",
        }));
        self.put(json!({
            "id": charge, "object": "charge", "amount": amount, "currency": currency, "status": "succeeded",
            "payment_intent": intent, "balance_transaction": balance,
        }));
        let done = json!({
            "status": "succeeded", "amount_received": amount, "payment_method": method, "latest_charge": charge,
            "next_action": null, "last_payment_error": null,
        });
        let intent = self.change(intent, done);
        self.happened("payment_intent.succeeded", &intent);
        intent
    }

    fn cancel(&mut self, id: &str) -> Answer {
        match self.objects.get(id).map(|intent| text(intent, "status")).as_deref() {
            None => error(404, "invalid_request_error", "resource_missing", "No such payment_intent."),
            Some("succeeded" | "canceled") => {
                error(400, "invalid_request_error", "payment_intent_unexpected_state", "It cannot be canceled.")
            }
            Some(_) => {
                let intent = self.change(id, json!({ "status": "canceled", "next_action": null }));
                self.happened("payment_intent.canceled", &intent);
                (200, intent)
            }
        }
    }

    fn refund(&mut self, request: &Request) -> Answer {
        let payment = request.field("payment_intent").unwrap_or_default().to_owned();
        let amount: i64 = request.field("amount").and_then(|text| text.parse().ok()).unwrap_or(0);
        let Some(intent) = self.objects.get(&payment).cloned() else {
            return error(404, "invalid_request_error", "resource_missing", "No such payment_intent.");
        };
        let back: i64 = self
            .objects
            .values()
            .filter(|object| object["object"] == "refund" && object["payment_intent"] == payment)
            .filter_map(|refund| refund["amount"].as_i64())
            .sum();
        if intent["status"] != "succeeded" || back + amount > intent["amount"].as_i64().unwrap_or(0) {
            return error(400, "invalid_request_error", "", "The amount is greater than what is left of the charge.");
        }
        let id = self.id("re");
        let refund = self.put(json!({
            "id": id, "object": "refund", "status": "succeeded", "amount": amount, "currency": intent["currency"],
            "payment_intent": payment, "charge": intent["latest_charge"], "created": now(),
            "metadata": metadata(request, "metadata"),
        }));
        self.happened("refund.created", &refund);
        (200, refund)
    }

    fn new_session(&mut self, request: &Request) -> Answer {
        let id = self.id("cs");
        let url = format!("{}/pay/{id}", self.base_url);
        let session = json!({
            "id": id, "object": "checkout.session", "url": url, "status": "open", "payment_status": "unpaid",
            "payment_intent": null, "setup_intent": null, "customer": request.field("customer"),
            "client_reference_id": request.field("client_reference_id"), "metadata": metadata(request, "metadata"),
            "mode": request.field("mode"), "expires_at": now() + 86_400, "automatic_tax": {}, "created": now(),
            "custom_fields": [], "custom_text": {}, "livemode": false, "payment_method_types": ["card"],
            "shipping_options": [],
        });
        self.cards.insert(id.clone(), Card::Pays);
        self.put(session.clone());
        // What the page has to know, and no answer tells.
        let form: Map<String, Value> = request.form.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        self.objects.insert(format!("form of {id}"), Value::Object(form));
        (200, session)
    }

    pub fn is_open(&self, session: &str) -> bool {
        self.objects.get(session).is_some_and(|session| session["status"] == "open")
    }

    fn expire(&mut self, id: &str) -> Answer {
        if !self.is_open(id) {
            return error(400, "invalid_request_error", "", "Only open sessions can be expired.");
        }
        let session = self.change(id, json!({ "status": "expired", "url": null }));
        self.happened("checkout.session.expired", &session);
        (200, session)
    }

    /// The client has entered a card on the page; where the browser goes.
    pub fn pay(&mut self, session: &str, card: Card) -> Option<String> {
        if !self.is_open(session) {
            return None;
        }
        let form = self.objects.get(&format!("form of {session}"))?.clone();
        let field = |name: &str| form[name].as_str();
        let customer = field("customer");
        let method = self.new_method(card);
        let keep = field("mode") == Some("setup") || field("payment_intent_data[setup_future_usage]").is_some();
        if keep {
            self.change(&method, json!({ "customer": customer }));
        }
        let changes = if field("mode") == Some("setup") {
            let id = self.id("seti");
            self.put(json!({
                "id": id, "object": "setup_intent", "status": "succeeded", "payment_method": method,
                "customer": customer, "created": now(), "livemode": false, "payment_method_types": ["card"],
                "usage": "off_session",
            }));
            json!({ "status": "complete", "payment_status": "no_payment_required", "setup_intent": id, "url": null })
        } else {
            let units = field("line_items[0][price_data][unit_amount]")?.parse().ok()?;
            let currency = field("line_items[0][price_data][currency]")?;
            let id = self.intent(units, currency, customer, inside(&form, "payment_intent_data[metadata]"));
            self.succeed(&id, &method);
            json!({ "status": "complete", "payment_status": "paid", "payment_intent": id, "url": null })
        };
        let session = self.change(session, changes);
        self.happened("checkout.session.completed", &session);
        field("success_url").map(str::to_owned)
    }

    pub fn waits(&self, intent: &str) -> bool {
        self.objects.get(intent).is_some_and(|intent| intent["status"] == "requires_action")
    }

    /// The bank has decided; where the browser goes, with what Stripe appends to the address.
    pub fn authenticate(&mut self, id: &str, complete: bool) -> Option<String> {
        if !self.waits(id) {
            return None;
        }
        let intent = self.objects[id].clone();
        let back = intent["next_action"]["redirect_to_url"]["return_url"].as_str()?.to_owned();
        if complete {
            self.succeed(id, &text(&intent, "payment_method"));
        } else {
            let reason = json!({
                "type": "card_error", "code": "payment_intent_authentication_failure",
                "message": "The provided PaymentMethod has failed authentication.",
            });
            let failed = json!({
                "status": "requires_payment_method", "payment_method": null, "next_action": null,
                "last_payment_error": reason,
            });
            let intent = self.change(id, failed);
            self.happened("payment_intent.payment_failed", &intent);
        }
        let status = if complete { "succeeded" } else { "failed" };
        Some(format!("{back}?payment_intent={id}&payment_intent_client_secret={id}_secret&redirect_status={status}"))
    }

    pub fn taken(&self) -> Vec<Value> {
        let all = self.order.iter().filter_map(|id| self.objects.get(id));
        let paid = all.filter(|object| object["object"] == "payment_intent" && object["status"] == "succeeded");
        paid.map(|intent| json!({ "id": intent["id"], "amount": intent["amount"], "metadata": intent["metadata"] }))
            .collect()
    }

    pub fn dispute(&mut self, payment: &str, stage: &str) {
        let intent = self.objects.get(payment).cloned().unwrap_or_default();
        let amount = intent["amount"].as_i64().unwrap_or(0);
        let movement = |id: &str, amount: i64, fee: i64| {
            json!({
                "id": id, "object": "balance_transaction", "amount": amount, "fee": fee, "net": amount - fee,
                "currency": intent["currency"], "status": "available", "type": "adjustment", "available_on": now(),
                "created": now(), "fee_details": [], "reporting_category": "dispute",
            })
        };
        let taken = movement("txn_taken", -amount, 1500);
        let back = movement("txn_back", amount, 0);
        let (kind, status, moved) = match stage {
            "created" => ("created", "needs_response", vec![]),
            "withdrawn" => ("funds_withdrawn", "needs_response", vec![taken]),
            "reinstated" => ("funds_reinstated", "won", vec![taken, back]),
            _ => ("closed", "lost", vec![taken]),
        };
        let dispute = json!({
            "id": "dp_1", "object": "dispute", "amount": amount, "currency": intent["currency"],
            "charge": intent["latest_charge"], "payment_intent": payment, "reason": "fraudulent", "status": status,
            "evidence": {}, "balance_transactions": moved, "created": now(), "is_charge_refundable": false,
            "livemode": false, "metadata": {},
            "evidence_details": { "due_by": now() + 864_000, "has_evidence": false, "past_due": false, "submission_count": 0 },
        });
        self.complaints.extend(self.spec.check_object("dispute", &dispute));
        self.happened(&format!("charge.dispute.{kind}"), &dispute);
    }
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}

fn error(status: u16, kind: &str, code: &str, message: &str) -> Answer {
    let mut error = json!({ "type": kind, "message": message });
    if !code.is_empty() {
        error["code"] = json!(code);
    }
    (status, json!({ "error": error }))
}

fn metadata(request: &Request, name: &str) -> Value {
    let form: Map<String, Value> = request.form.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    inside(&Value::Object(form), name)
}

/// What a form has in `name[…]`.
fn inside(form: &Value, name: &str) -> Value {
    let fields = form.as_object().into_iter().flatten();
    let found = fields.filter_map(|(key, value)| {
        let key = key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
        Some((key.to_owned(), value.clone()))
    });
    Value::Object(found.collect())
}

#[expect(clippy::disallowed_methods, reason = "a peer lives in real time")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}

/// RFC 9110, as in `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days.rem_euclid(7)).unwrap_or(0)];
    // Howard Hinnant's days to civil.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = names[usize::try_from(month - 1).unwrap_or(0)];
    let time = seconds.rem_euclid(86_400);
    format!("{weekday}, {day:02} {name} {year} {:02}:{:02}:{:02} GMT", time / 3600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_written_as_the_web_writes_them() {
        assert_eq!(super::http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(super::http_date(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
    }
}
