//! Sessions with a server that does what it should not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::server::{Certificates, GREETING, PASSWORD, Peer, Server};
use crate::domain::{Delete, Info, Update};
use crate::{Code, Error, Lost, NotSent, Pool, Roots, Secret, host, poll, rgp, secdns};

fn delete() -> Delete {
    Delete::new("example.com")
}

/// Lets each client in and then does `serve`.
async fn after_login<F, S>(serve: F) -> Server
where
    F: Fn(Peer, usize) -> S + Clone + Send + 'static,
    S: Future<Output = Option<()>> + Send + 'static,
{
    Server::start(move |mut peer, number| {
        let serve = serve.clone();
        async move {
            peer.let_in().await?;
            serve(peer, number).await
        }
    })
    .await
}

/// The error of a deletion, and of a question, when the first answer is `bytes`, and the second too.
async fn answered_with(bytes: &'static [u8]) -> (Error, Error) {
    let server = after_login(move |mut peer, _| async move {
        peer.hear().await?;
        peer.raw(bytes).await?;
        peer.wait().await
    })
    .await;
    let pool = server.pool();
    let deleted = pool.run(&delete(), "delete-1").await.unwrap_err();
    let asked = pool.run(&Info::new("example.com"), "info-1").await.unwrap_err();
    assert_eq!(2, server.connections(), "a session that broke was used again");
    (deleted, asked)
}

