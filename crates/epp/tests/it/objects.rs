//! Contacts, hosts and keys.

use epp::contact::{self, Disclose, Disclosure, Form, Phone, PostalChange};
use epp::domain::{Change, Create, Info, NameServer, Update};
use epp::secdns::{self, Ds, Keys, Records, Removal};
use epp::{Code, Error, host};

use crate::world::{NAME, World, code_of};

#[tokio::test]
async fn a_contact_is_created_changed_and_deleted() {
    let world = World::start().await;
    let check = contact::Check { ids: vec!["jd1234".to_owned()] };
    assert!(world.run(&check).await.unwrap().result[0].available);
    let create = contact::Create {
        voice: Some(Phone { number: "+1.7035555555".to_owned(), extension: Some("1234".to_owned()) }),
        fax: Some(Phone::new("+1.7035555556")),
        disclose: Some(Disclosure { shown: false, parts: vec![Disclose::Voice, Disclose::Email] }),
        ..World::john("jd1234")
    };
    world.run(&create).await.unwrap();
    assert!(!world.run(&check).await.unwrap().result[0].available);
    let info = contact::Info { id: "jd1234".to_owned(), auth_info: None };
    let found = world.run(&info).await.unwrap().result;
    assert_eq!((create.postal.clone(), create.voice, create.fax), (found.postal, found.voice, found.fax));
    assert_eq!((Some(create.email), create.disclose), (found.email, found.disclose));

    let change = contact::Change {
        postal: vec![PostalChange {
            form: Form::Local,
            name: Some("Jörg <Ü>".to_owned()),
            organization: None,
            address: Some(create.postal[0].address.clone()),
        }],
        email: Some("new@example.com".to_owned()),
        ..contact::Change::default()
    };
    let update = contact::Update {
        id: "jd1234".to_owned(),
        add: vec![contact::Status::ClientDeleteProhibited],
        change,
        ..contact::Update::default()
    };
    world.run(&update).await.unwrap();
    let found = world.run(&info).await.unwrap().result;
    assert_eq!(Some("new@example.com"), found.email.as_deref());
    assert!(found.postal.iter().any(|postal| postal.form == Form::Local && postal.name == "Jörg <Ü>"));

    let delete = contact::Delete { id: "jd1234".to_owned() };
    assert_eq!(Code::STATUS_PROHIBITS, code_of(world.run(&delete).await));
    let open = contact::Update {
        id: "jd1234".to_owned(),
        remove: vec![contact::Status::ClientDeleteProhibited],
        ..contact::Update::default()
    };
    world.run(&open).await.unwrap();
    world.run(&delete).await.unwrap();
    assert_eq!(Code::NO_SUCH_OBJECT, code_of(world.run(&info).await));
}

#[tokio::test]
async fn glue_is_created_changed_renamed_and_deleted() {
    let world = World::start().await;
    world.run(&world.create(NAME)).await.unwrap();
    let glue = format!("ns1.{NAME}");
    let addresses = vec!["192.0.2.2".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    world.run(&host::Create { name: glue.clone(), addresses }).await.unwrap();
    let servers = Change { name_servers: vec![NameServer::Object(glue.clone())], ..Change::default() };
    world.run(&Update { add: servers.clone(), ..Update::new(NAME) }).await.unwrap();
    let found = world.run(&Info::new(NAME)).await.unwrap().result;
    assert_eq!(
        (vec![NameServer::Object(glue.clone())], vec![glue.clone()]),
        (found.name_servers, found.subordinate_hosts)
    );
    assert_eq!(Code::ASSOCIATION_PROHIBITS, code_of(world.run(&host::Delete { name: glue.clone() }).await));

    let renamed = format!("ns2.{NAME}");
    let update = host::Update {
        name: glue.clone(),
        remove: host::Change { addresses: vec!["192.0.2.2".parse().unwrap()], ..host::Change::default() },
        rename: Some(renamed.clone()),
        ..host::Update::default()
    };
    world.run(&update).await.unwrap();
    let found = world.run(&host::Info { name: renamed.clone() }).await.unwrap().result;
    assert_eq!(vec!["2001:db8::1".parse::<std::net::IpAddr>().unwrap()], found.addresses);
    assert!(found.statuses.contains(&host::Status::Linked));
    let servers = Change { name_servers: vec![NameServer::Object(renamed.clone())], ..Change::default() };
    world.run(&Update { remove: servers, ..Update::new(NAME) }).await.unwrap();
    world.run(&host::Delete { name: renamed.clone() }).await.unwrap();
    assert!(world.run(&host::Check { names: vec![renamed] }).await.unwrap().result[0].available);
}

fn ds(key_tag: u16) -> Ds {
    let digest = "38EC35D5B3A34B44C39B38EC35D5B3A34B44C39B38EC35D5B3A34B44C39B38EC".to_owned();
    Ds { key_tag, algorithm: 13, digest_type: 2, digest, key: None }
}

#[tokio::test]
async fn keys_are_set_exchanged_and_taken_away() {
    let world = World::start().await;
    let keys = Keys { max_signature_life: None, records: Records::Ds(vec![ds(1)]) };
    world.run(&Create { ds: Some(keys.clone()), ..world.create(NAME) }).await.unwrap();
    assert_eq!(Some(keys), world.run(&Info::new(NAME)).await.unwrap().extensions.secdns);

    let exchange = secdns::Update {
        remove: Some(Removal::These(Records::Ds(vec![ds(1)]))),
        add: Some(Records::Ds(vec![ds(2), ds(3)])),
        ..secdns::Update::default()
    };
    world.run(&Update { ds: Some(exchange), ..Update::new(NAME) }).await.unwrap();
    let found = world.run(&Info::new(NAME)).await.unwrap().extensions.secdns.unwrap();
    assert_eq!(Records::Ds(vec![ds(2), ds(3)]), found.records);

    let none = secdns::Update { remove: Some(Removal::All), ..secdns::Update::default() };
    world.run(&Update { ds: Some(none), ..Update::new(NAME) }).await.unwrap();
    assert_eq!(None, world.run(&Info::new(NAME)).await.unwrap().extensions.secdns);
}

#[tokio::test]
async fn a_name_server_that_is_not_there_is_refused() {
    let world = World::start().await;
    world.run(&world.create(NAME)).await.unwrap();
    let servers =
        Change { name_servers: vec![NameServer::Object("ns1.nowhere.example".to_owned())], ..Change::default() };
    let error = world.run(&Update { add: servers, ..Update::new(NAME) }).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(_)), "{error}");
}
