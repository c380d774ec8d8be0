//! Transfers between two registrars, and what the queue tells of them.

use epp::domain::{Info, Operation, Transfer, TransferStatus};
use epp::poll::{Acknowledge, Payload, Request};
use epp::{AuthInfo, Code, Secret};

use crate::world::{NAME, World, code_of, secret};

/// A domain of ours that the other registrar has asked for.
async fn asked_for() -> (World, World) {
    let ours = World::start().await;
    ours.run(&ours.create(NAME)).await.unwrap();
    ours.advance_days(100);
    let theirs = ours.other_registrar();
    let request = Transfer::request(NAME, None, AuthInfo::new(secret()));
    let answer = theirs.run(&request).await.unwrap();
    assert!(answer.is_pending());
    assert_eq!((TransferStatus::Pending, "ClientY"), (answer.result.status, answer.result.requested_by.as_str()));
    (ours, theirs)
}

async fn state(world: &World) -> TransferStatus {
    world.run(&Transfer::about(NAME, Operation::Query)).await.unwrap().result.status
}

/// The transfers that the queue tells of, in order; it is empty then.
async fn told(world: &World) -> Vec<TransferStatus> {
    let mut told = Vec::new();
    while let Some(message) = world.run(&Request).await.unwrap().result {
        if let Payload::DomainTransfer(state) = message.payload {
            assert_eq!(NAME, state.name);
            told.push(state.status);
        }
        world.run(&Acknowledge { id: message.id }).await.unwrap();
    }
    told
}

#[tokio::test]
async fn a_transfer_needs_the_right_auth_code() {
    let ours = World::start().await;
    ours.run(&ours.create(NAME)).await.unwrap();
    ours.advance_days(100);
    let wrong = Transfer::request(NAME, None, AuthInfo::new(Secret::new("not the code")));
    assert_eq!(Code::AUTH_INFO, code_of(ours.other_registrar().run(&wrong).await));
}

#[tokio::test]
async fn a_transfer_is_let_go() {
    let (ours, theirs) = asked_for().await;
    assert_eq!([TransferStatus::Pending], told(&ours).await[..]);
    ours.run(&Transfer::about(NAME, Operation::Approve)).await.unwrap();
    assert_eq!(TransferStatus::ClientApproved, state(&theirs).await);
    assert_eq!([TransferStatus::ClientApproved], told(&theirs).await[..]);
    assert_eq!("ClientY", theirs.run(&Info::new(NAME)).await.unwrap().result.registrar);
}

#[tokio::test]
async fn a_transfer_is_not_let_go() {
    let (ours, theirs) = asked_for().await;
    ours.run(&Transfer::about(NAME, Operation::Reject)).await.unwrap();
    assert_eq!([TransferStatus::ClientRejected], told(&theirs).await[..]);
    assert_eq!("ClientX", ours.run(&Info::new(NAME)).await.unwrap().result.registrar);
}

#[tokio::test]
async fn a_transfer_is_not_wanted_any_more() {
    let (ours, theirs) = asked_for().await;
    theirs.run(&Transfer::about(NAME, Operation::Cancel)).await.unwrap();
    assert_eq!([TransferStatus::Pending, TransferStatus::ClientCancelled], told(&ours).await[..]);
}

#[tokio::test]
async fn a_transfer_that_nobody_answers_happens() {
    let (ours, theirs) = asked_for().await;
    ours.advance_days(6);
    assert_eq!(TransferStatus::ServerApproved, state(&theirs).await);
    assert_eq!([TransferStatus::Pending, TransferStatus::ServerApproved], told(&ours).await[..]);
    assert_eq!(1, ours.registry.counts(NAME).transferred);
}