#[tokio::test]
async fn an_answer_may_come_in_pieces() {
    let server = Server::start(|mut peer, _| async move {
        peer.send_in_pieces(GREETING).await?;
        peer.hear().await?;
        peer.answer(1000, "").await?;
        peer.hear().await?;
        let answer = super::document(1301, r#"<msgQ count="1" id="7"><msg>Hello</msg></msgQ>"#);
        peer.send_in_pieces(&answer.replace(super::OURS, "poll-1")).await
    })
    .await;
    let answer = server.pool().run(&poll::Request, "poll-1").await.unwrap();
    assert_eq!("Hello", answer.result.unwrap().text);
}

#[tokio::test]
async fn a_length_that_cannot_be_is_not_waited_for() {
    for bytes in [&[0xff; 4], &[0, 0x10, 0, 1], &[0, 0, 0, 0], &[0, 0, 0, 4]] {
        let (deleted, asked) = answered_with(bytes).await;
        assert!(matches!(deleted, Error::Unknown { why: Lost::Hostile(_), .. }), "{deleted}");
        assert!(matches!(asked, Error::Protocol(_)), "{asked}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_it_unknown() {
    let (deleted, asked) = answered_with(b"\x00\x00\x00\x0fHTTP/1.1 200").await;
    assert!(
        matches!(deleted, Error::Unknown { ref cltrid, why: Lost::Hostile(_) } if cltrid == "delete-1"),
        "{deleted}"
    );
    assert!(!deleted.nothing_happened());
    assert!(matches!(asked, Error::Protocol(_)), "{asked}");
}

#[tokio::test]
async fn an_answer_to_another_command_leaves_it_unknown() {
    let server = after_login(|mut peer, _| async move {
        peer.hear().await?;
        peer.send(&super::document(1000, "")).await?;
        peer.wait().await
    })
    .await;
    let pool = server.pool();
    let error = pool.run(&delete(), "delete-1").await.unwrap_err();
    assert!(error.to_string().contains("another command"), "{error}");
    assert!(!error.nothing_happened());
    // The same answer is a good one to the command that it names.
    assert!(pool.run(&delete(), super::OURS).await.is_ok());
}

#[tokio::test]
async fn a_connection_that_ends_after_the_command_leaves_it_unknown() {
    let server = after_login(|mut peer, _| async move {
        peer.hear().await?;
        None
    })
    .await;
    let error = server.pool().run(&delete(), "delete-1").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { why: Lost::Broken(_), .. }), "{error}");
}

#[tokio::test]
async fn a_connection_that_ends_within_an_answer_leaves_it_unknown() {
    let server = after_login(|mut peer, _| async move {
        peer.hear().await?;
        peer.raw(b"\x00\x00\x01\x00<epp").await
    })
    .await;
    let error = server.pool().run(&delete(), "delete-1").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { why: Lost::Broken(_), .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_leaves_it_unknown() {
    let mut server = after_login(|mut peer, _| async move { peer.wait().await }).await;
    server.settings.timeouts.command = Duration::from_millis(200);
    let error = server.pool().run(&delete(), "delete-1").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { why: Lost::TimedOut, .. }), "{error}");
}

#[tokio::test]
async fn a_session_that_the_server_ended_is_not_used() {
    let server = after_login(|mut peer, number| async move {
        peer.hear().await?;
        peer.answer(1000, "").await?;
        if number == 0 { None } else { peer.agree().await }
    })
    .await;
    let pool = server.pool();
    pool.run(&delete(), "delete-1").await.unwrap();
    // The end has to arrive first.
    tokio::time::sleep(Duration::from_millis(5)).await;
    pool.run(&delete(), "delete-2").await.unwrap();
    assert_eq!(2, server.connections());
}

#[tokio::test]
async fn a_session_in_which_the_server_spoke_unasked_is_not_used() {
    let spoken = Arc::new(Notify::new());
    let speaks = spoken.clone();
    let server = after_login(move |mut peer, number| {
        let speaks = speaks.clone();
        async move {
            peer.hear().await?;
            peer.answer(1000, "").await?;
            if number == 0 {
                peer.send(&super::document(1000, "").replace(super::OURS, "delete-2")).await?;
                speaks.notify_one();
            }
            peer.agree().await
        }
    })
    .await;
    let pool = server.pool();
    pool.run(&delete(), "delete-1").await.unwrap();
    spoken.notified().await;
    pool.run(&delete(), "delete-2").await.unwrap();
    assert_eq!(2, server.connections());
}

#[tokio::test]
async fn one_session_serves_many_commands() {
    let server = after_login(|mut peer, _| async move { peer.agree().await }).await;
    let pool = server.pool();
    for number in 0..5 {
        pool.run(&delete(), &format!("delete-{number}")).await.unwrap();
    }
    assert_eq!(1, server.connections());
}

#[tokio::test]
async fn a_refusal_keeps_the_session_unless_it_ends_it() {
    let server = after_login(|mut peer, number| async move {
        for code in [2303, 2304, 2500 + u16::try_from(number).ok()?] {
            peer.hear().await?;
            peer.answer(code, "").await?;
        }
        peer.agree().await
    })
    .await;
    let pool = server.pool();
    for (connections, code) in [(1, 2303), (1, 2304), (1, 2500), (2, 2303), (2, 2304), (2, 2501), (3, 2303)] {
        let error = pool.run(&delete(), "delete-1").await.unwrap_err();
        assert!(matches!(&error, Error::Refused(refusal) if refusal.code == Code(code)), "{error}");
        assert_eq!(connections, server.connections());
    }
}

fn not_sent(error: Error) -> NotSent {
    assert!(error.nothing_happened());
    match error {
        Error::NotSent(why) => why,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn where_there_is_no_server_nothing_is_sent() {
    let server = Server::start(|_, _| async { None }).await;
    let mut settings = server.settings.clone();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    settings.endpoint.port = listener.local_addr().unwrap().port();
    // It accepts, and never speaks TLS.
    settings.timeouts.connect = Duration::from_millis(50);
    let error = Pool::new(settings.clone()).unwrap().run(&delete(), "delete-1").await.unwrap_err();
    assert!(matches!(not_sent(error), NotSent::Unreachable(_)));
    drop(listener);
    let error = Pool::new(settings).unwrap().run(&delete(), "delete-1").await.unwrap_err();
    assert!(matches!(not_sent(error), NotSent::Unreachable(_)));
}

#[tokio::test]
async fn a_server_that_somebody_else_vouches_for_gets_nothing() {
    let server = after_login(|mut peer, _| async move { peer.agree().await }).await;
    let refused = async |change: &dyn Fn(&mut crate::Endpoint)| {
        let mut settings = server.settings.clone();
        change(&mut settings.endpoint);
        let error = Pool::new(settings).unwrap().run(&delete(), "delete-1").await.unwrap_err();
        assert!(matches!(not_sent(error), NotSent::Unreachable(_)));
    };
    refused(&|endpoint| endpoint.roots = Roots::Pem(Certificates::make().authority.into_bytes())).await;
    refused(&|endpoint| endpoint.server_name = Some("other.example".to_owned())).await;
    // And the server wants to see our certificate.
    refused(&|endpoint| endpoint.identity = None).await;
    server.pool().run(&delete(), "delete-1").await.unwrap();
}

#[tokio::test]
async fn certificates_that_are_none_are_refused_at_once() {
    let server = Server::start(|_, _| async { None }).await;
    let refused = |change: &dyn Fn(&mut crate::Settings)| {
        let mut settings = server.settings.clone();
        change(&mut settings);
        assert!(matches!(Pool::new(settings).unwrap_err(), Error::NotSent(NotSent::Invalid(_))));
    };
    refused(&|settings| settings.endpoint.roots = Roots::Pem(b"none".to_vec()));
    refused(&|settings| settings.endpoint.identity.as_mut().unwrap().key_pem = b"none".to_vec());
    refused(&|settings| settings.endpoint.identity.as_mut().unwrap().chain_pem = b"none".to_vec());
    refused(&|settings| {
        settings.endpoint.identity.as_mut().unwrap().key_pem = Certificates::make().client.1.into_bytes();
    });
    refused(&|settings| settings.endpoint.server_name = Some("not a name".to_owned()));
    refused(&|settings| settings.sessions = 0);
}

#[tokio::test]
async fn without_a_good_greeting_nothing_is_sent() {
    let server = Server::start(|mut peer, _| async move {
        peer.send(&super::document(1000, "")).await?;
        peer.wait().await
    })
    .await;
    let error = server.pool().run(&delete(), "delete-1").await.unwrap_err();
    assert!(matches!(not_sent(error), NotSent::Hostile(_)));
    let mut silent = Server::start(|mut peer, _| async move { peer.wait().await }).await;
    silent.settings.timeouts.greeting = Duration::from_millis(20);
    let error = silent.pool().run(&delete(), "delete-1").await.unwrap_err();
    assert!(matches!(not_sent(error), NotSent::Unreachable(_)));
}

#[tokio::test]
async fn a_login_that_fails_is_not_a_command_that_failed() {
    let server = Server::start(|mut peer, number| async move {
        peer.send(GREETING).await?;
        peer.hear().await?;
        match number {
            0 => peer.answer(2200, "").await,
            1 => peer.answer(2502, "").await,
            2 => None,
            _ => peer.send(&super::document(1000, "")).await,
        }
    })
    .await;
    let pool = server.pool();
    let next = async || not_sent(pool.run(&delete(), "delete-1").await.unwrap_err());
    assert!(matches!(next().await, NotSent::LoginRefused(refusal) if refusal.code == Code::AUTHENTICATION));
    assert!(matches!(next().await, NotSent::SessionLimit(refusal) if refusal.code == Code::SESSION_LIMIT));
    assert!(matches!(next().await, NotSent::Unreachable(_)));
    assert!(matches!(next().await, NotSent::Hostile(_)));
}

#[tokio::test]
async fn where_the_server_has_no_session_left_one_of_ours_is_waited_for() {
    let release = Arc::new(Notify::new());
    let refused = Arc::new(Notify::new());
    let (releasing, refusing) = (release.clone(), refused.clone());
    let mut server = Server::start(move |mut peer, number| {
        let (release, refused) = (releasing.clone(), refusing.clone());
        async move {
            if number > 0 {
                peer.send(GREETING).await?;
                peer.hear().await?;
                peer.answer(2502, "").await?;
                refused.notify_one();
                return None;
            }
            peer.let_in().await?;
            peer.hear().await?;
            release.notified().await;
            peer.answer(1000, "").await?;
            peer.agree().await
        }
    })
    .await;
    server.settings.sessions = 3;
    let pool = server.pool();
    let first = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run(&delete(), "delete-1").await }
    });
    while server.log.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run(&delete(), "delete-2").await }
    });
    refused.notified().await;
    let told_of_the_refusal = || server.log.lock().unwrap().iter().any(|exchange| exchange.contains("2502"));
    while !told_of_the_refusal() {
        tokio::task::yield_now().await;
    }
    // The server is not asked again while it is known to be full.
    let third = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run(&delete(), "delete-3").await }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    release.notify_one();
    for run in [first, second, third] {
        run.await.unwrap().unwrap();
    }
    assert_eq!(2, server.connections());
}

