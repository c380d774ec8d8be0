//! Which passwords are taken, the list of leaked ones, and the line before the hash function.

use std::io::Write;

use platform::settings::Values;
use sha1::{Digest, Sha1};

use super::*;
use crate::testing::House;

fn user<'a>(known: &'a [&'a str]) -> Owner<'a> {
    Owner { kind: Kinds::User, known }
}

/// A file with the hashes of these passwords, in their order, and where it is.
fn list_of(passwords: impl Iterator<Item = String>, end: &str) -> tempfile::NamedTempFile {
    let mut hashes: Vec<String> =
        passwords.map(|text| platform::crypto::hex(&Sha1::digest(text.as_bytes())).to_uppercase()).collect();
    hashes.sort();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (at, hash) in hashes.iter().enumerate() {
        write!(file, "{hash}:{}{end}", at * 7919 % 100_000).unwrap();
    }
    file
}

#[test]
fn every_leaked_password_is_found_and_no_other() {
    for end in ["\n", "\r\n"] {
        for count in [1, 2, 3, 1000] {
            let file = list_of((0..count).map(|at| format!("leaked {at}")), end);
            let list = Breached::open(file.path()).unwrap();
            for at in 0..count {
                assert!(list.contains(&format!("leaked {at}")).unwrap(), "{at} of {count}");
                assert!(!list.contains(&format!("not leaked {at}")).unwrap(), "{at} of {count}");
            }
        }
    }
}

#[test]
fn a_file_that_is_no_such_list_is_refused() {
    let file = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    };
    let (low, high) = ("0".repeat(40), "F".repeat(40));
    let cases = [
        (file(""), "is empty"),
        (file("password\n123456\n"), "has a line that is none"),
        (file(&format!("{high}:1\n{low}:2\n")), "is not in the order"),
    ];
    for (file, why) in cases {
        let refused = Breached::open(file.path()).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    let refused = Breached::open(std::path::Path::new("/nowhere/list.txt")).unwrap_err().to_string();
    assert!(refused.contains("/nowhere/list.txt") && refused.contains("cannot be read"), "{refused}");
}

#[test]
fn nobodys_hash_costs_what_a_stored_one_does() {
    let stored = platform::crypto::hash_password("whatever it is").unwrap();
    let cost = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(cost(hashing::NOBODYS), cost(&stored));
    let length = |hash: &str| hash.rsplit('$').next().unwrap().len();
    assert_eq!(length(hashing::NOBODYS), length(&stored));
}

#[test]
fn what_others_know_of_the_owner_makes_a_password_weak() {
    let known = words("Wilhelmina Featherstone-Haugh");
    assert!(weakness("wilhelminafeatherstone", &known, 2).is_some());
    assert!(weakness("wilhelminafeatherstone", &[], 2).is_none());
}

#[test]
fn a_known_password_is_refused_at_any_strength() {
    for password in ["password1", "football", "iloveyou", "baseball1"] {
        let refused = weakness(password, &[], 0);
        assert!(refused.is_some_and(|why| why == LEAKED), "{password}");
    }
    assert_eq!(weakness("tangerine-umbrella-17", &[], 4), None);
    let long: String = (0..170u32).map(|at| char::from(b'a' + u8::try_from(at * at * 7 % 26).unwrap())).collect();
    assert_eq!(weakness(&long, &[], 2), None, "a long one is looked at in a bounded time");
}

testkit::both_engines! {
    async fn the_setting_says_how_strong_a_password_must_be(house: House) {
        let asked = async |password: &str| check(&house.app, user(&[]), password).await.unwrap();
        let set = async |value: &str| {
            let mut tx = house.app.db.write().await.unwrap();
            platform::settings::set(&mut tx, &STRENGTH, value, house.now).await.unwrap();
            tx.commit().await.unwrap();
        };
        let middling = "banana2024";
        set("0").await;
        assert_eq!(asked(middling).await, None);
        set("4").await;
        assert!(asked(middling).await.unwrap().contains("at least 4 is needed"));
        assert!(asked("short").await.unwrap().contains("at least 8 characters"));
        assert!(asked(&"x".repeat(513)).await.unwrap().contains("at most 512"));
        let staff = Owner { kind: Kinds::Staff, known: &[] };
        assert!(check(&house.app, staff, "9 letter.").await.unwrap().unwrap().contains("at least 10"));
        let values = Values::load(&mut house.app.db.read().await.unwrap()).await.unwrap();
        assert_eq!(values.int(&STRENGTH), 4);
    }

    async fn a_password_is_checked_hashed_and_recognised(house: House) {
        let refused = choose(&house.app, user(&[]), "password", "password2").await.unwrap_err();
        assert!(refused.to_string().starts_with("password2: "), "{refused}");
        let hash = choose(&house.app, user(&[]), "tangerine umbrella", "password").await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$"));
        let right = async |password: &str, stored: Option<&str>| matches(password, stored).await.unwrap();
        assert!(right("tangerine umbrella", Some(hash.as_str())).await);
        assert!(!right("tangerine umbrellA", Some(hash.as_str())).await);
        assert!(!right("tangerine umbrella", None).await);
        assert!(!right(&"x".repeat(MAX + 1), Some(hash.as_str())).await);
    }
}

#[tokio::test]
async fn a_crowd_waits_in_line_and_the_rest_is_asked_to_come_back() {
    let line: &'static hashing::Line = Box::leak(Box::new(hashing::Line::new(1, 20)));
    let work = || line.in_turn(|| platform::crypto::password_matches("whatever", hashing::NOBODYS));
    let answers = futures::future::join_all((0..50).map(|_| work())).await;
    let refused = answers.iter().filter(|answer| matches!(answer, Err(Error::TooMany { retry_after: 1.. }))).count();
    // One is at work, twenty wait.
    assert_eq!((refused, answers.iter().filter(|answer| matches!(answer, Ok(false))).count()), (29, 21));
    assert!(!work().await.unwrap(), "and the line is empty again");
}
