//! Administrators as those have them who may configure them: invited by mail, changed, disabled, given a new password.
//!
//! What must hold: what a mail brings is a link that works once; who changes somebody's address makes the links of no use
//! that went to the old one; a role is changed within what the one who does it may do.

pub mod admin;
pub mod api;
pub mod compat;
mod mail;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Email, Error, FieldErrors, Result, Timestamp, single_line};
use platform::db::{Conn, Tx};
use platform::{App, record};

use super::{Admin, NewAdmin, check_not_last, check_rank, check_username, hold_full_administrators, void_links};
use crate::activity_log::{self, Activity, Actor, Change, changes};
use crate::admins;
use crate::roles::{self, Permission};

pub(crate) use mail::{Letter, send_link};
pub use store::{COLUMNS, Filter, Listed, SORTS, query};

pub const CONFIGURE: Permission = Permission("Configure Administrators");

/// The longest signature and the longest notes.
const TEXT: usize = 10_000;

record! {
    /// Whether an administrator has chosen a password, and has ever been here.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Joined {
        pub has_password: bool,
        pub has_logged_in: bool,
    }
}

/// What is to be changed of an administrator; the rest stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdminEdit {
    pub username: Option<String>,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub role_id: Option<i64>,
    pub signature: Option<String>,
    pub notes: Option<String>,
}

impl AdminEdit {
    /// The administrator as it will be; what is wrong is among the errors.
    fn applied(self, old: &Admin, errors: &mut FieldErrors) -> Admin {
        let mut new = old.clone();
        if let Some(username) = self.username {
            new.username = username.trim().to_owned();
            errors.take("username", check_username(&new.username));
        }
        if let Some(email) = self.email {
            new.email = errors.take("email", Email::parse(&email)).map(|email| email.to_string()).unwrap_or_default();
        }
        let mut line = |field: &str, text: Option<String>, place: &mut String| {
            if let Some(text) = text {
                *place = errors.take(field, single_line(&text, 100)).unwrap_or_default();
            }
        };
        line("first_name", self.first_name, &mut new.first_name);
        line("last_name", self.last_name, &mut new.last_name);
        let mut lines = |field: &str, text: Option<String>, place: &mut String| {
            if let Some(text) = text {
                *place = errors.take(field, several_lines(&text)).unwrap_or_default();
            }
        };
        lines("signature", self.signature, &mut new.signature);
        lines("notes", self.notes, &mut new.notes);
        new.role_id = self.role_id.unwrap_or(old.role_id);
        new
    }
}

fn several_lines(text: &str) -> Result<String, String> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("Remove the control characters.".to_owned());
    }
    let length = text.chars().count();
    if length > TEXT {
        return Err(format!("Shorten this to at most {TEXT} characters; it has {length}."));
    }
    Ok(text)
}

/// Adds an administrator, who gets a mail with a link to choose a password by.
pub async fn invite(tx: &mut Tx, app: &App, by: &Actor, new: AdminEdit, now: Timestamp) -> Result<Admin> {
    let mut errors = FieldErrors::default();
    let blank = Admin {
        id: 0,
        username: String::new(),
        email: String::new(),
        role_id: 0,
        disabled: false,
        created_at: now,
        last_login_at: None,
        first_name: String::new(),
        last_name: String::new(),
        signature: String::new(),
        notes: String::new(),
        updated_at: now,
    };
    let asked = AdminEdit {
        username: Some(new.username.clone().unwrap_or_default()),
        email: Some(new.email.clone().unwrap_or_default()),
        ..new.clone()
    };
    let wanted = asked.applied(&blank, &mut errors);
    let role = match roles::to_give(tx, by, wanted.role_id).await {
        Ok(role) => Some(role),
        Err(Error::Invalid(wrong)) => {
            wrong.iter().for_each(|(field, message)| errors.add(field, message));
            None
        }
        Err(other) => return Err(other),
    };
    errors.check()?;
    let Some(role) = role else { return Err(Error::broken("admin: unchecked role")) };
    let NewAdmin { username, email, .. } = named(&wanted);
    let made = admins::create(tx, by, NewAdmin { username, email, role: role.name, password: None }, now).await?;
    store::update(tx, &Admin { id: made.id, ..wanted }, now).await?;
    let admin = admins::find(tx, made.id).await?;
    let token = admins::make_invitation(tx, admin.id, &app.random, now).await?;
    send_link(tx, app, &admin, Letter::Invited, token, now).await?;
    Ok(admin)
}

fn named(admin: &Admin) -> NewAdmin {
    NewAdmin { username: admin.username.clone(), email: admin.email.clone(), role: String::new(), password: None }
}