#[tokio::test]
async fn there_are_never_more_sessions_than_allowed() {
    let mut server = after_login(|mut peer, _| async move { peer.agree().await }).await;
    server.settings.sessions = 2;
    let pool = server.pool();
    let mut runs = tokio::task::JoinSet::new();
    for number in 0..12 {
        let pool = pool.clone();
        runs.spawn(async move { pool.run(&delete(), &format!("delete-{number}")).await.unwrap() });
    }
    assert_eq!(12, runs.join_all().await.len());
    assert_eq!(2, server.connections());
}

#[tokio::test]
async fn a_pool_that_stays_busy_says_so() {
    let heard = Arc::new(Notify::new());
    let hears = heard.clone();
    let mut server = after_login(move |mut peer, _| {
        let hears = hears.clone();
        async move {
            peer.hear().await?;
            hears.notify_one();
            peer.wait().await
        }
    })
    .await;
    server.settings.timeouts.wait = Duration::from_millis(10);
    let pool = server.pool();
    let (command, other) = (delete(), delete());
    let first = pool.run(&command, "delete-1");
    let second = async {
        heard.notified().await;
        pool.run(&other, "delete-2").await
    };
    tokio::select! {
        _ = first => panic!("nothing answers it"),
        error = second => assert_eq!(NotSent::Busy, not_sent(error.unwrap_err())),
    }
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_takes_its_session_along() {
    let heard = Arc::new(Notify::new());
    let hears = heard.clone();
    let server = after_login(move |mut peer, number| {
        let hears = hears.clone();
        async move {
            if number > 0 {
                return peer.agree().await;
            }
            peer.hear().await?;
            hears.notify_one();
            peer.wait().await
        }
    })
    .await;
    let pool = server.pool();
    let command = delete();
    tokio::select! {
        _ = pool.run(&command, "delete-1") => panic!("nothing answers it"),
        () = heard.notified() => {}
    }
    pool.run(&delete(), "delete-2").await.unwrap();
    assert_eq!(2, server.connections());
}

/// A server that agrees to everything, and what it heard.
async fn listener() -> (Server, Arc<Mutex<Vec<String>>>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let hears = heard.clone();
    let server = Server::start(move |mut peer, _| {
        let hears = hears.clone();
        async move {
            peer.send(GREETING).await?;
            loop {
                let document = peer.hear().await?;
                hears.lock().unwrap().push(document.clone());
                if document.contains("<hello/>") {
                    peer.send(GREETING).await?;
                } else if document.contains("<logout/>") {
                    return None;
                } else {
                    peer.answer(1000, "").await?;
                }
            }
        }
    })
    .await;
    (server, heard)
}

#[tokio::test]
async fn a_session_is_opened_for_what_both_sides_know_and_nothing_else_is_asked() {
    let (server, heard) = listener().await;
    let pool = server.pool();
    let keys = Update {
        ds: Some(secdns::Update { remove: Some(secdns::Removal::All), ..secdns::Update::default() }),
        ..Update::new("example.com")
    };
    let error = not_sent(pool.run(&keys, "update-1").await.unwrap_err());
    assert_eq!(NotSent::NotOffered(crate::ns::SECDNS.to_owned()), error);
    let host = host::Delete { name: "ns1.example.com".to_owned() };
    let error = not_sent(pool.run(&host, "delete-1").await.unwrap_err());
    assert_eq!(NotSent::NotOffered(crate::ns::HOST.to_owned()), error);
    let restore = Update { restore: Some(rgp::Restore::Request), ..Update::new("example.com") };
    pool.run(&restore, "update-2").await.unwrap();
    let heard = heard.lock().unwrap();
    let services = "<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>\
        <svcExtension><extURI>urn:ietf:params:xml:ns:rgp-1.0</extURI></svcExtension></svcs>";
    assert!(heard[0].contains(services), "{}", heard[0]);
    assert!(heard[0].contains(&format!("<clID>ClientX</clID><pw>{PASSWORD}</pw><options>")));
    assert_eq!(2, heard.len());
    assert!(heard[1].contains("update-2"));
}

#[tokio::test]
async fn the_id_of_a_login_is_made_of_the_commands() {
    let (server, heard) = listener().await;
    let long = "0123456789".repeat(6) + "abcd";
    for (id, login) in [("delete-1", "delete-1-login-0".to_owned()), (&long, format!("{}-login-0", &long[8..]))] {
        server.pool().run(&delete(), id).await.unwrap();
        let login = format!("<clTRID>{login}</clTRID>");
        assert!(heard.lock().unwrap().iter().any(|document| document.contains("<login>") && document.contains(&login)));
    }
}

#[tokio::test]
async fn a_session_that_was_idle_is_greeted_before_it_is_used() {
    let (mut server, heard) = listener().await;
    server.settings.probe_after = Duration::ZERO;
    let pool = server.pool();
    pool.run(&delete(), "delete-1").await.unwrap();
    pool.run(&delete(), "delete-2").await.unwrap();
    assert!(heard.lock().unwrap()[2].contains("<hello/>"));
    assert_eq!(1, server.connections());
}

#[tokio::test]
async fn sessions_are_kept_alive_and_logged_out() {
    let (server, heard) = listener().await;
    let pool = server.pool();
    assert_eq!(0, pool.keep_alive().await);
    pool.run(&delete(), "delete-1").await.unwrap();
    assert_eq!(1, pool.keep_alive().await);
    assert_eq!("Test", pool.greeting().await.unwrap().server);
    pool.close().await;
    let heard = heard.lock().unwrap().clone();
    assert_eq!(2, heard.iter().filter(|document| document.contains("<hello/>")).count());
    assert!(heard.last().unwrap().contains("<logout/>"));
    assert_eq!(NotSent::Closed, not_sent(pool.run(&delete(), "delete-2").await.unwrap_err()));
}

#[tokio::test]
async fn a_session_that_does_not_answer_a_greeting_is_thrown_away() {
    let server = after_login(|mut peer, _| async move {
        peer.hear().await?;
        peer.answer(1000, "").await?;
        peer.hear().await?;
        peer.raw(b"\x00\x00\x00\x06??").await?;
        peer.wait().await
    })
    .await;
    let pool = server.pool();
    pool.run(&delete(), "delete-1").await.unwrap();
    assert_eq!(0, pool.keep_alive().await);
}

#[tokio::test]
async fn a_new_password_is_the_one_that_holds() {
    let (server, heard) = listener().await;
    let pool = server.pool();
    pool.run(&delete(), "delete-1").await.unwrap();
    pool.change_password(Secret::new("bar-FOO2"), "password-1").await.unwrap();
    assert!(heard.lock().unwrap().last().unwrap().contains(&format!("<pw>{PASSWORD}</pw><newPW>bar-FOO2</newPW>")));
    pool.change_password(Secret::new("foo-BAR3"), "password-2").await.unwrap();
    assert!(heard.lock().unwrap().last().unwrap().contains("<pw>bar-FOO2</pw><newPW>foo-BAR3</newPW>"));
    assert!(pool.change_password(Secret::new("short"), "password-3").await.is_err());
}

#[tokio::test]
async fn a_new_password_without_an_answer_may_hold_or_not() {
    let server = Server::start(|mut peer, _| async move {
        peer.send(GREETING).await?;
        peer.hear().await?;
        None
    })
    .await;
    let error = server.pool().change_password(Secret::new("bar-FOO2"), "password-1").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error}");
}

