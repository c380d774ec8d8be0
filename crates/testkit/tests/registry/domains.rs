//! Domains: RFC 5731.

use testkit::registry::Options;

use crate::client::{ALPHA, BETA, Client, registry};
use crate::commands::*;

#[test]
fn a_name_is_registered_renewed_and_deleted() {
    let registry = registry(Options::default());
    let mut alpha = Client::of(&registry, ALPHA);
    assert!(alpha.greeting.contains("<svID>Test registry</svID>"));
    alpha.command(&create_contact("ann1")).expect(1000);
    alpha.command(&create_host("ns1.elsewhere.net", &[])).expect(1000);
    let content = "<d:name>Shop.test</d:name><d:period unit=\"y\">2</d:period><d:ns><d:hostObj>ns1.elsewhere.net</d:hostObj></d:ns>\
                   <d:registrant>ann1</d:registrant><d:contact type=\"admin\">ann1</d:contact><d:authInfo><d:pw>pw</d:pw></d:authInfo>";
    let created = alpha.command(&domain("create", content)).expect(1000);
    assert_eq!(created.text("domain:exDate"), Some("2028-01-15T12:00:00.0Z"));
    let snapshot = registry.domain("shop.test").expect("it is there");
    assert_eq!(snapshot.statuses, ["ok"]);
    assert_eq!(snapshot.rgp, ["addPeriod"]);
    assert_eq!(snapshot.contacts, [("admin".to_owned(), "ann1".to_owned())]);
    let info = alpha.command(&info("shop.test")).expect(1000);
    assert_eq!(info.text("domain:pw"), Some("pw"));
    assert_eq!(info.text("domain:hostObj"), Some("ns1.elsewhere.net"));
    let renewed = alpha.command(&renew("shop.test", &snapshot.expires, 1)).expect(1000);
    assert_eq!(renewed.text("domain:exDate"), Some("2029-01-15T12:00:00.0Z"));
    assert_eq!(registry.money(ALPHA).taken["USD"], 3000);
    registry.advance(10);
    alpha.command(&delete("shop.test")).expect(1001);
    assert_eq!(registry.domain("shop.test").expect("it is there").rgp, ["redemptionPeriod"]);
    registry.advance(35);
    assert_eq!(registry.domain("shop.test"), None);
    assert_eq!(registry.messages(ALPHA), ["Domain deleted"]);
}

#[test]
fn a_domain_moves_to_the_registrar_that_knows_its_secret() {
    let registry = registry(Options::default());
    let (mut alpha, mut beta) = (Client::of(&registry, ALPHA), Client::of(&registry, BETA));
    alpha.command(&create("move.test", 1)).expect(1000);
    registry.advance(60);
    beta.command(&transfer("request", "move.test", Some("guess"))).expect(2202);
    let asked = beta.command(&transfer("request", "move.test", Some("secret-move.test"))).expect(1001);
    assert_eq!(asked.text("domain:trStatus"), Some("pending"));
    let message = alpha.command(POLL).expect(1301);
    assert_eq!(message.text("domain:reID"), Some(BETA));
    alpha.command(&ack(message.attribute("msgQ", "id").expect("an id"))).expect(1000);
    alpha.command(POLL).expect(1300);
    alpha.command(&transfer("approve", "move.test", None)).expect(1000);
    let moved = registry.domain("move.test").expect("it is there");
    assert_eq!((moved.sponsor.as_str(), moved.expires.as_str()), (BETA, "2028-01-15T12:00:00.0Z"));
    assert_eq!(registry.counts("move.test").transferred, 1);
    assert_eq!(registry.messages(BETA), ["Transfer approved"]);
}
