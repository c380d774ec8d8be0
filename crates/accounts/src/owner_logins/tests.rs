//! Staff in the client area.

use crate::testing::{As, House, PASSWORD, Visitor};

const ENTER: &str = "/admin/clients/1/login-as-owner";

impl House {
    /// A browser of the one who may do everything, who has pressed the button.
    async fn as_owner(&self) -> Visitor<'_> {
        let reply = self.post(ENTER, &[]).await;
        assert_eq!(reply.to, "/account", "{}", reply.text);
        let (name, rest) = reply.set_cookies[0].split_once('=').unwrap();
        let mut browser = self.visitor("127.0.0.1");
        browser.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        browser
    }
}

testkit::both_engines! {
    async fn staff_see_what_the_owner_sees_and_both_are_written_down(house: House) {
        house.ann().await;
        let mut ann = house.logged_in("ann@example.com").await;
        assert!(house.get("/admin/clients/1").await.text.contains("Log in as owner"));
        let mut staff = house.as_owner().await;
        for path in ["/account", "/account/details", "/account/profile", "/account/security", "/account/switch"] {
            let page = staff.get(path).await.text;
            assert!(page.contains("recorded under both names") && page.contains("boss"), "{path}: {page}");
        }
        assert!(!ann.get("/account").await.text.contains("recorded under both names"));
        assert!(ann.get("/account/security").await.text.contains("Our staff, on behalf of the owner"));
        let details = [
            ("first_name", "Anna"), ("last_name", "Lee"), ("email", "ann@example.com"), ("address1", "1 Mill Lane"),
            ("city", "Linz"), ("postcode", "4020"), ("country", "AT"),
        ];
        assert_eq!(staff.post("/account/details", &details).await.to, "/account/details");
        assert_eq!(house.logged("Client Anna Lee changed").await, ["boss (as owner ann@example.com)"]);
        let last: Option<i64> = {
            let mut conn = house.app.db.read().await.unwrap();
            conn.scalar("SELECT actor_id FROM activity_log WHERE description LIKE '%Anna Lee changed'", &[]).await.unwrap()
        };
        assert_eq!(last, Some(1), "the administrator");
        assert_eq!(staff.post("/account/leave", &[]).await.to, "/admin/clients/1");
        assert!(!staff.is_logged_in().await && ann.is_logged_in().await);
        assert_eq!(house.logged("as the owner ann@example.com").await, ["boss", "boss (as owner ann@example.com)"]);
        assert_eq!(ann.post("/account/leave", &[]).await.to, "/account", "a user stays");
    }

    async fn what_takes_the_owners_password_is_refused(house: House) {
        house.ann().await;
        house.give_password("ann@example.com").await;
        let mut staff = house.as_owner().await;
        assert_eq!(staff.get("/account/email").await.status, 409);
        assert_eq!(staff.post("/account/email", &[("email", "x@example.com")]).await.status, 409);
        let fields = [("current", PASSWORD), ("password", "paper lantern orchard"), ("again", "paper lantern orchard")];
        assert_eq!(staff.post("/account/password", &fields).await.status, 409);
        assert_eq!(staff.post("/account/confirm", &[("password", PASSWORD)]).await.status, 409);
        assert_eq!(house.mailed("email_verification").await.len() + house.mailed("password_changed").await.len(), 0);
    }

    async fn it_ends_with_the_permission_with_the_account_and_after_an_hour(house: House) {
        house.ann().await;
        let refused = house.post_as(As::Nobody, ENTER, &[]).await;
        assert_eq!(refused.status, 403);
        let mut staff = house.as_owner().await;
        assert!(staff.is_logged_in().await);
        house.sql("DELETE FROM role_permissions WHERE permission = 'Allow Login as Owner'").await;
        assert!(!staff.is_logged_in().await);
        house.sql("INSERT INTO role_permissions (role_id, permission) SELECT role_id, 'Allow Login as Owner' FROM admins WHERE id = 1").await;
        assert!(staff.is_logged_in().await);
        house.pass(59 * 60);
        assert!(staff.is_logged_in().await);
        house.pass(60);
        assert!(!staff.is_logged_in().await);
        let mut staff = house.as_owner().await;
        house.sql("UPDATE admins SET disabled = TRUE WHERE id = 1").await;
        assert!(!staff.is_logged_in().await);
    }

    async fn a_closed_client_is_nobodys_to_enter(house: House) {
        house.ann().await;
        house.sql("UPDATE clients SET status = 'closed'").await;
        assert_eq!(house.post(ENTER, &[]).await.to, "/admin/clients/1");
        assert_eq!(house.count("user_sessions").await, 0);
        assert!(!house.get("/admin/clients/1").await.text.contains("Log in as owner"));
        assert_eq!(house.post("/admin/clients/9/login-as-owner", &[]).await.status, 404);
    }
}