#[tokio::test]
async fn no_secret_is_in_the_log_or_in_an_error() {
    let server = after_login(|mut peer, _| async move {
        let heard = peer.hear().await?;
        assert!(heard.contains("2fooBAR"));
        let echo = "<result code=\"2202\"><msg>2fooBAR and foo-BAR2</msg><extValue><value><pw>2fooBAR</pw></value>\
            <reason>2fooBAR</reason></extValue></result>";
        let answer = super::document(2202, "").replace(super::OURS, "info-1");
        let begin = answer.find("<result").unwrap();
        let end = answer.find("</result>").unwrap() + "</result>".len();
        peer.send(&format!("{}{echo}{}", &answer[..begin], &answer[end..])).await?;
        peer.wait().await
    })
    .await;
    let auth_info = crate::AuthInfo::new(Secret::new("2fooBAR"));
    let info = Info { auth_info: Some(auth_info), ..Info::new("example.com") };
    let error = server.pool().run(&info, "info-1").await.unwrap_err();
    let log = server.log.lock().unwrap().join("\n");
    assert!(log.contains("<domain:authInfo>***</domain:authInfo>") && log.contains("2202"), "{log}");
    for shown in [format!("{error:?} {error}"), log, format!("{:?}", server.settings)] {
        assert!(!shown.contains("2fooBAR") && !shown.contains(PASSWORD), "{shown}");
    }
}

#[tokio::test]
async fn no_secret_is_in_what_cannot_be_believed() {
    let server = after_login(|mut peer, _| async move {
        peer.hear().await?;
        let data = "<resData><domain:creData xmlns:domain=\"urn:ietf:params:xml:ns:domain-1.0\">\
            <domain:name>2fooBAR</domain:name></domain:creData></resData>";
        peer.answer(1000, data).await?;
        peer.wait().await
    })
    .await;
    let create = crate::domain::Create::new("example.com", crate::Period::Years(1), Secret::new("2fooBAR"));
    let error = server.pool().run(&create, "create-1").await.unwrap_err();
    assert!(error.to_string().contains("about *** instead of example.com"), "{error}");
}

#[tokio::test]
async fn a_command_larger_than_a_frame_is_not_sent() {
    let mut server = Server::start(|_, _| async { None }).await;
    server.settings.limits.frame = 200;
    let error = server.pool().run(&delete(), "delete-1").await.unwrap_err();
    assert!(matches!(not_sent(error), NotSent::Invalid(_)));
    assert_eq!(0, server.connections());
}
