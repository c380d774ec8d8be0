//! Encrypting and decrypting for callers.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use platform::{Random, Vault, params, secrets};

use super::{DECRYPT, PLACE};
use crate::testing::House;

impl House {
    async fn encrypted(&self, plain: &str) -> String {
        let answer = self.action("EncryptPassword", &[("password2", plain)]).await;
        assert_eq!(answer["result"], "success", "{answer}");
        answer["password"].as_str().unwrap().to_owned()
    }

    /// The text, or what is said against it.
    async fn decrypted(&self, text: &str) -> Result<String, String> {
        let answer = self.action("DecryptPassword", &[("password2", text)]).await;
        let told = |name: &str| answer[name].as_str().unwrap().to_owned();
        if answer["result"] == "success" { Ok(told("password")) } else { Err(told("message")) }
    }
}

/// Both ways in which sealed bytes could be handed in as text.
fn texts(sealed: &[u8]) -> [String; 3] {
    [URL_SAFE_NO_PAD.encode(sealed), STANDARD.encode(sealed), platform::crypto::hex(sealed)]
}

testkit::both_engines! {
    async fn what_was_encrypted_is_decrypted_and_neither_is_in_the_log(house: House) {
        for plain in ["teststring", " with spaces & = + % ", "Žluťoučký 🐎", "two\nlines", &"long ".repeat(10_000)] {
            let text = house.encrypted(plain).await;
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
            assert!(text.len() > plain.len(), "{text}");
            assert_eq!(house.decrypted(&text).await.unwrap(), plain);
            assert_eq!(house.decrypted(&format!(" {text}\n")).await.unwrap(), plain);
        }
        assert_ne!(house.encrypted("teststring").await, house.encrypted("teststring").await, "a new nonce each time");
        assert_eq!(house.logged("A password was encrypted").await, vec!["boss"; 7]);
        assert_eq!(house.logged("A password was decrypted").await, vec!["boss"; 10]);
        assert_eq!(house.logged("teststring").await.len(), 0);
        let changes: Vec<String> = {
            let mut conn = house.app.db.read().await.unwrap();
            conn.column("SELECT changes FROM activity_log WHERE description LIKE 'A password was%'", &[]).await.unwrap()
        };
        assert!(changes.iter().all(|text| text == "[]"), "{changes:?}");
    }

    async fn what_was_not_encrypted_here_is_refused_and_not_logged(house: House) {
        let good = house.encrypted("teststring").await;
        let sealed = URL_SAFE_NO_PAD.decode(&good).unwrap();
        let elsewhere = Vault::new(&[2; 32]).seal(&Random::seeded(1), PLACE, b"teststring").unwrap();
        let mut wrong: Vec<String> = texts(&elsewhere).to_vec();
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            wrong.push(URL_SAFE_NO_PAD.encode(damaged));
        }
        wrong.extend([1, 20, 25, 50].map(|less| URL_SAFE_NO_PAD.encode(&sealed[..less])));
        wrong.extend(["x", "{}", "vNRQzRPKQA6obJpHMHCBivS0D9/Pf532oArYvewP", "teststring", "🐎"].map(str::to_owned));
        for text in &wrong {
            let told = house.decrypted(text).await.unwrap_err();
            assert!(told.contains("password2") && told.contains("was not encrypted by EncryptPassword"), "{text}: {told}");
        }
        assert_eq!(house.logged("A password was decrypted").await.len(), 0);
        for action in ["EncryptPassword", "DecryptPassword"] {
            for fields in [&[][..], &[("password2", "")], &[("password", "x")]] {
                let answer = house.action(action, fields).await;
                assert_eq!(answer["result"], "error", "{action} {fields:?}: {answer}");
                assert!(answer["message"].as_str().unwrap().contains("password2"), "{answer}");
            }
        }
    }

    async fn no_other_secret_of_the_database_opens(house: House) {
        let app = &house.app;
        let mut tx = app.db.write().await.unwrap();
        // Also one whose place is called like this feature.
        for place in ["smtp_password", "gateway:stripe:secret_key", "user:1:totp", "password_encryption:1", ""] {
            secrets::set(&mut tx, &app.vault, &app.random, place, "hidden", house.now).await.unwrap();
        }
        tx.commit().await.unwrap();
        house.ann().await;
        house.give_password("ann@example.com").await;
        house.visitor("192.0.2.10").bare_post("/forgot-password", &[("email", "ann@example.com")]).await;
        house.drain().await;
        let mut sealed: Vec<Vec<u8>> = Vec::new();
        let mut conn = app.db.read().await.unwrap();
        for sql in ["SELECT sealed FROM secrets", "SELECT sealed_token FROM mails WHERE sealed_token IS NOT NULL"] {
            sealed.extend(conn.column::<Vec<u8>>(sql, params![]).await.unwrap());
        }
        drop(conn);
        assert!(sealed.len() > 5, "a mail with a secret is among them: {}", sealed.len());
        for text in sealed.iter().flat_map(|sealed| texts(sealed)) {
            assert!(house.decrypted(&text).await.is_err());
        }
        // Nor does a text of this action open in the place of such a secret.
        let text = URL_SAFE_NO_PAD.decode(house.encrypted("mine").await).unwrap();
        assert!(app.vault.open("smtp_password", &text).is_err());
    }

    async fn decrypting_takes_its_permission(house: House) {
        let text = house.encrypted("teststring").await;
        house.sql(&format!("DELETE FROM role_permissions WHERE permission = '{}'", DECRYPT.0)).await;
        let (identifier, secret) = house.credential();
        let call = async |action: &str, value: &str| {
            let fields = [("action", action), ("identifier", &identifier), ("secret", &secret), ("password2", value)];
            house.compat_from("127.0.0.1", &fields).await
        };
        let (status, answer) = call("DecryptPassword", &text).await;
        assert_eq!(status, 403, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(DECRYPT.0), "{answer}");
        assert_eq!(call("EncryptPassword", "other").await.0, 200);
        assert_eq!(house.logged("A password was decrypted").await.len(), 0);
    }
}
