//! Who: clients, users, staff, roles, credentials, the activity log, and the doors through which requests come.

pub mod account_access;
pub mod activity_log;
pub mod admin_log;
pub mod admins;
pub mod api_credentials;
pub mod api_roles;
pub mod banned_emails;
pub mod banned_ips;
pub mod captcha;
pub mod client_groups;
pub mod client_home;
pub mod clients;
pub mod company;
pub mod doors;
pub mod email_verification;
pub mod logins;
pub mod openid;
pub mod owner_logins;
pub mod parties;
pub mod password_encryption;
pub mod password_resets;
pub mod passwords;
pub mod registration;
pub mod repeats;
pub mod roles;
pub mod search;
pub mod security_questions;
pub mod sessions;
pub mod settings;
pub mod sso_tokens;
pub mod two_factor;
pub mod user_sessions;
pub mod users;

#[cfg(test)]
mod testing;

/// The templates of this crate, by the folder of their feature.
#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src"]
#[include = "*.html"]
#[include = "*.txt"]
pub struct Templates;

/// The settings of this crate, by feature.
pub const SETTINGS: [&[platform::Setting]; 11] = [
    company::SETTINGS,
    doors::limits::SETTINGS,
    banned_ips::SETTINGS,
    passwords::SETTINGS,
    admins::forgotten::SETTINGS,
    two_factor::SETTINGS,
    user_sessions::SETTINGS,
    email_verification::SETTINGS,
    registration::SETTINGS,
    captcha::SETTINGS,
    &[activity_log::seals::KEEP, admin_log::KEEP],
];

/// What of this crate need not be kept for ever.
pub fn rubbish() -> Vec<platform::prune::Rubbish> {
    let links = [users::links::OLD, openid::OLD, account_access::invitations::OLD, admin_log::OLD, captcha::OLD];
    let own = &[&[repeats::FORGOTTEN, banned_ips::ENDED, sso_tokens::OLD][..], &links].concat();
    [sessions::ENDED, user_sessions::ENDED, admins::OLD, two_factor::ENDED, own].concat()
}

/// What the command bar finds of this crate.
pub fn finders(finders: &mut doors::finders::Finders) {
    clients::finders(finders);
}

/// What this crate does later.
pub fn jobs(registry: &mut platform::jobs::Registry) {
    password_resets::register(registry);
    admins::forgotten::jobs::register(registry);
}

/// The menu of the client area.
pub fn client_nav() -> &'static [doors::UserNavItem] {
    use doors::UserNavItem;
    &[
        UserNavItem { label: "Home", href: "/account", permission: None },
        UserNavItem { label: "Account details", href: "/account/details", permission: Some(account_access::PROFILE) },
        UserNavItem { label: "Users", href: "/account/users", permission: Some(account_access::OWNER) },
        UserNavItem { label: "Your profile", href: "/account/profile", permission: None },
        UserNavItem { label: "Security", href: "/account/security", permission: None },
    ]
}

