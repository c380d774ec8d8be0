//! Questions at the doors, answers that nobody can read, and how guessing is slowed down.

use serde_json::{Value, json};

use super::*;
use crate::testing::{As, House};

const IP: &str = "192.0.2.1";

impl House {
    async fn question(&self, words: &str) -> i64 {
        let mut tx = self.app.db.write().await.unwrap();
        let made = create(&mut tx, &crate::testing::system(), words, self.now).await.unwrap();
        tx.commit().await.unwrap();
        made.id
    }

    /// Gives Ann's user, which is the first, an answer.
    async fn answers(&self, question_id: i64, answer: &str, proof: Option<&Proof>) -> Result<()> {
        let new = choose(&self.app, question_id, answer).await?;
        let mut tx = self.app.db.write().await.unwrap();
        let user = users::find(&mut tx, 1).await.unwrap();
        set(&mut tx, &crate::testing::system(), &user, new, proof, self.app.clock.now()).await?;
        tx.commit().await
    }

    async fn knows(&self, answer: &str) -> bool {
        check(&self.app, 1, answer, IP, self.app.clock.now()).await.unwrap()
    }
}

fn fields(result: Result<()>) -> Vec<String> {
    match result {
        Err(Error::Invalid(errors)) => errors.iter().map(|(field, _)| field.to_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

testkit::both_engines! {
    async fn an_answer_is_recognised_however_it_is_written_and_stored_as_a_hash(house: House) {
        house.ann().await;
        let town = house.question("Where were you born?").await;
        assert!(!house.knows("").await, "without a question nothing is the answer");
        house.answers(town, " São  Paulo", None).await.unwrap();
        for (answer, right) in [("sao paulo", true), ("SÃO PAULO", true), ("saopaulo", false), ("Santos", false)] {
            assert_eq!(house.knows(answer).await, right, "{answer}");
        }
        let mut conn = house.app.db.read().await.unwrap();
        let stored = store::stored(&mut conn, 1).await.unwrap().unwrap().answer_hash;
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        let chosen = of_user(&mut conn, 1).await.unwrap().unwrap();
        assert_eq!((chosen.question.as_str(), chosen.set_at), ("Where were you born?", house.now));
        drop(conn);
        assert_eq!(house.log("Paulo").await + house.log("argon").await, 0);
        assert_eq!(house.log("Security question of user ann@example.com set").await, 1);
        let long = "x".repeat(201);
        for (question, answer, wrong) in
            [(99, "x", vec!["question"]), (town, " \u{301} ", vec!["answer"]), (99, &long, vec!["question", "answer"])]
        {
            assert_eq!(fields(house.answers(question, answer, None).await), wrong, "{answer}");
        }
    }

    async fn another_answer_needs_the_present_one(house: House) {
        house.ann().await;
        let (town, dog) = (house.question("Where were you born?").await, house.question("What was your dog called?").await);
        house.answers(town, "Linz", None).await.unwrap();
        assert_eq!(fields(house.answers(dog, "Rex", None).await), ["current_answer"]);
        assert!(prove(&house.app, 1, "Graz", IP, house.now).await.unwrap().is_none());
        let proof = prove(&house.app, 1, "linz", IP, house.now).await.unwrap().unwrap();
        house.answers(dog, "Rex", Some(&proof)).await.unwrap();
        // What was proved was of the answer before.
        assert_eq!(fields(house.answers(dog, "Fido", Some(&proof)).await), ["current_answer"]);
        assert!(house.knows("rex").await && !house.knows("linz").await);
        let other = Proof { user_id: 2, ..prove(&house.app, 1, "rex", IP, house.now).await.unwrap().unwrap() };
        assert_eq!(fields(house.answers(dog, "Fido", Some(&other)).await), ["current_answer"]);
        let mut conn = house.app.db.read().await.unwrap();
        let entries = activity_log::about(&mut conn, "user:1").await.unwrap();
        let change = entries[0].changes().remove(0);
        assert_eq!((change.old.as_str(), change.new.as_str()), ("Where were you born?", "What was your dog called?"));
    }

    async fn guessing_is_stopped_for_a_quarter_of_an_hour(house: House) {
        house.ann().await;
        let town = house.question("Where were you born?").await;
        house.answers(town, "Linz", None).await.unwrap();
        for _ in 0..guessing::HERE {
            assert!(!house.knows("Graz").await);
        }
        let now = house.app.clock.now();
        let refused = check(&house.app, 1, "Linz", IP, now).await;
        assert!(matches!(refused, Err(Error::TooMany { retry_after: 900 })), "{refused:?}");
        assert!(check(&house.app, 1, "Linz", "198.51.100.1", now).await.unwrap(), "elsewhere the user gets in");
        house.app.clock.set(now.plus_seconds(901));
        assert!(house.knows("Linz").await);
        // The right one wipes out what was wrong before it.
        for _ in 0..guessing::HERE - 1 {
            house.knows("Graz").await;
        }
        assert!(house.knows("Linz").await && !house.knows("Graz").await && house.knows("Linz").await);
    }

    async fn staff_write_the_questions(house: House) {
        assert!(house.get("/admin/security-questions").await.text.contains("No questions yet"));
        let long = "x".repeat(201);
        for wrong in ["", "a\nb", &long] {
            let again = house.post("/admin/security-questions", &[("question", wrong)]).await;
            assert_eq!(again.status, 422, "{wrong}");
        }
        assert_eq!(house.post("/admin/security-questions", &[("question", "Where were you born?")]).await.status, 303);
        let again = house.post("/admin/security-questions", &[("question", "Where were you born?")]).await;
        assert!(again.status == 422 && again.text.contains("There is this question already"), "{}", again.text);
        assert_eq!(house.post("/admin/security-questions", &[("question", "Which dog?")]).await.status, 303);
        let dog = store::named(&mut house.app.db.read().await.unwrap(), "Which dog?").await.unwrap().unwrap();
        let page_of_dog = format!("/admin/security-questions/{dog}");
        let taken = house.post(&page_of_dog, &[("question", "Where were you born?")]).await;
        assert!(taken.status == 422 && taken.text.contains("already"), "{}", taken.text);
        assert_eq!(house.post(&page_of_dog, &[("question", "What was your dog called?")]).await.status, 303);
        house.ann().await;
        house.answers(dog, "Rex", None).await.unwrap();
        let page = house.get("/admin/security-questions").await.text;
        assert!(page.contains("What was your dog called?") && page.contains(r#"<td class="num">1</td>"#), "{page}");
        assert_eq!(house.post(&format!("{page_of_dog}/delete"), &[]).await.status, 303);
        assert_eq!(house.count("security_questions").await, 2, "one user has chosen it");
        assert_eq!(house.post("/admin/security-questions/1/delete", &[]).await.status, 303);
        assert_eq!((house.count("security_questions").await, house.log("deleted").await), (1, 1));
    }

    async fn staff_remove_a_users_question_and_never_see_the_answer(house: House) {
        house.ann().await;
        assert!(house.get("/admin/users/1").await.text.contains("None chosen"));
        let town = house.question("Where were you born?").await;
        house.answers(town, "Linz on the Danube", None).await.unwrap();
        let page = house.get("/admin/users/1").await.text;
        assert!(page.contains("Where were you born?") && !page.contains("Danube") && !page.contains("argon2"), "{page}");
        let remove = "/admin/users/1/security-question/remove";
        assert_eq!(house.post_as(As::Nobody, remove, &[]).await.status, 403);
        assert_eq!(house.post(remove, &[]).await.status, 303);
        assert_eq!(house.post(remove, &[]).await.status, 303, "removed is removed");
        assert!(!house.knows("Linz on the Danube").await);
        assert_eq!((house.count("security_answers").await, house.log("ann@example.com removed").await), (0, 1));
        house.answers(town, "Graz", None).await.unwrap();
    }

    async fn the_api_does_the_same(house: House) {
        let words = |words: &str| json!({ "question": words });
        let made = house.api("POST", "/security/questions", words("Where were you born?")).await;
        assert_eq!((made.status.as_u16(), &made.json()["id"]), (201, &json!(1)));
        for (wrong, status) in [(words("Where were you born?"), 422), (words(""), 422), (json!({}), 422)] {
            assert_eq!(house.api("POST", "/security/questions", wrong).await.status, status);
        }
        house.ann().await;
        assert_eq!(house.api("GET", "/users/1/security-question", Value::Null).await.status, 404);
        house.answers(1, "Linz", None).await.unwrap();
        let chosen = house.api("GET", "/users/1/security-question", Value::Null).await.json();
        assert_eq!(chosen, json!({ "question_id": 1, "question": "Where were you born?", "set_at": "2026-03-01T12:00:00Z" }));
        let refused = house.api("DELETE", "/security/questions/1", Value::Null).await;
        assert!(refused.status == 409 && refused.text.contains("One user has chosen"), "{} {}", refused.status, refused.text);
        assert_eq!(house.api("PUT", "/security/questions/1", words("In which town were you born?")).await.status, 200);
        assert_eq!(house.api("GET", "/security/questions", Value::Null).await.json()["total"], 1);
        assert_eq!(house.api("DELETE", "/users/1/security-question", Value::Null).await.status, 200);
        assert_eq!(house.api("DELETE", "/users/1/security-question", Value::Null).await.status, 404);
        assert_eq!(house.api("DELETE", "/security/questions/1", Value::Null).await.status, 200);
        assert_eq!(house.api("GET", "/security/questions/1", Value::Null).await.status, 404);
    }

    async fn a_client_is_added_with_a_question_of_the_owners(house: House) {
        house.question("Where were you born?").await;
        let ann = [("firstname", "Ann"), ("lastname", "Lee"), ("email", "ann@example.com"), ("skipvalidation", "true")];
        for (more, named) in [
            (vec![("securityqid", "1")], "securityqans"),
            (vec![("securityqans", "Linz")], "securityqid"),
            (vec![("securityqid", "9"), ("securityqans", "Linz")], "securityqid"),
            (vec![("securityqid", "1"), ("securityqans", "\u{301}")], "securityqans"),
            (vec![("securityqid", "1"), ("securityqans", "Linz"), ("owner_user_id", "1")], "securityqid"),
        ] {
            let answer = house.action("AddClient", &[&ann[..], &more].concat()).await;
            assert!(answer["result"] == "error" && answer["message"].as_str().unwrap().contains(named), "{answer}");
        }
        assert_eq!(house.count("clients").await, 0);
        let good = [&ann[..], &[("securityqid", "1"), ("securityqans", "Linz")]].concat();
        assert_eq!(house.action("AddClient", &good).await["result"], "success");
        assert!(house.knows("linz").await);
    }

    async fn a_user_chooses_a_question_and_answers_the_present_one_to_change_it(house: House) {
        house.ann().await;
        let mut ann = house.logged_in("ann@example.com").await;
        assert!(ann.get("/account/security-question").await.text.contains("There are no questions"));
        let (town, dog) = (house.question("Where were you born?").await, house.question("What was your dog called?").await);
        let form = |question: i64, answer: &str, current: &str| {
            [("question", question.to_string()), ("answer", answer.to_owned()), ("current_answer", current.to_owned())]
        };
        let post = async |browser: &mut crate::testing::Visitor<'_>, fields: &[(&str, String)]| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.post("/account/security-question", &fields).await
        };
        let again = post(&mut ann, &form(0, "", "")).await;
        assert!(again.status == 422 && again.text.contains("Choose one of the questions.") && again.text.contains("Write an answer."), "{}", again.text);
        assert_eq!(post(&mut ann, &form(town, "Linz", "")).await.to, "/account/security");
        let page = ann.get("/account/security-question").await.text;
        assert!(page.contains("Where were you born?") && page.contains("current_answer") && !page.contains("Linz"), "{page}");
        let again = post(&mut ann, &form(dog, "Rex", "Graz")).await;
        assert!(again.status == 422 && again.text.contains("This is not your answer.") && !again.text.contains("Rex"), "{}", again.text);
        assert!(house.knows("Linz").await);
        assert_eq!(post(&mut ann, &form(dog, "Rex", "linz")).await.to, "/account/security");
        assert!(house.knows("rex").await);
        assert_eq!(house.logged("Security question of user ann@example.com set").await, ["ann@example.com"; 2]);
        house.pass(601);
        assert!(ann.get("/account/security-question").await.to.starts_with("/account/confirm"));
        assert!(post(&mut ann, &form(town, "Linz", "Rex")).await.to.starts_with("/account/confirm"));
    }
}
