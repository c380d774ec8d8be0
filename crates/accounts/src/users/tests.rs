//! Users: what their list shows.

use crate::clients::ClientEdit;
use crate::testing::{House, ann};

testkit::both_engines! {
    async fn the_list_names_one_client_of_each_user_and_counts_the_others(house: House) {
        house.ann().await;
        house.client(ClientEdit { email: Some("bob@example.com".into()), company: Some("Bobs".into()), ..ann() }).await;
        house.post("/admin/clients/2/users", &[("email", "ann@example.com")]).await;
        let page = house.get("/admin/users?q=ann").await.text;
        assert!(page.contains("Lee &amp; Söhne") && page.contains("and 1 more"), "{page}");
        let file = house.get("/admin/users?format=csv&sort=id").await.text;
        assert_eq!(file.lines().nth(1), Some("1,Ann,Lee,ann@example.com,2,2026-03-01,"));
    }

    async fn a_short_password_is_refused_beside_its_field(_house: House) {
        let error = super::hash_password("short", "password2").await.unwrap_err();
        assert!(error.to_string().starts_with("password2: Use 8 to"));
    }
}