/// What the sidebar shows of this crate.
pub fn nav() -> Vec<doors::NavSection> {
    use doors::{NavItem, NavSection};
    vec![
        NavSection {
            label: "Clients",
            key: "clients",
            href: "/admin/clients",
            items: vec![
                NavItem { label: "Clients", href: "/admin/clients", permission: clients::LIST },
                NavItem { label: "Users", href: "/admin/users", permission: clients::LIST },
            ],
        },
        NavSection {
            label: "Logs",
            key: "logs",
            href: "/admin/logs/activity",
            items: vec![
                NavItem { label: "Activity log", href: "/admin/logs/activity", permission: activity_log::VIEW },
                NavItem { label: "Admin log", href: "/admin/logs/admin", permission: admin_log::VIEW },
            ],
        },
        NavSection {
            label: "Configuration",
            key: "configuration",
            href: "/admin/client-groups",
            items: vec![
                NavItem { label: "Client groups", href: "/admin/client-groups", permission: client_groups::CONFIGURE },
                NavItem {
                    label: "Administrators",
                    href: "/admin/administrators",
                    permission: admins::manage::CONFIGURE,
                },
                NavItem { label: "Administrator roles", href: "/admin/roles", permission: roles::CONFIGURE },
                NavItem { label: "OpenID Connect", href: "/admin/openid-providers", permission: openid::CONFIGURE },
                NavItem {
                    label: "API credentials",
                    href: "/admin/api-credentials",
                    permission: api_credentials::MANAGE,
                },
                NavItem { label: "Banned IPs", href: "/admin/banned-ips", permission: banned_ips::VIEW },
                NavItem { label: "Captcha", href: "/admin/captcha", permission: captcha::admin::CONFIGURE },
                NavItem { label: "Banned e-mails", href: "/admin/banned-emails", permission: banned_emails::CONFIGURE },
                NavItem {
                    label: "Security questions",
                    href: "/admin/security-questions",
                    permission: security_questions::CONFIGURE,
                },
                NavItem { label: "Two-factor login", href: "/admin/two-factor", permission: two_factor::CONFIGURE },
            ],
        },
    ]
}

/// What the button for new things offers of this crate.
pub fn create() -> Vec<doors::NavItem> {
    vec![doors::NavItem { label: "New client", href: "/admin/clients/new", permission: clients::ADD }]
}

/// Every route of this crate.
pub fn routes() -> doors::Routes {
    doors::Routes::new()
        .merge(admins::admin::routes())
        .merge(admins::forgotten::admin::routes())
        .merge(admins::manage::admin::routes())
        .merge(admins::manage::api::routes())
        .merge(admins::manage::compat::routes())
        .merge(openid::admin::routes())
        .merge(openid::login::routes())
        .merge(roles::admin::routes())
        .merge(roles::api::routes())
        .merge(clients::admin::routes())
        .merge(clients::api::routes())
        .merge(clients::compat::routes())
        .merge(client_groups::admin::routes())
        .merge(client_groups::api::routes())
        .merge(api_credentials::admin::routes())
        .merge(api_credentials::api::routes())
        .merge(api_roles::admin::routes())
        .merge(api_roles::api::routes())
        .merge(banned_ips::admin::routes())
        .merge(banned_ips::api::routes())
        .merge(banned_ips::compat::routes())
        .merge(banned_emails::admin::routes())
        .merge(banned_emails::api::routes())
        .merge(security_questions::admin::routes())
        .merge(security_questions::api::routes())
        .merge(security_questions::client::routes())
        .merge(users::admin::routes())
        .merge(users::api::routes())
        .merge(users::compat::routes())
        .merge(account_access::admin::routes())
        .merge(account_access::api::routes())
        .merge(account_access::client::routes())
        .merge(account_access::compat::routes())
        .merge(account_access::invitations::client::routes())
        .merge(two_factor::login::routes())
        .merge(two_factor::account::routes())
        .merge(two_factor::admin::routes())
        .merge(two_factor::api::routes())
        .merge(users::client::routes())
        .merge(user_sessions::api::routes())
        .merge(user_sessions::client::routes())
        .merge(logins::client::routes())
        .merge(logins::compat::routes())
        .merge(registration::client::routes())
        .merge(password_resets::client::routes())
        .merge(password_resets::compat::routes())
        .merge(password_encryption::compat::routes())
        .merge(sso_tokens::api::routes())
        .merge(sso_tokens::client::routes())
        .merge(sso_tokens::compat::routes())
        .merge(email_verification::client::routes())
        .merge(clients::client::routes())
        .merge(owner_logins::client::routes())
        .merge(client_home::client::routes())
        .merge(captcha::admin::routes())
        .merge(admin_log::admin::routes())
        .merge(admin_log::api::routes())
        .merge(activity_log::admin::routes())
        .merge(activity_log::api::routes())
        .merge(activity_log::compat::routes())
}