/// Sends the invitation once more; earlier links are of no use from then on.
pub async fn invite_again(tx: &mut Tx, app: &App, by: &Actor, id: i64, now: Timestamp) -> Result<Admin> {
    let admin = admins::find(tx, id).await?;
    check_rank(tx, by, &admin).await?;
    if admin.disabled {
        return Err(Error::refused(format!("The administrator {} is disabled. Enable it first.", admin.username)));
    }
    if store::joined(tx, id).await?.has_password {
        return Err(Error::refused(format!("{} has chosen a password. For a new one, use the reset.", admin.username)));
    }
    void_links(tx, id, now).await?;
    let token = admins::make_invitation(tx, id, &app.random, now).await?;
    send_link(tx, app, &admin, Letter::Invited, token, now).await?;
    let activity = Activity::new(format!("Administrator {} invited again", admin.username)).about(subject(id));
    activity_log::record(tx, by, activity, now).await?;
    Ok(admin)
}

/// As [`admins::reset`]; the link goes to the administrator by mail.
pub async fn reset(tx: &mut Tx, app: &App, by: &Actor, id: i64, now: Timestamp) -> Result<Admin> {
    let token = admins::reset(tx, by, id, &app.random, now).await?;
    let admin = admins::find(tx, id).await?;
    send_link(tx, app, &admin, Letter::Reset, token, now).await?;
    Ok(admin)
}

/// Changes what is sent. The role changes within what `by` may do, and never of the last full administrator.
pub async fn update(tx: &mut Tx, by: &Actor, id: i64, edit: AdminEdit, now: Timestamp) -> Result<Admin> {
    hold_full_administrators(tx).await?;
    let old = admins::find(tx, id).await?;
    check_rank(tx, by, &old).await?;
    let mut errors = FieldErrors::default();
    let new = edit.applied(&old, &mut errors);
    check_taken(tx, &new, &mut errors).await?;
    errors.check()?;
    let mut log = told(&old, &new);
    if new.role_id != old.role_id {
        let role = roles::to_give(tx, by, new.role_id).await?;
        check_not_last(tx, &old).await?;
        let was = roles::find(tx, old.role_id).await?.name;
        log.push(Change { field: "Role".to_owned(), old: was, new: role.name });
    }
    write(tx, by, &old, &new, log, now).await
}

/// Changes what administrators change of themselves: not the user name, nor the role. Whether they are who they say has been
/// made sure of before the address is changed.
pub async fn update_own(tx: &mut Tx, by: &Actor, id: i64, edit: AdminEdit, now: Timestamp) -> Result<Admin> {
    let old = admins::find(tx, id).await?;
    let mut errors = FieldErrors::default();
    let new = AdminEdit { username: None, role_id: None, ..edit }.applied(&old, &mut errors);
    check_taken(tx, &new, &mut errors).await?;
    errors.check()?;
    let log = told(&old, &new);
    write(tx, by, &old, &new, log, now).await
}

async fn check_taken(conn: &mut Conn, new: &Admin, errors: &mut FieldErrors) -> Result<()> {
    let (name, address) = store::taken(conn, new).await?;
    if name {
        errors.add("username", "There is an administrator with this user name.");
    }
    if address {
        errors.add("email", "There is an administrator with this e-mail address.");
    }
    Ok(())
}

/// What differs. Notes are their owner's: the log says that they were changed, not how.
fn told(old: &Admin, new: &Admin) -> Vec<Change> {
    let mut log = changes([
        ("User name", old.username.clone(), new.username.clone()),
        ("E-mail", old.email.clone(), new.email.clone()),
        ("First name", old.first_name.clone(), new.first_name.clone()),
        ("Last name", old.last_name.clone(), new.last_name.clone()),
        ("Signature", old.signature.clone(), new.signature.clone()),
    ]);
    if old.notes != new.notes {
        log.push(Change { field: "Notes".to_owned(), old: "…".to_owned(), new: "(changed)".to_owned() });
    }
    log
}

async fn write(tx: &mut Tx, by: &Actor, old: &Admin, new: &Admin, log: Vec<Change>, now: Timestamp) -> Result<Admin> {
    if log.is_empty() {
        return Ok(old.clone());
    }
    store::update(tx, new, now).await?;
    if old.email != new.email {
        void_links(tx, old.id, now).await?;
    }
    let activity = Activity::new(format!("Administrator {} changed", new.username)).about(subject(old.id)).changed(log);
    activity_log::record(tx, by, activity, now).await?;
    admins::find(tx, old.id).await
}

/// Whether the administrator has a password, and has been here.
pub async fn joined(conn: &mut Conn, id: i64) -> Result<Joined> {
    store::joined(conn, id).await
}

fn subject(id: i64) -> String {
    format!("admin:{id}")
}
