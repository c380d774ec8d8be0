//! Clients: their rules, their pages, both of their APIs.

use axum::http::StatusCode;
use kernel::{Error, FieldErrors};
use serde_json::json;

use super::*;
use crate::doors::Access;
use crate::testing::{As, House, ann, system};
use crate::users::Owner;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn fields(error: Error) -> FieldErrors {
    match error {
        Error::Invalid(errors) => errors,
        other => panic!("{other:?}"),
    }
}

async fn changed(house: &House, id: i64, edit: ClientEdit) -> Result<Client> {
    let mut tx = house.app.db.write().await?;
    let mut locked = lock(&mut tx, id).await?;
    let client = update(&mut locked, &system(), id, edit, house.now).await?;
    tx.commit().await?;
    Ok(client)
}

async fn added(house: &House, details: ClientEdit, owner: Owner) -> Result<Client> {
    let mut tx = house.app.db.write().await?;
    let client = create(&mut tx, &system(), NewClient { details, owner }, &house.app.random, house.now).await?;
    tx.commit().await?;
    Ok(client)
}

testkit::both_engines! {
    async fn a_new_client_is_active_and_owned_by_a_new_user(house: House) {
        let client = house.ann().await;
        assert_eq!(client.status, ClientStatus::Active);
        assert_eq!(client.currency.code(), "USD", "the base currency");
        assert_eq!(client.country, "AT");
        let mut conn = house.app.db.read().await.unwrap();
        assert_eq!(find(&mut conn, client.id).await.unwrap(), client);
        let users = users::of_client(&mut conn, client.id).await.unwrap();
        assert_eq!(users.len(), 1);
        assert!(users[0].is_owner);
        assert_eq!(users[0].email, "ann@example.com");
        let party = parties::find(&mut conn, client.party_id).await.unwrap();
        assert_eq!(party, client.party());
        assert_eq!(party.lines().last().unwrap(), "Austria");
    }

    async fn everything_that_is_wrong_is_said_at_once_and_nothing_is_written(house: House) {
        let before = house.rows().await;
        let wrong = ClientEdit {
            demand: Demand::Address,
            first_name: text("An\nn"),
            email: text("ann"),
            country: text("XX"),
            phone: text("call me"),
            currency: text("JPY"),
            group_id: Some(99),
            default_gateway: text("cheques"),
            notes: text("a\u{7}b"),
            ..ClientEdit::default()
        };
        let errors = fields(added(&house, wrong, Owner::Existing(99)).await.unwrap_err());
        let named: Vec<&str> = errors.iter().map(|(field, _)| field).collect();
        for field in [
            "first_name", "last_name", "email", "address1", "city", "state", "postcode", "country", "phone", "currency",
            "group_id", "default_gateway", "notes", "owner_user_id",
        ] {
            assert_eq!(named.iter().filter(|name| **name == field).count(), 1, "{field} in {named:?}");
        }
        assert_eq!(house.rows().await, before);
    }

    async fn a_person_or_a_company_is_enough_for_staff(house: House) {
        let company = ClientEdit {
            company: text("Orchards Ltd"), email: text("o@example.com"), country: text("DE"), ..ClientEdit::default()
        };
        assert_eq!(added(&house, company, Owner::default()).await.unwrap().display_name(), "Orchards Ltd");
        let nobody = ClientEdit { email: text("n@example.com"), ..ClientEdit::default() };
        let errors = fields(added(&house, nobody, Owner::default()).await.unwrap_err());
        assert!(errors.of("first_name").is_some() && errors.of("country").is_some());
    }

    async fn an_address_that_logs_in_already_is_refused_unless_its_user_becomes_the_owner(house: House) {
        let first = house.ann().await;
        let errors = fields(added(&house, ann(), Owner::default()).await.unwrap_err());
        assert!(errors.of("email").unwrap().contains("Ann Lee logs in with this address"));
        let second = added(&house, ann(), Owner::ByEmail("ANN@example.com".into())).await.unwrap();
        assert_ne!(first.id, second.id);
        assert_eq!(house.count("users").await, 1);
        assert_eq!(house.count("client_users").await, 2);
        assert_eq!(second.party_id, first.party_id, "equal parties are one row");
        let errors = fields(added(&house, ann(), Owner::ByEmail("x@example.com".into())).await.unwrap_err());
        assert!(errors.of("owner_email").is_some());
        let oldest = by_email(&mut house.app.db.read().await.unwrap(), " Ann@Example.com").await.unwrap().unwrap();
        assert_eq!(oldest.id, first.id);
    }

    async fn a_change_is_logged_from_old_to_new_and_makes_a_new_party(house: House) {
        let old = house.ann().await;
        let edit = ClientEdit { city: text("Wien"), tax_exempt: Some(true), ..ClientEdit::default() };
        let new = changed(&house, old.id, edit).await.unwrap();
        assert_eq!((new.city.as_str(), new.first_name.as_str()), ("Wien", "Ann"));
        assert_ne!(new.party_id, old.party_id);
        let mut conn = house.app.db.read().await.unwrap();
        assert_eq!(parties::find(&mut conn, old.party_id).await.unwrap().city, "Linz");
        let entry = activity_log::of_client(&mut conn, old.id, 1).await.unwrap().remove(0);
        let change = |field: &str, old: &str, new: &str| Change { field: field.into(), old: old.into(), new: new.into() };
        assert_eq!(entry.changes(), [change("City", "Linz", "Wien"), change("Tax exempt", "no", "yes")]);
    }

    async fn a_change_that_changes_nothing_is_not_logged(house: House) {
        let client = house.ann().await;
        let before = house.rows().await;
        assert_eq!(changed(&house, client.id, ann()).await.unwrap(), client);
        assert_eq!(house.rows().await, before);
    }

    async fn a_gap_in_old_books_keeps_nobody_from_correcting_something_else(house: House) {
        let gaps = ClientEdit { demand: Demand::Nothing, email: text("g@example.com"), ..ClientEdit::default() };
        let client = added(&house, gaps, Owner::default()).await.unwrap();
        let edit = ClientEdit { demand: Demand::Address, notes: text("rang"), ..ClientEdit::default() };
        assert_eq!(changed(&house, client.id, edit).await.unwrap().notes, "rang");
        let emptied = ClientEdit { demand: Demand::Address, city: text(" "), ..ClientEdit::default() };
        assert!(fields(changed(&house, client.id, emptied).await.unwrap_err()).of("city").is_some());
    }

    async fn the_currency_is_fixed_once_there_was_money(house: House) {
        let euro = || ClientEdit { currency: text("EUR"), ..ClientEdit::default() };
        let client = house.ann().await;
        assert_eq!(changed(&house, client.id, euro()).await.unwrap().currency.code(), "EUR");
        house.sql(&format!(
            "INSERT INTO credit_movements (client_id, currency, amount, kind, description, actor, booked_on, created_at) \
             VALUES ({}, 'EUR', 100, 'grant', '', 'test', '2026-03-01', 0)", client.id
        )).await;
        let dollar = ClientEdit { currency: text("USD"), city: text("Graz"), ..ClientEdit::default() };
        let errors = fields(changed(&house, client.id, dollar).await.unwrap_err());
        assert!(errors.of("currency").unwrap().contains("stays EUR"));
        let kept = find(&mut house.app.db.read().await.unwrap(), client.id).await.unwrap();
        assert_eq!((kept.city.as_str(), kept.currency.code()), ("Linz", "EUR"));
        changed(&house, client.id, euro()).await.unwrap();
    }

    async fn closing_is_told_once_and_can_be_undone(house: House) {
        let client = house.ann().await;
        for _ in 0..2 {
            let mut tx = house.app.db.write().await.unwrap();
            let mut locked = lock(&mut tx, client.id).await.unwrap();
            close(&mut locked, &system(), client.id, house.now).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(house.heard(), [client.id]);
        let status = |status| ClientEdit { status: Some(status), ..ClientEdit::default() };
        assert_eq!(changed(&house, client.id, status(ClientStatus::Active)).await.unwrap().status, ClientStatus::Active);
        changed(&house, client.id, status(ClientStatus::Closed)).await.unwrap();
        assert_eq!(house.heard(), [client.id, client.id], "by status is as good as by close");
    }

    async fn only_a_locked_client_can_be_changed(house: House) {
        let ann = house.ann().await;
        let bob = house.client(ClientEdit { email: text("bob@example.com"), ..crate::testing::ann() }).await;
        let mut tx = house.app.db.write().await.unwrap();
        assert!(matches!(lock(&mut tx, 99).await, Err(Error::NotFound("Client"))));
        assert!(matches!(lock_many(&mut tx, &[ann.id, 99]).await, Err(Error::NotFound("Client"))));
        let mut locked = lock(&mut tx, ann.id).await.unwrap();
        assert!(matches!(locked.check(bob.id), Err(Error::Broken(_))));
        let refused = update(&mut locked, &system(), bob.id, ClientEdit::default(), house.now).await;
        assert!(matches!(refused, Err(Error::Broken(_))));
        let locked = lock_many(&mut tx, &[bob.id, ann.id, bob.id]).await.unwrap();
        assert_eq!(locked.ids(), [ann.id, bob.id]);
    }

    async fn a_search_finds_words_in_any_case_and_script_but_takes_no_wildcards(house: House) {
        let ann = house.ann().await;
        let bob = ClientEdit { first_name: text("Bob"), email: text("bob_x@example.org"), company: text("100% Öl"), ..crate::testing::ann() };
        let bob = house.client(bob).await;
        let mut conn = house.app.db.read().await.unwrap();
        let mut found = async |words: &str| {
            let filter = Filter { text: words.into(), ..Filter::default() };
            let query = store::query(&mut conn, &filter).await.unwrap();
            let mut ids = query.ids(&mut conn, 10).await.unwrap();
            assert_eq!(query.count_all(&mut conn).await.unwrap(), ids.len() as i64);
            ids.sort_unstable();
            ids
        };
        assert_eq!(found("lee ANN").await, [ann.id]);
        assert_eq!(found("SÖHNE").await, [ann.id]);
        assert_eq!(found("öl").await, [bob.id]);
        assert_eq!(found("100%").await, [bob.id]);
        assert_eq!(found("%").await, [0i64; 0]);
        assert_eq!(found("b_b").await, [0i64; 0]);
        assert_eq!(found("@example.org").await, [bob.id]);
        assert_eq!(found("ann bob").await, [0i64; 0]);
        assert_eq!(found("\\").await, [0i64; 0]);
        assert_eq!(found(&format!("#{}", ann.id)).await.first(), Some(&ann.id));
        assert_eq!(found("").await, [ann.id, bob.id]);
    }

    async fn nothing_is_open_to_strangers_or_to_staff_without_the_permission(house: House) {
        let client = house.ann().await;
        // There are more routes than refusals an address is given in a minute.
        house.configure_all(&[("api_refusals_per_minute", "0")]).await;
        let before = house.rows().await;
        for entry in crate::routes().table {
            if !matches!(entry.access, Access::Staff(_) | Access::Api(_)) {
                continue;
            }
            let path = entry.path.replace("{id}", &client.id.to_string());
            let api = path.starts_with("/api/");
            let send = async |who| {
                if entry.method == "GET" || api {
                    house.send(who, entry.method, &path, "application/json", String::new()).await
                } else {
                    house.post_as(who, &path, &[]).await
                }
            };
            let stranger = send(As::Stranger).await;
            if api {
                assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{} {path}", entry.method);
            } else {
                assert!(stranger.to.starts_with("/admin/login"), "{} {path}: {}", entry.method, stranger.status);
            }
            assert_eq!(send(As::Nobody).await.status, StatusCode::FORBIDDEN, "{} {path}", entry.method);
        }
        assert_eq!(house.rows().await, before);
    }

    async fn a_form_without_its_token_changes_nothing(house: House) {
        let client = house.ann().await;
        let kind = "application/x-www-form-urlencoded";
        for path in ["/admin/clients".to_owned(), format!("/admin/clients/{}/close", client.id)] {
            let body = "email=m%40example.com&company=M&country=DE".to_owned();
            assert_eq!(house.send(As::Boss, "POST", &path, kind, body).await.status, StatusCode::CONFLICT);
        }
        assert_eq!(house.count("clients").await, 1);
        assert!(house.heard().is_empty());
    }

    async fn a_list_page_asks_the_database_few_things_however_many_rows_it_has(house: House) {
        for at in 0..60 {
            house.client(ClientEdit { email: text(&format!("c{at}@example.com")), ..ann() }).await;
        }
        house.get("/admin/clients").await;
        for (path, most) in [
            ("/admin/clients", 8), ("/admin/clients?q=lee&sort=-name&page=2", 8), ("/admin/users", 8),
            ("/admin/logs/activity", 8), ("/admin/clients/1", 8),
        ] {
            let before = house.statements();
            let reply = house.get(path).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text);
            assert!(house.statements() - before <= most, "{path}: {}", house.statements() - before);
        }
        let page = house.get("/admin/clients").await.text;
        assert!(page.contains("1–50") && page.contains("of 60"), "{page}");
        assert!(house.get("/admin/clients?page=2").await.text.contains("51–60"));
    }

    async fn the_list_hides_the_closed_ones_until_it_is_asked_for_them(house: House) {
        house.ann().await;
        let gone = ClientEdit { company: text("Gone Ltd"), email: text("g@example.com"), status: Some(ClientStatus::Closed), ..ann() };
        house.client(gone).await;
        assert!(!house.get("/admin/clients").await.text.contains("Gone Ltd"));
        assert!(house.get("/admin/clients?status=closed").await.text.contains("Gone Ltd"));
        let all = house.get("/admin/clients?status=all").await.text;
        assert!(all.contains("Gone Ltd") && all.contains("Söhne"));
        let none = house.get("/admin/clients?q=nowhere&status=all").await.text;
        assert!(none.contains("No client fits") && none.contains("value=\"nowhere\""), "{none}");
        assert!(none.contains("<option value=\"all\" selected>"), "{none}");
        assert!(none.contains("<span>New client</span>"), "whoever may add one is shown how: {none}");
        assert_eq!(house.get("/admin/clients?status=odd").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn a_file_holds_what_the_list_shows_and_no_formulas(house: House) {
        house.client(ClientEdit { company: text("=HYPERLINK(1)"), ..ann() }).await;
        house.client(ClientEdit { company: text("Other"), email: text("o@example.com"), ..ann() }).await;
        let file = house.get("/admin/clients?q=hyper&format=csv").await.text;
        let lines: Vec<&str> = file.lines().collect();
        assert_eq!(lines.len(), 2, "{file}");
        assert!(lines[1].contains("'=HYPERLINK(1)"), "{file}");
    }

    async fn a_form_keeps_what_was_typed_and_says_beside_the_field_what_is_wrong(house: House) {
        let reply = house.post("/admin/clients", &[
            ("company", "Typed \"Ltd\""), ("email", "nonsense"), ("country", "DE"), ("currency", "USD"),
            ("status", "active"), ("owner", "new"), ("separate_invoices", "1"),
        ]).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reply.text);
        assert!(reply.text.contains("Typed &quot;Ltd&quot;"));
        assert!(reply.text.contains("id=\"e-email\""), "{}", reply.text);
        assert!(reply.text.contains("href=\"#f-email\""));
        assert!(reply.text.contains("name=\"separate_invoices\" value=\"1\" checked"));
        assert_eq!(house.count("clients").await, 0);
    }

    async fn staff_add_change_close_and_reopen_a_client(house: House) {
        let form = [
            ("first_name", "Ann"), ("last_name", "Lee"), ("email", "ann@example.com"), ("country", "AT"),
            ("currency", "EUR"), ("status", "active"), ("owner", "new"), ("notes", "one\r\ntwo"),
        ];
        let reply = house.post("/admin/clients", &form).await;
        assert_eq!((reply.status, reply.to.as_str()), (StatusCode::SEE_OTHER, "/admin/clients/1"), "{}", reply.text);
        let page = house.get("/admin/clients/1").await.text;
        assert!(page.contains("Ann Lee") && page.contains("one<br>two") && page.contains("Austria"), "{page}");
        assert_eq!(house.get("/admin/clients/1/edit").await.status, StatusCode::OK);
        let mut edited = form.to_vec();
        edited[1] = ("last_name", "Lea");
        assert_eq!(house.post("/admin/clients/1", &edited).await.to, "/admin/clients/1");
        let ask = house.get("/admin/clients/1/close").await.text;
        assert!(ask.contains("Clients that are closed"), "{ask}");
        assert_eq!(house.post("/admin/clients/1/close", &[]).await.to, "/admin/clients/1");
        assert!(house.get("/admin/clients/1").await.text.contains("This client is closed"));
        assert_eq!(house.post("/admin/clients/1/reopen", &[]).await.to, "/admin/clients/1");
        let client = find(&mut house.app.db.read().await.unwrap(), 1).await.unwrap();
        assert_eq!((client.status, client.last_name.as_str(), client.currency.code()), (ClientStatus::Active, "Lea", "EUR"));
        assert_eq!(house.get("/admin/clients/99").await.status, StatusCode::NOT_FOUND);
        assert_eq!(house.get("/admin/clients/x").await.status, StatusCode::NOT_FOUND);
    }

    async fn ticked_clients_are_closed_after_a_question_in_numbers(house: House) {
        for at in 0..3 {
            house.client(ClientEdit { email: text(&format!("c{at}@example.com")), ..ann() }).await;
        }
        assert_eq!(house.post("/admin/clients/bulk?q=x", &[("do", "close")]).await.to, "/admin/clients?q=x");
        let ask = house.post("/admin/clients/bulk", &[("do", "close"), ("id", "1"), ("id", "3")]).await;
        assert!(ask.text.contains("Close 2 clients") && ask.text.contains("value=\"1,3\""), "{}", ask.text);
        assert!(house.heard().is_empty(), "asking closes nothing");
        let all = house.post("/admin/clients/bulk?q=lee", &[("do", "close"), ("all", "1")]).await.text;
        assert!(all.contains("value=\"1,2,3\""), "{all}");
        assert_eq!(house.post("/admin/clients/close", &[("ids", "1,3")]).await.to, "/admin/clients");
        assert_eq!(house.heard(), [1, 3]);
    }

    async fn users_are_added_to_a_client_and_taken_off_but_for_the_owner(house: House) {
        house.ann().await;
        house.client(ClientEdit { email: text("bob@example.com"), first_name: text("Bob"), ..ann() }).await;
        house.post("/admin/clients/1/users", &[("email", "bob@example.com")]).await;
        house.post("/admin/clients/1/users", &[("email", "bob@example.com")]).await;
        house.post("/admin/clients/1/users", &[("email", "who@example.com")]).await;
        assert_eq!(house.count("client_users").await, 3);
        assert!(house.get("/admin/clients/1").await.text.contains("Bob Lee"));
        house.post("/admin/clients/1/users/remove", &[("user", "1")]).await;
        assert_eq!(house.count("client_users").await, 3, "the owner stays");
        house.post("/admin/clients/1/users/remove", &[("user", "2")]).await;
        assert_eq!(house.count("client_users").await, 2);
        assert!(house.get("/admin/users?q=BOB").await.text.contains("bob@example.com"));
    }

    async fn the_api_adds_shows_changes_and_closes(house: House) {
        let new = json!({ "first_name": "Ann", "email": "ann@example.com", "country": "AT", "password": "long enough" });
        let made = house.api("POST", "/clients", new.clone()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let id = made.json()["id"].as_i64().unwrap();
        assert_eq!(made.json()["users"][0]["is_owner"], true);
        let hash: Option<String> = house.app.db.read().await.unwrap()
            .scalar("SELECT password_hash FROM users", platform::params![]).await.unwrap();
        assert!(hash.unwrap().starts_with("$argon2id$"));
        let again = house.api("POST", "/clients", new).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(again.json()["errors"][0]["field"], "email");
        let path = format!("/clients/{id}");
        let changed = house.api("PATCH", &path, json!({ "city": "Wien", "group_id": null })).await.json();
        assert_eq!((&changed["city"], &changed["first_name"]), (&json!("Wien"), &json!("Ann")));
        let wrong = house.api("PATCH", &path, json!({ "city": 1, "tax_exempt": "x", "status": "gone" })).await;
        assert_eq!(wrong.json()["errors"].as_array().unwrap().len(), 3, "{}", wrong.text);
        assert_eq!(house.api("POST", &format!("{path}/close"), json!(null)).await.json()["status"], "closed");
        assert_eq!(house.api("GET", &path, json!(null)).await.json()["status"], "closed");
        let list = house.api("GET", "/clients?status=closed&sort=name", json!(null)).await.json();
        assert_eq!((&list["total"], &list["items"][0]["id"]), (&json!(1), &json!(id)));
        assert_eq!(house.api("GET", "/clients/77", json!(null)).await.status, StatusCode::NOT_FOUND);
    }

    async fn compatible_actions_answer_as_documented(house: House) {
        let new = [
            ("firstname", "Ann"), ("lastname", "Lee"), ("email", "ann@example.com"), ("address1", "1 Mill Lane"),
            ("city", "Linz"), ("state", "OÖ"), ("postcode", "4020"), ("country", "AT"), ("phonenumber", "+43.7321234"),
            ("currency", "2"), ("password2", "long enough"), ("noemail", "true"), ("clientip", "192.0.2.7"),
        ];
        let made = house.action("AddClient", &new).await;
        assert_eq!((&made["result"], &made["clientid"]), (&json!("success"), &json!("1")), "{made}");
        let taken = house.action("AddClient", &new).await;
        assert_eq!(taken["message"], "A user already exists with that email address");

        let details = house.action("GetClientsDetails", &[("email", "ANN@example.com"), ("stats", "true")]).await;
        let client = &details["client"];
        for (name, value) in [
            ("id", json!(1)), ("currency", json!(2)), ("currency_code", json!("EUR")), ("fullname", json!("Ann Lee")),
            ("countryname", json!("Austria")), ("phonecc", json!("43")), ("phonenumber", json!("7321234")),
            ("status", json!("Active")), ("credit", json!("0.00")), ("groupid", json!(0)), ("taxexempt", json!(false)),
        ] {
            assert_eq!(client[name], value, "{name}");
            assert_eq!(details[name], value, "{name}");
        }
        assert_eq!(client["users"]["user"][0]["is_owner"], true);
        assert_eq!(details["stats"]["numdomains"], 0);
        assert_eq!(details["stats"]["creditbalance"], "0.00 EUR");
        assert!(house.action("GetClientsDetails", &[("clientid", "1")]).await.get("stats").is_none());

        let updated = house.action("UpdateClient", &[("clientemail", "ann@example.com"), ("taxexempt", "true"), ("status", "Inactive")]).await;
        assert_eq!((&updated["result"], &updated["clientid"]), (&json!("success"), &json!("1")), "{updated}");
        let client = find(&mut house.app.db.read().await.unwrap(), 1).await.unwrap();
        assert_eq!((client.tax_exempt, client.status, client.city.as_str()), (true, ClientStatus::Inactive, "Linz"));

        let list = house.action("GetClients", &[("search", "an"), ("status", "Inactive")]).await;
        assert_eq!((&list["totalresults"], &list["startnumber"], &list["numreturned"]), (&json!(1), &json!(0), &json!(1)));
        assert_eq!(list["clients"]["client"][0], json!({
            "id": 1, "firstname": "Ann", "lastname": "Lee", "companyname": "", "email": "ann@example.com",
            "datecreated": "2026-03-01", "groupid": 0, "status": "Inactive",
        }));
        assert_eq!(house.action("GetClients", &[("search", "nn")]).await["totalresults"], 0, "only where a word begins");

        assert_eq!(house.action("CloseClient", &[("clientid", "1")]).await["result"], "success");
        assert_eq!(house.heard(), [1]);
    }

    async fn compatible_errors_are_the_documented_sentences(house: House) {
        let whole = [
            ("firstname", "Ann"), ("lastname", "Lee"), ("email", "ann@example.com"), ("address1", "1 Mill Lane"),
            ("city", "Linz"), ("state", "OÖ"), ("postcode", "4020"), ("country", "AT"), ("phonenumber", "+43.7321234"),
        ];
        for (name, value, message) in [
            ("firstname", "", "You did not enter your first name"),
            ("lastname", "", "You did not enter your last name"),
            ("email", "", "You did not enter your email address"),
            ("email", "ann", "The email address you entered was not valid"),
            ("address1", "", "You did not enter your  address line 1"),
            ("city", "", "You did not enter your city"),
            ("state", "", "You did not enter your state"),
            ("postcode", "", "You did not enter your postcode"),
            ("country", "", "Valid country required"),
            ("country", "ZZ", "Valid country required"),
            ("phonenumber", "", "You did not enter your phone number"),
            ("phonenumber", "none", "Invalid telephone phone number"),
        ] {
            let fields: Vec<_> = whole.iter().map(|pair| if pair.0 == name { (name, value) } else { *pair }).collect();
            let answer = house.action("AddClient", &fields).await;
            assert_eq!((&answer["result"], &answer["message"]), (&json!("error"), &json!(message)));
        }
        let mut owned = whole.to_vec();
        owned.push(("owner_user_id", "9"));
        assert_eq!(house.action("AddClient", &owned).await["message"], "Invalid Owner User ID");
        let gaps = [("email", "g@example.com"), ("skipvalidation", "true")];
        assert_eq!(house.action("AddClient", &gaps).await["result"], "success");
        let checked = [("email", "h@example.com"), ("skipvalidation", "true"), ("country", "ZZ")];
        assert_eq!(house.action("AddClient", &checked).await["message"], "Valid country required");
        assert_eq!(house.action("UpdateClient", &[("clientid", "9")]).await["message"], "Client ID Not Found");
        assert_eq!(house.action("CloseClient", &[("clientid", "9")]).await["message"], "Client ID Not Found");
        assert_eq!(house.action("GetClientsDetails", &[]).await["message"], "Either clientid Or email Is Required");
        assert_eq!(house.action("GetClientsDetails", &[("clientid", "9")]).await["message"], "Client Not Found");
    }

    async fn a_client_says_which_kinds_of_mail_it_wants(house: House) {
        let ann = house.ann().await;
        let stored = async || {
            let client = find(&mut house.app.db.read().await.unwrap(), ann.id).await.unwrap();
            client.email_preferences.unwanted().map(MailKind::as_str).collect::<Vec<_>>()
        };
        let every = MailKind::ALL.iter().all(|kind| ann.email_preferences.wants(*kind));
        assert!(every, "a new client wants everything");

        // The page: what is not ticked is not wanted, and a form without the boxes says nothing of them.
        let form = house.get("/admin/clients/1/edit").await.text;
        assert_eq!(form.matches("name=\"email_preferences\" value=\"").count(), 7, "{form}");
        for kind in MailKind::ALL {
            let ticked = format!("name=\"email_preferences\" value=\"{kind}\" checked");
            assert!(form.contains(&ticked), "{ticked} in {form}");
        }
        let basics = [("first_name", "Ann"), ("last_name", "Lee"), ("email", "ann@example.com"), ("country", "AT"), ("currency", "USD"), ("status", "active")];
        let posted = async |more: &[(&str, &str)]| house.post("/admin/clients/1", &[&basics[..], more].concat()).await;
        let kinds = |kinds: &[&'static str]| -> Vec<(&str, &str)> {
            std::iter::once("").chain(kinds.iter().copied()).map(|kind| ("email_preferences", kind)).collect()
        };
        assert_eq!(posted(&kinds(&["general", "product", "affiliate"])).await.status, StatusCode::SEE_OTHER);
        assert_eq!(stored().await, ["invoice", "support"]);
        assert_eq!(posted(&[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(stored().await, ["invoice", "support"]);
        let page = house.get("/admin/clients/1").await.text;
        assert!(page.contains("Wants no mail of these kinds: invoices, support"), "{page}");
        let trail = activity_log::of_client(&mut house.app.db.read().await.unwrap(), ann.id, 10).await.unwrap();
        let said = trail.iter().flat_map(|entry| entry.changes()).find(|change| change.field == "Mail: invoices").unwrap();
        assert_eq!((said.old.as_str(), said.new.as_str()), ("yes", "no"));
        // What was unticked stays unticked on a form that comes back.
        let wrong = [&[("country", "XX")], &basics[..], &kinds(&["general"])].concat();
        let again = house.post("/admin/clients/1", &wrong).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        let unticked = |kind: &str| !again.text.contains(&format!("value=\"{kind}\" checked"));
        assert!(!unticked("general") && !unticked("domain") && unticked("product") && unticked("invoice"), "{}", again.text);

        // The JSON API: what is not sent stays.
        let sent = json!({ "email_preferences": { "invoice": true, "affiliate": false } });
        let answer = house.api("PATCH", "/clients/1", sent).await.json();
        let shown = json!({ "general": true, "invoice": true, "support": false, "product": true, "domain": true, "affiliate": false });
        assert_eq!(answer["email_preferences"], shown);
        assert_eq!(house.api("GET", "/clients/1", json!(null)).await.json()["email_preferences"], shown);
        for (wrong, field) in [
            (json!({ "email_preferences": { "domain": false, "support": true } }), "email_preferences.domain"),
            (json!({ "email_preferences": { "news": true } }), "email_preferences.news"),
            (json!({ "email_preferences": { "invoice": "no" } }), "email_preferences.invoice"),
            (json!({ "email_preferences": { "invoice": null } }), "email_preferences.invoice"),
            (json!({ "email_preferences": ["invoice"] }), "email_preferences"),
        ] {
            let refused = house.api("PATCH", "/clients/1", wrong.clone()).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.text);
            assert!(refused.text.contains(field), "{wrong}: {}", refused.text);
        }
        assert_eq!(stored().await, ["support", "affiliate"]);
        let new = json!({ "email": "b@example.com", "country": "AT", "first_name": "B", "email_preferences": { "invoice": false } });
        let added = house.api("POST", "/clients", new).await;
        assert_eq!((added.status, &added.json()["email_preferences"]["invoice"]), (StatusCode::CREATED, &json!(false)));
    }

    async fn callers_of_the_compatible_api_say_which_kinds_of_mail_a_client_wants(house: House) {
        house.ann().await;
        let said = async || house.action("GetClientsDetails", &[("clientid", "1")]).await["client"]["email_preferences"].clone();
        let all = json!({ "general": "1", "invoice": "1", "support": "1", "product": "1", "domain": "1", "affiliate": "1" });
        assert_eq!(said().await, all);
        let some = [("clientid", "1"), ("email_preferences[invoice]", "0"), ("email_preferences[domain]", "1"), ("email_preferences[affiliate]", "false")];
        assert_eq!(house.action("UpdateClient", &some).await["result"], "success");
        let kept = json!({ "general": "1", "invoice": "0", "support": "1", "product": "1", "domain": "1", "affiliate": "0" });
        assert_eq!(said().await, kept);
        assert_eq!(house.action("UpdateClient", &[("clientid", "1"), ("city", "Wien")]).await["result"], "success");
        assert_eq!(said().await, kept, "what is not sent stays");

        let off = [("clientid", "1"), ("email_preferences[domain]", "0"), ("email_preferences[general]", "0")];
        let refused = house.action("UpdateClient", &off).await;
        let sentence = "You must have at least one email address enabled to receive domain related notifications as required by \
                        ICANN. To disable domain notifications, please create an alternative contact that is set to receive them";
        assert_eq!((&refused["result"], &refused["message"]), (&json!("error"), &json!(sentence)));
        let unclear = house.action("UpdateClient", &[("clientid", "1"), ("email_preferences[invoice]", "perhaps")]).await;
        assert!(unclear["message"].as_str().unwrap().contains("email_preferences[invoice]"), "{unclear}");
        assert_eq!(said().await, kept);

        let new = [("email", "n@example.com"), ("skipvalidation", "true"), ("email_preferences[support]", "0")];
        let added = house.action("AddClient", &new).await;
        let id = added["clientid"].as_str().unwrap();
        let details = house.action("GetClientsDetails", &[("clientid", id)]).await;
        assert_eq!(details["email_preferences"]["support"], "0");
    }

    async fn what_is_not_built_is_refused_by_name_and_not_swallowed(house: House) {
        house.ann().await;
        for (name, value) in [
            ("cardnum", "4111111111111111"), ("cvv", "123"), ("customfields", "YToxOntpOjE7czoxOiJ4Ijt9"),
            ("securityqid", "1"), ("clearcreditcard", "true"),
        ] {
            let answer = house.action("UpdateClient", &[("clientid", "1"), (name, value)]).await;
            assert_eq!(answer["result"], "error", "{name}");
            assert!(answer["message"].as_str().unwrap().contains(name), "{answer}");
            assert!(!answer.to_string().contains("4111"), "{answer}");
        }
        let empty = house.action("UpdateClient", &[("clientid", "1"), ("customfields", ""), ("cardnum", "")]).await;
        assert_eq!(empty["result"], "success");
    }
}

#[test]
fn countries_stand_in_the_order_of_their_names() {
    let all = countries();
    assert_eq!(all.len(), 249);
    assert_eq!(all[1], ("AX", "Åland Islands"));
    assert_eq!(country_name("GB"), Some("United Kingdom"));
    assert_eq!(country_name("UK"), None);
}

testkit::both_engines! {
    with = with_panels;

    async fn other_crates_show_panels_to_whoever_may_see_them(house: House) {
        house.ann().await;
        let page = house.get("/admin/clients/1").await.text;
        let (first, second) = (page.find("Invoices of Ann").unwrap(), page.find("Later").unwrap());
        assert!(first < second && page.contains("All of them") && !page.contains("Hidden"));
        let ask = house.get("/admin/clients/1/close").await.text;
        assert!(ask.contains("Services that end") && ask.contains("1,234"), "{ask}");
        let details = house.action("GetClientsDetails", &[("clientid", "1"), ("stats", "1")]).await;
        assert_eq!((&details["client"]["credit"], &details["stats"]["numdomains"]), (&json!("5.00"), &json!(3)));
    }
}

async fn with_panels(engine: testkit::Engine) -> House {
    let panel = |title, order, permission, load| ClientPanel { title, place: Place::Main, order, permission, load };
    let mut extensions = platform::Extensions::default();
    extensions.add(ClientPanels {
        panels: vec![
            panel("Later", 20, VIEW, |_, _, _| {
                Box::pin(async { Ok(Some(Panel { html: "Later".into(), ..Panel::default() })) })
            }),
            panel("Invoices", 10, VIEW, |_, _, seen| {
                Box::pin(async {
                    let html = format!("<p>Invoices of {}</p>", seen.client.first_name);
                    Ok(Some(Panel { html, href: "/x".into(), label: "All of them".into(), flush: false }))
                })
            }),
            panel("Hidden", 5, Permission("Never Granted"), |_, _, _| Box::pin(async { Ok(Some(Panel::default())) })),
        ],
        links: Vec::new(),
        closing: vec![ClosingEffect { label: "Services that end", count: |_, _| Box::pin(async { Ok(1_234) }) }],
        figures: vec![|_, _, _| Box::pin(async { Ok(vec![("credit", json!("5.00")), ("numdomains", json!(3))]) })],
    });
    House::with(engine, crate::routes(), extensions).await
}
